"""Images that are none, are not whole, claim too much, or unpack to too much: built here, so that each says how."""

import io
import struct
import zlib
from collections.abc import Callable

import PIL.Image
import PIL.PngImagePlugin

PNG = b"\x89PNG\r\n\x1a\n"


def encoded(kind: str, width: int = 64, height: int = 48, **options: object) -> bytes:
    """Return a good image."""
    out = io.BytesIO()
    PIL.Image.new("RGB", (width, height), "teal").save(out, format=kind, **options)
    return out.getvalue()


def noise(width: int, height: int) -> bytes:
    """Return a PNG that cannot be packed."""
    out = io.BytesIO()
    PIL.Image.effect_noise((width, height), 100).save(out, format="PNG")
    return out.getvalue()


def chunk(kind: bytes, content: bytes, checksum: int | None = None) -> bytes:
    """Return a chunk of a PNG; its checksum is right unless given."""
    right = zlib.crc32(kind + content) if checksum is None else checksum
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", right)


def header(width: int, height: int, *, depth: int = 8, colours: int = 2) -> bytes:
    """Return the first chunk of a PNG."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0))


def png(width: int, height: int, pixels: bytes, *between: bytes) -> bytes:
    """Return a PNG of these compressed pixels, with chunks between its header and them."""
    return PNG + header(width, height) + b"".join(between) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def zeros(megabytes: int) -> bytes:
    """Return many zeros, compressed a thousand times."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(b"\0" * 2**20) for _ in range(megabytes)) + packer.flush()


def jpeg_claiming(width: int, height: int) -> bytes:
    """Return a JPEG whose header claims another size than it has."""
    content = bytearray(encoded("JPEG"))
    place = content.index(b"\xff\xc0") + 5
    content[place : place + 4] = struct.pack(">HH", height, width)
    return bytes(content)


def webp_claiming(width: int, height: int) -> bytes:
    """Return a lossless WebP whose header claims another size than it has."""
    content = bytearray(encoded("WEBP", lossless=True))
    place = content.index(b"VP8L") + 9
    content[place : place + 4] = struct.pack("<I", (width - 1) | (height - 1) << 14)
    return bytes(content)


def animated(kind: str) -> bytes:
    """Return an image that moves."""
    out = io.BytesIO()
    frames = [PIL.Image.new("RGB", (32, 32), colour) for colour in ("red", "green", "blue")]
    frames[0].save(out, format=kind, save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


def with_text(megabytes: int) -> bytes:
    """Return a PNG with a comment that unpacks to many megabytes."""
    return png(1, 1, zlib.compress(b"\0\0\0\0"), chunk(b"zTXt", b"Comment\0\0" + zeros(megabytes)))


def with_profile(megabytes: int) -> bytes:
    """Return a PNG with a colour profile that unpacks to many megabytes."""
    return png(1, 1, zlib.compress(b"\0\0\0\0"), chunk(b"iCCP", b"icc\0\0" + zeros(megabytes)))


def many_chunks(count: int) -> bytes:
    """Return a PNG with very many small chunks."""
    return png(1, 1, zlib.compress(b"\0\0\0\0"), *[chunk(b"tEXt", b"k\0v")] * count)


def half(content: bytes) -> bytes:
    """Return the first half."""
    return content[: len(content) // 2]


# What is refused, and words of the refusal.
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "no JPEG, PNG or WebP"),
    "eleven bytes": (lambda: PNG + b"\0\0\0", "not an image"),
    "text": (lambda: b"hello, this is no image at all", "no JPEG, PNG or WebP"),
    "a page": (lambda: b"<html><script>alert(1)</script></html>", "no JPEG, PNG or WebP"),
    "a drawing that opens files": (
        lambda: b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
        "no JPEG, PNG or WebP",
    ),
    "a playlist that opens files": (lambda: b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "no JPEG, PNG or WebP"),
    "a GIF": (lambda: encoded("GIF"), "no JPEG, PNG or WebP"),
    "a BMP": (lambda: encoded("BMP"), "no JPEG, PNG or WebP"),
    "a program": (lambda: b"\x7fELF" + b"\0" * 1000, "no JPEG, PNG or WebP"),
    "an archive": (lambda: b"PK\x03\x04" + b"\0" * 1000, "no JPEG, PNG or WebP"),
    "the beginning of a PNG": (lambda: PNG + b"\0" * 1000, ""),
    "the beginning of a JPEG": (lambda: b"\xff\xd8\xff\xe0" + b"\0" * 1000, ""),
    "the beginning of a WebP": (lambda: b"RIFF\xff\xff\xff\x7fWEBPVP8 " + b"\0" * 1000, ""),
    "half a PNG": (lambda: half(encoded("PNG", 640, 480)), ""),
    "half a JPEG": (lambda: half(encoded("JPEG", 640, 480)), ""),
    "half a WebP": (lambda: half(encoded("WEBP", 640, 480)), ""),
    "a PNG of no pixels": (lambda: png(0, 0, zlib.compress(b"")), ""),
    "a PNG without pixels": (lambda: PNG + header(64, 48) + chunk(b"IEND", b""), ""),
    "a PNG with a wrong checksum": (
        lambda: PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0), 0) + chunk(b"IEND", b""),
        "",
    ),
    "a PNG of a depth that there is not": (lambda: PNG + header(8, 8, depth=7) + chunk(b"IEND", b""), ""),
    "a PNG that claims all pixels": (lambda: png(2**31 - 1, 2**31 - 1, zeros(1)), "8192"),
    "a PNG of 900 megapixels": (lambda: png(30_000, 30_000, zeros(1)), "8192"),
    "a PNG of 64 megapixels": (lambda: png(8000, 8000, zeros(1)), "pixels"),
    "a PNG of one very long row": (lambda: png(1_000_000, 1, zeros(3)), "8192"),
    "a JPEG that claims 65,535 by 65,535": (lambda: jpeg_claiming(65_535, 65_535), "8192"),
    "a WebP that claims 16,384 by 16,384": (lambda: webp_claiming(16_384, 16_384), "8192"),
    "a PNG with a comment of 60 megabytes": (lambda: with_text(60), ""),
    "a PNG with a profile of 60 megabytes": (lambda: with_profile(60), ""),
    "a PNG that moves": (lambda: animated("PNG"), "frames"),
    "a WebP that moves": (lambda: animated("WEBP"), "frames"),
}

# What is taken in, cleaned of everything but its pixels.
TAKEN: dict[str, Callable[[], bytes]] = {
    "a PNG": lambda: encoded("PNG"),
    "a JPEG": lambda: encoded("JPEG"),
    "a WebP": lambda: encoded("WEBP"),
    "a PNG and an archive behind it": lambda: encoded("PNG") + b"PK\x03\x04" + b"evil" * 1000,
    "a JPEG and a page behind it": lambda: encoded("JPEG") + b"<script>evil</script>",
    "a JPEG with a comment that is a script": lambda: encoded("JPEG", comment=b"*/=evil;/*"),
    "a PNG with 100,000 comments": lambda: many_chunks(100_000),
    "a PNG of the longest side": lambda: encoded("PNG", 8192, 1),
}
