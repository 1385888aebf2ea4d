"""Which frame stands for a video: sharp, lit, of some contrast, not at a cut, not at the ends."""

import dataclasses
import math

MIDDLE_SHARE = 0.8
DARKEST_MEAN_LUMA = 30.0
BRIGHTEST_MEAN_LUMA = 225.0
MIN_CONTRAST_LUMA = 20.0
SCENE_CUT_SCORE = 8.0

Rank = tuple[int, float]


@dataclasses.dataclass(frozen=True, slots=True)
class FrameSample:
    """One frame as measured on the small branch. Luma is 0 to 255; `blur` grows with blur; `cut_score` is 0 to 100.

    `contrast_luma` is the distance between the 10th and the 90th percentile.
    """

    frame: int
    blur: float
    mean_luma: float
    contrast_luma: float
    cut_score: float


def rank(sample: FrameSample, frame_total: int) -> Rank:
    """How well a frame stands for its video: the lowest rank wins. Every frame has one, so there is always a still.

    Broken wishes count first, an unlit frame the most; sharpness decides among equals.
    A frame without any edge has no blur to measure (not a number): it comes last among equals.
    """
    margin = frame_total * (1 - MIDDLE_SHARE) / 2
    broken = (
        (not DARKEST_MEAN_LUMA < sample.mean_luma < BRIGHTEST_MEAN_LUMA, 8),
        (sample.contrast_luma < MIN_CONTRAST_LUMA, 4),
        (sample.cut_score >= SCENE_CUT_SCORE, 2),
        (not margin <= sample.frame <= frame_total - 1 - margin, 1),
    )
    blur = sample.blur if math.isfinite(sample.blur) else math.inf
    return sum(weight for is_broken, weight in broken if is_broken), blur
