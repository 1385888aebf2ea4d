"""Whose answer a repeated call gets that has no key: generations never outnumber the calls that people made."""

import datetime
import itertools
import uuid
from collections.abc import Sequence

import pytest
from reelmesh_kit import clock, errors
from reelmesh_orchestrator.model import repeats

NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=clock.UTC)
SHA = "ab" * 32


class Door:
    """Calls with the same content, as they arrive."""

    def __init__(self) -> None:
        self.twins: Sequence[repeats.Twin] = ()
        self._numbers = itertools.count(1)
        self.now = NOW

    def arrive(self, count: int, arrival_id: uuid.UUID | None = None) -> int:
        """Return the number of the generation that an arrival is answered with."""
        self.now += datetime.timedelta(seconds=1)
        arrival = arrival_id or uuid.UUID(int=next(self._numbers))
        twin = repeats.meant(self.twins, arrival, count, self.now)
        if twin is None:
            self.twins = repeats.made(self.twins, arrival, count, self.now)
            return arrival.int
        self.twins = repeats.joined(self.twins, twin, arrival, count, self.now)
        return twin.generation_id.int


def answers(*counts: int) -> list[int]:
    """Return which generations arrivals with these counts get, in this order."""
    door = Door()
    return [door.arrive(count) for count in counts]


@pytest.mark.parametrize(
    ("counts", "generations"),
    [
        ([0, 1], [1, 1]),
        ([0, 1, 2], [1, 1, 1]),
        ([1, 0], [1, 1]),
        ([2, 0, 1], [1, 1, 1]),
        ([0, 0], [1, 2]),
        ([1], [1]),
        ([1, 2], [1, 1]),
        ([1, 1], [1, 1]),
        # The late first is the first of the repeat; the next one is a call of its own.
        ([1, 0, 0], [1, 1, 3]),
        # Of two calls the repeat is the younger's, whose answer is the one that may still be missing.
        ([0, 0, 1], [1, 2, 2]),
        # Two calls, both repeated: each gets its own.
        ([0, 0, 1, 1], [1, 2, 2, 1]),
        ([0, 1, 0, 1], [1, 1, 3, 3]),
        # The third sending belongs to whom the second belonged.
        ([0, 1, 0, 2], [1, 1, 3, 1]),
        # More repeats than calls never make one more.
        ([0, 0, 1, 1, 1], [1, 2, 2, 1, 1]),
    ],
)
def test_who_gets_what(counts: list[int], generations: list[int]) -> None:
    assert answers(*counts) == generations


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_in_whatever_order_they_come_generations_do_not_outnumber_calls(calls: int) -> None:
    sendings = [count for _ in range(calls) for count in (0, 1)]
    for order in set(itertools.permutations(sendings)):
        assert len(set(answers(*order))) <= calls
        for lost in range(len(order)):
            kept = order[:lost] + order[lost + 1 :]
            assert len(set(answers(*kept))) <= calls


def test_deliberate_calls_that_nobody_repeats_stay_as_many_as_they_are() -> None:
    assert len(set(answers(*[0] * 20))) == 20


def test_a_repeat_that_comes_too_late_is_a_call_of_its_own() -> None:
    door = Door()
    first = door.arrive(0)
    door.now += datetime.timedelta(seconds=600)
    assert door.arrive(1) == first
    door.now += datetime.timedelta(seconds=600)
    assert door.arrive(2) == first
    door.now += datetime.timedelta(seconds=repeats.WINDOW_SECONDS)
    assert door.arrive(3) != first


def test_a_first_that_comes_too_late_after_its_repeat_is_a_call_of_its_own() -> None:
    door = Door()
    first = door.arrive(1)
    door.now += datetime.timedelta(seconds=repeats.WINDOW_SECONDS)
    assert door.arrive(0) != first


def test_an_arrival_that_is_worked_on_twice_comes_to_the_same() -> None:
    door = Door()
    repeat = door.arrive(1)
    again = uuid.UUID(int=99)
    assert door.arrive(0, again) == repeat
    assert door.arrive(0, again) == repeat
    assert door.arrive(0) != repeat


def test_what_is_remembered_of_one_content_is_bounded() -> None:
    door = Door()
    made = [door.arrive(0) for _ in range(repeats.MOST_TWINS + 10)]
    assert len(door.twins) == repeats.MOST_TWINS
    assert door.arrive(1) in made


@pytest.mark.parametrize(
    ("sending", "field"),
    [
        (repeats.Sending("key", "", 0), "repeat.body_sha256"),
        (repeats.Sending("key", SHA.upper(), 0), "repeat.body_sha256"),
        (repeats.Sending("key", SHA, -1), "repeat.count"),
        (repeats.Sending("key", SHA, repeats.MOST_REPEATS + 1), "repeat.count"),
    ],
)
def test_what_is_no_sending_is_refused(sending: repeats.Sending, field: str) -> None:
    with pytest.raises(errors.InvalidArgument) as refused:
        repeats.check(sending)
    assert refused.value.metadata["field"] == field
