"""Looks at all generations that are followed here at once, so that followers learn of changes whose bell was lost."""

import contextlib
import itertools
import uuid
from collections.abc import Callable, Generator

from reelmesh_kit import clock, errors

from reelmesh_orchestrator import ports

# How long a change may go unnoticed whose bell did not ring: bells are lossy.
PULSE_SECONDS = 2.0
# Generations that one question names.
BATCH = 1000


class Follower:
    """Who follows a generation: rung when the record does not say any more what it knows."""

    def __init__(self, rang: ports.Bell) -> None:
        """Take the bell; nothing is known yet."""
        self._rang = rang
        self._revision: int | None = None

    def knows(self, revision: int | None) -> None:
        """Say up to which revision everything was read; None: something is missing."""
        self._revision = revision

    def hear(self, revision: int | None) -> None:
        """Learn which revision the record has now; None: there is no such generation."""
        if revision is None or revision != self._revision:
            self._rang.set()


class Pulse:
    """One look at regular times for everybody who follows anything in this process."""

    def __init__(self, record: ports.Record, time: clock.Clock, leaving: Callable[[], bool]) -> None:
        """Take the record, and what tells that this process is about to stop: then all followers are rung."""
        self._record = record
        self._clock = time
        self._leaving = leaving
        self._followers: dict[uuid.UUID, set[Follower]] = {}

    @contextlib.contextmanager
    def following(self, generation_id: uuid.UUID, rang: ports.Bell) -> Generator[Follower]:
        """Ring a bell whenever a generation is not any more what its follower knows. Begun before the first read."""
        follower = Follower(rang)
        self._followers.setdefault(generation_id, set()).add(follower)
        try:
            yield follower
        finally:
            there = self._followers[generation_id]
            there.discard(follower)
            if not there:
                del self._followers[generation_id]

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self._clock.sleep(PULSE_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Look once, with one question for each BATCH of generations.

        Raises:
            errors.ReelmeshError: the database does not answer; all were rung, to find out by themselves.
        """
        if self._leaving():
            self._ring(list(self._followers))
            return
        wanted = iter(list(self._followers))
        while batch := list(itertools.islice(wanted, BATCH)):
            try:
                revisions = await self._record.read(lambda store, some=batch: store.revisions(some))
            except errors.ReelmeshError:
                self._ring(list(self._followers))
                raise
            for generation_id in batch:
                for follower in self._followers.get(generation_id, ()):
                    follower.hear(revisions.get(generation_id))

    def _ring(self, generation_ids: list[uuid.UUID]) -> None:
        for generation_id in generation_ids:
            for follower in self._followers[generation_id]:
                follower.hear(None)
