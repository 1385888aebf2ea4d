"""What a call knows by where it is made: its caller, its deadline, and which methods may be repeated."""

import asyncio
import json

import pytest
from reelmesh_kit import clock, errors, rpc
from reelmesh_kit.rpc import contract, deadline, identity


def in_metadata(*named: tuple[str, str]) -> dict[str, str]:
    return dict(named)


async def test_outside_of_a_call_nobody_asks() -> None:
    with pytest.raises(errors.Unauthenticated):
        rpc.caller()
    assert identity.outgoing() == []


@pytest.mark.parametrize(
    "who", [rpc.Caller("t1"), rpc.Caller("acme", "jörg@例え.jp", "key 1"), rpc.Caller("t", "", "k", admin=True)]
)
async def test_who_acts_is_who_arrives(who: rpc.Caller) -> None:
    with rpc.acting_as(who):
        metadata = identity.outgoing()
    assert all(value.isascii() for _, value in metadata)

    async def receive() -> rpc.Caller:
        identity.begin(in_metadata(*metadata))
        return rpc.caller()

    assert await asyncio.create_task(receive()) == who


async def test_acting_as_somebody_ends_with_its_block_and_may_be_nested() -> None:
    with rpc.acting_as(rpc.Caller("outer")):
        with rpc.acting_as(rpc.Caller("inner")):
            assert rpc.caller().tenant_id == "inner"
        assert rpc.caller().tenant_id == "outer"
    with pytest.raises(errors.Unauthenticated):
        rpc.caller()


async def test_a_user_without_a_tenant_is_nobody() -> None:
    identity.begin(in_metadata((identity.USER_KEY, "u"), (identity.ADMIN_KEY, "1")))
    with pytest.raises(errors.Unauthenticated):
        rpc.caller()


@pytest.mark.parametrize(
    ("left", "wanted", "given"),
    [(None, 10.0, 10.0), (None, None, None), (3.0, 10.0, 3.0), (30.0, 10.0, 10.0), (3.0, None, 3.0)],
)
async def test_an_outgoing_call_has_the_shorter_of_what_is_wanted_and_what_is_left(
    left: float | None, wanted: float | None, given: float | None
) -> None:
    time = clock.ManualClock()
    deadline.begin(time, left)
    assert deadline.bounded(time, wanted) == given


async def test_what_is_left_shrinks_as_time_passes_until_nothing_may_be_called() -> None:
    time = clock.ManualClock()
    deadline.begin(time, 3.0)
    time.advance(2.0)
    assert deadline.bounded(time, 10.0) == pytest.approx(1.0)
    time.advance(1.0)
    with pytest.raises(errors.DeadlineExceeded):
        deadline.bounded(time, 10.0)


def test_only_methods_that_the_protos_call_idempotent_are_repeated() -> None:
    methods = contract.idempotent_methods()
    assert ("reelmesh.mesh.v1.StorageService", "StatAsset") in methods
    assert ("reelmesh.mesh.v1.StorageService", "PutAsset") not in methods
    assert ("reelmesh.mesh.v1.PoolService", "RenewLease") not in methods


def test_the_service_config_repeats_what_a_server_that_goes_has_not_answered_and_spreads_over_all_addresses() -> None:
    config = json.loads(contract.service_config())
    (method_config,) = config["methodConfig"]
    assert method_config["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE", "CANCELLED"]
    assert len(method_config["name"]) == len(contract.idempotent_methods())
    assert config["loadBalancingConfig"] == [{"round_robin": {}}]
