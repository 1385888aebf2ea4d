"""What HTTP callers may do wrong: always an answer of the same shape, never a 5xx."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from reelmesh_gateway.routes import edge, metrics
from reelmesh_kit import errors, process, web

from tests.integration.gateway import conftest, fake_mesh

ROOT = "/api/v1/generations"
SOME_ID = "00000000-0000-0000-0000-000000000001"

BAD_BODIES: dict[str, bytes] = {
    "empty": b"",
    "not JSON": b"{",
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "no prompt": b"{}",
    "a prompt that is no text": b'{"prompt": 7}',
    "half of a surrogate pair": b'{"prompt": "\\ud800"}',
    "a name of half a surrogate pair": b'{"prompt": "a", "\\ud800": 1}',
    "a label of half a surrogate pair": b'{"prompt": "a", "labels": {"\\ud800": "x"}}',
    "not UTF-8": b'{"prompt": "\xff"}',
    "infinity": b'{"prompt": "a", "output": {"duration_seconds": 1e999}}',
    "not a number": b'{"prompt": "a", "output": {"duration_seconds": NaN}}',
    "a number as text": b'{"prompt": "a", "output": {"duration_seconds": "8"}}',
    "true for a number": b'{"prompt": "a", "priority": true}',
    "beyond 32 bits": b'{"prompt": "a", "output": {"width": 2147483648}}',
    "beyond 64 bits": b'{"prompt": "a", "max_cost_micros": 9223372036854775808}',
    "a huge integer": b'{"prompt": "a", "seed": ' + b"9" * 5000 + b"}",
    "a negative seed": b'{"prompt": "a", "seed": -1}',
    "a time without offset": b'{"prompt": "a", "deadline_time": "2026-12-24T18:00:00"}',
    "a time as number": b'{"prompt": "a", "deadline_time": 1798138800}',
    "a time before all times": b'{"prompt": "a", "deadline_time": "0001-01-01T00:00:00+14:00"}',
    "an unknown word": b'{"prompt": "a", "fallback_floor": "NOTHING"}',
    "a prefixed word": b'{"prompt": "a", "fallback_floor": "DELIVERY_VIDEO"}',
    "labels that are no text": b'{"prompt": "a", "labels": {"a": 1}}',
    "deeply nested": b'{"prompt": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


def well_formed(answer: httpx.Response) -> dict[str, Any]:
    """Return the error of an answer, whose shape is the same for all."""
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"reason", "message", "metadata", "request_id"}
    assert body["error"]["request_id"] == answer.headers["x-request-id"]
    assert body["error"]["reason"] in errors.Reason.__members__
    return body["error"]


async def test_every_bad_body_is_a_400_that_says_where(client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh) -> None:
    for name, body in BAD_BODIES.items():
        answer = await client.post(ROOT, content=body, headers={"Content-Type": "application/json"})

        assert answer.status_code == 400, name
        assert well_formed(answer)["metadata"]["field"], name
    assert mesh.orchestrator.requests == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", f"{ROOT}/", 404),
        ("PUT", ROOT, 405),
        ("PATCH", f"{ROOT}/{SOME_ID}", 405),
        ("BREW", ROOT, 405),
        ("GET", f"{ROOT}/not-a-uuid", 400),
        ("GET", f"{ROOT}/%ff%00", 400),
        ("GET", f"{ROOT}?page_size=many", 400),
        ("GET", f"{ROOT}?page_size=99999999999", 400),
        ("GET", f"{ROOT}?labels=nothing", 400),
        ("GET", f"{ROOT}?states=GENERATION_STATE_QUEUED", 400),
        ("GET", f"{ROOT}/{SOME_ID}/events?after_sequence=-x", 400),
    ],
)
async def test_paths_methods_and_queries_that_do_not_exist_are_refused(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path)

    assert answer.status_code == status
    well_formed(answer)


@pytest.mark.parametrize(
    ("path", "possible"),
    [
        (ROOT, "GET, POST"),
        (f"{ROOT}/{SOME_ID}", "GET, DELETE"),
        (f"{ROOT}/{SOME_ID}/cancel", "POST"),
        (f"{ROOT}/{SOME_ID}/takes/1/promote", "POST"),
        (f"/api/v1/assets/{SOME_ID}", "GET, DELETE"),
        (f"/api/v1/assets/{SOME_ID}/content", "GET, HEAD"),
        ("/files/token", "GET, HEAD"),
        ("/docs/files/favicon.png", "GET, HEAD"),
        ("/openapi.json", "GET, HEAD"),
    ],
)
async def test_a_method_that_is_not_possible_is_answered_with_all_that_are(
    client: httpx.AsyncClient, path: str, possible: str
) -> None:
    answer = await client.put(path)

    assert (answer.status_code, answer.headers["allow"]) == (405, possible)
    assert possible in well_formed(answer)["message"]


async def test_a_body_in_another_format_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post(ROOT, content=b"prompt=a", headers={"Content-Type": "application/x-www-form-urlencoded"})

    assert answer.status_code == 400
    well_formed(answer)


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(client: httpx.AsyncClient) -> None:
    answer = await client.post(ROOT, json={"prompt": "a" * 300_000})

    assert answer.status_code == 413
    assert well_formed(answer)["metadata"] == {"limit_bytes": str(256 * 1024)}


async def test_a_body_of_unknown_length_is_refused_once_it_is_too_large(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncGenerator[bytes]:
        for _ in range(400):
            yield b" " * 1024

    answer = await client.post(ROOT, content=endless(), headers={"Content-Type": "application/json"})

    assert answer.status_code == 413
    well_formed(answer)


async def test_a_sane_request_id_is_kept_and_another_one_replaced(client: httpx.AsyncClient) -> None:
    kept = await client.get(ROOT, headers={"X-Request-Id": "order-7.retry~1"})
    replaced = await client.get(ROOT, headers={"X-Request-Id": "no spaces; please"})

    assert kept.headers["x-request-id"] == "order-7.retry~1"
    assert re.fullmatch(r"[0-9a-f-]{36}", replaced.headers["x-request-id"])


async def test_an_orchestrator_that_is_away_is_a_503_that_says_when_to_try_again(open_gateway: conftest.Open) -> None:
    async with (
        open_gateway(orchestrator_address="127.0.0.1:1", rpc_timeout_seconds=1.0) as gateway,
        gateway.client() as client,
    ):
        answer = await client.post(ROOT, json={"prompt": "a"})

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert well_formed(answer)["reason"] == "UNAVAILABLE"


async def test_a_fault_of_the_orchestrator_tells_no_more_than_where_to_look(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh
) -> None:
    mesh.orchestrator.refuse_with = ZeroDivisionError("secret")

    answer = await client.post(ROOT, json={"prompt": "a"})

    assert answer.status_code == 500
    assert "secret" not in answer.text
    well_formed(answer)


@pytest.mark.parametrize(
    ("before", "sent"),
    [(b"", b""), (b"", b"GET / HTTP/1.1\r\nHost"), (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\nHost")],
)
async def test_who_does_not_say_what_it_wants_is_hung_up_on(before: bytes, sent: bytes) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async with web.serve(application, "127.0.0.1", 0, variable="PORT", head_seconds=0.1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.closing(writer):
            writer.write(before)
            if before:
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")
            writer.write(sent)
            async with asyncio.timeout(3):
                assert await reader.read() == b""


async def test_more_requests_than_may_be_open_are_refused_in_our_words(
    chassis: process.Chassis,
) -> None:
    async def never(scope: Any, receive: Any, send: Any) -> None:
        await waiting.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    waiting = asyncio.Event()
    application = edge.Edge(never, chassis, metrics.Metrics(chassis.telemetry.registry), requests_limit=1)
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        first = asyncio.create_task(client.get("/"))
        await fake_mesh.TIME.sleep(0)
        refused = await client.get("/")
        waiting.set()
        served = await first

    assert (refused.status_code, served.status_code) == (503, 204)
    assert well_formed(refused)["reason"] == "UNAVAILABLE"


async def test_headers_that_claim_nonsense_do_no_harm(gateway: conftest.Gateway) -> None:
    host, port = gateway.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"GET /api/v1/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n"
        b"traceparent: 00-zz\r\nX-Request-Id: \xe9\r\nConnection: close\r\n\r\n"
    )
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()

    assert head.startswith(b"HTTP/1.1 401")
    assert json.loads(body)["error"]["reason"] == "UNAUTHENTICATED"
