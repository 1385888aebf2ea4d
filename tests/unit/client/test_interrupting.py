"""Ctrl-C while a command follows a generation."""

import asyncio
import os
import pathlib
import signal
import subprocess
import sys

import click
import pytest
from click import testing
from reelmesh_client import commands, discovery

from tests.unit.client import fake_mesh

COMMAND = [sys.executable, "-c", "from reelmesh_client import entry; entry.main()"]
# As if Ctrl-C came while what it names is being loaded.
LOADING = """
import sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "{name}":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
from reelmesh_client import entry
entry.main()
"""


@pytest.fixture
def data_folder(tmp_path: pathlib.Path, mesh: fake_mesh.FakeMesh) -> pathlib.Path:
    (tmp_path / "key").write_text(fake_mesh.KEY)
    discovery.write(tmp_path, discovery.Mesh(mesh.address, "http://x", str(tmp_path / "key"), str(tmp_path), 1))
    return tmp_path


async def test_ctrl_c_says_that_the_generation_goes_on_and_how_to_follow_or_stop_it(mesh, data_folder) -> None:
    mesh.streams.append([fake_mesh.event(1, "created")])
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *("generate", "a paper boat", "--data", str(data_folder)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    while b"it is created" not in (line := await process.stderr.readline()):
        assert line
    os.kill(process.pid, signal.SIGINT)
    _, error = await asyncio.wait_for(process.communicate(), 20)
    text = error.decode()
    assert process.returncode == 130
    assert "goes on without you" in text
    assert f"reelmesh watch generation-1 --data {data_folder}" in text
    assert f"reelmesh cancel generation-1 --data {data_folder}" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("name", ["reelmesh_client.commands", "grpc", "rich.progress"])
def test_ctrl_c_while_commands_are_loaded_ends_it_quietly(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADING.format(name=name), "--help"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_ctrl_c_before_a_command_speaks_to_the_mesh_ends_it_quietly() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    group = commands.Commands(commands={"odd": click.Command("odd", callback=interrupted)})
    result = testing.CliRunner().invoke(group, ["odd"])
    assert (result.exit_code, result.output) == (130, "")
