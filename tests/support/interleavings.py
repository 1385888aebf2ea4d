"""Explores every interleaving of one shot's attempts: rows move by the real model, all around them is played here.

The attempt rows are moved by the functions of `model.facts` and by `advancing.advance`, as a transaction of the
orchestrator does; worker, network, vendor, finder and time are a small world of whole ticks. The search is breadth
first, so that the trace to a violation is a shortest one. Time does not reach the real functions (no deadline, no
back-off is asked for here), so that the finitely many aggregates are numbered and each of their moves is computed once.

The record may go back, once, to whatever it was when a backup was taken: rows are as they were then, everything around
them is not. What was acknowledged before is not told again; only what is looked for can be learnt.
"""

import collections
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from reelmesh_orchestrator.model import attempt, draft, facts, recovering, verbs

from tests.support import orchestrator
from tests.support.interleaved import Found, Physics, Rows, Rules, Step, World

# More states than this are not explored: the run is given up rather than the machine.
MOST_STATES = 3_000_000
FIRST, SECOND = 1, 2
_A = attempt.AttemptState


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
        if here.posts > 1 and not here.era:
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
        if self._physics.setbacks:
            yield from self._setback(here)
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
        if len(self._rows.attempts(here.rows)) < which:
            return f"{name}, which nobody knows", here

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
        if here.worker == "asked" and here.reply == "" and here.looking >= 0:
            yield "Begin(1) of worker 1 arrives while lost jobs are looked for", here._replace(reply="drop")
        elif here.worker == "asked" and here.reply == "":
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
            if state is _A.PLANNED and here.looking < 0:
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
            if self._rows.state(here.rows, which) in (_A.DISPATCHED, _A.SUBMITTING) and here.looking < 0:
                yield from self._begun_by_second(here, which)
        for job in here.jobs:
            if job[3] == 2:
                # It is told until it is acknowledged, and then never again.
                jobs = tuple(sorted((*job[:3], 0) if one is job else one for one in here.jobs))
                yield self._recorded(here._replace(jobs=jobs), job[0], 2, facts.Evidence.RECORD)

    def _setback(self, here: World) -> Iterator[Step]:
        if here.era == 0 and here.backup < 0:
            yield "a backup is taken", here._replace(backup=here.rows)
        elif here.era == 0:
            looking = here.now if self._rules.notices else -1
            seen = -1 if self._rules.forgets else here.seen
            back = _forgotten(here)._replace(rows=here.backup, backup=-1, era=1, looking=looking, seen=seen)
            yield "the record goes back", back
        elif 0 <= here.looking <= here.now - self._physics.census:
            shot_id = self._rows.attempts(here.rows)[0].shot_id
            visible = sorted({job[0] for job in here.jobs if job[2]})
            found = [_found(shot_id, which) for which in visible]

            def match(going: draft.Draft, _: uuid.UUID) -> None:
                self._rules.reconcile(going, found)
                recovering.free(going, frozenset(), told=False)

            yield self._named(here._replace(looking=-1), f"accounts are read: jobs {visible}", FIRST, match)

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


def _found(shot_id: uuid.UUID, which: int) -> recovering.Found:
    attempt_id = attempt.id_of(shot_id, 1, which - 1)
    return recovering.Found("account", f"job {which}", "paid", "paid", "m-1", facts.Evidence.ADOPTION, attempt_id)


def _forgotten(here: World) -> World:
    return here._replace(finder="idle", enough=False, fresh=False)


def _trace(came: dict[World, tuple[World, str] | None], last: World) -> tuple[str, ...]:
    lines: list[str] = []
    while (step := came[last]) is not None:
        last, name = step
        if name != "tick":
            lines.append(f"{last.now:>2}: {name}")
    return tuple(reversed(lines))
