"""A process killed just before a commit leaves nothing of it, just after it everything; on both engines."""

import signal
import subprocess
import sys

import pytest
import sqlalchemy
from reelmesh_kit import clock, sql

WRITER = """
import asyncio, sys
import sqlalchemy
from reelmesh_kit import clock, crashing, sql

WRITE = crashing.Table("trial").commit("write")

async def main(url, crash_at):
    crashing.arm(crash_at)
    async with sql.open_database(url, clock.SystemClock()) as database:
        for number in range(3):
            with WRITE:
                await database.write(
                    lambda transaction: transaction.execute(sqlalchemy.text(f"INSERT INTO notes VALUES ({number})"))
                )

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'notes.db'}"
    return request.getfixturevalue("postgresql_url")


def write(url: str, crash_at: str) -> subprocess.CompletedProcess[str]:
    """Let a process of its own write three notes."""
    command = [sys.executable, "-c", WRITER, url, crash_at]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("crash_at", "left"),
    [
        ("trial.write.before_commit", []),
        ("trial.write.after_commit", [0]),
        ("trial.write.before_commit:2", [0]),
        ("trial.write.after_commit:2", [0, 1]),
    ],
)
async def test_what_a_kill_around_a_commit_leaves(url: str, crash_at: str, left: list[int]) -> None:
    async with sql.open_database(url, clock.SystemClock()) as database:
        await database.write(
            lambda transaction: transaction.execute(sqlalchemy.text("CREATE TABLE notes (number INTEGER)"))
        )
    writer = write(url, crash_at)
    assert writer.returncode == -signal.SIGKILL, writer.stderr
    async with sql.open_database(url, clock.SystemClock()) as database:
        found = await database.read(
            lambda transaction: transaction.rows(sqlalchemy.text("SELECT number FROM notes ORDER BY number"))
        )
    assert [row.number for row in found] == left
