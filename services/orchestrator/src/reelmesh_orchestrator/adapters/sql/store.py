"""One transaction on the record: what the use cases ask, as SQL."""

import datetime
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from reelmesh_kit import errors, ids, sql

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import (
    health,
    leasing,
    loading,
    pools,
    queueing,
    reading,
    recovery,
    rows,
    saving,
    silences,
    tables,
)
from reelmesh_orchestrator.model import card, draft, facts, repeats
from reelmesh_orchestrator.ports import counting

# How often a row is made anew that the sweeper deletes before it can be locked.
LOCK_TRIES = 5


class SqlStore(recovery.SqlEraStore, health.SqlHealthStore, leasing.SqlLeaseStore, pools.SqlPoolStore):
    """The store over one SQL transaction."""

    def __init__(
        self,
        transaction: sql.Transaction,
        fresh: ids.Ids,
        on_outgoing: Callable[[Sequence[ports.Outgoing]], None],
        on_decided: counting.OnDecided = counting.nobody,
    ) -> None:
        """Wrap a transaction."""
        super().__init__(transaction, fresh)
        self._on_outgoing = on_outgoing
        self._on_decided = on_decided
        #: What was written in this transaction: messages by generation, their ids are ours alone.
        self.written: list[tuple[uuid.UUID, Sequence[ports.Outgoing]]] = []
        #: What was decided in it.
        self.decisions: list[counting.Decided] = []

    @property
    def now(self) -> datetime.datetime:
        """Return the time of the transaction."""
        return self._transaction.now

    # --- generations

    def look(self, generation_id: uuid.UUID) -> draft.Aggregate | None:
        """Return a generation with all that belongs to it."""
        return loading.by_id(self._transaction, generation_id)

    def look_at(self, generation_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, draft.Aggregate]:
        """Return generations with all that belongs to them."""
        return loading.by_ids(self._transaction, generation_ids)

    def revisions(self, generation_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, int]:
        """Return the revisions of generations."""
        return loading.revisions(self._transaction, generation_ids)

    def of_attempt(self, attempt_id: uuid.UUID) -> draft.Aggregate | None:
        """Return the generation of an attempt."""
        return loading.by_attempt(self._transaction, attempt_id)

    def of_step(self, step_id: uuid.UUID) -> draft.Aggregate | None:
        """Return the generation of a step."""
        return loading.by_step(self._transaction, step_id)

    def case(self, attempt_id: uuid.UUID, worker_id: str, project: str = "", job_id: str = "") -> ports.Case:
        """Return what there is to know when a worker speaks of an attempt."""
        return loading.case(self._transaction, attempt_id, worker_id, project, job_id)

    def step_case(self, step_id: uuid.UUID) -> ports.StepCase:
        """Return a step's generation, and the lease of who holds the step."""
        return loading.step_case(self._transaction, step_id)

    def admission(self, tenant_id: str, generation_id: uuid.UUID) -> ports.AdmissionFacts:
        """Return what admitting a generation has to know."""
        return loading.admission(self._transaction, tenant_id, generation_id)

    def open_generations(self, limit: int) -> int:
        """Return how many generations of all tenants have not ended; never more than `limit` are counted."""
        return loading.open_generations(self._transaction, limit)

    def twins(self, call_id: uuid.UUID) -> Sequence[repeats.Twin]:
        """Return what a call made."""
        row = self._transaction.row(_of_call(call_id))
        return rows.to_twins(row.twins) if row else ()

    def lock_twins(self, call_id: uuid.UUID) -> Sequence[repeats.Twin]:
        """Return what a call made, its row locked, made if there was none."""
        for _ in range(LOCK_TRIES):
            self._transaction.insert_if_absent(tables.CALLS, {"id": call_id, "twins": [], "update_time": self.now})
            row = self._transaction.row(self._transaction.locking(_of_call(call_id)))
            if row is not None:
                return rows.to_twins(row.twins)
        raise errors.Unavailable("A call is forgotten and repeated at the same moment. Try again; nothing was done.")

    def put_twins(self, call_id: uuid.UUID, twins: Sequence[repeats.Twin]) -> None:
        """Keep what a call made; its row is locked."""
        values = {"twins": rows.of_twins(twins), "update_time": self.now}
        self._transaction.execute(tables.CALLS.update().where(tables.CALLS.c.id == call_id).values(values))

    def insert(self, decided: draft.Draft) -> draft.Aggregate:
        """Record a new generation with its effects."""
        return self._saved(None, decided, *saving.insert(self._transaction.changes, self._ids, decided))

    def save(self, before: draft.Aggregate, decided: draft.Draft) -> draft.Aggregate:
        """Record a decision."""
        return self._saved(before, decided, *saving.update(self._transaction.changes, self._ids, before, decided))

    def _saved(
        self,
        before: draft.Aggregate | None,
        decided: draft.Draft,
        final: draft.Aggregate,
        outgoing: Sequence[ports.Outgoing],
    ) -> draft.Aggregate:
        if final is not before:
            decision = counting.Decided(before, final, tuple(decided.effects))
            self.decisions.append(decision)
            self._transaction.after_commit(lambda: self._on_decided(decision))
        if outgoing:
            self.written.append((final.generation.id, outgoing))
            self._transaction.after_commit(lambda: self._on_outgoing(outgoing))
        return final

    def happened(self, generation_id: uuid.UUID, outgoing: Sequence[ports.Outgoing]) -> bool:
        """Tell whether the events among these messages are recorded."""
        columns = tables.EVENTS.c
        ours = sa.select(columns.id).where(
            columns.generation_id == generation_id, columns.id.in_([message.id for message in outgoing])
        )
        return self._transaction.row(ours.limit(1)) is not None

    def page(self, wanted: ports.Filter, after: ports.Place | None, limit: int) -> Sequence[draft.Aggregate]:
        """Return generations, newest first."""
        return reading.page(self._transaction, wanted, after, limit)

    def queue_position(self, aggregate: draft.Aggregate) -> int:
        """Return the place of a waiting generation."""
        return queueing.queue_position(self._transaction, aggregate)

    def events(
        self, tenant_id: str, generation_id: uuid.UUID, after_sequence: int, limit: int
    ) -> Sequence[ports.Event] | None:
        """Return the history of a tenant's generation."""
        return loading.events(self._transaction, tenant_id, generation_id, after_sequence, limit)

    def all_events(self, after_position: int, limit: int) -> Sequence[ports.Event]:
        """Return the events of all generations."""
        position = tables.EVENTS.c.position
        statement = sa.select(tables.EVENTS).where(position > after_position).order_by(position).limit(limit)
        return [rows.to_event(sql.columns(row)) for row in self._transaction.rows(statement)]

    # --- facts

    def keep_job(self, job: facts.Job, known: ports.Claim | None, ended: facts.Ended | None = None) -> None:
        """Append a fact about a job."""
        saving.keep_job(self._transaction.changes, job, known, ended, self.now)

    def doubtful(self, after: ports.DoubtPlace | None, limit: int) -> Sequence[ports.Doubt]:
        """Return attempts that are in doubt."""
        return reading.doubtful(self._transaction, after, limit)

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
            "polls_per_second": account.polls_per_second,
            "listed": account.listed,
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

    def backlog(self) -> ports.Backlog:
        """Return where something waits that is due."""
        return queueing.backlog(self._transaction)

    def queue(self, account_id: str, doubtful_since: datetime.datetime, limit: int) -> ports.Queue:
        """Return what is in flight and what waits at an account."""
        return queueing.queue(self._transaction, account_id, doubtful_since, limit)

    # --- sweeping

    def silences(self, waits: ports.Waits, limit: int) -> ports.Silences:
        """Return what has waited for longer than it is waited for."""
        return silences.silences(self._transaction, waits, limit)

    def prune(self, events_before: datetime.datetime, leases_before: datetime.datetime, limit: int) -> int:
        """Delete old events of generations that have ended, and leases that are over."""
        return reading.prune(self._transaction, events_before, leases_before, limit)


def _of_call(call_id: uuid.UUID) -> sa.Select[*tuple[Any, ...]]:
    return sa.select(tables.CALLS).where(tables.CALLS.c.id == call_id)
