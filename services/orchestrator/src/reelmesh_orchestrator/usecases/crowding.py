"""Keeps the generations of all tenants within a limit, without a count for each create."""

import contextlib
import datetime
from collections.abc import AsyncGenerator

from reelmesh_kit import clock, errors

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.model import crowd

# How often the unfinished are counted, seconds: what other orchestrators admit is unknown for as long.
COUNT_EVERY_SECONDS = 1.0
# How many times longer than a count the pause after it is at least: counting takes a fiftieth of the time at most.
PAUSES_PER_COUNT = 50.0
# How far is counted, in limits: beyond it, too, so that a crowd that is larger than a lowered limit is seen to shrink.
COUNTED_LIMITS = 2


class Crowding:
    """Says who may still come in."""

    def __init__(self, record: ports.Record, time: clock.Clock, *, limit: int) -> None:
        """Take the record; `limit` generations of all tenants together may be unfinished."""
        self._record = record
        self._clock = time
        self._crowd = crowd.Crowd(limit)

    async def run(self) -> None:
        """Count for ever."""
        while True:
            took_seconds = await self.count()
            await self._clock.sleep(max(COUNT_EVERY_SECONDS, took_seconds * PAUSES_PER_COUNT))

    async def count(self) -> float:
        """Count those that are unfinished; return how many seconds it took."""
        admitted, began = self._crowd.admitted, self._clock.elapsed()
        most = self._crowd.limit * COUNTED_LIMITS
        self._crowd.count(await self._record.read(lambda store: store.open_generations(most)), admitted, began)
        return self._clock.elapsed() - began

    @contextlib.asynccontextmanager
    async def entering(self) -> AsyncGenerator[crowd.Entry]:
        """Keep a place for one who wants in; after a start nobody comes in uncounted."""
        if not self._crowd.is_counted:
            await self.count()
        with self._crowd.entering() as entry:
            yield entry

    def check(self, entry: crowd.Entry) -> None:
        """Refuse one for whom there is no place.

        Raises:
            errors.QueueFull: as many are unfinished as may be.
        """
        if entry.fits:
            return
        seconds = self._crowd.wait_seconds()
        raise errors.QueueFull(
            f"as many generations of all tenants as may be ({self._crowd.limit}) have not ended yet; "
            f"try again in about {seconds:.0f} s",
            retry_after=datetime.timedelta(seconds=seconds),
            limit=self._crowd.limit,
            scope="mesh",
        )
