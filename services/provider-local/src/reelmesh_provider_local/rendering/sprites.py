"""Lines of text as sprites: drawn once, larger than they are shown, and moved."""

import math
from dataclasses import dataclass

from PIL import Image, ImageFilter
from reelmesh_lettering import palette, typography

from reelmesh_provider_local.rendering import canvas

# Text is drawn larger by so much, more than it ever grows on screen.
DENSITY = 1.25
# The radius of a shadow's blur in its own pixels: enough for a smooth one.
SHADOW_RADIUS_PIXELS = 3.0
# How far it reaches, in radii.
SHADOW_REACH = 3


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line as a sprite: where its ink begins and ends from the sprite's left, and where its top stands from the
    baseline (upwards is negative), in pixels of the canvas."""

    sprite: canvas.Sprite
    ink_left: float
    ink_right: float
    rise: float


def drawn(line: typography.Line, size: int, colour: palette.Colour) -> Drawn:
    """A line as a sprite, drawn larger than it will be shown, so that it stays sharp at every place and scale."""
    larger = round(size * DENSITY)
    density = larger / size
    ink = typography.inked(line, larger, colour)
    inks = canvas.colour_code(colour) if ink.painted is None else canvas.component_planes(ink.painted)
    inner_left, _, inner_right, _ = ink.mask.getbbox() or (0, 0, 0, 0)
    return Drawn(
        sprite=canvas.Sprite(ink.mask, inks, density=density),
        ink_left=inner_left / density,
        ink_right=inner_right / density,
        rise=ink.top / density,
    )


def shadow(cast_by: canvas.Sprite, radius: float, colour: palette.Colour) -> canvas.Sprite:
    """A soft dark copy to lay under a sprite, with the same middle; of few pixels, as it has no detail."""
    density = min(cast_by.density, SHADOW_RADIUS_PIXELS / radius)
    scale = density / cast_by.density
    small = (max(1, round(cast_by.mask.width * scale)), max(1, round(cast_by.mask.height * scale)))
    margin = math.ceil(SHADOW_REACH * radius * density)
    mask = Image.new("L", (small[0] + 2 * margin, small[1] + 2 * margin), 0)
    mask.paste(cast_by.mask.resize(small, Image.Resampling.BOX), (margin, margin))
    blurred = mask.filter(ImageFilter.GaussianBlur(radius * density))
    return canvas.Sprite(blurred, canvas.colour_code(colour), density=density)
