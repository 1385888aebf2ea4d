"""What an image is to us, which ones are taken in, and how first bytes tell what a file really is."""

import dataclasses
from pathlib import Path

MAX_IMAGE_BYTES = 10_000_000
MAX_IMAGE_PIXELS = 40_000_000
MAX_IMAGE_SIDE = 8192
MAX_JPEG_SCANS = 100
ACCEPTED_FORMATS = ("JPEG", "PNG", "WEBP")
SNIFF_BYTES = 16

_SIGNATURES = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (8, b"WEBP", "WEBP"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftypheic", "HEIC"),
    (4, b"ftypheix", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftyp", "MP4"),
    (4, b"moov", "MP4"),
    (4, b"mdat", "MP4"),
    (4, b"wide", "MP4"),
    (0, b"\x1aE\xdf\xa3", "WEBM"),
    (0, b"GIF8", "GIF"),
    (0, b"BM", "BMP"),
    (0, b"II*\x00", "TIFF"),
    (0, b"MM\x00*", "TIFF"),
    (0, b"\x00\x00\x01\x00", "ICO"),
    (0, b"%PDF", "PDF"),
    (0, b"{", "JSON"),
    (0, b"#EXTM3U", "playlist"),
    (0, b"ffconcat", "playlist"),
    (0, b"<", "XML or HTML"),
)
OTHER_IMAGE_FORMATS = ("AVIF", "HEIC", "GIF", "BMP", "TIFF", "ICO")


@dataclasses.dataclass(frozen=True, slots=True)
class CleanImage:
    """The image encoded anew: upright, sRGB, with no metadata. `format` is "PNG" or "JPEG"."""

    path: Path
    format: str
    width: int
    height: int
    size_bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True, slots=True)
class ImageFacts:
    """What came in: its real format, its size upright in pixels, and the SHA-256 of the bytes as sent."""

    format: str
    width: int
    height: int
    size_bytes: int
    sha256: str
    clean: CleanImage | None


def sniff(first_bytes: bytes) -> str:
    """Tell from the first 16 bytes what a file is; "unknown" when they match nothing, "nothing" for an empty file."""
    if not first_bytes:
        return "nothing"
    for offset, signature, name in _SIGNATURES:
        if first_bytes[offset : offset + len(signature)] == signature:
            return name
    return "unknown"


def header_refusal(width: int, height: int) -> str:
    """Say why an image of this size is not loaded, or "" when it may be."""
    if max(width, height) > MAX_IMAGE_SIDE:
        return f"{width}x{height}, sides of at most {MAX_IMAGE_SIDE}"
    if width * height > MAX_IMAGE_PIXELS:
        return f"{width}x{height}, at most {MAX_IMAGE_PIXELS} pixels"
    return ""
