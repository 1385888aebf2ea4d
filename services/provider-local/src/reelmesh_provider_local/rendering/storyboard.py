"""The plan of a film before anything is drawn: which words stand when, and which picture is behind them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reelmesh_lettering import wording

# A card holds about one breath: 72 Latin letters on a wide screen, fewer on a narrow one.
WIDE_CARD_UNITS = 72
NARROW_CARD_UNITS = 54
SUPPORT_WEIGHT = 0.55
# Reading: a moment to find the text, then so many units a second; brisk is as fast as subtitles dare.
SETTLING_SECONDS = 0.9
CALM_UNITS_PER_SECOND = 13.0
BRISK_SETTLING_SECONDS = 0.55
BRISK_UNITS_PER_SECOND = 24.0
MAX_CARD_SECONDS = 8.0
MIN_CARD_SECONDS = 1.1
MAX_PASSES = 4
END_CARD_SECONDS = 1.5
END_CARD_FROM_SECONDS = 4.5
# So long before the next shot takes over, the words of a shot are gone.
CLEAR_SECONDS = 0.35
CLEAR_PART = 0.1
LONGEST_CROSS_FADE_SECONDS = 1.1
OPENING_SECONDS = 1.3
ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Card:
    """Words on screen from `start` to `end` (seconds): a headline, and what supports it, smaller; either as atoms."""

    headline: tuple[wording.Atom, ...]
    support: tuple[wording.Atom, ...]
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True)
class Scene:
    """An image on screen from `start` to `end` (seconds); it grows out of the one before for `fade_seconds`."""

    image: int
    start_seconds: float
    end_seconds: float
    fade_seconds: float


@dataclass(frozen=True, slots=True)
class Storyboard:
    """The whole film: cards never overlap, scenes cover it from 0 to its end without a gap.

    `opening_seconds` is how long a given first frame takes to give way; `end_card_seconds` when the end card begins
    (the film's end where there is none); `shown_units` of `asked_units` were put on cards; the last words `stay` to the
    end where nothing follows them.
    """

    duration_seconds: float
    cards: tuple[Card, ...]
    scenes: tuple[Scene, ...]
    opening_seconds: float
    end_card_seconds: float
    asked_units: int
    shown_units: int
    stay: bool


def plan(
    text: str, duration_seconds: float, wide: bool, images: int, opened: bool, continued: bool = False
) -> Storyboard:
    """Lay out a film. There is an end card where there is time for it, and for all words before it.

    Args:
        text: a tidy text that can be drawn, maybe empty.
        wide: whether the frame is wider than high.
        images: how many images there are, 0 to 4.
        opened: whether the film starts from a given first frame.
        continued: whether another shot goes on from the last frame.
    """
    opening = min(OPENING_SECONDS, duration_seconds * 0.45) if opened else 0.0
    first = opening * 0.75 if opened else min(0.2, duration_seconds * 0.05)
    pieces = wording.atoms(text)
    end_card = duration_seconds - END_CARD_SECONDS
    has_end_card = (
        not continued
        and duration_seconds >= END_CARD_FROM_SECONDS
        and len(_readable(pieces, end_card - first, _capacity(wide))) == len(pieces)
    )
    if not has_end_card:
        end_card = duration_seconds
    words_end = end_card - (min(CLEAR_SECONDS, duration_seconds * CLEAR_PART) if continued else 0.0)
    shown = _readable(pieces, words_end - first, _capacity(wide))
    return Storyboard(
        duration_seconds=duration_seconds,
        cards=_timed(_pages(shown, _capacity(wide), words_end - first), first, words_end),
        scenes=_scenes(images, duration_seconds),
        opening_seconds=opening,
        end_card_seconds=end_card,
        asked_units=sum(piece.units for piece in pieces),
        shown_units=sum(piece.units for piece in shown),
        stay=not has_end_card and not continued,
    )


def _capacity(wide: bool) -> int:
    return WIDE_CARD_UNITS if wide else NARROW_CARD_UNITS


def _readable(pieces: list[wording.Atom], seconds: float, capacity: int) -> list[wording.Atom]:
    """As many atoms as can be read in that time, cut at the best stop of the last third, with an ellipsis."""
    budget = seconds / (1 / BRISK_UNITS_PER_SECOND + BRISK_SETTLING_SECONDS / capacity)
    total = sum(piece.units for piece in pieces)
    if total <= budget:
        return pieces
    used, count = 0, 0
    while count < len(pieces) and used + pieces[count].units <= budget:
        used += pieces[count].units
        count += 1
    count = max(1, count)
    cut = max(range(count * 2 // 3, count), key=lambda index: (pieces[index].stop, index)) + 1
    last = pieces[cut - 1]
    ending = wording.Atom(
        wording.unpunctuated(last.text) + ELLIPSIS, spaced=False, units=last.units + 1, stop=wording.Break.SENTENCE
    )
    return [*pieces[: cut - 1], ending]


def _pages(pieces: list[wording.Atom], capacity: int, seconds: float) -> list[list[wording.Atom]]:
    """The atoms on as many cards as the time allows, broken where the text breathes."""
    if not pieces:
        return []
    most = max(1, math.floor(seconds / MIN_CARD_SECONDS))
    while True:
        pages = _partition(pieces, capacity)
        if len(pages) <= most or len(pages) == 1:
            return pages
        capacity = math.ceil(capacity * 1.2)


def _partition(pieces: list[wording.Atom], capacity: int) -> list[list[wording.Atom]]:
    """The cheapest way to cut the atoms into cards (dynamic programming over the last cut)."""
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(pieces) + 1):
        choices: list[tuple[float, int]] = []
        for start in range(end - 1, -1, -1):
            page = pieces[start:end]
            fullness = _weight(page) / capacity
            if fullness > 1 and len(page) > 1:
                break
            choices.append((best[start][0] + _card_cost(page, fullness, last=end == len(pieces)), start))
        best.append(min(choices))
    pages: list[list[wording.Atom]] = []
    end = len(pieces)
    while end:
        start = best[end][1]
        pages.insert(0, pieces[start:end])
        end = start
    return pages


def _weight(page: Sequence[wording.Atom]) -> float:
    """Units of a card; what supports the headline is set smaller and weighs about half."""
    first = _headline_length(page)
    return sum(piece.units for piece in page[:first]) + SUPPORT_WEIGHT * sum(piece.units for piece in page[first:])


def _card_cost(page: Sequence[wording.Atom], fullness: float, last: bool) -> float:
    sentences = sum(piece.stop is wording.Break.SENTENCE for piece in page[:-1])
    broken = {wording.Break.SENTENCE: 0.0, wording.Break.CLAUSE: 0.45, wording.Break.WORD: 1.1}[page[-1].stop]
    return 0.25 + (fullness - 0.6) ** 2 + 0.6 * sentences + (0.0 if last else broken)


def _timed(pages: list[list[wording.Atom]], start_seconds: float, end_seconds: float) -> tuple[Card, ...]:
    """Cards in sequence, each as long as it takes to read; short texts come back rather than stand for a minute."""
    if not pages:
        return ()
    calm = [SETTLING_SECONDS + sum(piece.units for piece in page) / CALM_UNITS_PER_SECOND for page in pages]
    available = end_seconds - start_seconds
    passes = min(MAX_PASSES, max(1, math.floor(available / max(sum(calm) * 2.2, MAX_CARD_SECONDS * 1.5))))
    slot = available / passes
    stretch = slot / sum(calm)
    cards: list[Card] = []
    for turn in range(passes):
        now = start_seconds + turn * slot
        for page, seconds in zip(pages, calm, strict=True):
            headline, support = _ranked(page)
            length = seconds * stretch
            cards.append(Card(headline, support, now, now + min(length, MAX_CARD_SECONDS)))
            now += length
    return tuple(cards)


def _ranked(page: Sequence[wording.Atom]) -> tuple[tuple[wording.Atom, ...], tuple[wording.Atom, ...]]:
    first = _headline_length(page)
    return _trimmed(page[:first]), _trimmed(page[first:]) if first < len(page) else ()


def _headline_length(page: Sequence[wording.Atom]) -> int:
    """Atoms up to the end of the first clause or sentence, where it leaves something to say about it; else all."""
    total = sum(piece.units for piece in page)
    width = 0
    for index, piece in enumerate(page[:-1]):
        width += piece.units
        if piece.stop >= wording.Break.CLAUSE and width >= max(4, total * 0.15) and total > 24:
            return index + 1
    return len(page)


def _trimmed(pieces: Sequence[wording.Atom]) -> tuple[wording.Atom, ...]:
    """Without the comma or colon that the layout has made superfluous."""
    last = pieces[-1]
    bare = wording.unpunctuated(last.text) if last.stop is wording.Break.CLAUSE else last.text
    if not bare:
        return tuple(pieces[:-1]) if len(pieces) > 1 else tuple(pieces)
    return (*pieces[:-1], wording.Atom(bare, spaced=False, units=last.units, stop=last.stop))


def _scenes(images: int, duration_seconds: float) -> tuple[Scene, ...]:
    if not images:
        return ()
    fade = min(LONGEST_CROSS_FADE_SECONDS, duration_seconds / (3 * images)) if images > 1 else 0.0
    length = (duration_seconds + (images - 1) * fade) / images
    scenes: list[Scene] = []
    for image in range(images):
        start = image * (length - fade)
        end = duration_seconds if image == images - 1 else start + length
        scenes.append(Scene(image, start, end, fade if image else 0.0))
    return tuple(scenes)
