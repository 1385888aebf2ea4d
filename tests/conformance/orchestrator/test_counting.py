"""Counting what is at work, on both engines: right, bounded, and by indexes over what has not ended."""

# pyright: reportPrivateUsage=false

import datetime
import pathlib
import uuid

from reelmesh_kit import sql
from reelmesh_orchestrator import metrics, ports
from reelmesh_orchestrator.adapters import outbox
from reelmesh_orchestrator.adapters.sql import counting, tables
from reelmesh_orchestrator.model import attempt, generation
from reelmesh_orchestrator.ports import counting as counting_ports

from tests.conformance.orchestrator import test_plans
from tests.support import orchestrator, record


async def test_nothing_at_work_is_nothing(kept: record.Kept) -> None:
    assert await counting.SqlCounts(kept.database).tally() == counting_ports.Tally({}, {}, {})


async def test_what_is_at_work_is_counted_and_what_has_ended_is_not(kept: record.Kept) -> None:
    for number in range(1, 5):
        await kept.admit(number)
    await kept.advance_to(2, "accepted")
    await kept.advance_to(3, "indeterminate")
    await kept.write(
        lambda store: store._transaction.execute(  # pyright: ignore[reportAttributeAccessIssue]
            tables.GENERATIONS.update().where(tables.GENERATIONS.c.id == record.identifier(4)).values(state="COMPLETED")
        )
    )
    tally = await counting.SqlCounts(kept.database).tally()
    assert sum(tally.generations.values()) == 3
    assert not {state.value for state in generation.ENDED} & tally.generations.keys()
    accounts = {account_id for account_id, _ in tally.attempts}
    assert len(accounts) == 1
    by_state = {state: number for (_, state), number in tally.attempts.items()}
    assert by_state[attempt.AttemptState.ACCEPTED] == by_state[attempt.AttemptState.INDETERMINATE] == 1


async def test_the_slots_of_enabled_accounts_and_the_days_of_models_that_end_are_told(kept: record.Kept) -> None:
    def put(store: ports.Store) -> None:
        ends = store.now.date() + datetime.timedelta(days=30)
        store.put_card(orchestrator.provider_card("paid", orchestrator.model_card("ends", retires_on=ends)))
        store.put_card(orchestrator.provider_card("other", orchestrator.model_card("stays")))
        store.put_account(orchestrator.account("paid", slots=7))
        store.put_account(orchestrator.account("off", enabled=False))

    await kept.write(put)
    tally = await counting.SqlCounts(kept.database).tally()
    assert tally.slots["paid"] == 7
    assert "off" not in tally.slots
    assert tally.retirements == {("paid", "ends"): datetime.timedelta(days=30)}


async def test_messages_are_counted_by_lane_with_the_age_of_the_oldest(kept: record.Kept) -> None:
    def put(transaction: sql.Transaction) -> None:
        for subject, age_seconds in (("event.a", 5), ("event.b", 60), (ports.KEEP, 7)):
            values = {
                "id": uuid.uuid5(uuid.NAMESPACE_OID, subject),
                "subject": subject,
                "payload": b"",
                "traceparent": "",
                "create_time": transaction.now - datetime.timedelta(seconds=age_seconds),
                "claimed_until": transaction.now,
            }
            transaction.execute(tables.OUTBOX.insert().values(values))

    await kept.database.write(put)
    tally = await counting.SqlCounts(kept.database).tally()
    assert {lane: waiting.messages for lane, waiting in tally.outbox.items()} == {"bus": 2, "storage": 1}
    assert 60 <= tally.outbox["bus"].oldest_seconds < 600
    assert 7 <= tally.outbox["storage"].oldest_seconds < 60


async def test_counting_reads_no_table_from_end_to_end(tmp_path: pathlib.Path) -> None:
    async with record.opened(f"sqlite:///{tmp_path / 'record.db'}") as kept:
        await kept.admit(1)
        async with test_plans.noted(kept) as asked:
            await counting.SqlCounts(kept.database).tally()
        plans = [await test_plans.plan(kept, one) for one in asked]
    assert len(asked) == 7
    assert not {table for one in plans for table in test_plans.SCAN.findall(one)} & test_plans.GROWING, plans
    for index in ("ix_generations_open", "ix_attempts_in_flight", "ix_outbox_claimed_until"):
        assert any(index in one for one in plans), plans


def test_the_lanes_are_those_of_the_outbox() -> None:
    assert {lane.value for lane in outbox.Lane} == set(metrics.LANES) == {counting.BUS, counting.STORAGE}
