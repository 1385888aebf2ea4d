"""How often a key may create."""

from hypothesis import given
from hypothesis import strategies as st
from reelmesh_gateway.model import rates

RATE = rates.Rate(per_second=0.5, burst=3)


def test_a_burst_is_let_through_and_what_comes_then_must_wait_for_the_next_token() -> None:
    bucket = rates.full(RATE, 100.0)
    waits: list[float] = []
    for _ in range(5):
        bucket, wait_seconds = rates.take(bucket, RATE, 100.0)
        waits.append(wait_seconds)

    assert waits == [0.0, 0.0, 0.0, 2.0, 2.0]


def test_who_waits_as_long_as_told_is_let_through() -> None:
    bucket = rates.Bucket(0.0, 100.0)
    bucket, wait_seconds = rates.take(bucket, RATE, 100.0)

    _, then = rates.take(bucket, RATE, 100.0 + wait_seconds)

    assert (wait_seconds, then) == (2.0, 0.0)


def test_a_long_rest_saves_up_no_more_than_a_burst() -> None:
    bucket, _ = rates.take(rates.full(RATE, 0.0), RATE, 1_000_000.0)

    assert bucket.tokens == 2.0


def test_a_clock_that_stands_still_or_goes_back_gives_nothing() -> None:
    bucket, wait_seconds = rates.take(rates.Bucket(0.0, 100.0), RATE, 50.0)

    assert bucket.tokens == 0.0
    assert wait_seconds == 2.0


@given(st.lists(st.floats(0, 10), min_size=1, max_size=200))
def test_no_pattern_of_asking_gets_more_than_burst_and_rate(pauses: list[float]) -> None:
    now, taken, bucket = 0.0, 0, rates.full(RATE, 0.0)
    for pause in pauses:
        now += pause
        bucket, wait_seconds = rates.take(bucket, RATE, now)
        taken += not wait_seconds

    assert taken <= RATE.burst + now * RATE.per_second + 1e-6
