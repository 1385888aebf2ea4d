"""Follows a generation: its history from a point on, complete and in order, and how far it is."""

import contextlib
import dataclasses
import datetime
import uuid
from collections.abc import AsyncGenerator, Callable

from reelmesh_kit import errors

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.usecases import generations, pulsing

# Events that one look reads.
EVENTS_PAGE = 200
# When who finds no room to follow may look again.
FULL_RETRY_AFTER = datetime.timedelta(seconds=10)


@dataclasses.dataclass(frozen=True)
class Advance:
    """How far a generation is, between two events."""

    percent: int
    activity: str


Seen = ports.Event | Advance | generations.View


class Watching:
    """Streams what happens to a generation until it has ended."""

    def __init__(
        self,
        verbs: generations.Generations,
        progress: ports.ProgressBoard,
        pulse: pulsing.Pulse,
        leaving: Callable[[], bool],
        *,
        followers_limit: int,
    ) -> None:
        """Take the verbs to read with, what rings, what tells that this process stops, and how many may watch.

        Watchers stay: without a limit of their own they would take up the server, and workers could not begin.
        """
        self._generations = verbs
        self._progress = progress
        self._pulse = pulse
        self._leaving = leaving
        self._followers_limit = followers_limit
        self._followers = 0

    async def watch(self, tenant_id: str, generation_id: uuid.UUID, after_sequence: int) -> AsyncGenerator[Seen]:
        """Yield events as they are recorded, progress as it is heard, and the generation when it has ended.

        Raises:
            errors.NotFound: there is no such generation, or it is somebody else's.
            errors.Unavailable: this process stops, or too many follow here; watch on at another from the last sequence.
        """
        if self._followers >= self._followers_limit:
            raise errors.Unavailable(
                f"{self._followers_limit} callers follow generations here already; try another orchestrator, or later",
                FULL_RETRY_AFTER,
            )
        self._followers += 1
        try:
            async with contextlib.aclosing(self._seen(tenant_id, generation_id, after_sequence)) as seen:
                async for each in seen:
                    yield each
        finally:
            self._followers -= 1

    async def _seen(self, tenant_id: str, generation_id: uuid.UUID, after_sequence: int) -> AsyncGenerator[Seen]:
        # Who may not see it waits for no bell.
        view = await self._generations.get(tenant_id, generation_id)
        told = Advance(-1, "")
        async with self._progress.bell(generation_id) as rang:
            with self._pulse.following(generation_id, rang) as follower:
                while True:
                    rang.clear()
                    events = await self._generations.events(tenant_id, generation_id, after_sequence, EVENTS_PAGE)
                    for event in events:
                        yield event
                        after_sequence = event.sequence
                    if len(events) == EVENTS_PAGE:
                        continue
                    view = await self._generations.get(tenant_id, generation_id)
                    current = view.aggregate.generation
                    if current.ended and current.sequence <= after_sequence:
                        yield view
                        return
                    # What happened between the two reads is still to be read.
                    follower.knows(current.revision if current.sequence <= after_sequence else None)
                    advance = Advance(view.progress_percent, self._progress.activity(generation_id))
                    if advance != told:
                        yield advance
                        told = advance
                    if self._leaving():
                        raise errors.Unavailable("this orchestrator stops; watch on from the last sequence")
                    await rang.wait()
