"""Load on a mesh: creates with bounded concurrency, each followed to its end by the events on the bus."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import grpc
from reelmesh.v1 import generation_pb2, generation_service_pb2, generation_service_pb2_grpc

from bench import mesh, processes

CONCURRENCY = 32
# Far more than any job takes: one that is not done by then is looked into.
JOB_PATIENCE_SECONDS = 120.0
NOTES_LIMIT = 100_000
# What the scripted provider makes in one shot.
SECONDS_OF_VIDEO = 3.0
PROMPT = "a red kite over a green hill"


class NotDone(Exception):
    """A job did not get as far as it should; the message has its history."""


class Endings:
    """The generations that are as far as is waited for, as the bus tells it."""

    def __init__(self, event: str) -> None:
        """Wait for an event of this type; know none yet."""
        self._subject = f"event.*.*.{event}"
        self._waited: dict[str, asyncio.Future[None]] = {}

    def of(self, generation_id: str) -> "asyncio.Future[None]":
        """Return what is done once a generation is so far; it may have been told before the caller asks."""
        return self._waited.setdefault(generation_id, asyncio.get_running_loop().create_future())

    @contextlib.asynccontextmanager
    async def heard(self, running: mesh.Mesh) -> AsyncGenerator["Endings"]:
        """Listen beside the body."""
        async with running.link.hear(self._subject, limit=NOTES_LIMIT) as notes:

            async def listen() -> None:
                async for note in notes:
                    ended = self.of(note.subject.split(".")[2])
                    if not ended.done():
                        ended.set_result(None)

            listening = asyncio.create_task(listen())
            try:
                yield self
            finally:
                listening.cancel()


@dataclasses.dataclass(frozen=True)
class Burst:
    """What a burst of jobs came to."""

    wall_seconds: float
    cpu_seconds: dict[str, float]
    """By process, until everything that the jobs leave behind was done."""
    create_seconds: Sequence[float]
    job_seconds: Sequence[float]
    """From the create to the event that says that the generation is complete."""


@dataclasses.dataclass(frozen=True)
class Paced:
    """What jobs at a steady pace came to."""

    create_seconds: Sequence[float]
    job_seconds: Sequence[float]
    generation_ids: Sequence[str]


class Caller:
    """A user with a key and a gRPC channel to the gateway."""

    def __init__(self, running: mesh.Mesh, channel: grpc.aio.Channel) -> None:
        """Call the gateway of a mesh."""
        self._metadata = running.metadata
        self._stub: Any = generation_service_pb2_grpc.GenerationServiceStub(channel)

    async def create(self) -> str:
        """Ask for a video of one shot; return its id once it is on disk."""
        wish = generation_pb2.OutputSpec(duration_seconds=SECONDS_OF_VIDEO)
        asked = generation_service_pb2.GenerationRequest(prompt=PROMPT, output=wish)
        request = generation_service_pb2.CreateGenerationRequest(generation=asked)
        return (await self._stub.CreateGeneration(request, metadata=self._metadata)).generation.id

    async def events(self, generation_id: str) -> Sequence[generation_pb2.GenerationEvent]:
        """Read the history of a generation."""
        request = generation_service_pb2.ListGenerationEventsRequest(generation_id=generation_id)
        return (await self._stub.ListGenerationEvents(request, metadata=self._metadata)).events

    async def cancel(self, generation_id: str) -> None:
        """Ask for the end of a generation."""
        request = generation_service_pb2.CancelGenerationRequest(generation_id=generation_id)
        await self._stub.CancelGeneration(request, metadata=self._metadata)

    async def get(self, generation_id: str) -> generation_pb2.Generation:
        """Read a generation."""
        request = generation_service_pb2.GetGenerationRequest(generation_id=generation_id)
        return (await self._stub.GetGeneration(request, metadata=self._metadata)).generation


@contextlib.asynccontextmanager
async def caller(running: mesh.Mesh) -> AsyncGenerator[Caller]:
    """Yield a caller of a mesh."""
    async with grpc.aio.insecure_channel(running.grpc_target) as channel:
        yield Caller(running, channel)


class Driver:
    """Runs bursts on a mesh."""

    def __init__(self, running: mesh.Mesh, calling: Caller, endings: Endings) -> None:
        """Call by `calling`, and learn of what has ended from `endings`."""
        self._running = running
        self._calling = calling
        self._endings = endings
        self._clock = running.chassis.clock

    async def burst(self, jobs: int, concurrency: int = CONCURRENCY) -> Burst:
        """Make `jobs` generations, at most `concurrency` of them unfinished at a time.

        Raises:
            NotDone: a job did not complete within JOB_PATIENCE_SECONDS.
            grpc.aio.AioRpcError: a create was refused.
        """
        made: list[_Made] = []
        left = iter(range(jobs))

        async def make_one_after_the_other() -> None:
            for _ in left:
                made.append(await self._make(self._clock.elapsed()))

        before, began = self._running.cpu_seconds(), self._clock.elapsed()
        async with asyncio.TaskGroup() as group:
            for _ in range(min(concurrency, jobs)):
                group.create_task(make_one_after_the_other())
        wall = self._clock.elapsed() - began
        after = await self._running.settled_cpu_seconds()
        return Burst(
            wall,
            processes.spent(before, after),
            [one.create_seconds for one in made],
            [one.job_seconds for one in made],
        )

    async def pace(self, rate: float, jobs: int) -> Paced:
        """Begin `jobs` generations at `rate` a second, however long those before take; return when all are complete.

        Raises:
            as `burst`.
        """
        first = self._clock.elapsed()
        begun: list[asyncio.Task[_Made]] = []
        async with asyncio.TaskGroup() as group:
            for number in range(jobs):
                due = first + number / rate
                await self._clock.sleep(max(due - self._clock.elapsed(), 0.0))
                # A create that begins late was late for its caller, too.
                begun.append(group.create_task(self._make(due)))
        made = [task.result() for task in begun]
        return Paced(
            [one.create_seconds for one in made],
            [one.job_seconds for one in made],
            [one.generation_id for one in made],
        )

    async def history(self, generation_id: str) -> Sequence[generation_pb2.GenerationEvent]:
        """Return what happened to a generation."""
        return await self._calling.events(generation_id)

    async def _make(self, began: float) -> "_Made":
        generation_id = await self._calling.create()
        created = self._clock.elapsed()
        try:
            await self._clock.wait_for(self._endings.of(generation_id), JOB_PATIENCE_SECONDS)
        except TimeoutError:
            told = "; ".join(f"{event.type}: {event.message}" for event in await self._calling.events(generation_id))
            raise NotDone(f"{generation_id} after {JOB_PATIENCE_SECONDS:g} s: {told}") from None
        return _Made(generation_id, created - began, self._clock.elapsed() - began)


@dataclasses.dataclass(frozen=True)
class _Made:
    """One job, with the seconds from its beginning to its create's answer, and to its end."""

    generation_id: str
    create_seconds: float
    job_seconds: float


@contextlib.asynccontextmanager
async def driver(running: mesh.Mesh, until: str = "completed") -> AsyncGenerator[Driver]:
    """Yield what runs jobs on a mesh; a job is done with the first event of the type `until`."""
    async with caller(running) as calling, Endings(until).heard(running) as endings:
        yield Driver(running, calling, endings)
