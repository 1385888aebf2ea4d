"""A fake mesh that serves, and a client of it."""

from collections.abc import AsyncGenerator

import pytest
import reelmesh_client
from reelmesh_client import machine

from tests.unit.client import fake_mesh


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
