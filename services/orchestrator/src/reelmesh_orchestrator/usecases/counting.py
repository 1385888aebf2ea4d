"""Keeps numbers about what is at work fresh, for those who watch over the mesh."""

from reelmesh_kit import clock, errors

from reelmesh_orchestrator.ports import counting

# How old a number may be, seconds: dashboards look about as often.
EVERY_SECONDS = 10.0


class Counting:
    """Counts again and again."""

    def __init__(self, counts: counting.Counts, gauges: counting.Gauges, time: clock.Clock) -> None:
        """Show on `gauges` what `counts` finds."""
        self._counts = counts
        self._gauges = gauges
        self._clock = time

    async def once(self) -> None:
        """Count, and show it; while nobody can count, show nothing rather than what was once true."""
        try:
            self._gauges.show(await self._counts.tally())
        except (errors.RetryableError, errors.DeadlineExceeded):
            self._gauges.forget()

    async def run(self) -> None:
        """Count for ever."""
        while True:
            await self.once()
            await self._clock.sleep(EVERY_SECONDS)
