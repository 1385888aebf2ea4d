"""Pictures of a clip, and the size of pictures."""

import io

import av
import PIL
from PIL import Image

KINDS = {"thumbnail": "image/webp", "spritesheet": "image/jpeg"}
_FORMATS = {"thumbnail": "WEBP", "spritesheet": "JPEG"}


def picture(clip: bytes, kind: str) -> bytes:
    """Return the first frame of a clip as a picture of this kind."""
    with av.open(io.BytesIO(clip), "r") as container:
        frame = next(iter(container.decode(video=0)))
    file = io.BytesIO()
    frame.to_image().save(file, _FORMATS[kind])
    return file.getvalue()


def size_of(content: bytes) -> tuple[int, int] | None:
    """Return width and height of a picture; None where it is none."""
    try:
        with Image.open(io.BytesIO(content)) as found:
            return found.size
    except (PIL.UnidentifiedImageError, OSError, ValueError):
        return None
