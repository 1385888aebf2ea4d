"""Which font file can draw a piece of text: the packaged family first, then whatever the machine has."""

import functools
import importlib.metadata
import os
import pathlib
import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from fontTools.ttLib import TTCollection, TTFont, TTLibError
from PIL import ImageFont, features

from reelmesh_lettering import wording

SYSTEM_FOLDERS: tuple[pathlib.Path, ...] = (
    pathlib.Path("/usr/share/fonts"),
    pathlib.Path("/usr/local/share/fonts"),
    pathlib.Path("/usr/share/texmf/fonts"),
    pathlib.Path("/Library/Fonts"),
    pathlib.Path("/System/Library/Fonts"),
    pathlib.Path("C:/Windows/Fonts"),
)
MAX_FONT_FILES = 4000
MAX_CACHED_SIZES = 256
MAX_CACHED_ORDERS = 64
REFERENCE_SIZE = 100
PACKAGED_GROUP = "fonts_ttf"
PACKAGED_PREFIX = "SourceSansPro"

HEAVY, REGULAR, LIGHT = 800, 400, 300
_WEIGHTS = {
    "thin": 100, "extralight": 200, "light": 300, "regular": 400, "medium": 500, "semibold": 600, "demibold": 600,
    "extrabold": 800, "bold": 700, "black": 900, "heavy": 900,
}  # fmt: skip
# Designs that a title should not fall into while a plain one exists, and fonts made of boxes.
_SECOND_CHOICE = re.compile(
    r"serif|mono|condensed|italic|oblique|nastaliq|kufi|display|looped|unifont|math", re.IGNORECASE
)
_NEVER = re.compile(r"lastresort|adobeblank|notdef|tofu|symbola?neue", re.IGNORECASE)
# Bitmap colour fonts open at one size only.
_BITMAP_SIZES = {"CBDT": 109, "sbix": 160}


@dataclass(frozen=True, slots=True)
class Face:
    """One font in a file; one of `colour` brings its ink. `bitmap_size` is the only size it opens at, or 0."""

    path: str
    index: int = 0
    colour: bool = False
    bitmap_size: int = 0


class FontBook:
    """The fonts of one machine, asked cluster by cluster; reads a file only when everything before it has failed.

    Args:
        folders: where to look for fonts beside the packaged family; missing folders are passed over.
    """

    def __init__(self, folders: Sequence[pathlib.Path] = SYSTEM_FOLDERS) -> None:
        self._folders = tuple(str(folder) for folder in folders)
        self._packaged = _packaged_files()
        self._choices: dict[tuple[str, int, str], Face | None] = {}

    def face_for(self, cluster: str, weight: int, flavour: str = "") -> Face | None:
        """The best face for one grapheme cluster, or None where no font has all its glyphs.

        Args:
            weight: 100 to 900, met as nearly as the family allows.
            flavour: "JP", "KR" or "SC" for ideographs that are drawn differently there.
        """
        key = (cluster, weight, flavour)
        if key not in self._choices:
            self._choices[key] = self._search(cluster, weight, flavour)
        return self._choices[key]

    def _search(self, cluster: str, weight: int, flavour: str) -> Face | None:
        emoji = wording.is_emoji(cluster)
        needed = _needed(cluster)
        if not emoji:
            packaged = Face(_packaged_nearest(self._packaged, weight))
            if needed <= coverage(packaged.path, 0):
                return packaged
        for path in _preferred(system_files(self._folders), wording.script_name(cluster), weight):
            for face in faces(path):
                if face.colour is not emoji or not needed <= coverage(face.path, face.index):
                    continue
                return _flavoured(face, flavour)
        return self._monochrome_emoji(needed, weight) if emoji else None

    def _monochrome_emoji(self, needed: frozenset[int], weight: int) -> Face | None:
        for path in _preferred(system_files(self._folders), "Symbols", weight):
            if not _is_colour_name(path) and needed <= coverage(path, 0):
                return Face(path)
        return None


@functools.lru_cache(maxsize=MAX_CACHED_SIZES)
def opened(face: Face, size: int) -> ImageFont.FreeTypeFont:
    """A face at a size in pixels (a bitmap face ignores the size), with complex shaping where Pillow has it."""
    engine = ImageFont.Layout.RAQM if shapes() else ImageFont.Layout.BASIC
    return ImageFont.truetype(face.path, face.bitmap_size or size, index=face.index, layout_engine=engine)


@functools.cache
def shapes() -> bool:
    """Whether Pillow can shape complex scripts and set right-to-left text."""
    return bool(features.check("raqm"))


@functools.lru_cache(maxsize=8)
def system_files(folders: tuple[str, ...]) -> tuple[str, ...]:
    """Font files below the folders, sorted, at most `MAX_FONT_FILES`; read once per process."""
    found: list[str] = []
    for folder in folders:
        for parent, _, names in os.walk(folder):
            found += [
                str(pathlib.Path(parent, name))
                for name in names
                if name.lower().endswith((".ttf", ".otf", ".ttc")) and not _NEVER.search(name)
            ]
    return tuple(sorted(found)[:MAX_FONT_FILES])


@functools.cache
def faces(path: str) -> tuple[Face, ...]:
    """The faces in a file that Pillow can draw; empty for a broken file."""
    try:
        with _reading(path) as font:
            tables = set(font.keys())
            table = next((name for name in _BITMAP_SIZES if name in tables), "")
            count = 1 if not path.lower().endswith(".ttc") else _collection_size(path)
            if "COLR" in tables and cast("int", getattr(font["COLR"], "version", 1)) > 0:
                return ()  # gradient glyphs, which FreeType leaves blank
    except (TTLibError, OSError, ValueError, AssertionError):
        return ()
    colour = bool(table) or "COLR" in tables
    return tuple(Face(path, index, colour, _BITMAP_SIZES.get(table, 0)) for index in range(count))


@functools.cache
def coverage(path: str, index: int) -> frozenset[int]:
    """The code points a face has glyphs for; empty for a broken file."""
    try:
        with _reading(path, index) as font:
            return frozenset(font.getBestCmap() or {})
    except (TTLibError, OSError, ValueError, AssertionError, KeyError):
        return frozenset()


@contextmanager
def _reading(path: str, index: int = 0) -> Generator[TTFont]:
    # Opened here, because TTFont leaves the file open when it cannot read it.
    with pathlib.Path(path).open("rb") as file, TTFont(file, fontNumber=index, lazy=True) as font:
        yield font


def _collection_size(path: str) -> int:
    with pathlib.Path(path).open("rb") as file, TTCollection(file, lazy=True) as collection:
        return len(cast("list[TTFont]", collection.fonts))


@functools.cache
def _packaged_files() -> tuple[tuple[int, str], ...]:
    """(weight, path) of the upright packaged family, from the entry points that font wheels declare."""
    files: dict[str, str] = {}
    for entry in importlib.metadata.entry_points(group=PACKAGED_GROUP):
        files.update(cast("dict[str, str]", entry.load()))
    upright = {
        name: path for name, path in files.items() if name.startswith(PACKAGED_PREFIX) and not name.endswith("It")
    }
    return tuple(sorted((_weight_of(path), path) for path in upright.values()))


def _packaged_nearest(files: tuple[tuple[int, str], ...], weight: int) -> str:
    return min(files, key=lambda file: abs(file[0] - weight))[1]


def _weight_of(path: str) -> int:
    name = pathlib.Path(path).stem.lower().replace("-", "").replace("_", "")
    return next((weight for word, weight in _WEIGHTS.items() if name.endswith(word)), 400)


def _needed(cluster: str) -> frozenset[int]:
    """The code points that must be there; selectors and joiners steer shaping and may lack a glyph."""
    return frozenset(
        ord(character)
        for character in cluster
        if character not in "\u200c\u200d" and not 0xFE00 <= ord(character) <= 0xFE0F
    )


def _is_colour_name(path: str) -> bool:
    return "color" in path.lower() or "emoji" in path.lower()


@functools.lru_cache(maxsize=MAX_CACHED_ORDERS)
def _preferred(files: tuple[str, ...], script: str, weight: int) -> tuple[str, ...]:
    """All files, likely ones first: named after the script, plain in design, near in weight."""
    hints = {
        "Han": ("cjk", "hans", "hant", "gothic", "hei"),
        "Hiragana": ("cjk", "jp", "gothic"),
        "Katakana": ("cjk", "jp", "gothic"),
        "Hangul": ("cjk", "kr", "gothic"),
        "emoji": ("emoji",),
        "Symbols": ("symbol", "emoji", "dejavusans"),
    }.get(script, (script.lower(),))

    def rank(path: str) -> tuple[bool, int, int, bool, str]:
        name = pathlib.Path(path).name.lower()
        second = len(_SECOND_CHOICE.findall(name))
        return not any(hint in name for hint in hints), second, abs(_weight_of(path) - weight), "ui" in name, path

    return tuple(sorted(files, key=rank))


def _flavoured(face: Face, flavour: str) -> Face:
    """The sibling in a pan-CJK collection that draws ideographs the way the text's language does."""
    if not flavour or not face.path.lower().endswith(".ttc"):
        return face
    wanted = f" {flavour}"
    for sibling in faces(face.path):
        if _family_name(sibling.path, sibling.index).endswith(wanted):
            return sibling
    return face


@functools.cache
def _family_name(path: str, index: int) -> str:
    with _reading(path, index) as font:
        return str(font["name"].getDebugName(1) or "")
