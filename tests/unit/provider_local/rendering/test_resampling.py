"""Planes seen through boxes that stand between pixels."""

import numpy as np
import pytest
from reelmesh_provider_local.rendering import resampling

SIZE = (240, 160)


def ramp(width: int = 400, height: int = 300) -> np.ndarray:
    """Brighter by half a level a pixel to the right and by a quarter downwards: brightness tells the place."""
    y, x = np.mgrid[0:height, 0:width]
    return (x * 0.5 + y * 0.25).astype(np.uint8)


def smooth(width: int = 400, height: int = 300) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return (127 + 60 * np.sin(x / 19) + 60 * np.cos(y / 23)).round().astype(np.uint8)


@pytest.mark.parametrize("zoom", [0.1, 0.5, 0.85, 0.98, 1.0, 1.003, 1.08, 1.2, 1.25, 1.6, 3.0])
@pytest.mark.parametrize("way", [resampling.SOFT, resampling.CRISP])
def test_what_is_seen_stands_where_it_should_at_any_zoom(zoom: float, way: resampling.Interpolation) -> None:
    width, height = SIZE[0] * zoom * 0.4, SIZE[1] * zoom * 0.4
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    for left, top in ((20.0, 10.0), (20.3, 10.9), (33.71, 12.05)):
        box = (left, top, left + width, top + height)
        seen = resampling.Source(smooth()).seen(box, SIZE, way).astype(float)
        at_x, at_y = left + (x + 0.5) * width / SIZE[0] - 0.5, top + (y + 0.5) * height / SIZE[1] - 0.5
        wanted = 127 + 60 * np.sin(at_x / 19) + 60 * np.cos(at_y / 23)
        # A pixel is up to 3.2 levels here: a tenth of one is what may be missing, and rounding.
        assert np.abs(seen - wanted)[4:-4, 4:-4].max() < 1.6


@pytest.mark.parametrize("length", [283.7, 300.0, 211.9])
def test_a_slow_move_is_even(length: float) -> None:
    y, x = np.mgrid[0:300, 0:400]
    spot = (250 * np.exp(-((x - 150) ** 2 + (y - 120) ** 2) / 200)).round().astype(np.uint8)
    source = resampling.Source(spot)
    places: list[float] = []
    for step in range(40):
        left = 10 + step * 0.1
        seen = source.seen((left, 20.0, left + length, 20 + length * 2 / 3), SIZE).astype(float)
        places.append(float((seen.sum(axis=0) * np.arange(SIZE[0])).sum() / seen.sum()))
    wanted = (150.5 - 10 - np.arange(40) * 0.1) * SIZE[0] / length - 0.5
    assert np.abs(places - wanted).max() < 0.13


@pytest.mark.parametrize("size", [(128, 72), (30, 17), (480, 300), (4, 2)])
def test_the_edge_is_continued_where_a_box_touches_it(size: tuple[int, int]) -> None:
    plane = np.full((90, 160), 77, np.uint8)
    for box in ((0.0, 0.0, 160.0, 90.0), (0.3, 0.2, 160.0, 90.0), (0.0, 0.0, 159.5, 89.1)):
        seen = resampling.Source(plane).seen(box, size)
        assert seen.shape == size[::-1]
        assert set(seen.flat) == {77}


def test_the_whole_at_its_own_size_is_a_copy() -> None:
    source = resampling.Source(ramp())
    seen = source.seen((0, 0, 400, 300), (400, 300))
    assert np.array_equal(seen, source.plane)
    seen[:] = 0
    assert source.plane.any()


def test_what_is_seen_belongs_to_who_looked() -> None:
    source = resampling.Source(ramp())
    box = (3.3, 4.4, 303.3, 204.4)
    first = source.seen(box, SIZE)
    before = first.copy()
    source.seen(box, SIZE)[:] = 0
    assert np.array_equal(first, before)
