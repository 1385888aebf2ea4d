"""Letting callers in."""

import datetime

import pytest
from reelmesh_gateway.model import keys, rates
from reelmesh_gateway.usecases import entrance
from reelmesh_kit import clock, errors

from tests.unit.gateway import fakes

RATE = rates.Rate(per_second=0.1, burst=2)


def issue(number: int, *scopes: keys.Scope) -> tuple[str, keys.Key]:
    text = keys.mint(number.to_bytes(keys.ID_BYTES, "big"), bytes(keys.SECRET_BYTES))
    presented = keys.parse(text)
    assert presented is not None
    created = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    digest = keys.digest(presented.secret)
    return text, keys.Key(presented.key_id, digest, "acme", frozenset(scopes), created)


@pytest.fixture
def time() -> clock.ManualClock:
    return clock.ManualClock()


def test_an_issued_key_is_known_by_its_text(time: clock.ManualClock) -> None:
    text, key = issue(1, keys.Scope.READ)

    assert entrance.Entrance(fakes.FakeKeys(key), time, RATE).identify(text) == key


@pytest.mark.parametrize("text", [None, "", "garbage", issue(2)[0]])
def test_all_other_texts_are_refused_in_the_same_words(time: clock.ManualClock, text: str | None) -> None:
    door = entrance.Entrance(fakes.FakeKeys(issue(1)[1]), time, RATE)

    with pytest.raises(errors.Unauthenticated) as refused:
        door.identify(text)

    assert refused.value.message == errors.Unauthenticated().message


def test_no_scope_includes_another(time: clock.ManualClock) -> None:
    door = entrance.Entrance(fakes.FakeKeys(), time, RATE)

    for held in keys.Scope:
        for needed in keys.Scope:
            if held is needed:
                door.require(issue(1, held)[1], needed)
            else:
                with pytest.raises(errors.PermissionDenied, match=needed):
                    door.require(issue(1, held)[1], needed)


def test_each_key_has_a_share_of_its_own_that_comes_back_with_time(time: clock.ManualClock) -> None:
    door = entrance.Entrance(fakes.FakeKeys(), time, RATE)
    (_, one), (_, other) = issue(1), issue(2)
    door.spend_create(one)
    door.spend_create(one)

    with pytest.raises(errors.RateLimited) as refused:
        door.spend_create(one)
    assert refused.value.retry_after == datetime.timedelta(seconds=10)

    door.spend_create(other)
    time.advance(10)
    door.spend_create(one)


def test_only_the_keys_used_last_are_remembered(time: clock.ManualClock) -> None:
    door = entrance.Entrance(fakes.FakeKeys(), time, rates.Rate(per_second=0.1, burst=1))
    first = issue(0)[1]
    for number in range(entrance.BUCKETS_LIMIT + 1):
        door.spend_create(issue(number)[1])

    # Forgotten, and so with a full bucket again; the last one is remembered.
    door.spend_create(first)
    with pytest.raises(errors.RateLimited):
        door.spend_create(issue(entrance.BUCKETS_LIMIT)[1])
