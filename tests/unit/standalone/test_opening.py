"""A mesh is open once it would accept a request."""

import collections
import pathlib
import threading
from collections.abc import AsyncGenerator, Generator
from http import HTTPStatus, server

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


Ailing = collections.deque[HTTPStatus]


@pytest.fixture
def ailing() -> Ailing:
    """What the gateway answers about its health, one after the other, before it is well."""
    return Ailing()


@pytest.fixture
def http(ailing: Ailing) -> Generator[str]:
    class Health(server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/health/detailed"
            self.send_response(ailing.popleft() if ailing else HTTPStatus.OK)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with server.HTTPServer(("127.0.0.1", 0), Health) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


@pytest.fixture
def note(mesh: fake_mesh.FakeMesh, http: str, tmp_path: pathlib.Path) -> discovery.Mesh:
    (tmp_path / "key").write_text(fake_mesh.KEY)
    return discovery.Mesh(mesh.address, http, str(tmp_path / "key"), str(tmp_path), 1)


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


async def test_nothing_is_asked_before_the_gateway_reaches_what_it_needs(mesh, note, ailing) -> None:
    ailing.extend([HTTPStatus.SERVICE_UNAVAILABLE] * 4)
    mesh.refusals["quote"].append(NOBODY)
    assert await opening.takes_orders(note, clock.ManualClock())
    assert not ailing
    assert len(mesh.requests("quote")) == 2


async def test_it_is_not_open_while_the_gateway_is_ailing(mesh, note, ailing) -> None:
    ailing.extend([HTTPStatus.SERVICE_UNAVAILABLE] * 100)
    assert not await opening.takes_orders(note, clock.ManualClock(), patience_seconds=1)
    assert mesh.requests("quote") == []
