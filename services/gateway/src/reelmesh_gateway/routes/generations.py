"""Generations over HTTP: the public GenerationService, field by field."""

import uuid
from collections.abc import AsyncGenerator
from typing import Annotated

import fastapi
from reelmesh.v1 import generation_pb2, generation_service_pb2
from reelmesh_json import messages
from reelmesh_kit import errors, rpc

from reelmesh_gateway import crash_points
from reelmesh_gateway.routes import answers, front, streams
from reelmesh_gateway.wire import bodies
from reelmesh_gateway.wire import errors as wire_errors
from reelmesh_gateway.wire import generations as wire

REPLAYED_HEADER = "Idempotent-Replayed"
ROOT = "/api/v1/generations"

_Id = Annotated[bodies.Id, fastapi.Path(description="UUID of the generation.")]
_Take = Annotated[bodies.Int32, fastapi.Path(description="Number of the take.")]
_IdempotencyKey = Annotated[
    str | None, fastapi.Header(description="Makes repeating safe: the same key and body answer the same generation.")
]
_LastEventId = Annotated[str | None, fastapi.Header(description="Id of the last event seen: the stream goes on there.")]


def router(behind: front.Front) -> fastapi.APIRouter:
    """Return the routes of generations."""
    routes = fastapi.APIRouter(tags=["generations"], responses=wire_errors.RESPONSES)
    _add_writing(routes, behind)
    _add_reading(routes, behind)
    _add_following(routes, behind)
    return routes


def _add_writing(routes: fastapi.APIRouter, behind: front.Front) -> None:
    @routes.post(ROOT, status_code=202, response_model=wire.Generation)
    async def create_generation(
        request: fastapi.Request, body: wire.CreateGenerationRequest, idempotency_key: _IdempotencyKey = None
    ) -> fastapi.Response:
        """Admit a generation, durably: when this answers, it will end with something to show or a reason."""
        behind.entrance.spend_create(front.key_of(request))
        asked = wire.to_create(body, _request_id(body, idempotency_key))
        made = await behind.generations.CreateGeneration(asked)
        crash_points.CREATED.passed()
        headers = {"Location": f"{ROOT}/{made.generation.id}"}
        if made.replayed:
            headers[REPLAYED_HEADER] = "true"
        return await _generation(behind, request, made.generation, 202, headers)

    @routes.post(ROOT + "/{generation_id}/cancel", response_model=wire.Generation)
    async def cancel_generation(request: fastapi.Request, generation_id: _Id) -> fastapi.Response:
        """Ask for the end of a generation. Repeating it is harmless."""
        asked = generation_service_pb2.CancelGenerationRequest(generation_id=str(generation_id))
        cancelled = await behind.generations.CancelGeneration(asked)
        crash_points.CANCELLED.passed()
        return await _generation(behind, request, cancelled.generation)

    @routes.post(ROOT + "/{generation_id}/takes/{take}/promote", response_model=wire.Generation)
    async def promote_take(request: fastapi.Request, generation_id: _Id, take: _Take) -> fastapi.Response:
        """Deliver an alternate take in place of what was delivered. Repeating it is harmless."""
        asked = generation_service_pb2.PromoteTakeRequest(generation_id=str(generation_id), take=take)
        promoted = await behind.generations.PromoteTake(asked)
        crash_points.PROMOTED.passed()
        return await _generation(behind, request, promoted.generation)

    @routes.delete(ROOT + "/{generation_id}", status_code=204, response_class=fastapi.Response)
    async def delete_generation(request: fastapi.Request, generation_id: _Id) -> fastapi.Response:
        """Delete a generation that has ended, with its files. What it cost stays on the books."""
        await front.delete(behind, request, str(generation_id))
        return fastapi.Response(status_code=204)

    @routes.post(ROOT + "/{generation_id}/retry", status_code=202, response_model=wire.Generation)
    async def retry_generation(request: fastapi.Request, generation_id: _Id) -> fastapi.Response:
        """Start a new run of a failed generation. Refused while an attempt is unresolved."""
        behind.entrance.spend_create(front.key_of(request))
        asked = generation_service_pb2.RetryGenerationRequest(generation_id=str(generation_id))
        retried = await behind.generations.RetryGeneration(asked)
        crash_points.RETRIED.passed()
        return await _generation(behind, request, retried.generation, 202)


def _add_reading(routes: fastapi.APIRouter, behind: front.Front) -> None:
    @routes.get(ROOT, response_model=wire.ListGenerationsResponse)
    async def list_generations(query: Annotated[wire.ListGenerationsQuery, fastapi.Query()]) -> fastapi.Response:
        """List your generations, newest first unless asked otherwise."""
        asked = generation_service_pb2.ListGenerationsRequest(labels=_labels(query.labels))
        messages.fill(asked, query.model_dump(exclude={"labels"}))
        return answers.answer(messages.to_json(await behind.generations.ListGenerations(asked)))

    @routes.get(ROOT + "/{generation_id}", response_model=wire.Generation)
    async def get_generation(request: fastapi.Request, generation_id: _Id) -> fastapi.Response:
        """Read one generation."""
        asked = generation_service_pb2.GetGenerationRequest(generation_id=str(generation_id))
        found = await behind.generations.GetGeneration(asked)
        return await _generation(behind, request, found.generation)

    @routes.post("/api/v1/quotes", response_model=wire.QuoteGenerationResponse)
    async def quote_generation(body: wire.GenerationRequest) -> fastapi.Response:
        """Plan and price a request exactly as creating it would, and record nothing."""
        asked = generation_service_pb2.QuoteGenerationRequest(generation=wire.to_request(body))
        return answers.answer(messages.to_json(await behind.generations.QuoteGeneration(asked)))


def _add_following(routes: fastapi.APIRouter, behind: front.Front) -> None:
    @routes.get(ROOT + "/{generation_id}/events", response_model=wire.ListGenerationEventsResponse)
    async def list_generation_events(
        request: fastapi.Request,
        generation_id: _Id,
        query: Annotated[wire.ListGenerationEventsQuery, fastapi.Query()],
        last_event_id: _LastEventId = None,
    ) -> fastapi.Response:
        """List what happened to a generation, oldest first; with "Accept: text/event-stream", follow it."""
        if streams.MEDIA_TYPE in request.headers.get("accept", ""):
            return await _followed(behind, request, generation_id, _after(query.after_sequence, last_event_id))
        asked = generation_service_pb2.ListGenerationEventsRequest(generation_id=str(generation_id))
        messages.fill(asked, query.model_dump())
        return answers.answer(messages.to_json(await behind.generations.ListGenerationEvents(asked)))

    @routes.get(
        ROOT + "/{generation_id}/watch",
        response_class=fastapi.responses.StreamingResponse,
        responses={200: {"content": {streams.MEDIA_TYPE: {}}, "description": "Events, progress, and the end."}},
    )
    async def watch_generation(
        request: fastapi.Request,
        generation_id: _Id,
        query: Annotated[wire.WatchGenerationQuery, fastapi.Query()],
        last_event_id: _LastEventId = None,
    ) -> fastapi.Response:
        """Follow a generation: `event` with its sequence as id, `progress`, and `ended` as the last one."""
        return await _followed(behind, request, generation_id, _after(query.after_sequence, last_event_id))


async def _generation(
    behind: front.Front,
    request: fastapi.Request,
    generation: generation_pb2.Generation,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> fastapi.Response:
    await front.signed(behind, request, generation)
    return answers.answer(messages.to_json(generation), status, headers)


async def _followed(
    behind: front.Front, request: fastapi.Request, generation_id: uuid.UUID, after_sequence: int
) -> fastapi.Response:
    behind.followers.refuse_if_full()
    # Asked first, so that a stranger gets 404 and not a stream that breaks off.
    await behind.generations.GetGeneration(
        generation_service_pb2.GetGenerationRequest(generation_id=str(generation_id))
    )
    lines = _lines(behind, request, str(generation_id), after_sequence)
    return fastapi.responses.StreamingResponse(lines, media_type=streams.MEDIA_TYPE, headers=dict(streams.HEADERS))


async def _lines(
    behind: front.Front, request: fastapi.Request, generation_id: str, after_sequence: int
) -> AsyncGenerator[str]:
    caller = rpc.caller()

    def open_after(sequence: int) -> AsyncGenerator[generation_service_pb2.WatchGenerationResponse]:
        return _opened(behind, caller, generation_id, sequence)

    with behind.followers.take():
        yield f"retry: {streams.RECONNECT_MILLISECONDS}\n\n"
        seen = behind.watching.without_gaps(open_after, _sequence_of, after_sequence)
        try:
            async for each in behind.streams.with_heartbeats(seen):
                yield streams.HEARTBEAT if each is None else await _line(behind, request, each)
                crash_points.WATCHED.passed()
        except errors.ReelmeshError as error:
            # The status is sent long since; the stream itself has to say it.
            yield streams.event("error", wire_errors.body(error, answers.request_id_of(request)))


async def _opened(
    behind: front.Front, caller: rpc.Caller, generation_id: str, after_sequence: int
) -> AsyncGenerator[generation_service_pb2.WatchGenerationResponse]:
    asked = generation_service_pb2.WatchGenerationRequest(generation_id=generation_id, after_sequence=after_sequence)
    with rpc.acting_as(caller):
        call = behind.generations.WatchGeneration(asked)
    try:
        async for seen in call:
            yield seen
    finally:
        call.cancel()


async def _line(
    behind: front.Front, request: fastapi.Request, seen: generation_service_pb2.WatchGenerationResponse
) -> str:
    if seen.HasField("event"):
        return streams.event("event", messages.to_json(seen.event), seen.event.sequence)
    if seen.HasField("progress"):
        return streams.event("progress", messages.to_json(seen.progress))
    await front.signed(behind, request, seen.ended)
    return streams.event("ended", messages.to_json(seen.ended))


def _sequence_of(seen: generation_service_pb2.WatchGenerationResponse) -> int:
    return seen.event.sequence if seen.HasField("event") else 0


def _request_id(body: wire.CreateGenerationRequest, header: str | None) -> str:
    if header is not None and body.request_id is not None and header != body.request_id:
        raise errors.InvalidArgument("request_id", "differs from the header Idempotency-Key. Send one, or the same.")
    return header or body.request_id or ""


def _labels(pairs: list[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise errors.InvalidArgument("labels", 'must be "key=value"')
        labels[key] = value
    return labels


def _after(query: int, last_event_id: str | None) -> int:
    if last_event_id is None:
        return query
    if not last_event_id.isdecimal() or len(last_event_id) > 18:
        raise errors.InvalidArgument("Last-Event-ID", "must be the id of an event of this stream: a number")
    return int(last_event_id)
