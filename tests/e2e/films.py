"""Looks at films and makes pictures: what tests need to see what was made."""

import io
import pathlib
from collections.abc import Sequence
from typing import Any

import av
import numpy as np
from PIL import Image
from reelmesh_standalone import checking

Frame = np.ndarray[Any, np.dtype[np.uint8]]
Colour = tuple[int, int, int]


def checked(content: bytes, folder: pathlib.Path, *, seconds: float, size: tuple[int, int]) -> checking.Facts:
    """Return what a film is, if it is H.264 with AAC, of that size and length."""
    path = folder / "film.mp4"
    path.write_bytes(content)
    return checking.check(path, duration_seconds=seconds, width=size[0], height=size[1])


def frames(content: bytes) -> list[Frame]:
    """Return all frames of a film, each height x width x 3."""
    with av.open(io.BytesIO(content)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def difference(one: Frame, other: Frame) -> float:
    """Return how far two frames are apart: the mean of the differences of all their bytes, 0 to 255."""
    return float(np.abs(one.astype(np.int16) - other.astype(np.int16)).mean())


def mean_colour(frame: Frame) -> Sequence[float]:
    """Return the mean red, green and blue of a frame."""
    return [float(channel) for channel in frame.reshape(-1, 3).mean(axis=0)]


def picture(colour: Colour, size: tuple[int, int] = (160, 90), kind: str = "PNG", **options: Any) -> bytes:
    """Return an image file of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind, **options)
    return buffer.getvalue()


def animation(kind: str) -> bytes:
    """Return an animated image file of two frames."""
    buffer = io.BytesIO()
    first, second = (Image.new("RGB", (64, 64), colour) for colour in ("red", "blue"))
    first.save(buffer, kind, save_all=True, append_images=[second], duration=100)
    return buffer.getvalue()
