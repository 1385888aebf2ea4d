"""What was done to whom, and how long the mesh took to get over it."""

import dataclasses
from collections.abc import Callable, Sequence


@dataclasses.dataclass
class Entry:
    """One thing that was done."""

    what: str
    whom: str
    #: Seconds since the run began.
    began: float
    #: From when on the mesh is expected to recover, by the observer's clock; None for what was not done.
    at: float | None = None
    #: Why it was not done, or what came of it besides.
    remark: str = ""
    recovery_seconds: float | None = None
    #: Whether the record went back: that takes as long as accounts have to be looked through, too.
    restore: bool = False


class Logbook:
    """Everything that was done, in order."""

    def __init__(self, began: float, tell: Callable[[str], None]) -> None:
        """Begin at `began`, by the observer's clock; what is done is told at once, too."""
        self._began = began
        self._tell = tell
        self.entries: list[Entry] = []
        self.kills = 0

    def note(self, what: str, whom: str, now: float, *, at: float | None = None, remark: str = "") -> Entry:
        """Write down what is done `now`."""
        entry = Entry(what, whom, now - self._began, at, remark)
        self.entries.append(entry)
        self._tell(f"{entry.began:7.1f} s  {what}: {whom}{f' (not done: {remark})' if remark else ''}")
        return entry

    def measured(self, recovery_seconds: Callable[[float], float | None]) -> None:
        """Fill in how long each recovery took that has come to an end; those that are known stay."""
        for entry in self.entries:
            if entry.at is not None and entry.recovery_seconds is None:
                entry.recovery_seconds = recovery_seconds(entry.at)

    @property
    def longest_recovery_seconds(self) -> float:
        """The longest of them; endless if one did not come to an end. Those after the record went back are apart."""
        return self._longest(restore=False)

    @property
    def longest_restore_seconds(self) -> float:
        """The longest that it took after the record went back, the wait of the census included."""
        return self._longest(restore=True)

    def _longest(self, *, restore: bool) -> float:
        slowest = self.slowest(restore=restore)
        return _seconds(slowest) if slowest is not None else 0.0

    def slowest(self, *, restore: bool) -> Entry | None:
        """Return what took the mesh the longest to get over, of what the record survived, or of what it did not."""
        done = (entry for entry in self.entries if entry.at is not None and entry.restore is restore)
        return max(done, key=_seconds, default=None)

    def lines(self) -> Sequence[str]:
        """Return the table."""
        wide = max((len(entry.what) for entry in self.entries), default=0)
        return [
            f"{entry.began:7.1f} s  {entry.what:<{wide}}  {entry.whom:<18} {_recovered(entry)}"
            for entry in self.entries
        ]


def _seconds(entry: Entry) -> float:
    return float("inf") if entry.recovery_seconds is None else entry.recovery_seconds


def _recovered(entry: Entry) -> str:
    if entry.at is None:
        return f"not done: {entry.remark}"
    over = "not got over" if entry.recovery_seconds is None else f"got over in {entry.recovery_seconds:.1f} s"
    return f"{over}{'; ' + entry.remark if entry.remark else ''}"
