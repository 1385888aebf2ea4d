"""What a deed is, and what it is given to do it with."""

import dataclasses
from collections.abc import Awaitable, Callable

from reelmesh_kit import chance, clock, crashing, sql

from tests.chaos import callers, fleet, history, places, progress


@dataclasses.dataclass
class Scene:
    """The mesh, what it stands on, and the seed's chance."""

    stands_on: places.Places
    fleet: fleet.Fleet
    #: That of the orchestrator.
    database: sql.Database
    time: clock.Clock
    seeded: chance.Chance
    progress: progress.Progress
    history: history.History
    #: Who calls the gateways, once they live.
    user: callers.Caller | None = None

    @property
    def caller(self) -> callers.Caller:
        """Who calls the gateways."""
        assert self.user is not None, "nobody calls yet"
        return self.user

    def one_of(self, service: str) -> fleet.Member:
        """Draw a process of a service."""
        members = self.fleet.of(service)
        return members[int(self.seeded.uniform(0, len(members)))]


@dataclasses.dataclass(frozen=True)
class Deed:
    """Something bad that happens to the mesh, and passes."""

    what: str
    whom: str
    #: Does it, sees to it that it passes, and returns from when on the mesh is expected to recover (its own clock).
    act: Callable[[Scene], Awaitable[float]]
    #: Why it cannot be done here; "" if it can.
    absent: str = ""
    #: Whether the record goes back by it.
    restores: bool = False
    #: Crash points that are hardly ever passed without it: while others are visited, it is done for their sake alone.
    brings: frozenset[str] = frozenset()


def points_of(*acts: crashing.Act) -> frozenset[str]:
    """Return the crash points of these acts."""
    return frozenset(name for act in acts for name in act.points.values())
