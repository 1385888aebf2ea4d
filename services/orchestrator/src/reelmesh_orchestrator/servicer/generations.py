"""The public GenerationService, as the gateway calls it for an authenticated caller."""

import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import grpc
from reelmesh.v1 import generation_pb2, generation_service_pb2, generation_service_pb2_grpc
from reelmesh_kit import rpc, telemetry

from reelmesh_orchestrator import ports, wire
from reelmesh_orchestrator.servicer import parsing
from reelmesh_orchestrator.usecases import generations, watching

Context = grpc.aio.ServicerContext[Any, Any]


class GenerationServicer(generation_service_pb2_grpc.GenerationServiceServicer):
    """Translates; decides nothing."""

    def __init__(self, verbs: generations.Generations, watcher: watching.Watching) -> None:
        """Take the verbs."""
        self._verbs = verbs
        self._watching = watcher

    async def CreateGeneration(  # noqa: N802
        self, request: generation_service_pb2.CreateGenerationRequest, context: Context
    ) -> generation_service_pb2.CreateGenerationResponse:
        """Admit a generation."""
        created = await self._verbs.create(
            rpc.caller().tenant_id,
            wire.request_from_proto(request.generation),
            request.request_id,
            telemetry.current_traceparent(),
            wire.sending_from_proto(request, rpc.caller().key_id),
        )
        _named(created.view.aggregate.generation.id)
        return generation_service_pb2.CreateGenerationResponse(
            generation=_generation(created.view), replayed=created.replayed
        )

    async def GetGeneration(  # noqa: N802
        self, request: generation_service_pb2.GetGenerationRequest, context: Context
    ) -> generation_service_pb2.GetGenerationResponse:
        """Read one generation."""
        generation_id = _named(parsing.identifier("generation_id", request.generation_id))
        view = await self._verbs.get(rpc.caller().tenant_id, generation_id)
        return generation_service_pb2.GetGenerationResponse(generation=_generation(view))

    async def ListGenerations(  # noqa: N802
        self, request: generation_service_pb2.ListGenerationsRequest, context: Context
    ) -> generation_service_pb2.ListGenerationsResponse:
        """List generations."""
        wanted = wire.filter_from_proto(request, rpc.caller().tenant_id)
        after = wire.place_from_token(request.page_token, wanted)
        if after is None and request.after_generation_id:
            behind = parsing.identifier("after_generation_id", request.after_generation_id)
            after = await self._verbs.place_of(wanted.tenant_id, behind)
            if after is None:
                return generation_service_pb2.ListGenerationsResponse()
        views, place = await self._verbs.list(wanted, after, request.page_size)
        return generation_service_pb2.ListGenerationsResponse(
            generations=[_generation(view) for view in views],
            next_page_token=wire.token_of_place(place, wanted) if place else "",
        )

    async def CancelGeneration(  # noqa: N802
        self, request: generation_service_pb2.CancelGenerationRequest, context: Context
    ) -> generation_service_pb2.CancelGenerationResponse:
        """Ask for the end of a generation."""
        generation_id = _named(parsing.identifier("generation_id", request.generation_id))
        view = await self._verbs.cancel(rpc.caller().tenant_id, generation_id)
        return generation_service_pb2.CancelGenerationResponse(generation=_generation(view))

    async def RetryGeneration(  # noqa: N802
        self, request: generation_service_pb2.RetryGenerationRequest, context: Context
    ) -> generation_service_pb2.RetryGenerationResponse:
        """Start a new run."""
        generation_id = _named(parsing.identifier("generation_id", request.generation_id))
        view = await self._verbs.retry(rpc.caller().tenant_id, generation_id)
        return generation_service_pb2.RetryGenerationResponse(generation=_generation(view))

    async def PromoteTake(  # noqa: N802
        self, request: generation_service_pb2.PromoteTakeRequest, context: Context
    ) -> generation_service_pb2.PromoteTakeResponse:
        """Deliver an alternate take."""
        generation_id = _named(parsing.identifier("generation_id", request.generation_id))
        view = await self._verbs.promote(rpc.caller().tenant_id, generation_id, request.take)
        return generation_service_pb2.PromoteTakeResponse(generation=_generation(view))

    async def DeleteGeneration(  # noqa: N802
        self, request: generation_service_pb2.DeleteGenerationRequest, context: Context
    ) -> generation_service_pb2.DeleteGenerationResponse:
        """Delete what has ended."""
        generation_id = _named(parsing.identifier("generation_id", request.generation_id))
        await self._verbs.delete(rpc.caller().tenant_id, generation_id)
        return generation_service_pb2.DeleteGenerationResponse()

    async def WatchGeneration(  # noqa: N802
        self, request: generation_service_pb2.WatchGenerationRequest, context: Context
    ) -> AsyncIterator[generation_service_pb2.WatchGenerationResponse]:
        """Stream what happens until the generation has ended."""
        generation_id = _named(parsing.identifier("generation_id", request.generation_id))
        seen = self._watching.watch(rpc.caller().tenant_id, generation_id, max(request.after_sequence, 0))
        async with contextlib.aclosing(seen):
            async for one in seen:
                yield _seen(one)

    async def ListGenerationEvents(  # noqa: N802
        self, request: generation_service_pb2.ListGenerationEventsRequest, context: Context
    ) -> generation_service_pb2.ListGenerationEventsResponse:
        """List what happened."""
        generation_id = _named(parsing.identifier("generation_id", request.generation_id))
        events = await self._verbs.events(
            rpc.caller().tenant_id, generation_id, request.after_sequence, request.page_size
        )
        return generation_service_pb2.ListGenerationEventsResponse(events=[wire.event_to_proto(one) for one in events])

    async def QuoteGeneration(  # noqa: N802
        self, request: generation_service_pb2.QuoteGenerationRequest, context: Context
    ) -> generation_service_pb2.QuoteGenerationResponse:
        """Plan and price; record nothing."""
        quote = await self._verbs.quote(rpc.caller().tenant_id, wire.request_from_proto(request.generation))
        return generation_service_pb2.QuoteGenerationResponse(
            shots=wire.shots_to_proto(quote.shots),
            price_micros=quote.price_micros,
            estimated_seconds=quote.estimated_seconds,
        )


def _named(generation_id: uuid.UUID) -> uuid.UUID:
    """Name the generation in the span of the call, by which its trace is found; return it."""
    telemetry.describe({telemetry.GENERATION_ID: str(generation_id)})
    return generation_id


def _generation(view: generations.View) -> generation_pb2.Generation:
    return wire.generation_to_proto(
        view.aggregate,
        progress_percent=view.progress_percent,
        queue_position=view.queue_position,
        estimated_seconds=view.estimated_seconds,
    )


def _seen(one: watching.Seen) -> generation_service_pb2.WatchGenerationResponse:
    if isinstance(one, ports.Event):
        return generation_service_pb2.WatchGenerationResponse(event=wire.event_to_proto(one))
    if isinstance(one, watching.Advance):
        progress = generation_service_pb2.Progress(progress_percent=one.percent, activity=one.activity)
        return generation_service_pb2.WatchGenerationResponse(progress=progress)
    return generation_service_pb2.WatchGenerationResponse(ended=_generation(one))
