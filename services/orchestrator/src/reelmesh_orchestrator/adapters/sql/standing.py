"""Reads what the record says of itself: which era it is in, and whether it has what others have seen of it."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from reelmesh_kit import sql

from reelmesh_orchestrator.adapters.sql import rows, tables
from reelmesh_orchestrator.model import eras, recovering

# Marks that one question may be about: the caller's and our own.
MOST_MARKS = 2
_NOBODY = uuid.UUID(int=0)
_ERAS = tables.ERAS.c
_EVENTS = tables.EVENTS.c
_GATING = [recovering.CensusState.ASKED.value, recovering.CensusState.PARKED.value]
_NUMBERS = range(1, MOST_MARKS + 1)
_KNOWN = (_ERAS.id, _ERAS.lost_era_id)


def present() -> dict[str, sa.Select[*tuple[Any, ...]]]:
    """Return the questions about the present, for a bundle that has others as well."""
    last: sa.ScalarSelect[int | None] = sa.select(sa.func.max(_ERAS.number)).scalar_subquery()
    return {
        "era": sa.select(tables.ERAS, sql.server().label("server")).where(_ERAS.number == last),
        "gating": sa.select(tables.CENSUSES.c.account_id).where(
            tables.CENSUSES.c.state.in_(_GATING), tables.CENSUSES.c.era == last
        ),
    }


def questions() -> dict[str, sa.Select[*tuple[Any, ...]]]:
    """Return the questions about the present and about marks, for a bundle that has others as well."""
    known = [column == sql.parameter(f"era_{number}", sa.Uuid) for number in _NUMBERS for column in _KNOWN]
    seen = [_EVENTS.position == sql.parameter(f"position_{number}", sa.BigInteger) for number in _NUMBERS]
    last: sa.ScalarSelect[int | None] = sa.select(sa.func.max(_EVENTS.position)).scalar_subquery()
    return {
        **present(),
        "known": sa.select(*_KNOWN).where(sa.or_(*known)),
        "seen": sa.select(_EVENTS.position, _EVENTS.id).where(sa.or_(*seen)),
        "head": sa.select(_EVENTS.position, _EVENTS.id, _EVENTS.create_time).where(_EVENTS.position == last),
    }


_STANDING = sql.Bundle(**questions())


def parameters(marks: Sequence[eras.Mark]) -> dict[str, Any]:
    """Return the parameters of the questions."""
    if len(marks) > MOST_MARKS:
        raise ValueError(f"at most {MOST_MARKS} marks are asked about at a time")
    told: dict[str, Any] = {}
    for number in _NUMBERS:
        mark = marks[number - 1] if number <= len(marks) else eras.Mark(_NOBODY)
        told |= {f"era_{number}": mark.era_id, f"position_{number}": mark.position}
    return told


def read(found: Mapping[str, Sequence[rows.Columns]]) -> eras.Standing:
    """Return what the answers say; what was not asked is as if there were nothing."""
    nowhere: rows.Columns = {"position": 0, "id": None, "create_time": None}
    head = next(iter(found.get("head", ())), nowhere)
    era = dict(found["era"][0]) if found["era"] else None
    identity = era.pop("server") if era else ""
    return eras.Standing(
        era=rows.to_era(era) if era else None,
        identity=identity,
        head_position=head["position"],
        head_event_id=head["id"],
        head_time=head["create_time"],
        known_eras=frozenset(one for row in found.get("known", ()) for one in row.values() if one is not None),
        events={row["position"]: row["id"] for row in found.get("seen", ())},
        parked=frozenset(row["account_id"] for row in found["gating"]),
    )


def standing(transaction: sql.Transaction, marks: Sequence[eras.Mark]) -> eras.Standing:
    """Return what the record says of itself, and about marks."""
    return read(transaction.ask(_STANDING, **parameters(marks)))
