"""What is told of pools, and who is cordoned: for who decides how many workers there are."""

import dataclasses
import datetime
import uuid
from collections.abc import Sequence

import pytest
from reelmesh_kit import errors
from reelmesh_orchestrator import ports
from reelmesh_orchestrator.model import breaker, facts, health, pooling, verbs
from reelmesh_orchestrator.usecases import looking, pools

from tests.support import orchestrator, record

PAID, OTHER = orchestrator.PAID, orchestrator.OTHER
HOLD = 60.0


def looking_at(kept: record.Kept) -> looking.Looking:
    return looking.Looking(kept.record, 1)


async def pool_of(kept: record.Kept, name: str) -> ports.SeenPool:
    return next(one for one in await looking_at(kept).pools() if one.pool == name)


async def worker(kept: record.Kept, name: str) -> ports.PoolWorker:
    return next(one for one in (await pool_of(kept, "paid")).workers if one.name == name)


def renewal(name: str, **said: object) -> pools.Renewal:
    usual = pools.Renewal(f"id of {name}", "provider", "paid", name, frozenset(), frozenset(), 100)
    return dataclasses.replace(usual, **said)  # type: ignore[arg-type]


async def test_an_empty_record_has_the_pool_of_media(kept: record.Kept) -> None:
    assert await looking_at(kept).pools() == [
        ports.SeenPool("media", "media", known=True, steps={"quick": 0, "ladder": 0}, workers=[])
    ]


async def test_what_there_is_to_do_is_counted_by_provider_and_state(kept: record.Kept) -> None:
    await kept.put_accounts("paid", slots=5)
    await kept.write(lambda store: store.put_card(PAID))
    for number, stage in enumerate(["dispatched", "submitting", "accepted", "indeterminate", "", "", "", ""]):
        await kept.admit(number, cards=(PAID,))
        if stage:
            await kept.advance_to(number, stage)
    seen = await pool_of(kept, "paid")
    assert seen.work == pooling.Work(waiting=4, sendable=1, dispatched=1, submitting=1, watched=2)
    assert (seen.kind, seen.known) == ("provider", True)


async def test_nothing_can_be_sent_where_something_stands_in_the_way(kept: record.Kept) -> None:
    await kept.put_accounts("paid", slots=5)
    for number in range(3):
        await kept.admit(number, cards=(PAID,))
    assert (await pool_of(kept, "paid")).work.sendable == 3
    assert not (await pool_of(kept, "paid")).known, "no worker has told its card"
    switch = await kept.write(lambda store: health.Switch(health.Target(provider="paid"), "o", "r", store.now))
    await kept.write(lambda store: store.put_switch(switch))
    assert (await pool_of(kept, "paid")).work.sendable == 0
    await kept.write(lambda store: store.remove_switch(switch.target))
    model = (await kept.look(0)).attempts[-1].model

    def open_breaker(store: ports.Store) -> None:
        known = store.lock_breaker("paid", model)
        later = store.now + datetime.timedelta(hours=1)
        opened = breaker.BreakerState.OPEN
        store.put_breaker(dataclasses.replace(known, state=opened, since=store.now, trial_time=later, reason="r"))

    await kept.write(open_breaker)
    assert (await pool_of(kept, "paid")).work == pooling.Work(waiting=3)


async def test_steps_are_counted_by_lane(kept: record.Kept) -> None:
    await kept.admit(1, cards=(PAID,))
    attempt_id = await kept.advance_to(1, "accepted")
    ended = facts.Ended(f"job {attempt_id}", facts.Outcome.SUCCEEDED, "clip", None, "")
    await kept.decide(1, lambda going: facts.finish(going, attempt_id, ended))
    assert dict((await pool_of(kept, "media")).steps) == {"quick": 0, "ladder": 1}
    step_id = (await kept.look(1)).steps[0].id
    await kept.decide(1, lambda going: verbs.begin_step(going, step_id, "m", "token", holder_lives=False))
    assert dict((await pool_of(kept, "media")).steps) == {"quick": 0, "ladder": 1}


async def test_a_cordoned_worker_is_told_so_until_it_is_not_any_more(kept: record.Kept) -> None:
    pool = record.pools_of(kept)
    assert not (await pool.renew(renewal("a"))).cordoned
    await looking_at(kept).cordon("provider", "paid", ["a", "b"], HOLD)
    assert (await pool.renew(renewal("a"))).cordoned
    assert (await pool.renew(renewal("b"))).cordoned, "who had no lease begins cordoned"
    await looking_at(kept).cordon("provider", "paid", ["b"], HOLD)
    assert not (await pool.renew(renewal("a"))).cordoned, "these and no others"
    await looking_at(kept).cordon("provider", "other", [], HOLD)
    assert (await pool.renew(renewal("b"))).cordoned, "those of another pool are left alone"
    past = await kept.read(lambda store: store.now - datetime.timedelta(seconds=1))
    await kept.write(lambda store: store.cordon("provider", "paid", ["b"], past))
    assert not (await pool.renew(renewal("b"))).cordoned, "it was not said again in time"


async def test_a_worker_is_drained_once_it_was_idle_and_knew(kept: record.Kept) -> None:
    pool = record.pools_of(kept)
    await pool.renew(renewal("a", idle=True, load=0))
    assert (await worker(kept, "a")).at_work == ports.AtWork(idle=True)
    await looking_at(kept).cordon("provider", "paid", ["a"], HOLD)
    await pool.renew(renewal("a", idle=True))
    assert not (await worker(kept, "a")).at_work.drained, "it did not know yet, and may have begun something since"
    await pool.renew(renewal("a", cordoned=True, load=1))
    assert (await worker(kept, "a")).at_work == ports.AtWork(idle=False, drained=False, load=1)
    await pool.renew(renewal("a", cordoned=True, idle=True))
    assert await worker(kept, "a") == ports.PoolWorker(
        "id of a", "provider", "paid", "a", cordoned=True, at_work=ports.AtWork(idle=True, drained=True)
    )


async def test_whom_a_renewal_lets_go_is_not_drained_when_it_is_cordoned_again(kept: record.Kept) -> None:
    pool = record.pools_of(kept)
    await looking_at(kept).cordon("provider", "paid", ["a"], HOLD)
    await pool.renew(renewal("a", idle=True))
    await looking_at(kept).cordon("provider", "paid", [], HOLD)
    assert not (await pool.renew(renewal("a", cordoned=True, idle=True))).cordoned
    await looking_at(kept).cordon("provider", "paid", ["a"], HOLD)
    assert not (await worker(kept, "a")).at_work.drained


async def test_a_cordoned_worker_hands_over_what_it_does_not_list(kept: record.Kept) -> None:
    ids: list[uuid.UUID] = []
    for number in range(3):
        await kept.admit(number, cards=(PAID,))
        ids.append(await kept.advance_to(number, "accepted", worker_id=""))
    pool = record.pools_of(kept)
    assert len((await pool.renew(renewal("a"))).watch) == 3
    await looking_at(kept).cordon("provider", "paid", ["a"], HOLD)
    holding = frozenset(map(str, ids))
    assert (await pool.renew(renewal("a", holding=holding))).watch == ()
    assert await _watched(kept, "a") == set(ids), "it does not know yet"
    kept_back = frozenset({str(ids[0])})
    assert (await pool.renew(renewal("a", holding=kept_back, cordoned=True))).watch == ()
    assert await _watched(kept, "a") == {ids[0]}
    assert {one.attempt_id for one in (await pool.renew(renewal("b"))).watch} == set(ids[1:])
    assert (await pool.renew(renewal("a", cordoned=True, idle=True))).watch == ()
    assert await _watched(kept, "a") == set()


async def _watched(kept: record.Kept, name: str) -> set[uuid.UUID]:
    return {one.attempt_id for one in await kept.read(lambda store: store.watched_by(f"id of {name}"))}


@pytest.mark.parametrize(
    ("kind", "pool", "names", "seconds", "field"),
    [
        ("vendor", "paid", [], HOLD, "kind"),
        ("provider", "", [], HOLD, "pool"),
        ("provider", "paid", ["a"] * 1001, HOLD, "names"),
        ("provider", "paid", [""], HOLD, "names"),
        ("provider", "paid", ["a" * 254], HOLD, "names"),
        ("provider", "paid", ["a"], 0.5, "hold"),
        ("provider", "paid", ["a"], 3601.0, "hold"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    kept: record.Kept, kind: str, pool: str, names: Sequence[str], seconds: float, field: str
) -> None:
    with pytest.raises(errors.InvalidArgument, match=field):
        await looking_at(kept).cordon(kind, pool, names, seconds)
