"""What happens when somebody falls silent: workers, providers, the bus, users who cancel. Real time, short settings."""

import asyncio
import contextlib
import dataclasses
import datetime
import pathlib
import shutil
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest
from reelmesh.v1 import generation_pb2
from reelmesh_kit import bus, clock, process, rpc
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_orchestrator.model import card

from tests.support import invariants, orchestrators, record, scripted_worker

WAIT_SECONDS = 25.0


@dataclasses.dataclass
class Mesh:
    """One orchestrator on SQLite, its user, and whoever works for it."""

    chassis: process.Chassis
    channel: Any
    link: bus.Bus
    kept: record.Kept
    user: orchestrators.User
    vendor: scripted_worker.Vendor

    @contextlib.asynccontextmanager
    async def worker(self, seed: int = 0) -> AsyncGenerator[scripted_worker.Worker]:
        """Run one more worker."""
        async with scripted_worker.Worker(self.chassis, self.channel, self.link, self.vendor, seed).running() as made:
            yield made

    async def until(self, *states: str, count: int = 1) -> None:
        """Wait until so many attempts are in one of these states."""
        async with asyncio.timeout(WAIT_SECONDS):
            while await self.kept.count(tables.ATTEMPTS, tables.ATTEMPTS.c.state.in_(states)) < count:
                await self.chassis.clock.sleep(0.1)

    async def happened(self, type_: str) -> int:
        """Count the events of a type."""
        return await self.kept.count(tables.EVENTS, tables.EVENTS.c.type == type_)


@pytest.fixture
async def mesh(chassis: process.Chassis, nats_server: bus.NatsServer, tmp_path: pathlib.Path) -> AsyncIterator[Mesh]:
    """Yield a mesh without workers; its record must be sound at the end."""
    url = f"sqlite:///{tmp_path / 'orchestrator.db'}"
    async with (
        scripted_worker.storage(chassis) as storage,
        orchestrators.running(1, tmp_path, url, nats_server.url, STORAGE_ADDRESS=storage) as fleet,
        record.opened(url) as kept,
        rpc.channel(chassis, orchestrators.target(fleet)) as channel,
        bus.connect(chassis, nats_server.url) as link,
    ):
        account = card.Account(scripted_worker.PROVIDER, scripted_worker.PROVIDER, 10, exclusive=True)
        await kept.write(lambda store: store.put_account(account))
        vendor = scripted_worker.Vendor()
        made = Mesh(chassis, channel, link, kept, orchestrators.User(channel), vendor)
        yield made
        assert not await invariants.always(kept.database)
        assert all(times == 1 for times in vendor.submits.values())


async def test_what_a_lapsed_worker_observed_is_handed_to_another(mesh: Mesh) -> None:
    async with mesh.worker(1) as first, mesh.worker(2) as second:
        second.takes = first.observes = False
        made = [await mesh.user.create(f"r{number}") for number in range(3)]
        await mesh.until("ACCEPTED", count=3)
        first.renews = first.takes = False
        second.takes = True
        for one in made:
            await mesh.user.until(one.id, "COMPLETED", seconds=WAIT_SECONDS)
    assert await mesh.kept.count(tables.LEASES, tables.LEASES.c.active.is_(False)) >= 1


async def test_a_submit_that_nobody_speaks_of_is_in_doubt_and_found(mesh: Mesh) -> None:
    mesh.vendor.deaths = 1.0
    async with mesh.worker():
        made = await mesh.user.create("r")
        await mesh.until("INDETERMINATE", "ACCEPTED", "SUCCEEDED")
        await mesh.user.until(made.id, "COMPLETED", seconds=WAIT_SECONDS)
    assert await mesh.happened("attempt_indeterminate") == 1
    assert await mesh.kept.count(tables.ATTEMPTS) == 1


async def test_a_submit_that_was_lost_is_concluded_and_tried_anew(mesh: Mesh) -> None:
    mesh.vendor.lost_submits = 1.0
    async with mesh.worker():
        made = await mesh.user.create("r")
        await mesh.until("NEVER_CREATED")
        mesh.vendor.lost_submits = 0.0
        await mesh.user.until(made.id, "COMPLETED", seconds=WAIT_SECONDS)
    assert await mesh.happened("attempt_never_created") >= 1


async def test_what_was_dispatched_and_not_begun_is_withdrawn_and_dispatched_anew(mesh: Mesh) -> None:
    async with mesh.worker() as worker:
        worker.takes = False
        made = await mesh.user.create("r")
        async with asyncio.timeout(WAIT_SECONDS):
            while not await mesh.happened("attempt_withdrawn"):
                await mesh.chassis.clock.sleep(0.1)
        worker.takes = True
        await mesh.user.until(made.id, "COMPLETED", seconds=WAIT_SECONDS)
    assert await mesh.kept.count(tables.ATTEMPTS, tables.ATTEMPTS.c.dispatches > 1) == 1


@pytest.mark.parametrize(
    ("floor", "ending"), [(generation_pb2.DELIVERY_TEXT, "COMPLETED"), (generation_pb2.DELIVERY_VIDEO, "EXPIRED")]
)
async def test_a_deadline_ends_the_generation_and_a_late_success_is_kept(
    mesh: Mesh, floor: generation_pb2.Delivery, ending: str
) -> None:
    mesh.vendor.render_seconds = 5.0
    async with mesh.worker():
        soon = clock.SystemClock().now() + datetime.timedelta(seconds=2.5)
        made = await mesh.user.create("r", deadline_time=soon, fallback_floor=floor)
        ended = await mesh.user.until(made.id, "COMPLETED", "EXPIRED", seconds=WAIT_SECONDS)
        assert orchestrators.state(ended) == ending
        await mesh.until("SUCCEEDED", "CANCELLED")
        assert await _settled(mesh)


@pytest.mark.parametrize("stage", ["PLANNED", "DISPATCHED", "SUBMITTING", "ACCEPTED", "PROCESSING"])
async def test_a_cancel_is_honoured_at_every_stage(mesh: Mesh, stage: str) -> None:
    if stage == "PLANNED":
        account = card.Account(scripted_worker.PROVIDER, scripted_worker.PROVIDER, 0, exclusive=True)
        await mesh.kept.write(lambda store: store.put_account(account))
    mesh.vendor.render_seconds = 0.0 if stage == "PROCESSING" else 60.0
    mesh.vendor.deaths = float(stage == "SUBMITTING")
    async with mesh.worker() as worker:
        worker.takes = stage not in ("PLANNED", "DISPATCHED")
        worker.steps = stage != "PROCESSING"
        made = await mesh.user.create("r")
        if stage == "PROCESSING":
            await mesh.user.until(made.id, "PROCESSING", seconds=WAIT_SECONDS)
        else:
            await mesh.until(stage)
        cancelling = await mesh.user.cancel(made.id)
        assert orchestrators.state(cancelling) in ("CANCELLING", "CANCELLED")
        worker.takes = True
        await mesh.user.until(made.id, "CANCELLED", seconds=WAIT_SECONDS)
        assert await _settled(mesh)
    if stage in ("PLANNED", "DISPATCHED"):
        assert not mesh.vendor.submits


async def test_a_failed_generation_is_tried_again(mesh: Mesh) -> None:
    mesh.vendor.refused = True
    async with mesh.worker():
        made = await mesh.user.create("r", fallback_floor=generation_pb2.DELIVERY_VIDEO)
        await mesh.user.until(made.id, "FAILED", seconds=WAIT_SECONDS)
        mesh.vendor.refused = False
        await mesh.user.retry(made.id)
        done = await mesh.user.until(made.id, "COMPLETED", seconds=WAIT_SECONDS)
    assert done.run == 2


async def test_a_bus_that_lost_its_memory_delays_and_loses_nothing(mesh: Mesh, nats_server: bus.NatsServer) -> None:
    async with mesh.worker() as worker:
        made = [await mesh.user.create(f"r{number}", seconds=7.0) for number in range(8)]
        worker.takes = False
        await mesh.chassis.clock.sleep(0.5)
        await nats_server.stop()
        shutil.rmtree(nats_server.jetstream_folder)
        await nats_server.start()
        worker.takes = True
        for one in made:
            await mesh.user.until(one.id, "COMPLETED", seconds=60.0)
        assert await _settled(mesh)


async def _settled(mesh: Mesh) -> bool:
    """Wait until nothing is under way any more."""
    async with asyncio.timeout(WAIT_SECONDS):
        while await invariants.quiet(mesh.kept.database):
            await mesh.chassis.clock.sleep(0.2)
    return True
