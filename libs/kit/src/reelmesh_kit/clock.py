"""The port for time: what the hour is, how long something took, and how to wait."""

import asyncio
import datetime
import pathlib
import sys
import time
from collections.abc import Awaitable
from typing import Protocol, TypeVar

from typing_extensions import override

UTC = datetime.UTC
Result = TypeVar("Result")

# CLOCK_BOOTTIME goes on while the machine sleeps; macOS calls its counterpart CLOCK_MONOTONIC (its continuous clock).
_SUSPENSION_COUNTING_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """Time as a service may know it. Two clocks are never compared: durations come from `elapsed`, dates from `now`."""

    def now(self) -> datetime.datetime:
        """Return the wall-clock time, timezone-aware UTC. For people and for an embedded database only."""
        ...

    def elapsed(self) -> float:
        """Return seconds since an arbitrary start, counting suspension of the machine and unmoved by clock changes."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`; 0 yields to other tasks once."""
        ...

    async def wait_for(self, awaitable: Awaitable[Result], timeout_seconds: float) -> Result:
        """Await with a bound.

        Raises:
            TimeoutError: `timeout_seconds` passed; the awaitable was cancelled.
        """
        ...


class SystemClock:
    """The machine's clock and the running event loop's timers."""

    def now(self) -> datetime.datetime:
        """Return the machine's wall-clock time."""
        return datetime.datetime.now(UTC)

    def elapsed(self) -> float:
        """Return seconds of CLOCK_BOOTTIME, or of the platform's continuous clock."""
        if sys.platform == "win32":
            return time.monotonic()
        return time.clock_gettime(_SUSPENSION_COUNTING_CLOCK)

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running event loop."""
        await asyncio.sleep(seconds)

    async def wait_for(self, awaitable: Awaitable[Result], timeout_seconds: float) -> Result:
        """Await with a bound on the running event loop."""
        # Not asyncio.wait_for: in Python 3.11 it drops a cancellation that comes together with the result.
        async with asyncio.timeout(timeout_seconds):
            return await awaitable


class WrongClock(SystemClock):
    """A machine's clock whose wall-clock time is wrong, and jumps: for tests of whole processes."""

    def __init__(self, offset_file: pathlib.Path) -> None:
        """Be wrong by the number of seconds that stands in the file, looked up at each call; 0 without a file."""
        self._offset_file = offset_file

    @override
    def now(self) -> datetime.datetime:
        """Return the wrong time."""
        return super().now() + datetime.timedelta(seconds=self._offset_seconds())

    def _offset_seconds(self) -> float:
        try:
            return float(self._offset_file.read_text())
        except (FileNotFoundError, ValueError):
            # Not there yet, or about to be written.
            return 0.0


class ManualClock:
    """A clock that moves only when told to, or when somebody sleeps: the shipped fake.

    Sleeping advances it at once and yields, so that code that waits runs through without waiting.
    """

    def __init__(self, start: datetime.datetime = datetime.datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._elapsed = 0.0

    def now(self) -> datetime.datetime:
        """Return the time that was set."""
        return self._now

    def elapsed(self) -> float:
        """Return the seconds advanced so far."""
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        self._now += datetime.timedelta(seconds=seconds)
        self._elapsed += seconds

    async def sleep(self, seconds: float) -> None:
        """Advance by `seconds` and yield once."""
        self.advance(seconds)
        await asyncio.sleep(0)

    async def wait_for(self, awaitable: Awaitable[Result], timeout_seconds: float) -> Result:
        """Await without a bound: a test that hangs is stopped by its own time-out."""
        del timeout_seconds
        return await awaitable
