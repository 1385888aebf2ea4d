"""Sweeping: what expired, what died half-way and what nobody knows goes away, one small safe step after the other.

Rows change before bytes go (so that nobody reads what is half gone) and are marked afterwards (so that whatever dies
in between is found again): after a crash at any boundary the next sweep goes on.
"""

import collections
import dataclasses
import logging
import uuid
from collections.abc import Callable, Mapping

from reelmesh_kit import clock, errors, ids

from reelmesh_storage import crash_points, ports
from reelmesh_storage.model import asset, leftovers

# Rows of one transaction. A sweep ends after this many of a kind; the next one goes on.
BATCH_ROWS = 200
BATCHES_LIMIT = 50


@dataclasses.dataclass(frozen=True)
class Pages:
    """How the bucket is looked through for bytes without a row."""

    objects: int = 1000
    """In one page: what an S3 API gives at most."""
    limit: int = 10
    """Pages of one sweep; the next one goes on behind them."""


_PAGES = Pages()


class Sweeping:
    """Takes away what is over. Any number of them may run side by side."""

    def __init__(
        self,
        index: ports.SweepIndex,
        bucket: ports.Bucket,
        service_clock: clock.Clock,
        service_ids: ids.Ids,
        logger: logging.Logger,
        pages: Pages = _PAGES,
    ) -> None:
        """Wire the ports."""
        self._pages = pages
        self._index = index
        self._bucket = bucket
        self._clock = service_clock
        self._ids = service_ids
        self._logger = logger
        self._listed_up_to = ""

    async def run(self, every_seconds: float, note: Callable[[leftovers.Swept], None]) -> None:
        """Sweep for ever, with a pause between; `note` gets each result."""
        while True:
            note(await self.sweep())
            await self._clock.sleep(every_seconds)

    async def sweep(self) -> leftovers.Swept:
        """Sweep once.

        Raises:
            errors.Unavailable: the database or the bucket does not answer; what was done is done.
        """
        swept = leftovers.Swept()
        await self._condemn(swept)
        await self._adopt_orphans(swept)
        await self._remove(swept)
        await self._forget(swept)
        return swept

    async def _condemn(self, swept: leftovers.Swept) -> None:
        steps = (
            (leftovers.Reason.EXPIRED, self._index.condemn_expired, crash_points.SWEEP_EXPIRED),
            (leftovers.Reason.STALE, self._index.condemn_stale, crash_points.SWEEP_STALE),
        )
        for reason, step, act in steps:
            for _ in range(BATCHES_LIMIT):
                with act:
                    counts = await step(BATCH_ROWS)
                _add(swept, reason, counts)
                if sum(counts.values()) < BATCH_ROWS:
                    break

    async def _adopt_orphans(self, swept: leftovers.Swept) -> None:
        """Give bytes without a row one, condemned: that reserves the key before the bytes go."""
        for _ in range(self._pages.limit):
            page = await self._bucket.list(self._listed_up_to, self._pages.objects)
            known, now = await self._index.known([listed.key for listed in page])
            verdict = leftovers.judge(page, known, now)
            if verdict.alarming:
                swept.alarming = True
                self._logger.error(
                    "The bucket holds more bytes without a row than with one, so the index is likelier to be wrong "
                    "than the bucket. Nothing of them is removed: restore the index, or move them away."
                )
            elif verdict.removable:
                orphans = {self._ids.fresh(): orphan for orphan in verdict.removable}
                with crash_points.SWEEP_ADOPT:
                    await self._index.adopt(orphans)
                _add(swept, leftovers.Reason.ORPHANED, collections.Counter(each.kind for each in verdict.removable))
            self._listed_up_to = page[-1].key if len(page) == self._pages.objects else ""
            if not self._listed_up_to:
                return

    async def _remove(self, swept: leftovers.Swept) -> None:
        after: uuid.UUID | None = None
        for _ in range(BATCHES_LIMIT):
            batch = await self._index.condemned(after, BATCH_ROWS)
            for condemned in batch:
                await self._remove_one(condemned, swept)
            if len(batch) < BATCH_ROWS:
                return
            after = batch[-1].write_id

    async def _remove_one(self, condemned: ports.Condemned, swept: leftovers.Swept) -> None:
        try:
            await self._bucket.delete(condemned.key)
        except errors.Unavailable as error:
            # The others may have more luck; this one is tried again by the next sweep.
            swept.failed += 1
            self._logger.warning("Cannot remove %s: %s", condemned.key, error)
            return
        crash_points.SWEEP_DELETED.passed()
        with crash_points.SWEEP_REMOVED:
            await self._index.removed([condemned.write_id])
        swept.removed += 1

    async def _forget(self, swept: leftovers.Swept) -> None:
        _, now = await self._index.known(())
        swept.discarded_uploads = await self._bucket.discard_uploads(now - leftovers.STALE_WRITE)
        with crash_points.SWEEP_PURGE:
            for _ in range(BATCHES_LIMIT):
                if await self._index.purge_removed(BATCH_ROWS) < BATCH_ROWS:
                    return


def _add(swept: leftovers.Swept, reason: leftovers.Reason, counts: Mapping[asset.Kind, int]) -> None:
    for kind, count in counts.items():
        swept.condemned[reason, kind] += count
