"""Counts what is at work: by indexes over unfinished rows alone, and never more of them than anybody wants to know."""

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from reelmesh_kit import sql

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import health_tables, rows, tables
from reelmesh_orchestrator.model import card
from reelmesh_orchestrator.ports import counting

BUS, STORAGE = "bus", "storage"


def _generations() -> sa.Select[*tuple[Any, ...]]:
    found = sa.select(tables.GENERATIONS.c.state).where(tables.UNENDED).limit(counting.COUNTED_MOST).subquery()
    return sa.select(found.c.state, sa.func.count().label("number")).group_by(found.c.state)


def _attempts() -> sa.Select[*tuple[Any, ...]]:
    columns = tables.ATTEMPTS.c
    found = (
        sa.select(columns.account_id, columns.state)
        .where(tables.UNENDED_ATTEMPT)
        .limit(counting.COUNTED_MOST)
        .subquery()
    )
    by = (found.c.account_id, found.c.state)
    return sa.select(*by, sa.func.count().label("number")).group_by(*by)


def _outbox() -> sa.Select[*tuple[Any, ...]]:
    columns = tables.OUTBOX.c
    lane = sa.case((columns.subject == ports.KEEP, STORAGE), else_=BUS).label("lane")
    found = sa.select(lane, columns.create_time).order_by(columns.claimed_until).limit(counting.COUNTED_MOST).subquery()
    oldest = sa.func.min(found.c.create_time, type_=sql.Instant()).label("oldest")
    return sa.select(found.c.lane, sa.func.count().label("number"), oldest).group_by(found.c.lane)


def _breakers() -> sa.Select[*tuple[Any, ...]]:
    columns = health_tables.BREAKERS.c
    return sa.select(columns.account_id, columns.model, columns.state).limit(counting.COUNTED_MOST)


_TALLY = sql.Bundle(
    generations=_generations(),
    attempts=_attempts(),
    outbox=_outbox(),
    breakers=_breakers(),
    switches=sa.select(health_tables.SWITCHES).limit(counting.COUNTED_MOST),
    accounts=sa.select(tables.ACCOUNTS).where(tables.ACCOUNTS.c.enabled),
    cards=sa.select(tables.CARDS),
)


class SqlCounts:
    """Counts the record of the orchestrator."""

    def __init__(self, database: sql.Database) -> None:
        """Take the database of the record."""
        self._database = database

    async def tally(self) -> counting.Tally:
        """Count what is at work now."""
        return await self._database.glance(_tally)


def _tally(transaction: sql.Transaction) -> counting.Tally:
    found = transaction.ask(_TALLY)
    return counting.Tally(
        generations={one["state"]: one["number"] for one in found["generations"]},
        attempts={(one["account_id"], one["state"]): one["number"] for one in found["attempts"]},
        outbox={
            one["lane"]: counting.Waiting(
                messages=one["number"],
                oldest_seconds=max((transaction.now - one["oldest"]).total_seconds(), 0.0),
            )
            for one in found["outbox"]
        },
        breakers={(one["account_id"], one["model"]): one["state"] for one in found["breakers"]},
        switches=frozenset((one["provider"], one["account_id"], one["model"]) for one in found["switches"]),
        slots={one["id"]: one["slots"] for one in found["accounts"]},
        retirements=_retirements((rows.to_card(one["card"]) for one in found["cards"]), transaction.now.date()),
    )


def _retirements(cards: Iterable[card.Card], today: datetime.date) -> Mapping[tuple[str, str], datetime.timedelta]:
    return {
        (one.provider, each.model): each.retires_on - today
        for one in cards
        for each in one.models
        if each.retires_on is not None
    }
