"""Slots go to the tenants with least in flight, in the order of rank within each."""

import uuid

from hypothesis import given
from hypothesis import strategies as st
from reelmesh_orchestrator.model import dispatching, leases


def waiting(*tenants: str) -> list[dispatching.Waiting]:
    return [dispatching.Waiting(uuid.UUID(int=n), uuid.UUID(int=n), tenant) for n, tenant in enumerate(tenants)]


def test_a_tenant_with_many_does_not_starve_one_with_few() -> None:
    queue = waiting("big", "big", "big", "big", "small")
    chosen = dispatching.choose(queue, {}, 2)
    assert [one.tenant_id for one in chosen] == ["big", "small"]


def test_what_is_in_flight_counts() -> None:
    queue = waiting("busy", "idle")
    assert [one.tenant_id for one in dispatching.choose(queue, {"busy": 3}, 1)] == ["idle"]


def test_rank_decides_between_equals() -> None:
    queue = waiting("a", "b", "a", "b")
    assert list(dispatching.choose(queue, {}, 4)) == queue


@given(
    st.lists(st.sampled_from("abc"), max_size=12),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 5)),
    st.integers(0, 12),
)
def test_as_many_as_fit_each_once_and_in_order_within_a_tenant(
    tenants: list[str], in_flight: dict[str, int], free: int
) -> None:
    queue = waiting(*tenants)
    chosen = dispatching.choose(queue, in_flight, free)
    assert len(chosen) == min(free, len(queue))
    assert len(set(chosen)) == len(chosen)
    for tenant in "abc":
        mine = [one for one in chosen if one.tenant_id == tenant]
        assert mine == [one for one in queue if one.tenant_id == tenant][: len(mine)]


def test_a_value_that_did_not_change_for_long_enough_is_noticed_once_it_is() -> None:
    watch = leases.Watch().after({"a": 1, "b": 1}, elapsed=0.0)
    watch = watch.after({"a": 1, "b": 2}, elapsed=10.0)
    assert watch.unchanged(10.0, 15.0) == ()
    assert watch.unchanged(15.0, 15.0) == ("a",)
    assert watch.after({"b": 2}, elapsed=20.0).unchanged(30.0, 15.0) == ("b",)


def test_a_new_observer_begins_to_wait_anew() -> None:
    assert leases.Watch().after({"a": 7}, elapsed=1000.0).unchanged(1000.0, 15.0) == ()
