"""What colours mean: the tags of a stream made certain, which of them are HDR, and what is delivered.

The numbers are those of ITU-T H.273, which FFmpeg and MP4 share.
"""

import dataclasses

UNSPECIFIED = 2
LIMITED, FULL = 1, 2
BT709, PQ, HLG = 1, 16, 18
HD_SHORT_SIDE = 720
_SD = 6
# What the scaler can convert from; other numbers are reserved, or of no camera that we meet.
_PRIMARIES = frozenset({1, 4, 5, 6, 7, 9, 11, 12, 22})
_TRANSFERS = frozenset({1, 4, 5, 6, 7, 13, 14, 15, PQ, HLG})
_MATRICES = frozenset({1, 4, 5, 6, 7, 9})
# What every player shows rightly in a common picture: BT.709 and both kinds of BT.601, with the curve of a screen too.
_PLAIN_PRIMARIES = frozenset({1, 5, 6})
_PLAIN_TRANSFERS = frozenset({1, 6, 13, 14, 15})
_PLAIN_MATRICES = frozenset({1, 5, 6})


@dataclasses.dataclass(frozen=True, slots=True)
class Colour:
    """The colour tags of a stream (2 = unspecified, range 0 = unspecified)."""

    range: int = 0
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED

    @property
    def hdr(self) -> str:
        """The kind of high dynamic range, "PQ" or "HLG"; "" for a standard one."""
        return {PQ: "PQ", HLG: "HLG"}.get(self.transfer, "")

    @property
    def plain(self) -> bool:
        """Whether players agree on these colours: limited range (or unsaid), BT.709 or BT.601 (or unsaid)."""
        return (
            self.range != FULL
            and self.primaries in _PLAIN_PRIMARIES | {UNSPECIFIED}
            and self.transfer in _PLAIN_TRANSFERS | {UNSPECIFIED}
            and self.matrix in _PLAIN_MATRICES | {UNSPECIFIED}
        )


STANDARD = Colour(LIMITED, BT709, BT709, BT709)


def resolved(tagged: Colour, short_side: int) -> Colour:
    """The colours that are meant: what is unsaid or nonsense follows convention, BT.709 for HD and BT.601 below."""
    usual = BT709 if short_side >= HD_SHORT_SIDE else _SD
    return Colour(
        range=FULL if tagged.range == FULL else LIMITED,
        primaries=tagged.primaries if tagged.primaries in _PRIMARIES else usual,
        transfer=tagged.transfer if tagged.transfer in _TRANSFERS else usual,
        matrix=tagged.matrix if tagged.matrix in _MATRICES else usual,
    )


def delivered(tagged: Colour, short_side: int) -> Colour:
    """The colours of what is encoded: the source's own where all players agree on them, else BT.709.

    Always said and never left to a guess: a small rendition of an untagged HD film would be guessed to be BT.601.
    """
    meant = resolved(tagged, short_side)
    limited = dataclasses.replace(meant, range=LIMITED)
    return limited if limited.plain else STANDARD
