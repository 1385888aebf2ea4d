"""The port for what the client takes from its machine: time, waiting, fresh ids and jitter.

The client depends on no other package of ours but the contracts, so it has its own small port here.
"""

import asyncio
import datetime
import random  # noqa: TID251 - this is the port
import time
import uuid
from typing import Protocol


class Machine(Protocol):
    """Time and chance as the client may know them."""

    def now(self) -> datetime.datetime:
        """Return the wall-clock time, timezone-aware UTC."""
        ...

    def elapsed(self) -> float:
        """Return seconds since an arbitrary start, unmoved by clock changes."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        ...

    def fresh_id(self) -> str:
        """Return a UUID that was never returned before."""
        ...

    def jitter(self, seconds: float) -> float:
        """Return between half of `seconds` and all of it, so that many clients do not come back at once."""
        ...


class SystemMachine:
    """The real machine."""

    def now(self) -> datetime.datetime:
        """Return the machine's wall-clock time."""
        return datetime.datetime.now(datetime.UTC)  # noqa: TID251 - this is the port

    def elapsed(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()  # noqa: TID251 - this is the port

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running event loop."""
        await asyncio.sleep(seconds)  # noqa: TID251 - this is the port

    def fresh_id(self) -> str:
        """Return a random UUID."""
        return str(uuid.uuid4())  # noqa: TID251 - this is the port

    def jitter(self, seconds: float) -> float:
        """Return a pseudo-random part of `seconds`."""
        return random.uniform(seconds / 2, seconds)


class ManualMachine:
    """A machine whose time moves only when somebody sleeps, and whose ids count up: the shipped fake."""

    def __init__(self, start: datetime.datetime = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)) -> None:
        self._now = start
        self._elapsed = 0.0
        self._ids = 0
        self.slept_seconds: list[float] = []

    def now(self) -> datetime.datetime:
        """Return the start plus what was slept."""
        return self._now + datetime.timedelta(seconds=self._elapsed)

    def elapsed(self) -> float:
        """Return the seconds slept so far."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Advance at once, note it, and yield once."""
        self._elapsed += seconds
        self.slept_seconds.append(seconds)
        await asyncio.sleep(0)  # noqa: TID251 - this is the port

    def fresh_id(self) -> str:
        """Return the next id."""
        self._ids += 1
        return str(uuid.UUID(int=self._ids, version=4))

    def jitter(self, seconds: float) -> float:
        """Return all of `seconds`."""
        return seconds
