"""Images, defensively decoded and filmed."""

import io

import numpy as np
import pytest
from PIL import Image
from reelmesh_provider_local import rendering
from reelmesh_provider_local.rendering import motion, pictures


@pytest.mark.parametrize("data", [b"", b"not an image", b"\x89PNG\r\n\x1a\nbroken", b"GIF89a" + b"\0" * 40])
def test_what_is_no_image_is_refused_by_name(data):
    with pytest.raises(rendering.UnreadableImage, match="image 3 cannot be read"):
        pictures.decode(data, "image 3")


def test_a_truncated_image_is_refused(picture):
    with pytest.raises(rendering.UnreadableImage, match="send it again"):
        pictures.decode(picture()[:-400], "image 1")


def test_a_huge_image_is_refused_from_its_header():
    out = io.BytesIO()
    Image.new("1", (9000, 10)).save(out, "PNG")
    with pytest.raises(rendering.UnreadableImage, match="9000x10"):
        pictures.decode(out.getvalue(), "image 1")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_three_formats_are_read(picture, kind):
    assert pictures.decode(picture(kind=kind), "image").size == (320, 180)


def test_transparency_is_laid_on_a_dark_ground():
    out = io.BytesIO()
    Image.new("RGBA", (8, 8), (255, 255, 255, 0)).save(out, "PNG")
    assert max(pictures.decode(out.getvalue(), "image").getpixel((4, 4))) < 40


@pytest.mark.parametrize("shape", [(320, 180), (180, 320), (64, 64), (900, 90), (33, 47)])
@pytest.mark.parametrize("frame", [(320, 180), (180, 320), (128, 128)])
def test_any_image_fills_any_frame_through_any_move(shape, frame):
    plate = pictures.plate(Image.new("RGB", shape, (90, 120, 200)), frame)
    move = pictures.camera_move(plate, frame, np.random.default_rng(4))
    for part in (0.0, 0.5, 1.0):
        assert plate.seen(move.at(part), frame).size == frame


def test_an_image_of_another_shape_is_shown_whole():
    assert pictures.plate(Image.new("RGB", (900, 200)), (180, 320)).inset
    assert not pictures.plate(Image.new("RGB", (320, 200)), (320, 180)).inset


def test_a_frame_sized_image_seen_at_rest_keeps_every_luma_pixel(picture):
    plate = pictures.exact_plate(pictures.decode(picture(), "image"), (320, 180))
    seen = plate.seen(motion.Framing(0.5, 0.5, 1.0), (320, 180))
    assert np.array_equal(seen.luma, plate.luma.plane)
