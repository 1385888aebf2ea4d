"""The public GenerationService: lets calls in by their key and passes them on to the orchestrator, which decides."""

import contextlib
from collections.abc import AsyncGenerator, Generator
from typing import Any

from reelmesh.v1 import generation_pb2, generation_service_pb2, generation_service_pb2_grpc
from typing_extensions import override

from reelmesh_gateway import crash_points
from reelmesh_gateway.model import assets as model
from reelmesh_gateway.model import keys
from reelmesh_gateway.servicer import admission
from reelmesh_gateway.usecases import assets, places, watching
from reelmesh_gateway.wire import delivered

_Watched = generation_service_pb2.WatchGenerationResponse


class Generations(generation_service_pb2_grpc.GenerationServiceServicer):
    """Serves `reelmesh.v1.GenerationService` to the world."""

    def __init__(
        self,
        door: admission.Admission,
        orchestrator: "generation_service_pb2_grpc.GenerationServiceAsyncStub",
        signing: assets.Assets,
        patience: watching.Watching,
        followers: places.Places,
        public_url: str,
    ) -> None:
        """Pass calls on to `orchestrator`; paths of signed files are completed by `public_url`."""
        self._door = door
        self._orchestrator = orchestrator
        self._signing = signing
        self._watching = patience
        self._places = followers
        self._public_url = public_url

    @override
    async def CreateGeneration(
        self, request: generation_service_pb2.CreateGenerationRequest, context: Any
    ) -> generation_service_pb2.CreateGenerationResponse:
        """Pass a create on, counted against the key's rate."""
        with self._door.admitted(context, keys.Scope.WRITE) as key:
            self._door.spend_create(key)
            response = await self._orchestrator.CreateGeneration(request)
            crash_points.CREATED.passed()
            await self._sign(key, response.generation)
            return response

    @override
    async def GetGeneration(
        self, request: generation_service_pb2.GetGenerationRequest, context: Any
    ) -> generation_service_pb2.GetGenerationResponse:
        """Pass a read on."""
        with self._door.admitted(context, keys.Scope.READ) as key:
            response = await self._orchestrator.GetGeneration(request)
            await self._sign(key, response.generation)
            return response

    @override
    async def ListGenerations(
        self, request: generation_service_pb2.ListGenerationsRequest, context: Any
    ) -> generation_service_pb2.ListGenerationsResponse:
        """Pass a list on; its renditions have no URLs."""
        with self._door.admitted(context, keys.Scope.READ):
            return await self._orchestrator.ListGenerations(request)

    @override
    async def DeleteGeneration(
        self, request: generation_service_pb2.DeleteGenerationRequest, context: Any
    ) -> generation_service_pb2.DeleteGenerationResponse:
        """Delete the files of a generation, then pass the delete on."""
        with self._door.admitted(context, keys.Scope.WRITE) as key:
            asked = generation_service_pb2.GetGenerationRequest(generation_id=request.generation_id)
            found = (await self._orchestrator.GetGeneration(asked)).generation
            if delivered.has_ended(found):
                await self._signing.discard(model.Owner(key.tenant_id), delivered.asset_ids(found))
            response = await self._orchestrator.DeleteGeneration(request)
            crash_points.DELETED.passed()
            return response

    @override
    async def CancelGeneration(
        self, request: generation_service_pb2.CancelGenerationRequest, context: Any
    ) -> generation_service_pb2.CancelGenerationResponse:
        """Pass a cancel on."""
        with self._door.admitted(context, keys.Scope.WRITE) as key:
            response = await self._orchestrator.CancelGeneration(request)
            crash_points.CANCELLED.passed()
            await self._sign(key, response.generation)
            return response

    @override
    async def RetryGeneration(
        self, request: generation_service_pb2.RetryGenerationRequest, context: Any
    ) -> generation_service_pb2.RetryGenerationResponse:
        """Pass a retry on, counted against the key's rate as a create is."""
        with self._door.admitted(context, keys.Scope.WRITE) as key:
            self._door.spend_create(key)
            response = await self._orchestrator.RetryGeneration(request)
            crash_points.RETRIED.passed()
            await self._sign(key, response.generation)
            return response

    @override
    async def PromoteTake(
        self, request: generation_service_pb2.PromoteTakeRequest, context: Any
    ) -> generation_service_pb2.PromoteTakeResponse:
        """Pass a promotion on."""
        with self._door.admitted(context, keys.Scope.WRITE) as key:
            response = await self._orchestrator.PromoteTake(request)
            crash_points.PROMOTED.passed()
            await self._sign(key, response.generation)
            return response

    @override
    async def WatchGeneration(
        self, request: generation_service_pb2.WatchGenerationRequest, context: Any
    ) -> AsyncGenerator[_Watched]:
        """Pass a stream on, across interruptions of the orchestrator."""
        with self._door.admitted(context, keys.Scope.READ) as key, self._place():

            def open_after(sequence: int) -> AsyncGenerator[_Watched]:
                return self._opened(request.generation_id, sequence)

            seen = self._watching.without_gaps(open_after, _sequence_of, request.after_sequence)
            async with contextlib.aclosing(seen) as stream:
                async for each in stream:
                    if each.HasField("ended"):
                        await self._sign(key, each.ended)
                    yield each
                    crash_points.WATCHED.passed()

    @override
    async def ListGenerationEvents(
        self, request: generation_service_pb2.ListGenerationEventsRequest, context: Any
    ) -> generation_service_pb2.ListGenerationEventsResponse:
        """Pass a list of events on."""
        with self._door.admitted(context, keys.Scope.READ):
            return await self._orchestrator.ListGenerationEvents(request)

    @override
    async def QuoteGeneration(
        self, request: generation_service_pb2.QuoteGenerationRequest, context: Any
    ) -> generation_service_pb2.QuoteGenerationResponse:
        """Pass a quote on."""
        with self._door.admitted(context, keys.Scope.READ):
            return await self._orchestrator.QuoteGeneration(request)

    @contextlib.contextmanager
    def _place(self) -> Generator[None]:
        self._places.refuse_if_full()
        with self._places.take():
            yield

    async def _opened(self, generation_id: str, after_sequence: int) -> AsyncGenerator[_Watched]:
        call = self._orchestrator.WatchGeneration(
            generation_service_pb2.WatchGenerationRequest(generation_id=generation_id, after_sequence=after_sequence)
        )
        try:
            async for each in call:
                yield each
        finally:
            call.cancel()

    async def _sign(self, key: keys.Key, generation: generation_pb2.Generation) -> None:
        wanted = delivered.unsigned_asset_ids(generation)
        delivered.sign(generation, await self._signing.urls(model.Owner(key.tenant_id), wanted))
        for file in delivered.files(generation):
            if file.url.startswith("/"):
                file.url = self._public_url + file.url


def _sequence_of(seen: _Watched) -> int:
    return seen.event.sequence if seen.HasField("event") else 0
