"""A real gateway on free ports before a mesh in memory."""

import contextlib
import pathlib
from collections.abc import AsyncGenerator, Callable
from typing import Any

import grpc
import httpx
import pytest
from opentelemetry.sdk.trace.export import in_memory_span_exporter
from reelmesh_gateway import app, settings
from reelmesh_kit import process

from tests.integration.gateway import fake_mesh
from tests.support import chassis as chassis_support

Open = Callable[..., contextlib.AbstractAsyncContextManager["Gateway"]]


class Gateway:
    """A gateway that serves, and what a caller of it has."""

    def __init__(self, running: process.Running, key: str, data_folder: pathlib.Path) -> None:
        self.key = key
        self.data_folder = data_folder
        self.url = f"http://127.0.0.1:{running.http_port}"
        self.grpc_target = f"127.0.0.1:{running.grpc_port}"
        self.admin_url = f"http://127.0.0.1:{running.admin_port}"
        self.metadata = (("authorization", f"Bearer {key}"),)

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        """Return a client that sends the development key, another one, or ("") none."""
        sent = self.key if key is None else key
        headers = {"Authorization": f"Bearer {sent}"} if sent else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=10.0)


@pytest.fixture
async def mesh() -> AsyncGenerator[fake_mesh.FakeMesh]:
    async with fake_mesh.serving() as serving:
        yield serving


@pytest.fixture
def open_gateway(
    mesh: fake_mesh.FakeMesh, tmp_path: pathlib.Path, spans: in_memory_span_exporter.InMemorySpanExporter
) -> Open:
    """Return what opens a gateway with settings of the test's own."""

    @contextlib.asynccontextmanager
    async def opened(**changed: Any) -> AsyncGenerator[Gateway]:
        folder = tmp_path / "data"
        own = chassis_support.make_chassis("gateway", exporter=spans)
        values: dict[str, Any] = {
            "_env_file": None,
            "grpc_port": 0,
            "http_port": 0,
            "data_folder": folder,
            "drain_seconds": 1.0,
            "rpc_timeout_seconds": 3.0,
            **{f"{name}_address": address for name, address in mesh.addresses.items()},
        }
        try:
            async with app.build(settings.GatewaySettings(**{**values, **changed}), own) as running:
                key = (folder / "development.key").read_text().strip()
                yield Gateway(running, key, folder)
        finally:
            own.telemetry.shutdown()

    return opened


@pytest.fixture
async def gateway(open_gateway: Open) -> AsyncGenerator[Gateway]:
    async with open_gateway() as opened:
        yield opened


@pytest.fixture
async def client(gateway: Gateway) -> AsyncGenerator[httpx.AsyncClient]:
    async with gateway.client() as opened:
        yield opened


@pytest.fixture
async def channel(gateway: Gateway) -> AsyncGenerator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(gateway.grpc_target) as opened:
        yield opened
