"""Which colours a film wears: chosen in OKLCH from the seed and the prompt's words, or taken from its images.

OKLab: Björn Ottosson, "A perceptual color space for image processing", 2020.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.floating[Any]]
Colour = tuple[float, float, float]
"""sRGB, each 0..1."""
Lab = Floats

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    dtype=np.float32,
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    dtype=np.float32,
)
_FROM_LMS = np.linalg.inv(_TO_LMS).astype(np.float32)
_FROM_LAB = np.linalg.inv(_TO_LAB).astype(np.float32)

# Words that name a light or a place pull the hue towards it (degrees in OKLCH). Only a hint: the seed still varies it.
HUE_HINTS: dict[str, float] = {
    "sunset": 45, "sunrise": 60, "dawn": 50, "golden": 80, "gold": 85, "desert": 65, "sand": 75, "autumn": 50,
    "fire": 38, "lava": 33, "flame": 40, "fox": 45, "red": 27, "rose": 10, "love": 8, "pink": 355, "flower": 350,
    "ocean": 235, "sea": 230, "wave": 225, "water": 225, "rain": 245, "river": 215, "blue": 255, "sky": 240,
    "snow": 240, "ice": 220, "winter": 245, "arctic": 210, "forest": 150, "tree": 145, "green": 145, "jungle": 150,
    "garden": 135, "moss": 130, "neon": 320, "cyberpunk": 330, "night": 275, "space": 285, "galaxy": 295,
    "star": 280, "purple": 305, "violet": 300, "magic": 310, "coffee": 55, "wood": 60, "honey": 80, "lemon": 105,
}  # fmt: skip
# Painters' rule: shadows lean towards violet, lights lean away from it; a ramp of one hue looks like plastic.
SHADOW_HUE_DEGREES = 285.0
MUDDY_HUES_DEGREES = (66.0, 138.0)
_ACCENT_TURNS = (150.0, 180.0, -150.0, 110.0)
_SAMPLE_SIDE_PIXELS = 48


@dataclass(frozen=True, slots=True)
class Palette:
    """Roles, not names: `deep` → `body` → `glow` → `spark` is the light of the background; `ink` is read on it."""

    deep: Colour
    body: Colour
    glow: Colour
    spark: Colour
    accent: Colour
    ink: Colour

    def swatches(self) -> tuple[Colour, ...]:
        """The colours worth showing."""
        return self.glow, self.spark, self.accent, self.ink


def to_lab(rgb: Floats) -> Lab:
    """(..., 3) sRGB 0..1 → OKLab."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear.astype(np.float32) @ _TO_LMS.T) @ _TO_LAB.T


def from_lab(lab: Lab) -> Floats:
    """OKLab → (..., 3) sRGB, clipped to 0..1."""
    linear = np.clip((lab @ _FROM_LAB.T) ** 3 @ _FROM_LMS.T, 0, 1)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return encoded.astype(np.float32)


def oklch(lightness: float, chroma: float, hue_degrees: float) -> Colour:
    """The sRGB colour with this lightness and hue, its chroma lowered until it can be shown."""
    angle = math.radians(hue_degrees)
    direction = np.array([0.0, math.cos(angle), math.sin(angle)], dtype=np.float32)
    grey = np.array([lightness, 0.0, 0.0], dtype=np.float32)
    while not _is_shown(grey + chroma * direction) and chroma > 0.001:
        chroma *= 0.92
    red, green, blue = from_lab(grey + chroma * direction).tolist()
    return red, green, blue


def _is_shown(lab: Lab) -> bool:
    linear = (_FROM_LAB @ lab) ** 3 @ _FROM_LMS.T
    return bool(linear.min() >= -0.001 and linear.max() <= 1.001)


def from_words(prompt: str, rng: np.random.Generator) -> Palette:
    """A palette for a film without images: hue from the prompt's words where they name one, else from chance."""
    words = {word.strip(".,;:!?()\"'").lower() for word in prompt.split()}
    hints = [
        HUE_HINTS[word] for word in sorted(words | {word.removesuffix("s") for word in words}) if word in HUE_HINTS
    ]
    hue = hints[int(rng.integers(len(hints)))] + rng.normal(0, 8) if hints else rng.uniform(0, 360)
    hue = _bright_only(hue % 360)
    lean = float(rng.uniform(22, 48))
    return _ramp(hue, lean, hue + _ACCENT_TURNS[int(rng.integers(len(_ACCENT_TURNS)))], 1.0)


def _bright_only(hue: float) -> float:
    """Yellows and limes are olive mud in the dark: take the nearest hue that has shade."""
    if MUDDY_HUES_DEGREES[0] < hue < MUDDY_HUES_DEGREES[1]:
        return min(MUDDY_HUES_DEGREES, key=lambda edge: abs(edge - hue))
    return hue


def _ramp(hue: float, lean: float, accent: float, strength: float) -> Palette:
    """From deep shade to bright light around one hue: degrees, and 0..1 of full colour."""
    turn = (SHADOW_HUE_DEGREES - hue + 180) % 360 - 180
    away = -math.copysign(lean, turn)
    # The wider the leaning, the farther shadows go: warm films differ from each other.
    shade = turn * min(1.0, lean / 48)
    bright = hue + away
    if MUDDY_HUES_DEGREES[0] < bright < MUDDY_HUES_DEGREES[1]:
        bright = min(bright, 90.0) if hue < 100 else bright
    return Palette(
        deep=oklch(0.19, 0.075 * strength, hue + shade * 0.8),
        body=oklch(0.42, 0.16 * strength, hue + shade * 0.45),
        glow=oklch(0.63, 0.19 * strength, hue),
        spark=oklch(0.83, 0.14 * strength, bright),
        accent=oklch(0.86, 0.02 + 0.14 * strength, accent),
        ink=oklch(0.985, 0.01 * strength, bright),
    )


def from_images(images: Sequence[Image.Image], rng: np.random.Generator) -> Palette:
    """A palette that belongs to the images: their main hue for the dark tones, their liveliest for the accent."""
    pixels = np.concatenate([_samples(image) for image in images])
    chroma = np.hypot(pixels[:, 1], pixels[:, 2])
    hues = np.degrees(np.arctan2(pixels[:, 2], pixels[:, 1])) % 360
    histogram, _ = np.histogram(hues, bins=36, range=(0, 360), weights=chroma)
    main = float(np.argmax(_smoothed(histogram)) * 10 + 5)
    away = np.abs((hues - main + 180) % 360 - 180) > 40
    lively = pixels[np.argsort(chroma * (1 + away))[-max(8, len(pixels) // 100) :]]
    accent = float(np.degrees(np.arctan2(lively[:, 2].mean(), lively[:, 1].mean())) % 360)
    strength = float(min(1.0, np.percentile(chroma, 90) / 0.11))
    return _ramp(main, float(rng.uniform(15, 35)), accent, strength)


def _samples(image: Image.Image) -> Lab:
    small = image.convert("RGB").resize((_SAMPLE_SIDE_PIXELS, _SAMPLE_SIDE_PIXELS), Image.Resampling.BOX)
    return to_lab(np.asarray(small, dtype=np.float32).reshape(-1, 3) / 255)


def _smoothed(histogram: Floats) -> Floats:
    return histogram + 0.6 * (np.roll(histogram, 1) + np.roll(histogram, -1))
