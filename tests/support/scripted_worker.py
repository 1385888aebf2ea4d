"""A provider worker and a media worker in a few lines: plain gRPC and the bus, against a vendor that is a dictionary.

They keep the rules of the attempt protocol and nothing else; what goes wrong comes from a seed.
"""

import asyncio
import contextlib
import dataclasses
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from reelmesh.mesh.v1 import (
    attempt_service_pb2,
    attempt_service_pb2_grpc,
    pool_service_pb2,
    pool_service_pb2_grpc,
    step_service_pb2,
    step_service_pb2_grpc,
    storage_service_pb2,
    storage_service_pb2_grpc,
    task_pb2,
)
from reelmesh_kit import bus, chance, errors, process, rpc

PROVIDER = "scripted"
LANES = ("quick", "ladder")
AGAIN_SECONDS = 0.1
SLOTS = 8
ROOM = 100


@dataclasses.dataclass
class Vendor:
    """What the vendor has: jobs by attempt, and how often each was submitted. Outlives every worker."""

    #: How long a job takes, seconds.
    render_seconds: float = 0.2
    #: Share of the submits whose answer is lost after the job was created.
    lost_answers: float = 0.0
    #: Share of the submits that are lost before.
    lost_submits: float = 0.0
    #: Share of the submits that are refused for now.
    busy: float = 0.0
    #: Share of the submits after which the worker forgets everything: it died.
    deaths: float = 0.0
    #: Whether every submit is refused for good.
    refused: bool = False
    jobs: dict[str, str] = dataclasses.field(default_factory=dict[str, str])
    began: dict[str, float] = dataclasses.field(default_factory=dict[str, float])
    submits: Counter[str] = dataclasses.field(default_factory=Counter[str])
    cancelled: set[str] = dataclasses.field(default_factory=set[str])


def card(*, free: bool = False, longest_seconds: float = 4.0) -> pool_service_pb2.ProviderCard:
    """Return a card: clips of up to `longest_seconds`, so that longer videos take several shots."""
    model = pool_service_pb2.ModelCard(
        model="m",
        shortest_seconds=1.0,
        longest_seconds=longest_seconds,
        largest_pixels=1920 * 1080,
        reference_images=4,
        first_frame=True,
        audio=True,
        prices=[pool_service_pb2.Price(effective_on="2020-01-01", micros_per_second=0 if free else 100_000)],
        longest_render_seconds=60.0,
        seconds_per_second=0.1,
    )
    return pool_service_pb2.ProviderCard(
        provider=PROVIDER,
        version="1",
        models=[model],
        recovery=pool_service_pb2.RECOVERY_LISTING,
        free=free,
        creation_delay_seconds=0.1,
        listing_delay_seconds=0.1,
        cancellable=True,
    )


class Worker:
    """One worker of the provider, and one of media beside it."""

    def __init__(
        self,
        chassis: process.Chassis,
        channel: Any,
        link: bus.Bus,
        vendor: Vendor,
        seed: int = 0,
        *,
        slots: int = SLOTS,
        room: int = ROOM,
    ) -> None:
        """Take a channel to any orchestrator, the bus and the vendor; `slots` tasks of each kind run at a time."""
        self._slots, self._room = slots, room
        self._clock = chassis.clock
        self._bus = link
        self._vendor = vendor
        self._chance = chance.SeededChance(seed)
        self._attempts: Any = attempt_service_pb2_grpc.AttemptServiceStub(channel)
        self._pool: Any = pool_service_pb2_grpc.PoolServiceStub(channel)
        self._step_service: Any = step_service_pb2_grpc.StepServiceStub(channel)
        self._tokens: set[str] = set()
        #: Whether tasks are taken, steps done, leases renewed, jobs observed.
        self.takes, self.steps, self.renews, self.observes = True, True, True, True
        self.renew_seconds = 0.4
        self.drops: list[str] = []
        self.be_born()

    def be_born(self) -> None:
        """Begin a new life under a new id, knowing nothing."""
        self.worker_id, self.media_id = _fresh(), _fresh()
        self.watching: dict[str, str] = {}
        self._finding: dict[str, float] = {}

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator["Worker"]:
        """Work beside the body."""
        await self._sure(lambda: self._pool.RegisterCard(pool_service_pb2.RegisterCardRequest(card=card())))
        loops = [
            self._bus.work(
                PROVIDER, f"task.generate.{PROVIDER}", self._generate, slots=self._slots, ack_wait_seconds=2.0
            ),
            *(
                self._bus.work(
                    f"media-{lane}", f"task.media.{lane}", self._step, slots=self._slots, ack_wait_seconds=2.0
                )
                for lane in LANES
            ),
            self._keep_leases(),
            self._observe(),
        ]
        tasks = [asyncio.create_task(loop) for loop in loops]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # --- submitting

    async def _generate(self, delivery: bus.Delivery) -> bus.Result:
        if not self.takes:
            return bus.Again(0.5)
        task = task_pb2.GenerateTask.FromString(delivery.payload)
        nonce, since = _fresh(), self._clock.elapsed()
        begin = attempt_service_pb2.BeginRequest(attempt_id=task.attempt_id, worker_id=self.worker_id, nonce=nonce)
        leave = await self._sure(lambda: self._attempts.Begin(begin))
        if leave.WhichOneof("answer") == "drop":
            self.drops.append(leave.drop.reason)
            return bus.Again(0.2) if leave.drop.come_again else bus.Done()
        if self._clock.elapsed() - since > leave.go.submit_within.ToMicroseconds() / 1e6:
            await self._decline(task.attempt_id, nonce, attempt_service_pb2.VERDICT_NOT_SENT)
        else:
            await self._submit(task.attempt_id, nonce)
        return bus.Done()

    async def _submit(self, attempt_id: str, nonce: str) -> None:
        vendor = self._vendor
        if vendor.refused or self._happens(vendor.busy):
            refusal = attempt_service_pb2.VERDICT_REFUSED_FOR_GOOD
            await self._decline(attempt_id, nonce, refusal if vendor.refused else attempt_service_pb2.VERDICT_BUSY)
            return
        vendor.submits[attempt_id] += 1
        if self._happens(vendor.lost_submits):
            await self._decline(attempt_id, nonce, attempt_service_pb2.VERDICT_UNKNOWN)
            return
        job_id = vendor.jobs.setdefault(attempt_id, f"job-{_fresh()}")
        vendor.began[job_id] = self._clock.elapsed()
        if self._happens(vendor.deaths):
            self.be_born()
        elif self._happens(vendor.lost_answers):
            await self._decline(attempt_id, nonce, attempt_service_pb2.VERDICT_UNKNOWN)
        else:
            await self._record(attempt_id, job_id, attempt_service_pb2.EVIDENCE_RECORD)

    async def _record(self, attempt_id: str, job_id: str, evidence: Any) -> None:
        request = attempt_service_pb2.RecordRequest(
            attempt_id=attempt_id, worker_id=self.worker_id, job_id=job_id, evidence=evidence
        )
        answer = await self._sure(lambda: self._attempts.Record(request))
        if answer.cancel_now:
            self._vendor.cancelled.add(job_id)
        self.watching[attempt_id] = job_id

    async def _decline(self, attempt_id: str, nonce: str, verdict: Any) -> None:
        request = attempt_service_pb2.DeclineRequest(
            attempt_id=attempt_id, worker_id=self.worker_id, nonce=nonce, verdict=verdict, message="as the script says"
        )
        request.retry_after.FromMilliseconds(200)
        await self._sure(lambda: self._attempts.Decline(request))

    # --- observing

    async def _keep_leases(self) -> None:
        while True:
            if self.renews:
                await self._renew()
                await self._renew_media()
            await self._clock.sleep(self.renew_seconds)

    async def _renew_media(self) -> None:
        request = pool_service_pb2.RenewLeaseRequest(
            worker_id=self.media_id, kind="media", pool="ladder", name="m", step_tokens=sorted(self._tokens)
        )
        if not (await self._sure(lambda: self._pool.RenewLease(request))).held:
            self.media_id = _fresh()

    async def _renew(self) -> None:
        worker_id = self.worker_id
        request = pool_service_pb2.RenewLeaseRequest(
            worker_id=worker_id,
            kind="provider",
            pool=PROVIDER,
            name="s",
            watching=list(self.watching),
            finding=list(self._finding),
            room=self._room,
        )
        answer = await self._sure(lambda: self._pool.RenewLease(request))
        if worker_id != self.worker_id:
            return
        if not answer.held:
            self.be_born()
            return
        for order in answer.watch:
            self.watching[order.task.attempt_id] = order.job_id
        for attempt_id in answer.forget:
            self.watching.pop(attempt_id, None)
            self._finding.pop(attempt_id, None)
        self._vendor.cancelled.update(self.watching[one] for one in answer.cancel if one in self.watching)
        for order in answer.find:
            await self._find(order)

    async def _find(self, order: pool_service_pb2.FindOrder) -> None:
        attempt_id, now = order.task.attempt_id, self._clock.elapsed()
        seen = self._finding.setdefault(attempt_id, now)
        if attempt_id in self._vendor.jobs:
            del self._finding[attempt_id]
            await self._record(attempt_id, self._vendor.jobs[attempt_id], attempt_service_pb2.EVIDENCE_ADOPTION)
        elif now - seen > order.wait.ToMicroseconds() / 1e6:
            request = attempt_service_pb2.ConcludeRequest(
                attempt_id=attempt_id, worker_id=self.worker_id, revision=order.revision, message="not in the list"
            )
            if (await self._sure(lambda: self._attempts.Conclude(request))).accepted:
                self._finding.pop(attempt_id, None)

    async def _observe(self) -> None:
        while True:
            now = self._clock.elapsed()
            for attempt_id, job_id in list(self.watching.items()):
                stopped = job_id in self._vendor.cancelled
                if self.observes and (stopped or now - self._vendor.began[job_id] >= self._vendor.render_seconds):
                    await self._finish(attempt_id, job_id, stopped)
            await self._clock.sleep(AGAIN_SECONDS)

    async def _finish(self, attempt_id: str, job_id: str, stopped: bool) -> None:
        outcome = attempt_service_pb2.OUTCOME_CANCELLED if stopped else attempt_service_pb2.OUTCOME_SUCCEEDED
        request = attempt_service_pb2.FinishRequest(
            attempt_id=attempt_id,
            worker_id=self.worker_id,
            job_id=job_id,
            outcome=outcome,
            clip_asset_id="" if stopped else f"clip-{attempt_id}",
        )
        await self._sure(lambda: self._attempts.Finish(request))
        self.watching.pop(attempt_id, None)

    # --- media

    async def _step(self, delivery: bus.Delivery) -> bus.Result:
        if not (self.takes and self.steps):
            return bus.Again(0.5)
        task = task_pb2.MediaTask.FromString(delivery.payload)
        begin = step_service_pb2.BeginStepRequest(step_id=task.step_id, worker_id=self.media_id)
        answer = await self._sure(lambda: self._step_service.BeginStep(begin))
        if answer.WhichOneof("answer") == "drop":
            return bus.Again(0.5) if answer.drop.HasField("ask_again_after") else bus.Done()
        self._tokens.add(answer.work.token)
        try:
            await self._sure(lambda: self._step_service.FinishStep(_done(answer.work, self.media_id)))
        finally:
            self._tokens.discard(answer.work.token)
        return bus.Done()

    def _happens(self, share: float) -> bool:
        return self._chance.uniform(0, 1) < share

    async def _sure(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Call until there is an answer: facts are repeated until they are acknowledged."""
        while True:
            try:
                return await call()
            except (errors.RetryableError, errors.DeadlineExceeded):
                await self._clock.sleep(AGAIN_SECONDS)


def _done(work: step_service_pb2.StepWork, worker_id: str) -> step_service_pb2.FinishStepRequest:
    request = step_service_pb2.FinishStepRequest(step_id=work.step_id, token=work.token, worker_id=worker_id)
    if work.WhichOneof("kind") == "last_frame":
        request.last_frame.frame_asset_id = f"frame-{work.token}"
        return request
    if work.WhichOneof("kind") == "infographic":
        request.infographic.file.asset_id = f"still-{work.token}"
        return request
    request.ladder.files.add(
        asset_id=f"file-{work.token}", name="720p", width=1280, height=720, duration_seconds=1.0, size_bytes=1
    )
    request.ladder.thumbnail_asset_id = f"thumbnail-{work.token}"
    request.ladder.poster_asset_id = f"poster-{work.token}"
    return request


def _fresh() -> str:
    return str(uuid.uuid4())  # noqa: TID251 - workers of several processes and lives never share an id


class Storage(storage_service_pb2_grpc.StorageServiceServicer):
    """A storage that keeps whatever it is told to keep."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self.kept: set[str] = set()
        self.notes: dict[str, bytes] = {}

    async def KeepNote(self, request: Any, context: Any) -> storage_service_pb2.KeepNoteResponse:  # noqa: N802
        """Remember a note."""
        del context
        self.notes[request.name] = request.content
        return storage_service_pb2.KeepNoteResponse()

    async def ReadNote(self, request: Any, context: Any) -> storage_service_pb2.ReadNoteResponse:  # noqa: N802
        """Return a note."""
        del context
        return storage_service_pb2.ReadNoteResponse(content=self.notes.get(request.name, b""))

    async def KeepAssets(self, request: Any, context: Any) -> storage_service_pb2.KeepAssetsResponse:  # noqa: N802
        """Remember what is in use."""
        del context
        self.kept.update(request.asset_ids)
        return storage_service_pb2.KeepAssetsResponse()


@contextlib.asynccontextmanager
async def storage(chassis: process.Chassis, port: int = 0) -> AsyncGenerator[str]:
    """Serve a storage on loopback (0: on any port); yield its address."""
    name = storage_service_pb2.DESCRIPTOR.services_by_name["StorageService"].full_name
    service = rpc.service(name, storage_service_pb2_grpc.add_StorageServiceServicer_to_server, Storage())  # pyright: ignore[reportAbstractUsage]
    async with rpc.serve(chassis, [service], host="127.0.0.1", port=port, drain_seconds=0.2) as bound:
        yield f"127.0.0.1:{bound}"
