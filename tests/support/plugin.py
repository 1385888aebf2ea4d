"""Fixtures for everybody, named in tests/conftest.py."""

import pathlib
from collections.abc import AsyncIterator, Iterator

import pytest
from opentelemetry.sdk.trace.export import in_memory_span_exporter
from reelmesh_kit import bus, process

from tests.support import chassis as chassis_support


@pytest.fixture
def spans() -> in_memory_span_exporter.InMemorySpanExporter:
    """Return the exporter that holds all spans that the fixture `chassis` has ended."""
    return in_memory_span_exporter.InMemorySpanExporter()


@pytest.fixture
def chassis(spans: in_memory_span_exporter.InMemorySpanExporter) -> Iterator[process.Chassis]:
    """Yield a chassis with the machine's clock, as a real process has it."""
    made = chassis_support.make_chassis("test", exporter=spans)
    yield made
    made.telemetry.shutdown()


@pytest.fixture
async def nats_server(chassis: process.Chassis, tmp_path: pathlib.Path) -> AsyncIterator[bus.NatsServer]:
    """Yield a real nats-server on a free loopback port, with JetStream in a folder of this test's own."""
    async with bus.nats_server(chassis, tmp_path / "nats", sync_interval="2m") as server:
        yield server


@pytest.fixture
async def mesh_bus(chassis: process.Chassis, nats_server: bus.NatsServer) -> AsyncIterator[bus.Bus]:
    """Yield a bus over that server."""
    async with bus.connect(chassis, nats_server.url) as connected:
        yield connected
