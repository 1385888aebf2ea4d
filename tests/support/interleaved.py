"""The small world in which interleavings are explored: what is where at one moment, and the rows by number."""

import dataclasses
import uuid
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from reelmesh_orchestrator.model import advancing, attempt, draft, facts, recovering

from tests.support import orchestrator


@dataclasses.dataclass(frozen=True)
class Rules:
    """The functions that move the rows; a planted bug replaces one."""

    begin: Callable[[draft.Draft, uuid.UUID, str, str], facts.Leave] = facts.begin
    record: Callable[[draft.Draft, uuid.UUID, facts.Job, str, facts.Job | None], None] = facts.record
    conclude: Callable[[draft.Draft, uuid.UUID, int, str], bool] = facts.conclude
    reconcile: Callable[[draft.Draft, Sequence[recovering.Found]], object] = recovering.reconcile
    #: Whether leave to submit is refused from the moment in which the record has gone back.
    notices: bool = True
    #: Whether finders begin anew when the record has gone back.
    forgets: bool = True


@dataclasses.dataclass(frozen=True)
class Physics:
    """How the world around the rows behaves, in ticks."""

    #: Leave to submit: the last byte must be out so long after the first sending of Begin.
    window: int = 1
    #: Longest that a running worker takes from headers to last byte.
    writing: int = 1
    #: Last byte to creation at the vendor.
    creation: int = 1
    #: Creation to visibility in the vendor's list.
    listing: int = 1
    #: "Never created" needs a list that started so long after the finder first saw the row: more than the sum above.
    wait: int = 4
    #: Where the window counts from: "sending" of Begin, or (a bug) the reading of its "reply".
    anchor: str = "sending"
    #: How often the worker may be frozen.
    freezes: int = 1
    #: Whether a dispatched attempt may be withdrawn once.
    withdrawals: bool = False
    #: Whether the user may cancel.
    cancels: bool = False
    #: Whether the vendor may refuse.
    refusals: bool = False
    #: Look only for decisions against what the rows say: for vendors that are slower than they promise.
    only_known: bool = False
    #: Whether the record may go back.
    setbacks: bool = False
    #: How long after that accounts are read at the soonest: more than the sum above.
    census: int = 4
    horizon: int = 8


class World(NamedTuple):
    """Everything at one moment."""

    now: int
    rows: int  # number of the aggregate
    worker: str = "idle"  # idle asked go headers sent left id refused stop done dead
    anchor: int = -1
    headers: int = -1
    reply: str = ""  # to Begin: "", go, drop, lost
    frozen: bool = False
    freezes: int = 0
    wire: tuple[tuple[int, int, int], ...] = ()  # (attempt, tick, worker) of submits on their way
    jobs: tuple[tuple[int, int, bool, int], ...] = ()  # (attempt, tick, visible, worker) at the vendor
    answer: str = ""  # to the submit of worker 1: "", id, refusal
    posts: int = 0  # submits of the first attempt
    seen: int = -1  # when the finder first saw the first attempt
    finder: str = "idle"  # idle hit miss
    enough: bool = False  # whether its list started late enough to tell something by showing nothing
    fresh: bool = False  # whether nothing changed since the finder read the revision
    backup: int = -1  # number of the aggregate in the backup
    era: int = 0  # how often the record went back
    looking: int = -1  # since when lost jobs are looked for; -1: they are not
    violation: str = ""


# What happened, and what it led to.
Step = tuple[str, World]


@dataclasses.dataclass(frozen=True)
class Found:
    """What an exploration came to."""

    violation: str
    trace: tuple[str, ...]
    states: int
    #: States that the two attempts were seen in.
    reached: frozenset[tuple[int, attempt.AttemptState]]

    def __str__(self) -> str:
        """Return the trace for people."""
        head = self.violation or "no violation"
        return f"{head} after {self.states} states\n" + "\n".join(f"  {line}" for line in self.trace)


class Rows:
    """The record: aggregates by number, and what each decision makes of each."""

    def __init__(self) -> None:
        """Begin with a generation of one shot that was just admitted."""
        self._aggregates: list[draft.Aggregate] = []
        self._numbers: dict[Any, int] = {}
        self._moves: dict[tuple[int, str], tuple[int, Any]] = {}
        self.first = self._number(orchestrator.admitted(orchestrator.PAID).aggregate)

    def attempts(self, number: int) -> tuple[attempt.Attempt, ...]:
        """Return the attempts of an aggregate."""
        return self._aggregates[number].attempts

    def state(self, number: int, which: int) -> attempt.AttemptState | None:
        """Return the state of the first or second attempt."""
        attempts = self._aggregates[number].attempts
        return attempts[which - 1].state if len(attempts) >= which else None

    def moved(self, number: int, name: str, decision: Callable[[draft.Draft], Any]) -> tuple[int, Any]:
        """Run a decision and what follows from it as one transaction; `name` stands for the decision."""
        known = self._moves.get((number, name))
        if known is None:
            going = draft.Draft(self._aggregates[number], orchestrator.NOW)
            result = decision(going)
            advancing.advance(going, orchestrator.POLICY)
            known = self._moves[number, name] = (self._number(going.aggregate), result)
        return known

    def _number(self, aggregate: draft.Aggregate) -> int:
        current = aggregate.generation
        key = (current.state, current.cancel_time, aggregate.shots, aggregate.attempts)
        if key not in self._numbers:
            self._numbers[key] = len(self._aggregates)
            self._aggregates.append(aggregate)
        return self._numbers[key]
