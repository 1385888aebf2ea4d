"""Writes a decision: changed rows under the next revision, with events, ledger entries and messages beside them."""

import dataclasses
import datetime
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from reelmesh_kit import ids, sql

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import messages, rows, tables
from reelmesh_orchestrator.model import attempt as attempts
from reelmesh_orchestrator.model import draft, facts

# How long the process that wrote a message is left to send it before another one does.
CLAIM_SECONDS = 5.0


class _Identified(Protocol):
    @property
    def id(self) -> uuid.UUID: ...


_Noun = TypeVar("_Noun", bound=_Identified)
_Saved = tuple[draft.Aggregate, list[ports.Outgoing]]


def insert(changes: sql.Changes, fresh: ids.Ids, decided: draft.Draft) -> _Saved:
    """Write a new generation with its effects; return it as it is written, and the messages to send."""
    final = _numbered(decided, revision=1, sequence=0)
    one = final.generation
    changes.insert(tables.GENERATIONS, [rows.of_generation(one)])
    changes.insert(
        tables.LABELS,
        [
            {"generation_id": one.id, "key": key, "value": value, "tenant_id": one.tenant_id}
            for key, value in one.labels.items()
        ],
    )
    changes.insert(tables.SHOTS, [rows.of_shot(shot, one.id) for shot in final.shots])
    changes.insert(tables.ATTEMPTS, [rows.of_attempt(attempt, one) for attempt in final.attempts])
    changes.insert(tables.STEPS, [rows.of_step(step, one.id) for step in final.steps])
    return final, _write_effects(changes, fresh, final, decided.effects, first_sequence=1)


def update(changes: sql.Changes, fresh: ids.Ids, before: draft.Aggregate, decided: draft.Draft) -> _Saved:
    """Write what a decision changed, guarded by the revision it was taken on."""
    if decided.aggregate == before and not decided.effects:
        return before, []
    final = _numbered(decided, before.generation.revision + 1, before.generation.sequence)
    one = final.generation
    changes.update(tables.MOVED_GENERATION, rows.of_generation(one), {"revision": before.generation.revision})
    _put(changes, tables.MOVED_SHOT, before.shots, final.shots, lambda shot: rows.of_shot(shot, one.id))
    _put(changes, tables.MOVED_STEP, before.steps, final.steps, lambda step: rows.of_step(step, one.id))
    watchers = {attempt.id: attempt.watcher_id for attempt in before.attempts}

    def of_attempt(attempt: Any) -> rows.Columns:
        unspoken = watchers.get(attempt.id) == attempt.watcher_id
        return {**rows.of_attempt(attempt, one), **({"watcher_id": None} if unspoken else {})}

    elsewhere = {attempt.id for attempt in final.attempts if _elsewhere(before, attempt)}
    here = [attempt for attempt in final.attempts if attempt.id not in elsewhere]
    there = [attempt for attempt in final.attempts if attempt.id in elsewhere]
    _put(changes, tables.MOVED_ATTEMPT, before.attempts, here, of_attempt)
    _put(changes, tables.MOVED_ATTEMPT_ELSEWHERE, before.attempts, there, of_attempt)
    return final, _write_effects(changes, fresh, final, decided.effects, before.generation.sequence + 1)


def _elsewhere(before: draft.Aggregate, moved: attempts.Attempt) -> bool:
    """Tell whether an attempt that had a row is at another account, or another model there, than before."""
    known = next((one for one in before.attempts if one.id == moved.id), None)
    return known is not None and (known.account_id, known.model) != (moved.account_id, moved.model)


def keep_job(
    changes: sql.Changes, job: facts.Job, known: ports.Claim | None, ended: facts.Ended | None, now: datetime.datetime
) -> None:
    """Append a fact about a job: whose it is, and how it ended. The better claim stands, and the first end."""
    ending = {
        "outcome": ended.outcome.value if ended else "",
        "cost_micros": ended.cost_micros if ended else None,
        "message": ended.message if ended else "",
        "end_time": now if ended else None,
    }
    key = {"project": job.project, "job_id": job.job_id}
    claim = {"attempt_id": job.attempt_id, "evidence": job.evidence.value}
    if known is None:
        changes.insert(tables.PROVIDER_JOBS, [{**key, **claim, **ending, "create_time": now}])
        return
    if known.job.evidence < job.evidence:
        was = {"attempt_id": known.job.attempt_id, "evidence": known.job.evidence.value}
        changes.update(tables.CLAIMED_JOB, {**key, **claim}, was)
    if ended is not None and not known.ended:
        changes.update(tables.ENDED_JOB, {**key, **ending})


def _numbered(decided: draft.Draft, revision: int, sequence: int) -> draft.Aggregate:
    events = sum(isinstance(effect, draft.Happened) for effect in decided.effects)
    numbered = dataclasses.replace(
        decided.generation, revision=revision, sequence=sequence + events, update_time=decided.now
    )
    return dataclasses.replace(decided.aggregate, generation=numbered)


def _put(
    changes: sql.Changes,
    moved: sql.Update,
    before: Sequence[_Noun],
    after: Sequence[_Noun],
    columns: Callable[[_Noun], rows.Columns],
) -> None:
    known = {one.id: one for one in before}
    for one in after:
        old = known.get(one.id)
        if old is None:
            changes.insert(moved.table, [columns(one)])
        elif old is not one and old != one:
            changes.update(moved, columns(one))


def _write_effects(
    changes: sql.Changes,
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
    changes.insert(tables.EVENTS, events)
    changes.insert(tables.LEDGER, entries)
    claimed_until = one.update_time + datetime.timedelta(seconds=CLAIM_SECONDS)
    changes.insert(
        tables.OUTBOX,
        [
            {
                "id": message.id,
                "subject": message.subject,
                "payload": message.payload,
                "traceparent": message.traceparent,
                "create_time": one.update_time,
                "claimed_until": claimed_until,
            }
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
