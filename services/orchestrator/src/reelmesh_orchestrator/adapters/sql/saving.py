"""Writes a decision: changed rows under the next revision, with events, ledger entries and messages beside them."""

import dataclasses
import datetime
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from reelmesh_kit import errors, ids, sql

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import messages, rows, tables
from reelmesh_orchestrator.model import draft

# How long the process that wrote a message is left to send it before another one does.
CLAIM_SECONDS = 5.0


def insert(transaction: sql.Transaction, fresh: ids.Ids, decided: draft.Draft) -> list[ports.Outgoing] | None:
    """Write a new generation with its effects; return the messages to send, or None when its id exists."""
    final = _numbered(decided, revision=1, sequence=0)
    one = final.generation
    if not transaction.insert_if_absent(tables.GENERATIONS, rows.of_generation(one)):
        return None
    _insert_all(
        transaction,
        tables.LABELS,
        [
            {"generation_id": one.id, "key": key, "value": value, "tenant_id": one.tenant_id}
            for key, value in one.labels.items()
        ],
    )
    _insert_all(transaction, tables.SHOTS, [rows.of_shot(shot, one.id) for shot in final.shots])
    _insert_all(transaction, tables.ATTEMPTS, [rows.of_attempt(attempt, one) for attempt in final.attempts])
    _insert_all(transaction, tables.STEPS, [rows.of_step(step, one.id) for step in final.steps])
    return _write_effects(transaction, fresh, final, decided.effects, first_sequence=1)


def update(
    transaction: sql.Transaction, fresh: ids.Ids, before: draft.Aggregate, decided: draft.Draft
) -> list[ports.Outgoing]:
    """Write what a decision changed, guarded by the revision it was taken on; return the messages to send.

    Raises:
        errors.Unavailable: the generation has changed since it was read.
    """
    if decided.aggregate == before and not decided.effects:
        return []
    final = _numbered(decided, before.generation.revision + 1, before.generation.sequence)
    one = final.generation
    old = rows.of_generation(before.generation)
    changed = {key: value for key, value in rows.of_generation(one).items() if value != old[key]}
    guarded = (
        tables.GENERATIONS.update()
        .where(tables.GENERATIONS.c.id == one.id, tables.GENERATIONS.c.revision == before.generation.revision)
        .values(changed)
    )
    if transaction.execute(guarded).rowcount != 1:
        raise errors.Unavailable("the generation was changed by somebody else in the same moment; try again")
    _upsert(
        transaction,
        tables.SHOTS,
        [rows.of_shot(two, one.id) for two in before.shots],
        [rows.of_shot(two, one.id) for two in final.shots],
    )
    _upsert(
        transaction,
        tables.ATTEMPTS,
        [rows.of_attempt(two, before.generation) for two in before.attempts],
        [rows.of_attempt(two, one) for two in final.attempts],
    )
    _upsert(
        transaction,
        tables.STEPS,
        [rows.of_step(two, one.id) for two in before.steps],
        [rows.of_step(two, one.id) for two in final.steps],
    )
    return _write_effects(transaction, fresh, final, decided.effects, before.generation.sequence + 1)


def _numbered(decided: draft.Draft, revision: int, sequence: int) -> draft.Aggregate:
    events = sum(isinstance(effect, draft.Happened) for effect in decided.effects)
    numbered = dataclasses.replace(
        decided.generation, revision=revision, sequence=sequence + events, update_time=decided.now
    )
    return dataclasses.replace(decided.aggregate, generation=numbered)


def _upsert(
    transaction: sql.Transaction, table: sa.Table, before: Sequence[rows.Columns], after: Sequence[rows.Columns]
) -> None:
    known = {row["id"]: row for row in before}
    _insert_all(transaction, table, [row for row in after if row["id"] not in known])
    for row in after:
        old = known.get(row["id"], row)
        changed = {key: value for key, value in row.items() if value != old[key]}
        if changed:
            transaction.execute(table.update().where(table.c.id == row["id"]).values(changed))


def _write_effects(
    transaction: sql.Transaction,
    fresh: ids.Ids,
    final: draft.Aggregate,
    effects: Iterable[draft.Effect],
    first_sequence: int,
) -> list[ports.Outgoing]:
    one = final.generation
    events: list[rows.Columns] = []
    entries: list[rows.Columns] = []
    outgoing: list[ports.Outgoing] = []
    for effect in effects:
        if isinstance(effect, draft.Happened):
            event = _event(fresh.fresh(), one, effect, first_sequence + len(events))
            events.append(event)
            outgoing.append(messages.event(event))
        elif isinstance(effect, draft.Entry):
            entries.append(_entry(fresh.fresh(), one.tenant_id, one.id, effect, one.update_time))
        else:
            outgoing.append(messages.command(fresh.fresh(), final, effect))
    _insert_all(transaction, tables.EVENTS, events)
    _insert_all(transaction, tables.LEDGER, entries)
    claimed_until = one.update_time + datetime.timedelta(seconds=CLAIM_SECONDS)
    _insert_all(
        transaction,
        tables.OUTBOX,
        [
            {**dataclasses.asdict(message), "create_time": one.update_time, "claimed_until": claimed_until}
            for message in outgoing
        ],
    )
    return outgoing


def _event(event_id: uuid.UUID, one: Any, effect: draft.Happened, sequence: int) -> rows.Columns:
    return {
        "id": event_id,
        "tenant_id": one.tenant_id,
        "generation_id": one.id,
        "sequence": sequence,
        "type": effect.type,
        "create_time": one.update_time,
        "message": effect.message,
        "attributes": dict(effect.attributes),
        "state": one.state.value,
        "traceparent": one.traceparent,
    }


def _entry(
    entry_id: uuid.UUID, tenant_id: str, generation_id: uuid.UUID, effect: draft.Entry, now: datetime.datetime
) -> rows.Columns:
    return {
        "id": entry_id,
        "generation_id": generation_id,
        "attempt_id": effect.attempt_id,
        "tenant_id": tenant_id,
        "kind": effect.kind.value,
        "amount_micros": effect.amount_micros,
        "create_time": now,
    }


def _insert_all(transaction: sql.Transaction, table: sa.Table, values: Sequence[rows.Columns]) -> None:
    if values:
        transaction.execute(table.insert(), values)
