"""Takes images in: the real type from the first bytes, limits from the header, a clean copy of pixels alone."""

import hashlib
import io
import struct
import warnings
import zlib
from pathlib import Path

import PIL.Image
import PIL.ImageCms
import PIL.ImageOps

from reelmesh_media.engine import files
from reelmesh_media.model import images, refusals

# How a clean copy is written: the first that stays within what an upload may weigh.
_FINE_JPEG = ("JPEG", {"quality": 95, "subsampling": 0})
_LEAN_JPEG = ("JPEG", {"quality": 85, "subsampling": 2})
_PNG = ("PNG", {"compress_level": 4})
_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png"}
_JPEG_SCAN = b"\xff\xda"
# What Pillow's readers raise on damaged files; SyntaxError is its word for a broken structure.
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)


def inspect_image(source: Path | bytes, clean_to: Path | None = None) -> images.ImageFacts:
    """Say what an image is, decoding it whole; write a clean copy when asked.

    The copy is upright, in sRGB, and holds pixels only: no EXIF, GPS, profile, comment or appended data. It is a JPEG
    when the source is one, else a PNG; an opaque one that would weigh more than an upload may is a leaner JPEG.

    Args:
        source: a file, or its bytes.
        clean_to: where the copy goes; its ending is set to ".jpg" or ".png".

    Raises:
        refusals.NotAnImage: neither by type nor by content.
        refusals.WrongImageType: an image, but no JPEG, PNG or WebP.
        refusals.ImageTooLarge: more than 10 MB.
        refusals.ImageTooManyPixels: more than 40 megapixels or 8192 on a side, told by its header alone.
        refusals.ImageTooDear: it is made to take minutes to decode.
        refusals.ImageAnimated: it moves.
        refusals.ImageTruncated: it does not decode to its end.
        refusals.OutputNotWritten: the copy could not be written.
    """
    content = _content(source)
    kind = _accepted_kind(content)
    image = _decoded(content, kind)
    clean = _write_clean(image, kind, clean_to) if clean_to else None
    digest = hashlib.sha256(content).hexdigest()
    return images.ImageFacts(kind, image.width, image.height, len(content), digest, clean)


def _content(source: Path | bytes) -> bytes:
    if isinstance(source, Path):
        _check_bytes(source.stat().st_size)
        source = source.read_bytes()
    _check_bytes(len(source))
    return source


def _check_bytes(size_bytes: int) -> None:
    if size_bytes > images.MAX_IMAGE_BYTES:
        raise refusals.ImageTooLarge(f"{size_bytes} bytes, at most {images.MAX_IMAGE_BYTES}")


def _accepted_kind(content: bytes) -> str:
    kind = images.sniff(content[: images.SNIFF_BYTES])
    if kind in images.ACCEPTED_FORMATS:
        return kind
    if kind in images.OTHER_IMAGE_FORMATS:
        raise refusals.WrongImageType(f"this is {kind}")
    raise refusals.NotAnImage(f"the content starts like {kind}")


def _decoded(content: bytes, kind: str) -> PIL.Image.Image:
    """The image in full, upright, in RGB or RGBA."""
    image = _opened(content, kind)
    if refusal := images.header_refusal(image.width, image.height):
        raise refusals.ImageTooManyPixels(refusal)
    # Phones write JPEGs with a preview behind the picture (MPO): more than one image, yet nothing moves.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        raise refusals.ImageAnimated(f"{getattr(image, 'n_frames', 2)} frames")
    # Inside of what is drawn the mark is escaped: every one is a scan over the whole picture, or a preview's.
    if kind == "JPEG" and (scans := content.count(_JPEG_SCAN)) > images.MAX_JPEG_SCANS:
        raise refusals.ImageTooDear(f"{scans} scans, at most {images.MAX_JPEG_SCANS}")
    try:
        image.load()
        return _in_srgb(PIL.ImageOps.exif_transpose(image))
    except _DAMAGED as error:
        raise refusals.ImageTruncated(str(error)) from error


def _opened(content: bytes, kind: str) -> PIL.Image.Image:
    """The image with its header read; Pillow's own guard against bombs counts as ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
        try:
            return PIL.Image.open(io.BytesIO(content), formats=[kind])
        except (PIL.Image.DecompressionBombWarning, PIL.Image.DecompressionBombError) as error:
            raise refusals.ImageTooManyPixels(str(error)) from error
        except PIL.UnidentifiedImageError as error:
            raise refusals.NotAnImage(f"it starts like {kind}, but is none") from error
        except _DAMAGED as error:
            raise refusals.ImageTruncated(str(error)) from error


def _in_srgb(image: PIL.Image.Image) -> PIL.Image.Image:
    """Colours as a screen without profiles shows them; transparency kept."""
    transparent = image.has_transparency_data
    profile = image.info.get("icc_profile")
    mode = "RGBA" if transparent else "RGB"
    if profile and image.mode in ("RGB", "CMYK"):
        try:
            read = PIL.ImageCms.ImageCmsProfile(io.BytesIO(profile))
            srgb = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB"))  # pyright: ignore[reportUnknownArgumentType]
            converted = PIL.ImageCms.profileToProfile(image, read, srgb, outputMode="RGB")
            return converted or image.convert(mode)
        except (PIL.ImageCms.PyCMSError, OSError):
            # A broken profile tells nothing: the numbers are taken as they are.
            return image.convert(mode)
    return image.convert(mode)


def _write_clean(image: PIL.Image.Image, kind: str, clean_to: Path) -> images.CleanImage:
    bare = PIL.Image.frombytes(image.mode, image.size, image.tobytes())
    ways = [_FINE_JPEG if kind == "JPEG" else _PNG, *([_LEAN_JPEG] if image.mode == "RGB" else [])]
    form, options = ways.pop(0)
    while _weight_as(bare, form, options, clean_to) > images.MAX_IMAGE_BYTES and ways:
        files.part(clean_to.with_suffix(_SUFFIXES[form])).unlink()
        form, options = ways.pop(0)
    made = files.publish(clean_to.with_suffix(_SUFFIXES[form]), image.width, image.height)
    return images.CleanImage(made.path, form, made.width, made.height, made.size_bytes, made.sha256)


def _weight_as(image: PIL.Image.Image, form: str, options: dict[str, int], clean_to: Path) -> int:
    """Write an image under its temporary name; returns how many bytes that takes."""
    temporary = files.part(clean_to.with_suffix(_SUFFIXES[form]))
    with files.writing():
        image.save(temporary, format=form, **options)
    return temporary.stat().st_size
