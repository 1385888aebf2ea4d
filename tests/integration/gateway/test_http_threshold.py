"""What never reaches the application: answered in our words all the same, each with a request id."""

import asyncio
import contextlib
import json
from typing import Any

import pytest
from reelmesh_kit import web

from tests.integration.gateway import conftest, fake_mesh

GOOD = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
END = b"Host: x\r\n\r\n"
MANY = b"".join(b"X-%d: 1\r\n" % number for number in range(10_000))

# What is sent, the status, the reason, words of the message.
REFUSED: dict[str, tuple[bytes, int, str, str]] = {
    "garbage": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", 400, "INVALID_ARGUMENT", "no HTTP"),
    "no request line": (b"\r\n\r\n\r\n", 400, "INVALID_ARGUMENT", "no HTTP"),
    "half a request line": (b"GET\r\n\r\n", 400, "INVALID_ARGUMENT", "no HTTP"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 401, "UNAUTHENTICATED", "No valid API key"),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400, "INVALID_ARGUMENT", "Host"),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: y\r\n" + END, 400, "INVALID_ARGUMENT", "Host"),
    "a NUL in the path": (b"GET /\x00 HTTP/1.1\r\n" + END, 400, "INVALID_ARGUMENT", "no HTTP"),
    "a NUL in a field": (b"GET / HTTP/1.1\r\nX: a\x00b\r\n" + END, 400, "INVALID_ARGUMENT", "no HTTP"),
    "a field without colon": (b"GET / HTTP/1.1\r\nX\r\n" + END, 400, "INVALID_ARGUMENT", "no HTTP"),
    "a length that is none": (b"POST / HTTP/1.1\r\nContent-Length: x\r\n" + END, 400, "INVALID_ARGUMENT", "Length"),
    "two lengths": (
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n" + END,
        400,
        "INVALID_ARGUMENT",
        "Length",
    ),
    "a coding that nobody knows": (
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n" + END,
        501,
        "INVALID_ARGUMENT",
        "Transfer-Encoding",
    ),
    "10,000 fields": (b"GET /health HTTP/1.1\r\n" + MANY + END, 431, "TOO_LARGE", "Send"),
    "a field of 20 kB": (b"GET /health HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n" + END, 431, "TOO_LARGE", "Send"),
    "a head of 1 MB": (b"GET /health HTTP/1.1\r\nX: " + b"x" * 1_000_000 + b"\r\n" + END, 431, "TOO_LARGE", "Send"),
    "101 fields": (
        b"GET /health HTTP/1.1\r\n" + b"X: 1\r\n" * web.FIELDS_LIMIT + END,
        431,
        "TOO_LARGE",
        "Send fewer",
    ),
    "a long address": (b"GET /health?" + b"a" * 9000 + b" HTTP/1.1\r\n" + END, 414, "TOO_LARGE", "shorter"),
}


async def answered(
    gateway: conftest.Gateway, sent: bytes, *, in_pieces: bool = False
) -> tuple[int, dict[str, str], Any]:
    """Send bytes; return status, headers and body of the answer, once the gateway has hung up."""
    host, port = gateway.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    with contextlib.closing(writer):
        pieces = [sent[start : start + 4096] for start in range(0, len(sent), 4096)] if in_pieces else [sent]
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await fake_mesh.TIME.sleep(0)
        head, _, body = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        body = await reader.readexactly(int(headers["content-length"]))
    return int(lines[0].split(" ")[1]), headers, json.loads(body)


@pytest.mark.parametrize("in_pieces", [False, True], ids=["at once", "in pieces"])
@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_no_request_is_refused_in_our_words(
    gateway: conftest.Gateway, name: str, in_pieces: bool
) -> None:
    sent, status, reason, words = REFUSED[name]

    got, headers, body = await answered(gateway, sent, in_pieces=in_pieces)

    assert (got, body["error"]["reason"]) == (status, reason)
    assert words in body["error"]["message"]
    assert body["error"]["request_id"] == headers["x-request-id"]
    assert headers["content-type"] == "application/json"
    assert (await answered(gateway, GOOD))[0] == 200


async def test_a_broken_body_ends_its_request_and_nothing_else(gateway: conftest.Gateway) -> None:
    head = f"POST /api/v1/quotes HTTP/1.1\r\nHost: x\r\nX-API-Key: {gateway.key}\r\nTransfer-Encoding: chunked\r\n"

    status, headers, body = await answered(
        gateway, f"{head}Content-Type: application/json\r\n\r\nno-size\r\n{{}}\r\n0\r\n\r\n".encode()
    )

    assert (status, body["error"]["reason"]) == (400, "INVALID_ARGUMENT")
    assert headers["x-request-id"]
    assert (await answered(gateway, GOOD))[0] == 200


async def test_garbage_behind_a_request_is_refused_after_its_answer(gateway: conftest.Gateway) -> None:
    host, port = gateway.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    with contextlib.closing(writer):
        writer.write(GOOD + b"\x00\x01\x02\r\n\r\n")
        answer = await reader.read()

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 400 " in answer
    assert answer.count(b"x-request-id: ") == 2


async def test_garbage_in_the_middle_of_a_stream_ends_it(gateway: conftest.Gateway, mesh: fake_mesh.FakeMesh) -> None:
    async with gateway.client() as client:
        made = (await client.post("/api/v1/generations", json={"prompt": "a"})).json()
    host, port = gateway.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    with contextlib.closing(writer):
        path = f"/api/v1/generations/{made['id']}/watch"
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {gateway.key}\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode())
        await reader.readuntil(b"retry: ")
        writer.write(b"no-size\r\n")
        async with asyncio.timeout(10):
            await reader.read()

    await fake_mesh.until(lambda: mesh.orchestrator.watching == 0)
    assert (await answered(gateway, GOOD))[0] == 200


async def test_refusals_at_the_threshold_are_counted(gateway: conftest.Gateway) -> None:
    await answered(gateway, REFUSED["garbage"][0])
    async with gateway.client() as client:
        text = (await client.get("/metrics")).text

    assert 'api_requests_total{method="_OTHER",route="unmatched",status="400"} 1.0' in text
