"""The bounds of a request: how many bytes it may have, and how long its sender or reader may keep us waiting."""

from reelmesh_kit import clock, errors
from starlette import datastructures, types

from reelmesh_gateway.wire import errors as wire

# The longest prompt and labels, each character escaped, and room to spare.
JSON_LIMIT_BYTES = 256 * 1024
# What a multipart body adds to its file.
FORM_OVERHEAD_BYTES = 16 * 1024
BODY_SILENCE_SECONDS = 30.0
READER_SILENCE_SECONDS = 60.0
UPLOAD_PATH = "/api/v1/assets"


class Limits:
    """Stands before the routes; what it raises, the outermost layer answers."""

    def __init__(self, app: types.ASGIApp, limits_clock: clock.Clock, *, upload_limit_bytes: int) -> None:
        """Wrap `app`; uploads may have `upload_limit_bytes`."""
        self._app = app
        self._clock = limits_clock
        self._upload_limit_bytes = upload_limit_bytes + FORM_OVERHEAD_BYTES

    async def __call__(self, scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
        """Pass one request on, bounded.

        Raises:
            TooLarge: it announces, or has, more bytes than its path allows.
            Refused: its sender fell silent in the middle of the body (408).
            DeadlineExceeded: its reader took no bytes of the answer for READER_SILENCE_SECONDS.
        """
        upload = scope["path"] == UPLOAD_PATH and scope["method"] == "POST"
        limit_bytes = self._upload_limit_bytes if upload else JSON_LIMIT_BYTES
        announced = datastructures.Headers(scope=scope).get("content-length", "0")
        if not announced.isdecimal() or int(announced[:20]) > limit_bytes:
            raise _too_large(limit_bytes)
        await self._app(scope, _Bounded(receive, self._clock, limit_bytes), self._patient(send))

    def _patient(self, send: types.Send) -> types.Send:
        async def bounded(message: types.Message) -> None:
            try:
                await self._clock.wait_for(send(message), READER_SILENCE_SECONDS)
            except TimeoutError as error:
                raise errors.DeadlineExceeded("The caller does not read the answer; it was given up.") from error

        return bounded


class _Bounded:
    """Receives a body of limited size from a sender of limited patience."""

    def __init__(self, receive: types.Receive, limits_clock: clock.Clock, limit_bytes: int) -> None:
        self._receive = receive
        self._clock = limits_clock
        self._limit_bytes = limit_bytes
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
        try:
            return await self._clock.wait_for(self._receive(), BODY_SILENCE_SECONDS)
        except TimeoutError as error:
            late = errors.DeadlineExceeded(f"No byte of the body came for {BODY_SILENCE_SECONDS:.0f} s. Send it again.")
            raise wire.Refused(408, late, {"Connection": "close"}) from error


def _too_large(limit_bytes: int) -> errors.TooLarge:
    return errors.TooLarge(f"The body has more than {limit_bytes} bytes. Send less.", limit_bytes=limit_bytes)
