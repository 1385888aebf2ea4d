"""The mesh as processes of their own, each started again when it dies, as a cluster would; and told where to die."""

import asyncio
import contextlib
import dataclasses
import json
import os
import pathlib
import signal
from collections.abc import AsyncGenerator, Callable, Mapping

import httpx
from reelmesh_kit import clock, process
from reelmesh_standalone import parts, settings

from tests.chaos import births, vendor

HOST = "127.0.0.1"
WORKER = "provider-chaos"
#: In the order in which they are started: those that others call come first.
SERVICES = ("storage", "orchestrator", "media", WORKER, "gateway")
START_SECONDS = 90.0
STOP_SECONDS = 30.0
ANSWER_SECONDS = 3.0
RESTART_SECONDS = 0.1
RESTART_AFTER_FAILURE_SECONDS = 0.5
LAST_WORDS_BYTES = 2000
READY_LOOK_SECONDS = 0.1
# Leases and waits that are short enough for a run of minutes, and long enough for two busy cores.
PATIENCE: Mapping[str, Mapping[str, object]] = {
    "orchestrator": {
        "lease_seconds": 3.0,
        "renew_seconds": 0.5,
        "begin_seconds": 3.0,
        "step_seconds": 3.0,
        "sweep_seconds": 0.3,
        "submit_within_seconds": 1.0,
        "request_timeout_seconds": 3.0,
        "cancel_grace_seconds": 2.0,
        "note_seconds": 1.0,
        "census_patience_seconds": 2.0,
        "breaker_open_seconds": 2.0,
        "breaker_longest_open_seconds": 3.0,
    },
    "storage": {"sweep_every_seconds": 2.0},
    WORKER: {"submit_timeout_seconds": 3.0},
    "gateway": {"creates_per_minute": 100_000.0, "creates_burst": 10_000, "heartbeat_seconds": 1.0},
}
LEASE_SECONDS = 3.0


@dataclasses.dataclass(frozen=True)
class Death:
    """One end of a process that nobody asked for in good order."""

    member: str
    at: float
    #: The crash point at which it killed itself; "" when it was killed from outside.
    point: str = ""


class Member:
    """One process, and whichever takes its place after it dies."""

    def __init__(
        self, name: str, part: parts.Part, values: dict[str, object], log: pathlib.Path, ports: Mapping[str, int]
    ) -> None:
        """Prepare `part` told `values`, which bind it to `ports`; what it logs goes to the file `log`."""
        self.name = name
        self.service = part.name
        self.log = log
        self.ports = ports
        self.lives = 0
        #: Says at which crash points it dies.
        self.crash_file = log.with_name(f"{name}.crashes")
        #: Whether its present life was born in a nursery.
        self.forked = False
        self._part = part
        self._values = {**values, "crash_at": f"@{self.crash_file}"}
        self._life: births.Life | None = None
        #: Cleared while it shall not live.
        self.may_live = asyncio.Event()
        self.may_live.set()

    @property
    def pid(self) -> int:
        """The process as it runs now; 0 between two lives."""
        return self._life.pid if self._life is not None and not self._life.over else 0

    @property
    def serving(self) -> bool:
        """Whether its present life has said that it is ready."""
        return self._life is not None and self._life.serving

    async def live(self, born: births.Births) -> int:
        """Live once, from birth to end; return the exit code."""
        environment = settings.child_environment(self._part.settings_class(), self._values)
        self.forked = isinstance(born, births.Nursery)
        self._life = await born.start(self.name, self._part.package, environment, self.log)
        self.lives += 1
        return await self._life.ended()

    def send(self, number: signal.Signals) -> bool:
        """Send a signal to the process, if there is one."""
        with contextlib.suppress(ProcessLookupError):
            if self.pid:
                os.kill(self.pid, number)
                return True
        return False

    def died_at(self) -> str:
        """Return the crash point that the last life has named as its last word; "" if it has not."""
        with contextlib.suppress(ValueError):
            return str(json.loads(self.last_words().rpartition("\n")[2]).get("crash_point", ""))
        return ""

    def last_words(self) -> str:
        """Return the end of its log."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - LAST_WORDS_BYTES))
            return log.read().decode(errors="replace").rstrip("\n")


class Fleet:
    """All processes."""

    def __init__(self, members: list[Member], time: clock.Clock, on_death: Callable[[Death], None]) -> None:
        """Keep `members` alive; `on_death` hears of each end by a kill."""
        self.members = members
        #: How processes come to be from now on.
        self.births: births.Births = births.Executed()
        #: Ends that nothing of ours explains.
        self.troubles: list[str] = []
        self._clock = time
        self._on_death = on_death
        self._stopping = False
        self._awaited: set[str] = set()

    def of(self, service: str) -> list[Member]:
        """Return the processes of a service."""
        return [member for member in self.members if member.service == service]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keep everybody alive beside the body; end all in the end."""
        tasks = [asyncio.create_task(self._keep(member), name=member.name) for member in self.members]
        try:
            await self.well()
            yield
        finally:
            self._stopping = True
            for member in self.members:
                member.send(signal.SIGCONT)
                member.send(signal.SIGTERM)
            _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS)
            for member in self.members:
                member.send(signal.SIGKILL)
            await asyncio.gather(*late)

    async def leave_nursery(self) -> None:
        """Replace who was born in a nursery by one who is started as a cluster starts it, and so from now on."""
        self.births = births.Executed()
        for member in self.members:
            if member.forked:
                await self.replace(member)
        await self.well()

    async def replace(self, member: Member) -> None:
        """Ask a process to end in good order, and wait until the next one lives."""
        lives = member.lives
        self._end_in_good_order(member)
        async with asyncio.timeout(STOP_SECONDS):
            while member.lives == lives:
                await self._clock.sleep(READY_LOOK_SECONDS)

    @contextlib.asynccontextmanager
    async def down(self, service: str) -> AsyncGenerator[None]:
        """Kill every process of a service; none of them lives again before the body ends."""
        members = self.of(service)
        for member in members:
            member.may_live.clear()
        try:
            while any(member.pid for member in members):
                for member in members:
                    member.send(signal.SIGKILL)
                await self._clock.sleep(READY_LOOK_SECONDS)
            yield
        finally:
            for member in members:
                member.may_live.set()

    def _end_in_good_order(self, member: Member) -> None:
        if member.send(signal.SIGTERM):
            self._awaited.add(member.name)

    async def well(self) -> None:
        """Wait until all are ready, by their own word; note who is not in time."""
        ends = self._clock.elapsed() + START_SECONDS
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as client:
            for member in self.members:
                while not (member.serving and await _ready(client, member)):
                    if self._clock.elapsed() > ends:
                        self.troubles.append(f"{member.name} was not ready within {START_SECONDS:.0f} s")
                        return
                    await self._clock.sleep(READY_LOOK_SECONDS)

    async def _keep(self, member: Member) -> None:
        while not self._stopping:
            await member.may_live.wait()
            code = await member.live(self.births)
            if self._stopping:
                return
            self._ended(member, code)
            await self._clock.sleep(RESTART_SECONDS if code <= 0 else RESTART_AFTER_FAILURE_SECONDS)

    def _ended(self, member: Member, code: int) -> None:
        awaited = member.name in self._awaited
        self._awaited.discard(member.name)
        if code == -signal.SIGKILL:
            self._on_death(Death(member.name, self._clock.elapsed(), member.died_at()))
        elif code != process.EXIT_FAILED and not (awaited and code in (process.EXIT_OK, -signal.SIGTERM)):
            # Who cannot start, because of what it needs, says so and ends; it is started again.
            self.troubles.append(f"{member.name} ended with {code}: {member.last_words()}")


async def _ready(client: httpx.AsyncClient, member: Member) -> bool:
    try:
        answer = await client.get(f"http://{HOST}:{member.ports['admin_port']}/ready")
    except httpx.HTTPError:
        return False
    return answer.status_code == 200


def part_of(service: str) -> parts.Part:
    """Return a service as something to start."""
    if service == WORKER:
        return parts.Part(WORKER, "tests.chaos.worker", provider=True)
    return next(part for part in parts.all_parts() if part.name == service)


def described(service: str) -> str:
    """Return what a service is called in tables: the worker by what it does."""
    return f"worker of {vendor.PROVIDER}" if service == WORKER else service
