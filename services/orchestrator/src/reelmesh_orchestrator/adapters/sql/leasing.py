"""Reads and writes leases, and who observes what: a renewal is one question and one guarded change."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from reelmesh_kit import sql

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import loading, rows, silences, standing, tables
from reelmesh_orchestrator.model import attempt, eras, step

_ATTEMPTS = tables.ATTEMPTS.c
_CORDONS = tables.CORDONS.c
_LEASES = tables.LEASES.c
_STEPS = tables.STEPS.c
_DOUBTFUL = attempt.AttemptState.INDETERMINATE.value
_BEGUN = sorted([attempt.AttemptState.ACCEPTED.value, _DOUBTFUL])
_UNRESOLVED = sorted(state.value for state in attempt.UNRESOLVED)
_NOBODY = ""
_WORKER = sql.parameter("worker_id", sa.Text)
_POOL = sql.parameter("pool", sa.Text)
# What nobody observes or looks for.
_FREE = (tables.UNENDED_ATTEMPT, _ATTEMPTS.watcher_id == _NOBODY, _ATTEMPTS.state.in_(_BEGUN))

# A lease that lapses while it is renewed has lapsed: the renewal is decided anew.
_RENEWED = sql.Update(
    tables.LEASES,
    ("renewals", "update_time", "name", "counted_era", "idle", "drained", "load"),
    guarded=("renewals", "active"),
)


def _leases() -> sa.Select[*tuple[Any, ...]]:
    return sa.select(tables.LEASES).where(_LEASES.worker_id == _WORKER)


def _watched() -> sa.Select[*tuple[Any, ...]]:
    return sa.select(_ATTEMPTS.id, _ATTEMPTS.state, _ATTEMPTS.cancel_wanted).where(
        tables.UNENDED_ATTEMPT, _ATTEMPTS.watcher_id == _WORKER, _ATTEMPTS.state.in_(_BEGUN)
    )


def _cordons() -> sa.Select[*tuple[Any, ...]]:
    return sa.select(_CORDONS.name).where(
        _CORDONS.kind == sql.parameter("kind", sa.Text),
        _CORDONS.pool == _POOL,
        _CORDONS.name == sql.parameter("name", sa.Text),
        _CORDONS.until > sql.now(),
    )


def _free() -> sa.Select[*tuple[Any, ...]]:
    return sa.select(_ATTEMPTS.id).where(*_FREE, _ATTEMPTS.provider == _POOL).limit(1)


def _steps() -> sa.Select[*tuple[Any, ...]]:
    return sa.select(_STEPS.token, _STEPS.id).where(
        tables.UNENDED_STEP, _STEPS.worker_id == _WORKER, _STEPS.state == step.StepState.RUNNING.value
    )


def _others() -> sa.Select[*tuple[Any, ...]]:
    return sa.select(sa.func.count().label("number")).where(
        _LEASES.active, _LEASES.pool == _POOL, _LEASES.worker_id != _WORKER
    )


def _rivals() -> sa.Select[*tuple[Any, ...]]:
    return sa.select(sa.func.count().label("number")).where(
        tables.UNENDED_ATTEMPT,
        _ATTEMPTS.account_id == sql.parameter("account_id", sa.Text),
        _ATTEMPTS.model == sql.parameter("model", sa.Text),
        _ATTEMPTS.state.in_(_UNRESOLVED),
        _ATTEMPTS.job_id == "",
    )


def _claimed() -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(_ATTEMPTS.job_id)
        .where(_ATTEMPTS.account_id == sql.parameter("account_id", sa.Text), tables.WITH_JOB)
        .order_by(_ATTEMPTS.create_time.desc())
        .limit(sql.parameter("limit", sa.Integer))
    )


_LEASE = sql.Bundle(leases=_leases())
_CASE = sql.Bundle(
    leases=_leases(),
    cordons=_cordons(),
    steps=_steps(),
    watched=_watched(),
    free=_free(),
    others=_others(),
    cards=sa.select(tables.CARDS.c.card).where(tables.CARDS.c.provider == _POOL),
    accounts=sa.select(tables.ACCOUNTS).where(tables.ACCOUNTS.c.provider == _POOL),
    **standing.questions(),
)
_WATCHED = sql.Bundle(watched=_watched())
_STEPS_OF = sql.Bundle(steps=_steps())
_LOOKALIKES = sql.Bundle(rivals=_rivals(), claimed=_claimed())


class SqlLeaseStore:
    """`ports.LeaseStore` over one SQL transaction."""

    _transaction: sql.Transaction

    def lease(self, worker_id: str) -> ports.Lease | None:
        """Return a worker's lease."""
        return _lease(self._transaction.ask(_LEASE, worker_id=worker_id))

    def lease_case(
        self, worker_id: str, kind: str, pool: str, name: str, marks: Sequence[eras.Mark]
    ) -> ports.LeaseCase:
        """Return what there is to know when a worker renews its lease."""
        told = standing.parameters(marks)
        found = self._transaction.ask(_CASE, worker_id=worker_id, kind=kind, pool=pool, name=name, **told)
        return ports.LeaseCase(
            lease=_lease(found),
            standing=standing.read(found),
            cordoned=bool(found["cordons"]),
            steps={one["token"]: one["id"] for one in found["steps"]},
            watched=_to_watched(found),
            free=bool(found["free"]),
            stated=rows.to_card(found["cards"][0]["card"]) if found["cards"] else None,
            accounts=tuple(sorted(map(rows.to_account, found["accounts"]), key=lambda account: account.id)),
            others=found["others"][0]["number"],
        )

    def lock_lease(self, worker_id: str) -> ports.Lease | None:
        """Return a worker's lease, its row locked."""
        statement = sa.select(tables.LEASES).where(_LEASES.worker_id == worker_id)
        row = self._transaction.row(self._transaction.locking(statement))
        return rows.to_lease(sql.columns(row)) if row else None

    def renew(
        self, lease: ports.Lease, name: str, counted_era: str = "", at_work: ports.AtWork = ports.NOTHING_SAID
    ) -> None:
        """Write a lease with one renewal more."""
        values = {
            "worker_id": lease.worker_id,
            "renewals": lease.renewals + 1,
            "update_time": self._transaction.now,
            "name": name,
            "counted_era": counted_era,
            "idle": at_work.idle,
            "drained": at_work.drained,
            "load": at_work.load,
        }
        if lease.renewals:
            self._transaction.changes.update(_RENEWED, values, {"renewals": lease.renewals, "active": True})
        else:
            new = {**values, "kind": lease.kind, "pool": lease.pool, "active": True}
            self._transaction.changes.insert(tables.LEASES, [new])

    def end_lease(self, worker_id: str, renewals: int | None) -> bool:
        """End a lease and unassign what its worker watched."""
        statement = tables.LEASES.update().where(_LEASES.worker_id == worker_id, _LEASES.active)
        if renewals is not None:
            statement = statement.where(_LEASES.renewals == renewals)
        if not self._transaction.execute(statement.values(active=False, update_time=self._transaction.now)).rowcount:
            return False
        self._transaction.execute(
            tables.ATTEMPTS.update()
            .where(tables.UNENDED_ATTEMPT, _ATTEMPTS.watcher_id == worker_id, _ATTEMPTS.state.in_(_UNRESOLVED))
            .values(watcher_id=_NOBODY)
        )
        return True

    def unwatched(self) -> int:
        """Free unresolved attempts whose watcher holds no lease."""
        statement = tables.ATTEMPTS.update().where(silences.unwatched())
        return self._transaction.execute(statement.values(watcher_id=_NOBODY)).rowcount

    def watched_by(self, worker_id: str) -> Sequence[ports.Watched]:
        """Return the unresolved attempts that a worker observes or looks for."""
        return _to_watched(self._transaction.ask(_WATCHED, worker_id=worker_id))

    def steps_of_worker(self, worker_id: str) -> Sequence[uuid.UUID]:
        """Return the steps that a worker runs."""
        return [one["id"] for one in self._transaction.ask(_STEPS_OF, worker_id=worker_id)["steps"]]

    def assign(self, worker_id: str, provider: str, room: int) -> Sequence[uuid.UUID]:
        """Give a worker attempts that nobody observes or looks for."""
        statement = sa.select(_ATTEMPTS.id).where(*_FREE, _ATTEMPTS.provider == provider).limit(room)
        found = [row.id for row in self._transaction.rows(self._transaction.locking(statement, skip_locked=True))]
        if found:
            self._transaction.execute(
                tables.ATTEMPTS.update().where(_ATTEMPTS.id.in_(found)).values(watcher_id=worker_id)
            )
        return found

    def charges(self, attempt_ids: Sequence[uuid.UUID]) -> Sequence[ports.Charge]:
        """Return attempts with their generations."""
        return loading.charges(self._transaction, attempt_ids)

    def lookalikes(self, account_id: str, model: str, limit: int) -> ports.Lookalikes:
        """Return what a job of an attempt might be taken for."""
        found = self._transaction.ask(_LOOKALIKES, account_id=account_id, model=model, limit=limit)
        claimed = tuple(one["job_id"] for one in found["claimed"])
        return ports.Lookalikes(rivals=found["rivals"][0]["number"], claimed_job_ids=claimed)


def _lease(found: Mapping[str, Sequence[rows.Columns]]) -> ports.Lease | None:
    return rows.to_lease(found["leases"][0]) if found["leases"] else None


def _to_watched(found: Mapping[str, Sequence[rows.Columns]]) -> Sequence[ports.Watched]:
    return [ports.Watched(one["id"], one["state"] == _DOUBTFUL, one["cancel_wanted"]) for one in found["watched"]]
