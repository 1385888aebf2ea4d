"""The gate inside httpx, against a server that counts what really arrived."""

import socket

import httpx
import pytest
from reelmesh_kit import clock
from reelmesh_provider import errors, gate, gated_http, model

from tests.support import raw_http_server


class Asked:
    """Gives leave for a second and remembers how often it was asked; may let time pass on the way."""

    def __init__(self) -> None:
        self.time = clock.ManualClock()
        self.times = 0
        self.answer: model.Go | model.Drop = model.Go(1.0)
        self.gate = gate.Gate(clock=self.time, nonce="nonce", ask=self._ask)

    async def _ask(self, nonce: str) -> model.Go | model.Drop:
        self.times += 1
        return self.answer


class Body(httpx.AsyncByteStream):
    """A body in pieces; lets time pass before one of them."""

    def __init__(self, asked: Asked, pieces: list[bytes], late_piece: int | None = None) -> None:
        self._asked = asked
        self._pieces = pieces
        self._late_piece = late_piece

    async def __aiter__(self):
        for number, piece in enumerate(self._pieces):
            if number == self._late_piece:
                self._asked.time.advance(5)
            yield piece


async def post(url: str, asked: Asked, **request: object) -> httpx.Response:
    async with httpx.AsyncClient(transport=gated_http.GatedTransport()) as client:
        return await client.post(url, extensions={gated_http.GATE: asked.gate}, **request)


@pytest.mark.parametrize("size", [1, 2, 2_000, gated_http.PIECE_BYTES, gated_http.PIECE_BYTES + 1, 1_000_000])
async def test_within_the_window_a_body_of_any_size_arrives_whole(size: int) -> None:
    asked = Asked()
    body = bytes(index % 251 for index in range(size))
    async with raw_http_server.counting_server() as server:
        response = await post(server.url, asked, content=body)
        assert response.json() == {"id": "job-1"}
        assert server.bodies == [body]
    assert asked.times == 1


async def test_a_request_without_a_body_passes() -> None:
    async with raw_http_server.counting_server() as server:
        await post(server.url, Asked())
        assert server.bodies == [b""]


async def test_multipart_passes() -> None:
    async with raw_http_server.counting_server() as server:
        await post(server.url, Asked(), data={"prompt": "a cat"}, files={"input_reference": b"\xff" * 100_000})
        (body,) = server.bodies
        assert b"a cat" in body
        assert b"\xff" * 100_000 in body


async def test_leave_is_asked_for_after_connecting_and_before_the_first_byte() -> None:
    asked = Asked()
    asked.answer = model.Drop("cancelled")
    async with raw_http_server.counting_server() as server:
        with pytest.raises(errors.Dropped, match="cancelled"):
            await post(server.url, asked, content=b"body")
        assert server.connections == 1
        assert server.headers == []


async def test_who_cannot_connect_asks_nobody() -> None:
    asked = Asked()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        with pytest.raises(errors.Unreachable):
            await post(url, asked, content=b"body")
    assert asked.times == 0


@pytest.mark.parametrize("late_piece", [0, 1, 2])
async def test_time_that_passes_before_any_piece_leaves_the_request_incomplete(late_piece: int) -> None:
    asked = Asked()
    body = Body(asked, [b"a" * 1000, b"b" * 1000, b"c"], late_piece)
    async with raw_http_server.counting_server() as server:
        with pytest.raises(errors.WindowPassed):
            await post(server.url, asked, content=body, headers={"content-length": "2001"})
        assert server.bodies == []


async def test_the_last_byte_is_checked_for_itself() -> None:
    asked = Asked()
    pieces = []
    stream = gated_http.CheckingStream(Body(asked, [b"abc", b"", b"def"]), asked.gate)
    await asked.gate.begin()
    async for piece in stream:
        pieces.append(piece)
    assert pieces == [b"ab", b"cde", b"f"]
    late = aiter(gated_http.CheckingStream(Body(asked, [b"abcdef"]), asked.gate))
    assert await anext(late) == b"abcde"
    asked.time.advance(5)
    with pytest.raises(errors.WindowPassed):
        await anext(late)


async def test_a_body_of_unknown_length_is_refused() -> None:
    asked = Asked()
    async with raw_http_server.counting_server() as server:
        with pytest.raises(errors.GateMisused, match="Content-Length"):
            await post(server.url, asked, content=Body(asked, [b"a"]))
        assert server.connections == 0


async def test_a_gate_lets_one_request_through() -> None:
    asked = Asked()
    async with raw_http_server.counting_server() as server:
        await post(server.url, asked, content=b"first")
        with pytest.raises(errors.GateMisused):
            await post(server.url, asked, content=b"second")
        assert server.bodies == [b"first"]


async def test_connections_are_never_used_twice() -> None:
    async with raw_http_server.counting_server() as server:
        async with httpx.AsyncClient(transport=gated_http.GatedTransport()) as client:
            for _ in range(3):
                await client.post(server.url, content=b"x", extensions={gated_http.GATE: Asked().gate})
        assert server.connections == 3


async def test_requests_without_a_gate_pass_as_they_are() -> None:
    async with raw_http_server.counting_server() as server:
        async with httpx.AsyncClient(transport=gated_http.GatedTransport()) as client:
            await client.post(server.url, content=b"upload")
        assert server.bodies == [b"upload"]


async def test_the_callers_own_trace_is_still_told() -> None:
    seen: list[str] = []

    async def trace(name: str, info: object) -> None:
        seen.append(name)

    asked = Asked()
    transport = gated_http.GatedTransport()
    async with raw_http_server.counting_server() as server, httpx.AsyncClient(transport=transport) as client:
        await client.post(server.url, content=b"x", extensions={gated_http.GATE: asked.gate, "trace": trace})
    assert "connection.connect_tcp.complete" in seen
    assert asked.times == 1


def test_whom_to_trust_is_read_once_and_not_for_each_submit() -> None:
    gated_http.trust.cache_clear()
    for _ in range(3):
        gated_http.GatedTransport()
    told = gated_http.trust.cache_info()
    assert (told.misses, told.hits) == (1, 2)
