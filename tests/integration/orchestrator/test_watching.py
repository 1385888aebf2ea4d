"""A watch is told to go on elsewhere when its orchestrator stops, instead of holding the stop up."""

import contextlib
import pathlib
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


async def test_a_stopping_orchestrator_ends_its_watches(
    chassis: process.Chassis, nats_server: bus.NatsServer, tmp_path: pathlib.Path
) -> None:
    own = chassis_support.make_chassis("orchestrator")
    told = settings.OrchestratorSettings(
        nats_url=nats_server.url,
        database_url=f"sqlite:///{tmp_path / 'orchestrator.db'}",
        drain_seconds=DRAIN_SECONDS,
    )
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(own.telemetry.shutdown)
        serving = await stack.enter_async_context(contextlib.AsyncExitStack())
        running = await serving.enter_async_context(app.build(told, own))
        channel = await stack.enter_async_context(rpc.channel(chassis, f"127.0.0.1:{running.grpc_port}"))
        pools = pool_service_pb2_grpc.PoolServiceStub(channel)
        card = scripted_worker.card(free=True, longest_seconds=60.0)
        await pools.RegisterCard(pool_service_pb2.RegisterCardRequest(card=card))
        stub = generation_service_pb2_grpc.GenerationServiceStub(channel)
        stack.enter_context(rpc.acting_as(rpc.Caller("tenant")))
        asked = generation_service_pb2.GenerationRequest(prompt="a red kite")
        made = await stub.CreateGeneration(generation_service_pb2.CreateGenerationRequest(generation=asked))
        watch = stub.WatchGeneration(
            generation_service_pb2.WatchGenerationRequest(generation_id=made.generation.id), timeout=DRAIN_SECONDS
        )
        assert (await watch.read()).event.type == "created"
        began = chassis.clock.elapsed()
        own.health.drain()
        with pytest.raises(errors.Unavailable, match="watch on from the last sequence"):
            await read_to_the_end(watch)
        await serving.aclose()
        assert chassis.clock.elapsed() - began < SOON_SECONDS
