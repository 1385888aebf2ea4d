"""Uploads as they come in: the body itself, or a form whose file is passed on while it arrives."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field

import python_multipart
from python_multipart import exceptions
from python_multipart.multipart import parse_options_header
from reelmesh_kit import errors
from starlette import requests

FORM = "multipart/form-data"
FILE_FIELD = "file"
FIELDS = ("kind", "user_id")
FIELD_LIMIT_BYTES = 1024
HEADER_LIMIT_BYTES = 4096


async def opened(request: requests.Request) -> tuple[dict[str, str], AsyncIterator[bytes]]:
    """Return the fields that come before the file, and its bytes as they arrive.

    Raises:
        InvalidArgument: a form is malformed, has no file, or has what nobody knows.
        ClientDisconnect: the caller left; also while the bytes are read.
    """
    content_type, options = parse_options_header(request.headers.get("content-type", ""))
    if content_type.decode("latin-1").lower() != FORM:
        return {}, request.stream()
    boundary = options.get(b"boundary")
    if not boundary:
        raise errors.InvalidArgument("Content-Type", "multipart/form-data needs a boundary")
    form = _Form(request.stream(), boundary)
    return await form.fields(), form.file()


@dataclass
class _Part:
    """One part of a form, as far as it has arrived."""

    name: str
    data: list[bytes] = field(default_factory=list[bytes])
    ended: bool = False


class _Form:
    """Reads a form part by part, never ahead of who takes the file's bytes."""

    def __init__(self, chunks: AsyncIterator[bytes], boundary: bytes) -> None:
        self._chunks = chunks
        self._parts: list[_Part] = []
        self._header = b""
        self._value = b""
        self._disposition = b""
        try:
            self._parser = _parser(boundary, self)
        except exceptions.FormParserError as error:
            raise errors.InvalidArgument("Content-Type", f"has no boundary that can be used: {error}") from error

    async def fields(self) -> dict[str, str]:
        """Read until the file begins."""
        found: dict[str, str] = {}
        while True:
            while self._parts and self._parts[0].ended and self._parts[0].name != FILE_FIELD:
                part = self._parts.pop(0)
                found[part.name] = _text(part)
            if self._parts and self._parts[0].name == FILE_FIELD:
                return found
            if not await self._more():
                raise errors.InvalidArgument(FILE_FIELD, "the form has no such part. Send the image under this name.")

    async def file(self) -> AsyncGenerator[bytes]:
        """Yield the bytes of the file; whatever follows it is refused."""
        part = self._parts[0]
        while True:
            data, part.data = part.data, []
            for each in data:
                yield each
            if len(self._parts) > 1:
                raise errors.InvalidArgument(self._parts[1].name, f'must come before the part "{FILE_FIELD}"')
            if not await self._more():
                break
        if not part.ended:
            raise errors.InvalidArgument(FILE_FIELD, "the form ends in the middle of it. Send it again.")

    async def _more(self) -> bool:
        chunk = await anext(self._chunks, b"")
        if not chunk:
            return False
        try:
            self._parser.write(chunk)
        except exceptions.FormParserError as error:
            raise errors.InvalidArgument("body", f"is no multipart form: {error}") from error
        return True

    # What the parser calls, in this order for each part.

    def on_part_begin(self) -> None:
        self._disposition = b""

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header = _bounded_header(self._header + data[start:end])

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value = _bounded_header(self._value + data[start:end])

    def on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        known = (*FIELDS, FILE_FIELD)
        if name not in known or any(each.name == name for each in self._parts):
            raise errors.InvalidArgument(
                name or "form", f"is not known, or comes twice. Known are: {', '.join(known)}."
            )
        self._parts.append(_Part(name))

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = self._parts[-1]
        part.data.append(bytes(data[start:end]))
        if part.name != FILE_FIELD and sum(map(len, part.data)) > FIELD_LIMIT_BYTES:
            raise errors.InvalidArgument(part.name, f"has more than {FIELD_LIMIT_BYTES} bytes")

    def on_part_end(self) -> None:
        self._parts[-1].ended = True


def _parser(boundary: bytes, form: _Form) -> python_multipart.MultipartParser:
    return python_multipart.MultipartParser(
        boundary,
        {
            "on_part_begin": form.on_part_begin,
            "on_header_field": form.on_header_field,
            "on_header_value": form.on_header_value,
            "on_header_end": form.on_header_end,
            "on_headers_finished": form.on_headers_finished,
            "on_part_data": form.on_part_data,
            "on_part_end": form.on_part_end,
        },
    )


def _bounded_header(value: bytes) -> bytes:
    if len(value) > HEADER_LIMIT_BYTES:
        raise errors.InvalidArgument("form", f"a header of a part has more than {HEADER_LIMIT_BYTES} bytes")
    return value


def _text(part: _Part) -> str:
    try:
        return b"".join(part.data).decode()
    except UnicodeDecodeError as error:
        raise errors.InvalidArgument(part.name, "is no UTF-8 text") from error
