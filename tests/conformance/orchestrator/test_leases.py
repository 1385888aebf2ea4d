"""Leases, and who observes what: each unresolved attempt has one watcher at most, however many ask at once."""

import asyncio
import collections
import dataclasses
import uuid

import pytest
import sqlalchemy as sa
from reelmesh_kit import errors
from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_orchestrator.model import facts, verbs
from reelmesh_orchestrator.usecases import pools

from tests.support import orchestrator, record, trips

PAID = (orchestrator.PAID,)


def renewal(
    worker_id: str, *holding: uuid.UUID, room: int = 100, pool: str = "paid", looking: tuple[uuid.UUID, ...] = ()
) -> pools.Renewal:
    return pools.Renewal(
        worker_id=worker_id,
        kind="provider",
        pool=pool,
        name=worker_id,
        holding=frozenset(map(str, holding)),
        step_tokens=frozenset(),
        room=room,
        looking=frozenset(map(str, looking)),
    )


def silences(store: ports.Store) -> ports.Silences:
    return store.silences(ports.Waits(0.0, 0.0, 0.0, 0.0), 10)


async def lose(kept: record.Kept, count: int, stage: str = "accepted") -> list[uuid.UUID]:
    """Leave attempts that nobody observes."""
    made: list[uuid.UUID] = []
    for number in range(count):
        await kept.admit(number, cards=PAID)
        made.append(await kept.advance_to(number, stage, worker_id=""))
    return made


async def test_a_lease_counts_its_renewals_and_ends_once(kept: record.Kept) -> None:
    pool = record.pools_of(kept)
    for _ in range(3):
        assert (await pool.renew(renewal("w"))).held
    assert await kept.read(lambda store: store.lease("w")) == ports.Lease("w", "provider", "paid", 3, active=True)
    assert (await kept.read(silences)).leases == {"w": 3}
    assert not await kept.write(lambda store: store.end_lease("w", 2))
    assert await kept.write(lambda store: store.end_lease("w", 3))
    assert not await kept.write(lambda store: store.end_lease("w", 3))
    assert not (await pool.renew(renewal("w"))).held
    assert (await kept.read(silences)).leases == {}
    assert await kept.read(lambda store: store.lease("nobody")) is None


async def test_of_a_renewal_and_an_end_that_run_at_once_one_wins(kept: record.Kept) -> None:
    pool = record.pools_of(kept)
    (lost,) = await lose(kept, 1)
    for _ in range(10):
        worker_id = str(uuid.uuid4())  # noqa: TID251 - each round is another worker
        await pool.renew(renewal(worker_id))
        ended, orders = await asyncio.gather(
            kept.write(lambda store, one=worker_id: store.end_lease(one, 1)), pool.renew(renewal(worker_id, lost))
        )
        assert ended is not orders.held
        watched = [one.attempt_id for one in await kept.read(lambda store, w=worker_id: store.watched_by(w))]
        assert list(watched) == ([lost] if orders.held else [])
        await pool.release(worker_id)


async def test_eight_renewals_at_once_share_what_nobody_observes(kept: record.Kept) -> None:
    lost = await lose(kept, 20)
    pool = record.pools_of(kept)
    orders = await asyncio.gather(*(pool.renew(renewal(f"w{number}", room=4)) for number in range(8)))
    given = collections.Counter(charge.attempt_id for order in orders for charge in order.watch)
    assert set(given.values()) <= {1}
    rest = await asyncio.gather(*(pool.renew(renewal(f"w{number}", room=20)) for number in range(8)))
    for number, order in enumerate(rest):
        mine = {one.attempt_id for one in await kept.read(lambda store, w=f"w{number}": store.watched_by(w))}
        assert {charge.attempt_id for charge in order.watch} == mine
    watched = [one for number in range(8) for one in await kept.read(lambda s, w=f"w{number}": s.watched_by(w))]
    assert sorted(one.attempt_id for one in watched) == sorted(lost)


async def test_what_a_worker_does_not_list_it_is_told_again(kept: record.Kept) -> None:
    (lost,) = await lose(kept, 1)
    pool = record.pools_of(kept)
    assert [charge.attempt_id for charge in (await pool.renew(renewal("w"))).watch] == [lost]
    assert (await pool.renew(renewal("w", lost))).watch == ()
    assert [charge.attempt_id for charge in (await pool.renew(renewal("w"))).watch] == [lost]
    stranger = uuid.UUID(int=99)
    assert (await pool.renew(renewal("w", lost, stranger))).forget == (str(stranger),)


async def test_a_worker_gets_nothing_of_another_provider_and_nothing_beyond_its_room(kept: record.Kept) -> None:
    await lose(kept, 3)
    pool = record.pools_of(kept)
    assert (await pool.renew(renewal("x", pool="other"))).watch == ()
    assert (await pool.renew(renewal("y", room=0))).watch == ()
    assert (await pool.renew(renewal("y", room=-1))).watch == ()
    assert len((await pool.renew(renewal("w", room=2))).watch) == 2


async def test_the_end_of_a_lease_frees_what_was_observed(kept: record.Kept) -> None:
    lost = await lose(kept, 2)
    pool = record.pools_of(kept)
    await pool.renew(renewal("w"))
    await pool.release("w")
    assert await kept.read(lambda store: store.watched_by("w")) == []
    orders = await pool.renew(renewal("v"))
    assert {charge.attempt_id for charge in orders.watch} == set(lost)
    with pytest.raises(errors.InvalidArgument, match="worker_id"):
        await pool.renew(renewal(""))


async def test_a_lost_attempt_is_looked_for_with_what_tells_it_apart(kept: record.Kept) -> None:
    await kept.put_accounts("paid")
    await kept.write(lambda store: store.put_card(orchestrator.PAID))
    lost = await lose(kept, 2, "indeterminate")
    await kept.admit(5, cards=PAID)
    claimed = await kept.advance_to(5, "accepted", worker_id="other")
    await kept.admit(6, cards=PAID)
    await kept.advance_to(6, "submitting")
    orders = await record.pools_of(kept).renew(renewal("w"))
    assert {search.charge.attempt_id for search in orders.find} == set(lost)
    search = orders.find[0]
    assert search.claimed_job_ids == (f"job {claimed}",)
    # Two that are lost, and the one that is being submitted right now.
    assert search.rivals == 3
    assert search.exclusive
    assert search.wait_seconds == pytest.approx(1.0 + 1.0 + 1.0)
    aggregate = await kept.look(search.charge.aggregate.generation.id.int - 1)
    assert search.charge.aggregate.generation.revision == aggregate.generation.revision


async def test_begin_needs_a_lease_and_goes_once(kept: record.Kept) -> None:
    await kept.admit(1, cards=PAID)
    attempt_id = await kept.advance_to(1, "dispatched")
    protocol = record.attempts_of(kept)
    assert (await protocol.begin(attempt_id, "w", "n")).come_again
    await asyncio.gather(*(record.pools_of(kept).renew(renewal(f"w{number}")) for number in range(8)))
    leaves = await asyncio.gather(*(protocol.begin(attempt_id, f"w{number}", f"n{number}") for number in range(8)))
    assert sorted(leave.go for leave in leaves) == [False] * 7 + [True]
    winner = next(number for number, leave in enumerate(leaves) if leave.go)
    assert (await protocol.begin(attempt_id, f"w{winner}", f"n{winner}")).go
    assert not (await protocol.begin(uuid.UUID(int=0), f"w{winner}", "n")).go


async def test_a_late_lease_leaves_no_watcher_behind(kept: record.Kept) -> None:
    await kept.admit(1, cards=PAID)
    attempt_id = await kept.advance_to(1, "submitting")
    protocol = record.attempts_of(kept)
    job = facts.Job("", "job", attempt_id, facts.Evidence.RECORD)
    assert not await protocol.record(job, "dead worker")
    watcher = sa.select(tables.ATTEMPTS.c.watcher_id).where(tables.ATTEMPTS.c.id == attempt_id)
    assert [row.watcher_id for row in await kept.rows(watcher)] == [""]


async def test_the_steps_of_a_worker_are_known_by_token(kept: record.Kept) -> None:
    await kept.admit(1, cards=PAID)
    attempt_id = await kept.advance_to(1, "accepted")
    ended = facts.Ended(f"job {attempt_id}", facts.Outcome.SUCCEEDED, "clip", None, "")
    await kept.decide(1, lambda going: facts.finish(going, attempt_id, ended))
    step_id = (await kept.look(1)).steps[0].id
    assert await kept.read(lambda store: store.steps_of_worker("media")) == []
    await kept.decide(1, lambda going: verbs.begin_step(going, step_id, "media", "token", holder_lives=False))
    assert await kept.read(lambda store: store.steps_of_worker("media")) == [step_id]
    case = await kept.read(lambda store: store.lease_case("media", "media", "media", "media", ()))
    assert case.steps == {"token": step_id}


async def test_a_renewal_with_nothing_new_is_one_question_and_one_guarded_change(kept: record.Kept) -> None:
    (lost,) = await lose(kept, 1)
    counting = trips.Counting(kept.database)
    pool = record.pools_of(record.over(counting))
    for _ in range(2):
        await pool.renew(renewal("w", lost))
    counting.taken()
    assert (await pool.renew(renewal("w", lost))).held
    assert counting.taken() == ["ask", "changes"]


async def test_who_renews_for_the_first_time_twice_at_once_has_one_lease(kept: record.Kept) -> None:
    pool = record.pools_of(kept)
    orders = await asyncio.gather(*(pool.renew(renewal("w")) for _ in range(4)))
    assert all(one.held for one in orders)
    assert await kept.read(lambda store: store.lease("w")) == ports.Lease("w", "provider", "paid", 4, active=True)


async def test_a_worker_is_told_its_share_of_each_rate(kept: record.Kept) -> None:
    await kept.write(lambda store: store.put_card(dataclasses.replace(orchestrator.PAID, polls_per_second=6.0)))
    await kept.put_accounts("paid", "other")
    own = dataclasses.replace(orchestrator.account("paid"), id="own", polls_per_second=3.0)
    await kept.write(lambda store: store.put_account(own))
    pool = record.pools_of(kept)
    paid = orchestrator.account("paid").id
    assert dict((await pool.renew(renewal("w"))).rates) == {"own": 3.0, paid: 6.0}
    await pool.renew(renewal("v"))
    await pool.renew(renewal("x", pool="other"))
    for worker_id in ("w", "v"):
        assert dict((await pool.renew(renewal(worker_id))).rates) == {"own": 1.5, paid: 3.0}
