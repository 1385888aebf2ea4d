"""What a service tells about itself: yes or no by gRPC's health protocol, part by part to the mesh."""

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from reelmesh.mesh.v1 import health_service_pb2, health_service_pb2_grpc
from reelmesh.v1 import error_reason_pb2
from reelmesh_kit import errors, health, process, rpc

from tests.support import tiny_storage

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Part:
    """Something that a service depends on."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.looks = 0

    async def check(self) -> None:
        self.looks += 1
        if self.trouble is not None:
            raise self.trouble


@pytest.fixture
def own(chassis: process.Chassis) -> process.Chassis:
    """Return a chassis that looks at its parts all the time."""
    return dataclasses.replace(chassis, health=health.Health(chassis.clock, follow_seconds=0.05))


@contextlib.asynccontextmanager
async def serving(own: process.Chassis) -> AsyncIterator[grpc.aio.Channel]:
    """Serve storage and the mesh's HealthService; yield a channel that knows nothing of our kit."""
    services = [tiny_storage.service(tiny_storage.TinyStorage()), rpc.health_service(own)]
    async with (
        rpc.serve(own, services, host="127.0.0.1", port=0, drain_seconds=0.1) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield channel


def watched(channel: grpc.aio.Channel, name: str) -> Any:
    return health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=name))


async def status(channel: grpc.aio.Channel, name: str) -> Any:
    asked = health_pb2.HealthCheckRequest(service=name)
    return (await health_pb2_grpc.HealthStub(channel).Check(asked)).status


async def told(channel: grpc.aio.Channel) -> health_service_pb2.GetHealthResponse:
    return await health_service_pb2_grpc.HealthServiceStub(channel).GetHealth(health_service_pb2.GetHealthRequest())


async def test_health_by_name_follows_the_checks_and_health_of_the_process_does_not(own: process.Chassis) -> None:
    database = Part()
    own.health.add("database", database.check)
    async with serving(own) as channel:
        by_name = watched(channel, tiny_storage.NAME)
        assert (await by_name.read()).status == SERVING

        database.trouble = errors.Unavailable()
        assert (await by_name.read()).status == NOT_SERVING
        assert await status(channel, "") == SERVING

        database.trouble = None
        assert (await by_name.read()).status == SERVING
        by_name.cancel()


async def test_a_service_that_starts_without_its_database_says_so_from_the_first_moment(own: process.Chassis) -> None:
    database = Part()
    database.trouble = errors.Unavailable()
    own.health.add("database", database.check)
    async with serving(own) as channel:
        assert await status(channel, tiny_storage.NAME) == NOT_SERVING
        assert await status(channel, "") == SERVING


async def test_what_is_not_needed_takes_no_calls_away(own: process.Chassis) -> None:
    bus = Part()
    bus.trouble = errors.Unavailable()
    own.health.add("bus", bus.check, needed=False)
    async with serving(own) as channel:
        while bus.looks < 2 * health.LOOKS_THAT_AGREE:
            await own.clock.sleep(0.01)
        assert await status(channel, tiny_storage.NAME) == SERVING
        assert [(each.name, each.ok, each.needed) for each in (await told(channel)).checks] == [("bus", False, False)]


async def test_a_part_that_flickers_takes_no_calls_away(own: process.Chassis) -> None:
    looks = 0

    async def flicker() -> None:
        nonlocal looks
        looks += 1
        if looks % 2 == 0:
            raise errors.Unavailable

    own.health.add("database", flicker)
    async with serving(own) as channel:
        seen = set[Any]()
        while looks < 10:
            seen.add(await status(channel, tiny_storage.NAME))
            await own.clock.sleep(0.01)
    assert seen == {SERVING}


async def test_the_mesh_is_told_why_and_since_when(own: process.Chassis) -> None:
    database, before = Part(), own.clock.now().replace(microsecond=0)
    database.trouble = errors.Unavailable("db:5432 is gone")
    own.health.add("database", database.check)
    async with serving(own) as channel:
        answer = await told(channel)
    (check,) = answer.checks
    assert not answer.ready
    assert (check.name, check.reason) == ("database", error_reason_pb2.ERROR_REASON_UNAVAILABLE)
    assert check.message == "Unavailable: db:5432 is gone"
    assert before <= check.since_time.ToDatetime(before.tzinfo) <= own.clock.now()


async def test_many_who_ask_do_not_make_many_looks(own: process.Chassis) -> None:
    database = Part()
    own.health.add("database", database.check)
    rare = dataclasses.replace(own, health=health.Health(own.clock, follow_seconds=3600))
    rare.health.add("database", database.check)
    async with serving(rare) as channel:
        for _ in range(20):
            await told(channel)
    assert database.looks < 10


async def test_who_goes_away_on_purpose_warns_of_nothing(
    own: process.Chassis, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(own) as channel:
        by_name = watched(channel, tiny_storage.NAME)
        assert (await by_name.read()).status == SERVING
        own.health.drain()
        assert (await by_name.read()).status == NOT_SERVING
        by_name.cancel()
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("name", ["", tiny_storage.NAME])
async def test_a_server_that_stops_says_so_under_every_name(own: process.Chassis, name: str) -> None:
    service = tiny_storage.service(tiny_storage.TinyStorage())
    async with contextlib.AsyncExitStack() as server:
        port = await server.enter_async_context(rpc.serve(own, [service], host="127.0.0.1", port=0, drain_seconds=5))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            watching = watched(channel, name)
            assert (await watching.read()).status == SERVING
            closing = asyncio.create_task(server.aclose())
            assert (await watching.read()).status == NOT_SERVING
            watching.cancel()
            await closing
