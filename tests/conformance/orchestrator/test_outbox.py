"""The outbox: what was written and not sent is claimed by one process at a time, sent, and deleted."""

# pyright: reportPrivateUsage=false

import asyncio
import collections
import logging
from collections.abc import Sequence
from typing import Any, cast

import pytest
import sqlalchemy as sa
from reelmesh_kit import bus, clock, errors, sql
from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters import outbox
from reelmesh_orchestrator.adapters.sql import tables

from tests.support import orchestrator, record, trips

LOGGER = logging.getLogger("test")
PATIENCE_SECONDS = 10.0


class Bus:
    """A bus that keeps what is published, and may be away."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.away = False

    async def publish_all(self, messages: Sequence[bus.Message]) -> Sequence[Exception | None]:
        """Keep the ids."""
        if self.away:
            return [errors.Unavailable("the bus is away")] * len(messages)
        self.ids += [message.message_id for message in messages]
        return [None] * len(messages)


class Storage:
    """A storage that keeps what it is told to keep, and may be away."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.away = False

    async def keep(self, message: ports.Outgoing) -> None:
        """Keep the payload."""
        if self.away:
            raise errors.Unavailable("storage is away")
        self.kept.append(message.payload)


def box(link: Bus) -> outbox.Outbox:
    return outbox.Outbox(outbox.Lane.BUS, outbox.over(cast("bus.Bus", link)), clock.SystemClock(), LOGGER)


def storage_box(storage: Storage) -> outbox.Outbox:
    return outbox.Outbox(outbox.Lane.STORAGE, outbox.one_by_one(storage.keep), clock.SystemClock(), LOGGER)


def claim(transaction: sql.Transaction) -> list[ports.Outgoing]:
    return outbox._claim(transaction, outbox.Lane.BUS)


async def expire_claims(kept: record.Kept) -> None:
    """Make every row look as if its writer had died long ago."""
    past = orchestrator.NOW.replace(year=2020)
    await kept.database.write(
        lambda transaction: transaction.execute(tables.OUTBOX.update().values(claimed_until=past))
    )


async def until_empty(kept: record.Kept, *loops: Any) -> None:
    tasks = [asyncio.create_task(one) for one in loops]
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await kept.count(tables.OUTBOX):
                await clock.SystemClock().sleep(0.05)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_its_writer_left_is_claimed_by_one_of_many(kept: record.Kept) -> None:
    for number in range(40):
        await kept.admit(number)
    wanted = {str(row.id) for row in await kept.rows(sa.select(tables.OUTBOX.c.id))}
    await expire_claims(kept)
    link = Bus()
    await until_empty(kept, *(box(link).send_left_over(kept.database) for _ in range(6)))
    counted = collections.Counter(link.ids)
    assert set(counted) == wanted
    assert set(counted.values()) == {1}


async def test_where_nothing_is_left_over_nothing_is_locked(kept: record.Kept) -> None:
    await kept.admit(1)
    counting = trips.Counting(kept.database)
    for sender in (box(Bus()), storage_box(Storage())):
        assert not await sender._claimed(counting)
        assert counting.taken() == ["ask"]


async def test_what_is_fresh_is_left_to_its_writer(kept: record.Kept) -> None:
    await kept.admit(1)
    assert await kept.database.write(claim) == []
    await expire_claims(kept)
    assert len(await kept.database.write(claim)) == 4
    assert await kept.database.write(claim) == []


async def test_what_was_just_written_is_sent_at_once_and_deleted(kept: record.Kept) -> None:
    link = Bus()
    sender = box(link)
    await kept.admit(1)
    sender.offer(kept.outgoing)
    await until_empty(kept, sender.send_new(kept.database))
    assert link.ids == [str(message.id) for message in kept.outgoing]


async def test_who_has_sent_everything_does_not_wake_until_there_is_more(kept: record.Kept) -> None:
    time = clock.ManualClock()
    sender = outbox.Outbox(outbox.Lane.BUS, outbox.over(cast("bus.Bus", Bus())), time, LOGGER)
    sending = asyncio.create_task(sender.send_new(kept.database))
    for number in (1, 2):
        await kept.admit(number)
        sender.offer(kept.outgoing[-4:])
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await kept.count(tables.OUTBOX):
                await clock.SystemClock().sleep(0.01)
        for _ in range(100):
            await clock.SystemClock().sleep(0)
        # Each sleep moves this clock at once.
        assert time.elapsed() == pytest.approx(number * outbox.FORGET_SECONDS)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def test_nothing_is_deleted_while_the_bus_is_away(kept: record.Kept) -> None:
    link = Bus()
    link.away = True
    sender = box(link)
    await kept.admit(1)
    sender.offer(kept.outgoing)
    task = asyncio.create_task(sender.send_new(kept.database))
    await clock.SystemClock().sleep(0.2)
    assert await kept.count(tables.OUTBOX) == 4
    link.away = False
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await expire_claims(kept)
    await until_empty(kept, box(link).send_left_over(kept.database))
    assert sorted(link.ids) == sorted(str(message.id) for message in kept.outgoing)


async def test_more_than_it_can_hold_in_hand_is_left_to_the_sweep(kept: record.Kept) -> None:
    await kept.admit(1)
    sender = box(Bus())
    sender.offer(kept.outgoing * (outbox.QUEUE_LIMIT // 4 + 1))
    assert sender._queue.qsize() == outbox.QUEUE_LIMIT


async def test_assets_in_use_are_told_to_storage_and_not_to_the_bus_until_it_says_yes(kept: record.Kept) -> None:
    await kept.admit(1)
    kept_id, told = kept.outgoing[0].id, b"assets"
    await kept.database.write(
        lambda transaction: transaction.execute(
            tables.OUTBOX.update().where(tables.OUTBOX.c.id == kept_id).values(subject=ports.KEEP, payload=told)
        )
    )
    await expire_claims(kept)
    link, storage = Bus(), Storage()
    storage.away = True
    hanging = asyncio.create_task(storage_box(storage).send_left_over(kept.database))
    going = asyncio.create_task(box(link).send_left_over(kept.database))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await kept.count(tables.OUTBOX) > 1:
            await clock.SystemClock().sleep(0.05)
    for task in (hanging, going):
        task.cancel()
    await asyncio.gather(hanging, going, return_exceptions=True)
    assert [row.id for row in await kept.rows(sa.select(tables.OUTBOX.c.id))] == [kept_id]
    assert storage.kept == []
    storage.away = False
    await expire_claims(kept)
    await until_empty(kept, storage_box(storage).send_left_over(kept.database))
    assert storage.kept == [told]
    assert str(kept_id) not in link.ids
