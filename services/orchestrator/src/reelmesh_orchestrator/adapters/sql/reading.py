"""The longer questions to the record."""

import datetime
import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from reelmesh_kit import sql

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import health, rows, tables
from reelmesh_orchestrator.model import attempt, draft, repeats

_GENERATIONS = tables.GENERATIONS.c
_ATTEMPTS = tables.ATTEMPTS.c


def page(
    transaction: sql.Transaction, wanted: ports.Filter, after: ports.Place | None, limit: int
) -> Sequence[draft.Aggregate]:
    """Return generations in the order wanted, each with its attempts: they hold the money."""
    statement = sa.select(tables.GENERATIONS).where(
        _GENERATIONS.tenant_id == wanted.tenant_id, _GENERATIONS.delete_time.is_(None)
    )
    if wanted.user_id:
        statement = statement.where(_GENERATIONS.user_id == wanted.user_id)
    if wanted.states:
        statement = statement.where(_GENERATIONS.state.in_([state.value for state in wanted.states]))
    for key, value in wanted.labels.items():
        statement = statement.where(_GENERATIONS.id.in_(_labelled(wanted.tenant_id, key, value)))
    if after is not None:
        here = sa.tuple_(_GENERATIONS.create_time, _GENERATIONS.id)
        there = sa.tuple_(sa.literal(after.create_time, sql.Instant), sa.literal(after.generation_id, sa.Uuid))
        statement = statement.where(here > there if wanted.oldest_first else here < there)
    order = [_GENERATIONS.create_time, _GENERATIONS.id]
    ordered = statement.order_by(*(order if wanted.oldest_first else [column.desc() for column in order])).limit(limit)
    found = [rows.to_generation(sql.columns(row)) for row in transaction.rows(ordered)]
    attempts: dict[uuid.UUID, list[attempt.Attempt]] = defaultdict(list)
    for row in transaction.rows(
        sa.select(tables.ATTEMPTS).where(_ATTEMPTS.generation_id.in_([one.id for one in found]))
    ):
        attempts[row.generation_id].append(rows.to_attempt(sql.columns(row)))
    return [draft.Aggregate(one, attempts=tuple(attempts[one.id])) for one in found]


def _labelled(tenant_id: str, key: str, value: str) -> sa.Select[Any]:
    columns = tables.LABELS.c
    return sa.select(columns.generation_id).where(
        columns.tenant_id == tenant_id, columns.key == key, columns.value == value
    )


def doubtful(transaction: sql.Transaction, after: ports.DoubtPlace | None, limit: int) -> Sequence[ports.Doubt]:
    """Return attempts that are in doubt, those first that were submitted first."""
    # Attempts in doubt were begun, so that all have a time.
    statement = sa.select(tables.ATTEMPTS).where(
        tables.UNENDED_ATTEMPT, _ATTEMPTS.state == attempt.AttemptState.INDETERMINATE.value
    )
    if after is not None:
        here = sa.tuple_(_ATTEMPTS.submit_time, _ATTEMPTS.id)
        there = sa.tuple_(sa.literal(after.since, sql.Instant), sa.literal(after.attempt_id, sa.Uuid))
        statement = statement.where(here > there)
    found = transaction.rows(statement.order_by(_ATTEMPTS.submit_time, _ATTEMPTS.id).limit(limit))
    return [ports.Doubt(row.generation_id, row.tenant_id, rows.to_attempt(sql.columns(row))) for row in found]


def prune(
    transaction: sql.Transaction, events_before: datetime.datetime, leases_before: datetime.datetime, limit: int
) -> int:
    """Delete old events of generations that have ended, and leases that are over; return how many rows."""
    deleted = _prune_events(transaction, events_before, limit) + health.prune(transaction, events_before, limit)
    leases = tables.LEASES
    deleted += _prune_calls(transaction, limit)
    over = sa.select(leases.c.worker_id).where(sa.not_(leases.c.active), leases.c.update_time < leases_before)
    return deleted + transaction.execute(leases.delete().where(leases.c.worker_id.in_(over.limit(limit)))).rowcount


def _prune_calls(transaction: sql.Transaction, limit: int) -> int:
    """Delete the calls that nobody can repeat any more."""
    calls = tables.CALLS
    past = calls.c.update_time < transaction.now - datetime.timedelta(seconds=repeats.WINDOW_SECONDS)
    old = sa.select(calls.c.id).where(past).limit(limit)
    # Said twice: one that is repeated at this very moment has to be looked at again once its lock is free.
    return transaction.execute(calls.delete().where(calls.c.id.in_(old), past)).rowcount


def _prune_events(transaction: sql.Transaction, before: datetime.datetime, limit: int) -> int:
    """Delete old events but the highest, and note how far: nobody shall miss what was deleted."""
    events, eras = tables.EVENTS, tables.ERAS
    ended = sa.select(_GENERATIONS.id).where(
        _GENERATIONS.id == events.c.generation_id, _GENERATIONS.complete_time.is_not(None)
    )
    highest = sa.select(sa.func.max(events.c.position)).scalar_subquery()
    old = (
        sa.select(events.c.position)
        .where(events.c.create_time < before, events.c.position < highest, sa.exists(ended))
        .order_by(events.c.create_time)
        .limit(limit)
    )
    positions = [row.position for row in transaction.rows(old)]
    if not positions:
        return 0
    present = sa.select(sa.func.max(eras.c.number)).scalar_subquery()
    farthest = max(positions)
    behind = sa.and_(eras.c.number == present, eras.c.pruned_to < farthest)
    transaction.execute(eras.update().where(behind).values(pruned_to=farthest))
    return transaction.execute(events.delete().where(events.c.position.in_(positions))).rowcount
