"""Watches of an orchestrator: how many it takes, and that they are told to go on elsewhere when it stops."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from reelmesh.mesh.v1 import pool_service_pb2, pool_service_pb2_grpc
from reelmesh.v1 import generation_service_pb2, generation_service_pb2_grpc
from reelmesh_kit import bus, errors, process, rpc
from reelmesh_orchestrator import app, settings

from tests.support import chassis as chassis_support
from tests.support import scripted_worker

# Far more than it should take, far less than a call may go on while a service drains.
SOON_SECONDS = 8.0
DRAIN_SECONDS = 60.0


async def read_to_the_end(watch: Any) -> None:
    while await watch.read():
        continue


@contextlib.asynccontextmanager
async def serving(
    chassis: process.Chassis, folder: pathlib.Path, nats_url: str, **told: Any
) -> AsyncGenerator[tuple[Any, str, process.Chassis]]:
    """Run an orchestrator; yield its GenerationService, the id of a generation, and its chassis."""
    own = chassis_support.make_chassis("orchestrator")
    values: dict[str, Any] = {"nats_url": nats_url, "database_url": f"sqlite:///{folder / 'orchestrator.db'}"}
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(own.telemetry.shutdown)
        running = await stack.enter_async_context(app.build(settings.OrchestratorSettings(**values, **told), own))
        channel = await stack.enter_async_context(rpc.channel(chassis, f"127.0.0.1:{running.grpc_port}"))
        pools = pool_service_pb2_grpc.PoolServiceStub(channel)
        card = scripted_worker.card(free=True, longest_seconds=60.0)
        await pools.RegisterCard(pool_service_pb2.RegisterCardRequest(card=card))
        stub = generation_service_pb2_grpc.GenerationServiceStub(channel)
        stack.enter_context(rpc.acting_as(rpc.Caller("tenant")))
        asked = generation_service_pb2.GenerationRequest(prompt="a red kite")
        made = await stub.CreateGeneration(generation_service_pb2.CreateGenerationRequest(generation=asked))
        yield stub, made.generation.id, own


def watched(stub: Any, generation_id: str) -> Any:
    asked = generation_service_pb2.WatchGenerationRequest(generation_id=generation_id)
    return stub.WatchGeneration(asked, timeout=DRAIN_SECONDS)


async def test_a_stopping_orchestrator_ends_its_watches(
    chassis: process.Chassis, nats_server: bus.NatsServer, tmp_path: pathlib.Path
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        running = serving(chassis, tmp_path, nats_server.url, drain_seconds=DRAIN_SECONDS)
        stub, generation_id, own = await stack.enter_async_context(running)
        watch = watched(stub, generation_id)
        assert (await watch.read()).event.type == "created"
        began = chassis.clock.elapsed()
        own.health.drain()
        with pytest.raises(errors.Unavailable, match="watch on from the last sequence"):
            await read_to_the_end(watch)
        await stack.aclose()
        assert chassis.clock.elapsed() - began < SOON_SECONDS


async def test_followers_leave_room_for_other_calls_and_are_let_in_when_one_leaves(
    chassis: process.Chassis, nats_server: bus.NatsServer, tmp_path: pathlib.Path
) -> None:
    async with serving(chassis, tmp_path, nats_server.url, followers_limit=2) as (stub, generation_id, _):
        first, second = watched(stub, generation_id), watched(stub, generation_id)
        for each in (first, second):
            assert (await each.read()).event.type == "created"

        with pytest.raises(errors.Unavailable, match="2 callers follow") as refused:
            await watched(stub, generation_id).read()
        assert refused.value.retry_after is not None
        await stub.GetGeneration(generation_service_pb2.GetGenerationRequest(generation_id=generation_id))

        first.cancel()
        async with asyncio.timeout(SOON_SECONDS):
            while True:
                with contextlib.suppress(errors.Unavailable):
                    assert (await watched(stub, generation_id).read()).event.type == "created"
                    break
