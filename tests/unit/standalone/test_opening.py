"""A mesh is open once it would accept a request."""

import pathlib
from collections.abc import AsyncGenerator

import grpc
import pytest
from reelmesh_client import discovery, errors
from reelmesh_kit import clock
from reelmesh_standalone import opening

from tests.unit.client import fake_mesh

NOBODY = fake_mesh.Refusal(grpc.StatusCode.FAILED_PRECONDITION, "no provider has announced itself", "NO_CANDIDATE")


@pytest.fixture
async def mesh() -> AsyncGenerator[fake_mesh.FakeMesh]:
    async with fake_mesh.serving(fake_mesh.FakeMesh()) as serving:
        yield serving


@pytest.fixture
def note(mesh: fake_mesh.FakeMesh, tmp_path: pathlib.Path) -> discovery.Mesh:
    (tmp_path / "key").write_text(fake_mesh.KEY)
    return discovery.Mesh(mesh.address, "http://x", str(tmp_path / "key"), str(tmp_path), 1)


async def test_it_is_open_once_a_provider_is_there(mesh, note) -> None:
    mesh.refusals["quote"].extend([NOBODY, NOBODY])
    assert await opening.takes_orders(note, clock.ManualClock())
    assert len(mesh.requests("quote")) == 3
    assert mesh.requests("create") == []


async def test_it_is_not_open_if_none_comes_in_time(mesh, note) -> None:
    mesh.refusals["quote"].extend([NOBODY] * 20)
    assert not await opening.takes_orders(note, clock.ManualClock(), patience_seconds=1)


async def test_another_refusal_is_passed_on(mesh, note) -> None:
    mesh.refusals["quote"].append(fake_mesh.Refusal(grpc.StatusCode.INTERNAL, "broken", "INTERNAL"))
    with pytest.raises(errors.ReelmeshError, match="broken"):
        await opening.takes_orders(note, clock.ManualClock())
