"""When which job is looked at next."""

import pytest
from reelmesh_provider import model
from reelmesh_provider.model import polling

PACE = model.Pace(first_seconds=1.0, longest_seconds=15.0, growth=1.5)


def delay(looks: int = 0, hint: float | None = None, failures: int = 0, jitter: float = 0.0) -> float:
    return polling.next_delay(PACE, looks, hint_seconds=hint, failures=failures, jitter=jitter)


def test_it_starts_short_and_grows_up_to_the_longest() -> None:
    assert [round(delay(looks), 2) for looks in range(4)] == [1.0, 1.5, 2.25, 3.38]
    assert delay(100) == 15.0


def test_the_providers_own_hint_wins_and_is_never_hurried() -> None:
    assert delay(0, hint=7.0) == 7.0
    assert delay(0, hint=7.0, jitter=-1.0) >= 7.0


def test_an_unanswered_look_backs_off_beyond_the_hint() -> None:
    assert delay(0, hint=0.5, failures=3) == 8.0
    assert delay(0, failures=50) == polling.LONGEST_BACKOFF_SECONDS


@pytest.mark.parametrize("jitter", [-1.0, 1.0])
def test_jitter_spreads_by_a_fifth(jitter: float) -> None:
    assert delay(0, jitter=jitter) == pytest.approx(1.0 + 0.2 * jitter)


def test_it_is_never_at_once() -> None:
    assert delay(0, hint=0.0) == polling.SHORTEST_DELAY_SECONDS


def test_keys_are_taken_when_due_longest_due_first() -> None:
    schedule = polling.Schedule()
    for key, due in (("late", 9.0), ("second", 2.0), ("first", 1.0)):
        schedule.set(key, due)
    assert schedule.take(5.0, limit=10) == ["first", "second"]
    assert schedule.next_due() == 9.0
    assert len(schedule) == 1


def test_a_key_that_was_moved_is_due_only_at_its_new_time() -> None:
    schedule = polling.Schedule()
    schedule.set("a", 1.0)
    schedule.set("a", 5.0)
    assert schedule.take(2.0, limit=10) == []
    assert schedule.take(5.0, limit=10) == ["a"]
    assert schedule.take(99.0, limit=10) == []


def test_a_removed_key_is_forgotten() -> None:
    schedule = polling.Schedule()
    schedule.set("a", 1.0)
    schedule.remove("a")
    schedule.remove("unknown")
    assert schedule.next_due() is None
    assert "a" not in schedule


def test_no_more_than_the_limit_is_taken() -> None:
    schedule = polling.Schedule()
    for number in range(5):
        schedule.set(str(number), float(number))
    assert schedule.take(10.0, limit=2) == ["0", "1"]
    assert len(schedule) == 3


def test_calls_are_spaced_by_the_rate() -> None:
    spacing = polling.Spacing()
    assert [spacing.reserve(10.0, 2.0) for _ in range(3)] == [0.0, 0.5, 1.0]
    assert spacing.reserve(20.0, 2.0) == 0.0


def test_no_rate_means_no_waiting() -> None:
    spacing = polling.Spacing()
    assert [spacing.reserve(10.0, 0.0) for _ in range(3)] == [0.0, 0.0, 0.0]


def test_a_missing_job_is_gone_after_so_many_looks_over_so_much_time() -> None:
    rule = model.GoneRule(times=3, over_seconds=10.0)
    absence = polling.Absence()
    seen = []
    for now in (100.0, 104.0, 108.0, 110.0):
        absence = absence.again(now)
        seen.append(absence.means_gone(rule, now))
    assert seen == [False, False, False, True]


def test_where_the_card_does_not_say_so_missing_never_means_gone() -> None:
    absence = polling.Absence()
    for now in range(100):
        absence = absence.again(float(now))
    assert not absence.means_gone(None, 100.0)
