"""What the vendor sells: tiny films that are real ones."""

import pathlib

from tests.chaos import vendor
from tests.unit.media import clips

LENGTHS = (1.0, vendor.LONGEST_SECONDS)


def made(folder: pathlib.Path) -> dict[float, bytes]:
    """Make a film of each length, as MP4, in a folder that is made for it; return their bytes."""
    folder.mkdir()
    return {seconds: _film(folder, seconds).read_bytes() for seconds in LENGTHS}


def _film(folder: pathlib.Path, seconds: float) -> pathlib.Path:
    spec = clips.Spec(
        pictures=((clips.MOVING, seconds),), tones=((clips.TONE, seconds),), width=160, height=90, key_frames_every=12
    )
    return clips.make(folder / f"{seconds:g}.mp4", spec)
