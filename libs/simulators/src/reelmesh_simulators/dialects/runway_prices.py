"""What a second costs at Runway."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Credits:
    """Credits for each second: 480p, 720p, 1080p, 4k; `audible` with sound, where that differs."""

    silent: tuple[int, int, int, int]
    audible: tuple[int, int, int, int] | None = None

    def each_second(self, width: int, height: int, *, audio: bool) -> int:
        """Return the credits for a second of a size."""
        return (self.audible if audio and self.audible else self.silent)[_tier(width, height)]


def _tier(width: int, height: int) -> int:
    pixels = width * height
    return 0 if pixels < 600_000 else 1 if pixels < 1_300_000 else 2 if pixels < 2_600_000 else 3


def flat(each_second: int) -> Credits:
    """Return a price that is the same for every size."""
    return Credits((each_second, each_second, each_second, each_second))
