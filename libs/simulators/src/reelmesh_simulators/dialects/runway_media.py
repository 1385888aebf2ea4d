"""Pictures, clips and sounds as Runway takes them, and the sizes of what it makes."""

import ipaddress
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reelmesh_simulators.dialects import bodies
from reelmesh_simulators.dialects.shapes import Kind, records

LONGEST_ADDRESS = 2048
LARGEST_DATA_URI = 5 * 1024 * 1024
UPLOADED = "runway://"
_DATA = re.compile(r"data:(image|video|audio)/[a-z0-9.+-]+;base64,[A-Za-z0-9+/=]*")


def address_problem(value: Any) -> bool:
    """Tell whether an address is none that Runway fetches from: HTTPS by a name, its own uploads, or small data."""
    if not isinstance(value, str):
        return True
    if value.startswith("data:"):
        return len(value) > LARGEST_DATA_URI or _DATA.fullmatch(value) is None
    if value.startswith(UPLOADED):
        return False
    parts = urllib.parse.urlsplit(value)
    return parts.scheme != "https" or len(value) > LONGEST_ADDRESS or not _is_name(parts.hostname or "")


def _is_name(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." in host
    return False


@dataclass(frozen=True, slots=True)
class Frames:
    """An address, or a list of addresses with their positions."""

    positions: tuple[str, ...]
    required: bool = True

    def wrong(self, value: Any) -> tuple[Kind, tuple[Any, ...]] | None:
        """See Rule."""
        if isinstance(value, str):
            return (Kind.ADDRESS, ()) if address_problem(value) else None
        given = records(value)
        if not given:
            return Kind.TYPE, ("string", "array")
        positions = [frame.get("position") for frame in given]
        if any(position not in self.positions for position in positions) or len(set(positions)) < len(positions):
            return Kind.CHOICE, self.positions
        return (Kind.ADDRESS, ()) if any(address_problem(frame.get("uri")) for frame in given) else None


def positions(value: Any) -> list[str]:
    """Return which frames an input that is right gives: an address alone is the first."""
    if isinstance(value, str):
        return ["first"]
    return [str(frame.get("position")) for frame in records(value) or ()]


@dataclass(frozen=True, slots=True)
class Media:
    """A list of objects, each with the address of a picture, a clip or a sound."""

    required: bool = False

    def wrong(self, value: Any) -> tuple[Kind, tuple[Any, ...]] | None:
        """See Rule."""
        given = records(value)
        if given is None:
            return Kind.TYPE, ("array",)
        return (Kind.ADDRESS, ()) if any(address_problem(one.get("uri")) for one in given) else None


def size_of(fields: Mapping[str, Any]) -> tuple[int, int]:
    """Return width and height of what is made: of pixels as they are named, or of a shape and a number of lines."""
    ratio = str(fields.get("ratio", "16:9"))
    resolution = str(fields.get("resolution", "720p")).lower()
    if ratio.startswith("auto_"):
        ratio, resolution = "16:9", ratio.removeprefix("auto_")
    wide, _, high = ratio.partition(":")
    if not (wide.isdigit() and high.isdigit()):
        wide, high = "16", "9"
    width, height = int(wide), int(high)
    if max(width, height) > 100:
        return bodies.even(width), bodies.even(height)
    return bodies.sized(width, height, bodies.LINES[resolution])
