"""The bounds of a request: how many bytes it may have, and how long its sender or reader may keep us waiting."""

from reelmesh_kit import clock, errors
from starlette import datastructures, types

from reelmesh_gateway.wire import errors as wire

# The longest prompt and labels, each character escaped, and room to spare.
JSON_LIMIT_BYTES = 256 * 1024
# What a multipart body adds to its file.
FORM_OVERHEAD_BYTES = 16 * 1024
BODY_SILENCE_SECONDS = 30.0
# For senders that never fall silent, but drip: the whole body must be there by then. Uploads have a setting.
BODY_SECONDS = 60.0
READER_SILENCE_SECONDS = 60.0
UPLOAD_PATH = "/api/v1/assets"
# Where a picture may stand within JSON, in base64, besides everything else.
PICTURE_PATH = "/v1/videos"


def in_base64(picture_bytes: int) -> int:
    """Return how many bytes a body may have with a picture in it, in base64, besides everything else."""
    return picture_bytes * 4 // 3 + JSON_LIMIT_BYTES


class Limits:
    """Stands before the routes; what it raises, the outermost layer answers."""

    def __init__(
        self, app: types.ASGIApp, limits_clock: clock.Clock, *, upload_limit_bytes: int, upload_timeout_seconds: float
    ) -> None:
        """Wrap `app`; uploads may have `upload_limit_bytes`, and take `upload_timeout_seconds`."""
        self._app = app
        self._clock = limits_clock
        self._upload_limit_bytes = upload_limit_bytes + FORM_OVERHEAD_BYTES
        self._upload_timeout_seconds = upload_timeout_seconds

    async def __call__(self, scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
        """Pass one request on, bounded.

        Raises:
            TooLarge: it announces, or has, more bytes than its path allows.
            Refused: its sender fell silent in the middle of the body, or drips it (408).
            DeadlineExceeded: its reader took no bytes of the answer for READER_SILENCE_SECONDS.
        """
        upload = scope["path"] in (UPLOAD_PATH, PICTURE_PATH) and scope["method"] == "POST"
        limit_bytes = self._limit_bytes(scope["path"]) if upload else JSON_LIMIT_BYTES
        announced = datastructures.Headers(scope=scope).get("content-length", "0")
        if not announced.isdecimal() or int(announced[:20]) > limit_bytes:
            raise _too_large(limit_bytes)
        seconds = self._upload_timeout_seconds if upload else BODY_SECONDS
        await self._app(scope, _Bounded(receive, self._clock, limit_bytes, seconds), self._patient(send))

    def _limit_bytes(self, path: str) -> int:
        return in_base64(self._upload_limit_bytes) if path == PICTURE_PATH else self._upload_limit_bytes

    def _patient(self, send: types.Send) -> types.Send:
        async def bounded(message: types.Message) -> None:
            try:
                await self._clock.wait_for(send(message), READER_SILENCE_SECONDS)
            except TimeoutError as error:
                raise errors.DeadlineExceeded("The caller does not read the answer; it was given up.") from error

        return bounded


class _Bounded:
    """Receives a body of limited size, within limited time."""

    def __init__(self, receive: types.Receive, limits_clock: clock.Clock, limit_bytes: int, seconds: float) -> None:
        self._receive = receive
        self._clock = limits_clock
        self._limit_bytes = limit_bytes
        self._seconds = seconds
        self._ends = limits_clock.elapsed() + seconds
        self._seen_bytes = 0
        self._complete = False

    async def __call__(self) -> types.Message:
        if self._complete:
            # All that can come is that the caller leaves; that may take for ever.
            return await self._receive()
        message = await self._next()
        self._seen_bytes += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._seen_bytes > self._limit_bytes:
            raise _too_large(self._limit_bytes)
        return message

    async def _next(self) -> types.Message:
        left = self._ends - self._clock.elapsed()
        try:
            return await self._clock.wait_for(self._receive(), min(left, BODY_SILENCE_SECONDS))
        except TimeoutError as error:
            silent = f"No byte of the body came for {BODY_SILENCE_SECONDS:.0f} s."
            slow = f"The body was not there after {self._seconds:.0f} s."
            late = errors.DeadlineExceeded(f"{slow if left < BODY_SILENCE_SECONDS else silent} Send it again, faster.")
            raise wire.Refused(408, late, {"Connection": "close"}) from error


def _too_large(limit_bytes: int) -> errors.TooLarge:
    return errors.TooLarge(f"The body has more than {limit_bytes} bytes. Send less.", limit_bytes=limit_bytes)
