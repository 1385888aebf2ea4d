"""The processes of the simulated mesh: what ships, composed as it ships, over simulated wires, buses and databases."""

import dataclasses
import functools
from collections.abc import Callable, Sequence

from reelmesh_kit import ids, process, rpc, sql
from reelmesh_orchestrator import app as orchestrator_app
from reelmesh_orchestrator import metrics as orchestrator_metrics
from reelmesh_orchestrator import settings as orchestrator_settings
from reelmesh_orchestrator.adapters.sql import record
from reelmesh_provider import consumer, metrics, model, port, ports, testing
from reelmesh_provider.adapters import mesh
from reelmesh_provider.worker import Limits, Mesh, Surroundings, Worker
from typing_extensions import override

from tests.simulation import databases, dialect, faults, hosts, jetstream, loop, network, plan, stores
from tests.simulation import media as media_service

ORCHESTRATOR = "orchestrator"
# From before a Begin is sent until the last byte of its request; a setting of orchestrators.
SUBMIT_WITHIN_SECONDS = 1.0
DISK_SECONDS = 0.002
DRAIN_SECONDS = 5.0


@dataclasses.dataclass(frozen=True)
class Wiring:
    """What a planted bug replaces when the mesh is composed; as it stands, everything is as shipped."""

    #: Around the record's database, as each orchestrator sees it.
    record: Callable[[sql.Database, hosts.Host], sql.Database] = lambda database, _: database
    #: Around the services of each orchestrator.
    doors: Callable[[Sequence[rpc.Service], databases.InLoop], Sequence[rpc.Service]] = lambda services, _: services
    #: How workers speak to vendors.
    speak: type[dialect.Dialect] = dialect.Dialect
    #: The worker itself.
    worker: Callable[[Surroundings, str], Worker] = Worker


@dataclasses.dataclass(frozen=True)
class World:
    """What services stand on."""

    profile: plan.Profile
    weather: faults.Weather
    wires: network.Network
    bus: jetstream.Server
    #: The record itself, and as a network away.
    record: databases.InLoop
    record_afar: sql.Database
    wiring: Wiring
    witness: "Witness"


@dataclasses.dataclass
class Witness:
    """Called with what workers were told by the orchestrator, at the moment when they learn it."""

    on_go: Callable[[str, str], None] = lambda attempt_id, nonce: None
    on_recorded: Callable[[model.JobFact], None] = lambda fact: None


class Witnessed(mesh.Orchestrator):
    """The worker's side of the attempt protocol, with a witness."""

    def __init__(self, channel: rpc.Channel, witness: Witness) -> None:
        """Call over a channel."""
        super().__init__(channel)
        self._witness = witness

    @override
    async def begin(self, attempt_id: str, worker_id: str, nonce: str) -> model.Go | model.Drop:
        """Ask for leave to submit."""
        answer = await super().begin(attempt_id, worker_id, nonce)
        if isinstance(answer, model.Go):
            self._witness.on_go(attempt_id, nonce)
        return answer

    @override
    async def record(self, fact: model.JobFact) -> bool:
        """State that the provider gave an attempt an id."""
        answer = await super().record(fact)
        self._witness.on_recorded(fact)
        return answer


def orchestrator(world: World) -> hosts.Main:
    """Return an orchestrator."""
    profile = world.profile
    told = orchestrator_settings.OrchestratorSettings.model_construct(
        submit_within_seconds=SUBMIT_WITHIN_SECONDS,
        request_timeout_seconds=profile.request_timeout_seconds,
        lease_seconds=profile.lease_seconds,
        renew_seconds=profile.renew_seconds,
        begin_seconds=6.0,
        step_seconds=8.0,
        cancel_grace_seconds=8.0,
        sweep_seconds=3.0,
        free_account_slots=profile.slots,
        # Seeds are short: breakers that open seldom would hardly be lived through.
        breaker_failures=2,
        breaker_open_seconds=5.0,
        breaker_longest_open_seconds=20.0,
        breaker_patience_seconds=10.0,
    )

    async def run(host: hosts.Host, chassis: process.Chassis) -> None:
        link = jetstream.connected(world.bus, chassis)
        channel = world.wires.channel(host, chassis, stores.NAME)
        database = world.wiring.record(world.record_afar, host)
        async with orchestrator_app.at_work(
            told, chassis, database, link, channel, shared_decisions().note
        ) as services:
            world.wires.serve(ORCHESTRATOR, host, chassis, world.wiring.doors(services, world.record))
            await host.stopping.wait()
            chassis.health.drain()

    return run


def record_of(database: databases.InLoop) -> record.SqlRecord:
    """Return the record, for what an operator does before anything runs."""
    return record.SqlRecord(database, ids.SeededIds(), lambda _: None)


def worker(world: World, make: Callable[[], port.Provider]) -> hosts.Main:
    """Return a worker of a provider; its journal is on the disk of its host."""
    limits = Limits(submit_slots=2, submit_timeout_seconds=world.profile.submit_timeout_seconds)

    async def run(host: hosts.Host, chassis: process.Chassis) -> None:
        def channel(name: str) -> rpc.Channel:
            return world.wires.channel(host, chassis, name)

        link = jetstream.connected(world.bus, chassis)
        at_orchestrator = Witnessed(channel(ORCHESTRATOR), world.witness)
        around = Surroundings(
            chassis=chassis,
            provider=make(),
            mesh=Mesh(
                attempts=at_orchestrator,
                pool=at_orchestrator,
                assets=mesh.Storage(channel(stores.NAME)),
                clips=mesh.Media(channel(media_service.NAME)),
                progress=mesh.BusProgress(link),
                journal=Journal(host.disk.setdefault("journal", testing.MemoryJournal()), world.weather),
            ),
            limits=limits,
            metrics=shared_metrics(),
        )
        serving = world.wiring.worker(around, host.name)
        pulling = consumer.Consumer(chassis, link, serving, provider=around.name, slots=limits.submit_slots)
        async with process.supervise(
            chassis, start=serving.start, lease=serving.lease, observe=serving.observe, consume=pulling.run
        ):
            await host.stopping.wait()
            await serving.drain(DRAIN_SECONDS)

    return run


@functools.cache
def shared_decisions() -> orchestrator_metrics.Decisions:
    """Return where the orchestrators of all runs count what they decide."""
    return orchestrator_metrics.Decisions(hosts.shared_telemetry().registry)


@functools.cache
def shared_metrics() -> metrics.Metrics:
    """Return the metrics of all workers of all runs."""
    return metrics.Metrics(hosts.shared_telemetry().registry)


class Journal:
    """`ports.Journal` on a disk that takes time, so that a process may die before, in and after each write."""

    def __init__(self, disk: testing.MemoryJournal, weather: faults.Weather) -> None:
        """Write to a disk."""
        self._disk = disk
        self._weather = weather

    async def reserve(self, attempt_id: str) -> "Page":
        """Reserve a page."""
        await loop.passing(DISK_SECONDS)
        return Page(await self._disk.reserve(attempt_id), self._weather)

    async def unacknowledged(self) -> Sequence[tuple[ports.Page, model.JobFact]]:
        """Return what a former life wrote."""
        await loop.passing(DISK_SECONDS)
        return [(Page(page, self._weather), fact) for page, fact in await self._disk.unacknowledged()]

    async def retained(self) -> Sequence[model.JobFact]:
        """Return what was acknowledged."""
        return await self._disk.retained()

    async def recall(self) -> model.Remembered:
        """Return what a former life has seen of the record."""
        return await self._disk.recall()

    async def remember(self, remembered: model.Remembered) -> None:
        """Keep it for the next life."""
        await loop.passing(DISK_SECONDS)
        await self._disk.remember(remembered)


class Page:
    """A page of it."""

    def __init__(self, page: testing.MemoryPage, weather: faults.Weather) -> None:
        """Stand before a page."""
        self.attempt_id = page.attempt_id
        self._page = page
        self._weather = weather

    async def write(self, fact: model.JobFact) -> None:
        """Put the fact on disk."""
        self._weather.passed("journal")
        await loop.passing(DISK_SECONDS)
        await self._page.write(fact)
        await loop.passing(DISK_SECONDS)

    async def tear_out(self) -> None:
        """Forget the page."""
        await loop.passing(DISK_SECONDS)
        await self._page.tear_out()
