"""Pictures as servers of the dialect take them: of exactly the size of the video."""

import io

import PIL
from PIL import Image, ImageOps
from reelmesh_provider import model as mesh

File = tuple[str, bytes, str]
"""Name, bytes and media type of a file of a form."""


class Unreadable(Exception):
    """The picture cannot be read."""


def fitting(picture: mesh.Picture, width: int, height: int) -> File:
    """Return a picture cut and scaled to the size of the video; one that has it stays as it is.

    Raises:
        Unreadable: it is no picture.
    """
    try:
        with Image.open(io.BytesIO(picture.data)) as found:
            if found.size == (width, height) and found.format in ("JPEG", "PNG", "WEBP"):
                return f"picture.{found.format.lower()}", picture.data, f"image/{found.format.lower()}"
            fitted = ImageOps.fit(ImageOps.exif_transpose(found).convert("RGB"), (width, height))
    except (PIL.UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise Unreadable(f"image {picture.asset_id} cannot be read: {error}") from error
    file = io.BytesIO()
    fitted.save(file, "PNG")
    return "picture.png", file.getvalue(), "image/png"
