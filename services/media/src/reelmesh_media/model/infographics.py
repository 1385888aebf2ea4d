"""A still picture in place of a video: what is asked of it, and which words stand on it."""

import dataclasses
from pathlib import Path

from reelmesh_media.model.video import Size

# Larger ones are drawn smaller, in the same shape.
LONG_SIDE_LIMIT_PIXELS = 1920
# What is read of a long prompt: a picture is no page. A Latin letter counts one, an ideograph two.
HEADLINE_LIMIT_UNITS = 110
POINTS_LIMIT = 4
POINT_LIMIT_UNITS = 120
# A first clause that is at least so long may stand alone as the headline.
HEADLINE_LEAST_UNITS = 12


@dataclasses.dataclass(frozen=True, slots=True)
class InfographicRequest:
    """What is drawn.

    Args:
        prompt: what the video would have shown.
        category: what it is about, or "".
        size: of the video, in pixels.
        seed: what is left to chance follows from it and the prompt.
        images: files that the video would have started from; the first that can be read is shown.
    """

    prompt: str
    category: str
    size: Size
    seed: int
    images: tuple[Path, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Words:
    """What is read: a headline, and points below it."""

    headline: str
    points: tuple[str, ...]


def fitted(asked: Size) -> Size:
    """Return the size that is drawn: as asked, or the largest of that shape, even."""
    scale = min(1.0, LONG_SIDE_LIMIT_PIXELS / max(asked.width, asked.height))
    return Size(max(2, round(asked.width * scale / 2) * 2), max(2, round(asked.height * scale / 2) * 2))
