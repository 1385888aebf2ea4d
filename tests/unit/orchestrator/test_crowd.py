"""Who fits is known without a count for each; how long to wait is what was seen to end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reelmesh_orchestrator.model import crowd


def enter(one: crowd.Crowd, *, admitted: bool = True) -> bool:
    with one.entering() as entry:
        entry.admitted = entry.fits and admitted
    return entry.fits


def test_so_many_fit_and_no_more() -> None:
    one = crowd.Crowd(3)
    one.count(1, 0, 0.0)
    assert [enter(one) for _ in range(4)] == [True, True, False, False]


def test_a_place_is_kept_for_each_that_is_about_to_come_in() -> None:
    one = crowd.Crowd(2)
    with one.entering() as first, one.entering() as second, one.entering() as third:
        assert [first.fits, second.fits, third.fits] == [True, True, False]
    assert enter(one), "none of them came in"


def test_one_that_fails_on_its_way_gives_its_place_back() -> None:
    one = crowd.Crowd(1)
    with pytest.raises(ValueError, match="no"), one.entering():
        raise ValueError("no")
    assert enter(one)


def test_what_was_admitted_during_a_count_is_not_forgotten() -> None:
    one = crowd.Crowd(2)
    began = one.admitted
    assert enter(one)
    # It saw nothing of the one that came in meanwhile.
    one.count(0, began, 0.0)
    assert [enter(one), enter(one)] == [True, False]


def test_what_others_admitted_is_seen_by_the_next_count() -> None:
    one = crowd.Crowd(2)
    one.count(0, 0, 0.0)
    one.count(2, 0, 1.0)
    assert not enter(one)
    one.count(1, 0, 2.0)
    assert enter(one)


def test_the_wait_is_until_a_hundredth_is_free_at_the_pace_at_which_they_end() -> None:
    one = crowd.Crowd(1000)
    one.count(1000, 0, 0.0)
    assert one.wait_seconds() == crowd.UNKNOWN_WAIT_SECONDS
    for second in range(1, 10):
        one.count(1000 - 2 * second, 0, float(second))
    assert one.wait_seconds() == pytest.approx(5.0)


def test_what_is_admitted_in_place_of_what_ends_does_not_hide_it() -> None:
    one = crowd.Crowd(100)
    one.count(100, 0, 0.0)
    one.count(100, 10, 20.0)
    assert one.wait_seconds() == pytest.approx(2.0)


def test_the_pace_of_long_ago_is_forgotten() -> None:
    one = crowd.Crowd(1000)
    one.count(1000, 0, 0.0)
    one.count(0, 0, 1.0)
    assert one.wait_seconds() == crowd.SHORTEST_WAIT_SECONDS
    for second in range(2, 1000):
        one.count(1000, 0, float(second))
    assert one.wait_seconds() == crowd.LONGEST_WAIT_SECONDS


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 50), st.floats(0, 100)), max_size=20))
def test_the_wait_is_within_its_bounds_whatever_is_counted(counts: list[tuple[int, int, float]]) -> None:
    one, admitted, moment = crowd.Crowd(250), 0, 0.0
    for unfinished, more, seconds in counts:
        admitted, moment = admitted + more, moment + seconds
        one.count(unfinished, admitted, moment)
        assert crowd.SHORTEST_WAIT_SECONDS <= one.wait_seconds() <= crowd.LONGEST_WAIT_SECONDS
