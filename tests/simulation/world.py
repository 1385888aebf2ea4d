"""One run: a plan becomes machines, processes and fate; it ends when all is quiet and swept."""

import asyncio
import dataclasses
import gc
from collections import Counter
from collections.abc import Callable

from reelmesh_orchestrator.model import advancing, card
from reelmesh_orchestrator.usecases import attempts, vouching
from reelmesh_provider import model, port

from tests.simulation import (
    checker,
    databases,
    dialect,
    dice,
    faults,
    history,
    hosts,
    jetstream,
    loop,
    media,
    network,
    plan,
    services,
    stores,
    users,
    vendor,
)
from tests.simulation.faults import Fault, Kind

# How long after the last fault everything must have ended, and how often that is looked at: virtual seconds.
PATIENCE_SECONDS = 3600.0
DOUBTS_LIMIT = 1000
LOOK_SECONDS = 2.0
# How long a process that is asked to stop is given before it is killed.
STOP_SECONDS = 20.0
SWEEPS = 3
SWEEP_EVERY_SECONDS = 25 * 3600.0


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    plan: plan.Plan
    digest: str
    violations: tuple[history.Violation, ...]
    faults: Counter[str]
    events: Counter[str]
    lines: tuple[str, ...]
    #: Until all was quiet.
    virtual_seconds: float
    #: Callbacks that were run.
    steps: int
    #: Complete requests that vendors got, and jobs that they made.
    submits: int
    jobs: int


class Run:
    """A plan being lived through."""

    def __init__(self, of: plan.Plan, wiring: services.Wiring, running: loop.VirtualLoop, *, tell: bool) -> None:
        """Build everything; nothing runs yet."""
        self._plan = of
        self._loop = running
        self.history = history.History(running.time)
        self.watchdog = hosts.Watchdog(self.history, tell=tell)
        weather = faults.Weather(of.faults, running.time, self.history)
        weather.on_within = self._within
        self.wires = network.Network(weather, self._dice("network"))
        self._bus = jetstream.Server(weather, self._dice("bus"))
        self._clocks = {"record": hosts.HostClock(), "index": hosts.HostClock()}
        self._record = databases.InLoop(databases.emptied("reelmesh_orchestrator"), self._clocks["record"])
        self._index = databases.InLoop(databases.emptied("reelmesh_storage"), self._clocks["index"])
        self._bucket = stores.Bucket(weather, self._clocks["index"].now)
        self.told = users.Told()
        self.quiet_at = 0.0
        self.vendors: list[vendor.Vendor] = []
        self._hosts: dict[str, hosts.Host] = {}
        self._world = services.World(
            of.profile,
            weather,
            self.wires,
            self._bus,
            self._record,
            databases.Faulty("record", self._record, weather, self._dice("record")),
            wiring,
            services.Witness(),
        )
        self._settle(weather)
        self._checker = checker.Checker(of, self._record, self.vendors, self.history)
        self._checker.witness(self.told, self._world.witness)

    async def live(self) -> None:
        """Run until all is quiet, then let the sweep come, and look at everything."""
        await self._put_accounts()
        for host in self._hosts.values():
            host.start()
        for fault in self._plan.faults:
            loop.natural(self._fate(fault))
        await loop.passing(self._plan.faults_end)
        await self._until_quiet()
        if not self.history.violations:
            await self._sweep()
            self._checker.at_the_end(self._index, self._bucket)

    def _dice(self, *purpose: object) -> dice.Dice:
        return dice.Dice(self._plan.seed, *purpose)

    def _settle(self, weather: faults.Weather) -> None:
        """Put every process on a machine."""
        profile = self._plan.profile
        index = databases.Faulty("index", self._index, weather, self._dice("index"))
        self._host(stores.NAME, stores.main(self.wires, index, self._bucket))
        self._host(media.NAME, media.main(self.wires, self._bus, weather, self._dice("media")))
        for number in range(profile.orchestrators):
            self._host(f"orchestrator-{number}", services.orchestrator(self._world))
        for name, count in ((plan.PAID, profile.workers), (plan.FREE, profile.free_workers)):
            if count:
                make = self._provider(name, weather)
                for number in range(count):
                    self._host(f"{name}-worker-{number}", services.worker(self._world, make))
        self._host("users", users.main(self.wires, self._plan.wanted, self.told, self.history))

    def _host(self, name: str, main: hosts.Main) -> None:
        host = hosts.Host(name, self._dice("host", name), self.history, self.watchdog, main)
        host.on_end.append(self.wires.lines.cut)
        self._hosts[name] = host

    def _provider(self, name: str, weather: faults.Weather) -> Callable[[], port.Provider]:
        profile = self._plan.profile
        habits = vendor.Habits(
            profile.creation_seconds,
            profile.listing_seconds,
            profile.shortest_render,
            profile.longest_render,
            strangers=0 if profile.exclusive else 3,
        )
        server = vendor.Vendor(name, habits, weather, self._dice("vendor", name), self.history)
        self.vendors.append(server)
        recovery = model.Recovery(profile.recovery)
        stated = dialect.card(name, habits, recovery, free=name == plan.FREE, frames=profile.first_frames)
        latencies = self._dice("dialect", name)
        speak = self._world.wiring.speak
        # A finder needs a job that it knows; only the paid vendor is certain to have made one before faults begin.
        trusted = profile.trusted_when_empty or name == plan.FREE
        return lambda: speak(server, stated, latencies, trusted_when_empty=trusted)

    async def _put_accounts(self) -> None:
        profile = self._plan.profile
        paid = card.Account(plan.PAID, plan.PAID, profile.slots, exclusive=profile.exclusive)
        kept = services.record_of(self._record)
        await kept.write(lambda store: store.put_account(paid))

    # --- fate

    async def _fate(self, fault: Fault) -> None:
        """Do what processes, machines and the bus cannot ask the weather about."""
        await loop.passing(fault.at)
        host = self._hosts.get(fault.who)
        match fault.kind:
            case Kind.KILL | Kind.KILL_AND_WIPE if host is not None:
                self._struck(fault)
                await self._killed(host, fault)
            case Kind.FREEZE if host is not None:
                self._struck(fault)
                await self._frozen(host, fault)
            case Kind.STOP if host is not None:
                self._struck(fault)
                await self._stopped(host, fault)
            case Kind.CLOCK_JUMP:
                self._struck(fault)
                of = host.clock if host is not None else self._clocks[fault.who]
                of.ahead_seconds += fault.seconds
            case Kind.BUS_FORGETS:
                self._struck(fault)
                self._bus.forget()
            case _:
                return

    def _within(self, fault: Fault) -> None:
        """Strike a process where it just is."""
        host = self._hosts[fault.who]
        if fault.kind is Kind.FREEZE_WITHIN:
            host.freeze()
            loop.natural(self._frozen(host, fault))
        else:
            host.kill()
            loop.natural(self._killed(host, fault))

    def _struck(self, fault: Fault) -> None:
        self.history.struck(fault.kind.name, fault.who, f"{fault.seconds:.3f} s")

    async def _killed(self, host: hosts.Host, fault: Fault) -> None:
        host.kill()
        if fault.kind is Kind.KILL_AND_WIPE:
            host.disk.clear()
        await loop.passing(fault.seconds)
        host.start()

    async def _frozen(self, host: hosts.Host, fault: Fault) -> None:
        host.freeze()
        await loop.passing(fault.seconds)
        host.thaw()

    async def _stopped(self, host: hosts.Host, fault: Fault) -> None:
        host.stopping.set()
        for _ in range(int(STOP_SECONDS / 0.5)):
            if not host.alive:
                break
            await loop.passing(0.5)
        host.kill()
        await loop.passing(fault.seconds)
        host.start()

    # --- the end

    async def _until_quiet(self) -> None:
        ends_at = self._loop.time() + PATIENCE_SECONDS
        asked_at = ends_at - PATIENCE_SECONDS / 2
        while not self.history.violations:
            if self._loop.time() > asked_at and not self._plan.told_apart:
                # Of jobs that look the same nobody but a person can say whose they are.
                asked_at = ends_at
                await self._settled_by_hand()
            over = self._loop.time() > ends_at
            # Whoever is at work is not quiet: what else is left interests nobody before the end.
            left = self._checker.unfinished() if over or not self._checker.at_work() else ["at work"]
            if not left and self.told.answered(self._plan.wanted):
                self.history.note("checker", "all is quiet")
                self.quiet_at = self._loop.time()
                return
            if over:
                unanswered = [] if self.told.answered(self._plan.wanted) else ["a user was never answered"]
                self.history.wrong("ends", [*left, *unanswered])
                return
            await loop.passing(LOOK_SECONDS)

    async def _settled_by_hand(self) -> None:
        """Be the operator who looks at the vendors' consoles: say of every attempt in doubt what became of it."""
        kept = services.record_of(self._record)
        protocol = attempts.Attempts(kept, advancing.Policy(), vouching.Seen())
        jobs = [job for each in self.vendors for job in each.jobs.values()]
        for doubt in await kept.read(lambda store: store.doubtful(None, DOUBTS_LIMIT)):
            own = [job.id for job in jobs if job.task.attempt_id == str(doubt.attempt.id)]
            self.history.note("operator", f"{vendor.short(str(doubt.attempt.id))} has {own or 'no job'}")
            if own:
                await protocol.adopt(doubt.attempt.id, own[0], "it is on the console")
            else:
                await protocol.write_off(doubt.attempt.id, "the console has nothing")

    async def _sweep(self) -> None:
        """Let days pass and the sweep come, with nobody else there."""
        for host in self._hosts.values():
            host.retire()
        chassis = hosts.plain_chassis("sweep", self._clocks["index"], self.watchdog)
        sweeper = stores.sweeper(self._index, self._bucket, chassis)
        for _ in range(SWEEPS):
            await loop.passing(SWEEP_EVERY_SECONDS)
            await sweeper.sweep()


def lived(of: plan.Plan, wiring: services.Wiring | None = None, *, tell: bool = False) -> Outcome:
    """Live through a plan: the same plan always comes to the same outcome."""
    # What is collected when would depend on what ran before.
    gc.disable()
    running = loop.VirtualLoop()
    running.set_exception_handler(lambda *_: None)
    asyncio.set_event_loop(running)
    try:
        run = Run(of, wiring or services.Wiring(), running, tell=tell)
        try:
            running.run_until_complete(run.live())
        except loop.Stuck:
            run.history.wrong("ends", ["nothing is left to do, and nothing is quiet"])
        errors = [f"a task failed unseen: {error!r}" for error in running.unseen_errors()]
        run.history.wrong("unexpected error", errors)
        return _outcome(of, run, running)
    finally:
        running.end()
        asyncio.set_event_loop(None)
        gc.enable()


def _outcome(of: plan.Plan, run: Run, running: loop.VirtualLoop) -> Outcome:
    lines = [*run.history.lines, *run.watchdog.told]
    return Outcome(
        plan=of,
        digest=run.history.digest,
        violations=tuple(run.history.violations),
        faults=run.history.faults,
        events=run.history.events,
        lines=tuple(sorted(lines, key=lambda line: float(line.split(maxsplit=1)[0]))),
        virtual_seconds=run.quiet_at or running.time(),
        steps=running.steps,
        submits=sum(sum(each.sent.values()) for each in run.vendors),
        jobs=sum(len(each.jobs) for each in run.vendors),
    )
