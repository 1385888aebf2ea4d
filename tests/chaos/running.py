"""One run: a mesh, users who want films, and everything that goes wrong meanwhile."""

import asyncio
import collections
import contextlib
import dataclasses
import datetime
import pathlib
import uuid
from collections.abc import Callable, Mapping, Sequence

from reelmesh_kit import chance, sql

from tests.chaos import (
    births,
    callers,
    chores,
    clips,
    crashes,
    fleet,
    history,
    jobs,
    judging,
    logbook,
    mesh,
    operators,
    places,
    progress,
    reporting,
)
from tests.chaos.deeds import lists, scenes, surroundings
from tests.support import beside, record
from tests.support import chassis as chassis_support

REPLICAS: Mapping[str, int] = dict.fromkeys(fleet.SERVICES, 2)
USERS = 6
LONGEST_PAUSE_SECONDS = 1.5
# How long crash points are visited at most; then those that are left count as not visited.
CRASHES_SECONDS = 600.0
# Between two things that are done while crash points are visited, the one before got over.
BESIDE_SECONDS = 3.0
LOOK_SECONDS = 0.2
MOST_STORIES = 5


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much of it."""

    kind: str
    seed: int
    jobs: int
    users: int = USERS
    replicas: Mapping[str, int] = dataclasses.field(default_factory=lambda: REPLICAS)
    #: Which points are visited; all of them unless named.
    points: tuple[str, ...] | None = None
    short: bool = False
    crashes_seconds: float = CRASHES_SECONDS


class Run:
    """The run."""

    def __init__(
        self,
        plan: Plan,
        stands_on: places.Places,
        members: list[fleet.Member],
        database: sql.Database,
        tell: Callable[[str], None],
    ):
        """Prepare."""
        self._plan = plan
        self._tell = tell
        self._time = stands_on.chassis.clock
        self._stands_on = stands_on
        self._database = database
        self._seeded = chance.SeededChance(plan.seed)
        self.points = crashes.Points(plan.points or crashes.all_points(), chance.SeededChance(plan.seed + 1))
        self.book = logbook.Logbook(self._time.elapsed(), tell)
        self.history = history.History()
        self._said: collections.Counter[str] = collections.Counter()
        self.fleet = fleet.Fleet(members, self._time, self._died)
        self.progress = progress.Progress(database, self._time)
        self._scene = scenes.Scene(
            stands_on, self.fleet, database, self._time, chance.SeededChance(plan.seed + 2), self.progress, self.history
        )
        self._begun = 0
        self._over = False
        self._began = self._time.elapsed()

    async def run(self) -> reporting.Report:
        """Do everything, and judge."""
        surroundings.set_clocks(self._scene)
        async with self.fleet.running():
            key = await mesh.key_of(self._stands_on)
            ports = [member.ports["http_port"] for member in self.fleet.of("gateway")]
            async with (
                callers.opened(ports, key, self._time, chance.SeededChance(self._plan.seed + 3), self.history) as user,
                beside.beside(self.progress.watch(), self._chores()),
                asyncio.TaskGroup() as users,
            ):
                self._scene.user = user
                asked = [users.create_task(self._use(user, number)) for number in range(self._plan.users)]
                await self._visit()
                await self._do_all()
                self._over = True
                self._tell("What was asked for is waited for, and judged.")
                await asyncio.wait(asked)
                left = await judging.until_quiet(self._database, self._time)
                now_known = {found["id"]: found for found in await self._read_again(user)}
            # Nobody writes any more when it is judged.
        return await self._judged(now_known, left)

    async def _visit(self) -> None:
        """Let processes die at crash points until all are visited, while other things happen to them."""
        if not self.points.left:
            return
        packages = [fleet.part_of(service).package for service in fleet.SERVICES]
        async with births.nursery(packages, self._stands_on.folder / "nursery.log") as self.fleet.births:
            visits = crashes.Visits(self.fleet, self.points, self._time, self._recovered)
            with contextlib.suppress(TimeoutError):
                async with beside.beside(self._beside_the_crashes()):
                    await self._time.wait_for(visits.all(), self._plan.crashes_seconds)
            await self._recovered(self._time.elapsed())
            await self.fleet.leave_nursery()

    async def _beside_the_crashes(self) -> None:
        deeds = () if self._plan.short else lists.beside_the_crashes(self._stands_on)
        while wanted := [deed for deed in deeds if not deed.brings or deed.brings & set(self.points.left)]:
            for deed in wanted:
                await self._time.sleep(BESIDE_SECONDS)
                entry = await self._do(deed)
                if entry.at is not None:
                    await self._recovered(entry.at)

    async def _do_all(self) -> None:
        """Do one deed after the other, each when the one before was got over."""
        deeds = lists.short(self._stands_on) if self._plan.short else lists.thorough(self._stands_on)
        for deed in [*deeds, *lists.restores(self._stands_on)]:
            entry = await self._do(deed)
            if entry.at is not None:
                await self.fleet.well()
                patience = reporting.MOST_RESTORE_SECONDS if deed.restores else reporting.MOST_RECOVERY_SECONDS
                await self._recovered(entry.at, patience)

    async def _do(self, deed: scenes.Deed) -> logbook.Entry:
        now = self._time.elapsed()
        if deed.restores:
            # Afterwards nobody knows any more who had moved when.
            self.book.measured(self.progress.recovery_seconds)
        if deed.absent:
            return self.book.note(deed.what, deed.whom, now, remark=deed.absent)
        entry = self.book.note(deed.what, deed.whom, now)
        entry.restore, entry.remark = deed.restores, "broken off"
        entry.at, entry.remark = await deed.act(self._scene), ""
        return entry

    async def _recovered(self, at: float, patience_seconds: float = reporting.MOST_RECOVERY_SECONDS) -> None:
        """Wait until what was under way has moved again; for a while."""
        ends = self._time.elapsed() + patience_seconds
        while self.progress.recovery_seconds(at) is None and self._time.elapsed() < ends:
            await self._time.sleep(LOOK_SECONDS)

    def _died(self, death: fleet.Death) -> None:
        self.book.kills += 1
        if death.point:
            self.points.visit(death.point, death.member)
            self._tell(f"crash points visited: {len(self.points.visited)} of {len(self.points.names)}")
            for member in self.fleet.members:
                crashes.disarm(member.crash_file, death.point)
            self.book.note(f"dies at {death.point}", death.member, death.at, at=death.at)

    async def _use(self, user: callers.Caller, number: int) -> None:
        """Ask for one film after the other, until the run is over and enough were asked for."""
        seeded = chance.SeededChance(self._plan.seed * 1000 + number)
        while not self._over or self._begun < self._plan.jobs:
            self._begun += 1
            key = f"seed-{self._plan.seed}-{self._begun}"
            try:
                await jobs.drawn(seeded)(user, key)
            except Exception as error:  # noqa: BLE001 - the outermost loop of a user: told at the end
                self.history.wrong.append(f"{key}: {type(error).__name__}: {error}")
            await self._time.sleep(seeded.uniform(0, LONGEST_PAUSE_SECONDS))

    async def _chores(self) -> None:
        own, seeded = self._stands_on.chassis, chance.SeededChance(self._plan.seed + 4)
        target = mesh.target_of(self.fleet, "storage")
        orchestrators = mesh.target_of(self.fleet, "orchestrator")
        operator = operators.Operator(own, orchestrators, self._stands_on.vendor, self._said)
        async with beside.beside(operator.run()):
            await chores.Chores(own, target, seeded).run()

    async def _read_again(self, user: callers.Caller) -> list[callers.Body]:
        """Read every generation again that somebody was told to exist."""
        found = [await user.look(generation_id) for generation_id in self.history.acknowledged().values()]
        return [one for one in found if one is not None]

    async def _judged(self, now_known: Mapping[str, callers.Body], left: Sequence[str]) -> reporting.Report:
        noticed = [*self.progress.wrong, *self.fleet.troubles, *left]
        judgement = await judging.judged(
            self._stands_on, self._database, self.history, now_known, noticed, self.progress.touched
        )
        self.book.measured(self.progress.recovery_seconds)
        return reporting.Report(
            database=self._plan.kind,
            seed=self._plan.seed,
            jobs=self.progress.count,
            book=self.book,
            points=self.points,
            judgement=judgement,
            endings=collections.Counter(_ending(found) for found in now_known.values()),
            calls=self.history.counted(),
            said=self._said,
            looks=self.progress.looks,
            seconds=self._time.elapsed() - self._began,
            slowest_stories=[*await self._slowest(restore=False), *await self._slowest(restore=True)],
            wrong_stories=await self._wrong(judgement.sentences),
        )

    async def _slowest(self, *, restore: bool) -> Sequence[str]:
        """Return what happened to the generation that was the last to go on after what took the longest."""
        entry = self.book.slowest(restore=restore)
        if entry is None or entry.at is None or (one := self.progress.slowest(entry.at)) is None:
            return []
        when = self._time.now() - datetime.timedelta(seconds=self._time.elapsed() - entry.at)
        return await self._story(f"the last to go on after {entry.whom}: {entry.what}, at {when:%H:%M:%S}", one)

    async def _wrong(self, sentences: Sequence[str]) -> Sequence[str]:
        """Return what happened to the first few generations that sentences are about."""
        found = await self.progress.named(sentences)
        return [line for one in found[:MOST_STORIES] for line in await self._story(f"generation {one}", one)]

    async def _story(self, head: str, generation_id: uuid.UUID) -> Sequence[str]:
        return [head, *(f"  {line}" for line in await self.progress.story(generation_id))]


async def report_of(plan: Plan, folder: pathlib.Path, tell: Callable[[str], None]) -> reporting.Report:
    """Run a plan with all its files below `folder`, which is empty; tell what is done as it is done.

    Raises:
        postgresql.Absent: this machine has no PostgreSQL.
    """
    own = chassis_support.make_chassis("chaos")
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(own.telemetry.shutdown)
        sold = await asyncio.to_thread(clips.made, folder / "clips")
        stands_on = await stack.enter_async_context(places.opened(folder, plan.kind, own, plan.seed, sold))
        members = mesh.members(stands_on, plan.replicas)
        kept = await stack.enter_async_context(record.opened(stands_on.urls["orchestrator"]))
        mesh.list_accounts(stands_on)
        return await Run(plan, stands_on, members, kept.database, tell).run()


def _ending(found: callers.Body) -> str:
    return " ".join(filter(None, (found["state"].lower(), (found.get("delivery") or "").lower())))
