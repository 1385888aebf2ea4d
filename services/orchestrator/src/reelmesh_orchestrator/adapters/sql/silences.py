"""Reads what nobody spoke of any more: all that a sweep looks at, in one round trip."""

from typing import Any

import sqlalchemy as sa
from reelmesh_kit import sql

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_orchestrator.model import attempt, generation, step

_GENERATIONS = tables.GENERATIONS.c
_ATTEMPTS = tables.ATTEMPTS.c
_LEASES = tables.LEASES.c
_STEPS = tables.STEPS.c
_UNRESOLVED = sorted(state.value for state in attempt.UNRESOLVED)
_WORKING = sorted(state.value for state in generation.WORKING)
_ROWS = sql.parameter("limit", sa.Integer)
_Question = sa.Select[*tuple[Any, ...]]


def _leases() -> _Question:
    return (
        sa.select(_LEASES.worker_id, _LEASES.renewals).where(_LEASES.active).order_by(_LEASES.update_time).limit(_ROWS)
    )


def unwatched() -> sa.ColumnElement[bool]:
    """Tell of an attempt whether it is unresolved and its watcher holds no lease."""
    holders = sa.select(_LEASES.worker_id).where(_LEASES.active)
    return sa.and_(
        tables.UNENDED_ATTEMPT,
        _ATTEMPTS.state.in_(_UNRESOLVED),
        _ATTEMPTS.watcher_id != "",
        _ATTEMPTS.watcher_id.not_in(holders),
    )


def _submitting() -> _Question:
    return (
        sa.select(_ATTEMPTS.id, _ATTEMPTS.generation_id)
        .where(tables.UNENDED_ATTEMPT, _ATTEMPTS.state == attempt.AttemptState.SUBMITTING.value)
        .order_by(_ATTEMPTS.submit_time)
        .limit(_ROWS)
    )


def _unbegun() -> _Question:
    return (
        sa.select(_ATTEMPTS.generation_id)
        .where(
            tables.UNENDED_ATTEMPT,
            _ATTEMPTS.state == attempt.AttemptState.DISPATCHED.value,
            _ATTEMPTS.dispatch_time < sql.ago("begin_seconds"),
        )
        .distinct()
        .limit(_ROWS)
    )


def _unbegun_steps() -> _Question:
    return (
        sa.select(_STEPS.id)
        .where(
            tables.UNENDED_STEP,
            _STEPS.state == step.StepState.SENT.value,
            _STEPS.send_time < sql.ago("step_seconds"),
        )
        .limit(_ROWS)
    )


def _expired(*conditions: sa.ColumnElement[bool]) -> _Question:
    return (
        sa.select(_GENERATIONS.id)
        .where(
            _GENERATIONS.deadline_time.is_not(None),
            tables.UNENDED,
            _GENERATIONS.state.in_(_WORKING),
            *conditions,
        )
        .limit(_ROWS)
    )


def _undrawn() -> _Question:
    """Return the question for deadlines that are near, where no still picture was asked for yet and one may be."""
    drawing = sa.select(_STEPS.id).where(
        _STEPS.generation_id == _GENERATIONS.id,
        _STEPS.run == _GENERATIONS.run,
        _STEPS.kind == step.StepKind.INFOGRAPHIC.value,
    )
    return _expired(
        # So many seconds less than none ago.
        _GENERATIONS.deadline_time <= sql.ago("floor_lead"),
        _GENERATIONS.fallback_floor != generation.Delivery.VIDEO.value,
        sa.not_(sa.exists(drawing)),
    )


def _cancelling() -> _Question:
    return (
        sa.select(_GENERATIONS.id)
        .where(tables.CANCELLING, _GENERATIONS.cancel_time < sql.ago("cancel_seconds"))
        .limit(_ROWS)
    )


_SILENCES = sql.Bundle(
    leases=_leases(),
    unwatched=sa.select(_ATTEMPTS.id).where(unwatched()).limit(1),
    submitting=_submitting(),
    unbegun=_unbegun(),
    unbegun_steps=_unbegun_steps(),
    undrawn=_undrawn(),
    expired=_expired(_GENERATIONS.deadline_time <= sql.now()),
    cancelling=_cancelling(),
)


def silences(transaction: sql.Transaction, waits: ports.Waits, limit: int) -> ports.Silences:
    """Return what has waited for longer than it is waited for."""
    found = transaction.ask(
        _SILENCES,
        begin_seconds=waits.begin_seconds,
        step_seconds=waits.step_seconds,
        floor_lead=-waits.floor_lead_seconds,
        cancel_seconds=waits.cancel_seconds,
        limit=limit,
    )
    return ports.Silences(
        leases={one["worker_id"]: one["renewals"] for one in found["leases"]},
        unwatched=bool(found["unwatched"]),
        submitting={one["id"]: one["generation_id"] for one in found["submitting"]},
        unbegun=tuple(one["generation_id"] for one in found["unbegun"]),
        unbegun_steps=tuple(one["id"] for one in found["unbegun_steps"]),
        undrawn=tuple(one["id"] for one in found["undrawn"]),
        expired=tuple(one["id"] for one in found["expired"]),
        cancelling=tuple(one["id"] for one in found["cancelling"]),
    )
