"""Setting text: runs by font, right-to-left order, balanced lines at the largest size that fits, and their ink."""

import itertools
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from reelmesh_lettering import direction, fonts, palette, wording

MAX_LINES = 9
MAX_SMALL_WORD_UNITS = 3
MIN_SIZE_PIXELS = 7
MARGIN_PIXELS = 4
LEADING = 1.12
EMOJI_SCALE = 0.92


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring clusters drawn by one face in one direction."""

    text: str
    face: fonts.Face
    direction: direction.Direction


@dataclass(frozen=True, slots=True)
class Line:
    """Runs in the order they stand on screen, left to right."""

    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Box:
    """Ink of a line around its origin on the baseline, in pixels: `top` is negative above the baseline."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Pixels from the leftmost to the rightmost ink."""
        return self.right - self.left


@dataclass(frozen=True, slots=True)
class Block:
    """Text set to fit: lines with their ink boxes at one size, and the distance between baselines."""

    size: int
    lines: tuple[Line, ...]
    boxes: tuple[Box, ...]
    line_height: float

    @property
    def width(self) -> float:
        """Pixels of the widest line."""
        return max(box.width for box in self.boxes)

    @property
    def height(self) -> float:
        """Pixels from the top of the first line's ink to the bottom of the last one's."""
        return self.baseline(len(self.lines) - 1) + self.boxes[-1].bottom

    def baseline(self, line: int) -> float:
        """Pixels from the block's top to the baseline of a line."""
        return -self.boxes[0].top + line * self.line_height


@dataclass(frozen=True, slots=True)
class Inked:
    """A line as it is drawn: coverage (mode L), colours where some of it brings its own (else None), and the corner of
    both from the line's origin on the baseline, in pixels."""

    mask: Image.Image
    painted: Image.Image | None
    left: int
    top: int


class Typesetter:
    """Sets text with the fonts of a book; remembers what no font could draw.

    Args:
        book: where glyphs come from.
    """

    def __init__(self, book: fonts.FontBook) -> None:
        self._book = book

    def drawable(self, text: str) -> tuple[str, tuple[str, ...]]:
        """The text without the clusters that no font has, and the names of the scripts left out, sorted."""
        flavour = flavour_of(text)
        kept: list[str] = []
        missing: set[str] = set()
        for cluster in wording.clusters(text):
            if cluster.isspace() or self._book.face_for(cluster, fonts.HEAVY, flavour):
                kept.append(cluster)
            else:
                missing.add(wording.script_name(cluster))
        return wording.tidy("".join(kept)), tuple(sorted(missing))

    def line(self, text: str, weight: int, base: direction.Direction) -> Line:
        """One line of text in visual order; clusters without a glyph are left out."""
        runs: list[Run] = []
        flavour = flavour_of(text)
        for segment, way in direction.segments(text, base):
            parts = self._runs(segment, way, weight, flavour)
            runs += reversed(parts) if way == "rtl" else parts
        return Line(tuple(runs))

    def fit(
        self,
        pieces: Sequence[wording.Atom],
        weight: int,
        base: direction.Direction,
        space: tuple[float, float],
        max_size: float,
    ) -> Block:
        """Set atoms as large as `space` (width, height in pixels) and `max_size` allow, on evenly filled lines.

        Never overflows: where even one atom is too wide, or lines too many, the text gets smaller.
        """
        widths = [self._reference_width(piece, weight, base) for piece in pieces]
        best: tuple[float, list[tuple[int, int]]] = (0.0, [(0, len(pieces))])
        for count in range(1, min(MAX_LINES, len(pieces)) + 1):
            spans = _balanced(pieces, widths, count)
            widest = max(_span_width(pieces, widths, *span) for span in spans)
            size = min(max_size, space[0] / widest, space[1] / (len(spans) * LEADING))
            # Another line must earn its place: fewer, slightly smaller lines look calmer.
            if size > best[0] * 1.06:
                best = (size, spans)
        return self._settled([wording.joined(list(pieces[a:b])) for a, b in best[1]], weight, base, space, best[0])

    def _settled(
        self, texts: list[str], weight: int, base: direction.Direction, space: tuple[float, float], size: float
    ) -> Block:
        lines = tuple(self.line(text, weight, base) for text in texts)
        while True:
            block = _measured(lines, max(MIN_SIZE_PIXELS, math.floor(size)))
            over = max(block.width / space[0], block.height / space[1])
            if over <= 1 or block.size <= MIN_SIZE_PIXELS:
                return block
            size = min(block.size - 1, block.size / over)

    def _reference_width(self, piece: wording.Atom, weight: int, base: direction.Direction) -> float:
        """Em widths of an atom."""
        line = self.line(piece.text, weight, base)
        return max(0.2, sum(_advance(run, fonts.REFERENCE_SIZE) for run in line.runs) / fonts.REFERENCE_SIZE)

    def _runs(self, segment: str, way: direction.Direction, weight: int, flavour: str) -> list[Run]:
        runs: list[Run] = []
        for cluster in wording.clusters(segment):
            face = self._book.face_for(cluster, weight, flavour)
            previous = runs[-1] if runs else None
            if previous and _keeps(previous.face, cluster):
                face = previous.face
            if face is None:
                continue
            if previous and previous.face == face:
                runs[-1] = Run(previous.text + cluster, face, way)
            else:
                runs.append(Run(cluster, face, way))
        return runs


def flavour_of(text: str) -> str:
    """Whose ideographs a text uses: "JP" beside kana, "KR" beside Hangul, else "SC"."""
    names = {wording.script_name(character) for character in text if ord(character) > 0x1100}
    if names & {"Hiragana", "Katakana"}:
        return "JP"
    return "KR" if "Hangul" in names else "SC"


def inked(line: Line, size: int, colour: palette.Colour) -> Inked:
    """Draw a line, with a margin of clear pixels all around it."""
    box = _ink(line, size)
    left, top = math.floor(box.left), math.floor(box.top)
    extent = (
        math.ceil(box.right) - left + 2 * MARGIN_PIXELS,
        math.ceil(box.bottom) - top + 2 * MARGIN_PIXELS,
    )
    pen, baseline = MARGIN_PIXELS - left, MARGIN_PIXELS - top
    mask = Image.new("L", extent, 0)
    painted = Image.new("RGB", extent, in_bytes(colour)) if any(run.face.colour for run in line.runs) else None
    for run in line.runs:
        if run.face.colour and painted is not None:
            _draw_colour(run, size, (pen, baseline), mask, painted)
        else:
            ImageDraw.Draw(mask).text(
                (pen, baseline), run.text, 255, fonts.opened(run.face, size), "ls", direction=_way(run)
            )
        pen += _advance(run, size)
    return Inked(mask, painted, left - MARGIN_PIXELS, top - MARGIN_PIXELS)


def in_bytes(colour: palette.Colour) -> tuple[int, int, int]:
    """A colour as Pillow takes it, each part 0..255."""
    red, green, blue = (round(part * 255) for part in colour)
    return red, green, blue


def _draw_colour(run: Run, size: int, origin: tuple[float, float], mask: Image.Image, painted: Image.Image) -> None:
    """Draw emoji: at the one size the font opens at, then scaled onto the baseline."""
    font = fonts.opened(run.face, size)
    scale = _colour_scale(run.face, size)
    left, top, right, bottom = font.getbbox(run.text, anchor="ls", direction=_way(run))
    extent = (max(1, math.ceil(right - left)), max(1, math.ceil(bottom - top)))
    drawing = Image.new("RGBA", extent, (0, 0, 0, 0))
    ImageDraw.Draw(drawing).text(
        (-left, -top), run.text, (255,) * 4, font, "ls", embedded_color=True, direction=_way(run)
    )
    small = drawing.resize(
        (max(1, round(extent[0] * scale)), max(1, round(extent[1] * scale))), Image.Resampling.LANCZOS
    )
    spot = round(origin[0] + left * scale), round(origin[1] + top * scale)
    painted.paste(small.convert("RGB"), spot, small.getchannel("A"))
    mask.paste(small.getchannel("A"), spot)


def _colour_scale(face: fonts.Face, size: int) -> float:
    return size / face.bitmap_size * EMOJI_SCALE if face.bitmap_size else EMOJI_SCALE


def _way(run: Run) -> direction.Direction | None:
    """What to tell the shaper; the simple layout engine takes no direction."""
    return run.direction if fonts.shapes() else None


def _advance(run: Run, size: int) -> float:
    width = fonts.opened(run.face, size).getlength(run.text, direction=_way(run))
    return width * _colour_scale(run.face, size) if run.face.colour else width


def _measured(lines: tuple[Line, ...], size: int) -> Block:
    boxes = tuple(_ink(line, size) for line in lines)
    tallest = max((above.bottom - below.top for above, below in itertools.pairwise(boxes)), default=0.0)
    return Block(size, lines, boxes, max(size * LEADING, tallest + size * 0.12))


def _ink(line: Line, size: int) -> Box:
    pen, left, top, right, bottom = 0.0, math.inf, -size * 0.5, 0.0, 0.0
    for run in line.runs:
        x0, y0, x1, y1 = fonts.opened(run.face, size).getbbox(run.text, anchor="ls", direction=_way(run))
        scale = _colour_scale(run.face, size) if run.face.colour else 1.0
        left, right = min(left, pen + x0 * scale), max(right, pen + x1 * scale)
        top, bottom = min(top, y0 * scale), max(bottom, y1 * scale)
        pen += _advance(run, size)
    return Box(left if line.runs else 0.0, top, right, bottom)


def _keeps(face: fonts.Face, cluster: str) -> bool:
    """Whether a space or punctuation mark stays in the font of the word before it."""
    neutral = unicodedata.category(cluster[0])[0] in "ZP" and not face.colour
    return neutral and {ord(character) for character in cluster} <= fonts.coverage(face.path, face.index)


def _span_width(pieces: Sequence[wording.Atom], widths: Sequence[float], start: int, end: int) -> float:
    spaces = sum(piece.spaced for piece in pieces[start : end - 1])
    return sum(widths[start:end]) + 0.24 * spaces


def _balanced(pieces: Sequence[wording.Atom], widths: Sequence[float], count: int) -> list[tuple[int, int]]:
    """Cut into `count` lines of even width that end where the text breathes (dynamic programming over the last cut)."""
    target = _span_width(pieces, widths, 0, len(pieces)) / count
    best: list[dict[int, tuple[float, int]]] = [{0: (0.0, 0)}]
    for line in range(1, count + 1):
        row: dict[int, tuple[float, int]] = {}
        for end in range(line, len(pieces) - (count - line) + 1):
            raggedness = _line_end_cost(pieces[end - 1]) if end < len(pieces) else 0.0
            row[end] = min(
                (cost + ((_span_width(pieces, widths, start, end) - target) / target) ** 2 + raggedness, start)
                for start, (cost, _) in best[-1].items()
                if start < end
            )
        best.append(row)
    spans: list[tuple[int, int]] = []
    end = len(pieces)
    for row in reversed(best[1:]):
        spans.insert(0, (row[end][1], end))
        end = row[end][1]
    return spans


def _line_end_cost(piece: wording.Atom) -> float:
    """Lines like to end with a clause, and not on "the" or "of"."""
    if piece.stop >= wording.Break.CLAUSE:
        return -0.12
    return 0.25 if piece.spaced and piece.units <= MAX_SMALL_WORD_UNITS else 0.0
