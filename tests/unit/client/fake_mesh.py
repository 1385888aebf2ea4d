"""A mesh of three servicers that do as a test says, over real gRPC on a free port."""

# ruff: noqa: N802 - gRPC names the methods

import collections
import contextlib
import dataclasses
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator

import grpc
from google.protobuf import any_pb2, timestamp_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from reelmesh.v1 import (
    account_service_pb2,
    account_service_pb2_grpc,
    asset_pb2,
    asset_service_pb2,
    asset_service_pb2_grpc,
    generation_pb2,
    generation_service_pb2,
    generation_service_pb2_grpc,
    pool_pb2,
    reconciliation_service_pb2,
    reconciliation_service_pb2_grpc,
    recovery_service_pb2,
    recovery_service_pb2_grpc,
)

KEY = "a-key"
CHUNK_BYTES = 1000


@dataclasses.dataclass
class Refusal:
    """How a call is answered instead of by an answer."""

    code: grpc.StatusCode
    message: str = "no"
    reason: str = ""
    metadata: dict[str, str] = dataclasses.field(default_factory=dict)
    fields: dict[str, str] = dataclasses.field(default_factory=dict)
    retry_after_seconds: float | None = None

    async def answer(self, context: grpc.aio.ServicerContext) -> None:
        if not self.reason:
            await context.abort(self.code, self.message)
        details = [error_details_pb2.ErrorInfo(reason=self.reason, domain="reelmesh.dev", metadata=self.metadata)]
        if self.fields:
            violations = [
                error_details_pb2.BadRequest.FieldViolation(field=field, description=problem)
                for field, problem in self.fields.items()
            ]
            details.append(error_details_pb2.BadRequest(field_violations=violations))
        if self.retry_after_seconds is not None:
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromNanoseconds(int(self.retry_after_seconds * 1e9))
            details.append(retry)
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        for each in details:
            packed = any_pb2.Any()
            packed.Pack(each)
            status.details.append(packed)
        await context.abort_with_status(rpc_status.to_status(status))


BUSY = Refusal(grpc.StatusCode.UNAVAILABLE, "the orchestrator does not answer", "UNAVAILABLE")
LOST = Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "too late", "DEADLINE_EXCEEDED")


class FakeMesh(
    generation_service_pb2_grpc.GenerationServiceServicer,
    asset_service_pb2_grpc.AssetServiceServicer,
    recovery_service_pb2_grpc.RecoveryServiceServicer,
    reconciliation_service_pb2_grpc.ReconciliationServiceServicer,
    account_service_pb2_grpc.AccountServiceServicer,
):
    """Refuses as `refusals` say (by method, one after the other), else answers from its dictionaries."""

    def __init__(self) -> None:
        self.port = 0
        self.calls: list[tuple[str, object]] = []
        self.refusals: dict[str, collections.deque[Refusal]] = collections.defaultdict(collections.deque)
        # Refused after the work was done, as by a lost answer.
        self.lost_answers: dict[str, collections.deque[Refusal]] = collections.defaultdict(collections.deque)
        self.generations: dict[str, generation_pb2.Generation] = {}
        self.by_request_id: dict[str, str] = {}
        self.events: dict[str, list[generation_pb2.GenerationEvent]] = collections.defaultdict(list)
        # What each opening of a watch sends, in order; a Refusal breaks the stream off there.
        self.streams: collections.deque[list[generation_service_pb2.WatchGenerationResponse | Refusal]] = (
            collections.deque()
        )
        self.assets: dict[str, tuple[asset_pb2.Asset, bytes]] = {}
        # What each look at the recovery shows, the last one for ever; none when the record never went back.
        self.reports: collections.deque[recovery_service_pb2.RecoveryReport] = collections.deque()
        self.orphans: list[recovery_service_pb2.Orphan] = []
        self.doubts: list[reconciliation_service_pb2.DoubtfulAttempt] = []
        self.said: list[object] = []
        self.accounts: list[account_service_pb2.Account] = []
        self.pools: list[pool_pb2.Pool] = []
        self.switches: list[account_service_pb2.Switch] = []
        self.health_events: list[account_service_pb2.HealthEvent] = []
        # After how many chunks each opening of a download breaks off.
        self.download_breaks: collections.deque[int] = collections.deque()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def requests(self, method: str) -> list:
        return [request for name, request in self.calls if name == method]

    def add_asset(self, asset_id: str, content: bytes, content_type: str = "video/mp4") -> asset_pb2.Asset:
        asset = asset_pb2.Asset(
            id=asset_id,
            content_type=content_type,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )
        self.assets[asset_id] = (asset, content)
        return asset

    def add_generation(
        self, generation_id: str, state: generation_pb2.GenerationState = generation_pb2.GENERATION_STATE_COMPLETED
    ) -> generation_pb2.Generation:
        generation = generation_pb2.Generation(
            id=generation_id,
            state=state,
            prompt="a paper boat",
            trace_id="0" * 31 + "1",
            run=1,
            output=generation_pb2.OutputSpec(duration_seconds=8, aspect_ratio="16:9", resolution=720),
            create_time=at(0),
        )
        if state == generation_pb2.GENERATION_STATE_COMPLETED:
            generation.delivery = generation_pb2.DELIVERY_VIDEO
            generation.complete_time.CopyFrom(at(12))
            for name, height in (("720p", 720), ("480p", 480)):
                content = f"the bytes of {generation_id} {name}".encode() * 200
                self.add_asset(f"{generation_id}-{name}", content)
                generation.renditions.add(
                    asset_id=f"{generation_id}-{name}",
                    name=name,
                    width=height * 16 // 9,
                    height=height,
                    duration_seconds=8,
                    size_bytes=len(content),
                    content_type="video/mp4",
                )
            self.add_asset(f"{generation_id}-thumbnail", b"jpeg" * 100, "image/jpeg")
            generation.thumbnail_asset_id = f"{generation_id}-thumbnail"
        self.generations[generation_id] = generation
        return generation

    async def _begin(self, method: str, request: object, context: grpc.aio.ServicerContext) -> None:
        self.calls.append((method, request))
        if dict(context.invocation_metadata() or ()).get("authorization") != f"Bearer {KEY}":
            await Refusal(grpc.StatusCode.UNAUTHENTICATED, "no valid API key", "UNAUTHENTICATED").answer(context)
        if self.refusals[method]:
            await self.refusals[method].popleft().answer(context)

    async def _end(self, method: str, context: grpc.aio.ServicerContext) -> None:
        if self.lost_answers[method]:
            await self.lost_answers[method].popleft().answer(context)

    async def _known(self, generation_id: str, context: grpc.aio.ServicerContext) -> generation_pb2.Generation:
        if generation_id not in self.generations:
            await Refusal(grpc.StatusCode.NOT_FOUND, "there is no such generation", "NOT_FOUND").answer(context)
        return self.generations[generation_id]

    async def CreateGeneration(self, request, context):
        await self._begin("create", request, context)
        replayed = request.request_id in self.by_request_id
        if not replayed:
            generation_id = f"generation-{len(self.by_request_id) + 1}"
            self.by_request_id[request.request_id] = generation_id
            made = self.add_generation(generation_id, generation_pb2.GENERATION_STATE_QUEUED)
            made.prompt = request.generation.prompt
        await self._end("create", context)
        generation = self.generations[self.by_request_id[request.request_id]]
        return generation_service_pb2.CreateGenerationResponse(generation=generation, replayed=replayed)

    async def GetGeneration(self, request, context):
        await self._begin("get", request, context)
        generation = await self._known(request.generation_id, context)
        return generation_service_pb2.GetGenerationResponse(generation=generation)

    async def ListGenerations(self, request, context):
        await self._begin("list", request, context)
        everything = list(self.generations.values())
        start = int(request.page_token or 0)
        page = everything[start : start + request.page_size]
        end = start + len(page)
        token = str(end) if end < len(everything) else ""
        return generation_service_pb2.ListGenerationsResponse(generations=page, next_page_token=token)

    async def CancelGeneration(self, request, context):
        await self._begin("cancel", request, context)
        generation = await self._known(request.generation_id, context)
        generation.state = generation_pb2.GENERATION_STATE_CANCELLED
        return generation_service_pb2.CancelGenerationResponse(generation=generation)

    async def PromoteTake(self, request, context):
        await self._begin("promote", request, context)
        generation = await self._known(request.generation_id, context)
        generation.takes[request.take - 1].promoted = True
        generation.delivery = generation_pb2.DELIVERY_VIDEO
        return generation_service_pb2.PromoteTakeResponse(generation=generation)

    async def RetryGeneration(self, request, context):
        await self._begin("retry", request, context)
        generation = await self._known(request.generation_id, context)
        generation.state = generation_pb2.GENERATION_STATE_QUEUED
        return generation_service_pb2.RetryGenerationResponse(generation=generation)

    async def WatchGeneration(self, request, context):
        await self._begin("watch", request, context)
        await self._known(request.generation_id, context)
        script = self.streams.popleft() if self.streams else []
        for each in script:
            if isinstance(each, Refusal):
                await each.answer(context)
            yield each

    async def ListGenerationEvents(self, request, context):
        await self._begin("events", request, context)
        events = [each for each in self.events[request.generation_id] if each.sequence > request.after_sequence]
        return generation_service_pb2.ListGenerationEventsResponse(events=events[: request.page_size])

    async def QuoteGeneration(self, request, context):
        await self._begin("quote", request, context)
        candidates = [
            generation_pb2.Candidate(provider="local", model="cards", reason="the only one"),
            generation_pb2.Candidate(provider="veo", model="fast", struck=True, price_micros=400_000, reason="no key"),
        ]
        shot = generation_pb2.Shot(duration_seconds=8, route=candidates)
        return generation_service_pb2.QuoteGenerationResponse(shots=[shot], price_micros=1_250_000)

    async def UploadAsset(self, request_iterator: AsyncIterator, context):
        header = await anext(request_iterator)
        content = b"".join([message.chunk async for message in request_iterator])
        await self._begin("upload", (header.header, content), context)
        asset = self.add_asset(f"upload-{len(self.requests('upload'))}", content, "image/png")
        return asset_service_pb2.UploadAssetResponse(asset=asset)

    async def GetAsset(self, request, context):
        await self._begin("asset", request, context)
        if request.asset_id not in self.assets:
            await Refusal(grpc.StatusCode.NOT_FOUND, "there is no such asset", "NOT_FOUND").answer(context)
        return asset_service_pb2.GetAssetResponse(asset=self.assets[request.asset_id][0], url="http://x")

    async def DownloadAsset(self, request, context):
        await self._begin("download", request, context)
        asset, content = self.assets[request.asset_id]
        yield asset_service_pb2.DownloadAssetResponse(asset=asset)
        chunks = self.download_breaks.popleft() if self.download_breaks else None
        for number, start in enumerate(range(request.offset, len(content), CHUNK_BYTES)):
            if number == chunks:
                await BUSY.answer(context)
            yield asset_service_pb2.DownloadAssetResponse(chunk=content[start : start + CHUNK_BYTES])

    def _report(self) -> recovery_service_pb2.RecoveryReport | None:
        return self.reports.popleft() if len(self.reports) > 1 else next(iter(self.reports), None)

    async def GetRecovery(self, request, context):
        await self._begin("recovery", request, context)
        return recovery_service_pb2.GetRecoveryResponse(recovery=self._report())

    async def StartRecovery(self, request, context):
        await self._begin("start_recovery", request, context)
        return recovery_service_pb2.StartRecoveryResponse(recovery=self._report())

    async def ListOrphans(self, request, context):
        await self._begin("orphans", request, context)
        start = int(request.page_token or 0)
        end = start + request.page_size
        token = str(end) if end < len(self.orphans) else ""
        return recovery_service_pb2.ListOrphansResponse(orphans=self.orphans[start:end], next_page_token=token)

    async def ReleaseAccount(self, request, context):
        await self._begin("release", request, context)
        return recovery_service_pb2.ReleaseAccountResponse(recovery=self._report())

    async def ListDoubtfulAttempts(self, request, context):
        await self._begin("doubts", request, context)
        start = int(request.page_token or 0)
        end = start + request.page_size
        token = str(end) if end < len(self.doubts) else ""
        return reconciliation_service_pb2.ListDoubtfulAttemptsResponse(
            attempts=self.doubts[start:end], next_page_token=token
        )

    def _settled(self, request, state):
        self.said.append(request)
        attempt = next(each for each in self.doubts if each.attempt_id == request.attempt_id)
        attempt.state, attempt.message = state, f"because {request.reason}"
        return attempt

    async def ListAccounts(self, request, context):
        await self._begin("accounts", request, context)
        return account_service_pb2.ListAccountsResponse(accounts=self.accounts)

    async def ListPools(self, request, context):
        await self._begin("pools", request, context)
        return account_service_pb2.ListPoolsResponse(pools=self.pools)

    async def ListSwitches(self, request, context):
        await self._begin("switches", request, context)
        return account_service_pb2.ListSwitchesResponse(switches=self.switches)

    async def SwitchOff(self, request, context):
        await self._begin("off", request, context)
        switch = account_service_pb2.Switch(target=request.target, reason=request.reason, operator="key k")
        self.switches.append(switch)
        return account_service_pb2.SwitchOffResponse(switch=switch)

    async def SwitchOn(self, request, context):
        await self._begin("on", request, context)
        self.switches = [each for each in self.switches if each.target != request.target]
        return account_service_pb2.SwitchOnResponse(remaining=self.switches)

    async def ListHealthEvents(self, request, context):
        await self._begin("history", request, context)
        start = int(request.page_token or 0)
        end = start + request.page_size
        token = str(end) if end < len(self.health_events) else ""
        return account_service_pb2.ListHealthEventsResponse(events=self.health_events[start:end], next_page_token=token)

    async def AdoptJob(self, request, context):
        await self._begin("adopt", request, context)
        attempt = self._settled(request, generation_pb2.ATTEMPT_STATE_ACCEPTED)
        return reconciliation_service_pb2.AdoptJobResponse(attempt=attempt)

    async def ResubmitAttempt(self, request, context):
        await self._begin("resubmit", request, context)
        attempt = self._settled(request, generation_pb2.ATTEMPT_STATE_WRITTEN_OFF)
        return reconciliation_service_pb2.ResubmitAttemptResponse(attempt=attempt)

    async def WriteOffAttempt(self, request, context):
        await self._begin("write_off", request, context)
        attempt = self._settled(request, generation_pb2.ATTEMPT_STATE_WRITTEN_OFF)
        return reconciliation_service_pb2.WriteOffAttemptResponse(attempt=attempt)

    async def DeleteAsset(self, request, context):
        await self._begin("delete", request, context)
        self.assets.pop(request.asset_id, None)
        return asset_service_pb2.DeleteAssetResponse()


def at(seconds: float) -> timestamp_pb2.Timestamp:
    """Return a time that many seconds after the beginning of the tests' world."""
    moment = timestamp_pb2.Timestamp()
    moment.FromNanoseconds(1_767_225_600_000_000_000 + int(seconds * 1e9))
    return moment


def event(sequence: int, kind: str = "queued", message: str = "") -> generation_service_pb2.WatchGenerationResponse:
    """Return an event as a watch sends it."""
    return generation_service_pb2.WatchGenerationResponse(
        event=generation_pb2.GenerationEvent(
            sequence=sequence,
            type=kind,
            message=message or f"it is {kind}",
            create_time=at(sequence),
            state=generation_pb2.GENERATION_STATE_GENERATING,
        )
    )


def progress(percent: int, activity: str = "rendering") -> generation_service_pb2.WatchGenerationResponse:
    """Return progress as a watch sends it."""
    return generation_service_pb2.WatchGenerationResponse(
        progress=generation_service_pb2.Progress(progress_percent=percent, activity=activity)
    )


def ended(generation: generation_pb2.Generation) -> generation_service_pb2.WatchGenerationResponse:
    """Return the last message of a watch."""
    return generation_service_pb2.WatchGenerationResponse(ended=generation)


@contextlib.asynccontextmanager
async def serving(mesh: FakeMesh) -> AsyncGenerator[FakeMesh]:
    """Serve a fake mesh on a free port."""
    server = grpc.aio.server()
    generation_service_pb2_grpc.add_GenerationServiceServicer_to_server(mesh, server)
    asset_service_pb2_grpc.add_AssetServiceServicer_to_server(mesh, server)
    recovery_service_pb2_grpc.add_RecoveryServiceServicer_to_server(mesh, server)
    reconciliation_service_pb2_grpc.add_ReconciliationServiceServicer_to_server(mesh, server)
    account_service_pb2_grpc.add_AccountServiceServicer_to_server(mesh, server)
    mesh.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield mesh
    finally:
        await server.stop(None)
