"""Reads and writes what stands in the way of new submits: breakers, switches, and their history."""

import collections
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from reelmesh_kit import sql

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import health_tables, rows, tables
from reelmesh_orchestrator.model import attempt, breaker
from reelmesh_orchestrator.model.health import Health, Switch, Target
from reelmesh_orchestrator.ports import counting

_ATTEMPTS = tables.ATTEMPTS.c
_BREAKERS = health_tables.BREAKERS.c
_SWITCHES = health_tables.SWITCHES.c
_IN_FLIGHT = sorted(state.value for state in attempt.IN_FLIGHT)
_HALF_OPEN = breaker.BreakerState.HALF_OPEN.value
# Somebody else may have learnt something in the meantime: then it is not the one any more that trials were due for.
_TRIED = sql.Update(
    health_tables.BREAKERS,
    ("state", "since", "trial_time"),
    guarded=("state", "openings"),
)


def present() -> dict[str, sa.Select[*tuple[Any, ...]]]:
    """Return the questions about the present, for a bundle that has others as well."""
    return {"breakers": sa.select(health_tables.BREAKERS), "switches": sa.select(health_tables.SWITCHES)}


def of_attempt() -> dict[str, sa.Select[*tuple[Any, ...]]]:
    """Return the questions about where one attempt goes, for a bundle that has others as well."""
    one = _ATTEMPTS.id == sql.parameter("attempt_id", sa.Uuid)
    same = sa.and_(_BREAKERS.account_id == _ATTEMPTS.account_id, _BREAKERS.model == _ATTEMPTS.model)
    meant = [
        sa.or_(mine == sa.literal_column("''"), mine == its)
        for mine, its in (
            (_SWITCHES.provider, _ATTEMPTS.provider),
            (_SWITCHES.account_id, _ATTEMPTS.account_id),
            (_SWITCHES.model, _ATTEMPTS.model),
        )
    ]
    return {
        "breakers": sa.select(health_tables.BREAKERS).where(sa.exists().where(one, same)),
        "switches": sa.select(health_tables.SWITCHES).where(sa.exists().where(one, *meant)),
    }


def troubles() -> sa.Select[*tuple[Any, ...]]:
    """Return the question whether anything stands in the way of new submits: a row where it does."""
    stopped = sa.select(sa.literal(1).label("one")).where(_BREAKERS.state != breaker.BreakerState.CLOSED.value)
    switched = sa.select(sa.literal(1).label("one")).select_from(health_tables.SWITCHES)
    either = sa.or_(stopped.exists(), switched.exists())
    return sa.select(sa.literal(1).label("one")).where(either)


def resting() -> sa.ColumnElement[bool]:
    """Tell of an attempt whether its provider has asked for a pause that is not over."""
    return sa.exists().where(
        _BREAKERS.account_id == _ATTEMPTS.account_id,
        _BREAKERS.model == _ATTEMPTS.model,
        _BREAKERS.rest_until > sql.now(),
    )


def _trials() -> sa.Select[*tuple[Any, ...]]:
    by = (_ATTEMPTS.account_id, _ATTEMPTS.model)
    return (
        sa.select(*by, sa.func.count().label("number"))
        .where(
            tables.UNENDED_ATTEMPT,
            _ATTEMPTS.state.in_(_IN_FLIGHT),
            _BREAKERS.account_id == _ATTEMPTS.account_id,
            _BREAKERS.model == _ATTEMPTS.model,
            _BREAKERS.state == _HALF_OPEN,
            _ATTEMPTS.dispatch_time >= _BREAKERS.since,
        )
        .group_by(*by)
    )


def _loads() -> sa.Select[*tuple[Any, ...]]:
    found = (
        sa.select(_ATTEMPTS.account_id, _ATTEMPTS.state)
        .where(tables.UNENDED_ATTEMPT)
        .limit(counting.COUNTED_MOST)
        .subquery()
    )
    by = (found.c.account_id, found.c.state)
    return sa.select(*by, sa.func.count().label("number")).group_by(*by)


_LOADS = sql.Bundle(attempts=_loads())
_HEALTH = sql.Bundle(**present(), trials=_trials())


class SqlHealthStore:
    """`ports.HealthStore` over one SQL transaction."""

    _transaction: sql.Transaction

    def health(self) -> Health:
        """Return what stands in the way of new submits."""
        return rows.to_health(self._transaction.now, self._transaction.ask(_HEALTH))

    def loads(self) -> Mapping[str, ports.Load]:
        """Return how much is at each account that has anything."""
        flying: collections.Counter[str] = collections.Counter()
        waiting: collections.Counter[str] = collections.Counter()
        for row in self._transaction.ask(_LOADS)["attempts"]:
            of = flying if row["state"] in _IN_FLIGHT else waiting
            of[row["account_id"]] += row["number"]
        return {account: ports.Load(flying[account], waiting[account]) for account in {*flying, *waiting}}

    def lock_breaker(self, account_id: str, model: str) -> breaker.Breaker:
        """Return a breaker, its row locked."""
        table = health_tables.BREAKERS
        self._transaction.insert_if_absent(table, rows.of_breaker(breaker.Breaker(account_id, model)))
        statement = sa.select(table).where(_BREAKERS.account_id == account_id, _BREAKERS.model == model)
        (row,) = self._transaction.rows(self._transaction.locking(statement))
        return rows.to_breaker(sql.columns(row))

    def put_breaker(self, changed: breaker.Breaker) -> None:
        """Write a breaker that is locked."""
        table = health_tables.BREAKERS
        same = sa.and_(_BREAKERS.account_id == changed.account_id, _BREAKERS.model == changed.model)
        self._transaction.execute(table.update().where(same).values(rows.of_breaker(changed)))

    def try_breaker(self, before: breaker.Breaker, after: breaker.Breaker) -> None:
        """Write a breaker of which trials are made."""
        self._transaction.changes.update(_TRIED, rows.of_breaker(after), rows.of_breaker(before))

    def put_switch(self, switch: Switch) -> bool:
        """Switch something off."""
        return self._transaction.insert_if_absent(health_tables.SWITCHES, rows.of_switch(switch))

    def remove_switch(self, target: Target) -> bool:
        """Switch something on."""
        table = health_tables.SWITCHES
        same = (
            _SWITCHES.provider == target.provider,
            _SWITCHES.account_id == target.account_id,
            _SWITCHES.model == target.model,
        )
        return self._transaction.execute(table.delete().where(*same)).rowcount == 1

    def tell_health(self, type_: ports.HealthEventType, target: Target, who: str, message: str) -> None:
        """Add to the history."""
        self._transaction.changes.insert(
            health_tables.HEALTH_EVENTS,
            [
                {
                    **rows.of_target(target),
                    "type": type_.value,
                    "who": who,
                    "message": message,
                    "create_time": self._transaction.now,
                }
            ],
        )

    def health_events(self, before_position: int | None, limit: int) -> Sequence[ports.HealthEvent]:
        """Return the history, newest first."""
        position = health_tables.HEALTH_EVENTS.c.position
        statement = sa.select(health_tables.HEALTH_EVENTS).order_by(position.desc()).limit(limit)
        if before_position is not None:
            statement = statement.where(position < before_position)
        return [rows.to_health_event(sql.columns(row)) for row in self._transaction.rows(statement)]


def prune(transaction: sql.Transaction, events_before: Any, limit: int) -> int:
    """Delete what is old of the history; return how many rows."""
    table = health_tables.HEALTH_EVENTS
    old = sa.select(table.c.position).where(table.c.create_time < events_before).limit(limit)
    return transaction.execute(table.delete().where(table.c.position.in_(old))).rowcount
