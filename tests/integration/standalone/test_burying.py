"""`reelmesh dead-letters` tells what was given up, by whom, and why."""

import asyncio
import json
import pathlib

import click.testing
import pytest
from reelmesh_client.commands import outcome
from reelmesh_kit import bus, clock
from reelmesh_standalone.commands import doors

from tests.support import bus_work


async def called(*arguments: str) -> click.testing.Result:
    """Run the command in a thread, as it runs a loop of its own."""
    return await asyncio.to_thread(click.testing.CliRunner().invoke, doors.dead_letters, arguments)


async def test_what_was_given_up_is_listed(nats_server: bus.NatsServer, mesh_bus: bus.Bus) -> None:
    async def refuse(delivery: bus.Delivery) -> bus.Result:
        return bus.Poison("cannot be read")

    async with bus_work.working(mesh_bus, refuse):
        await mesh_bus.publish(bus_work.SUBJECT, b"nonsense", message_id="m-1")
        await bus_work.until(clock.SystemClock(), mesh_bus.dead_letters)
    result = await called("--nats", nats_server.url, "--json")
    (letter,) = json.loads(result.stdout)
    assert (letter["subject"], letter["reason"], letter["deliveries"]) == (bus_work.SUBJECT, "cannot be read", 1)
    table = await called("--nats", nats_server.url)
    assert "cannot be read" in table.stdout


async def test_an_empty_list_is_said(nats_server: bus.NatsServer) -> None:
    assert "no dead letters" in (await called("--nats", nats_server.url)).stdout


async def test_without_a_mesh_it_says_what_to_do(tmp_path: pathlib.Path) -> None:
    result = await called("--data", str(tmp_path))
    assert result.exit_code == outcome.Exit.UNREACHABLE
    assert "Start it with `reelmesh up`" in result.stderr


@pytest.mark.parametrize("limit", ["0", "1001"])
async def test_the_limit_has_limits(limit: str) -> None:
    assert (await called("--limit", limit)).exit_code == outcome.Exit.USAGE
