"""The services behind the gateway, in memory, served over real gRPC: just enough of each to be called."""

import asyncio
import contextlib
import dataclasses
import hashlib
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from reelmesh.mesh.v1 import (
    media_service_pb2,
    media_service_pb2_grpc,
    storage_service_pb2,
    storage_service_pb2_grpc,
)
from reelmesh.v1 import (
    account_service_pb2,
    account_service_pb2_grpc,
    asset_pb2,
    generation_pb2,
    generation_service_pb2,
    generation_service_pb2_grpc,
    reconciliation_service_pb2,
    reconciliation_service_pb2_grpc,
    recovery_service_pb2,
    recovery_service_pb2_grpc,
)
from reelmesh_kit import clock, errors, ids, process, rpc
from typing_extensions import override

from tests.integration.gateway import fake_accounts, fake_media, fake_reconciliation, fake_recovery
from tests.support import chassis as chassis_support

CHUNK_BYTES = 64 * 1024
NOON = fake_recovery.NOON
TIME = clock.SystemClock()
PATIENCE_SECONDS = 5.0
Watched = generation_service_pb2.WatchGenerationResponse


async def until(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds; fail if it does not soon."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await TIME.sleep(0.01)


class FakeOrchestrator(generation_service_pb2_grpc.GenerationServiceServicer):
    """Keeps generations; a test moves them."""

    def __init__(self) -> None:
        self.generations: dict[str, generation_pb2.Generation] = {}
        self.events: dict[str, list[generation_pb2.GenerationEvent]] = {}
        self.progress: dict[str, list[generation_service_pb2.Progress]] = {}
        self.requests: list[Any] = []
        self.callers: list[rpc.Caller] = []
        self.refuse_with: Exception | None = None
        self.watch_breaks_after = 0
        """Each watch breaks after so many messages; 0 for never."""
        self.watches = 0
        self.watching = 0
        self._moved = asyncio.Condition()

    async def happen(self, generation_id: str, kind: str, state: generation_pb2.GenerationState) -> None:
        """Let something happen to a generation."""
        events = self.events[generation_id]
        event = generation_pb2.GenerationEvent(
            id=str(uuid.UUID(int=len(events))),
            generation_id=generation_id,
            sequence=len(events) + 1,
            type=kind,
            create_time=NOON,
            state=state,
        )
        events.append(event)
        self.generations[generation_id].state = state
        await self._wake()

    async def report(self, generation_id: str, percent: int) -> None:
        """Let progress be known."""
        self.progress[generation_id].append(generation_service_pb2.Progress(progress_percent=percent, activity="busy"))
        await self._wake()

    async def complete(self, generation_id: str, asset_id: str = "") -> None:
        """End a generation with a video."""
        generation = self.generations[generation_id]
        if asset_id:
            generation.renditions.add(asset_id=asset_id, name="720p")
        await self.happen(generation_id, "completed", generation_pb2.GENERATION_STATE_COMPLETED)

    @override
    async def CreateGeneration(self, request: Any, context: Any) -> Any:
        caller = self._called(request)
        derived = ids.derived(caller.tenant_id, request.request_id or len(self.generations))
        replayed = str(derived) in self.generations
        if not replayed:
            await self._create(str(derived), caller, request.generation)
        generation = self.generations[str(derived)]
        return generation_service_pb2.CreateGenerationResponse(generation=generation, replayed=replayed)

    @override
    async def GetGeneration(self, request: Any, context: Any) -> Any:
        self._called(request)
        return generation_service_pb2.GetGenerationResponse(generation=self._own(request))

    @override
    async def ListGenerations(self, request: Any, context: Any) -> Any:
        caller = self._called(request)
        own = [each for each in self.generations.values() if each.tenant_id == caller.tenant_id]
        return generation_service_pb2.ListGenerationsResponse(generations=own, next_page_token="more")

    @override
    async def CancelGeneration(self, request: Any, context: Any) -> Any:
        self._called(request)
        generation = self._own(request)
        generation.state = generation_pb2.GENERATION_STATE_CANCELLED
        return generation_service_pb2.CancelGenerationResponse(generation=generation)

    @override
    async def PromoteTake(self, request: Any, context: Any) -> Any:
        self._called(request)
        generation = self._own(request)
        chosen = [each for each in generation.takes if each.number == request.take]
        if not chosen:
            raise errors.NotFound(f"there is no take {request.take}")
        chosen[0].promoted = True
        generation.renditions.extend(chosen[0].renditions)
        generation.state = generation_pb2.GENERATION_STATE_COMPLETED
        return generation_service_pb2.PromoteTakeResponse(generation=generation)

    @override
    async def DeleteGeneration(self, request: Any, context: Any) -> Any:
        self._called(request)
        if self._own(request).state < generation_pb2.GENERATION_STATE_COMPLETED:
            raise errors.WrongState
        del self.generations[request.generation_id]
        return generation_service_pb2.DeleteGenerationResponse()

    @override
    async def RetryGeneration(self, request: Any, context: Any) -> Any:
        self._called(request)
        generation = self._own(request)
        generation.run += 1
        return generation_service_pb2.RetryGenerationResponse(generation=generation)

    @override
    async def ListGenerationEvents(self, request: Any, context: Any) -> Any:
        self._called(request)
        events = self.events[self._own(request).id]
        later = [each for each in events if each.sequence > request.after_sequence]
        return generation_service_pb2.ListGenerationEventsResponse(events=later)

    @override
    async def QuoteGeneration(self, request: Any, context: Any) -> Any:
        self._called(request)
        return generation_service_pb2.QuoteGenerationResponse(price_micros=1_250_000, estimated_seconds=30.0)

    @override
    async def WatchGeneration(self, request: Any, context: Any) -> AsyncGenerator[Watched]:
        self._called(request)
        generation = self._own(request)
        self.watches += 1
        self.watching += 1
        try:
            sent = 0
            async with contextlib.aclosing(self._seen(generation, request.after_sequence)) as seen:
                async for each in seen:
                    yield each
                    sent += 1
                    if self.watch_breaks_after and sent >= self.watch_breaks_after:
                        raise errors.Unavailable
        finally:
            self.watching -= 1

    async def _seen(self, generation: generation_pb2.Generation, last: int) -> AsyncGenerator[Watched]:
        told = 0
        while True:
            for event in self.events[generation.id][last:]:
                last = event.sequence
                yield Watched(event=event)
            for progress in self.progress[generation.id][told:]:
                told += 1
                yield Watched(progress=progress)
            if generation.state == generation_pb2.GENERATION_STATE_COMPLETED:
                yield Watched(ended=generation)
                return
            async with self._moved:
                await self._moved.wait()

    async def _create(self, identity: str, caller: rpc.Caller, request: Any) -> None:
        generation = generation_pb2.Generation(
            id=identity,
            tenant_id=caller.tenant_id,
            user_id=request.user_id,
            prompt=request.prompt,
            output=request.output,
            labels=dict(request.labels),
            create_time=NOON,
            run=1,
        )
        if request.HasField("seed"):
            generation.seed = request.seed
        self.generations[identity] = generation
        self.events[identity], self.progress[identity] = [], []
        await self.happen(identity, "created", generation_pb2.GENERATION_STATE_QUEUED)

    def _called(self, request: Any) -> rpc.Caller:
        self.requests.append(request)
        self.callers.append(rpc.caller())
        if self.refuse_with is not None:
            raise self.refuse_with
        return self.callers[-1]

    def _own(self, request: Any) -> generation_pb2.Generation:
        generation = self.generations.get(str(_id(request.generation_id, "generation_id")))
        if generation is None or generation.tenant_id != rpc.caller().tenant_id:
            raise errors.NotFound
        return generation

    async def _wake(self) -> None:
        async with self._moved:
            self._moved.notify_all()


class FakeStorage(storage_service_pb2_grpc.StorageServiceServicer):
    """Keeps bytes."""

    def __init__(self) -> None:
        self.assets: dict[str, asset_pb2.Asset] = {}
        self.content: dict[str, bytes] = {}
        self.removed: set[tuple[str, str]] = set()
        """What was removed, and whose it was."""
        self.puts_begun = 0
        self.puts_broken = 0
        self.read_breaks_after_bytes = 0
        """The next read breaks after so many bytes; 0 for never."""
        self.refuse_with: Exception | None = None

    def keep(self, content: bytes, *, tenant_id: str, content_type: str = "video/mp4") -> str:
        """Store bytes as if a worker had; return their asset's id."""
        header = storage_service_pb2.PutHeader(
            asset_id=str(uuid.UUID(int=len(self.assets) + 1)),
            tenant_id=tenant_id,
            kind=asset_pb2.ASSET_KIND_RENDITION,
            content_type=content_type,
        )
        return self._stored(header, content).id

    @override
    async def PutAsset(self, request_iterator: Any, context: Any) -> Any:
        self.puts_begun += 1
        header, content = None, b""
        try:
            async for request in rpc.complete(request_iterator, context):
                header = request.header if request.HasField("header") else header
                content += request.chunk
        except asyncio.CancelledError:
            self.puts_broken += 1
            raise
        if self.refuse_with is not None:
            raise self.refuse_with
        assert header is not None
        return storage_service_pb2.PutAssetResponse(asset=self._stored(header, content))

    @override
    async def StatAsset(self, request: Any, context: Any) -> Any:
        return storage_service_pb2.StatAssetResponse(asset=self._own(request))

    @override
    async def ReadAsset(self, request: Any, context: Any) -> AsyncGenerator[Any]:
        asset = self._own(request)
        yield storage_service_pb2.ReadAssetResponse(asset=asset)
        end = request.offset + request.length if request.length else None
        content = self.content[asset.id][request.offset : end]
        breaks_after, self.read_breaks_after_bytes = self.read_breaks_after_bytes, 0
        for start in range(0, len(content), CHUNK_BYTES):
            yield storage_service_pb2.ReadAssetResponse(chunk=content[start : start + CHUNK_BYTES])
            if breaks_after and start + CHUNK_BYTES >= breaks_after:
                raise errors.Unavailable

    @override
    async def RemoveAsset(self, request: Any, context: Any) -> Any:
        if (request.asset_id, request.tenant_id) not in self.removed:
            asset = self.assets.pop(self._own(request).id)
            self.removed.add((asset.id, asset.tenant_id))
        return storage_service_pb2.RemoveAssetResponse()

    @override
    async def SignUrl(self, request: Any, context: Any) -> Any:
        asset = self._own(request)
        return storage_service_pb2.SignUrlResponse(url=f"/files/token-{asset.id}")

    @override
    async def VerifyUrl(self, request: Any, context: Any) -> Any:
        if not request.token.startswith("token-"):
            raise errors.PermissionDenied("This link is not valid. Ask for a new one.")
        return storage_service_pb2.VerifyUrlResponse(asset_id=request.token.removeprefix("token-"))

    @override
    async def KeepAssets(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    @override
    async def GetStatistics(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    def _stored(self, header: storage_service_pb2.PutHeader, content: bytes) -> asset_pb2.Asset:
        asset = asset_pb2.Asset(
            id=header.asset_id,
            tenant_id=header.tenant_id,
            user_id=header.user_id,
            kind=header.kind,
            content_type=header.content_type,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            create_time=NOON,
        )
        self.assets[asset.id], self.content[asset.id] = asset, content
        return asset

    def _own(self, request: Any) -> asset_pb2.Asset:
        asset = self.assets.get(str(_id(request.asset_id, "asset_id")))
        if asset is None or (request.tenant_id and asset.tenant_id != request.tenant_id):
            raise errors.NotFound
        return asset


def _id(text: str, field: str) -> uuid.UUID:
    try:
        return ids.read(text)
    except ValueError as error:
        raise errors.InvalidArgument(field, str(error)) from None


@dataclasses.dataclass(frozen=True)
class FakeMesh:
    """What stands behind the gateway, and where."""

    orchestrator: FakeOrchestrator
    storage: FakeStorage
    media: fake_media.FakeMedia
    recovery: fake_recovery.FakeRecovery
    doubts: fake_reconciliation.FakeReconciliation
    accounts: fake_accounts.FakeAccounts
    addresses: dict[str, str]


@contextlib.asynccontextmanager
async def serving() -> AsyncGenerator[FakeMesh]:
    """Serve all three, each on a port of its own."""
    storage = FakeStorage()
    recovery, doubts = fake_recovery.FakeRecovery(), fake_reconciliation.FakeReconciliation()
    media = fake_media.FakeMedia(storage.assets, storage.content)
    accounts = fake_accounts.FakeAccounts()
    mesh = FakeMesh(FakeOrchestrator(), storage, media, recovery, doubts, accounts, {})
    services = {
        "orchestrator": [
            _service(generation_service_pb2, generation_service_pb2_grpc, "GenerationService", mesh.orchestrator),
            _service(recovery_service_pb2, recovery_service_pb2_grpc, "RecoveryService", mesh.recovery),
            _service(reconciliation_service_pb2, reconciliation_service_pb2_grpc, "ReconciliationService", mesh.doubts),
            _service(account_service_pb2, account_service_pb2_grpc, "AccountService", mesh.accounts),
        ],
        "storage": [_service(storage_service_pb2, storage_service_pb2_grpc, "StorageService", mesh.storage)],
        "media": [_service(media_service_pb2, media_service_pb2_grpc, "MediaService", mesh.media)],
    }
    async with contextlib.AsyncExitStack() as stack:
        for name, served in services.items():
            own = chassis_support.make_chassis(name)
            stack.callback(own.telemetry.shutdown)
            port = await stack.enter_async_context(_served(own, served))
            mesh.addresses[name] = f"127.0.0.1:{port}"
        yield mesh


def _service(contract: Any, generated: Any, name: str, servicer: Any) -> rpc.Service:
    add = getattr(generated, f"add_{name}Servicer_to_server")
    return rpc.service(contract.DESCRIPTOR.services_by_name[name], add, servicer)


def _served(own: process.Chassis, served: Sequence[rpc.Service]) -> contextlib.AbstractAsyncContextManager[int]:
    return rpc.serve(own, [*served, rpc.health_service(own)], host="127.0.0.1", port=0, drain_seconds=0.1)
