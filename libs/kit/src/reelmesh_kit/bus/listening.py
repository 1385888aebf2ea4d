"""Listening to notes: messages that nobody keeps, for progress bars and the like."""

import asyncio
import collections
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from nats.aio import msg as nats_msg

from reelmesh_kit import process
from reelmesh_kit.bus import connection


@dataclass(frozen=True)
class Note:
    """What was shouted."""

    subject: str
    payload: bytes


class Notes:
    """The notes not yet taken, at most `limit`: a slow listener misses the oldest."""

    def __init__(self, chassis: process.Chassis, limit: int) -> None:
        """Hold up to `limit` notes."""
        self._chassis = chassis
        self._waiting = collections.deque[Note](maxlen=limit)
        self._some = asyncio.Event()

    async def add(self, message: nats_msg.Msg) -> None:
        """Take in a note, for the oldest one if there is no room."""
        if len(self._waiting) == self._waiting.maxlen:
            self._chassis.telemetry.metrics.bus_notes_dropped.inc()
        self._waiting.append(Note(message.subject, message.data))
        self._some.set()

    def __aiter__(self) -> AsyncIterator[Note]:
        """Return itself."""
        return self

    async def __anext__(self) -> Note:
        """Wait for the next note; there is always a next one."""
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        return self._waiting.popleft()


@contextlib.asynccontextmanager
async def hear(
    chassis: process.Chassis, link: connection.Connection, subject: str, limit: int
) -> AsyncGenerator[AsyncIterator[Note]]:
    """Yield the notes shouted on `subject` (may have wildcards) from now on."""
    notes = Notes(chassis, limit)
    async with link.listening(subject, notes.add):
        yield notes
