"""Reads the boxes of an MP4: what demuxers hide (fast start, edit lists), guess around (missing ends), or trust.

A demuxer believes an index: a few bytes that announce a billion samples cost gigabytes before the first of them is
looked for. So the announcements are counted here, before any demuxer sees the file.

Format: ISO/IEC 14496-12, clause 4.2 (boxes), 8.6.6 (edit lists), 8.7.3 (sample sizes), 8.8.8 (fragments).
"""

import dataclasses
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from reelmesh_media.model import refusals, video

MAX_TOP_BOXES = 10_000
MAX_INDEX_BYTES = 64 * 1024 * 1024
MAX_INDEX_BOXES = 100_000
MAX_DEPTH = 10
MAX_SAMPLES = 2_000_000
MAX_EDITS = 64
_INDEXES = (b"moov", b"moof")
_CONTAINERS = (*_INDEXES, b"trak", b"edts", b"mdia", b"minf", b"stbl", b"mvex", b"traf")
# A count stands so many bytes into the content of these boxes.
_SAMPLE_COUNTS = {b"stsz": 8, b"stz2": 8, b"trun": 4}
_EDIT_COUNT = 4


@dataclasses.dataclass(frozen=True, slots=True)
class Boxes:
    """`moov_first`: the index stands before the media, so playing starts at once. `edit_lists`: tracks with one."""

    moov_first: bool
    edit_lists: int


def walk(path: Path) -> Boxes:
    """Read the top-level boxes, and all that the indexes among them announce.

    Raises:
        refusals.BrokenVideo: a box runs past the end of the file, or there is not one index.
        refusals.VideoTooLarge: the index is larger than any real video's, or announces more than we take.
    """
    size_bytes = path.stat().st_size
    order: list[bytes] = []
    census = _Census()
    with path.open("rb") as file:
        for name, start, end in _top_boxes(file, size_bytes):
            order.append(name)
            if name in _INDEXES:
                census.take(_read(file, start, end, census))
    if b"moov" not in order:
        raise refusals.BrokenVideo("no index (moov box): the file was not finished or not wholly received")
    if order.count(b"moov") > 1:
        raise refusals.BrokenVideo("more than one index (moov box)")
    media = [order.index(name) for name in (b"mdat", b"moof") if name in order]
    return Boxes(not media or order.index(b"moov") < min(media), census.edit_lists)


class _Census:
    """Counts over all indexes of a file; each count that goes too far refuses the file."""

    def __init__(self) -> None:
        self.bytes = self.edit_lists = self._boxes = self._tracks = self._samples = 0

    def take(self, content: bytes, depth: int = 1) -> None:
        """Count what stands inside a container box."""
        for name, start, end in _inside(content):
            self._boxes += 1
            _limit(self._boxes, MAX_INDEX_BOXES, "boxes in the index")
            if name == b"cmov":
                raise refusals.BrokenVideo("its index is compressed, which no player takes any more")
            if name in _SAMPLE_COUNTS:
                self._samples += _number(content, start + _SAMPLE_COUNTS[name], end)
                _limit(self._samples, MAX_SAMPLES, "samples")
            if name == b"elst":
                self.edit_lists += 1
                _limit(_number(content, start + _EDIT_COUNT, end), MAX_EDITS, "edits in a track")
            if name == b"trak":
                self._tracks += 1
                _limit(self._tracks, video.MAX_STREAMS, "streams")
            if name in _CONTAINERS and depth < MAX_DEPTH:
                self.take(content[start:end], depth + 1)


def _limit(count: int, most: int, what: str) -> None:
    if count > most:
        raise refusals.VideoTooLarge(f"{count} {what}, at most {most}")


def _number(content: bytes, at: int, end: int) -> int:
    """The 32-bit number at a place; 0 when the box ends before it."""
    return struct.unpack_from(">I", content, at)[0] if at + 4 <= min(end, len(content)) else 0


def _inside(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    offset = 0
    while offset + 8 <= len(content):
        name, start, end = _header(content[offset : offset + 16], offset, len(content))
        yield name, start, end
        offset = end


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


def _read(file: BinaryIO, start: int, end: int, census: _Census) -> bytes:
    census.bytes += end - start
    if census.bytes > MAX_INDEX_BYTES:
        raise refusals.VideoTooLarge(f"index of {census.bytes} bytes, at most {MAX_INDEX_BYTES}")
    file.seek(start, os.SEEK_SET)
    return file.read(end - start)
