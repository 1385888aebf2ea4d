"""The server dies, forgets, fills up or was never there: the bus says so, and works again as soon as it can."""

import asyncio
import contextlib
import os
import pathlib
import shutil
import signal
from collections.abc import AsyncIterator

import nats
import nats.js
import nats.js.errors
import pytest
from reelmesh_kit import bus, errors, process
from reelmesh_kit.bus import streams

from tests.support import bus_work

SUBJECT = bus_work.SUBJECT
BOUND_SECONDS = 5.5


async def published(chassis: process.Chassis, mesh_bus: bus.Bus, message_id: str) -> None:
    """Publish as an outbox does: again with the same id until it is stored."""

    async def stored() -> bool:
        try:
            await mesh_bus.publish(SUBJECT, b"", message_id=message_id)
        except errors.Unavailable:
            return False
        return True

    await bus_work.until(chassis.clock, stored)


async def forget(server: bus.NatsServer) -> None:
    """Stop the server, wipe what JetStream has, and start it again on its port."""
    await server.stop()
    shutil.rmtree(server.jetstream_folder)
    await server.start()


async def shrunk(jetstream: nats.js.JetStreamContext, limit_bytes: int) -> bool:
    """Give the stream of tasks less room, once it is there."""
    try:
        await jetstream.update_stream(streams.TASKS.config(1).evolve(max_bytes=limit_bytes))
    except nats.js.errors.NotFoundError:
        return False
    return True


async def test_publisher_and_worker_go_on_soon_after_the_server_was_killed(
    chassis: process.Chassis, nats_server: bus.NatsServer, mesh_bus: bus.Bus
) -> None:
    recorder = bus_work.Recorder()
    async with bus_work.working(mesh_bus, recorder):
        await mesh_bus.publish(SUBJECT, b"", message_id="before")
        await recorder.wait_for(1)
        await bus_work.until(chassis.clock, lambda: bus_work.nothing_left(mesh_bus))
        os.kill(nats_server.pid, signal.SIGKILL)
        await published(chassis, mesh_bus, "after")
        await recorder.wait_for(2)
    assert [delivery.message_id for delivery in recorder.deliveries] == ["before", "after"]


async def test_what_was_stored_when_the_server_was_killed_is_delivered_afterwards(
    nats_server: bus.NatsServer, mesh_bus: bus.Bus
) -> None:
    for number in range(20):
        await mesh_bus.publish(SUBJECT, b"", message_id=str(number))
    os.kill(nats_server.pid, signal.SIGKILL)
    recorder = bus_work.Recorder()
    async with bus_work.working(mesh_bus, recorder):
        await recorder.wait_for(20)
    assert {delivery.message_id for delivery in recorder.deliveries} == {str(number) for number in range(20)}


async def test_a_server_that_forgot_everything_is_given_its_streams_and_consumers_anew(
    chassis: process.Chassis, nats_server: bus.NatsServer, mesh_bus: bus.Bus
) -> None:
    recorder = bus_work.Recorder()
    async with bus_work.working(mesh_bus, recorder):
        await mesh_bus.publish(SUBJECT, b"", message_id="before")
        await recorder.wait_for(1)
        await forget(nats_server)
        await published(chassis, mesh_bus, "after")
        await recorder.wait_for(2)
        # The ids are forgotten, too: what publishes again after an amnesia is heard.
        await published(chassis, mesh_bus, "before")
        await recorder.wait_for(3)
    assert [delivery.message_id for delivery in recorder.deliveries] == ["before", "after", "before"]


async def test_dead_letters_and_events_can_be_kept_after_an_amnesia(
    chassis: process.Chassis, nats_server: bus.NatsServer, mesh_bus: bus.Bus
) -> None:
    await forget(nats_server)
    recorder = bus_work.Recorder(bus.Poison("bad"))
    async with bus_work.working(mesh_bus, recorder):
        await published(chassis, mesh_bus, "m1")
        await bus_work.until(chassis.clock, mesh_bus.dead_letters)
    await mesh_bus.publish("event.t.g.completed", b"", message_id="e1")
    assert [letter.message_id for letter in await mesh_bus.dead_letters()] == ["m1"]


async def test_a_stream_lost_while_the_connection_stands_is_made_by_who_publishes(
    chassis: process.Chassis, nats_server: bus.NatsServer, mesh_bus: bus.Bus
) -> None:
    recorder = bus_work.Recorder()
    async with bus_work.working(mesh_bus, recorder):
        await mesh_bus.publish(SUBJECT, b"", message_id="before")
        await recorder.wait_for(1)
        async with plain_jetstream(nats_server) as jetstream:
            await jetstream.delete_stream(streams.TASKS.name)
        await mesh_bus.publish(SUBJECT, b"", message_id="after")
        await recorder.wait_for(2)


async def test_publishing_while_the_server_is_down_is_unavailable_within_its_bound(
    chassis: process.Chassis, nats_server: bus.NatsServer, mesh_bus: bus.Bus
) -> None:
    await nats_server.stop()
    began = chassis.clock.elapsed()
    for message_id in ("m1", "m2"):
        with pytest.raises(errors.Unavailable):
            await mesh_bus.publish(SUBJECT, b"", message_id=message_id)
    assert chassis.clock.elapsed() - began < BOUND_SECONDS
    await mesh_bus.shout("progress.7", b"lost")
    report = await chassis.health.report()
    assert not report.ready
    assert not report.checks["bus"].ok


async def test_publishing_to_a_server_that_hangs_is_unavailable_within_its_bound(
    chassis: process.Chassis, nats_server: bus.NatsServer, mesh_bus: bus.Bus
) -> None:
    await mesh_bus.publish(SUBJECT, b"", message_id="m1")
    os.kill(nats_server.pid, signal.SIGSTOP)

    async def all_threads_stand() -> bool:
        listed = await asyncio.create_subprocess_exec(
            "ps", "-L", "-o", "stat=", "-p", str(nats_server.pid), stdout=asyncio.subprocess.PIPE
        )
        states, _ = await listed.communicate()
        return all(state.startswith(b"T") for state in states.split())

    await bus_work.until(chassis.clock, all_threads_stand)
    began = chassis.clock.elapsed()
    try:
        with pytest.raises(errors.Unavailable):
            await mesh_bus.publish(SUBJECT, b"", message_id="m2")
    finally:
        os.kill(nats_server.pid, signal.SIGCONT)
    assert chassis.clock.elapsed() - began < BOUND_SECONDS
    await published(chassis, mesh_bus, "m2")


async def test_a_full_stream_refuses_and_keeps_what_it_has(
    chassis: process.Chassis, nats_server: bus.NatsServer, mesh_bus: bus.Bus
) -> None:
    async with plain_jetstream(nats_server) as jetstream:
        await bus_work.until(chassis.clock, lambda: shrunk(jetstream, 4096))
    stored: list[str] = []

    async def fill() -> None:
        for number in range(100):
            await mesh_bus.publish(SUBJECT, b"x" * 500, message_id=str(number))
            stored.append(str(number))

    with pytest.raises(errors.Unavailable, match="maximum bytes exceeded"):
        await fill()
    recorder = bus_work.Recorder()
    async with bus_work.working(mesh_bus, recorder, slots=1):
        await recorder.wait_for(len(stored))
        await published(chassis, mesh_bus, "when there is room again")
        await recorder.wait_for(len(stored) + 1)
    assert [delivery.message_id for delivery in recorder.deliveries][: len(stored)] == stored


async def test_a_stream_with_another_configuration_is_given_the_declared_one(
    chassis: process.Chassis, nats_server: bus.NatsServer
) -> None:
    async with plain_jetstream(nats_server) as jetstream:
        await jetstream.add_stream(streams.TASKS.config(1).evolve(max_bytes=4096, duplicate_window=10))
        async with bus.connect(chassis, nats_server.url):

            async def as_declared() -> bool:
                config = (await jetstream.stream_info(streams.TASKS.name)).config
                declared = streams.TASKS.config(1)
                return (config.max_bytes, config.duplicate_window) == (declared.max_bytes, declared.duplicate_window)

            await bus_work.until(chassis.clock, as_declared)


async def test_a_service_starts_without_a_server_and_is_ready_once_there_is_one(
    chassis: process.Chassis, tmp_path: pathlib.Path
) -> None:
    async with bus.nats_server(chassis, tmp_path / "nats", sync_interval="2m") as server:
        await server.stop()
        recorder = bus_work.Recorder()
        async with bus.connect(chassis, server.url) as mesh_bus, bus_work.working(mesh_bus, recorder):
            assert not (await chassis.health.report()).ready
            with pytest.raises(errors.Unavailable):
                await mesh_bus.publish(SUBJECT, b"", message_id="m1")
            for question in (mesh_bus.dead_letters(), mesh_bus.depth("local")):
                with pytest.raises(errors.Unavailable):
                    await question
            async with mesh_bus.hear("progress.>") as notes:
                await server.start()
                await published(chassis, mesh_bus, "m1")
                await recorder.wait_for(1)
                await mesh_bus.shout("progress.7", b"50")
                note = await asyncio.wait_for(anext(notes), bus_work.SOON_SECONDS)
            assert note == bus.Note("progress.7", b"50")
            assert (await chassis.health.report()).ready


async def test_a_bus_that_never_had_a_server_ends_at_once(chassis: process.Chassis) -> None:
    async with bus.connect(chassis, "nats://127.0.0.1:1"):
        began = chassis.clock.elapsed()
    assert chassis.clock.elapsed() - began < 2.0


@contextlib.asynccontextmanager
async def plain_jetstream(server: bus.NatsServer) -> AsyncIterator[nats.js.JetStreamContext]:
    """Yield JetStream without our bus, for what no service does."""
    client = await nats.connect(server.url)
    try:
        yield client.jetstream()
    finally:
        await client.close()
