"""What happens to the record itself: it is put back to an older backup, or a standby takes over that has lagged.

Storage's index and bucket stay what they are, as when the record has a server of its own. Clients keep what they were
told: whoever is told that something does not exist which it was promised asks for it again under the same key.
"""

import asyncio
import contextlib
import pathlib
import sqlite3
from collections.abc import Awaitable, Callable

from reelmesh_orchestrator import crash_points

from tests.chaos.deeds import scenes

# What happens after the backup, or after the standby was cut off, is lost.
LOST_SECONDS = 5.0
# Clients that read their generations again afterwards, at a time.
LOOKS_AT_ONCE = 8
PARKED = "PARKED"
BACKUP = "orchestrator.backup"


def put_back() -> scenes.Deed:
    """Put the database back to a backup that is a few seconds old, while no orchestrator runs."""

    async def act(scene: scenes.Scene) -> float:
        before, since = await _number(scene), scene.time.elapsed()
        put = await _backed_up(scene)
        await scene.time.sleep(LOST_SECONDS)
        async with scene.fleet.down("orchestrator"), scene.progress.going_back(since):
            scene.history.goes_back(since)
            await put()
        return await _got_over(scene, before)

    return scenes.Deed("put back to an older backup", "the database", act, restores=True)


def failed_over() -> scenes.Deed:
    """Let the database's server die, and one take its place that was cut off from it for a few seconds."""

    async def act(scene: scenes.Scene) -> float:
        primary = scene.stands_on.postgresql
        assert primary is not None
        standby = await asyncio.to_thread(primary.standby)
        scene.stands_on.closing.callback(standby.kill)
        before, since = await _number(scene), scene.time.elapsed()
        position = (await asyncio.to_thread(primary.run, "SELECT pg_current_wal_flush_lsn()")).strip()
        question = f"SELECT pg_last_wal_replay_lsn() >= '{position}'::pg_lsn"
        while (await asyncio.to_thread(standby.run, question)).strip() != "t":
            await scene.time.sleep(0.1)
        await asyncio.to_thread(standby.stop)
        await scene.time.sleep(LOST_SECONDS)
        async with scene.progress.going_back(since):
            scene.history.goes_back(since)
            await asyncio.to_thread(standby.take_over, primary)
            scene.stands_on.postgresql = standby
        return await _got_over(scene, before)

    return scenes.Deed("failover to a standby that lags", "postgresql", act, "SQLite has no standby", restores=True)


def operator_looks() -> scenes.Deed:
    """Let an operator look for lost jobs although none are, and release the account that nobody looks through."""

    async def act(scene: scenes.Scene) -> float:
        now, before = scene.time.elapsed(), await _number(scene)
        await scene.caller.start_recovery("a deed of the chaos")
        await _released(scene, before)
        return now

    brought = scenes.points_of(
        crash_points.START_RECOVERY,
        crash_points.COUNT_CENSUS,
        crash_points.MATCH_FOUND,
        crash_points.REPORT_CENSUS,
        crash_points.RELEASE_ACCOUNT,
    )
    return scenes.Deed("lost jobs looked for", "an operator", act, brings=brought)


async def _number(scene: scenes.Scene) -> int:
    """Return which recovery was the last."""
    found = await scene.caller.recovery()
    return int(found["number"]) if found is not None else 1


async def _backed_up(scene: scenes.Scene) -> Callable[[], Awaitable[None]]:
    """Make a backup of the record while it is used; return what puts it back."""
    server = scene.stands_on.postgresql
    if server is not None:
        dump = server.log.with_name(BACKUP)
        await asyncio.to_thread(server.dump, "orchestrator", dump)
        return lambda: asyncio.to_thread(server.restore, "orchestrator", dump)
    live = pathlib.Path(scene.stands_on.urls["orchestrator"].removeprefix("sqlite:///"))
    kept = scene.stands_on.folder / BACKUP
    await asyncio.to_thread(_copied, live, kept)
    # Over the same file, for the observer has it open, too.
    return lambda: asyncio.to_thread(_copied, kept, live)


def _copied(source: pathlib.Path, target: pathlib.Path) -> None:
    """Make one SQLite database what another is at one moment."""
    with contextlib.closing(sqlite3.connect(source)) as one, contextlib.closing(sqlite3.connect(target)) as other:
        one.backup(other)


async def _got_over(scene: scenes.Scene, before: int) -> float:
    """Wait until the mesh has looked for lost jobs by itself, and do what clients do then; return when it was back."""
    now = scene.time.elapsed()
    cancelled = scene.history.went_back(now)
    await scene.fleet.well()
    await _released(scene, before)
    for generation_id in cancelled:
        await scene.caller.cancel(generation_id)
    named = await _named(scene)
    turns = asyncio.Semaphore(LOOKS_AT_ONCE)

    async def see_to(generation_id: str, *, comes_back: bool) -> None:
        async with turns:
            if await scene.caller.look(generation_id) is not None:
                return
            if generation_id in named and not comes_back:
                scene.history.reported.add(generation_id)
            else:
                await scene.caller.ask_again(generation_id)

    # Half of those that the report names are left to it: their clients never come back.
    known = [(one, scene.seeded.uniform(0, 1) < 0.5) for one in scene.history.acknowledged().values()]
    await asyncio.gather(*(see_to(one, comes_back=comes_back) for one, comes_back in known))
    return now


async def _released(scene: scenes.Scene, before: int) -> None:
    report = await scene.caller.recovered(before)
    for account in report["accounts"]:
        if account["state"] == PARKED:
            await scene.caller.release(account["account_id"])


async def _named(scene: scenes.Scene) -> set[str]:
    """Return the generations that the report of orphans names: by a job of one of their shots."""
    jobs = scene.stands_on.vendor.jobs
    shots = {jobs[one["job_id"]].shot_id for one in await scene.caller.orphans()}
    return {generation_id for generation_id, wish in scene.caller.wishes.items() if wish.shots & shots}
