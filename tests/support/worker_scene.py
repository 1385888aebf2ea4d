"""A worker's surroundings in memory, on a clock that moves only when told to, or when somebody sleeps."""

import dataclasses
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export import in_memory_span_exporter
from reelmesh_kit import clock, process
from reelmesh_provider import metrics, testing
from reelmesh_provider.worker import Limits, Mesh, Surroundings, Worker, finding, leasing, observing, submitting

from tests.support import chassis as chassis_support


@dataclasses.dataclass
class Scene:
    """Everything that a test of the worker touches."""

    clock: clock.ManualClock
    chassis: process.Chassis
    provider: testing.ScriptedProvider
    mesh: testing.MemoryMesh
    assets: testing.MemoryAssets
    clips: testing.MemoryClips
    progress: testing.MemoryProgress
    journal: testing.MemoryJournal
    around: Surroundings
    spans: in_memory_span_exporter.InMemorySpanExporter

    def __post_init__(self) -> None:
        self.worker = Worker(self.around, "test-pod")
        parts = vars(self.worker)
        self.lease: leasing.Lease = parts["_lease"]
        self.leasing: leasing.Leasing = parts["_leasing"]
        self.submitting: submitting.Submitting = parts["_submitting"]
        self.observing: observing.Observing = parts["_observing"]
        self.finding: finding.Finding = parts["_finding"]
        self.rounds = parts["_rounds"]

    async def start(self) -> None:
        """Start the worker and get its first lease."""
        await self.worker.start()
        await self.leasing.renew()

    async def settle(self) -> None:
        """Let everything that can go on without time do so."""
        for _ in range(40):
            await self.clock.sleep(0)

    async def until_idle(self) -> None:
        """Wait until no submit is open."""
        while not self.submitting.idle:
            await self.clock.sleep(0)
        await self.settle()

    async def submit(self, number: int = 1, **changes: object) -> testing.Row:
        """Dispatch a task, let the worker take it, and wait for the end of the submit."""
        row = self.mesh.dispatch(testing.make_task(number, **changes))
        await self.worker.take(row.task)
        await self.until_idle()
        return row

    async def look(self, seconds: float = 20.0) -> None:
        """Let `seconds` pass, then look at what is due at the test's account."""
        self.clock.advance(seconds)
        await self.rounds.turn(testing.make_task().account_id)
        await self.settle()


@pytest.fixture
def scene(spans: in_memory_span_exporter.InMemorySpanExporter) -> Iterator[Scene]:
    """Yield the surroundings of one worker, not started."""
    time = clock.ManualClock()
    own = chassis_support.make_chassis("provider-scripted", exporter=spans, time=time)
    provider = testing.ScriptedProvider(time, own.ids)
    mesh = testing.MemoryMesh()
    assets, clips, progress = testing.MemoryAssets(), testing.MemoryClips(), testing.MemoryProgress()
    journal = testing.MemoryJournal()
    around = Surroundings(
        chassis=own,
        provider=provider,
        mesh=Mesh(mesh, mesh, assets, clips, progress, journal),
        limits=Limits(submit_slots=2),
        metrics=metrics.Metrics(own.telemetry.registry),
    )
    yield Scene(time, own, provider, mesh, assets, clips, progress, journal, around, spans)
    own.telemetry.shutdown()
