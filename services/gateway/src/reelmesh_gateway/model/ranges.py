"""Which bytes of a file answer a request: RFC 9110 §13 and §14, for one range. Several ranges get the whole file."""

import dataclasses
import re

_RANGE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Whole:
    """Send everything."""


@dataclasses.dataclass(frozen=True)
class Part:
    """Send `length` bytes from `offset` on; both lie within the file, and `length` is not 0."""

    offset: int
    length: int


@dataclasses.dataclass(frozen=True)
class Outside:
    """Nothing of the file lies within the range."""


@dataclasses.dataclass(frozen=True)
class Unchanged:
    """The caller has these very bytes already."""


Choice = Whole | Part | Outside | Unchanged


@dataclasses.dataclass(frozen=True)
class Conditions:
    """The headers that decide; "" where one is absent."""

    range: str = ""
    if_range: str = ""
    if_none_match: str = ""


def choose(conditions: Conditions, size_bytes: int, etag: str) -> Choice:
    """Return what to send of a file of `size_bytes` whose strong entity tag, with its quotes, is `etag`."""
    if _names(conditions.if_none_match, etag):
        return Unchanged()
    if not conditions.range or (conditions.if_range and conditions.if_range.strip() != etag):
        return Whole()
    return _within(conditions.range, size_bytes)


def _names(if_none_match: str, etag: str) -> bool:
    tags = [each.strip() for each in if_none_match.split(",")]
    # This comparison is weak: a proxy that compressed the answer may have put W/ before our tag.
    return "*" in tags or any(each.removeprefix("W/") == etag for each in tags)


def _within(header: str, size_bytes: int) -> Choice:
    found = _RANGE.fullmatch(header)
    if found is None or not (found[1] or found[2]):
        # Another unit, several ranges, or nonsense: a server may ignore the header then.
        return Whole()
    if not found[1]:
        length = min(int(found[2]), size_bytes)
        return Part(size_bytes - length, length) if length else Outside()
    first = int(found[1])
    last = min(int(found[2]), size_bytes - 1) if found[2] else size_bytes - 1
    if found[2] and int(found[2]) < first:
        return Whole()
    return Part(first, last - first + 1) if first < size_bytes else Outside()
