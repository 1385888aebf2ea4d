"""Sends what was recorded to be sent: at once by whoever wrote it, by anybody after a crash."""

import asyncio
import datetime
import enum
import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence

import sqlalchemy as sa
from reelmesh_kit import bus, clock, errors, sql

from reelmesh_orchestrator import crash_points, ports
from reelmesh_orchestrator.adapters.sql import saving, tables

# Messages in hand at most; what is written beyond that waits in SQL for the sweep.
QUEUE_LIMIT = 10_000
# Messages that are sent side by side, and deleted with one statement.
BATCH = 100
# How often rows are looked for that nobody has sent, seconds.
SWEEP_SECONDS = 1.0
# How long a batch may wait for company before its rows are deleted, seconds.
GATHER_SECONDS = 0.02

Deliver = Callable[[ports.Outgoing], Awaitable[None]]


class Lane(enum.Enum):
    """Where messages go: a storage that hangs must not hold up the bus."""

    BUS = "bus"
    STORAGE = "storage"

    def takes(self, subject: str) -> bool:
        """Tell whether messages with this subject go this way."""
        return (subject == ports.KEEP) == (self is Lane.STORAGE)


_SENT = {Lane.BUS: crash_points.SENT_TO_BUS, Lane.STORAGE: crash_points.SENT_TO_STORAGE}


def over(link: bus.Bus) -> Deliver:
    """Return what publishes a message on the bus, under its row's id."""

    async def deliver(message: ports.Outgoing) -> None:
        await link.publish(
            message.subject, message.payload, message_id=str(message.id), traceparent=message.traceparent
        )

    return deliver


class Outbox:
    """The way of one lane from the record to where its messages go. Every message is sent at least once."""

    def __init__(self, lane: Lane, deliver: Deliver, time: clock.Clock, logger: logging.Logger) -> None:
        """Take the lane, and what sends one of its messages or raises."""
        self._lane = lane
        self._deliver = deliver
        self._clock = time
        self._logger = logger
        self._queue: asyncio.Queue[ports.Outgoing] = asyncio.Queue(QUEUE_LIMIT)

    def offer(self, outgoing: Sequence[ports.Outgoing]) -> None:
        """Take this lane's messages whose rows are on disk; when there are too many they are left to the sweep."""
        for message in outgoing:
            if not self._lane.takes(message.subject):
                continue
            try:
                self._queue.put_nowait(message)
            except asyncio.QueueFull:
                return

    async def send_new(self, database: sql.Database) -> None:
        """Send what was just written, for ever."""
        while True:
            batch = [await self._queue.get()]
            await self._clock.sleep(GATHER_SECONDS if self._queue.empty() else 0)
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await self._send(database, batch)

    async def send_left_over(self, database: sql.Database) -> None:
        """Send what others have written and not sent, for ever."""
        while True:
            await self._clock.sleep(SWEEP_SECONDS)
            while batch := await self._claimed(database):
                await self._send(database, batch)

    async def _claimed(self, database: sql.Database) -> Sequence[ports.Outgoing]:
        with crash_points.CLAIM:
            return await database.write(lambda transaction: _claim(transaction, self._lane))

    async def _send(self, database: sql.Database, batch: Sequence[ports.Outgoing]) -> None:
        results = await asyncio.gather(*(self._publish(message) for message in batch))
        sent = [message.id for message, done in zip(batch, results, strict=True) if done]
        if sent:
            _SENT[self._lane].passed()
            with crash_points.DELETE:
                await database.write(lambda transaction: _delete(transaction, sent))
        if len(sent) < len(batch):
            # Nobody answers there: what is left waits for its claim to end.
            await self._clock.sleep(SWEEP_SECONDS)

    async def _publish(self, message: ports.Outgoing) -> bool:
        try:
            await self._deliver(message)
        except (errors.RetryableError, errors.DeadlineExceeded) as error:
            self._logger.warning("A message waits in the outbox: %s", error.message, extra={"subject": message.subject})
            return False
        return True


def _claim(transaction: sql.Transaction, lane: Lane) -> list[ports.Outgoing]:
    """Take rows of a lane that nobody is at, so that no other process takes them for a while."""
    columns = tables.OUTBOX.c
    mine = columns.subject == ports.KEEP if lane is Lane.STORAGE else columns.subject != ports.KEEP
    statement = (
        sa.select(columns.id, columns.subject, columns.payload, columns.traceparent)
        .where(columns.claimed_until < transaction.now, mine)
        .order_by(columns.claimed_until)
        .limit(BATCH)
    )
    found = transaction.rows(transaction.locking(statement, skip_locked=True))
    if found:
        until = transaction.now + datetime.timedelta(seconds=saving.CLAIM_SECONDS)
        taken = tables.OUTBOX.update().where(columns.id.in_([row.id for row in found]))
        transaction.execute(taken.values(claimed_until=until))
    return [ports.Outgoing(row.id, row.subject, row.payload, row.traceparent) for row in found]


def _delete(transaction: sql.Transaction, ids: Sequence[uuid.UUID]) -> None:
    transaction.execute(tables.OUTBOX.delete().where(tables.OUTBOX.c.id.in_(ids)))
