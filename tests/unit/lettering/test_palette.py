"""Colours from words and from images."""

import io

import numpy as np
from PIL import Image
from reelmesh_lettering import palette

from tests.support import drawings


def lightness(colour) -> float:
    return float(palette.to_lab(np.array(colour, dtype=np.float32))[0])


def hue(colour) -> float:
    _, a, b = palette.to_lab(np.array(colour, dtype=np.float32)).tolist()
    return float(np.degrees(np.arctan2(b, a)) % 360)


def apart(one: float, other: float) -> float:
    return abs((one - other + 180) % 360 - 180)


def test_lab_and_back_is_the_same_colour():
    colours = np.random.default_rng(1).random((50, 3), dtype=np.float32)
    assert np.abs(palette.from_lab(palette.to_lab(colours)) - colours).max() < 0.003


def test_roles_rise_from_dark_to_light_whatever_the_seed():
    for seed in range(40):
        chosen = palette.from_words("anything", np.random.default_rng(seed))
        ramp = [lightness(colour) for colour in (chosen.deep, chosen.body, chosen.glow, chosen.spark, chosen.ink)]
        assert ramp == sorted(ramp)
        assert lightness(chosen.ink) - lightness(chosen.deep) > 0.7


def test_equal_seeds_agree_and_others_differ():
    first, again, other = (palette.from_words("x", np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_word_that_names_a_light_sets_the_hue():
    for seed in range(5):
        assert apart(hue(palette.from_words("Waves on the ocean.", np.random.default_rng(seed)).glow), 232) < 35


def test_a_palette_belongs_to_its_images():
    for colour in ((200, 60, 30), (20, 60, 200), (30, 150, 60)):
        image = Image.open(io.BytesIO(drawings.striped(colour)))
        chosen = palette.from_images([image], np.random.default_rng(0))
        wanted = hue([part / 255 for part in colour])
        assert apart(hue(chosen.glow), wanted) < 20


def test_a_grey_image_makes_a_quiet_palette():
    chosen = palette.from_images([Image.open(io.BytesIO(drawings.striped((120, 120, 120))))], np.random.default_rng(0))
    lab = palette.to_lab(np.array(chosen.glow, dtype=np.float32))
    assert float(np.hypot(lab[1], lab[2])) < 0.03
