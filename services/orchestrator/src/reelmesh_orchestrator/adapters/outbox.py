"""Sends what was recorded to be sent: at once by whoever wrote it, by anybody after a crash."""

import asyncio
import collections
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
# Messages that are sent side by side.
BATCH = 100
# Rows that are deleted with one statement.
FORGET_BATCH = 1000
# How often rows are looked for that nobody has sent, seconds.
SWEEP_SECONDS = 1.0
# How long rows of what was sent stay, so that many are deleted with one statement: seconds.
FORGET_SECONDS = 0.25

# Sends messages, and returns for each what went wrong, or None.
Deliver = Callable[[Sequence[ports.Outgoing]], Awaitable[Sequence[Exception | None]]]


class Lane(enum.Enum):
    """Where messages go: a storage that hangs must not hold up the bus."""

    BUS = "bus"
    STORAGE = "storage"

    def takes(self, subject: str) -> bool:
        """Tell whether messages with this subject go this way."""
        return (subject == ports.KEEP) == (self is Lane.STORAGE)


def _of(lane: Lane) -> sa.ColumnElement[bool]:
    subject = tables.OUTBOX.c.subject
    return subject == ports.KEEP if lane is Lane.STORAGE else subject != ports.KEEP


def _left_over(lane: Lane) -> sql.Bundle:
    """Return the question whether there is anything to claim: mostly there is not, and nothing needs to be locked."""
    columns = tables.OUTBOX.c
    return sql.Bundle(left=sa.select(columns.id).where(columns.claimed_until < sql.now(), _of(lane)).limit(1))


_LEFT_OVER = {lane: _left_over(lane) for lane in Lane}
_SENT = {Lane.BUS: crash_points.SENT_TO_BUS, Lane.STORAGE: crash_points.SENT_TO_STORAGE}


def over(link: bus.Bus) -> Deliver:
    """Return what publishes messages on the bus, under their rows' ids."""

    async def deliver(batch: Sequence[ports.Outgoing]) -> Sequence[Exception | None]:
        return await link.publish_all(
            [bus.Message(one.subject, one.payload, str(one.id), one.traceparent) for one in batch]
        )

    return deliver


def one_by_one(send: Callable[[ports.Outgoing], Awaitable[None]]) -> Deliver:
    """Return what sends each message by a call of its own, side by side."""

    async def attempt(message: ports.Outgoing) -> Exception | None:
        try:
            await send(message)
        except (errors.RetryableError, errors.DeadlineExceeded) as error:
            return error
        return None

    async def deliver(batch: Sequence[ports.Outgoing]) -> Sequence[Exception | None]:
        return await asyncio.gather(*(attempt(message) for message in batch))

    return deliver


class Outbox:
    """The way of one lane from the record to where its messages go. Every message is sent at least once."""

    def __init__(self, lane: Lane, deliver: Deliver, time: clock.Clock, logger: logging.Logger) -> None:
        """Take the lane, and what sends its messages."""
        self._lane = lane
        self._deliver = deliver
        self._clock = time
        self._logger = logger
        self._queue: asyncio.Queue[ports.Outgoing] = asyncio.Queue(QUEUE_LIMIT)
        #: What was sent and whose rows are still there; a row that is forgotten here is sent once more, and deleted.
        self._sent: collections.deque[uuid.UUID] = collections.deque(maxlen=QUEUE_LIMIT)
        self._to_forget = asyncio.Event()

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
        """Send what was just written, for ever; its rows go soon after."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._forget(database))
            while True:
                batch = [await self._queue.get()]
                while len(batch) < BATCH and not self._queue.empty():
                    batch.append(self._queue.get_nowait())
                self._sent.extend(await self._send(batch))
                self._to_forget.set()

    async def _forget(self, database: sql.Database) -> None:
        while True:
            await self._to_forget.wait()
            await self._clock.sleep(FORGET_SECONDS)
            while self._sent:
                sent = [self._sent.popleft() for _ in range(min(len(self._sent), FORGET_BATCH))]
                with crash_points.DELETE:
                    await database.write(lambda transaction, ids=sent: _delete(transaction, ids))
            self._to_forget.clear()

    async def send_left_over(self, database: sql.Database) -> None:
        """Send what others have written and not sent, for ever."""
        while True:
            await self._clock.sleep(SWEEP_SECONDS)
            while batch := await self._claimed(database):
                sent = await self._send(batch)
                with crash_points.DELETE:
                    await database.write(lambda transaction, ids=sent: _delete(transaction, ids))

    async def _claimed(self, database: sql.Database) -> Sequence[ports.Outgoing]:
        if not await database.glance(lambda transaction: transaction.ask(_LEFT_OVER[self._lane])["left"]):
            return ()
        with crash_points.CLAIM:
            return await database.write(lambda transaction: _claim(transaction, self._lane))

    async def _send(self, batch: Sequence[ports.Outgoing]) -> list[uuid.UUID]:
        """Send messages; return the ids of those that are where they should be."""
        sent: list[uuid.UUID] = []
        for message, trouble in zip(batch, await self._deliver(batch), strict=True):
            if trouble is None:
                sent.append(message.id)
            else:
                self._logger.warning("A message waits in the outbox: %s", trouble, extra={"subject": message.subject})
        if sent:
            _SENT[self._lane].passed()
        if len(sent) < len(batch):
            # Nobody answers there: what is left waits for its claim to end.
            await self._clock.sleep(SWEEP_SECONDS)
        return sent


def _claim(transaction: sql.Transaction, lane: Lane) -> list[ports.Outgoing]:
    """Take rows of a lane that nobody is at, so that no other process takes them for a while."""
    columns = tables.OUTBOX.c
    statement = (
        sa.select(columns.id, columns.subject, columns.payload, columns.traceparent)
        .where(columns.claimed_until < transaction.now, _of(lane))
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
    transaction.changes.delete(tables.OUTBOX, [{"id": one} for one in ids])
