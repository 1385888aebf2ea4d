"""Taking images in: what is accepted, what is refused and why, and what a clean copy keeps."""

import io
import struct
import time
import zlib
from pathlib import Path

import PIL.Image
import PIL.ImageCms
import pytest
from reelmesh_kit import chance
from reelmesh_media.engine import images
from reelmesh_media.model import refusals


def encoded(form: str, size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.radial_gradient("L").resize(size).convert(mode).save(buffer, format=form, **options)
    return buffer.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds one line of nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_accepted_formats_are_described(form: str) -> None:
    content = encoded(form)
    facts = images.inspect_image(content)
    assert (facts.format, facts.width, facts.height, facts.size_bytes) == (form, 64, 48, len(content))
    assert len(facts.sha256) == 64
    assert facts.clean is None


@pytest.mark.parametrize(("form", "clean_form"), [("JPEG", "JPEG"), ("PNG", "PNG"), ("WEBP", "PNG")])
def test_a_clean_copy_is_a_picture_of_its_own(tmp_path: Path, form: str, clean_form: str) -> None:
    source = tmp_path / "upload.bin"
    source.write_bytes(encoded(form) + b"<script>appended</script>")
    clean = images.inspect_image(source, tmp_path / "clean").clean
    assert clean is not None
    assert clean.format == clean_form
    assert b"script" not in clean.path.read_bytes()
    with PIL.Image.open(clean.path) as image:
        assert (image.format, image.size, image.mode) == (clean_form, (64, 48), "RGB")


def test_the_place_a_photo_was_taken_is_dropped_and_it_stands_upright(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # lies on its side
    exif.get_ifd(0x8825)[1] = "N"
    exif[0x010F] = "a camera"
    content = encoded("JPEG", exif=exif, comment=b"private", icc_profile=srgb_profile())
    facts = images.inspect_image(content, tmp_path / "clean")
    assert (facts.width, facts.height) == (48, 64)
    assert facts.clean is not None
    with PIL.Image.open(facts.clean.path) as image:
        assert image.size == (48, 64)
        assert not image.getexif()
        assert not {"icc_profile", "comment", "exif"} & set(image.info)


def srgb_profile() -> bytes:
    return PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()


def test_transparency_is_kept(tmp_path: Path) -> None:
    facts = images.inspect_image(encoded("PNG", mode="RGBA"), tmp_path / "clean")
    assert facts.clean is not None
    with PIL.Image.open(facts.clean.path) as image:
        assert image.mode == "RGBA"


def test_a_broken_colour_profile_is_ignored(tmp_path: Path) -> None:
    assert images.inspect_image(encoded("JPEG", icc_profile=b"nonsense" * 40), tmp_path / "clean").clean is not None


def test_a_print_jpeg_becomes_rgb(tmp_path: Path) -> None:
    facts = images.inspect_image(encoded("JPEG", mode="CMYK"), tmp_path / "clean")
    assert facts.clean is not None
    with PIL.Image.open(facts.clean.path) as image:
        assert image.mode == "RGB"


def test_a_phone_s_jpeg_with_a_preview_behind_it_is_a_still(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    picture = PIL.Image.radial_gradient("L").convert("RGB")
    picture.save(buffer, format="MPO", save_all=True, append_images=[picture.resize((32, 32))])
    assert images.inspect_image(buffer.getvalue()).width == 256


@pytest.mark.parametrize(
    "content", [b"", b"hello, I am a picture", b'{"not": "an image"}', b"\x00\x00\x00\x20ftypisom" + b"\0" * 99]
)
def test_what_is_no_image_is_refused(content: bytes) -> None:
    with pytest.raises(refusals.NotAnImage):
        images.inspect_image(content)


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF", "ICO", "AVIF"])
def test_other_images_are_refused_by_their_bytes(form: str) -> None:
    with pytest.raises(refusals.WrongImageType, match=form):
        images.inspect_image(encoded(form))


def test_a_file_above_ten_megabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.truncate(10_000_001)
    with pytest.raises(refusals.ImageTooLarge, match="10000001"):
        images.inspect_image(path)
    with pytest.raises(refusals.ImageTooLarge):
        images.inspect_image(bytes(10_000_001))


@pytest.mark.parametrize(
    ("width", "height"), [(8193, 100), (100, 8193), (6400, 6400), (9500, 9500), (20_000, 20_000), (60_000, 60_000)]
)
def test_bombs_are_refused_by_their_header_and_fast(width: int, height: int) -> None:
    begun = time.perf_counter()
    with pytest.raises(refusals.ImageTooManyPixels, match=r"\d"):
        images.inspect_image(png_header(width, height))
    assert time.perf_counter() - begun < 0.2


def test_a_jpeg_bomb_is_refused_by_its_header() -> None:
    content = bytearray(encoded("JPEG"))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", 65_000, 65_000)
    begun = time.perf_counter()
    with pytest.raises(refusals.ImageTooManyPixels):
        images.inspect_image(bytes(content))
    assert time.perf_counter() - begun < 0.2


def test_a_webp_bomb_is_refused_by_its_header() -> None:
    content = bytearray(encoded("WEBP", lossless=True))
    # 14 bits of width and of height, each less one, follow the signature of a lossless picture.
    at = content.index(b"VP8L") + 9
    (told,) = struct.unpack_from("<I", content, at)
    struct.pack_into("<I", content, at, told | 2**28 - 1)
    with pytest.raises(refusals.ImageTooManyPixels):
        images.inspect_image(bytes(content))


@pytest.mark.parametrize("scans", [91, 200, 5000])
def test_a_jpeg_that_is_drawn_over_and_over_is_refused_undrawn(scans: int) -> None:
    content = encoded("JPEG", progressive=True)
    last = content[content.rindex(b"\xff\xda") : -2]
    with pytest.raises(refusals.ImageTooDear, match="scans, at most 100"):
        images.inspect_image(content[:-2] + last * scans + content[-2:])


def test_a_progressive_jpeg_as_programs_write_it_is_taken() -> None:
    assert images.inspect_image(encoded("JPEG", progressive=True)).format == "JPEG"


@pytest.mark.parametrize("name", [b"iCCP", b"zTXt"])
def test_a_bomb_in_what_stands_beside_the_pixels_is_not_unpacked(name: bytes) -> None:
    content = encoded("PNG")
    at = content.index(b"IDAT") - 4
    bomb = chunk(name, b"x\0\0" + zlib.compress(bytes(50_000_000), 9))
    with pytest.raises(refusals.ImageTruncated, match="too large"):
        images.inspect_image(content[:at] + bomb + content[at:])


def test_a_clean_copy_that_would_outweigh_an_upload_is_a_leaner_jpeg(tmp_path: Path) -> None:
    noise = PIL.Image.frombytes("RGB", (2600, 2000), chance.SeededChance(3).token(2600 * 2000 * 3))
    buffer = io.BytesIO()
    noise.save(buffer, "WEBP", quality=50, method=0)
    facts = images.inspect_image(buffer.getvalue(), tmp_path / "clean")
    assert facts.clean is not None
    assert (facts.clean.format, facts.clean.path.suffix) == ("JPEG", ".jpg")
    assert facts.clean.size_bytes < 10_000_000
    assert list(tmp_path.iterdir()) == [facts.clean.path]


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_moving_images_are_refused(form: str) -> None:
    buffer = io.BytesIO()
    first, second = PIL.Image.new("RGB", (32, 32), "red"), PIL.Image.new("RGB", (32, 32), "blue")
    first.save(buffer, format=form, save_all=True, append_images=[second], duration=100)
    with pytest.raises(refusals.ImageAnimated):
        images.inspect_image(buffer.getvalue())


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_images_are_refused(form: str, share: float) -> None:
    content = encoded(form, (512, 512))
    with pytest.raises((refusals.ImageTruncated, refusals.NotAnImage)):
        images.inspect_image(content[: int(len(content) * share)])


def test_a_signature_alone_is_refused() -> None:
    with pytest.raises((refusals.ImageTruncated, refusals.NotAnImage)):
        images.inspect_image(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
