"""Still pictures in place of videos: whatever the words and the size, there is something worth showing."""

import pathlib

import numpy as np
import PIL.Image
import pytest
from reelmesh_lettering import fonts, typography
from reelmesh_media.engine import infographics
from reelmesh_media.model import infographics as model
from reelmesh_media.model.video import Size

from tests.support import drawings, requirements

BOAT = "A paper boat drifts down a rainy street at dusk. A child runs beside it. It ends at the river."


def asked(prompt: str = BOAT, **given: object) -> model.InfographicRequest:
    fields: dict[str, object] = {"category": "", "size": Size(640, 360), "seed": 7}
    return model.InfographicRequest(prompt, **{**fields, **given})  # type: ignore[arg-type]


def lightness(picture: PIL.Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("L"), dtype=float)


def columns_of_ink(picture: PIL.Image.Image) -> np.ndarray:
    """Return in which columns something stands that is as light as words are."""
    return np.flatnonzero((lightness(picture) > 200).any(axis=0))


@pytest.mark.parametrize(
    ("prompt", "headline", "points"),
    [
        (
            BOAT,
            "A paper boat drifts down a rainy street at dusk.",
            ("A child runs beside it.", "It ends at the river."),
        ),
        ("A fox in the snow, while the sun sets", "A fox in the snow", ("while the sun sets",)),
        ("Wow, a fox", "Wow, a fox", ()),
        ("Ocean", "Ocean", ()),
        ("夜の東京、ネオンの雨。傘をさした猫が歩く。", "夜の東京、ネオンの雨。", ("傘をさした猫が歩く。",)),
        ("One. Two. Three. Four. Five. Six.", "One.", ("Two.", "Three.", "Four.", "Five …")),
        ("", "", ()),
    ],
)
def test_a_prompt_becomes_a_headline_and_points(prompt: str, headline: str, points: tuple[str, ...]):
    assert infographics.words_of(prompt) == model.Words(headline, points)


def test_a_long_prompt_is_cut_to_what_a_picture_holds():
    words = infographics.words_of("word " * 900)
    assert words.headline.endswith("word …")
    assert len(words.headline) <= model.HEADLINE_LIMIT_UNITS + 2


@pytest.mark.parametrize(
    ("size", "drawn"),
    [
        (Size(640, 360), Size(640, 360)),
        (Size(360, 640), Size(360, 640)),
        (Size(4096, 1024), Size(1920, 480)),
        (Size(64, 64), Size(64, 64)),
        (Size(64, 256), Size(64, 256)),
    ],
)
@pytest.mark.parametrize("prompt", [BOAT, "W" * 5000, "i", "", "\u0378\u0379"])
def test_every_size_and_every_prompt_has_a_picture(tmp_path: pathlib.Path, size: Size, drawn: Size, prompt: str):
    made = infographics.draw(asked(prompt, size=size, category="news"), tmp_path / "picture.png")
    assert (made.width, made.height) == (drawn.width, drawn.height)
    with PIL.Image.open(made.path) as picture:
        picture.load()
        assert (picture.format, picture.size) == ("PNG", (drawn.width, drawn.height))
        assert lightness(picture).std() > 3


def test_words_are_light_on_dark():
    picture = infographics.drawn(asked())
    light = lightness(picture)
    assert (light > 230).mean() > 0.01
    assert np.median(light) < 120


def test_the_same_request_makes_the_same_picture_and_another_seed_another():
    first, again, other = (infographics.drawn(asked(seed=seed)).tobytes() for seed in (7, 7, 8))
    assert first == again != other


def test_words_stay_off_the_edges_and_begin_at_the_left():
    ink = columns_of_ink(infographics.drawn(asked()))
    assert 0.03 * 640 < ink.min() < 0.12 * 640
    assert ink.max() < 0.97 * 640


def test_words_that_run_to_the_left_begin_at_the_right():
    text = "قارب من ورق"
    _, missing = typography.Typesetter(fonts.FontBook()).drawable(text)
    if missing:
        requirements.missing("fonts", f"none has {missing}")
    ink = columns_of_ink(infographics.drawn(asked(text)))
    assert ink.max() > 0.88 * 640


@pytest.mark.parametrize("size", [Size(640, 360), Size(360, 640)])
def test_the_image_that_it_would_have_started_from_is_shown(tmp_path: pathlib.Path, size: Size):
    image = tmp_path / "image"
    image.write_bytes(drawings.striped((200, 60, 30)))
    picture = infographics.drawn(asked(size=size, images=(image,)))
    where = (480, 250) if size.width > size.height else (200, 200)
    red, _, blue = picture.getpixel(where)  # type: ignore[misc]
    assert red > blue + 60


def test_an_image_that_cannot_be_read_is_left_out(tmp_path: pathlib.Path):
    broken = tmp_path / "image"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    assert infographics.drawn(asked(images=(broken,))).tobytes() == infographics.drawn(asked()).tobytes()


def test_without_a_font_for_its_script_there_is_still_a_picture():
    assert infographics.drawn(asked("夜の東京"), folders=()).size == (640, 360)
