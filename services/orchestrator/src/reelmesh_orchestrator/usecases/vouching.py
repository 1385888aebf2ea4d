"""Whether the record may be believed: what is seen of it is kept, here and outside, and compared with what it says."""

import logging

from reelmesh_kit import clock, errors

from reelmesh_orchestrator import crash_points, ports
from reelmesh_orchestrator.model import eras

# How long is waited before the first comparison is tried again, seconds.
AGAIN_SECONDS = 1.0
# Eras among which a restore is looked for by its name.
MOST_ERAS = 1000


class Seen:
    """What this process has seen of the record: nothing is submitted before that was compared with what others have."""

    def __init__(self, *, compared: bool = False) -> None:
        """Begin with nothing seen."""
        self._mark: eras.Mark | None = None
        self.compared = compared

    def marks(self, told: eras.Mark | None = None) -> tuple[eras.Mark, ...]:
        """Return what the record has to know: what a caller was told of it, and what we were."""
        return tuple(mark for mark in (told, self._mark) if mark is not None)

    def learn(self, mark: eras.Mark | None) -> None:
        """Take what the record says of itself, once it was found to be the one that was seen."""
        self._mark = eras.later(self._mark, mark)


def examined(store: ports.Store, standing: eras.Standing, marks: tuple[eras.Mark, ...]) -> eras.Standing:
    """Return what the record says of itself; if it is not what was seen of it a new era has begun."""
    trouble = eras.trouble(standing, marks)
    if not trouble:
        return standing
    store.open_era(standing, trouble, "", eras.lost_era(standing, marks))
    return store.standing()


class Vouching:
    """Compares the record with a note that lies outside of it, and keeps that note up to date."""

    def __init__(
        self,
        record: ports.Record,
        notes: ports.MarkNote,
        seen: Seen,
        time: clock.Clock,
        logger: logging.Logger,
        *,
        every_seconds: float,
        restored: str = "",
    ) -> None:
        """Take the ports; `restored` is the name of a restore that the record must know of, if any."""
        self._record = record
        self._notes = notes
        self._seen = seen
        self._clock = time
        self._logger = logger
        self._every_seconds = every_seconds
        self._restored = restored

    async def run(self) -> None:
        """Compare, and keep the note, for ever."""
        while True:
            try:
                await self.compare()
            except errors.ReelmeshError as error:
                self._logger.warning("The record could not be compared with its note: %s", error.message)
                await self._clock.sleep(self._every_seconds if self._seen.compared else AGAIN_SECONDS)
            else:
                await self._clock.sleep(self._every_seconds)

    async def compare(self) -> None:
        """Compare once with what lies outside; then keep there what the record says now.

        Raises:
            errors.ReelmeshError: the database or storage does not answer; nothing is known.
        """
        await self._examine(None)
        told = await self._notes.read()
        standing = await self._examine(told)
        self._seen.compared = True
        if standing.mark is not None and standing.mark != told:
            await self._notes.write(standing.mark)

    async def _examine(self, told: eras.Mark | None) -> eras.Standing:
        marks = self._seen.marks(told)
        with crash_points.EXAMINE:
            standing = await self._record.write(lambda store: self._examined(store, marks))
        self._seen.learn(standing.mark)
        if standing.open and standing.era is not None:
            self._logger.warning("Nothing is submitted, lost jobs are looked for: %s", standing.era.reason)
        return standing

    def _examined(self, store: ports.Store, marks: tuple[eras.Mark, ...]) -> eras.Standing:
        standing = store.standing(marks)
        if standing.era is None:
            store.open_era(standing, "the record was begun", "", None)
            standing = store.standing(marks)
        standing = examined(store, standing, marks)
        if self._restored and all(era.name != self._restored for era in store.eras(MOST_ERAS)):
            store.open_era(standing, f"the operator says that it was restored ({self._restored})", self._restored, None)
            standing = store.standing(marks)
        return standing
