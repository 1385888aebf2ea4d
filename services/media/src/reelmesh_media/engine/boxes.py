"""Reads the boxes of an MP4: what demuxers hide (fast start, edit lists) or guess around (missing ends).

Format: ISO/IEC 14496-12, clause 4.2 (boxes) and 8.6.6 (edit lists).
"""

import dataclasses
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from reelmesh_media.model import refusals

MAX_TOP_BOXES = 10_000
MAX_MOOV_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 4
_CONTAINERS = (b"moov", b"trak", b"edts")


@dataclasses.dataclass(frozen=True, slots=True)
class Boxes:
    """`moov_first`: the index stands before the media, so playing starts at once. `edit_lists`: tracks with one."""

    moov_first: bool
    edit_lists: int


def walk(path: Path) -> Boxes:
    """Read the top-level boxes and the index.

    Raises:
        refusals.BrokenVideo: a box runs past the end of the file, or there is no index.
    """
    size_bytes = path.stat().st_size
    order: list[bytes] = []
    edit_lists = 0
    with path.open("rb") as file:
        for name, start, end in _top_boxes(file, size_bytes):
            order.append(name)
            if name == b"moov":
                edit_lists = _count_edit_lists(_read(file, start, end))
    if b"moov" not in order:
        raise refusals.BrokenVideo("no index (moov box): the file was not finished or not wholly received")
    media = [order.index(name) for name in (b"mdat", b"moof") if name in order]
    return Boxes(not media or order.index(b"moov") < min(media), edit_lists)


def _top_boxes(file: BinaryIO, size_bytes: int) -> Iterator[tuple[bytes, int, int]]:
    offset = 0
    for _ in range(MAX_TOP_BOXES):
        if offset + 8 > size_bytes:
            return
        file.seek(offset)
        name, start, end = _header(file.read(16), offset, size_bytes)
        if end > size_bytes:
            said = name.decode("latin-1")
            raise refusals.BrokenVideo(f"truncated: box {said} ends at byte {end}, the file at {size_bytes}")
        yield name, start, end
        offset = end
    raise refusals.BrokenVideo(f"more than {MAX_TOP_BOXES} boxes")


def _header(head: bytes, offset: int, limit: int) -> tuple[bytes, int, int]:
    """A box's name, and where its content starts and ends."""
    size, name = struct.unpack(">I4s", head[:8])
    start = offset + 8
    if size == 1 and len(head) == 16:
        size, start = struct.unpack(">Q", head[8:])[0], offset + 16
    elif size == 0:
        size = limit - offset
    if offset + size < start:
        raise refusals.BrokenVideo(f"box of {size} bytes at byte {offset}")
    return name, start, offset + size


def _read(file: BinaryIO, start: int, end: int) -> bytes:
    if end - start > MAX_MOOV_BYTES:
        raise refusals.VideoTooLarge(f"index of {end - start} bytes, at most {MAX_MOOV_BYTES}")
    file.seek(start, os.SEEK_SET)
    return file.read(end - start)


def _count_edit_lists(content: bytes, depth: int = 0) -> int:
    """Edit lists within a container box, found by descending into tracks."""
    found = offset = 0
    while depth < MAX_DEPTH and offset + 8 <= len(content):
        name, start, end = _header(content[offset : offset + 16], offset, len(content))
        if name in _CONTAINERS:
            found += _count_edit_lists(content[start:end], depth + 1)
        found += name == b"elst"
        offset = end
    return found
