"""An HTTP/2 client that says what no library would: frames by hand, in pieces, wrong, or not at all."""

import asyncio
import contextlib
import re
import struct
from collections.abc import AsyncIterator, Mapping

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
LARGEST_FRAME = 16_384
# gRPC writes its trailers without Huffman's code: the name, one byte for the value's length, the value.
_STATUS = re.compile(rb"grpc-status.(\d+)", re.DOTALL)


def frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 0) -> bytes:
    """Return a frame."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def fields(given: Mapping[bytes, bytes]) -> bytes:
    """Return header fields as literals that nobody has to remember."""
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in given.items())


def call(path: str, **more: bytes) -> bytes:
    """Return the header fields of a gRPC call; a further one for each keyword, with "-" for each "_"."""
    given = {
        b":method": b"POST",
        b":scheme": b"http",
        b":path": path.encode(),
        b":authority": b"localhost",
        b"te": b"trailers",
        b"content-type": b"application/grpc",
        **{name.replace("_", "-").encode(): value for name, value in more.items()},
    }
    return fields(given)


def message(content: bytes) -> bytes:
    """Return a gRPC message as it stands in DATA frames."""
    return b"\0" + struct.pack(">I", len(content)) + content


def head(block: bytes, *, stream: int = 1, flags: int = 0) -> bytes:
    """Return the frames of a head, however long it is."""
    pieces = [block[start : start + LARGEST_FRAME] for start in range(0, len(block), LARGEST_FRAME)]
    kinds = [HEADERS] + [CONTINUATION] * (len(pieces) - 1)
    last = len(pieces) - 1
    return b"".join(
        frame(kind, piece, flags=(0 if place else flags) | (END_HEADERS if place == last else 0), stream=stream)
        for place, (kind, piece) in enumerate(zip(kinds, pieces, strict=True))
    )


class Connection:
    """One connection; what comes in is kept as it is."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.came = b""

    async def send(self, *pieces: bytes) -> None:
        """Send bytes."""
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()

    async def hello(self) -> None:
        """Begin as HTTP/2 begins."""
        await self.send(PREFACE + frame(SETTINGS))

    async def until(self, expected: bytes) -> None:
        """Read until something came that matches this pattern."""
        while not re.search(expected, self.came, re.DOTALL):
            piece = await self._reader.read(65_536)
            if not piece:
                raise ConnectionError(f"hung up before {expected!r}; it said {self.came!r}")
            self.came += piece

    async def status(self) -> int:
        """Read until a call has ended; return its gRPC status."""
        await self.until(_STATUS.pattern)
        found = _STATUS.search(self.came)
        assert found is not None
        return int(found[1])

    async def hung_up(self) -> None:
        """Read until the server hangs up."""
        with contextlib.suppress(ConnectionError):
            while piece := await self._reader.read(65_536):
                self.came += piece


@contextlib.asynccontextmanager
async def connected(target: str) -> AsyncIterator[Connection]:
    """Connect to "host:port"."""
    host, port = target.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()


def _text(text: bytes) -> bytes:
    """Return a length and a text, without Huffman's code: HPACK's integers have seven bits of the first byte."""
    length, head = len(text), b""
    if length < 127:
        head = bytes([length])
    else:
        head, length = b"\x7f", length - 127
        while length >= 128:
            head += bytes([length % 128 + 128])
            length //= 128
        head += bytes([length])
    return head + text
