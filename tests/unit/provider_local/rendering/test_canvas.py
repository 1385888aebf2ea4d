"""Drawing on planes."""

import numpy as np
import pytest
from PIL import Image
from reelmesh_provider_local.rendering import canvas

WHITE, BLACK, RED = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0)


def blank(luma: int = 16) -> canvas.Canvas:
    half = np.full((20, 32), 128, np.uint8)
    return canvas.Canvas(np.full((40, 64), luma, np.uint8), half.copy(), half.copy())


def test_colours_follow_bt709_limited_range():
    assert canvas.colour_code(WHITE) == pytest.approx((235, 128, 128), abs=0.01)
    assert canvas.colour_code(BLACK) == pytest.approx((16, 128, 128), abs=0.01)
    assert canvas.colour_code(RED) == pytest.approx((62.6, 102.3, 240), abs=0.2)


def test_a_rectangle_covers_fractions_of_pixels():
    picture = blank()
    picture.fill((10.0, 10.0, 20.5, 20.0), WHITE, 1.0)
    assert picture.luma[15, 15] == 235
    assert 120 < picture.luma[15, 20] < 130
    assert picture.luma[15, 21] == 16
    assert picture.luma[9, 15] == 16


def test_what_is_drawn_outside_is_cut_off():
    picture = blank()
    sprite = canvas.Sprite(Image.new("L", (30, 30), 255), canvas.colour_code(WHITE))
    for left, top in ((-20, -20), (55, 30), (-500, 0), (0, 500)):
        picture.place(sprite, left, top, 1.0)
    assert picture.luma[0, 0] == 235
    assert picture.luma[39, 63] == 235
    assert picture.luma[20, 32] == 16


def test_an_invisible_sprite_changes_nothing():
    picture = blank()
    picture.place(canvas.Sprite(Image.new("L", (30, 30), 255), canvas.colour_code(WHITE)), 0, 0, 0.0)
    assert picture.luma.max() == 16


def test_sprites_move_by_less_than_a_pixel():
    mask = Image.new("L", (20, 20), 0)
    mask.paste(255, (6, 6, 14, 14))
    seen: list[float] = []
    for offset in (0.0, 0.25, 0.5, 0.75, 1.0):
        picture = blank()
        picture.place(canvas.Sprite(mask, canvas.colour_code(WHITE)), 10 + offset, 10, 1.0)
        weights = (picture.luma.astype(float) - 16).sum(axis=0)
        seen.append(float((weights * np.arange(64)).sum() / weights.sum()))
    assert np.diff(seen) == pytest.approx([0.25] * 4, abs=0.06)


@pytest.mark.parametrize("density", [0.3, 1.0, 1.25])
def test_a_sprite_is_as_large_and_as_opaque_on_the_canvas_whatever_its_density(density):
    side = round(20 * density)
    mask = Image.new("L", (side + 10, side + 10), 0)
    mask.paste(255, (5, 5, side + 5, side + 5))
    sprite = canvas.Sprite(mask, canvas.colour_code(WHITE), density=density)
    picture = blank()
    picture.place(sprite, 30 - sprite.size[0] / 2, 20 - sprite.size[1] / 2, 0.5)
    lit = (picture.luma.astype(float) - 16) / 219
    assert lit.max() == pytest.approx(0.5, abs=0.02)
    assert lit.sum() / 0.5 == pytest.approx((side / density) ** 2, rel=0.06)
    assert picture.luma[20, 30] == picture.luma.max()


def test_blending_runs_from_one_picture_to_the_other():
    for amount, expected in ((0.0, 16), (0.5, 126), (1.0, 235)):
        picture = blank()
        picture.blend(blank(235), amount)
        assert picture.luma[0, 0] == pytest.approx(expected, abs=1)


def test_shade_darkens_towards_black_and_never_below():
    picture = blank(235)
    picture.shade(canvas.Shade.of(np.full((40, 64), 128, np.uint8)))
    assert picture.luma[0, 0] == pytest.approx(125, abs=2)
    picture.shade(canvas.Shade.of(np.zeros((40, 64), np.uint8)))
    assert picture.luma[0, 0] == 16


def test_grain_lightens_and_darkens_luma_alone():
    picture = blank(100)
    noise = np.zeros((40, 64), np.int8)
    noise[0, 0], noise[0, 1] = -5, 5
    picture.grain(noise)
    assert picture.luma[0, :3].tolist() == [95, 105, 100]
