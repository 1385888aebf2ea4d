"""A provider service as it runs: real gRPC, a real nats-server, files on disk; the mesh behind it is a fake."""

import contextlib
import pathlib
from collections.abc import AsyncIterator, Callable

import pytest
from opentelemetry.sdk.trace import export
from reelmesh_kit import bus, process
from reelmesh_provider import model, testing, wire
from reelmesh_provider_local import settings as local_settings

from tests.support import chassis as chassis_support
from tests.support import fake_orchestrator

LONGEST_WAIT_SECONDS = 60.0
STEP_SECONDS = 0.05


@pytest.fixture
async def mesh(chassis: process.Chassis) -> AsyncIterator[fake_orchestrator.FakeMesh]:
    """Yield the fake mesh, served; its leases are short so that orders come soon."""
    made = fake_orchestrator.FakeMesh(testing.MemoryMesh(lease_seconds=1.5))
    async with fake_orchestrator.serve(chassis, made):
        yield made


@pytest.fixture
def told(
    mesh: fake_orchestrator.FakeMesh, nats_server: bus.NatsServer, tmp_path: pathlib.Path
) -> local_settings.LocalSettings:
    """Return settings that point at the fakes."""
    return local_settings.LocalSettings(
        _env_file=None,
        orchestrator_address=mesh.address,
        storage_address=mesh.address,
        media_address=mesh.address,
        nats_url=nats_server.url,
        data_folder=tmp_path / "data",
        local_faults_in_prompts=True,
        drain_seconds=3.0,
    )


def local_task(number: int = 1, **changes: object) -> model.Task:
    """Return a task that takes a moment to render."""
    small = {"provider": "local", "account_id": "local", "model": "local-1", "duration_seconds": 1.0}
    return testing.make_task(number, **{**small, "width": 160, "height": 90, "traceparent": "", **changes})


async def dispatch(connected: bus.Bus, mesh: fake_orchestrator.FakeMesh, task: model.Task) -> testing.Row:
    """Dispatch a task as the orchestrator would: a row, then a message."""
    row = mesh.attempts.dispatch(task)
    await send(connected, task)
    return row


async def send(connected: bus.Bus, task: model.Task, copy: int = 0) -> None:
    """Publish a task's message."""
    payload = wire.task_to(task).SerializeToString()
    await connected.publish(f"task.generate.{task.provider}", payload, message_id=f"{task.attempt_id}-{copy}")


async def until(chassis: process.Chassis, true: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    ends = chassis.clock.elapsed() + LONGEST_WAIT_SECONDS
    while not true():
        assert chassis.clock.elapsed() < ends, "it did not come true in time"
        await chassis.clock.sleep(STEP_SECONDS)


@contextlib.asynccontextmanager
async def running(
    build: process.Build, settings: object, exporter: export.SpanExporter | None = None
) -> AsyncIterator[process.Chassis]:
    """Run a service in this process, for the block; its spans go to `exporter`."""
    own = chassis_support.make_chassis("provider-local", exporter=exporter)
    try:
        async with build(settings, own):
            yield own
    finally:
        own.telemetry.shutdown()
