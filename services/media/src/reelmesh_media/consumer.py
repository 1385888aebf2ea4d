"""The inbound edge on NATS: messages that say which step to take."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable

from google.protobuf import message as protobuf
from reelmesh.mesh.v1 import task_pb2
from reelmesh_kit import bus, clock, errors

from reelmesh_media import crash_points, ports
from reelmesh_media.model import steps
from reelmesh_media.usecases import performing

# When a message is looked at again whose step could not be taken or given back, seconds.
AGAIN_SECONDS = 5.0
# What a cordoned worker is handed others may have meanwhile.
CORDONED_SECONDS = 2.0
# How long the end of a run is told that nobody takes, and how often: longer than an orchestrator is away, for what is
# not told is done again.
TELL_SECONDS = 60.0
TELL_EVERY_SECONDS = 1.0
# Somebody is away, or there is no room: that is nothing a step has failed at.
PASSING = (errors.RetryableError, errors.DeadlineExceeded, errors.StorageFull)


class StepConsumer:
    """Takes steps as they are sent. The message is settled when the result is in the orchestrator's book."""

    def __init__(
        self,
        book: ports.StepBook,
        performer: performing.Performing,
        worker_id: Callable[[], str],
        time: clock.Clock,
        cordoned: Callable[[], bool] = lambda: False,
        leave: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Take the book, the performer, who we are at present, the clock, and whether we are to take nothing new.

        `leave` is called before a step is given back that was at work: it ends the lease of a worker that stops.
        """
        self._leave = leave
        self._cordoned = cordoned
        self._taking = 0
        self._book = book
        self._performer = performer
        self._worker_id = worker_id
        self._clock = time
        #: Tokens of the runs at work: what the lease does not name is taken for lost.
        self.tokens: set[str] = set()

    async def handle(self, delivery: bus.Delivery) -> bus.Result:
        """Take a step, do it, write down how it ended."""
        try:
            task = task_pb2.MediaTask.FromString(delivery.payload)
            step_id = uuid.UUID(task.step_id)
        except (protobuf.DecodeError, ValueError):
            return bus.Poison("not a MediaTask")
        if self._cordoned():
            return bus.Again(CORDONED_SECONDS)
        worker_id = self._worker_id()
        self._taking += 1
        try:
            taken = await self._book.begin(step_id, worker_id)
            if isinstance(taken, steps.Nothing):
                return bus.Again(taken.ask_again_seconds) if taken.ask_again_seconds else bus.Done()
            crash_points.STEP_BEGUN.passed()
            await self._perform(taken, worker_id)
        except PASSING:
            return bus.Again(AGAIN_SECONDS)
        except errors.NotFound:
            return bus.Done()
        except asyncio.CancelledError:
            # Before the message is handed back: whoever gets it next may not take the step while its holder lives.
            if self._leave is not None:
                await self._leave()
            raise
        finally:
            self._taking -= 1
        return bus.Done()

    @property
    def idle(self) -> bool:
        """Whether nothing would be lost or repeated if it ended now: no run is at work, and none is being taken."""
        return not self._taking

    async def _perform(self, work: steps.Work, worker_id: str) -> None:
        self.tokens.add(work.token)
        try:
            result = await self._performer.perform(work)
            crash_points.STEP_STORED.passed()
            await self._tell(work, worker_id, result)
            crash_points.STEP_FINISHED.passed()
        finally:
            self.tokens.discard(work.token)

    async def _tell(self, work: steps.Work, worker_id: str, result: steps.Result) -> None:
        ends = self._clock.elapsed() + TELL_SECONDS
        while True:
            try:
                await self._book.finish(work, worker_id, result)
            except PASSING:
                if self._clock.elapsed() > ends:
                    raise
            else:
                return
            await self._clock.sleep(TELL_EVERY_SECONDS)
