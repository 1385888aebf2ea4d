"""Lines of text as sprites."""

import numpy as np
import pytest
from reelmesh_lettering import fonts, typography, wording
from reelmesh_provider_local.rendering import sprites

WHITE = (1.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def typesetter() -> typography.Typesetter:
    """With the packaged fonts alone."""
    return typography.Typesetter(fonts.FontBook(()))


def test_a_line_is_drawn_larger_than_it_is_shown_and_stands_where_it_was_measured(typesetter):
    block = typesetter.fit(wording.atoms("Fox jumps"), fonts.HEAVY, "ltr", (400, 200), 60)
    drawn = sprites.drawn(block.lines[0], block.size, WHITE)
    box = block.boxes[0]
    assert drawn.sprite.density == pytest.approx(sprites.DENSITY, abs=0.02)
    (run,) = block.lines[0].runs
    left, _, right, _ = fonts.opened(run.face, block.size).getmask(run.text).getbbox()
    assert drawn.ink_right - drawn.ink_left == pytest.approx(right - left, abs=2)
    _, top, _, bottom = drawn.sprite.mask.getbbox()
    assert drawn.rise + top / drawn.sprite.density == pytest.approx(box.top, abs=1.5)
    assert drawn.rise + bottom / drawn.sprite.density == pytest.approx(box.bottom, abs=1.5)


@pytest.mark.parametrize("radius", [2.0, 9.0, 25.0])
def test_a_shadow_lies_under_its_line_and_reaches_beyond_it(typesetter, radius):
    block = typesetter.fit(wording.atoms("Fox"), fonts.HEAVY, "ltr", (400, 200), 60)
    line = sprites.drawn(block.lines[0], block.size, WHITE).sprite
    shadow = sprites.shadow(line, radius, (0.0, 0.0, 0.0))
    assert all(around - own >= 2 * radius for around, own in zip(shadow.size, line.size, strict=True))
    middles = [centre_of(each) for each in (line, shadow)]
    assert middles[0] == pytest.approx(middles[1], abs=1.0)
    assert shadow.mask.width * shadow.mask.height <= line.mask.width * line.mask.height * 4


def centre_of(sprite):
    """Where the middle of the ink stands from the middle of the sprite, in pixels of the canvas."""
    mask = np.asarray(sprite.mask, dtype=float)
    y, x = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]] + 0.5
    centre = (x * mask).sum() / mask.sum(), (y * mask).sum() / mask.sum()
    return [
        (place - side / 2) / sprite.density for place, side in zip(centre, (mask.shape[1], mask.shape[0]), strict=True)
    ]
