"""One transaction on the record: what the use cases ask, as SQL."""

import datetime
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from reelmesh_kit import ids, sql

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import reading, rows, saving, tables
from reelmesh_orchestrator.model import attempt, card, dispatching, draft, facts

_ATTEMPTS = tables.ATTEMPTS.c
_UNRESOLVED = sorted(state.value for state in attempt.UNRESOLVED)
_IN_FLIGHT = sorted(state.value for state in attempt.IN_FLIGHT)


class SqlStore:
    """The store over one SQL transaction."""

    def __init__(
        self,
        transaction: sql.Transaction,
        fresh: ids.Ids,
        on_outgoing: Callable[[Sequence[ports.Outgoing]], None],
    ) -> None:
        """Wrap a transaction."""
        self._transaction = transaction
        self._ids = fresh
        self._on_outgoing = on_outgoing
        #: What was written in this transaction: messages by generation, their ids are ours alone.
        self.written: list[tuple[uuid.UUID, Sequence[ports.Outgoing]]] = []

    @property
    def now(self) -> datetime.datetime:
        """Return the time of the transaction."""
        return self._transaction.now

    # --- generations

    def load(self, generation_id: uuid.UUID) -> draft.Aggregate | None:
        """Return a generation with all that belongs to it, its row locked."""
        return reading.aggregate(self._transaction, generation_id, lock=True)

    def look(self, generation_id: uuid.UUID) -> draft.Aggregate | None:
        """Return a generation with all that belongs to it."""
        return reading.aggregate(self._transaction, generation_id, lock=False)

    def insert(self, decided: draft.Draft) -> bool:
        """Record a new generation, unless its id exists."""
        outgoing = saving.insert(self._transaction, self._ids, decided)
        self._send(decided.generation.id, outgoing or ())
        return outgoing is not None

    def save(self, before: draft.Aggregate, decided: draft.Draft) -> None:
        """Record a decision."""
        self._send(before.generation.id, saving.update(self._transaction, self._ids, before, decided))

    def _send(self, generation_id: uuid.UUID, outgoing: Sequence[ports.Outgoing]) -> None:
        if outgoing:
            self.written.append((generation_id, outgoing))
            self._transaction.after_commit(lambda: self._on_outgoing(outgoing))

    def happened(self, generation_id: uuid.UUID, outgoing: Sequence[ports.Outgoing]) -> bool:
        """Tell whether the events among these messages are recorded."""
        columns = tables.EVENTS.c
        ours = sa.select(columns.id).where(
            columns.generation_id == generation_id, columns.id.in_([message.id for message in outgoing])
        )
        return self._transaction.row(ours.limit(1)) is not None

    def owner_of_attempt(self, attempt_id: uuid.UUID) -> uuid.UUID | None:
        """Return the generation of an attempt."""
        row = self._transaction.row(sa.select(_ATTEMPTS.generation_id).where(_ATTEMPTS.id == attempt_id))
        return row.generation_id if row else None

    def owner_of_step(self, step_id: uuid.UUID) -> uuid.UUID | None:
        """Return the generation of a step."""
        columns = tables.STEPS.c
        row = self._transaction.row(sa.select(columns.generation_id).where(columns.id == step_id))
        return row.generation_id if row else None

    def page(self, wanted: ports.Filter, after: ports.Place | None, limit: int) -> Sequence[draft.Aggregate]:
        """Return generations, newest first."""
        return reading.page(self._transaction, wanted, after, limit)

    def count_open(self, tenant_id: str) -> int:
        """Return how many generations of a tenant have not ended."""
        return reading.count_open(self._transaction, tenant_id)

    def queue_position(self, aggregate: draft.Aggregate) -> int:
        """Return the place of a waiting generation."""
        return reading.queue_position(self._transaction, aggregate)

    def events(self, generation_id: uuid.UUID, after_sequence: int, limit: int) -> Sequence[ports.Event]:
        """Return the history of a generation."""
        columns = tables.EVENTS.c
        statement = (
            sa.select(tables.EVENTS)
            .where(columns.generation_id == generation_id, columns.sequence > after_sequence)
            .order_by(columns.sequence)
            .limit(limit)
        )
        return [rows.to_event(row) for row in self._transaction.rows(statement)]

    def all_events(self, after_position: int, limit: int) -> Sequence[ports.Event]:
        """Return the events of all generations."""
        position = tables.EVENTS.c.position
        statement = sa.select(tables.EVENTS).where(position > after_position).order_by(position).limit(limit)
        return [rows.to_event(row) for row in self._transaction.rows(statement)]

    # --- facts

    def job(self, project: str, job_id: str) -> facts.Job | None:
        """Return what is known about a provider's job."""
        columns = tables.PROVIDER_JOBS.c
        row = self._transaction.row(
            sa.select(columns.attempt_id, columns.evidence).where(columns.project == project, columns.job_id == job_id)
        )
        return facts.Job(project, job_id, row.attempt_id, facts.Evidence(row.evidence)) if row else None

    def job_of(self, attempt_id: uuid.UUID, job_id: str) -> facts.Job | None:
        """Return what is known about a job of an attempt, whatever project it is in."""
        columns = tables.PROVIDER_JOBS.c
        row = self._transaction.row(
            sa.select(columns.project, columns.evidence).where(
                columns.attempt_id == attempt_id, columns.job_id == job_id
            )
        )
        return facts.Job(row.project, job_id, attempt_id, facts.Evidence(row.evidence)) if row else None

    def add_job(self, job: facts.Job) -> facts.Job | None:
        """Append a fact, or strengthen one; return what was known before, its row locked."""
        table = tables.PROVIDER_JOBS
        claim = {"attempt_id": job.attempt_id, "evidence": job.evidence.value}
        key = {"project": job.project, "job_id": job.job_id}
        new = {**key, **claim, "create_time": self.now, "outcome": "", "message": ""}
        if self._transaction.insert_if_absent(table, new):
            return None
        where = (table.c.project == job.project, table.c.job_id == job.job_id)
        self._transaction.row(self._transaction.locking(sa.select(table.c.job_id).where(*where)))
        known = self.job(job.project, job.job_id)
        if known is not None and known.evidence < job.evidence:
            self._transaction.execute(table.update().where(*where).values(claim))
        return known

    def end_job(self, project: str, ended: facts.Ended) -> None:
        """Append how a job ended; the first word stands."""
        columns = tables.PROVIDER_JOBS.c
        self._transaction.execute(
            tables.PROVIDER_JOBS.update()
            .where(columns.project == project, columns.job_id == ended.job_id, columns.outcome == "")
            .values(
                outcome=ended.outcome.value, cost_micros=ended.cost_micros, message=ended.message, end_time=self.now
            )
        )

    def claimed_jobs(self, account_id: str, limit: int) -> Sequence[str]:
        """Return the newest ids of jobs at an account that belong to attempts."""
        statement = (
            sa.select(_ATTEMPTS.job_id)
            .where(_ATTEMPTS.account_id == account_id, _ATTEMPTS.job_id != "")
            .order_by(_ATTEMPTS.create_time.desc())
            .limit(limit)
        )
        return [row.job_id for row in self._transaction.rows(statement)]

    # --- accounts and cards

    def put_card(self, stated: card.Card) -> None:
        """Keep what a provider states about itself."""
        table = tables.CARDS
        values = {"version": stated.version, "card": rows.of_card(stated), "update_time": self.now}
        if not self._transaction.insert_if_absent(table, {"provider": stated.provider, **values}):
            self._transaction.execute(table.update().where(table.c.provider == stated.provider).values(values))

    def cards(self) -> Sequence[card.Card]:
        """Return the cards of all providers."""
        return [rows.to_card(row.card) for row in self._transaction.rows(sa.select(tables.CARDS))]

    def put_account(self, account: card.Account) -> None:
        """Keep an account, or change it."""
        table = tables.ACCOUNTS
        values = {
            "provider": account.provider,
            "slots": account.slots,
            "exclusive": account.exclusive,
            "enabled": account.enabled,
        }
        if not self._transaction.insert_if_absent(table, {"id": account.id, **values}):
            self._transaction.execute(table.update().where(table.c.id == account.id).values(values))

    def accounts(self) -> Sequence[card.Account]:
        """Return all accounts."""
        statement = sa.select(tables.ACCOUNTS).order_by(tables.ACCOUNTS.c.id)
        return [card.Account(**sql.columns(row)) for row in self._transaction.rows(statement)]

    # --- queue

    def lock_account(self, account_id: str) -> card.Account | None:
        """Return an account, its row locked."""
        statement = sa.select(tables.ACCOUNTS).where(tables.ACCOUNTS.c.id == account_id)
        row = self._transaction.row(self._transaction.locking(statement))
        return card.Account(**sql.columns(row)) if row else None

    def in_flight(self, account_id: str, doubtful_since: datetime.datetime) -> Mapping[str, int]:
        """Return how many attempts each tenant has in flight at an account."""
        doubtful = _ATTEMPTS.state == attempt.AttemptState.INDETERMINATE.value
        statement = (
            sa.select(_ATTEMPTS.tenant_id, sa.func.count().label("number"))
            .where(
                _ATTEMPTS.account_id == account_id,
                _ATTEMPTS.state.in_(_IN_FLIGHT),
                sa.or_(sa.not_(doubtful), _ATTEMPTS.submit_time > doubtful_since),
            )
            .group_by(_ATTEMPTS.tenant_id)
        )
        return {row.tenant_id: row.number for row in self._transaction.rows(statement)}

    def waiting(self, account_id: str, limit: int) -> Sequence[dispatching.Waiting]:
        """Return planned attempts that are due, by rank."""
        statement = (
            sa.select(_ATTEMPTS.id, _ATTEMPTS.generation_id, _ATTEMPTS.tenant_id)
            .where(
                _ATTEMPTS.account_id == account_id,
                _ATTEMPTS.state == attempt.AttemptState.PLANNED.value,
                _ATTEMPTS.not_before <= self.now,
            )
            .order_by(_ATTEMPTS.rank_time)
            .limit(limit)
        )
        found = self._transaction.rows(statement)
        return [dispatching.Waiting(row.id, row.generation_id, row.tenant_id) for row in found]

    def next_due(self) -> datetime.datetime | None:
        """Return when the next planned attempt becomes due that is not due yet."""
        statement = sa.select(sa.func.min(_ATTEMPTS.not_before).label("due")).where(
            _ATTEMPTS.state == attempt.AttemptState.PLANNED.value, _ATTEMPTS.not_before > self.now
        )
        row = self._transaction.row(statement)
        return row.due if row else None

    # --- sweeping

    def submitting(self, limit: int) -> Mapping[uuid.UUID, uuid.UUID]:
        """Return the attempts that are being submitted, with their generations."""
        return reading.submitting(self._transaction, limit)

    def dispatched_before(self, moment: datetime.datetime, limit: int) -> Sequence[uuid.UUID]:
        """Return the generations that have an attempt dispatched before `moment` and not begun."""
        return reading.dispatched_before(self._transaction, moment, limit)

    def past_deadline(self, limit: int) -> Sequence[uuid.UUID]:
        """Return the working generations whose deadline has passed."""
        return reading.past_deadline(self._transaction, limit)

    def cancelling_since(self, moment: datetime.datetime, limit: int) -> Sequence[uuid.UUID]:
        """Return the generations that have been cancelling since before `moment`."""
        return reading.cancelling_since(self._transaction, moment, limit)

    def steps_sent_before(self, moment: datetime.datetime, limit: int) -> Sequence[uuid.UUID]:
        """Return the steps that were sent before `moment` and not begun."""
        return reading.steps_sent_before(self._transaction, moment, limit)

    def steps_of_worker(self, worker_id: str) -> Sequence[uuid.UUID]:
        """Return the steps that a worker runs."""
        return list(self.step_tokens_of_worker(worker_id).values())

    def step_tokens_of_worker(self, worker_id: str) -> Mapping[str, uuid.UUID]:
        """Return the steps that a worker runs, by token."""
        return reading.step_tokens_of_worker(self._transaction, worker_id)

    def prune(self, events_before: datetime.datetime, leases_before: datetime.datetime, limit: int) -> int:
        """Delete old events of generations that have ended, and leases that are over."""
        return reading.prune(self._transaction, events_before, leases_before, limit)

    # --- leases

    def lease(self, worker_id: str) -> ports.Lease | None:
        """Return a worker's lease."""
        return _lease(self._transaction.row(_of_worker(worker_id)))

    def lock_lease(self, worker_id: str) -> ports.Lease | None:
        """Return a worker's lease, its row locked."""
        return _lease(self._transaction.row(self._transaction.locking(_of_worker(worker_id))))

    def workers(self, pool: str) -> int:
        """Return how many workers of a pool hold a lease."""
        columns = tables.LEASES.c
        statement = sa.select(sa.func.count()).where(columns.active, columns.pool == pool)
        return self._transaction.execute(statement).scalar_one()

    def renew(self, lease: ports.Lease, name: str) -> None:
        """Write a lease with one renewal more."""
        table = tables.LEASES
        values = {"renewals": lease.renewals + 1, "active": True, "update_time": self.now, "name": name}
        new = {"worker_id": lease.worker_id, "kind": lease.kind, "pool": lease.pool, **values}
        if not self._transaction.insert_if_absent(table, new):
            self._transaction.execute(table.update().where(table.c.worker_id == lease.worker_id).values(values))

    def active_leases(self, limit: int) -> Mapping[str, int]:
        """Return the number of renewals of each active lease."""
        table = tables.LEASES
        statement = sa.select(table.c.worker_id, table.c.renewals).where(table.c.active)
        statement = statement.order_by(table.c.update_time).limit(limit)
        return {row.worker_id: row.renewals for row in self._transaction.rows(statement)}

    def end_lease(self, worker_id: str, renewals: int | None) -> bool:
        """End a lease and unassign what its worker watched."""
        table = tables.LEASES
        statement = table.update().where(table.c.worker_id == worker_id, table.c.active)
        if renewals is not None:
            statement = statement.where(table.c.renewals == renewals)
        if not self._transaction.execute(statement.values(active=False, update_time=self.now)).rowcount:
            return False
        self._transaction.execute(
            tables.ATTEMPTS.update()
            .where(_ATTEMPTS.watcher_id == worker_id, _ATTEMPTS.state.in_(_UNRESOLVED))
            .values(watcher_id="")
        )
        return True

    def watched_by(self, worker_id: str) -> Sequence[ports.Watched]:
        """Return the unresolved attempts that a worker observes or looks for."""
        doubtful = attempt.AttemptState.INDETERMINATE.value
        statement = sa.select(_ATTEMPTS.id, _ATTEMPTS.state, _ATTEMPTS.cancel_wanted).where(
            _ATTEMPTS.watcher_id == worker_id,
            _ATTEMPTS.state.in_([attempt.AttemptState.ACCEPTED.value, doubtful]),
        )
        found = self._transaction.rows(statement)
        return [ports.Watched(row.id, row.state == doubtful, row.cancel_wanted) for row in found]

    def assign(self, worker_id: str, provider: str, room: int) -> Sequence[uuid.UUID]:
        """Give a worker attempts that nobody observes or looks for."""
        statement = (
            sa.select(_ATTEMPTS.id)
            .where(
                _ATTEMPTS.watcher_id == "",
                _ATTEMPTS.provider == provider,
                _ATTEMPTS.state.in_([attempt.AttemptState.ACCEPTED.value, attempt.AttemptState.INDETERMINATE.value]),
            )
            .limit(room)
        )
        found = [row.id for row in self._transaction.rows(self._transaction.locking(statement, skip_locked=True))]
        if found:
            self._transaction.execute(
                tables.ATTEMPTS.update().where(_ATTEMPTS.id.in_(found)).values(watcher_id=worker_id)
            )
        return found

    def charges(self, attempt_ids: Sequence[uuid.UUID]) -> Sequence[ports.Charge]:
        """Return attempts with their generations."""
        return reading.charges(self._transaction, attempt_ids)

    def rivals(self, account_id: str, model: str) -> int:
        """Return how many attempts at an account and model are unresolved without a job."""
        statement = sa.select(sa.func.count()).where(
            _ATTEMPTS.account_id == account_id,
            _ATTEMPTS.model == model,
            _ATTEMPTS.state.in_(_UNRESOLVED),
            _ATTEMPTS.job_id == "",
        )
        return self._transaction.execute(statement).scalar_one()


def _of_worker(worker_id: str) -> sa.Select[*tuple[Any, ...]]:
    return sa.select(tables.LEASES).where(tables.LEASES.c.worker_id == worker_id)


def _lease(row: sa.Row[Any] | None) -> ports.Lease | None:
    return ports.Lease(row.worker_id, row.kind, row.pool, row.renewals, row.active) if row else None
