"""Which generation a call means that has no key of its own, but whose client counts how often it sent it.

The openai SDK sends a create again when the answer is lost, under a count and nothing else. What is told here is whose
answer it gets: the rule is that generations never outnumber the calls that people made (docs/decisions/0012).
"""

import dataclasses
import datetime
import re
import uuid
from collections.abc import Sequence

from reelmesh_kit import errors

# Ten minutes, which is also how long the openai SDK waits for an answer; and its pauses, connecting and the way there.
WINDOW_SECONDS = 630.0
# Of calls with the same content: beyond that the oldest are forgotten, and their repeats get what a younger one made.
MOST_TWINS = 64
MOST_REPEATS = 1000

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclasses.dataclass(frozen=True)
class Sending:
    """One arrival of a call: whose key sent it, what it asks for, and how often it was sent before."""

    key_id: str
    body_sha256: str
    count: int


@dataclasses.dataclass(frozen=True)
class Twin:
    """A generation that such a call made."""

    generation_id: uuid.UUID
    #: The arrival whose count was 0; None while only repeats have come, for then one may still be on its way.
    first_id: uuid.UUID | None
    #: The highest count that got this generation.
    count: int
    seen_time: datetime.datetime


def check(sending: Sending) -> None:
    """Refuse what is no sending.

    Raises:
        errors.InvalidArgument: naming the field and what it may be.
    """
    if not _SHA256.fullmatch(sending.body_sha256):
        raise errors.InvalidArgument("repeat.body_sha256", "must be 64 hex digits in lower case")
    if not 0 <= sending.count <= MOST_REPEATS:
        raise errors.InvalidArgument("repeat.count", f"must be 0 to {MOST_REPEATS}")


def recent(twins: Sequence[Twin], now: datetime.datetime) -> tuple[Twin, ...]:
    """Return those that may still be meant, oldest first."""
    since = now - datetime.timedelta(seconds=WINDOW_SECONDS)
    return tuple(sorted((one for one in twins if one.seen_time >= since), key=lambda one: one.seen_time))


def meant(twins: Sequence[Twin], arrival_id: uuid.UUID, count: int, now: datetime.datetime) -> Twin | None:
    """Return whose answer an arrival gets; None if it makes a generation of its own.

    A first sending gets what its own repeat has made before it came. A repeat gets what was made by its call: of
    several calls, the one whose latest known sending comes right before it, then the one heard of last.
    """
    live = recent(twins, now)
    if count == 0:
        same = [one for one in live if one.first_id == arrival_id]
        return next(iter(same + [one for one in live if one.first_id is None]), None)
    earlier = [one for one in live if one.count < count]
    return max(earlier or live, key=lambda one: (one.count if earlier else 0, one.seen_time), default=None)


def joined(
    twins: Sequence[Twin], twin: Twin, arrival_id: uuid.UUID, count: int, now: datetime.datetime
) -> tuple[Twin, ...]:
    """Return what is remembered once an arrival got the answer of `twin`."""
    known = dataclasses.replace(
        twin, first_id=twin.first_id if count else arrival_id, count=max(twin.count, count), seen_time=now
    )
    return tuple(known if one is twin else one for one in recent(twins, now))


def made(twins: Sequence[Twin], generation_id: uuid.UUID, count: int, now: datetime.datetime) -> tuple[Twin, ...]:
    """Return what is remembered once an arrival has made the generation that has its id."""
    new = Twin(generation_id, None if count else generation_id, count, now)
    return (*recent(twins, now), new)[-MOST_TWINS:]
