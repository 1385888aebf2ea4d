"""The database is put back to what it was: the mesh notices by itself, adopts what is under way, pays nothing twice."""

import asyncio
import contextlib
import dataclasses
import json
import pathlib
import shutil
import sqlite3
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.e2e import caller as callers
from tests.e2e import mesh as meshes
from tests.e2e import standalone
from tests.support import postgresql

pytestmark = [pytest.mark.asyncio(loop_scope="function"), pytest.mark.slow, pytest.mark.timeout(400)]

RECOVERY = "/api/v1/recovery"
KINDS = ("sqlite", "postgresql", "failover")
SLOW = "[[slow=20]]"
REPEATED = "asked-for-after-the-backup"
WAIT_SECONDS = 120.0
# What is acknowledged is flushed, and so on its way to the standby.
FLUSHING = tuple(option for option in postgresql.SPEED if not option.startswith("synchronous_commit"))
# Whoever notices first: by the note or a worker's mark, by the server's timeline, by what a worker has.
NOTICED = ("somebody has seen", "the database was", "not begun here")


@dataclasses.dataclass
class World:
    """A mesh whose record can be put back."""

    mesh: meshes.Mesh
    back_up: Callable[[], Awaitable[None]]
    put_back: Callable[[], Awaitable[None]]

    async def told(self, *arguments: str) -> str:
        """Run `reelmesh recover` against it; return what it prints."""
        gateway = self.mesh.one("gateway").running
        where = ("--address", f"127.0.0.1:{gateway.grpc_port}", "--api-key", self.mesh.key)
        done = await asyncio.to_thread(standalone.run, "recover", *arguments, *where)
        assert done.returncode == 0, done.stderr
        return done.stdout

    async def report(self) -> callers.Body:
        """Return what `GET /api/v1/recovery` tells; empty while nobody answers, or there is nothing to tell."""
        try:
            answer = await self.mesh.caller.http.get(RECOVERY)
        except httpx.HTTPError:
            return {}
        return (answer.json()["recovery"] or {}) if answer.status_code == 200 else {}

    async def recovered(self) -> callers.Body:
        """Wait until the record stands again, and return the report."""
        found: callers.Body = {}

        async def stands() -> bool:
            nonlocal found
            found = await self.report()
            return found.get("state") == "STANDING"

        await callers.until(stands, "lost jobs were looked for", WAIT_SECONDS)
        return found

    async def orphans(self) -> list[callers.Body]:
        """Return all jobs that belong to nobody, a page of one at a time."""
        found: list[callers.Body] = []
        token = ""
        while True:
            query = {"page_size": 1, "page_token": token}
            page = callers.answered(await self.mesh.caller.http.get(f"{RECOVERY}/orphans", params=query), 200)
            found += page["orphans"]
            token = page["next_page_token"]
            if not token:
                return found


@contextlib.asynccontextmanager
async def _up(folder: pathlib.Path, database_url: str = "") -> AsyncGenerator[meshes.Mesh]:
    told: dict[str, dict[str, object]] = {"orchestrator": {"note_seconds": 0.5}}
    if database_url:
        told["orchestrator"]["database_url"] = database_url
    async with meshes.up(folder, meshes.Wanted(told=told)) as mesh:
        yield mesh


@contextlib.asynccontextmanager
async def _on_sqlite(folder: pathlib.Path) -> AsyncGenerator[World]:
    async with _up(folder) as mesh:
        orchestrator = mesh.one("orchestrator")
        file = pathlib.Path(str(orchestrator.values["database_url"]).removeprefix("sqlite:///"))
        kept = folder / "backup.sqlite"

        async def back_up() -> None:
            with contextlib.closing(sqlite3.connect(file)) as live, contextlib.closing(sqlite3.connect(kept)) as copy:
                live.backup(copy)

        async def put_back() -> None:
            await orchestrator.stop()
            for name in (file, *(file.with_name(file.name + suffix) for suffix in ("-wal", "-shm"))):
                name.unlink(missing_ok=True)
            shutil.copyfile(kept, file)
            await orchestrator.start()

        yield World(mesh, back_up, put_back)


@contextlib.asynccontextmanager
async def _on_postgresql(folder: pathlib.Path, server: postgresql.PostgresqlServer) -> AsyncGenerator[World]:
    name = f"restored_{uuid.uuid4().hex}"  # noqa: TID251 - tests share a server
    server.run(f'CREATE DATABASE "{name}"')
    kept = pathlib.Path(server.log).with_name(f"{name}.dump")
    async with _up(folder, server.url(name)) as mesh:
        orchestrator = mesh.one("orchestrator")

        async def put_back() -> None:
            await orchestrator.stop()
            await asyncio.to_thread(server.restore, name, kept)
            await orchestrator.start()

        yield World(mesh, lambda: asyncio.to_thread(server.dump, name, kept), put_back)
    server.run(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextlib.asynccontextmanager
async def _on_a_standby(folder: pathlib.Path) -> AsyncGenerator[World]:
    # The standby falls behind as if it were cut off; the orchestrator only sees its connections break.
    with postgresql.running(FLUSHING, within=None) as primary:
        primary.run("CREATE DATABASE orchestrator")
        standby = await asyncio.to_thread(primary.standby)
        try:
            async with _up(folder, primary.url("orchestrator")) as mesh:

                async def cut_off() -> None:
                    position = primary.run("SELECT pg_current_wal_flush_lsn()").strip()
                    question = f"SELECT pg_last_wal_replay_lsn() >= '{position}'::pg_lsn"
                    await callers.until(lambda: standby.run(question).strip() == "t", "the standby has caught up")
                    await asyncio.to_thread(standby.stop)

                yield World(mesh, cut_off, lambda: asyncio.to_thread(standby.take_over, primary))
        finally:
            standby.kill()


@pytest_asyncio.fixture(params=KINDS)
async def world(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> AsyncGenerator[World]:
    if request.param == "sqlite":
        opened = _on_sqlite(tmp_path)
    else:
        # It says so where there is none.
        server: postgresql.PostgresqlServer = request.getfixturevalue("postgresql_server")
        opened = _on_postgresql(tmp_path, server) if request.param == "postgresql" else _on_a_standby(tmp_path)
    async with opened as one:
        yield one


def _paid_once(world: World, before: callers.Body) -> None:
    submits = world.mesh.submits(before)
    assert [len(results) for results in submits.values()] == [1], submits


async def test_what_is_under_way_is_adopted_and_what_was_admitted_since_comes_back_by_its_repeat(world: World) -> None:
    mesh, caller = world.mesh, world.mesh.caller
    done = await caller.made("Long before")
    assert await world.report() == {}

    # Nobody submits before the backup: it shows what is under way later as not begun.
    await mesh.one(meshes.WORKER).stop()
    begun = await caller.create(f"A ferry {SLOW}", request_id="asked-for-before-the-backup")
    await world.back_up()
    body = {"prompt": f"A lighthouse {SLOW}", "output": dict(callers.TINY), "request_id": REPEATED}
    late = callers.answered(await caller.http.post(callers.GENERATIONS, json=body), 202)
    await mesh.one(meshes.WORKER).start()
    await callers.until(lambda: mesh.jobs(begun) and mesh.jobs(late), "the provider has both", WAIT_SECONDS)

    await world.put_back()
    report = await world.recovered()
    assert any(words in report["reason"] for words in NOTICED), report["reason"]
    assert [(each["account_id"], each["state"]) for each in report["accounts"]] == [("local", "ANSWERED")]
    (known,) = (await caller.get(begun["id"]))["shots"][0]["attempts"]
    assert known["id"] in mesh.jobs(begun)
    assert known["job_id"]
    # Its worker may tell of the job by itself before anybody counts.
    assert report["adopted"] == 1 or "attempt_accepted" in await caller.story(begun["id"])
    assert report["orphans"]
    (orphan,) = await world.orphans()
    assert [orphan["attempt_id"]] == list(mesh.jobs(late))
    gone = await caller.http.get(f"{callers.GENERATIONS}/{late['id']}")
    callers.refused(gone, 404, "NOT_FOUND")
    await _shown(world, report)

    again = callers.answered(await caller.http.post(callers.GENERATIONS, json=body), 202)
    assert again["id"] == late["id"]
    for each in (begun, late):
        ended = await caller.ended(each["id"], WAIT_SECONDS)
        happened = await caller.events(each["id"])
        assert (ended["state"], ended["delivery"]) == ("COMPLETED", "VIDEO"), happened
        _paid_once(world, each)
        # One that never left its worker may have come before.
        jobs = [one["job_id"] for shot in ended["shots"] for one in shot["attempts"] if one["job_id"]]
        assert len(jobs) == 1, happened
    assert await world.orphans() == []
    assert await caller.get(done["id"]) | {"renditions": []} == done | {"renditions": []}
    assert await caller.content(done["renditions"][0]["asset_id"])
    assert (await world.report())["number"] == 2
    after = await caller.made("Long after")
    _paid_once(world, after)


async def _shown(world: World, report: callers.Body) -> None:
    """Assert that the command line shows what HTTP tells."""
    told: dict[str, Any] = json.loads(await world.told("status", "--wait", "--json"))
    assert told["recovery"] == report
    shown = await world.told()
    assert "standing, it is over" in shown
    assert f"{report['adopted']} jobs found their attempts" in shown
    assert [line.split()[:3] for line in shown.splitlines() if line.startswith("local")] == [
        ["local", "local", "answered"]
    ]
    assert [each["job_id"] for each in json.loads(await world.told("orphans", "--json"))] == [
        each["job_id"] for each in await world.orphans()
    ]
