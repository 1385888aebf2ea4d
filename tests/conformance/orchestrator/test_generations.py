"""The record keeps generations: guarded updates, idempotent creation, a history without gaps, a ledger that sums up."""

import asyncio
import dataclasses
import datetime
import uuid

import pytest
import sqlalchemy as sa
from reelmesh_kit import errors, sql
from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_orchestrator.model import attempt, draft, facts, generation, step, verbs

from tests.support import orchestrator, record

LADDER = dict(orchestrator.LADDER)


async def test_what_was_admitted_is_read_back_as_it_was(kept: record.Kept) -> None:
    def work(store: ports.Store) -> draft.Draft:
        made = record.admitted(
            1,
            store,
            labels={"team": "blue", "ort": "Zürich"},
            seed=7,
            max_cost_micros=9_000_000,
            user_id="eve",
            negative_prompt="Regen",
            first_frame_asset_id="begin",
            last_frame_asset_id="end",
        )
        store.insert(made)
        return made

    made = await kept.write(work)
    found = await kept.look(1)
    assert found.shots == made.aggregate.shots
    assert found.attempts == made.aggregate.attempts
    assert (found.generation.revision, found.generation.sequence) == (1, 4)
    assert found.generation.labels == {"team": "blue", "ort": "Zürich"}
    assert found.generation.output == made.generation.output
    frames = found.generation.first_frame_asset_id, found.generation.last_frame_asset_id
    assert (*frames, found.generation.negative_prompt) == ("begin", "end", "Regen")
    both = await kept.read(lambda store: store.look_at([record.identifier(1), record.identifier(2)]))
    assert both == {record.identifier(1): found}


async def test_every_field_survives_a_whole_life(kept: record.Kept) -> None:
    await kept.admit(1)
    attempt_id = await kept.advance_to(1, "accepted")
    ended = facts.Ended(f"job {attempt_id}", facts.Outcome.SUCCEEDED, "clip", None, "")
    await kept.decide(1, lambda going: facts.finish(going, attempt_id, ended))
    ladder = (await kept.look(1)).steps[-1]
    assert (ladder.kind, ladder.clip_asset_ids) == (step.StepKind.LADDER, ("clip",))
    await kept.decide(1, lambda going: verbs.begin_step(going, ladder.id, "media", "t", holder_lives=False))
    assert await kept.decide(1, lambda going: verbs.finish_step(going, ladder.id, "t", LADDER))
    found = await kept.look(1)
    assert found.generation.state is generation.GenerationState.COMPLETED
    assert found.generation.result.files[0].asset_id == "asset-720"
    assert found.steps[0].result == LADDER
    assert found.attempts[0].spent_micros == found.attempts[0].price_micros


@pytest.mark.parametrize("begun", [False, True], ids=["in one statement", "among others"])
async def test_a_stale_draft_is_refused_and_leaves_nothing(kept: record.Kept, begun: bool) -> None:
    stale = await kept.admit(1)
    attempt_id = await kept.advance_to(1, "dispatched")
    events = await kept.count(tables.EVENTS)

    def work(store: ports.Store) -> None:
        if begun:
            store.put_account(orchestrator.account("new"))
        late = draft.Draft(stale, store.now)
        late.happened("late", "decided on what is no more")
        facts.dispatch(late, attempt_id)
        store.save(stale, late)

    with pytest.raises(sql.Conflict):
        await kept.write(work)
    assert await kept.count(tables.EVENTS) == events
    assert await kept.count(tables.ACCOUNTS) == 0
    assert (await kept.look(1)).attempts[0].dispatches == 1


async def test_what_a_decision_says_of_a_generation_is_what_is_read_back(kept: record.Kept) -> None:
    before = await kept.admit(1)

    def everything(going: draft.Draft) -> None:
        fields = dataclasses.fields(generation.Generation)
        moved = {field.name: changed(getattr(going.generation, field.name)) for field in fields if field.name in MOVES}
        going.put_generation(dataclasses.replace(going.generation, **moved))
        one = going.aggregate.attempts[0]
        fields = dataclasses.fields(attempt.Attempt)
        moved = {field.name: changed(getattr(one, field.name)) for field in fields if field.name not in FIXED}
        going.put_attempt(dataclasses.replace(one, **moved, state=one.state, ending=attempt.Ending.BUSY))

    def work(store: ports.Store) -> draft.Aggregate:
        decided = draft.Draft(before, store.now)
        everything(decided)
        return store.save(before, decided)

    assert await kept.write(work) == await kept.look(1)


def changed(value: object) -> object:
    """Return another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return orchestrator.NOW if value is None or isinstance(value, datetime.datetime) else f"{value}!"


# What a decision may change of a generation, and may never change of an attempt.
MOVES = ("run", "start_time", "complete_time", "cancel_time")
FIXED = (
    *("id", "shot_id", "run", "ordinal", "account_id", "provider", "model", "create_time", "rank_time"),
    *("price_micros", "state", "ending"),
)


async def test_a_decision_that_changes_nothing_writes_nothing(kept: record.Kept) -> None:
    before = await kept.admit(1)
    await kept.decide(1, lambda _: None)
    assert await kept.look(1) == before


async def test_of_many_that_admit_the_same_id_at_once_one_wins(kept: record.Kept) -> None:
    def work(store: ports.Store) -> bool:
        if store.look(record.identifier(1)) is not None:
            return False
        store.insert(record.admitted(1, store, labels={"a": "b"}))
        return True

    won = await asyncio.gather(*(kept.write(work) for _ in range(8)))
    assert sorted(won) == [False] * 7 + [True]
    assert await kept.count(tables.GENERATIONS) == 1
    assert await kept.count(tables.ATTEMPTS) == 1
    assert await kept.count(tables.EVENTS) == 4
    assert len(kept.outgoing) == await kept.count(tables.OUTBOX)


async def test_decisions_that_run_at_once_queue_up_and_leave_a_history_without_gaps(kept: record.Kept) -> None:
    await kept.admit(1)
    before = (await kept.look(1)).generation

    async def one(number: int) -> None:
        await kept.decide(1, lambda going: going.happened("noted", f"number {number}"))

    await asyncio.gather(*(one(number) for number in range(20)))
    after = (await kept.look(1)).generation
    assert (after.revision, after.sequence) == (before.revision + 20, before.sequence + 20)
    assert await kept.read(lambda store: store.events("stranger", record.identifier(1), 0, 100)) is None
    events = await kept.read(lambda store: store.events("tenant", record.identifier(1), 0, 100))
    assert events is not None
    assert [event.sequence for event in events] == list(range(1, after.sequence + 1))
    later = await kept.read(lambda store: store.events("tenant", record.identifier(1), before.sequence, 5))
    assert later is not None
    assert [event.sequence for event in later] == list(range(before.sequence + 1, before.sequence + 6))


async def test_the_events_of_all_are_listed_by_position(kept: record.Kept) -> None:
    for number in range(3):
        await kept.admit(number)
    first = await kept.read(lambda store: store.all_events(0, 5))
    rest = await kept.read(lambda store: store.all_events(first[-1].position, 100))
    positions = [event.position for event in (*first, *rest)]
    assert positions == sorted(set(positions))
    assert len(positions) == 12
    assert {event.generation_id for event in (*first, *rest)} == {record.identifier(number) for number in range(3)}


async def test_every_event_is_a_message_with_the_same_id(kept: record.Kept) -> None:
    await kept.admit(1)
    events = {row.id for row in await kept.rows(sa.select(tables.EVENTS.c.id))}
    messages = {row.id for row in await kept.rows(sa.select(tables.OUTBOX.c.id))}
    assert events == messages == {message.id for message in kept.outgoing}


async def test_nothing_is_sent_of_what_was_rolled_back(kept: record.Kept) -> None:
    def work(store: ports.Store) -> None:
        store.insert(record.admitted(1, store))
        raise errors.QueueFull

    with pytest.raises(errors.QueueFull):
        await kept.write(work)
    assert not kept.outgoing
    assert not kept.decisions
    assert await kept.count(tables.OUTBOX) == 0


async def test_each_decision_is_told_with_what_was_before_and_one_that_changes_nothing_is_not(
    kept: record.Kept,
) -> None:
    admitted = await kept.admit(1)
    await kept.decide(1, lambda going: going.happened("noted", "once"))
    await kept.decide(1, lambda going: None)
    first, second = kept.decisions
    assert (first.before, first.after) == (None, admitted)
    assert second.before == admitted
    assert [effect.type for effect in second.effects if isinstance(effect, draft.Happened)] == ["noted"]


async def test_attempts_and_steps_know_their_generation(kept: record.Kept) -> None:
    await kept.admit(1)
    attempt_id = await kept.advance_to(1, "accepted")
    ended = facts.Ended(f"job {attempt_id}", facts.Outcome.SUCCEEDED, "clip", None, "")
    await kept.decide(1, lambda going: facts.finish(going, attempt_id, ended))
    step_id = (await kept.look(1)).steps[0].id
    found = await kept.look(1)
    assert await kept.read(lambda store: store.of_attempt(attempt_id)) == found
    assert await kept.read(lambda store: store.of_step(step_id)) == found
    assert (await kept.read(lambda store: store.case(attempt_id, ""))).aggregate == found
    assert await kept.read(lambda store: store.step_case(step_id)) == ports.StepCase(found, None)
    assert await kept.read(lambda store: store.of_attempt(uuid.UUID(int=0))) is None
    assert await kept.read(lambda store: store.of_step(uuid.UUID(int=0))) is None
    assert await kept.read(lambda store: store.look(uuid.UUID(int=0))) is None


async def test_the_ledger_of_each_attempt_sums_up(kept: record.Kept) -> None:
    await kept.admit(1)
    refused = await kept.advance_to(1, "submitting")
    await kept.decide(
        1, lambda going: facts.decline(going, refused, f"nonce {refused}", facts.Verdict.REFUSED_FOR_GOOD, "no")
    )
    paid = await kept.advance_to(1, "accepted")
    ended = facts.Ended(f"job {paid}", facts.Outcome.SUCCEEDED, "clip", 5, "")
    await kept.decide(1, lambda going: facts.finish(going, paid, ended))
    found = await kept.look(1)
    first, second = found.attempts
    assert await record.ledger_of(kept, refused) == {"HOLD": first.price_micros, "RELEASE": first.price_micros}
    assert await record.ledger_of(kept, paid) == {
        "HOLD": second.price_micros,
        "SETTLE": 5,
        "RELEASE": second.price_micros - 5,
    }
    assert (found.held_micros, found.spent_micros) == (0, 5)
    assert first.ending is attempt.Ending.REFUSED_FOR_GOOD
