"""Text that runs both ways."""

import pytest
from reelmesh_lettering import direction


@pytest.mark.parametrize(("text", "way"), [("abc", "ltr"), ("… قطة", "rtl"), ("123", "ltr"), ("שלום world", "rtl")])
def test_a_paragraph_runs_the_way_of_its_first_letter(text, way):
    assert direction.of_paragraph(text) == way


def test_a_foreign_word_keeps_its_place_between_neighbours():
    assert direction.segments("one قطة two", "ltr") == [("one ", "ltr"), ("قطة", "rtl"), (" two", "ltr")]


def test_a_right_to_left_line_begins_at_the_right():
    assert direction.segments("قطة cat", "rtl") == [("cat", "ltr"), ("قطة ", "rtl")]


def test_numbers_stay_with_the_letters_before_them():
    assert direction.segments("ضوء 2026 نيون", "rtl") == [("ضوء 2026 نيون", "rtl")]


def test_nothing_has_no_segments():
    assert direction.segments("", "ltr") == []
