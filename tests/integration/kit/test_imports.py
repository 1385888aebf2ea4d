"""A start does not wait for what it does not need: which libraries are loaded, in processes of their own."""

import asyncio
import pathlib
import subprocess
import sys

import pytest
from reelmesh_kit import clock, process, sql

BUCKETS = {"boto3", "botocore"}
COLLECTORS = {"opentelemetry.exporter"}
MIGRATIONS = {"alembic", "mako"}
SERVERS = {"asyncpg", "sqlalchemy.ext.asyncio"}
DRAWING = {"numpy", "av", "PIL", "fontTools"}
# Whatever a mesh consists of.
MESH = {"reelmesh_kit", "nats", "opentelemetry", "sqlalchemy", "uvicorn", "pydantic"} | DRAWING

HELP = """
from click import testing
from reelmesh_client import commands
testing.CliRunner().invoke(commands.main, ["--help"])
"""
OPEN = """
import asyncio
from reelmesh_kit import clock, process, sql
async def once():
    async with sql.open_database({url!r}, clock.SystemClock(), migrations={package!r}):
        pass
asyncio.run(once())
"""


def loaded(code: str) -> set[str]:
    """Run code in a process of its own; return the modules that are loaded at its end."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("code", "unneeded"),
    [
        ("import reelmesh_storage.app", BUCKETS | COLLECTORS | MIGRATIONS | SERVERS | DRAWING),
        ("import reelmesh_orchestrator.app", COLLECTORS | MIGRATIONS | SERVERS | DRAWING),
        ("import reelmesh_provider_local.app", COLLECTORS | DRAWING),
        ("import reelmesh_media.app", COLLECTORS | {"numpy", "sqlalchemy"}),
        ("import reelmesh_gateway.app", COLLECTORS | DRAWING | {"sqlalchemy"}),
        (HELP, MESH),
    ],
    ids=["storage", "orchestrator", "provider-local", "media", "gateway", "help"],
)
def test_a_start_loads_nothing_that_it_does_not_need(code: str, unneeded: set[str]) -> None:
    assert sorted(loaded(code) & unneeded) == []


@pytest.mark.parametrize("package", ["reelmesh_orchestrator", "reelmesh_storage"])
def test_a_database_that_is_up_to_date_is_opened_without_the_library_of_migrations(
    package: str, tmp_path: pathlib.Path
) -> None:
    code = OPEN.format(url=f"sqlite:///{tmp_path / 'one.db'}", package=package)
    assert "alembic" in loaded(code)
    assert "alembic" not in loaded(code)


def test_a_database_of_a_newer_release_is_not_taken_for_one_that_is_up_to_date(tmp_path: pathlib.Path) -> None:
    url = f"sqlite:///{tmp_path / 'one.db'}"

    async def opened() -> None:
        async with sql.open_database(url, clock.SystemClock(), migrations="reelmesh_storage") as database:
            await database.write(
                lambda transaction: transaction._connection.exec_driver_sql(
                    "UPDATE reelmesh_storage_version SET version_num = '9999'"
                )
            )

    asyncio.run(opened())
    with pytest.raises(process.CannotStart, match=r"database of storage is of a newer release: .* 9999"):
        asyncio.run(opened())
