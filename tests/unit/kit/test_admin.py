"""The admin port over real HTTP: live, ready and metrics, and a port that somebody else has."""

import asyncio
import json
import logging
import os
import signal
import socket

import pytest
from reelmesh_kit import admin, chance, clock, health, ids, metrics, process, telemetry

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def own() -> process.Chassis:
    """A chassis of fakes."""
    manual = clock.ManualClock()
    return process.Chassis(
        service="media",
        clock=manual,
        ids=ids.SeededIds(),
        chance=chance.SeededChance(),
        telemetry=telemetry.Telemetry("media"),
        health=health.Health(manual),
        logger=logging.getLogger("reelmesh.media"),
    )


async def get(port: int, path: str, accept: str = "*/*") -> tuple[int, str, str]:
    """Return the status, the content type and the body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:])
    return int(head.split(" ")[1]), headers.get("content-type", ""), body


async def test_a_running_service_is_live_and_ready(own: process.Chassis) -> None:
    async with admin.serve(own, "127.0.0.1", 0) as port:
        assert await get(port, "/live") == (200, "application/json", '{"service":"media","live":true}')
        status, _, body = await get(port, "/ready")
    assert (status, json.loads(body)) == (200, {"service": "media", "ready": True, "checks": {}})


async def test_a_failing_check_is_told_with_503_but_the_service_lives(own: process.Chassis) -> None:
    async def check() -> None:
        raise ConnectionRefusedError("no database")

    own.health.add("database", check)
    async with admin.serve(own, "127.0.0.1", 0) as port:
        status, _, body = await get(port, "/ready")
        live_status, _, _ = await get(port, "/live")
    assert (status, live_status) == (503, 200)
    assert json.loads(body)["checks"]["database"] == {
        "ok": False,
        "latency_ms": 0.0,
        "message": "ConnectionRefusedError: no database",
        "reason": "INTERNAL",
        "needed": True,
        "since": "2026-01-01T00:00:00Z",
    }


async def test_a_draining_service_still_answers_and_wants_nothing_new(own: process.Chassis) -> None:
    async with admin.serve(own, "127.0.0.1", 0) as port:
        own.health.drain()
        assert (await get(port, "/ready"))[0] == 503


async def test_a_leaving_service_is_well_and_wants_to_be_forgotten(own: process.Chassis) -> None:
    async with admin.serve(own, "127.0.0.1", 0) as port:
        own.health.leave()
        status, _, body = await get(port, "/ready")
    assert (status, json.loads(body)) == (503, {"service": "media", "ready": False, "checks": {}, "leaving": True})


async def test_metrics_are_prometheus_text_unless_open_metrics_is_asked_for(own: process.Chassis) -> None:
    with own.telemetry.span("call"):
        trace_id, _ = telemetry.current_ids()
        metrics.observe(own.telemetry.metrics.rpc_client_call_duration, 0.3, rpc_method="a/B", rpc_status_code="OK")
    async with admin.serve(own, "127.0.0.1", 0) as port:
        plain_status, plain_type, plain = await get(port, "/metrics")
        open_status, open_type, rich = await get(port, "/metrics", accept=OPEN_METRICS)
    series = 'rpc_client_call_duration_seconds_count{rpc_method="a/B",rpc_status_code="OK"} 1.0'
    assert (plain_status, open_status) == (200, 200)
    assert plain_type.startswith("text/plain")
    assert open_type.startswith("application/openmetrics-text")
    assert series in plain
    assert trace_id not in plain
    assert f'trace_id="{trace_id}"' in rich
    assert rich.endswith("# EOF\n")


async def test_nothing_else_is_served(own: process.Chassis) -> None:
    async with admin.serve(own, "127.0.0.1", 0) as port:
        assert (await get(port, "/"))[0] == 404


async def test_the_port_is_free_again_afterwards(own: process.Chassis) -> None:
    async with admin.serve(own, "127.0.0.1", 0) as port:
        await get(port, "/live")
    async with admin.serve(own, "127.0.0.1", port) as again:
        assert again == port


async def test_a_port_in_use_is_refused_with_advice(own: process.Chassis) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(process.CannotStart, match=f"127.0.0.1:{port}: Address already in use.*REELMESH_ADMIN_PORT"):
            async with admin.serve(own, "127.0.0.1", port):
                pass


async def test_a_host_that_is_not_ours_is_refused(own: process.Chassis) -> None:
    with pytest.raises(process.CannotStart, match=r"192\.0\.2\.1"):
        async with admin.serve(own, "192.0.2.1", 0):
            pass


async def test_the_port_leaves_the_signals_to_the_process(own: process.Chassis) -> None:
    with process.stop_on_signals() as stop:
        async with admin.serve(own, "127.0.0.1", 0) as port:
            # Only what stop_on_signals installed keeps this process alive now.
            os.kill(os.getpid(), signal.SIGTERM)
            await stop.wait()
            # Longer than the server's tick, at which it would notice that it was told to exit.
            await clock.SystemClock().sleep(0.3)
            assert (await get(port, "/live"))[0] == 200
