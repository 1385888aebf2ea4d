"""Draws a still picture in place of a video: the prompt's words on colours that it names, beside its first image."""

import dataclasses
import hashlib
import math
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageOps
from reelmesh_lettering import direction, fonts, palette, typography, wording

from reelmesh_media.engine import stills
from reelmesh_media.model import infographics, ladder
from reelmesh_media.model.video import Size

MARGIN_SHARE = 0.085
IMAGE_SHARE = 0.42
HEADLINE_SHARE = 0.16
HEADLINE_ROOM_SHARE = 0.56
POINTS_SIZE_SHARE = 0.46
CATEGORY_SIZE_SHARE = 0.034
_GRID_CELLS = 9000
# Opposite the words: weight, reach and place (x and y in -1..1, x away from where reading begins) of each light.
_LIGHTS = (("body", 1.2, 1.1, 0.3, 0.9), ("glow", 1.1, 0.62, 0.95, -0.75), ("spark", 0.8, 0.42, 1.15, 0.35))


@dataclasses.dataclass(frozen=True, slots=True)
class _Area:
    """A rectangle, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    def inset(self, margin: float) -> "_Area":
        return _Area(self.left + margin, self.top + margin, self.right - margin, self.bottom - margin)


@dataclasses.dataclass(frozen=True, slots=True)
class _Set:
    """Words set in lines: where their block begins, in pixels from the top of all words, and whether a mark leads."""

    block: typography.Block
    top: float
    marked: bool


def draw(request: infographics.InfographicRequest, out: Path) -> ladder.MadeFile:
    """Write the picture as PNG. Equal requests on equal fonts make equal pictures.

    Raises:
        refusals.OutputNotWritten: the image could not be written.
    """
    return stills.save(drawn(request), out)


def drawn(request: infographics.InfographicRequest, folders: Sequence[Path] = fonts.SYSTEM_FOLDERS) -> PIL.Image.Image:
    """Return the picture."""
    size = infographics.fitted(request.size)
    rng = np.random.default_rng(list(hashlib.sha256(f"{request.seed}:{request.prompt}".encode()).digest()))
    photo = _first_readable(request.images)
    colours = palette.from_images([photo], rng) if photo else palette.from_words(request.prompt, rng)
    typesetter = typography.Typesetter(fonts.FontBook(folders))
    text, _ = typesetter.drawable(wording.tidy(request.prompt))
    way = direction.of_paragraph(text)
    picture = _backdrop(size, colours, way, rng)
    area = _Area(0, 0, size.width, size.height)
    if photo:
        shown, area = _parted(area, way)
        _show(picture, photo, shown)
    inner = area.inset(MARGIN_SHARE * min(size.width, size.height))
    category, _ = typesetter.drawable(wording.tidy(request.category))
    if category:
        inner = _write_category(picture, typesetter, category.upper(), inner, colours, way)
    words = words_of(text)
    if words.headline:
        _write(picture, typesetter, words, inner, colours, way)
    return picture


def words_of(text: str) -> infographics.Words:
    """Return a tidy text as headline and points: sentences, or clauses where there is but one sentence."""
    atoms = wording.atoms(text)
    pieces = _pieces(atoms, wording.Break.SENTENCE)
    if len(pieces) == 1:
        clauses = _pieces(atoms, wording.Break.CLAUSE)
        if len(clauses) > 1 and wording.units(clauses[0]) >= infographics.HEADLINE_LEAST_UNITS:
            pieces = clauses
    if not pieces:
        return infographics.Words("", ())
    first, rest = pieces[0], pieces[1 : 1 + infographics.POINTS_LIMIT]
    points = [_cut(piece, infographics.POINT_LIMIT_UNITS) for piece in rest]
    if len(pieces) > 1 + infographics.POINTS_LIMIT:
        points[-1] = points[-1].rstrip(".,;: ") + " …"
    return infographics.Words(_cut(first, infographics.HEADLINE_LIMIT_UNITS), tuple(points))


def _pieces(atoms: Sequence[wording.Atom], least: wording.Break) -> list[str]:
    pieces: list[list[wording.Atom]] = [[]]
    for atom in atoms:
        pieces[-1].append(atom)
        if atom.stop >= least:
            pieces.append([])
    texts = [wording.joined(piece) for piece in pieces if piece]
    return [wording.unpunctuated(text) if least is wording.Break.CLAUSE else text for text in texts]


def _cut(text: str, limit_units: int) -> str:
    if wording.units(text) <= limit_units:
        return text
    kept: list[wording.Atom] = []
    used = 0
    for atom in wording.atoms(text):
        used += atom.units + atom.spaced
        if used > limit_units and kept:
            break
        kept.append(atom)
    return wording.unpunctuated(wording.joined(kept)) + " …"


def _first_readable(images: Sequence[Path]) -> PIL.Image.Image | None:
    for path in images:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
                with PIL.Image.open(path, formats=["JPEG", "PNG", "WEBP"]) as image:
                    return PIL.ImageOps.exif_transpose(image).convert("RGB")
        except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombWarning, PIL.Image.DecompressionBombError):
            continue  # a picture that is less is better than none
    return None


def _parted(area: _Area, way: direction.Direction) -> tuple[_Area, _Area]:
    """Return where the image is shown, and what is left for words: it stands where reading ends, or above."""
    if area.height > area.width:
        edge = area.top + area.height * IMAGE_SHARE
        return _Area(area.left, area.top, area.right, edge), _Area(area.left, edge, area.right, area.bottom)
    if way == "rtl":
        edge = area.left + area.width * IMAGE_SHARE
        return _Area(area.left, area.top, edge, area.bottom), _Area(edge, area.top, area.right, area.bottom)
    edge = area.right - area.width * IMAGE_SHARE
    return _Area(edge, area.top, area.right, area.bottom), _Area(area.left, area.top, edge, area.bottom)


def _show(picture: PIL.Image.Image, photo: PIL.Image.Image, where: _Area) -> None:
    extent = (max(1, round(where.width)), max(1, round(where.height)))
    picture.paste(PIL.ImageOps.fit(photo, extent, PIL.Image.Resampling.LANCZOS), (round(where.left), round(where.top)))


def _backdrop(
    size: Size, colours: palette.Palette, way: direction.Direction, rng: np.random.Generator
) -> PIL.Image.Image:
    """Soft light in the palette's colours, mixed in OKLab, dark where words begin."""
    aspect = size.width / size.height
    columns = max(8, round(math.sqrt(_GRID_CELLS * aspect)))
    rows = max(8, round(math.sqrt(_GRID_CELLS / aspect)))
    y, x = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-aspect, aspect, columns), indexing="ij")
    side = -1.0 if way == "rtl" else 1.0
    total = np.full(x.shape, 0.55)
    lab = palette.to_lab(np.array(colours.deep, dtype=np.float32)) * total[..., None]
    for name, weight, reach, across, down in _LIGHTS:
        far = reach * max(1.0, math.sqrt(aspect)) * rng.uniform(0.9, 1.15)
        near_x = side * across * aspect + rng.uniform(-0.1, 0.1)
        near_y = down + rng.uniform(-0.15, 0.15)
        near = weight * np.exp(-((x - near_x) ** 2 + (y - near_y) ** 2) / (2 * far**2))
        lab += near[..., None] * palette.to_lab(np.array(getattr(colours, name), dtype=np.float32))
        total += near
    # Words are light: nothing below them is lighter than half-way.
    lab = lab / total[..., None]
    lab[..., 0] = np.minimum(lab[..., 0], 0.56)
    rgb = palette.from_lab(lab)
    planes = [PIL.Image.fromarray(np.ascontiguousarray(rgb[..., part] * 255, dtype=np.float32)) for part in range(3)]
    large = np.stack(
        [np.asarray(plane.resize((size.width, size.height), PIL.Image.Resampling.BICUBIC)) for plane in planes], axis=-1
    )
    # Wide gradients would show steps.
    dithered = large + rng.uniform(-0.5, 0.5, size=(size.height, size.width, 1))
    return PIL.Image.fromarray(np.clip(np.rint(dithered), 0, 255).astype(np.uint8))


def _write_category(
    picture: PIL.Image.Image,
    typesetter: typography.Typesetter,
    text: str,
    area: _Area,
    colours: palette.Palette,
    way: direction.Direction,
) -> _Area:
    """Write what it is about at the foot; return what is left above."""
    most = CATEGORY_SIZE_SHARE * min(picture.size)
    block = typesetter.fit(wording.atoms(text), fonts.HEAVY, way, (area.width, max(1.0, most * 1.3)), most)
    _ink_block(picture, block, area, area.bottom - block.height, colours.accent, way)
    return _Area(area.left, area.top, area.right, area.bottom - block.height - most)


def _write(
    picture: PIL.Image.Image,
    typesetter: typography.Typesetter,
    words: infographics.Words,
    area: _Area,
    colours: palette.Palette,
    way: direction.Direction,
) -> None:
    """Set the words as large as they fit, in the middle of the area's height."""
    stack = _stacked(typesetter, words, area, way, HEADLINE_SHARE * min(picture.size))
    unit = stack[0].block.size
    height = stack[-1].top + stack[-1].block.height
    top = area.top + max(0.0, (area.height - height) / 2)
    thick = max(2.0, unit * 0.09)
    _bar(picture, _Area(area.left, top, area.right, top + thick), unit * 1.3, colours, way)
    for each in stack:
        inner = area
        if each.marked:
            inner = _indented(area, each.block.size, way)
            middle = top + each.top + each.block.baseline(0) - each.block.size * 0.32
            mark = each.block.size * 0.3
            _bar(picture, _Area(area.left, middle - mark / 2, area.right, middle + mark / 2), mark, colours, way)
        _ink_block(picture, each.block, inner, top + each.top, colours.ink, way)


def _stacked(
    typesetter: typography.Typesetter,
    words: infographics.Words,
    area: _Area,
    way: direction.Direction,
    most: float,
) -> list[_Set]:
    """Return the blocks one below the other: all points in one size, and room above for the bar."""
    share = HEADLINE_ROOM_SHARE if words.points else 0.9
    width = max(1.0, area.width)
    headline = typesetter.fit(
        wording.atoms(words.headline), fonts.HEAVY, way, (width, max(1.0, area.height * share)), most
    )
    top = headline.size * 0.55
    stack = [_Set(headline, top, marked=False)]
    if not words.points:
        return stack
    top += headline.height + headline.size * 0.5
    room = max(1.0, area.height - top) / len(words.points)
    size = headline.size * POINTS_SIZE_SHARE
    blocks: list[typography.Block] = []
    for _ in range(2):  # once to see how large the longest can be, once with all of them that large
        space = (max(1.0, width - size * 1.1), max(1.0, room - size * 0.4))
        blocks = [typesetter.fit(wording.atoms(one), fonts.REGULAR, way, space, size) for one in words.points]
        size = float(min(block.size for block in blocks))
    for block in blocks:
        stack.append(_Set(block, top, marked=True))
        top += block.height + block.size * 0.6
    return stack


def _indented(area: _Area, size: float, way: direction.Direction) -> _Area:
    if way == "rtl":
        return dataclasses.replace(area, right=area.right - size * 1.0)
    return dataclasses.replace(area, left=area.left + size * 1.0)


def _bar(
    picture: PIL.Image.Image, line: _Area, length: float, colours: palette.Palette, way: direction.Direction
) -> None:
    left = line.right - length if way == "rtl" else line.left
    box = (round(left), round(line.top), round(left + length) - 1, max(round(line.top), round(line.bottom) - 1))
    PIL.ImageDraw.Draw(picture).rectangle(box, fill=typography.in_bytes(colours.accent))


def _ink_block(
    picture: PIL.Image.Image,
    block: typography.Block,
    area: _Area,
    top: float,
    colour: palette.Colour,
    way: direction.Direction,
) -> None:
    for number, (line, box) in enumerate(zip(block.lines, block.boxes, strict=True)):
        ink = typography.inked(line, block.size, colour)
        origin = area.right - box.right if way == "rtl" else area.left - box.left
        spot = (round(origin) + ink.left, round(top + block.baseline(number)) + ink.top)
        picture.paste(
            ink.painted or typography.in_bytes(colour),
            (*spot, spot[0] + ink.mask.width, spot[1] + ink.mask.height),
            ink.mask,
        )
