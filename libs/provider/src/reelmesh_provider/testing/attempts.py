"""The orchestrator in memory, as far as a worker sees it: one row an attempt, moved by the rules of the protocol.

Not the orchestrator's state machine: no money, no siblings, no dispatch. Tests say what is dispatched, lapses or is
cancelled; every verb can be told to fail before it has an effect, or after (its answer is lost).
"""

import enum
from collections import deque
from dataclasses import dataclass, field, replace

from reelmesh_kit import errors as kit_errors

from reelmesh_provider import model


class State(enum.StrEnum):
    """Where an attempt is."""

    DISPATCHED = "DISPATCHED"
    SUBMITTING = "SUBMITTING"
    ACCEPTED = "ACCEPTED"
    INDETERMINATE = "INDETERMINATE"
    NEVER_CREATED = "NEVER_CREATED"
    DECLINED = "DECLINED"
    GIVEN_BACK = "GIVEN_BACK"
    ENDED = "ENDED"


@dataclass
class Row:
    """One attempt."""

    task: model.Task
    state: State = State.DISPATCHED
    worker_id: str = ""
    nonce: str = ""
    begins: int = 0
    job_ids: list[str] = field(default_factory=list[str])
    evidence: list[model.Evidence] = field(default_factory=list[model.Evidence])
    declined: model.Declined | None = None
    ending: model.Ending | None = None
    given_back: str = ""
    unreachable: bool = False
    cancel: bool = False
    revision: int = 1
    wait_seconds: float = 5.0
    exclusive: bool = False
    rivals: int = 1
    claimed_job_ids: frozenset[str] = frozenset()


@dataclass
class _Fault:
    after: bool
    error: Exception


class MemoryMesh:
    """`ports.Attempts` and `ports.Pool` in memory.

    Attributes:
        rows: attempts by id.
        cards: what was registered.
        mark, recovering, census: what lease answers say of the record.
        pages: what was told of accounts; refused when their era is not that of `mark`.
        workers: ids of workers that hold a lease.
        reports: every lease report, in order.
        calls: names of the verbs called, in order, also of those that failed.
        drop: when set, Begin answers with it.
    """

    def __init__(self, *, submit_within_seconds: float = 1.0, lease_seconds: float = 15.0) -> None:
        """Start without attempts."""
        self.rows: dict[str, Row] = {}
        self.cards: list[model.ProviderCard] = []
        self.workers: set[str] = set()
        self.lapsed: set[str] = set()
        self.reports: list[model.LeaseReport] = []
        self.calls: list[str] = []
        self.drop: model.Drop | None = None
        self.cordoned = False
        self.rates: dict[str, float] = {}
        self.mark: model.Mark | None = None
        self.recovering = False
        self.census: tuple[model.CensusOrder, ...] = ()
        self.pages: list[model.CensusPage] = []
        self.submit_within_seconds = submit_within_seconds
        self.lease_seconds = lease_seconds
        self._faults: dict[str, deque[_Fault]] = {}

    def dispatch(self, task: model.Task) -> Row:
        """Add an attempt that may be begun."""
        self.rows[task.attempt_id] = Row(task)
        return self.rows[task.attempt_id]

    def fail(self, verb: str, times: int = 1, *, after: bool = False, error: Exception | None = None) -> None:
        """Let the next calls of `verb` fail, before they have an effect or after."""
        fault = _Fault(after, error or kit_errors.Unavailable("the orchestrator is away, because a test says so"))
        self._faults.setdefault(verb, deque()).extend([fault] * times)

    def lapse(self, worker_id: str) -> None:
        """Let a worker's lease lapse: what it was submitting is indeterminate, what it watched is free."""
        self.workers.discard(worker_id)
        self.lapsed.add(worker_id)
        for row in self.rows.values():
            if row.worker_id == worker_id:
                row.worker_id = ""
                if row.state is State.SUBMITTING:
                    self.make_indeterminate(row)

    def make_indeterminate(self, row: Row) -> None:
        """Move a row on when nobody knows what became of its submit."""
        row.state = State.INDETERMINATE
        row.revision += 1

    async def begin(self, attempt_id: str, worker_id: str, nonce: str) -> model.Go | model.Drop:
        """Give leave once; the same nonce gets the same answer."""
        fault = self._enter("begin")
        row = self.rows.get(attempt_id)
        if row is None:
            raise kit_errors.NotFound(f"There is no attempt {attempt_id}.")
        answer = self._leave(row, worker_id, nonce)
        self._exit(fault)
        return answer

    async def record(self, fact: model.JobFact) -> bool:
        """Take the fact, whatever state the attempt is in."""
        fault = self._enter("record")
        row = self.rows.get(fact.attempt_id)
        if row is not None and fact.job_id not in row.job_ids:
            row.job_ids.append(fact.job_id)
            row.evidence.append(fact.evidence)
            if row.state is not State.ENDED:
                row.state = State.ACCEPTED
                row.worker_id = fact.worker_id
                row.revision += 1
        self._exit(fault)
        return row is not None and row.cancel

    async def decline(self, attempt_id: str, worker_id: str, nonce: str, declined: model.Declined) -> None:
        """Take a verdict of the submit that was begun with this nonce."""
        del worker_id
        fault = self._enter("decline")
        row = self.rows[attempt_id]
        if row.nonce == nonce and row.state in (State.SUBMITTING, State.INDETERMINATE):
            row.declined = declined
            if declined.verdict is model.Verdict.UNKNOWN:
                self.make_indeterminate(row)
            else:
                row.state = State.DECLINED
        self._exit(fault)

    async def finish(self, ending: model.Ending) -> None:
        """Take the ending of a job."""
        fault = self._enter("finish")
        row = self.rows.get(ending.attempt_id)
        if row is not None:
            row.state = State.ENDED
            row.ending = ending
        self._exit(fault)

    async def conclude(self, attempt_id: str, worker_id: str, revision: int, message: str) -> bool:
        """Take a conclusion that was drawn from what is still so."""
        del worker_id, message
        fault = self._enter("conclude")
        row = self.rows[attempt_id]
        accepted = row.state is State.INDETERMINATE and row.revision == revision
        if accepted:
            row.state = State.NEVER_CREATED
            row.revision += 1
        self._exit(fault)
        return accepted

    async def give_back(self, attempt_id: str, worker_id: str, reason: str, *, unreachable: bool = False) -> None:
        """Take an attempt back that was not begun."""
        del worker_id
        fault = self._enter("give_back")
        row = self.rows.get(attempt_id)
        if row is not None and row.state is State.DISPATCHED:
            row.state = State.GIVEN_BACK
            row.given_back = reason
            row.unreachable = unreachable
        self._exit(fault)

    async def register(self, card: model.ProviderCard) -> None:
        """Keep the card."""
        fault = self._enter("register")
        self.cards.append(card)
        self._exit(fault)

    async def renew(self, report: model.LeaseReport) -> model.LeaseAnswer:
        """Renew a lease, hand out what nobody holds, and take back what was lost."""
        fault = self._enter("renew")
        self.reports.append(report)
        answer = model.LeaseAnswer(
            False, self.lease_seconds, 5.0, mark=self.mark, recovering=self.recovering, census=self.census
        )
        if report.worker_id not in self.lapsed:
            self.workers.add(report.worker_id)
            answer = self._orders(report)
        self._exit(fault)
        return answer

    async def release(self, worker_id: str) -> None:
        """End a lease."""
        fault = self._enter("release")
        self.lapse(worker_id)
        self._exit(fault)

    async def report_census(self, page: model.CensusPage) -> bool:
        """Take a part of what an account has."""
        fault = self._enter("report_census")
        accepted = self.mark is not None and page.era_id == self.mark.era_id
        if accepted:
            self.pages.append(page)
        self._exit(fault)
        return accepted

    def _leave(self, row: Row, worker_id: str, nonce: str) -> model.Go | model.Drop:
        go = model.Go(self.submit_within_seconds)
        if row.nonce == nonce:
            return go
        if self.drop is not None:
            return self.drop
        if row.state is not State.DISPATCHED:
            return model.Drop(f"the attempt is {row.state}")
        row.state, row.worker_id, row.nonce = State.SUBMITTING, worker_id, nonce
        row.begins += 1
        row.revision += 1
        return go

    def _orders(self, report: model.LeaseReport) -> model.LeaseAnswer:
        rows = self.rows.values()
        watch: list[model.WatchOrder] = []
        for row in rows:
            if row.state is State.ACCEPTED and (not row.worker_id or row.worker_id not in self.workers):
                row.worker_id = report.worker_id
                watch.append(model.WatchOrder(row.task, row.job_ids[-1], row.cancel))
        looked_for = (State.INDETERMINATE,)
        held = {row.task.attempt_id: row for row in rows}
        return model.LeaseAnswer(
            held=True,
            lease_seconds=self.lease_seconds,
            renew_every_seconds=self.lease_seconds / 3,
            watch=tuple(watch),
            find=tuple(_find(row) for row in rows if row.state in looked_for),
            cancel=tuple(each for each in report.watching if each in held and held[each].cancel),
            forget=tuple(
                each
                for each in (*report.watching, *report.finding)
                if each in held and held[each].state in (State.ENDED, State.NEVER_CREATED)
            ),
            cordoned=self.cordoned,
            rates=dict(self.rates),
            mark=self.mark,
            recovering=self.recovering,
            census=self.census,
        )

    def _enter(self, verb: str) -> _Fault | None:
        self.calls.append(verb)
        faults = self._faults.get(verb)
        fault = faults.popleft() if faults else None
        if fault is not None and not fault.after:
            raise fault.error
        return fault

    def _exit(self, fault: _Fault | None) -> None:
        if fault is not None:
            raise fault.error


def _find(row: Row) -> model.FindOrder:
    return model.FindOrder(
        task=replace(row.task),
        revision=row.revision,
        wait_seconds=row.wait_seconds,
        exclusive=row.exclusive,
        rivals=row.rivals,
        claimed_job_ids=row.claimed_job_ids,
    )
