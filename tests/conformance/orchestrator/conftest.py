"""The record on both engines."""

import pathlib
from collections.abc import AsyncIterator

import pytest

from tests.support import record


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    """Return the URL of an empty database on this engine."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql_url")
    return f"sqlite:///{tmp_path / 'orchestrator.db'}"


@pytest.fixture
async def kept(database_url: str) -> AsyncIterator[record.Kept]:
    """Yield a record with the schema up to date and nothing in it."""
    async with record.opened(database_url) as opened:
        yield opened
