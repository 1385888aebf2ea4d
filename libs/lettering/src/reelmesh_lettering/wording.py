"""The prompt as readable pieces: grapheme clusters, unbreakable atoms, and the strength of the break after each."""

import enum
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

MAX_MARKS_PER_CLUSTER = 4
MAX_ATOM_UNITS = 22

_JOINER = "\u200d"
# Marks of many scripts, some of which look like our own on purpose.
_SENTENCE_ENDS = ".!?…。！？｡।॥؟۔"  # noqa: RUF001
_CLAUSE_ENDS = ",;:—–،؛、，；：・"  # noqa: RUF001
_CLOSERS = "\"'”’»)]}」』）】》〉"  # noqa: RUF001
_OPENERS = "“‘«([{「『（【《〈¿¡"  # noqa: RUF001
# Line starts that Japanese and Chinese setting forbids, beside closing marks.
_NO_START = "ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々ゝゞ" + _CLAUSE_ENDS + _SENTENCE_ENDS + _CLOSERS
_KANA = ("HIRAGANA", "KATAKANA")
_KATAKANA_DOTS = "・ー"
_SCRIPTS_WITHOUT_SPACES = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "BOPOMOFO")


class Break(enum.IntEnum):
    """How natural it is to stop after an atom."""

    WORD = 0
    CLAUSE = 1
    SENTENCE = 2


@dataclass(frozen=True, slots=True)
class Atom:
    """A piece of text that no line break may cut.

    Attributes:
        text: what is drawn, without surrounding space.
        spaced: whether a space follows when the next atom stands on the same line.
        units: rough width, one per Latin letter and two per ideograph.
        stop: how natural it is to stop after it.
    """

    text: str
    spaced: bool
    units: int
    stop: Break


def is_joining(previous: str, character: str) -> bool:
    """Whether `character` belongs to the same grapheme cluster as the text before it (a practical part of UAX 29)."""
    if not previous:
        return False
    last = previous[-1]
    if unicodedata.category(character) in ("Mn", "Mc", "Me") or character == _JOINER or is_modifier(character):
        return True
    if last == _JOINER:
        return True
    if unicodedata.combining(last) == 9 and unicodedata.category(character) == "Lo":
        return True  # a virama binds the next consonant
    return len(previous) == 1 and is_regional(last) and is_regional(character)


def is_modifier(character: str) -> bool:
    """Emoji skin tones, variation selectors and flag tags."""
    return (
        0x1F3FB <= ord(character) <= 0x1F3FF
        or 0xFE00 <= ord(character) <= 0xFE0F
        or 0xE0020 <= ord(character) <= 0xE007F
    )


def is_regional(character: str) -> bool:
    """The letters that make flags in pairs."""
    return 0x1F1E6 <= ord(character) <= 0x1F1FF


def is_emoji(cluster: str) -> bool:
    """Whether a cluster asks to be shown as a coloured picture."""
    if "\ufe0e" in cluster:
        return False
    if "\ufe0f" in cluster or "\u20e3" in cluster:
        return True
    return any(0x1F000 <= ord(character) <= 0x1FAFF for character in cluster) or _is_emoji_symbol(cluster[0])


def _is_emoji_symbol(character: str) -> bool:
    return character in "⌚⌛⏩⏪⏫⏬⏰⏳⭐⭕⬛⬜" or (
        0x2600 <= ord(character) <= 0x27BF and unicodedata.east_asian_width(character) == "W"
    )


def script_name(cluster: str) -> str:
    """What people call the script of a cluster, for warnings: "Han", "Arabic", "emoji"."""
    if is_emoji(cluster):
        return "emoji"
    first = unicodedata.name(cluster[0], "unnamed characters").split(" ")[0].split("-")[0]
    return {"CJK": "Han", "IDEOGRAPHIC": "Han", "FULLWIDTH": "Han"}.get(first, first.capitalize())


def tidy(prompt: str) -> str:
    """The prompt composed (NFC), its control characters gone, each stretch of space one space, each line break one."""
    lines: list[str] = []
    for line in unicodedata.normalize("NFC", prompt).splitlines():
        kept = "".join(" " if character.isspace() else character for character in line if _is_shown(character))
        if words := " ".join(kept.split()):
            lines.append(words)
    return "\n".join(lines)


def _is_shown(character: str) -> bool:
    if character in ("\u200c", _JOINER) or character.isspace():
        return True
    # Tags (category Cf) spell the flags of regions, all other format characters only steer what we decide ourselves.
    return unicodedata.category(character) not in ("Cc", "Cs", "Co", "Cn", "Cf") or is_modifier(character)


def clusters(text: str) -> Iterator[str]:
    """Grapheme clusters in order; a pile of more than four combining marks on one letter loses the rest."""
    current = ""
    marks = 0
    for character in text:
        if not is_joining(current, character):
            if current:
                yield current
            current, marks = character, 0
            continue
        if unicodedata.category(character) == "Mn" and not is_modifier(character):
            marks += 1
        if marks <= MAX_MARKS_PER_CLUSTER:
            current += character
    if current:
        yield current


def units(text: str) -> int:
    """Rough width of a text: a Latin letter counts one, an ideograph or an emoji two."""
    return sum(2 if _is_wide(cluster) else 1 for cluster in clusters(text))


def _is_wide(cluster: str) -> bool:
    return unicodedata.east_asian_width(cluster[0]) in ("W", "F") or is_emoji(cluster)


def atoms(text: str) -> list[Atom]:
    """A tidy text as atoms, in order; words in scripts with spaces, clusters in those without."""
    found: list[Atom] = []
    for line in text.split("\n"):
        words = line.split(" ")
        for word in words:
            pieces = _pieces(word)
            found += [_atom(piece, spaced=index == len(pieces) - 1) for index, piece in enumerate(pieces)]
        if found:
            found[-1] = replace(found[-1], stop=Break.SENTENCE)
    return found


def joined(pieces: list[Atom]) -> str:
    """The text of some neighbouring atoms as one line."""
    text = "".join(piece.text + (" " if piece.spaced else "") for piece in pieces)
    return text.rstrip()


def unpunctuated(text: str) -> str:
    """Without the marks at its end that would announce more."""
    return text.rstrip(_CLAUSE_ENDS + _SENTENCE_ENDS + "-")


def _atom(text: str, spaced: bool) -> Atom:
    bare = text.rstrip(_CLOSERS)
    stop = Break.WORD
    # A full stop ends a sentence only before a space: 3.5, example.org.
    if bare and bare[-1] in _SENTENCE_ENDS and (spaced or bare[-1] not in ".!?…"):
        stop = Break.SENTENCE
    elif (bare and bare[-1] in _CLAUSE_ENDS) or text in ("-", "|", "/"):
        stop = Break.CLAUSE
    return Atom(text, spaced, units(text), stop)


def _pieces(word: str) -> list[str]:
    japanese = any(unicodedata.name(character, "").startswith(_KANA) for character in word)
    may_break = _may_break_japanese if japanese else _may_break
    pieces: list[str] = []
    for cluster in clusters(word):
        if pieces and not may_break(pieces[-1], cluster):
            pieces[-1] += cluster
        else:
            pieces.append(cluster)
    return [part for piece in pieces for part in _shortened(piece)]


def _may_break(before: str, after: str) -> bool:
    if after[0] in _NO_START or before[-1] in _OPENERS:
        return False
    return _is_spaceless(before[-1]) or _is_spaceless(after[0]) or (before[-1] in "-/" and len(before) > 3)


def _may_break_japanese(before: str, after: str) -> bool:
    """Japanese phrases begin where particles in hiragana end: 夜の|東京、|ネオンの|雨。"""
    if after[0] in _NO_START or before[-1] in _OPENERS + _KATAKANA_DOTS:
        return False
    return _is_phrase_end(before[-1]) and not _is_hiragana(after[0])


def _is_hiragana(character: str) -> bool:
    return unicodedata.name(character, "").startswith("HIRAGANA")


def _is_phrase_end(character: str) -> bool:
    return _is_hiragana(character) or not unicodedata.category(character).startswith("L")


def _is_spaceless(character: str) -> bool:
    return unicodedata.name(character, "").startswith(_SCRIPTS_WITHOUT_SPACES) or (
        unicodedata.east_asian_width(character) in ("W", "F")
        and not unicodedata.name(character, "").startswith("HANGUL")
    )


def _shortened(piece: str) -> list[str]:
    """An endless word cut into even pieces that a line can hold."""
    count = -(-units(piece) // MAX_ATOM_UNITS)
    if count <= 1:
        return [piece]
    share = units(piece) / count
    parts = [""] * count
    width = 0
    for cluster in clusters(piece):
        parts[min(count - 1, int(width / share))] += cluster
        width += units(cluster)
    return [part for part in parts if part]
