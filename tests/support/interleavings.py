"""Explores every interleaving of one shot's attempts: rows move by the real model, all around them is played here.

The attempt rows are moved by the functions of `model.facts` and by `advancing.advance`, as a transaction of the
orchestrator does; worker, network, vendor, finder and time are a small world of whole ticks. The search is breadth
first, so that the trace to a violation is a shortest one. Time does not reach the real functions (no deadline, no
back-off is asked for here), so that the finitely many aggregates are numbered and each of their moves is computed once.
"""

import collections
import dataclasses
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from reelmesh_orchestrator.model import advancing, attempt, draft, facts, verbs

from tests.support import orchestrator

# More states than this are not explored: the run is given up rather than the machine.
MOST_STATES = 3_000_000
FIRST, SECOND = 1, 2
_A = attempt.AttemptState


@dataclasses.dataclass(frozen=True)
class Rules:
    """The functions that move the rows; a planted bug replaces one."""

    begin: Callable[[draft.Draft, uuid.UUID, str, str], facts.Leave] = facts.begin
    record: Callable[[draft.Draft, uuid.UUID, facts.Job, str, facts.Job | None], None] = facts.record
    conclude: Callable[[draft.Draft, uuid.UUID, int, str], bool] = facts.conclude


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
    violation: str = ""


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


class Exploration:
    """A breadth-first search through everything that may happen."""

    def __init__(self, physics: Physics, rules: Rules | None = None) -> None:
        """Take the world and the functions that move the rows."""
        self._physics = physics
        self._rules = rules or Rules()
        self._rows = Rows()

    def run(self) -> Found:
        """Explore until everything was seen, or the first violation."""
        begin = World(0, self._rows.first)
        came: dict[World, tuple[World, str] | None] = {begin: None}
        queue = collections.deque([begin])
        while queue:
            here = queue.popleft()
            violation = here.violation or self._violation(here)
            if violation:
                return Found(violation, _trace(came, here), len(came), self._reached(came))
            for name, there in self._steps(here):
                if there not in came:
                    came[there] = (here, name)
                    queue.append(there)
            if len(came) > MOST_STATES:
                raise AssertionError(f"more than {MOST_STATES} states: choose a smaller horizon")
        return Found("", (), len(came), self._reached(came))

    def _reached(self, came: dict[World, Any]) -> frozenset[tuple[int, attempt.AttemptState]]:
        numbers = {world.rows for world in came}
        states = {(which, self._rows.state(number, which)) for number in numbers for which in (FIRST, SECOND)}
        return frozenset((which, state) for which, state in states if state is not None)

    def _violation(self, here: World) -> str:
        if here.posts > 1:
            return "attempt 1 submitted twice"
        if len(here.jobs) > 1 and not self._physics.only_known:
            return "two paid jobs for one shot"
        return ""

    def _steps(self, here: World) -> Iterator[Step]:
        if not here.frozen:
            yield from self._worker(here)
        yield from self._accidents(here)
        yield from self._network(here)
        yield from self._vendor(here)
        yield from self._orchestrator(here)
        yield from self._finder(here)
        yield from self._second_worker(here)
        if here.now < self._physics.horizon and not self._urgent(here):
            yield "tick", here._replace(now=here.now + 1)

    # --- worker 1, on the first attempt

    def _worker(self, here: World) -> Iterator[Step]:
        asked = here.worker == "asked"
        if here.worker == "idle":
            yield "worker 1 sends Begin", here._replace(worker="asked", anchor=here.now)
        elif asked and here.reply == "go":
            anchor = here.now if self._physics.anchor == "reply" else here.anchor
            yield "worker 1 reads go", here._replace(worker="go", reply="", anchor=anchor)
        elif asked and here.reply == "drop":
            yield "worker 1 reads drop", here._replace(worker="stop", reply="", anchor=-1)
        elif asked and here.reply == "lost":
            yield "worker 1 sends Begin again", here._replace(reply="")
        elif here.worker == "go":
            yield "worker 1 writes headers", here._replace(worker="headers", headers=here.now)
        elif here.worker == "headers":
            yield self._last_byte(here)
        else:
            yield from self._after_submit(here)

    def _last_byte(self, here: World) -> Step:
        if here.now - here.anchor > self._physics.window:
            return "worker 1 sees the window passed", here._replace(worker="left", anchor=-1, headers=-1)
        wire = tuple(sorted((*here.wire, (FIRST, here.now, 1))))
        return "worker 1 writes the last byte", here._replace(
            worker="sent", wire=wire, posts=here.posts + 1, anchor=-1, headers=-1
        )

    def _after_submit(self, here: World) -> Iterator[Step]:
        if here.worker == "left":
            yield self._declined(here, facts.Verdict.NOT_SENT)
        elif here.worker == "refused":
            yield self._declined(here, facts.Verdict.REFUSED)
        elif here.worker == "sent":
            if here.answer == "id":
                yield "worker 1 reads the id", here._replace(worker="id", answer="")
            elif here.answer == "refusal":
                yield "worker 1 reads the refusal", here._replace(worker="refused", answer="")
            else:
                yield self._declined(here, facts.Verdict.UNKNOWN)
        elif here.worker == "id":
            yield self._recorded(here._replace(worker="done"), FIRST, 1, facts.Evidence.RECORD)

    def _declined(self, here: World, verdict: facts.Verdict) -> Step:
        name = f"worker 1 declines: {verdict}"
        there, _ = self._moved(
            here._replace(worker="stop"),
            name,
            FIRST,
            lambda going, attempt_id: facts.decline(going, attempt_id, "nonce 1", verdict, name),
        )
        return name, there

    def _recorded(self, here: World, which: int, worker: int, evidence: facts.Evidence) -> Step:
        name = f"{'the finder' if worker == 0 else f'worker {worker}'} records job {which} as {evidence.name}"
        job_id = f"job {which}"

        def decide(going: draft.Draft, attempt_id: uuid.UUID) -> None:
            job = facts.Job("account", job_id, attempt_id, evidence)
            self._rules.record(going, attempt_id, job, f"worker {worker}", None)

        there, _ = self._moved(here, name, which, decide)
        if self._rows.attempts(there.rows)[which - 1].job_id != job_id:
            there = there._replace(violation="paid id thrown away")
        return name, there

    # --- everything else

    def _accidents(self, here: World) -> Iterator[Step]:
        if here.frozen:
            yield "worker 1 thaws", here._replace(frozen=False)
        if here.worker in ("idle", "stop", "done", "dead"):
            return
        if not here.frozen and here.freezes < self._physics.freezes:
            yield "worker 1 freezes", here._replace(frozen=True, freezes=here.freezes + 1)
        yield (
            "worker 1 is killed",
            here._replace(worker="dead", frozen=False, answer="", reply="", anchor=-1, headers=-1),
        )

    def _network(self, here: World) -> Iterator[Step]:
        if here.worker == "asked" and here.reply == "":
            name = "Begin(1) of worker 1 arrives"
            there, leave = self._moved(
                here, name, FIRST, lambda going, attempt_id: self._rules.begin(going, attempt_id, "w1", "nonce 1")
            )
            yield f"{name}: {'go' if leave.go else leave.reason}", there._replace(reply="go" if leave.go else "drop")
        if here.worker == "asked" and here.reply == "go":
            yield "the go is lost", here._replace(reply="lost")
        if here.answer:
            yield "the vendor's answer is lost", here._replace(answer="")

    def _vendor(self, here: World) -> Iterator[Step]:
        for sent in here.wire:
            which, _, worker = sent
            wire = tuple(one for one in here.wire if one is not sent)
            listens = worker == 1 and here.worker == "sent"
            jobs = tuple(sorted((*here.jobs, (which, here.now, False, worker))))
            answer = "id" if listens else here.answer
            yield f"submit {which} arrives: a job", here._replace(wire=wire, jobs=jobs, answer=answer)
            yield f"submit {which} is lost", here._replace(wire=wire)
            if self._physics.refusals and listens:
                yield f"submit {which} arrives: refused", here._replace(wire=wire, answer="refusal")
        for job in here.jobs:
            if not job[2]:
                shown = (job[0], -1, True, job[3])
                jobs = tuple(sorted(shown if one is job else one for one in here.jobs))
                yield f"job {job[0]} is listed", here._replace(jobs=jobs)

    def _orchestrator(self, here: World) -> Iterator[Step]:
        for which in (FIRST, SECOND):
            state = self._rows.state(here.rows, which)
            if state is _A.PLANNED:
                yield self._named(here, f"dispatch {which}", which, facts.dispatch)
            once = state is _A.DISPATCHED and self._rows.attempts(here.rows)[which - 1].dispatches < 2
            if once and self._physics.withdrawals:
                yield self._named(here, f"withdraw {which}", which, lambda going, one: facts.withdraw(going, one, ""))
        if self._rows.state(here.rows, FIRST) is _A.SUBMITTING:
            yield self._named(here, "the sweeper doubts 1", FIRST, lambda going, one: facts.doubt(going, one, ""))
        if self._physics.cancels:
            yield self._named(here, "the user cancels", FIRST, lambda going, _: _cancel(going))

    def _finder(self, here: World) -> Iterator[Step]:
        lost = self._rows.state(here.rows, FIRST) is _A.INDETERMINATE
        if lost and here.finder == "idle":
            hit = any(job[0] == FIRST and job[2] for job in here.jobs)
            seen = here.now if here.seen < 0 else here.seen
            finder = "hit" if hit else "miss"
            enough = not hit and here.now >= seen + self._physics.wait
            there = here._replace(finder=finder, seen=seen, enough=enough, fresh=enough)
            yield f"the finder lists: {finder}", there
        elif here.finder == "hit":
            yield self._recorded(_forgotten(here), FIRST, 0, facts.Evidence.ADOPTION)
        elif here.finder == "miss":
            yield "the finder lets the list go", _forgotten(here)
            if here.enough:
                revision = 0 if here.fresh else -1
                yield self._named(
                    _forgotten(here),
                    f"the finder concludes on {'the' if here.fresh else 'an old'} revision",
                    FIRST,
                    lambda going, one: self._rules.conclude(going, one, revision, ""),
                )

    def _second_worker(self, here: World) -> Iterator[Step]:
        """Another worker, to which either attempt may come as well; it is never frozen: its submit leaves at once."""
        for which in (FIRST, SECOND):
            if self._rows.state(here.rows, which) in (_A.DISPATCHED, _A.SUBMITTING):
                yield from self._begun_by_second(here, which)
        for which, _, _, worker in here.jobs:
            if worker == 2 and self._rows.attempts(here.rows)[which - 1].job_id == "":
                yield self._recorded(here, which, 2, facts.Evidence.RECORD)

    def _begun_by_second(self, here: World, which: int) -> Iterator[Step]:
        nonce, name = f"nonce 2 for {which}", f"Begin({which}) of worker 2 arrives"
        if self._rows.attempts(here.rows)[which - 1].nonce == nonce:
            return  # it submits once for each go
        there, leave = self._moved(here, name, which, lambda going, one: self._rules.begin(going, one, "w2", nonce))
        if not leave.go:
            return
        siblings = self._rows.attempts(here.rows)
        known = any(two.job_id for two in siblings if two.id != siblings[which - 1].id)
        wire = tuple(sorted((*here.wire, (which, here.now, 2))))
        violation = "submitted although the rows know a live job of the shot" if known else ""
        posts = here.posts + (which == FIRST)
        yield f"{name}: go, its submit leaves", there._replace(wire=wire, posts=posts, violation=violation)

    def _urgent(self, here: World) -> bool:
        """Tell whether something must happen before time passes: what runs is bounded, only what is frozen is not."""
        physics = self._physics
        if not here.frozen and (
            here.worker == "go" or (here.worker == "headers" and here.now >= here.headers + physics.writing)
        ):
            return True
        return any(here.now >= sent[1] + physics.creation for sent in here.wire) or any(
            not job[2] and here.now >= job[1] + physics.listing for job in here.jobs
        )

    def _named(self, here: World, name: str, which: int, decision: Callable[[draft.Draft, uuid.UUID], Any]) -> Step:
        return name, self._moved(here, name, which, decision)[0]

    def _moved(
        self, here: World, name: str, which: int, decision: Callable[[draft.Draft, uuid.UUID], Any]
    ) -> tuple[World, Any]:
        attempt_id = self._rows.attempts(here.rows)[which - 1].id
        rows, result = self._rows.moved(here.rows, name, lambda going: decision(going, attempt_id))
        return here._replace(rows=rows, fresh=here.fresh and rows == here.rows), result


def _cancel(going: draft.Draft) -> None:
    if going.generation.cancel_time is None and not going.generation.ended:
        verbs.cancel(going, orchestrator.POLICY)


def _forgotten(here: World) -> World:
    return here._replace(finder="idle", enough=False, fresh=False)


def _trace(came: dict[World, tuple[World, str] | None], last: World) -> tuple[str, ...]:
    lines: list[str] = []
    while (step := came[last]) is not None:
        last, name = step
        if name != "tick":
            lines.append(f"{last.now:>2}: {name}")
    return tuple(reversed(lines))
