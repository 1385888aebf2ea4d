"""Request bodies as vendors take them: forms with files, or JSON."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from starlette import datastructures, requests

_DATA_URL = re.compile(r"data:([a-z]+/[a-z0-9.+-]+);base64,(.*)", re.DOTALL)
# Lines of the shorter side, by what vendors call them.
LINES = {"480p": 480, "720p": 720, "768p": 768, "1080p": 1080, "2k": 1440, "4k": 2160}
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")


class Unreadable(Exception):
    """The body is no JSON object, and no form."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a form."""

    content_type: str
    data: bytes


Fields = Mapping[str, Any]
"""Text, numbers and objects as they came; of a form each value is text or a File."""


async def read(request: requests.Request) -> Fields:
    """Return the fields of a body.

    Raises:
        Unreadable: there are none to be had.
    """
    content_type = request.headers.get("content-type", "")
    if content_type.startswith(("multipart/form-data", "application/x-www-form-urlencoded")):
        async with request.form() as form:
            return {name: await _value(value) for name, value in form.multi_items()}
    try:
        fields = json.loads(await request.body())
    except ValueError as error:
        raise Unreadable(str(error)) from error
    if not isinstance(fields, dict):
        raise Unreadable("the body is no object")
    return cast(Fields, fields)


async def _value(value: str | datastructures.UploadFile) -> Any:
    if isinstance(value, str):
        return value
    return File(value.content_type or "", await value.read())


def size_of(text: str) -> tuple[int, int] | None:
    """Return width and height of "1280x720"; None where it is no size."""
    match = _SIZE.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def even(pixels: int) -> int:
    """Return the nearest number of pixels that a video can have."""
    return max(2, pixels - pixels % 2)


def sized(wide: int, high: int, lines: int) -> tuple[int, int]:
    """Return width and height in pixels of a shape whose shorter side has so many."""
    if wide >= high:
        return even(round(lines * wide / high)), even(lines)
    return even(lines), even(round(lines * high / wide))


def file_of(url: str) -> File | None:
    """Return what a data URL holds; None where it is none."""
    match = _DATA_URL.fullmatch(url)
    if match is None:
        return None
    try:
        return File(match[1], base64.b64decode(match[2], validate=True))
    except binascii.Error:
        return None
