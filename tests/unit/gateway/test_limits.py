"""The bounds of a request's body: how large, how silent, how slow; in time that a test moves."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from reelmesh_gateway.routes import limits
from reelmesh_gateway.wire import errors as wire
from reelmesh_kit import clock, errors

Result = TypeVar("Result")
UPLOAD_BYTES = 1000
UPLOAD_SECONDS = 100.0
JSON_PATH = "/api/v1/generations"


class PunctualClock(clock.ManualClock):
    """Gives up on what takes longer, in its own time, than it may."""

    async def wait_for(self, awaitable: Awaitable[Result], timeout_seconds: float) -> Result:
        began = self.elapsed()
        result = await awaitable
        if self.elapsed() - began > timeout_seconds:
            raise TimeoutError
        return result


class Sender:
    """Sends a body in pieces, each after a pause."""

    def __init__(self, time: clock.ManualClock, pieces: int, pause_seconds: float, piece: bytes = b"x") -> None:
        self.left = pieces
        self._time = time
        self._pause_seconds = pause_seconds
        self._piece = piece

    async def __call__(self) -> Any:
        self._time.advance(self._pause_seconds)
        self.left -= 1
        return {"type": "http.request", "body": self._piece, "more_body": self.left > 0}


async def reading(scope: Any, receive: Any, send: Any) -> None:
    """Read the body to its end."""
    while (await receive()).get("more_body"):
        continue


async def passed(
    sender: Callable[[], Awaitable[Any]], time: clock.Clock, path: str = JSON_PATH, length: str = "0"
) -> None:
    bounded = limits.Limits(reading, time, upload_limit_bytes=UPLOAD_BYTES, upload_timeout_seconds=UPLOAD_SECONDS)

    async def send(message: Any) -> None:
        raise AssertionError(message)

    headers = [(b"content-length", length.encode())]
    await bounded({"type": "http", "path": path, "method": "POST", "headers": headers}, sender, send)


@pytest.mark.parametrize(
    ("path", "pieces", "pause_seconds"),
    [
        (JSON_PATH, 59, 1.0),
        (JSON_PATH, 2, limits.BODY_SILENCE_SECONDS - 1),
        (limits.UPLOAD_PATH, 99, 1.0),
    ],
)
async def test_a_body_that_comes_in_time_passes(path: str, pieces: int, pause_seconds: float) -> None:
    time = PunctualClock()
    sender = Sender(time, pieces, pause_seconds)
    await passed(sender, time, path)
    assert sender.left == 0


@pytest.mark.parametrize(
    ("path", "pieces", "pause_seconds", "words"),
    [
        (JSON_PATH, 1000, 1.0, "The body was not there after 60 s."),
        (JSON_PATH, 1000, 29.0, "The body was not there after 60 s."),
        (JSON_PATH, 2, 31.0, "No byte of the body came for 30 s."),
        (limits.UPLOAD_PATH, 1000, 1.0, "The body was not there after 100 s."),
        (limits.UPLOAD_PATH, 2, 31.0, "No byte of the body came for 30 s."),
    ],
)
async def test_a_body_that_drips_or_stops_is_refused_and_the_connection_closed(
    path: str, pieces: int, pause_seconds: float, words: str
) -> None:
    time = PunctualClock()
    with pytest.raises(wire.Refused) as refused:
        await passed(Sender(time, pieces, pause_seconds), time, path)
    assert (refused.value.status, refused.value.headers) == (408, {"Connection": "close"})
    assert str(refused.value) == f"{words} Send it again, faster."
    assert time.elapsed() <= UPLOAD_SECONDS + limits.BODY_SILENCE_SECONDS


async def test_a_caller_who_does_not_read_the_answer_is_given_up() -> None:
    time = PunctualClock()

    async def answering(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})

    async def stuck(message: Any) -> None:
        time.advance(limits.READER_SILENCE_SECONDS + 1 if message["type"] == "http.response.body" else 0)

    bounded = limits.Limits(answering, time, upload_limit_bytes=UPLOAD_BYTES, upload_timeout_seconds=UPLOAD_SECONDS)
    with pytest.raises(errors.DeadlineExceeded, match="does not read"):
        await bounded({"type": "http", "path": "/", "method": "GET", "headers": []}, Sender(time, 1, 0.0), stuck)


@pytest.mark.parametrize(
    ("path", "length"),
    [
        (JSON_PATH, str(limits.JSON_LIMIT_BYTES + 1)),
        (JSON_PATH, "9" * 100),
        (limits.UPLOAD_PATH, str(UPLOAD_BYTES + limits.FORM_OVERHEAD_BYTES + 1)),
    ],
)
async def test_a_body_that_announces_too_much_is_not_read(path: str, length: str) -> None:
    time = PunctualClock()
    sender = Sender(time, 1, 0.0)
    with pytest.raises(errors.TooLarge):
        await passed(sender, time, path, length)
    assert sender.left == 1


async def test_a_body_that_says_less_than_it_has_is_read_no_further_than_allowed() -> None:
    time = PunctualClock()
    sender = Sender(time, 1000, 0.0, json.dumps("x" * 1000).encode())
    with pytest.raises(errors.TooLarge) as refused:
        await passed(sender, time)
    assert refused.value.metadata == {"limit_bytes": str(limits.JSON_LIMIT_BYTES)}
    assert 1000 - sender.left <= limits.JSON_LIMIT_BYTES // 1000 + 1
