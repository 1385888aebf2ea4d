"""One run: vendors that go wrong, a mesh that buys from them, and the books of both compared in the end."""

import asyncio
import contextlib
import dataclasses
import itertools
import pathlib
from collections.abc import Callable, Mapping, Sequence

from reelmesh_kit import chance, clock
from reelmesh_simulators import ledger

from tests.chaos_money import dialects, doors, faults, films, judging, operators, record, scene
from tests.e2e import caller as callers
from tests.support import beside

PROGRESS_SECONDS = 5.0
# Requests that are told of each time: those that have been under way longest.
OLDEST_TOLD = 3
SETTLING_SECONDS = 60.0
# The vendor behind the OpenAI door, and how many requests it has.
DOOR = "openai"
AT_THE_DOOR = len(doors.FAULTS)
Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much of it.

    Attributes:
        injected: faults that are injected at least.
        seed: decides which of them a second or third time when they do not go round, and in which order.
        rows: vendors and their faults; all of both unless named.
        door: whether the OpenAI door is knocked at.
        core_apart: whether each service is a process of its own; workers that are killed always are.
        request_seconds: after which a request to a vendor is given up that was not answered.
    """

    injected: int
    seed: int
    limits: films.Limits
    rows: Sequence[tuple[dialects.Dialect, faults.Fault]]
    door: bool = True
    core_apart: bool = True
    request_seconds: float = scene.REQUEST_SECONDS

    @property
    def chosen(self) -> Sequence[dialects.Dialect]:
        """The vendors."""
        return list(dict.fromkeys(dialect for dialect, _ in self.rows))


@dataclasses.dataclass
class Report:
    """What came of it.

    Attributes:
        injected: requests to which something was done.
        kills: workers that were killed in their submits.
        adopted, given_up: attempts in doubt that an operator settled.
        swapped: requests with the job of another one, where a vendor's list tells nobody apart.
        heard: what became of what vendors told, by result, as the gateway counts it.
        slowest: how long a film with each fault took at most, seconds, the slowest first.
        broken: promises that were broken.
    """

    rows: Sequence[judging.Row]
    injected: int
    kills: int
    adopted: int
    given_up: int
    swapped: int
    heard: Mapping[str, int]
    slowest: Mapping[str, float]
    broken: Sequence[str]
    seconds: float


class Run:
    """The run."""

    def __init__(self, plan: Plan, stage: scene.Scene, say: Say) -> None:
        """Prepare."""
        self._plan = plan
        self._scene = stage
        self._say = say
        self._clock = clock.SystemClock()
        self._seen = record.Record(stage.mesh.folder / "orchestrator-0" / "orchestrator.sqlite", self._clock)
        self._filming = {
            shop.dialect.name: films.Filming(stage, shop, self._seen, self._clock, plan.limits) for shop in stage.shops
        }
        self._numbers = itertools.count(1)
        self.films = self._asked()
        self.behind_the_door = self._asked_at_the_door() if plan.door else []

    @property
    def all(self) -> Sequence[films.Film]:
        """Every film that shall be asked for."""
        return [*self.films, *(film for _, film in self.behind_the_door)]

    @property
    def asked(self) -> Sequence[films.Film]:
        """Every film that was asked for."""
        return [film for film in self.all if film.generation_id]

    async def run(self) -> Report:
        """Do everything, and judge."""
        began = self._clock.elapsed()
        async with beside.beside(self._seen.watch(), self._progress(began)):
            async with asyncio.TaskGroup() as group:
                for shop in self._scene.shops:
                    own = [film for film in self.films if film.shop is shop]
                    group.create_task(self._filming[shop.dialect.name].run(own))
                group.create_task(doors.Door(self._scene, self._plan.limits, self._seen).run(self.behind_the_door))
            endings = await self._endings()
            broken = list(judging.broken(endings))
            adopted, given_up = await operators.settle(self._scene.mesh, [one for one in endings if one.in_doubt])
            doubtful = [film for film, one in zip(self.asked, endings, strict=True) if one.in_doubt]
            broken += await self._settled(doubtful)
            heard = await self._heard()
            broken += judging.unheard(self._told_about, heard)
        if left := len(self.all) - len(self.asked):
            broken.append(f"the time was up: {left} of {len(self.all)} requests were not made")
        return Report(
            rows=judging.rows(endings),
            injected=sum(film.fault is not faults.NONE for film in self.asked),
            kills=sum(one.kills for one in self._filming.values()),
            adopted=adopted,
            given_up=given_up,
            swapped=judging.swapped(endings),
            heard=heard,
            slowest=self._slowest(),
            broken=broken,
            seconds=self._clock.elapsed() - began,
        )

    def _asked(self) -> Sequence[films.Film]:
        """Return the films at the native door: every row as often as goes round, and some once more."""
        shops = {shop.dialect.name: shop for shop in self._scene.shops}
        rows = list(self._plan.rows)
        spoilt = [row for row in rows if row[1] is not faults.NONE]
        times, left = divmod(max(0, self._plan.injected - (AT_THE_DOOR if self._plan.door else 0)), len(spoilt))
        seeded = chance.SeededChance(self._plan.seed)
        once_more = sorted(spoilt, key=lambda _: seeded.uniform(0, 1))[:left]
        wanted = [*rows * max(1, times), *(once_more if times else [])]
        wanted.sort(key=lambda _: seeded.uniform(0, 1))
        return [films.Film(next(self._numbers), one.name, shops[one.name], fault) for one, fault in wanted]

    def _asked_at_the_door(self) -> Sequence[tuple[int, films.Film]]:
        shop = next(shop for shop in self._scene.shops if shop.dialect.name == DOOR)
        return [(drops, films.Film(next(self._numbers), doors.NAME, shop, fault)) for drops, fault in doors.FAULTS]

    async def _progress(self, began: float) -> None:
        while True:
            await self._clock.sleep(PROGRESS_SECONDS)
            over = sum(bool(film.found) for film in self.all)
            kills = sum(one.kills for one in self._filming.values())
            seconds = self._clock.elapsed() - began
            self._say(
                f"{seconds:4.0f} s: {over} of {len(self.all)} ended, {len(self.asked) - over} under way, {kills} kills"
            )
            for sentence in self._oldest():
                self._say(f"        {sentence}")

    def _oldest(self) -> Sequence[str]:
        """Return what is waited for longest: its fault, and how far it is by the record."""
        now = self._clock.elapsed()
        waiting = [film for film in self.all if film.asked_at and not film.found]
        return [
            f"{now - film.asked_at:4.0f} s: film {film.number} ({film.dialect}, {film.fault.name}): "
            + self._seen.standing(film.generation_id)
            for film in sorted(waiting, key=lambda film: film.asked_at)[:OLDEST_TOLD]
        ]

    def _slowest(self) -> Mapping[str, float]:
        longest: dict[str, float] = {}
        for film in self.asked:
            longest[film.fault.name] = max(longest.get(film.fault.name, 0.0), round(film.seconds, 1))
        return dict(sorted(longest.items(), key=lambda each: -each[1]))

    # --- judging

    async def _endings(self) -> Sequence[judging.Ending]:
        await self._read_again([film for film in self.asked if film.unresolved])
        listed = await operators.listed(self._scene.mesh)
        books = {shop.dialect.name: _book(shop) for shop in self._scene.shops}
        return [_ending(film, books[film.shop.dialect.name].get(film.request), listed) for film in self.asked]

    async def _settled(self, doubtful: Sequence[films.Film]) -> Sequence[str]:
        """Return what is still wrong once an operator has settled everything; adopted jobs are taken in first."""

        async def settled() -> bool:
            await self._read_again(doubtful)
            return not any(film.unresolved for film in doubtful)

        with contextlib.suppress(AssertionError):
            await callers.until(settled, "what an operator settled", SETTLING_SECONDS)
        return judging.settled(await self._endings())

    @property
    def _told_about(self) -> Sequence[str]:
        """What was asked of vendors that tell, and is about what they tell."""
        return [film.fault.markers for film in self.asked if film.fault.telling and film.shop.dialect.signed]

    async def _heard(self) -> Mapping[str, int]:
        """Return what became of what vendors told, once what is still to be told has been."""

        async def all_heard() -> bool:
            return not judging.unheard(self._told_about, await self._scene.heard())

        with contextlib.suppress(AssertionError):
            await callers.until(all_heard, "what vendors tell", SETTLING_SECONDS)
        return await self._scene.heard()

    async def _read_again(self, them: Sequence[films.Film]) -> None:
        for film in them:
            film.found = await films.repeated(lambda one=film: self._scene.caller.get(one.generation_id))


async def report_of(plan: Plan, folder: pathlib.Path, say: Say) -> Report:
    """Run a plan with all its files below `folder`, which is empty; `say` is told how far it is."""
    killed = {dialect for dialect, fault in plan.rows if fault.kills}
    apart = plan.chosen if plan.core_apart else [one for one in plan.chosen if one in killed]
    opened = scene.opened(folder, plan.chosen, apart, core_apart=plan.core_apart, request_seconds=plan.request_seconds)
    async with opened as stage:
        say(f"a mesh is up, with {len(plan.chosen)} vendors")
        return await Run(plan, stage, say).run()


def _book(shop: scene.Shop) -> dict[str, ledger.Line]:
    return {line.request: line for line in shop.vendor.ledger.lines(shop.vendor.now)}


def _ending(film: films.Film, line: ledger.Line | None, listed: Sequence[str]) -> judging.Ending:
    dialect = film.shop.dialect
    return judging.Ending(
        vendor=dialect.name,
        name=f"{film.request} ({film.dialect}, {film.fault.name})",
        dialect=film.dialect,
        fault=film.fault.name,
        doubts_allowed=not dialect.lists,
        priced=dialect.priced,
        told_apart=dialect.told_apart,
        bill_known=film.fault.bill_known,
        state=film.found["state"],
        delivery=film.found["delivery"],
        open_at_the_end=film.open_at_the_end,
        attempts=[
            judging.Attempt(each["id"], each["state"], each["job_id"], each["held_micros"]) for each in film.attempts
        ],
        spent_micros=film.found["spent_micros"],
        jobs=line.job_ids if line else (),
        billed_micros=line.billed_micros if line else 0,
        listed=listed,
    )
