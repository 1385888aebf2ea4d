"""Notes reach who listens, and nobody waits for who does not."""

import asyncio
import os
import signal

import pytest
from reelmesh_kit import bus, errors, process

from tests.support import bus_work


async def heard(notes: object, count: int) -> list[bytes]:
    async with asyncio.timeout(bus_work.SOON_SECONDS):
        return [(await anext(notes)).payload for _ in range(count)]  # type: ignore[call-overload]


async def test_a_note_reaches_all_who_listen_to_its_subject(mesh_bus: bus.Bus) -> None:
    async with mesh_bus.hear("progress.7") as seven, mesh_bus.hear("progress.>") as all_notes:
        await mesh_bus.shout("progress.8", b"eight")
        await mesh_bus.shout("progress.7", b"seven")
        assert await heard(seven, 1) == [b"seven"]
        assert await heard(all_notes, 2) == [b"eight", b"seven"]


async def test_what_was_shouted_before_is_not_heard(mesh_bus: bus.Bus) -> None:
    await mesh_bus.shout("progress.7", b"early")
    async with mesh_bus.hear("progress.7") as notes:
        await mesh_bus.shout("progress.7", b"late")
        assert await heard(notes, 1) == [b"late"]


async def test_a_slow_listener_misses_the_oldest_and_that_is_counted(
    chassis: process.Chassis, mesh_bus: bus.Bus
) -> None:
    async with mesh_bus.hear("progress.7", limit=3) as notes, mesh_bus.hear("progress.7") as all_notes:
        for number in range(10):
            await mesh_bus.shout("progress.7", str(number).encode())
        await heard(all_notes, 10)
        assert await heard(notes, 3) == [b"7", b"8", b"9"]
    assert chassis.telemetry.registry.get_sample_value("bus_notes_dropped_total") == 7


async def test_who_listens_hears_again_after_the_server_was_killed(
    chassis: process.Chassis, nats_server: bus.NatsServer, mesh_bus: bus.Bus
) -> None:
    async with mesh_bus.hear("progress.7") as notes:
        os.kill(nats_server.pid, signal.SIGKILL)
        listening = asyncio.create_task(heard(notes, 1))

        async def heard_something() -> bool:
            await mesh_bus.shout("progress.7", b"again")
            return listening.done()

        await bus_work.until(chassis.clock, heard_something)
        assert await listening == [b"again"]


async def test_a_note_that_the_server_does_not_take_is_too_large(mesh_bus: bus.Bus) -> None:
    with pytest.raises(errors.TooLarge):
        await mesh_bus.shout("progress.7", b"x" * (1024 * 1024 + 1))
