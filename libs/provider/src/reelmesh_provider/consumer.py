"""The inbound edge: tasks from the bus to the worker, pulled only while it may begin something, and nudges."""

import asyncio

from reelmesh_kit import bus as buses
from reelmesh_kit import errors, process

from reelmesh_provider import crash_points, wire
from reelmesh_provider.worker import submitting, worker

# An attempt that may be begun later comes back after this.
COME_AGAIN_SECONDS = 5.0
ACK_WAIT_SECONDS = 30.0
MAX_DELIVERIES = 10
# Handlers end as soon as nothing may begin; what does not is handed to other workers.
DRAIN_SECONDS = 2.0


def subject(provider: str) -> str:
    """Return the subject of a provider's tasks."""
    return f"task.generate.{provider}"


def durable(provider: str) -> str:
    """Return the name of the consumer that all workers of a provider share."""
    return f"generate-{provider}"


def nudges(provider: str) -> str:
    """Return the subject of all nudges about a provider's accounts."""
    return f"nudge.{provider}.*"


def released(provider: str) -> str:
    """Return the subject on which workers of a provider say that they have let go of what they watched."""
    return f"nudge.{provider}.lease.released"


class Heirs:
    """Has a worker ask for what another one has let go of, as soon as that says so: a renewal may be far off."""

    def __init__(self, bus: buses.Bus, served: worker.Worker, *, provider: str) -> None:
        """Hear of workers of `provider`, for `served`."""
        self._bus = bus
        self._worker = served
        self._provider = provider

    async def run(self) -> None:
        """Listen until cancelled."""
        async with self._bus.hear(released(self._provider)) as notes:
            async for _ in notes:
                self._worker.hurry()

    async def leave(self, seconds: float) -> None:
        """Drain the worker within `seconds`, then tell the others. That may be lost: they ask by themselves, later."""
        await self._worker.drain(seconds)
        await self._bus.shout(released(self._provider), b"")


class Listener:
    """Passes on what vendors said of jobs."""

    def __init__(self, own: process.Chassis, bus: buses.Bus, served: worker.Worker, *, provider: str) -> None:
        """Hear of jobs at `provider`, for `served`."""
        self._own = own
        self._bus = bus
        self._worker = served
        self._provider = provider

    async def run(self) -> None:
        """Listen until cancelled."""
        async with self._bus.hear(nudges(self._provider)) as notes:
            async for note in notes:
                self.hear(note)

    def hear(self, note: buses.Note) -> None:
        """Take one nudge; what is none is passed over."""
        try:
            self._worker.nudge(wire.nudge_from(note.payload))
        except errors.InvalidArgument as error:
            self._own.logger.warning("A note on %s is no nudge: %s", note.subject, error.message)


class Consumer:
    """Pulls tasks for one worker."""

    def __init__(
        self, own: process.Chassis, bus: buses.Bus, served: worker.Worker, *, provider: str, slots: int
    ) -> None:
        """Pull tasks of `provider` for `served`, at most `slots` at once."""
        self._own = own
        self._bus = bus
        self._worker = served
        self._provider = provider
        self._slots = slots

    async def run(self) -> None:
        """Pull whenever the worker may begin something, until cancelled."""
        while True:
            await self._worker.until_pulling(True)
            await self._pull()

    async def handle(self, delivery: buses.Delivery) -> buses.Result:
        """Hand one task over; done as soon as it is SUBMITTING or refused."""
        try:
            task = wire.task_from(delivery.payload)
        except errors.InvalidArgument as error:
            return buses.Poison(error.message)
        if await self._worker.take(task) is submitting.Taken.COME_AGAIN:
            return buses.Again(COME_AGAIN_SECONDS)
        return buses.Done()

    async def _pull(self) -> None:
        with crash_points.TASK:
            pulling = asyncio.create_task(
                self._bus.work(
                    durable(self._provider),
                    subject(self._provider),
                    self.handle,
                    slots=self._slots,
                    ack_wait_seconds=ACK_WAIT_SECONDS,
                    max_deliver=MAX_DELIVERIES,
                    drain_seconds=DRAIN_SECONDS,
                )
            )
        stopped = asyncio.create_task(self._worker.until_pulling(False))
        try:
            await asyncio.wait({pulling, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            pulling.cancel()
            await asyncio.wait({pulling, stopped})
        if not pulling.cancelled():
            pulling.result()
