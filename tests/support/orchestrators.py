"""Orchestrators as processes of their own: started on a port that stays theirs, killed, started again."""

import asyncio
import contextlib
import os
import pathlib
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from reelmesh.v1 import generation_pb2, generation_service_pb2, generation_service_pb2_grpc
from reelmesh_kit import clock, errors, rpc

READY_SECONDS = 30.0
TENANT = rpc.Caller("tenant")
# Settings that are short enough for a test and long enough for two busy cores.
SHORT: Mapping[str, object] = {
    "LEASE_SECONDS": 3.0,
    "RENEW_SECONDS": 0.5,
    "BEGIN_SECONDS": 2.0,
    "STEP_SECONDS": 2.0,
    "SWEEP_SECONDS": 0.3,
    "SUBMIT_WITHIN_SECONDS": 2.0,
    "REQUEST_TIMEOUT_SECONDS": 1.0,
    "CANCEL_GRACE_SECONDS": 2.0,
    "DRAIN_SECONDS": 1.0,
}


class Orchestrator:
    """One process."""

    def __init__(self, folder: pathlib.Path, database_url: str, nats_url: str, **changed: object) -> None:
        """Prepare one; nothing runs yet."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._folder = folder
        settings = {
            **SHORT,
            "ORCHESTRATOR_DATABASE_URL": database_url,
            "NATS_URL": nats_url,
            "GRPC_PORT": self.port,
            **changed,
        }
        inherited = dict(os.environ)  # noqa: TID251 - a child needs PATH and the like
        self._environment = {**inherited, **{f"REELMESH_{name}": str(value) for name, value in settings.items()}}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it serves."""
        with (self._folder / f"orchestrator-{self.port}.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "reelmesh_orchestrator",
                cwd=self._folder,
                env=self._environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(READY_SECONDS):
            line = await self._process.stdout.readline()
        if not line.startswith(b"ready"):
            raise RuntimeError(f"the orchestrator did not start: {self.log()[-2000:]}")

    async def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it: without any chance to finish something, unless told otherwise."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
            await self._process.wait()

    def log(self) -> str:
        """Return what it logged."""
        return (self._folder / f"orchestrator-{self.port}.log").read_text()


@contextlib.asynccontextmanager
async def running(
    count: int, folder: pathlib.Path, database_url: str, nats_url: str, **changed: object
) -> AsyncGenerator[list[Orchestrator]]:
    """Run orchestrators side by side on one database."""
    made = [Orchestrator(folder, database_url, nats_url, **changed) for _ in range(count)]
    try:
        await asyncio.gather(*(one.start() for one in made))
        yield made
    finally:
        await asyncio.gather(*(one.end() for one in made))


def target(orchestrators: list[Orchestrator]) -> str:
    """Return gRPC's name of them all."""
    return "ipv4:" + ",".join(f"127.0.0.1:{one.port}" for one in orchestrators)


class User:
    """Somebody who makes videos and does not give up asking."""

    def __init__(self, channel: Any) -> None:
        """Take a channel to any orchestrator."""
        self._stub: Any = generation_service_pb2_grpc.GenerationServiceStub(channel)

    async def create(self, request_id: str, seconds: float = 3.0, **fields: Any) -> generation_pb2.Generation:
        """Ask for a video, again and again under the same id until there is an answer."""
        request = generation_service_pb2.CreateGenerationRequest(request_id=request_id)
        request.generation.MergeFrom(generation_service_pb2.GenerationRequest(prompt="a red kite", **fields))
        request.generation.output.duration_seconds = seconds
        return (await self._sure(lambda: self._stub.CreateGeneration(request))).generation

    async def get(self, generation_id: str) -> generation_pb2.Generation:
        """Read a generation."""
        request = generation_service_pb2.GetGenerationRequest(generation_id=generation_id)
        return (await self._sure(lambda: self._stub.GetGeneration(request))).generation

    async def cancel(self, generation_id: str) -> generation_pb2.Generation:
        """Cancel a generation."""
        request = generation_service_pb2.CancelGenerationRequest(generation_id=generation_id)
        return (await self._sure(lambda: self._stub.CancelGeneration(request))).generation

    async def retry(self, generation_id: str) -> generation_pb2.Generation:
        """Try a failed generation again."""
        request = generation_service_pb2.RetryGenerationRequest(generation_id=generation_id)
        return (await self._sure(lambda: self._stub.RetryGeneration(request))).generation

    async def until(self, generation_id: str, *states: str, seconds: float = 30.0) -> generation_pb2.Generation:
        """Wait until a generation is in one of these states."""
        async with asyncio.timeout(seconds):
            while True:
                found = await self.get(generation_id)
                if state(found) in states:
                    return found
                await clock.SystemClock().sleep(0.1)

    async def _sure(self, call: Any) -> Any:
        while True:
            try:
                with rpc.acting_as(TENANT):
                    return await call()
            except (errors.Unavailable, errors.DeadlineExceeded):
                await clock.SystemClock().sleep(0.1)


def state(of: generation_pb2.Generation) -> str:
    """Return the state of a generation without its prefix."""
    return generation_pb2.GenerationState.Name(of.state).removeprefix("GENERATION_STATE_")
