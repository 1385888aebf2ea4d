"""How many generations of everybody are unfinished: counted now and then, and kept up by what is admitted meanwhile."""

import contextlib
import dataclasses
import math
from collections.abc import Generator

# How far back it is looked to see how fast generations end; what is older counts less and less. Seconds.
REMEMBERED_SECONDS = 60.0
# Share of the limit that shall be free again before somebody who was refused comes back: they all come.
ROOM_SHARE = 0.01
SHORTEST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
# What somebody is asked to wait while nothing was seen to end.
UNKNOWN_WAIT_SECONDS = 30.0


@dataclasses.dataclass
class Entry:
    """One who wants in; whether it came in is known at the end."""

    fits: bool
    admitted: bool = False


@dataclasses.dataclass(frozen=True)
class _Count:
    unfinished: int
    #: How many had been admitted here when the count began.
    admitted: int
    moment_seconds: float


class Crowd:
    """What one process knows of the crowd. Others that admit, too, are known by the next count."""

    def __init__(self, limit: int) -> None:
        """Begin without a count; `limit` generations may be unfinished."""
        self.limit = limit
        self.admitted = 0
        self._entering = 0
        self._last: _Count | None = None
        self._ended = 0.0
        self._observed_seconds = 0.0

    @property
    def is_counted(self) -> bool:
        """Whether there was a count."""
        return self._last is not None

    @property
    def unfinished(self) -> int:
        """How many are unfinished, as far as is known, with those that are about to be admitted."""
        since = self.admitted - self._last.admitted if self._last else self.admitted
        return (self._last.unfinished if self._last else 0) + since + self._entering

    @contextlib.contextmanager
    def entering(self) -> Generator[Entry]:
        """Keep a place for one who wants in, if there is one, until it is known whether it came in."""
        entry = Entry(fits=self.unfinished < self.limit)
        taken = int(entry.fits)
        self._entering += taken
        try:
            yield entry
        finally:
            self._entering -= taken
            self.admitted += int(entry.admitted)

    def count(self, unfinished: int, admitted: int, moment_seconds: float) -> None:
        """Take a count that began when so many had been `admitted` here, at a moment of the observer's clock."""
        last, self._last = self._last, _Count(unfinished, admitted, moment_seconds)
        if last is None or moment_seconds <= last.moment_seconds:
            return
        seconds = moment_seconds - last.moment_seconds
        kept = math.exp(-seconds / REMEMBERED_SECONDS)
        ended = max(last.unfinished + admitted - last.admitted - unfinished, 0)
        self._ended = self._ended * kept + ended
        self._observed_seconds = self._observed_seconds * kept + seconds

    def wait_seconds(self) -> float:
        """Return after how long some room should be free again, at the pace at which generations ended lately.

        With several orchestrators each sees the room that it fills itself, so that the wait is rather too long.
        """
        if not self._ended:
            return UNKNOWN_WAIT_SECONDS
        room = max(self.limit * ROOM_SHARE, 1.0)
        return min(max(room * self._observed_seconds / self._ended, SHORTEST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)
