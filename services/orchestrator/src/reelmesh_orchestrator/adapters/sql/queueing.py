"""Reads the queue: what waits at which account, who has how much in flight there, and who stands where."""

import datetime
from typing import Any

import sqlalchemy as sa
from reelmesh_kit import sql

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import health, rows, standing, tables
from reelmesh_orchestrator.model import attempt, dispatching, draft

# The last place in the queue that is told apart: it is counted, for everybody who asks.
FARTHEST_PLACE = 1000

_ATTEMPTS = tables.ATTEMPTS.c
_IN_FLIGHT = sorted(state.value for state in attempt.IN_FLIGHT)
_PLANNED = _ATTEMPTS.state == attempt.AttemptState.PLANNED.value
_AT_ACCOUNT = _ATTEMPTS.account_id == sql.parameter("account_id", sa.Text)


def _accounts() -> sa.Select[*tuple[Any, ...]]:
    """Return the question for the accounts at which something may go out."""
    accounts = tables.ACCOUNTS.c
    due = sa.exists().where(_ATTEMPTS.account_id == accounts.id, _PLANNED, _ATTEMPTS.not_before <= sql.now())
    return sa.select(tables.ACCOUNTS).where(accounts.enabled, due)


def _in_flight() -> sa.Select[*tuple[Any, ...]]:
    doubtful = _ATTEMPTS.state == attempt.AttemptState.INDETERMINATE.value
    lately = _ATTEMPTS.submit_time > sql.parameter("doubtful_since", sql.Instant)
    return (
        sa.select(_ATTEMPTS.tenant_id, sa.func.count().label("number"))
        .where(_AT_ACCOUNT, tables.UNENDED_ATTEMPT, _ATTEMPTS.state.in_(_IN_FLIGHT), sa.or_(sa.not_(doubtful), lately))
        .group_by(_ATTEMPTS.tenant_id)
    )


def _waiting() -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(_ATTEMPTS.id, _ATTEMPTS.generation_id, _ATTEMPTS.tenant_id, _ATTEMPTS.model)
        .where(_AT_ACCOUNT, _PLANNED, _ATTEMPTS.not_before <= sql.now(), sa.not_(health.resting()))
        .order_by(_ATTEMPTS.rank_time)
        .limit(sql.parameter("limit", sa.Integer))
    )


def _number_ahead() -> sa.Select[*tuple[Any, ...]]:
    ahead = (
        sa.select(_ATTEMPTS.generation_id)
        .where(_AT_ACCOUNT, _PLANNED, _ATTEMPTS.rank_time < sql.parameter("rank_time", sql.Instant))
        .limit(FARTHEST_PLACE)
        .subquery()
    )
    return sa.select(sa.func.count(sa.distinct(ahead.c.generation_id)).label("number"))


_BACKLOG = sql.Bundle(
    accounts=_accounts(),
    cards=sa.select(tables.CARDS),
    next=sa.select(sa.func.min(_ATTEMPTS.not_before, type_=sql.Instant()).label("due")).where(
        _PLANNED, _ATTEMPTS.not_before > sql.now()
    ),
    **standing.present(),
    troubles=health.troubles(),
)
_QUEUE = sql.Bundle(in_flight=_in_flight(), waiting=_waiting())
_AHEAD = sql.Bundle(ahead=_number_ahead())


def backlog(transaction: sql.Transaction) -> ports.Backlog:
    """Return where something waits that is due."""
    found = transaction.ask(_BACKLOG)
    due = found["next"][0]["due"]
    return ports.Backlog(
        accounts=tuple(map(rows.to_account, found["accounts"])),
        # Most of the time nothing is due, and nobody asks for them.
        cards=tuple(rows.to_card(one["card"]) for one in found["cards"]) if found["accounts"] else (),
        seconds_to_next=max((due - transaction.now).total_seconds(), 0.0) if due else None,
        standing=standing.read(found),
        troubled=bool(found["troubles"]),
    )


def queue(transaction: sql.Transaction, account_id: str, doubtful_since: datetime.datetime, limit: int) -> ports.Queue:
    """Return what is in flight and what waits at an account."""
    found = transaction.ask(_QUEUE, account_id=account_id, doubtful_since=doubtful_since, limit=limit)
    return ports.Queue(
        in_flight={one["tenant_id"]: one["number"] for one in found["in_flight"]},
        waiting=tuple(
            dispatching.Waiting(one["id"], one["generation_id"], one["tenant_id"], one["model"])
            for one in found["waiting"]
        ),
    )


def queue_position(transaction: sql.Transaction, of: draft.Aggregate) -> int:
    """Return the place of a waiting generation among those that wait at the same account; 0 when none of it waits."""
    planned = [one for one in of.attempts if one.state is attempt.AttemptState.PLANNED]
    if not planned:
        return 0
    first = min(planned, key=lambda one: one.rank_time)
    found = transaction.ask(_AHEAD, account_id=first.account_id, rank_time=first.rank_time)
    return min(found["ahead"][0]["number"] + 1, FARTHEST_PLACE)
