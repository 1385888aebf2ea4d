"""Waking who waits until something changes, in place of looking again and again."""

import asyncio
import contextlib

from reelmesh_kit import clock as clocks


class Signal:
    """Given whenever something changed; who woke looks for itself at what."""

    def __init__(self, clock: clocks.Clock) -> None:
        """Wait by `clock`."""
        self._clock = clock
        self._given = asyncio.Event()

    def give(self) -> None:
        """Wake whoever waits now."""
        self._given.set()
        self._given = asyncio.Event()

    async def wait(self, seconds: float | None = None) -> None:
        """Wait until it is given, or `seconds` have passed; None waits for as long as that takes."""
        if seconds is None:
            await self._given.wait()
        elif seconds > 0:
            with contextlib.suppress(TimeoutError):
                await self._clock.wait_for(self._given.wait(), seconds)
        else:
            await self._clock.sleep(0)
