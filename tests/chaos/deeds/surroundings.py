"""What happens to what the mesh stands on: its bus, its database, its bucket, its disk, its clocks, its vendor."""

import asyncio
import contextlib
import os
import shutil
import signal

import sqlalchemy as sa
from reelmesh_kit import errors
from reelmesh_orchestrator import crash_points
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_provider import crash_points as provider_points
from reelmesh_storage import crash_points as storage_points

from tests.chaos import chores, mesh
from tests.chaos.deeds import scenes
from tests.support import disks

BUCKET_GONE_SECONDS = 5.0
DISK_FULL_SECONDS = 4.0
VENDOR_GONE_SECONDS = 3.0
#: How far the clocks of processes are apart, and how far they jump.
CLOCKS_APART_SECONDS = 60.0
DAY_SECONDS = 24 * 3600.0


def bus_killed() -> scenes.Deed:
    """Kill nats-server; it is started again on what it had stored."""

    async def act(scene: scenes.Scene) -> float:
        os.kill(scene.stands_on.nats.pid, signal.SIGKILL)
        return scene.time.elapsed()

    return scenes.Deed("SIGKILL", "nats-server", act)


def bus_wiped() -> scenes.Deed:
    """Stop nats-server and take everything away that it had stored: streams, consumers, messages."""

    async def act(scene: scenes.Scene) -> float:
        server = scene.stands_on.nats
        await server.stop()
        await asyncio.to_thread(shutil.rmtree, server.jetstream_folder)
        await server.start()
        return scene.time.elapsed()

    return scenes.Deed("directory wiped", "nats-server", act)


def database_restarted() -> scenes.Deed:
    """Let PostgreSQL crash and start again."""

    async def act(scene: scenes.Scene) -> float:
        for server in scene.stands_on.servers:
            await asyncio.to_thread(server.kill)
        for server in scene.stands_on.servers:
            await asyncio.to_thread(server.start)
        return scene.time.elapsed()

    return scenes.Deed("crash and restart", "postgresql", act, "SQLite has no server")


def connections_cut() -> scenes.Deed:
    """Cut every connection to PostgreSQL, whatever it is at, three times."""
    statement = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'reelmesh'"

    async def act(scene: scenes.Scene) -> float:
        for _ in range(3):
            for server in scene.stands_on.servers:
                await asyncio.to_thread(server.run, statement)
            await scene.time.sleep(scene.seeded.uniform(0.1, 0.5))
        return scene.time.elapsed()

    return scenes.Deed("connections cut", "postgresql", act, "SQLite has no connections")


def bucket_gone() -> scenes.Deed:
    """Cut the wire to the bucket for a while."""

    async def act(scene: scenes.Scene) -> float:
        wire = scene.stands_on.bucket.wire
        assert wire is not None
        await wire.cut()
        try:
            await scene.time.sleep(BUCKET_GONE_SECONDS)
        finally:
            await wire.mend()
        return scene.time.elapsed()

    return scenes.Deed(f"gone for {BUCKET_GONE_SECONDS:.0f} s", "the bucket", act)


def disk_full() -> scenes.Deed:
    """Fill the disk that journals, scratch folders and, with SQLite, databases and assets are on."""

    async def act(scene: scenes.Scene) -> float:
        disk = scene.stands_on.disk.folder
        await asyncio.to_thread(disks.fill, disk)
        try:
            await scene.time.sleep(DISK_FULL_SECONDS)
        finally:
            disks.free(disk)
        return scene.time.elapsed()

    return scenes.Deed(f"full for {DISK_FULL_SECONDS:.0f} s", "the disk", act)


def clocks_jump() -> scenes.Deed:
    """Let the clock of every process jump, forwards or backwards, each to another time."""

    async def act(scene: scenes.Scene) -> float:
        set_clocks(scene)
        return scene.time.elapsed()

    return scenes.Deed(f"jump within {CLOCKS_APART_SECONDS:.0f} s", "all clocks", act)


def vendor_gone() -> scenes.Deed:
    """Let the vendor refuse connections for a while."""

    async def act(scene: scenes.Scene) -> float:
        await scene.stands_on.vendor.close()
        try:
            await scene.time.sleep(VENDOR_GONE_SECONDS)
        finally:
            await scene.stands_on.vendor.open()
        return scene.time.elapsed()

    what = f"gone for {VENDOR_GONE_SECONDS:.0f} s"
    brought = scenes.points_of(crash_points.GIVE_BACK) | {provider_points.GIVEN_BACK.name}
    return scenes.Deed(what, "the vendor", act, brings=brought)


def accounts_listed() -> scenes.Deed:
    """Change the list of accounts, in what nobody feels."""

    async def act(scene: scenes.Scene) -> float:
        mesh.list_accounts(scene.stands_on, 1 + int(scene.seeded.uniform(1, 1000)))
        return scene.time.elapsed()

    return scenes.Deed("changed", "the list of accounts", act, brings=scenes.points_of(crash_points.LIST_ACCOUNTS))


def orphan_planted() -> scenes.Deed:
    """Put bytes into the bucket that no row knows, so old that they are nobody's."""

    async def act(scene: scenes.Scene) -> float:
        old = scene.time.now().timestamp() - 2 * DAY_SECONDS
        await asyncio.to_thread(scene.stands_on.bucket.plant, chores.orphan_key(), old)
        return scene.time.elapsed()

    brought = scenes.points_of(storage_points.SWEEP_ADOPT)
    return scenes.Deed("bytes that nobody knows", "the bucket", act, brings=brought)


def watcher_gone() -> scenes.Deed:
    """Leave an attempt with a worker whose lease has ended: as where it is given out in that very moment."""
    attempts, leases = tables.ATTEMPTS.c, tables.LEASES.c
    gone = sa.select(leases.worker_id).where(sa.not_(leases.active), leases.kind == "provider").limit(1)
    one = sa.select(attempts.id).where(tables.UNENDED_ATTEMPT, attempts.watcher_id != "").limit(1)
    statement = tables.ATTEMPTS.update().where(attempts.id.in_(one), sa.exists(gone))

    async def act(scene: scenes.Scene) -> float:
        # Where the database is away there is nothing to leave.
        with contextlib.suppress(errors.ReelmeshError):
            await scene.database.write(
                lambda transaction: transaction.execute(statement.values(watcher_id=gone.scalar_subquery()))
            )
        return scene.time.elapsed()

    brought = scenes.points_of(crash_points.FREE_UNWATCHED)
    return scenes.Deed("left with one that has gone", "a watched job", act, brings=brought)


def set_clocks(scene: scenes.Scene) -> None:
    """Set the clock of each process wrong by another number of seconds."""
    half = CLOCKS_APART_SECONDS / 2
    for member in scene.fleet.members:
        offset = scene.seeded.uniform(-half, half)
        scene.stands_on.clock_file(member.name).write_text(f"{offset:.3f}")
