"""How often something is written that happens again and again: once, then how often it happened, now and then.

What flaps would otherwise fill the cluster's memory of what happened, which it keeps for an hour.
"""

import dataclasses

from reelmesh_operator.model.happenings import Happening

# What happens again within this time is the same happening, once more.
WINDOW_SECONDS = 600.0
# In which so many different ones of a kind are told in their own words.
TOLD_MOST = 5
# How often the number of a series is written.
COUNT_AGAIN_SECONDS = 60.0


@dataclasses.dataclass(frozen=True)
class Series:
    """Happenings of a pool that have one reason."""

    #: What the newest is kept as, and its words.
    name: str
    note: str
    #: When the newest was kept, and how many were within the window before.
    since: float
    told: int
    #: How often it has happened, when last, and what of that is written.
    count: int = 1
    last_at: float = 0.0
    written: int = 1
    written_at: float = 0.0


def again(known: Series | None, happened: Happening, name: str, now: float) -> Series:
    """Return the series after something has happened: a new one by `name`, or the known one, once more."""
    if known is None or now - known.last_at > WINDOW_SECONDS:
        return Series(name, happened.note, now, 1, last_at=now, written_at=now)
    if happened.note != known.note and known.told < TOLD_MOST:
        return Series(name, happened.note, now, known.told + 1, last_at=now, written_at=now)
    return dataclasses.replace(known, count=known.count + 1, last_at=now)


def is_due(one: Series, now: float) -> bool:
    """Tell whether the number of a series is to be written."""
    return one.count > one.written and now - one.written_at >= COUNT_AGAIN_SECONDS


def is_over(one: Series, now: float) -> bool:
    """Tell whether a series can be forgotten."""
    return now - one.last_at > WINDOW_SECONDS and one.count == one.written
