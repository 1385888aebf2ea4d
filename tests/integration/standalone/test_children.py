"""Services as child processes: seen ready, healed when killed, gone when their mesh is."""

import asyncio
import contextlib
import json
import os
import pathlib
import re
import signal
import sys
from collections.abc import AsyncGenerator, Callable

import pytest
from reelmesh_kit import clock, process
from reelmesh_kit import settings as kit_settings
from reelmesh_standalone import children, logs, parts

FAKE = parts.Part("fake", "tests.unit.standalone.fake_service")


class Mesh:
    """What a test needs around children."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.shown: list[str] = []
        self.changed = asyncio.Condition()
        self.own = process.chassis("standalone", kit_settings.ServiceSettings())
        self.kept = logs.Logs(folder / "logs", self.show, clock.SystemClock())
        self.children = children.Children(self.own, self.kept, self.show)

    def show(self, line: str) -> None:
        self.shown.append(line)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[process.Running]:
        values = {"host": "127.0.0.1", "grpc_port": 0, "admin_port": 0, "drain_seconds": 0.5}
        async with self.children.start(FAKE, values | {"data_folder": self.folder / "fake"}) as running:
            await self.children.settled()
            yield running

    def pids(self) -> list[int]:
        return [int(found[1]) for line in self.shown if (found := re.search(r"pid (\d+)", line))]

    def notes(self) -> list[dict[str, object]]:
        path = self.folder / "fake" / "notes.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
async def mesh(tmp_path: pathlib.Path) -> AsyncGenerator[Mesh]:
    made = Mesh(tmp_path)
    yield made
    made.own.telemetry.shutdown()


async def _until(condition: Callable[[], object], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await clock.SystemClock().sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        return "zombie" not in pathlib.Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


async def test_a_child_serves_on_its_ports_and_stops_in_order(mesh) -> None:
    async with mesh.running() as running:
        assert running.grpc_port > 0
        _, writer = await asyncio.open_connection("127.0.0.1", running.grpc_port)
        writer.close()
        await writer.wait_closed()
        (pid,) = mesh.pids()
        assert pid != os.getpid()
    assert [note["at"] for note in mesh.notes()] == ["start", "stop"]
    assert not _alive(pid)


async def test_its_log_is_collected_and_its_warnings_are_shown(mesh) -> None:
    async with mesh.running():
        await _until(lambda: "warning fake: a warning" in mesh.shown)
    levels = [json.loads(line)["level"] for line in mesh.kept.path("fake").read_text().splitlines()]
    assert "WARNING" in levels


async def test_a_killed_child_is_started_again_on_the_same_port(mesh) -> None:
    async with mesh.running() as running:
        os.kill(mesh.pids()[0], signal.SIGKILL)
        await _until(lambda: len(mesh.notes()) == 2)
        first, second = mesh.notes()
        assert first["port"] == second["port"] == running.grpc_port
    assert len(set(mesh.pids())) == 2
    assert not any(_alive(pid) for pid in mesh.pids())


async def test_a_child_that_cannot_start_is_explained_with_its_last_words(mesh) -> None:
    (mesh.folder / "fake").mkdir()
    (mesh.folder / "fake" / "broken").touch()
    with pytest.raises(
        process.CannotStart, match=r"fake ended with exit code 1. It is broken. Remove the file. Its log"
    ):
        async with mesh.running():
            pass


async def test_a_child_that_cannot_start_again_is_tried_until_it_can(mesh) -> None:
    broken = mesh.folder / "fake" / "broken"
    async with mesh.running():
        broken.touch()
        os.kill(mesh.pids()[0], signal.SIGKILL)
        await _until(lambda: len(mesh.pids()) >= 2)
        broken.unlink()
        await _until(lambda: len(mesh.notes()) == 2)


async def test_a_child_that_hangs_is_killed_once_its_time_is_over(mesh) -> None:
    child = children.Child(FAKE, {"data_folder": mesh.folder / "fake"}, mesh.own, mesh.kept, mesh.show)
    await child.start()
    (pid,) = mesh.pids()
    os.kill(pid, signal.SIGSTOP)
    await child.stop(0.2)
    assert not _alive(pid)


PARENT = """
import asyncio, pathlib, sys
from tests.integration.standalone import test_children

async def main():
    mesh = test_children.Mesh(pathlib.Path(sys.argv[1]))
    async with mesh.running():
        print(mesh.pids()[0], flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_child_does_not_outlive_a_killed_mesh(tmp_path) -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, str(tmp_path)), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await asyncio.wait_for(parent.stdout.readline(), 30))
    assert _alive(pid)
    parent.kill()
    await parent.communicate()
    await _until(lambda: not _alive(pid))
    assert [json.loads(line)["at"] for line in (tmp_path / "fake" / "notes.jsonl").read_text().splitlines()] == [
        "start",
        "stop",
    ]
