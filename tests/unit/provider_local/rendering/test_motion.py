"""Curves and cameras."""

import pytest
from reelmesh_provider_local.rendering import motion


@pytest.mark.parametrize("curve", [motion.ease_in, motion.ease_out, motion.ease_in_out])
def test_every_curve_runs_from_0_to_1_without_turning_back(curve):
    values = [curve(step / 50) for step in range(51)]
    assert values[0] == 0
    assert values[-1] == 1
    assert values == sorted(values)
    assert curve(-3) == 0
    assert curve(3) == 1


def test_progress_over_no_time_is_a_step():
    assert motion.progress(0.9, 1.0, 0.0) == 0
    assert motion.progress(1.0, 1.0, 0.0) == 1


@pytest.mark.parametrize("centre", [-1.0, 0.0, 0.5, 2.0])
@pytest.mark.parametrize("zoom", [1.0, 1.16])
def test_the_camera_never_looks_past_the_plate_and_keeps_its_shape(centre, zoom):
    left, top, right, bottom = motion.view_box(motion.Framing(centre, centre, zoom), (900, 400), (320, 180))
    assert left >= 0
    assert top >= 0
    assert right <= 900
    assert bottom <= 400
    assert (right - left) / (bottom - top) == pytest.approx(320 / 180)


def test_a_camera_move_arrives_where_it_was_sent():
    move = motion.CameraMove(motion.Framing(0.2, 0.5, 1.0), motion.Framing(0.8, 0.4, 1.2))
    assert move.at(0) == move.start
    assert move.at(1).centre_x == pytest.approx(0.8)
    assert move.at(1).zoom == pytest.approx(1.2)
