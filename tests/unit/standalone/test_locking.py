"""A data folder belongs to one mesh at a time."""

import asyncio
import os
import pathlib
import sys

import pytest
from reelmesh_kit import process
from reelmesh_standalone import locking

HOLD = """
import pathlib, sys
from reelmesh_standalone import locking
with locking.held(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


async def _holder(path: pathlib.Path) -> asyncio.subprocess.Process:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLD, str(path)), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"held\n"
    return child


async def test_a_second_mesh_is_refused_and_told_who_holds_the_folder(tmp_path) -> None:
    holder = await _holder(tmp_path / "lock")
    with (
        pytest.raises(process.CannotStart, match=rf"process {holder.pid} holds .*--data"),
        locking.held(tmp_path / "lock"),
    ):
        pass
    await holder.communicate(b"")


async def test_the_lock_of_a_killed_mesh_is_free(tmp_path) -> None:
    holder = await _holder(tmp_path / "lock")
    holder.kill()
    await holder.communicate(b"")
    with locking.held(tmp_path / "lock"):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_the_folder_is_made(tmp_path) -> None:
    with locking.held(tmp_path / "new" / "data" / "lock"):
        assert (tmp_path / "new" / "data").is_dir()


def test_it_can_be_held_again_after_it_was_let_go(tmp_path) -> None:
    for _ in range(2):
        with locking.held(tmp_path / "lock"):
            pass


def test_a_folder_that_is_a_file_is_explained(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(process.CannotStart, match="--data"), locking.held(tmp_path / "file" / "lock"):
        pass
