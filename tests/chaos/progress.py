"""Looks at the record all the time: who moved when, what is wrong at any moment, how long it takes to recover."""

import asyncio
import bisect
import contextlib
import dataclasses
import re
import uuid
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from reelmesh_kit import clock, errors, sql
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_orchestrator.model import generation

from tests.chaos import vendor
from tests.support import invariants

LOOK_SECONDS = 0.2
# How long a database that was put back may take to answer.
BACK_SECONDS = 20.0
# Looks between two that read everything; the others read what is under way.
EVERYTHING_EVERY = 25
_ENDED = frozenset(state.value for state in generation.ENDED)
_COLUMNS = tables.GENERATIONS.c
# What stands still because it was asked to.
_STANDING = (vendor.STALL, vendor.STUBBORN)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclasses.dataclass
class _Life:
    """One generation as it was seen to move; times are the observer's."""

    moves: list[float]
    revision: int
    ended: bool
    stands: bool


class Progress:
    """What was seen so far."""

    def __init__(self, database: sql.Database, time: clock.Clock) -> None:
        """Look into `database`."""
        self._database = database
        self._clock = time
        self._lives: dict[uuid.UUID, _Life] = {}
        self._course = invariants.Course(every_commit=False)
        #: What was wrong, each once, in the order in which it was seen.
        self.wrong: dict[str, float] = {}
        self.looks = 0
        #: Generations that had moved in a stretch of time that the record has forgotten.
        self.touched: set[uuid.UUID] = set()
        self._looking = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def going_back(self, since: float) -> AsyncGenerator[None]:
        """Look at nothing while the record is put back to what it was at `since`; then begin with what it is."""
        async with self._looking:
            yield
            ends = self._clock.elapsed() + BACK_SECONDS
            while True:
                with contextlib.suppress(errors.Unavailable):
                    rows = await self._rows()
                    break
                assert self._clock.elapsed() < ends, "the database that was put back does not answer"
                await self._clock.sleep(LOOK_SECONDS)
            known = {row.id: row for row in rows}
            self._course = invariants.Course(every_commit=False)
            self.touched |= {one for one, life in self._lives.items() if life.moves and life.moves[-1] >= since}
            for one, life in self._lives.items():
                row = known.get(one)
                life.revision = row.revision if row is not None else -1
                life.ended = row is None or row.state in _ENDED

    async def watch(self) -> None:
        """Look until cancelled; a database that does not answer tells nothing."""
        while True:
            with contextlib.suppress(errors.Unavailable):
                async with self._looking:
                    await self.look()
            await self._clock.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once."""
        rows = await self._rows()
        now = self._clock.elapsed()
        before = {one for one, life in self._lives.items() if not life.ended}
        for row in rows:
            self._note(row.id, row.revision, row.state in _ENDED, any(word in row.prompt for word in _STANDING), now)
        self.looks += 1
        only = None if self.looks % EVERYTHING_EVERY == 0 else before | set(self.open)
        if only is None or only:
            await self._judge(only)

    async def _rows(self) -> Sequence[Any]:
        query = sa.select(_COLUMNS.id, _COLUMNS.revision, _COLUMNS.state, _COLUMNS.prompt)
        return await self._database.read(lambda transaction: transaction.rows(query))

    def _note(self, generation_id: uuid.UUID, revision: int, ended: bool, stands: bool, now: float) -> None:
        life = self._lives.setdefault(generation_id, _Life([], -1, False, stands))
        if life.revision != revision:
            life.moves.append(now)
        life.revision, life.ended = revision, ended

    async def _judge(self, only: set[uuid.UUID] | None) -> None:
        seen = await self._database.read(lambda transaction: invariants.Snapshot(transaction, only))
        for sentence in [*invariants.wrong_at_any_time(seen), *self._course.follow(seen)]:
            self.wrong.setdefault(sentence, self._clock.elapsed())

    @property
    def open(self) -> list[uuid.UUID]:
        """Generations that have not ended."""
        return [one for one, life in self._lives.items() if not life.ended]

    @property
    def count(self) -> int:
        """Generations that were ever seen."""
        return len(self._lives)

    def recovery_seconds(self, at: float) -> float | None:
        """Return how long after `at` the last of those that were under way had moved; None while one has not."""
        waits = [wait for wait, _ in self.waits(at)]
        if any(wait is None for wait in waits):
            return None
        return max((wait for wait in waits if wait is not None), default=0.0)

    def waits(self, at: float) -> list[tuple[float | None, uuid.UUID]]:
        """Return how long after `at` each generation moved that was under way; None for one that has not."""
        return [(self._wait(life, at), one) for one, life in self._lives.items() if self._under_way(life, at)]

    def slowest(self, at: float) -> uuid.UUID | None:
        """Return the one of those that were under way at `at` that was the last to move."""
        waits = [(float("inf") if wait is None else wait, one) for wait, one in self.waits(at)]
        return max(waits)[1] if waits else None

    @staticmethod
    def _under_way(life: _Life, at: float) -> bool:
        if life.stands or not life.moves or life.moves[0] > at:
            return False
        return not life.ended or life.moves[-1] > at

    @staticmethod
    def _wait(life: _Life, at: float) -> float | None:
        place = bisect.bisect_right(life.moves, at)
        return life.moves[place] - at if place < len(life.moves) else None

    async def named(self, sentences: Iterable[str]) -> list[uuid.UUID]:
        """Return the generations that sentences name, or of which they name an attempt."""
        words = {uuid.UUID(word) for sentence in sentences for word in _UUID.findall(sentence)}
        attempts, generations = tables.ATTEMPTS.c, tables.GENERATIONS.c
        owners = sa.select(attempts.generation_id).where(attempts.id.in_(words))
        query = sa.select(generations.id).where(sa.or_(generations.id.in_(words), generations.id.in_(owners)))
        rows = await self._database.read(lambda transaction: transaction.rows(query.order_by(generations.create_time)))
        return [row.id for row in rows]

    async def story(self, generation_id: uuid.UUID) -> list[str]:
        """Return what happened to a generation, a line for each event."""
        columns = tables.EVENTS.c
        query = sa.select(columns.create_time, columns.state, columns.type, columns.message)
        query = query.where(columns.generation_id == generation_id).order_by(columns.sequence)
        rows = await self._database.read(lambda transaction: transaction.rows(query))
        return [f"{row.create_time:%H:%M:%S.%f} {row.state:<11} {row.type}: {row.message[:120]}" for row in rows]
