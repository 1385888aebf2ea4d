"""What a film may be asked to be."""

import pytest
from reelmesh_provider_local import rendering


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("prompt", "x" * 5001, "at most 5000"),
        ("images", (b"",) * 5, "at most 4"),
        ("duration_seconds", 0.5, "1 to 60 s"),
        ("duration_seconds", 60.5, "1 to 60 s"),
        ("duration_seconds", float("nan"), "1 to 60 s"),
        ("fps", 25, "choose one of"),
        ("width", 321, "both sides even"),
        ("width", 2048, "up to 1920"),
        ("height", 32, "at least 64"),
    ],
)
def test_a_number_out_of_range_is_refused_with_the_allowed_range(spec, field, value, says):
    with pytest.raises(rendering.InvalidSpec, match=says):
        spec(**{field: value})


def test_both_sides_may_not_be_long(spec):
    with pytest.raises(rendering.InvalidSpec, match="short side"):
        spec(width=1920, height=1920)


def test_frames_follow_from_duration_and_rate(spec):
    assert spec(duration_seconds=2.5).frame_count == 60
    assert spec(duration_seconds=1.01, fps=30).frame_count == 30
