"""Reads and writes what pools of workers are told and say."""

import datetime
import uuid
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from reelmesh_kit import sql

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import messages, tables
from reelmesh_orchestrator.model import attempt, pooling, step
from reelmesh_orchestrator.ports import counting

_ATTEMPTS = tables.ATTEMPTS.c
_STEPS = tables.STEPS.c
_CORDONS = tables.CORDONS.c
_LEASES = tables.LEASES.c
_UNRESOLVED = sorted(state.value for state in attempt.UNRESOLVED)
_PLANNED = attempt.AttemptState.PLANNED.value


def _attempts() -> sa.Select[*tuple[Any, ...]]:
    due = sa.case((sa.and_(_ATTEMPTS.state == _PLANNED, _ATTEMPTS.not_before <= sql.now()), 1), else_=0).label("due")
    found = (
        sa.select(_ATTEMPTS.provider, _ATTEMPTS.account_id, _ATTEMPTS.model, _ATTEMPTS.state, due)
        .where(tables.UNENDED_ATTEMPT)
        .limit(counting.COUNTED_MOST)
        .subquery()
    )
    by = (found.c.provider, found.c.account_id, found.c.model, found.c.state)
    return sa.select(*by, sa.func.count().label("number"), sa.func.sum(found.c.due).label("due")).group_by(*by)


def _steps() -> sa.Select[*tuple[Any, ...]]:
    found = sa.select(_STEPS.kind).where(tables.UNENDED_STEP).limit(counting.COUNTED_MOST).subquery()
    return sa.select(found.c.kind, sa.func.count().label("number")).group_by(found.c.kind)


def _workers() -> sa.Select[*tuple[Any, ...]]:
    same = sa.and_(_CORDONS.kind == _LEASES.kind, _CORDONS.pool == _LEASES.pool, _CORDONS.name == _LEASES.name)
    cordoned = sa.exists().where(same, _CORDONS.until > sql.now()).label("cordoned")
    by = (_LEASES.worker_id, _LEASES.kind, _LEASES.pool, _LEASES.name, _LEASES.idle, _LEASES.drained, _LEASES.load)
    return sa.select(*by, cordoned).where(_LEASES.active).order_by(_LEASES.name).limit(counting.COUNTED_MOST)


_WORKS = sql.Bundle(attempts=_attempts(), steps=_steps(), workers=_workers())


class SqlPoolStore:
    """`ports.PoolStore` over one SQL transaction."""

    _transaction: sql.Transaction

    def works(self) -> ports.Works:
        """Return what there is to do, and who does it."""
        found = self._transaction.ask(_WORKS)
        steps: dict[str, int] = dict.fromkeys(messages.LANES.values(), 0)
        for row in found["steps"]:
            steps[messages.LANES[step.StepKind(row["kind"])]] += row["number"]
        return ports.Works(
            attempts=tuple(map(_counted, found["attempts"])), steps=steps, workers=tuple(map(_worker, found["workers"]))
        )

    def cordon(self, kind: str, pool: str, names: Collection[str], until: datetime.datetime) -> None:
        """Cordon these workers of a pool, and no others."""
        table = tables.CORDONS
        # Those of pools that nobody looks after any more have passed.
        over = sa.or_(sa.and_(*_of(kind, pool)), _CORDONS.until <= self._transaction.now)
        self._transaction.execute(table.delete().where(over))
        for name in sorted(names):
            self._transaction.insert_if_absent(table, {"kind": kind, "pool": pool, "name": name, "until": until})

    def hand_over(self, worker_id: str, keeping: Collection[uuid.UUID]) -> None:
        """Free what a worker observes or looks for, but what it keeps."""
        self._transaction.execute(
            tables.ATTEMPTS.update()
            .where(
                tables.UNENDED_ATTEMPT,
                _ATTEMPTS.watcher_id == worker_id,
                _ATTEMPTS.state.in_(_UNRESOLVED),
                _ATTEMPTS.id.not_in(list(keeping)),
            )
            .values(watcher_id="")
        )


def _of(kind: str, pool: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return _CORDONS.kind == kind, _CORDONS.pool == pool


def _counted(row: Mapping[str, Any]) -> pooling.Counted:
    state = attempt.AttemptState(row["state"])
    return pooling.Counted(row["provider"], row["account_id"], row["model"], state, row["number"], int(row["due"]))


def _worker(row: Mapping[str, Any]) -> ports.PoolWorker:
    at_work = ports.AtWork(bool(row["idle"]), bool(row["drained"]), row["load"])
    return ports.PoolWorker(row["worker_id"], row["kind"], row["pool"], row["name"], bool(row["cordoned"]), at_work)
