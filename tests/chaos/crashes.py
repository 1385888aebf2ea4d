"""Lets one process of each service die at every crash point, one after the other, with time to recover in between."""

import asyncio
import collections
import contextlib
import os
import pathlib
from collections.abc import Awaitable, Callable, Iterable

from reelmesh_gateway import crash_points as gateway_points
from reelmesh_kit import chance, clock
from reelmesh_media import crash_points as media_points
from reelmesh_orchestrator import crash_points as orchestrator_points
from reelmesh_provider import crash_points as provider_points
from reelmesh_storage import crash_points as storage_points

from tests.chaos import fleet

TABLES = {
    "storage": storage_points.TABLE,
    "orchestrator": orchestrator_points.TABLE,
    "media": media_points.TABLE,
    fleet.WORKER: provider_points.TABLE,
    "gateway": gateway_points.TABLE,
}
# A point is waited for at its n-th pass, n up to this; whenever it was not reached for a while, for one pass less.
MOST_PASSES = 4
WAIT_SECONDS = 10.0
LOOK_SECONDS = 0.1
# What was waited for so long in vain is passed seldom (when a process starts, say, or after the death of another): it
# is waited for in the pauses, too.
SELDOM_AFTER_SECONDS = 90.0
# Only the life after a death at the one passes the other: it is told so from its beginning.
FORERUNNERS = {provider_points.REPLAYED.name: provider_points.JOURNALLED.name}
# Between two deaths of one service: at least, and at most, when it takes the others long to recover.
PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 15.0


def all_points() -> list[str]:
    """Return the crash points of all services."""
    return [name for table in TABLES.values() for name in table.names]


class Points:
    """Which points are still to be visited, and at which pass."""

    def __init__(self, names: Iterable[str], seeded: chance.Chance) -> None:
        """Begin with all of them; draw from `seeded` at which pass each is waited for."""
        self.names = tuple(names)
        self.visited: dict[str, str] = {}
        self._left = {name: 1 + int(seeded.uniform(0, MOST_PASSES)) for name in self.names}
        self._left.update((name, 1) for name in FORERUNNERS.keys() & self._left.keys())
        self._waited_seconds: collections.defaultdict[str, float] = collections.defaultdict(float)

    @property
    def left(self) -> list[str]:
        """Those that nobody has died at yet."""
        return list(self._left)

    def of(self, service: str) -> list[str]:
        """Return those of a service that are left."""
        return [name for name in self._left if name in TABLES[service].names]

    def told(self, names: Iterable[str]) -> str:
        """Return what a process is told that shall die at one of these; the next time at one pass less."""
        words = [f"{name}:{self._left[name]}" for name in names]
        words += [f"{name}:1" for name in map(FORERUNNERS.get, names) if name in self.visited]
        for name in names:
            self._left[name] = max(1, self._left[name] - 1)
        return ",".join(words)

    def waited(self, names: Iterable[str], seconds: float) -> None:
        """Note for how long a process would have died at any of these, and did at one at most."""
        for name in names:
            self._waited_seconds[name] += seconds

    def seldom(self, service: str) -> list[str]:
        """Return those of a service that are left although they were waited for long enough, or begin a life."""
        return [
            name
            for name in self.of(service)
            if self._waited_seconds[name] > SELDOM_AFTER_SECONDS or FORERUNNERS.get(name) in self.visited
        ]

    def visit(self, name: str, member: str) -> None:
        """Note that a process died there."""
        self.visited[name] = member
        self._left.pop(name, None)


class Visits:
    """Arms and disarms the first process of each service."""

    def __init__(
        self, running: fleet.Fleet, points: Points, time: clock.Clock, recovered: Callable[[float], Awaitable[None]]
    ) -> None:
        """Visit `points`; `recovered` waits until a death at that time was got over, for a while."""
        self._fleet = running
        self._points = points
        self._clock = time
        self._recovered = recovered

    async def all(self) -> None:
        """Visit every point that is left; all services at the same time. Until cancelled, if one is never passed."""
        try:
            await asyncio.gather(*(self._visit(*self._fleet.of(service)) for service in fleet.SERVICES))
        finally:
            for member in self._fleet.members:
                _write(member.crash_file, "")

    async def _visit(self, member: fleet.Member, *others: fleet.Member) -> None:
        """Let a process die at all points of its service; what is passed seldom may happen to others of its kind."""
        while left := self._points.of(member.service):
            for other in others:
                _write(other.crash_file, self._points.told(self._points.seldom(member.service)))
            _write(member.crash_file, self._points.told(left))
            since = self._clock.elapsed()
            died = await self._death_among(left)
            now = self._clock.elapsed()
            self._points.waited(left, now - since)
            if not died:
                continue
            for other in others:
                # Else it dies again and again, where every life passes.
                _write(other.crash_file, "")
            _write(member.crash_file, self._points.told(self._points.seldom(member.service)))
            await self._clock.sleep(PAUSE_SECONDS)
            with contextlib.suppress(TimeoutError):
                await self._clock.wait_for(self._recovered(now), LONGEST_PAUSE_SECONDS - PAUSE_SECONDS)

    async def _death_among(self, left: list[str]) -> bool:
        """Wait for a while until somebody has died at one of these points; tell whether."""
        ends = self._clock.elapsed() + WAIT_SECONDS
        while self._clock.elapsed() < ends:
            if any(name in self._points.visited for name in left):
                return True
            await self._clock.sleep(LOOK_SECONDS)
        return False


def disarm(file: pathlib.Path, point: str) -> None:
    """Let nobody die at a point any more that a file may name: who is started again would die there again at once."""
    words = file.read_text().split(",") if file.exists() else []
    left = [word for word in words if word.rpartition(":")[0] != point]
    if left != words:
        _write(file, ",".join(left))


def _write(file: pathlib.Path, text: str) -> None:
    """Change what a process is told, all at once."""
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    os.replace(fresh, file)  # noqa: PTH105 - says what it does
