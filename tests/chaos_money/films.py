"""Asks for films, each with something that goes wrong, and kills workers inside their submits."""

import asyncio
import collections
import contextlib
import dataclasses
import datetime
from collections.abc import Awaitable, Callable, Mapping, Sequence

import httpx
from reelmesh_kit import clock

from tests.chaos_money import faults, judging, record, scene
from tests.e2e import caller as callers

# How long a worker may take to die, or to be asked for something, before the run gives up.
PATIENCE_SECONDS = 240.0
REPEATS, REPEAT_SECONDS = 10, 1.0
# How long after its deadline a film may be delivered.
LATE_SECONDS = 30.0


@dataclasses.dataclass
class Film:
    """One request of a user.

    Attributes:
        number: makes its prompt the only one of its kind.
        dialect: whose row it belongs to, which for a film of another door is that door.
        shop: where it is bought.
        generation_id: once it was admitted.
        found: the generation as it was read last.
        asked_at, ended_at: seconds by the run's clock; 0 before.
        waits_seconds: how long it may take, if it was asked for with a deadline; else 0.
    """

    number: int
    dialect: str
    shop: scene.Shop
    fault: faults.Fault
    generation_id: str = ""
    found: callers.Body = dataclasses.field(default_factory=dict[str, object])
    asked_at: float = 0.0
    ended_at: float = 0.0
    waits_seconds: float = 0.0

    @property
    def attempts(self) -> Sequence[callers.Body]:
        """Its attempts at the vendor; those that cost nothing are nobody's business here."""
        provider = self.shop.dialect.provider
        return [one for shot in self.found["shots"] for one in shot["attempts"] if one["provider"] == provider]

    @property
    def unresolved(self) -> bool:
        """Whether one of them may still cost money."""
        return any(one["state"] in judging.UNRESOLVED for one in self.attempts)

    @property
    def open_at_the_end(self) -> bool:
        """Whether one of them was unresolved when the film ended; whoever is told to stop then does so later."""
        ended = self.found.get("complete_time")
        if self.unresolved or not ended:
            return self.unresolved
        return any(_moment(one["complete_time"]) > _moment(ended) for one in self.attempts)

    @property
    def request(self) -> str:
        """Its prompt without markers: by it the vendor's book knows it."""
        return f"Film number {self.number}"

    @property
    def prompt(self) -> str:
        """Its prompt."""
        return f"{self.request} {self.fault.markers}".strip()

    @property
    def output(self) -> Mapping[str, object]:
        """What is asked for: where a list tells nobody apart, what is lost by one fault has a shape of its own."""
        dialect = self.shop.dialect
        if dialect.told_apart or not self.fault.lost:
            return dialect.output
        return dialect.shaped(dialect.shapes[faults.LOST.index(self.fault)])

    @property
    def seconds(self) -> float:
        """How long it took, or takes so far as anybody looked; 0 where it was not asked for."""
        return max(0.0, self.ended_at - self.asked_at)

    @property
    def ends_by_deadline(self) -> bool:
        """Whether nobody will ever learn what became of it, so that only its deadline ends the wait."""
        return self.fault.endless or (self.fault.lost and not self.shop.dialect.lists)


@dataclasses.dataclass(frozen=True)
class Limits:
    """How it is done.

    Attributes:
        parallel: films of one vendor that are under way at a time.
        deadline_seconds: after which a film is delivered as it is that nobody can resolve.
        film_seconds: after which a film is judged as it is then.
        asking_seconds: after which no more are asked for.
        doubtful_seconds: after which any film is delivered as it is of a vendor where nobody can look: its answer may
            come too late by chance, too, where this machine is busy.
        over_seconds: when, from the start, whatever has not ended is delivered as it is.
    """

    parallel: int
    deadline_seconds: float
    film_seconds: float
    asking_seconds: float
    doubtful_seconds: float
    over_seconds: float

    def waits_seconds(self, film: Film, left_seconds: float) -> float:
        """Return how long a film may take that is asked for with so much time left: none is waited for without end."""
        if film.ends_by_deadline:
            return self.deadline_seconds
        most = left_seconds if film.shop.dialect.lists else min(left_seconds, self.doubtful_seconds)
        return max(self.deadline_seconds, most)


async def ended(stage: scene.Scene, seen: record.Record, film: Film, limits: Limits) -> None:
    """Wait for the end of a film, and read it; what has not ended after a while is read as it is."""
    seconds = film.waits_seconds + LATE_SECONDS if film.waits_seconds else limits.film_seconds
    await seen.ended(film.generation_id, min(seconds, limits.film_seconds))
    film.ended_at = seen.now
    film.found = await repeated(lambda: stage.caller.get(film.generation_id))


def _moment(told: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(told)


async def repeated(call: Callable[[], Awaitable[callers.Body]]) -> callers.Body:
    """Call our gateway, again where its answer is lost: creates have a key, so that they can be repeated."""
    for _ in range(REPEATS):
        # Lost, or 503 and 504: everybody is busy.
        with contextlib.suppress(httpx.TransportError, AssertionError):
            return await call()
        await clock.SystemClock().sleep(REPEAT_SECONDS)
    return await call()


class Filming:
    """Has the films of one vendor made."""

    def __init__(
        self, stage: scene.Scene, shop: scene.Shop, seen: record.Record, time: clock.Clock, limits: Limits
    ) -> None:
        """Buy at `shop`."""
        self._scene = stage
        self._shop = shop
        self._seen = seen
        self._clock = time
        self._limits = limits
        self._slots = asyncio.Semaphore(limits.parallel)
        # Where nothing tells requests apart, two that are lost at a time may get each other's job.
        self._alone = collections.defaultdict[faults.Fault, asyncio.Lock](asyncio.Lock)
        self._began = time.elapsed()
        self.kills = 0

    async def run(self, films: Sequence[Film]) -> None:
        """Have all of them made: first those that kill, then those that have to wait, slow ones, and the others."""
        killing = [film for film in films if film.fault.kills]
        others = [film for film in films if film not in killing]
        others.sort(key=lambda film: (not film.ends_by_deadline, not film.fault.slow))
        async with asyncio.TaskGroup() as group:
            # Alone: whoever dies takes along what else it was asking for.
            for fault in dict.fromkeys(film.fault for film in killing):
                struck = [film for film in killing if film.fault is fault]
                await self._kill(fault, struck)
                for film in struck:
                    group.create_task(self._end(film))
                await self._until(
                    lambda them=struck: all(map(self._is_answered, them)), f"what is left of {fault.name}"
                )
            for film in others:
                group.create_task(self._make(film))

    async def _make(self, film: Film) -> None:
        alone = film.fault.lost and not self._shop.dialect.told_apart
        async with self._alone[film.fault] if alone else contextlib.nullcontext(), self._slots:
            if self._clock.elapsed() > self._began + self._limits.asking_seconds:
                return
            await self._ask(film)
            if not film.ends_by_deadline:
                await self._end(film)
                return
            await self._until(lambda: self._is_answered(film), f"an answer for {film.prompt}")
        # Whoever waits for nothing but a deadline takes nobody's place meanwhile.
        await self._end(film)

    async def _ask(self, film: Film) -> None:
        wishes: dict[str, object] = {"policy": self._shop.dialect.name}
        film.asked_at = self._clock.elapsed()
        film.waits_seconds = self._limits.waits_seconds(film, self._began + self._limits.over_seconds - film.asked_at)
        ends = self._clock.now() + datetime.timedelta(seconds=film.waits_seconds)
        wishes["deadline_time"] = ends.isoformat()
        wishes["request_id"] = f"film-{film.number}"
        made = await repeated(lambda: self._scene.caller.create(film.prompt, film.output, **wishes))
        film.generation_id = made["id"]

    async def _end(self, film: Film) -> None:
        await ended(self._scene, self._seen, film, self._limits)

    def _is_answered(self, film: Film) -> bool:
        return self._seen.over(film.generation_id) or self._seen.answered(film.generation_id)

    # --- killing

    async def _kill(self, fault: faults.Fault, struck: Sequence[Film]) -> None:
        """Ask for films and kill the worker in the midst of it, by itself or from outside; then start the next one."""
        worker = self._scene.worker(self._shop)
        if fault.point:
            _write(self._shop, fault.point)
            await asyncio.gather(*(self._ask(film) for film in struck))
            await asyncio.wait_for(worker.dead(), PATIENCE_SECONDS)
            _write(self._shop, "")
        else:
            before = self._vendor_has(fault)
            await asyncio.gather(*(self._ask(film) for film in struck))
            await self._until(lambda: self._vendor_has(fault) > before, f"a request to die over: {fault.name}")
        await worker.kill()
        self.kills += 1
        await worker.start()

    def _vendor_has(self, fault: faults.Fault) -> int:
        seller = self._shop.vendor
        return seller.asked.get("create", 0) if fault.kill == "asked" else len(seller.ledger.creates())

    async def _until(self, condition: callers.Condition, what: str) -> None:
        await callers.until(condition, what, PATIENCE_SECONDS)


def _write(shop: scene.Shop, points: str) -> None:
    """Say where the worker dies; whole, by a rename, as it looks at any moment."""
    fresh = shop.crash_file.with_suffix(".new")
    fresh.write_text(points)
    fresh.replace(shop.crash_file)
