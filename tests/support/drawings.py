"""Pictures to start from, drawn on the spot."""

import io

import numpy as np
from PIL import Image


def striped(
    colour: tuple[int, int, int] = (200, 60, 30), size: tuple[int, int] = (320, 180), kind: str = "PNG"
) -> bytes:
    """Return a file of a picture with structure: a colour, diagonal stripes, and a bright corner."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    stripes = 0.75 + 0.25 * np.sin((x + y) / 9)
    pixels = np.array(colour)[None, None] * stripes[..., None]
    pixels[: size[1] // 4, : size[0] // 4] += 50
    out = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(out, kind)
    return out.getvalue()
