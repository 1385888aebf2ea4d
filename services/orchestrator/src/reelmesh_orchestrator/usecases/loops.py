"""What the orchestrator does by itself, again and again."""

import asyncio

from reelmesh_kit import clock

from reelmesh_orchestrator.usecases import dispatching, sweeping

# Longest that a waiting attempt goes unnoticed that another orchestrator has recorded, seconds.
DISPATCH_SECONDS = 1.0
# Shortest between two looks at the queue: under load, what is recorded meanwhile goes out together. Seconds.
DISPATCH_PAUSE_SECONDS = 0.004


class Loops:
    """The background of an orchestrator."""

    def __init__(self, time: clock.Clock, wake: asyncio.Event) -> None:
        """Take the clock, and the event that is set when something was recorded here."""
        self._clock = time
        self._wake = wake

    async def dispatch(self, dispatcher: dispatching.Dispatcher) -> None:
        """Dispatch whenever something was recorded or becomes due, for ever."""
        while True:
            self._wake.clear()
            _, due_seconds = await dispatcher.dispatch()
            await self._clock.sleep(DISPATCH_PAUSE_SECONDS)
            patience = DISPATCH_SECONDS if due_seconds is None else min(due_seconds, DISPATCH_SECONDS)
            try:
                await self._clock.wait_for(self._wake.wait(), max(patience, DISPATCH_PAUSE_SECONDS))
            except TimeoutError:
                continue

    async def sweep(self, sweeper: sweeping.Sweeper, every_seconds: float) -> None:
        """Sweep at an interval, for ever."""
        while True:
            await sweeper.sweep()
            await self._clock.sleep(every_seconds)
