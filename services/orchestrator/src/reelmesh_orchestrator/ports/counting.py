"""What those who operate the mesh want to know of the record at any moment: how much is at work, and where it waits."""

import dataclasses
import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from reelmesh_orchestrator.model import draft

# Beyond this many rows of a kind nobody counts: the answer is "very many", and costs the same.
COUNTED_MOST = 100_000


@dataclasses.dataclass(frozen=True)
class Waiting:
    """What stands in one lane of the outbox."""

    messages: int
    """At most COUNTED_MOST."""
    oldest_seconds: float
    """How long the oldest of them has waited."""


@dataclasses.dataclass(frozen=True)
class Tally:
    """How much is at work. What is not named is none."""

    generations: Mapping[str, int]
    """Unfinished ones, by state; at most COUNTED_MOST in all."""
    attempts: Mapping[tuple[str, str], int]
    """Unfinished ones, by account and state; at most COUNTED_MOST in all."""
    outbox: Mapping[str, Waiting]
    """By lane."""
    breakers: Mapping[tuple[str, str], str] = dataclasses.field(default_factory=dict[tuple[str, str], str])
    """The state of each that ever heard bad news, by account and model."""
    switches: frozenset[tuple[str, str, str]] = frozenset()
    """What operators have switched off: provider, account, model; "" is any."""
    slots: Mapping[str, int] = dataclasses.field(default_factory=dict[str, int])
    """Attempts in flight at most, by enabled account."""
    retirements: Mapping[tuple[str, str], datetime.timedelta] = dataclasses.field(
        default_factory=dict[tuple[str, str], datetime.timedelta]
    )
    """How long until the day on which a model ends that has one, by provider and model; negative after it."""


@dataclasses.dataclass(frozen=True)
class Decided:
    """A decision that is on disk."""

    before: draft.Aggregate | None
    """None for what was admitted by it."""
    after: draft.Aggregate
    effects: Sequence[draft.Effect]


OnDecided = Callable[[Decided], None]


def nobody(decided: Decided) -> None:
    """Take no notice of a decision."""


class Counts(Protocol):
    """Who can count."""

    async def tally(self) -> Tally:
        """Count what is at work now. What has ended is not looked at, however much there is.

        Raises:
            errors.Unavailable: the database does not answer.
        """
        ...


class Gauges(Protocol):
    """Where the numbers are shown."""

    def show(self, tally: Tally) -> None:
        """Show these numbers, and no longer those of before."""
        ...

    def forget(self) -> None:
        """Show no numbers: nobody knows them."""
        ...
