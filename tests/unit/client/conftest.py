"""A fake mesh that serves, and a client of it."""

import asyncio
import contextlib
import pathlib
import threading
from collections.abc import AsyncGenerator, Callable, Generator

import pytest
import reelmesh_client
from click import testing
from reelmesh_client import commands, discovery, machine

from tests.unit.client import fake_mesh

Run = Callable[..., testing.Result]


@pytest.fixture
async def mesh() -> AsyncGenerator[fake_mesh.FakeMesh]:
    async with fake_mesh.serving(fake_mesh.FakeMesh()) as serving:
        yield serving


@pytest.fixture
def device() -> machine.ManualMachine:
    return machine.ManualMachine()


@pytest.fixture
async def client(mesh: fake_mesh.FakeMesh, device: machine.ManualMachine) -> AsyncGenerator[reelmesh_client.Client]:
    async with reelmesh_client.Client(mesh.address, fake_mesh.KEY, device=device) as opened:
        yield opened


@pytest.fixture
def served() -> Generator[fake_mesh.FakeMesh]:
    """A fake mesh in a thread of its own, for commands have an event loop of their own."""
    mesh, ready, loop = fake_mesh.FakeMesh(), threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with fake_mesh.serving(mesh):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(10)
    yield mesh
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


@pytest.fixture
def data_folder(tmp_path: pathlib.Path, served: fake_mesh.FakeMesh) -> pathlib.Path:
    (tmp_path / "key").write_text(fake_mesh.KEY)
    note = discovery.Mesh(served.address, "http://x", str(tmp_path / "key"), str(tmp_path), 1)
    discovery.write(tmp_path, note)
    return tmp_path


@pytest.fixture
def run(data_folder: pathlib.Path) -> Run:
    def invoke(*arguments: str, **more) -> testing.Result:
        with contextlib.chdir(data_folder):
            return testing.CliRunner().invoke(commands.main, [*arguments, "--data", str(data_folder)], **more)

    return invoke
