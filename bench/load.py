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
JOB_PATIENCE_SECONDS = 60.0
NOTES_LIMIT = 100_000
# What the scripted provider makes in one shot.
SECONDS_OF_VIDEO = 3.0


class Endings:
    """The generations that have ended, as the bus tells it."""

    def __init__(self) -> None:
        """Know none yet."""
        self._waited: dict[str, asyncio.Future[None]] = {}

    def of(self, generation_id: str) -> "asyncio.Future[None]":
        """Return what is done once a generation is completed; it may have been told before the caller asks."""
        return self._waited.setdefault(generation_id, asyncio.get_running_loop().create_future())

    @contextlib.asynccontextmanager
    async def heard(self, running: mesh.Mesh) -> AsyncGenerator["Endings"]:
        """Listen beside the body."""
        async with running.link.hear("event.*.*.completed", limit=NOTES_LIMIT) as notes:

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


class Caller:
    """A user with a key and a gRPC channel to the gateway."""

    def __init__(self, running: mesh.Mesh, channel: grpc.aio.Channel) -> None:
        """Call the gateway of a mesh."""
        self._metadata = running.metadata
        self._stub: Any = generation_service_pb2_grpc.GenerationServiceStub(channel)

    async def create(self) -> str:
        """Ask for a video of one shot; return its id once it is on disk."""
        wish = generation_pb2.OutputSpec(duration_seconds=SECONDS_OF_VIDEO)
        asked = generation_service_pb2.GenerationRequest(prompt="a red kite over a green hill", output=wish)
        request = generation_service_pb2.CreateGenerationRequest(generation=asked)
        return (await self._stub.CreateGeneration(request, metadata=self._metadata)).generation.id

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
            TimeoutError: a job did not complete within JOB_PATIENCE_SECONDS.
            grpc.aio.AioRpcError: a create was refused.
        """
        create_seconds: list[float] = []
        job_seconds: list[float] = []
        left = iter(range(jobs))

        async def make_one_after_the_other() -> None:
            for _ in left:
                began = self._clock.elapsed()
                generation_id = await self._calling.create()
                create_seconds.append(self._clock.elapsed() - began)
                await self._clock.wait_for(self._endings.of(generation_id), JOB_PATIENCE_SECONDS)
                job_seconds.append(self._clock.elapsed() - began)

        before, began = self._running.cpu_seconds(), self._clock.elapsed()
        async with asyncio.TaskGroup() as group:
            for _ in range(min(concurrency, jobs)):
                group.create_task(make_one_after_the_other())
        wall = self._clock.elapsed() - began
        after = await self._running.settled_cpu_seconds()
        return Burst(wall, processes.spent(before, after), create_seconds, job_seconds)


@contextlib.asynccontextmanager
async def driver(running: mesh.Mesh) -> AsyncGenerator[Driver]:
    """Yield what runs bursts on a mesh."""
    async with caller(running) as calling, Endings().heard(running) as endings:
        yield Driver(running, calling, endings)
