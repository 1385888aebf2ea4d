"""Detailed health before real services: a real PostgreSQL that stops is seen through them, and why, and since when."""

import contextlib
import pathlib
from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx
import pytest
from reelmesh_kit import clock, process
from reelmesh_orchestrator import app as orchestrator_app
from reelmesh_orchestrator import settings as orchestrator_settings
from reelmesh_storage import app as storage_app
from reelmesh_storage import settings as storage_settings

from tests.integration.gateway import conftest, fake_mesh
from tests.support import chassis as chassis_support
from tests.support import postgresql, proxy

# Nobody listens there: the record does its work without the bus.
NO_NATS = "nats://127.0.0.1:1"
SOON_SECONDS = 40.0
TIME = clock.SystemClock()
Body = dict[str, Any]


@contextlib.asynccontextmanager
async def served(service: str, build: Any, settings: Any) -> AsyncGenerator[process.Running]:
    own = chassis_support.make_chassis(service)
    try:
        async with build(settings, own) as running:
            yield running
    finally:
        own.telemetry.shutdown()


@pytest.fixture
async def addresses(postgresql_url: str, tmp_path: pathlib.Path) -> AsyncGenerator[dict[str, str]]:
    """Run an orchestrator and a storage service on one PostgreSQL."""
    shared: dict[str, Any] = {
        "_env_file": None,
        "database_url": postgresql_url,
        "nats_url": NO_NATS,
        "drain_seconds": 1.0,
    }
    storing = storage_settings.StorageSettings(**shared, folder=tmp_path / "assets")
    async with contextlib.AsyncExitStack() as stack:
        storage = await stack.enter_async_context(served("storage", storage_app.build, storing))
        at_storage = f"127.0.0.1:{storage.grpc_port}"
        recording = orchestrator_settings.OrchestratorSettings(**shared, storage_address=at_storage)
        orchestrator = await stack.enter_async_context(served("orchestrator", orchestrator_app.build, recording))
        yield {"storage_address": at_storage, "orchestrator_address": f"127.0.0.1:{orchestrator.grpc_port}"}


async def until(client: httpx.AsyncClient, condition: Callable[[int, Body], bool]) -> Body:
    """Ask for detailed health until it is as expected."""
    ends = TIME.elapsed() + SOON_SECONDS
    while True:
        answer = await client.get("/health/detailed")
        if condition(answer.status_code, answer.json()):
            return answer.json()
        assert TIME.elapsed() < ends, answer.text
        await TIME.sleep(0.1)


async def test_a_database_that_stops_is_told_with_part_reason_and_since_and_so_is_its_return(
    addresses: dict[str, str], open_gateway: conftest.Open, postgresql_server: postgresql.PostgresqlServer
) -> None:
    async with open_gateway(**addresses) as gateway, gateway.client(key="") as stranger:
        well = await until(stranger, lambda status, body: status == 200 and body["status"] == "degraded")
        stopped_at = TIME.now().replace(microsecond=0)
        postgresql_server.stop()
        try:
            down = await until(stranger, lambda status, body: status == 503 and _both_down(body))
        finally:
            postgresql_server.start()
        back = await until(stranger, lambda status, body: status == 200)

    # Without NATS the orchestrator does less, and its calls are answered all the same.
    assert well["dependencies"]["orchestrator"]["parts"]["bus"]["status"] == "down"
    assert well["dependencies"]["orchestrator"]["message"].startswith("It does less than it could: bus (UNAVAILABLE)")
    for service in ("orchestrator", "storage"):
        said = down["dependencies"][service]
        assert (said["status"], said["needed"]) == ("down", True)
        assert "database (UNAVAILABLE)" in said["message"]
        assert said["since"] >= _text(stopped_at)
        assert said["parts"]["database"]["since"] >= _text(stopped_at)
        assert "127.0.0.1" not in str(said)
        assert back["dependencies"][service]["parts"]["database"]["since"] >= said["parts"]["database"]["since"]


async def test_a_gateway_is_not_ready_before_it_has_reached_who_it_needs_and_stays_so_when_they_are_away(
    open_gateway: conftest.Open, mesh: fake_mesh.FakeMesh
) -> None:
    wire = proxy.Proxy(int(mesh.addresses["orchestrator"].rpartition(":")[2]))
    async with wire.running():
        await wire.cut()
        async with (
            open_gateway(orchestrator_address=f"127.0.0.1:{wire.port}") as gateway,
            httpx.AsyncClient(base_url=gateway.admin_url) as operator,
        ):
            early = await operator.get("/ready")
            await wire.mend()
            met = await _ready(operator)
            await wire.cut()
            async with gateway.client(key="") as stranger:
                await until(stranger, lambda status, _: status == 503)
            later = await operator.get("/ready")

    assert early.status_code == 503
    assert "orchestrator has not been well yet" in early.text
    assert met["checks"].keys() >= {"services"}
    assert later.status_code == 200


async def _ready(operator: httpx.AsyncClient) -> Body:
    ends = TIME.elapsed() + SOON_SECONDS
    while (answer := await operator.get("/ready")).status_code != 200:
        assert TIME.elapsed() < ends, answer.text
        await TIME.sleep(0.1)
    return answer.json()


def _both_down(body: Body) -> bool:
    return all(body["dependencies"][service]["status"] == "down" for service in ("orchestrator", "storage"))


def _text(moment: Any) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
