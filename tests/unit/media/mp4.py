"""Takes MP4 files of the tests apart into boxes, and puts them together again with something changed."""

import dataclasses
import struct
from collections.abc import Callable
from typing import Self

_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf")
UNIT = 65536


@dataclasses.dataclass
class Box:
    """A box: its name, and either bytes or further boxes."""

    name: bytes
    content: bytes = b""
    inside: "list[Box]" = dataclasses.field(default_factory=list)

    def written(self) -> bytes:
        """The box as it stands in a file."""
        content = self.content + b"".join(box.written() for box in self.inside)
        return struct.pack(">I4s", 8 + len(content), self.name) + content

    def child(self, *names: bytes) -> "Box":
        """The first box inside of the first box inside …"""
        found = self
        for name in names:
            found = next(box for box in found.inside if box.name == name)
        return found


class Mp4:
    """A file taken apart. The index must stand behind the media, or changing it would move what it points to."""

    def __init__(self, content: bytes) -> None:
        self.boxes = _parsed(content)
        self.moov = next(box for box in self.boxes if box.name == b"moov")
        self.tracks = [box for box in self.moov.inside if box.name == b"trak"]
        self.video = next(box for box in self.tracks if _handler(box) == b"vide")

    def changed(self, *changes: "Callable[[Self], object]") -> bytes:
        """The file again, after some changes."""
        for change in changes:
            change(self)
        return b"".join(box.written() for box in self.boxes)

    def table(self, name: bytes) -> Box:
        """A table of the picture's samples."""
        return self.video.child(b"mdia", b"minf", b"stbl", name)


def _handler(track: Box) -> bytes:
    return track.child(b"mdia", b"hdlr").content[8:12]


def _parsed(content: bytes) -> list[Box]:
    boxes: list[Box] = []
    offset = 0
    while offset + 8 <= len(content):
        size, name = struct.unpack_from(">I4s", content, offset)
        inner = content[offset + 8 : offset + size]
        boxes.append(Box(name, inside=_parsed(inner)) if name in _CONTAINERS else Box(name, inner))
        offset += size
    return boxes


Change = Callable[[Mp4], object]


def table(name: bytes, *numbers: int) -> Change:
    """Replace a table by 32-bit numbers after its version and flags."""

    def change(file: Mp4) -> None:
        file.table(name).content = struct.pack(f">{len(numbers) + 1}I", 0, *(number % 2**32 for number in numbers))

    return change


def edits(*entries: tuple[int, int, int], announced: int | None = None) -> Change:
    """Replace the picture's edit list: (milliseconds, first tick or -1, speed in 65536ths)."""

    def change(file: Mp4) -> None:
        count = len(entries) if announced is None else announced
        rows = b"".join(struct.pack(">IiI", *entry) for entry in entries)
        file.video.child(b"edts", b"elst").content = struct.pack(">II", 0, count) + rows

    return change


def matrix(a: float, b: float, c: float, d: float) -> Change:
    """Replace the picture's display matrix."""

    def change(file: Mp4) -> None:
        header = file.video.child(b"tkhd")
        numbers = [round(number * UNIT) for number in (a, b, 0, c, d, 0, 0, 0)]
        header.content = header.content[:40] + struct.pack(">9i", *numbers, 1 << 30) + header.content[76:]

    return change


def entry(at: int, content: bytes) -> Change:
    """Overwrite bytes of the picture's sample entry."""

    def change(file: Mp4) -> None:
        box = file.table(b"stsd")
        box.content = box.content[: 8 + at] + content + box.content[8 + at + len(content) :]

    return change


def entry_box(box: Box) -> Change:
    """Put a further box into the picture's sample entry, in place of an equal one."""

    def change(file: Mp4) -> None:
        stsd = file.table(b"stsd")
        fixed, inside = stsd.content[8:94], _parsed(stsd.content[94:])
        kept = b"".join(one.written() for one in [*(one for one in inside if one.name != box.name), box])
        stsd.content = stsd.content[:8] + struct.pack(">I", 86 + len(kept)) + fixed[4:] + kept

    return change


def with_box(box: Box) -> Change:
    """Put a further box into the index."""
    return lambda file: file.moov.inside.append(box)


def more_tracks(count: int) -> Change:
    """Repeat the picture's track."""
    return lambda file: file.moov.inside.extend([file.video] * count)


def timescale(ticks_per_second: int) -> Change:
    """Replace the picture's clock."""

    def change(file: Mp4) -> None:
        header = file.video.child(b"mdia", b"mdhd")
        header.content = header.content[:12] + struct.pack(">I", ticks_per_second) + header.content[16:]

    return change


def elsewhere(address: bytes) -> Change:
    """Say that the picture's media is in another file."""

    def change(file: Mp4) -> None:
        reference = struct.pack(">I", 0) + address + b"\0"
        content = struct.pack(">II", 0, 1) + Box(b"url ", reference).written()
        file.video.child(b"mdia", b"minf", b"dinf", b"dref").content = content

    return change
