"""A full disk under SQLite: said as such, nothing is lost, and work goes on when there is room."""

import asyncio
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest
import sqlalchemy
from reelmesh_kit import clock, errors, sql

from tests.support import requirements

SIZE = "512k"
BLOB_BYTES = 16 * 1024
NOTES = sqlalchemy.Table(
    "notes",
    sqlalchemy.MetaData(),
    sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True),
    sqlalchemy.Column("body", sqlalchemy.LargeBinary, nullable=False),
)


@pytest.fixture
def small_disk(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield a folder on a file system of half a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        requirements.missing("linux", "only root on Linux can mount a small file system")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        requirements.missing("linux", f"mount: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def insert(number: int) -> sql.Work[int]:
    def work(transaction: sql.Transaction) -> int:
        transaction.execute(NOTES.insert().values(id=number, body=b"x" * BLOB_BYTES))
        return number

    return work


def numbers(transaction: sql.Transaction) -> list[int]:
    return [row.id for row in transaction.rows(sqlalchemy.select(NOTES.c.id).order_by(NOTES.c.id).limit(1000))]


async def test_a_full_disk_is_said_loses_nothing_and_is_got_over(small_disk: pathlib.Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 200 * 1024)
    async with sql.open_database(f"sqlite:///{small_disk / 'notes.db'}", clock.SystemClock()) as database:
        await database.write(lambda transaction: transaction.execute(sqlalchemy.schema.CreateTable(NOTES)))
        written: list[int] = []
        for number in range(100):
            try:
                written.append(await database.write(insert(number)))
            except errors.StorageFull:
                break
        assert 0 < len(written) < 100
        assert await database.read(numbers) == written
        with pytest.raises(errors.StorageFull, match="no room left"):
            await database.write(insert(200))
        ballast.unlink()
        assert await database.write(insert(300)) == 300
        assert await database.read(numbers) == [*written, 300]
    async with sql.open_database(f"sqlite:///{small_disk / 'notes.db'}", clock.SystemClock()) as database:
        assert await database.read(numbers) == [*written, 300]


async def test_everybody_whose_work_was_not_committed_is_told(small_disk: pathlib.Path) -> None:
    (small_disk / "ballast").write_bytes(b"x" * 200 * 1024)
    async with sql.open_database(f"sqlite:///{small_disk / 'notes.db'}", clock.SystemClock()) as database:
        await database.write(lambda transaction: transaction.execute(sqlalchemy.schema.CreateTable(NOTES)))
        results = await asyncio.gather(
            *(database.write(insert(number)) for number in range(60)), return_exceptions=True
        )
        assert {type(result) for result in results} <= {int, errors.StorageFull}
        assert any(isinstance(result, errors.StorageFull) for result in results)
        assert await database.read(numbers) == [result for result in results if isinstance(result, int)]
