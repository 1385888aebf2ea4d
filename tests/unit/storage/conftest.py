"""A world for each test."""

import pathlib
from collections.abc import AsyncGenerator

import pytest

from tests.unit.storage import world as worlds


@pytest.fixture
async def world(tmp_path: pathlib.Path) -> AsyncGenerator[worlds.World]:
    async with worlds.opened(tmp_path / "assets") as opened:
        yield opened
