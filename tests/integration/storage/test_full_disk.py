"""A disk that fills up in the middle of an upload: told so, nothing left, and well again once there is room."""

import contextlib
import os
import pathlib
import subprocess
from collections.abc import Iterator

import pytest
from reelmesh_kit import errors
from reelmesh_storage.adapters import filesystem

from tests.integration.storage import running
from tests.support import requirements

DISK_BYTES = 4 * 1024 * 1024
LARGE = bytes(DISK_BYTES)
SMALL = b"x" * 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield a folder that is a disk of its own, of DISK_BYTES."""
    if os.geteuid() != 0:
        requirements.missing("small_disk", "only root may mount one")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        requirements.missing("small_disk", f"it cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


async def test_a_full_disk_is_told_and_leaves_nothing(small_disk: pathlib.Path, tmp_path: pathlib.Path) -> None:
    given = running.own_settings(tmp_path, folder=small_disk / "assets")
    async with running.serving(given) as client:
        kept = await client.put(running.header(), SMALL)
        for _ in range(3):
            with pytest.raises(errors.StorageFull, match="no room left"):
                await client.put(running.header(), LARGE)
            assert len(running.files(small_disk)) == 1
        again = await client.put(running.header(), SMALL)
        assert await client.read(kept.id) == await client.read(again.id) == SMALL
        counts = await client.stub.GetStatistics(running.messages.GetStatisticsRequest())
        assert counts.kinds[0].assets == 2


async def test_a_full_disk_of_the_index_is_told(small_disk: pathlib.Path, tmp_path: pathlib.Path) -> None:
    given = running.own_settings(tmp_path, database_url=f"sqlite:///{small_disk / 'storage.db'}")
    async with running.serving(given) as client:
        kept = await client.put(running.header(), SMALL)
        ballast = small_disk / "ballast"
        fill(ballast)
        with pytest.raises(errors.StorageFull):
            await put_many(client)
        assert await client.read(kept.id) == SMALL
        ballast.unlink()
        await client.put(running.header(), SMALL)
        uploads = tmp_path / "assets" / filesystem.UPLOADS_FOLDER
        assert list(uploads.iterdir()) == []


def fill(file: pathlib.Path) -> None:
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as opened:
        while True:
            opened.write(bytes(4096))


async def put_many(client: running.Client) -> None:
    """Put until the pages that the index has left are full, too."""
    for _ in range(200):
        await client.put(running.header(), b"x")
