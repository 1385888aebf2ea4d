"""Which way text runs: the two levels of the bidirectional algorithm (UAX 9) that a title needs."""

import unicodedata
from typing import Literal

from reelmesh_lettering import wording

Direction = Literal["ltr", "rtl"]


def of_paragraph(text: str) -> Direction:
    """The direction of the first letter that has one (rules P2, P3)."""
    for character in text:
        if found := _strong(character):
            return found
    return "ltr"


def segments(text: str, base: Direction) -> list[tuple[str, Direction]]:
    """The text in stretches of one direction, in the order they stand on screen from left to right.

    Inside a stretch the characters keep their logical order: the shaper turns them.
    """
    pieces = list(wording.clusters(text))
    resolved = _resolved([_direction(piece) for piece in pieces], base)
    stretches: list[tuple[str, Direction]] = []
    for piece, way in zip(pieces, resolved, strict=True):
        if stretches and stretches[-1][1] == way:
            stretches[-1] = (stretches[-1][0] + piece, way)
        else:
            stretches.append((piece, way))
    return stretches[::-1] if base == "rtl" else stretches


def _resolved(kinds: list[Direction | Literal["number"] | None], base: Direction) -> list[Direction]:
    """Numbers follow the letters before; neutrals take equal neighbours' way, else the paragraph's (W7, N1, N2)."""
    strong: list[Direction | None] = []
    last = base
    for kind in kinds:
        if kind in ("ltr", "rtl"):
            last = kind
        strong.append(last if kind == "number" else kind)
    result: list[Direction] = []
    for index, kind in enumerate(strong):
        before = result[-1] if result else base
        after = next((later for later in strong[index:] if later), base)
        result.append(kind or (before if before == after else base))
    return result


def _direction(cluster: str) -> Direction | Literal["number"] | None:
    return "number" if unicodedata.bidirectional(cluster[0]) in ("EN", "AN") else _strong(cluster[0])


def _strong(character: str) -> Direction | None:
    kind = unicodedata.bidirectional(character)
    if kind in ("R", "AL"):
        return "rtl"
    return "ltr" if kind == "L" else None
