"""Watching without gaps: a stream that breaks is opened again after the last event that was seen."""

import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import TypeVar

from reelmesh_kit import chance, clock, errors

# Connections end when they are old, and when a service is replaced: neither is worth telling whoever watches.
REOPENINGS_LIMIT = 6
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0

Seen = TypeVar("Seen")


class Watching:
    """How patient a watcher is, and by which clock."""

    def __init__(self, watching_clock: clock.Clock, jitter: chance.Chance) -> None:
        """Wait by the given clock, with jitter."""
        self._clock = watching_clock
        self._chance = jitter

    async def without_gaps(
        self,
        open_after: Callable[[int], AsyncGenerator[Seen]],
        sequence_of: Callable[[Seen], int],
        after_sequence: int,
    ) -> AsyncGenerator[Seen]:
        """Yield what the streams yield until one ends by itself.

        Args:
            open_after: opens a stream of what has a higher sequence than its argument.
            sequence_of: the sequence of an item; 0 for one that has none and may get lost.
            after_sequence: where to begin.

        Raises:
            Unavailable: REOPENINGS_LIMIT streams in a row broke before they told anything.
        """
        last, failures = after_sequence, 0
        while True:
            try:
                async with contextlib.aclosing(open_after(last)) as stream:
                    async for seen in stream:
                        failures = 0
                        last = max(last, sequence_of(seen))
                        yield seen
                return
            except errors.Unavailable:
                failures += 1
                if failures > REOPENINGS_LIMIT:
                    raise
            await self._pause(failures)

    async def _pause(self, failures: int) -> None:
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**failures)
        await self._clock.sleep(self._chance.uniform(longest / 2, longest))
