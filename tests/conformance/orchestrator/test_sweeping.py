"""What nobody spoke of any more is found: by moment, by limit, and without what has ended."""

import datetime
import uuid
from collections.abc import Sequence

from reelmesh_kit import clock
from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_orchestrator.model import facts, generation, step, verbs
from reelmesh_orchestrator.usecases import sweeping

from tests.support import orchestrator, record, trips

PAID = (orchestrator.PAID,)
SOON = datetime.timedelta(minutes=1)


def later(store: ports.Store) -> datetime.datetime:
    return store.now + SOON


def earlier(store: ports.Store) -> datetime.datetime:
    return store.now - SOON


def silent(store: ports.Store, seconds: float = 0.0, limit: int = 10) -> ports.Silences:
    """Return what has been silent for so many seconds; -60 finds what will have been so in a minute."""
    return store.silences(ports.Waits(seconds, seconds, -seconds, seconds), limit)


def soon(store: ports.Store) -> ports.Silences:
    return silent(store, -SOON.total_seconds())


def long_since(store: ports.Store) -> ports.Silences:
    return silent(store, SOON.total_seconds())


async def test_where_nothing_is_silent_a_sweep_is_one_question(kept: record.Kept) -> None:
    await kept.admit(1, cards=PAID)
    await kept.advance_to(1, "accepted", worker_id="")
    counting = trips.Counting(kept.database)
    sweeper = sweeping.Sweeper(
        record.over(counting).record, clock.SystemClock(), orchestrator.POLICY, sweeping.Patience()
    )
    # The first one prunes as well.
    await sweeper.sweep()
    counting.taken()
    await sweeper.sweep()
    assert counting.taken() == ["ask"]


async def test_who_observes_without_a_lease_is_found(kept: record.Kept) -> None:
    await kept.admit(1, cards=PAID)
    await kept.advance_to(1, "accepted", worker_id="w")
    assert (await kept.read(silent)).unwatched
    assert await kept.write(lambda store: store.unwatched()) == 1
    assert not (await kept.read(silent)).unwatched
    await kept.admit(2, cards=PAID)
    await kept.write(lambda store: store.renew(ports.Lease("v", "provider", "paid", 0, True), "v"))
    await kept.advance_to(2, "accepted", worker_id="v")
    assert not (await kept.read(silent)).unwatched


async def test_submits_are_found_with_their_generations(kept: record.Kept) -> None:
    made: dict[object, object] = {}
    for number in range(3):
        await kept.admit(number, cards=PAID)
        made[await kept.advance_to(number, "submitting")] = record.identifier(number)
    await kept.admit(7, cards=PAID)
    await kept.advance_to(7, "accepted")
    assert (await kept.read(silent)).submitting == made
    assert len((await kept.read(lambda store: silent(store, limit=2))).submitting) == 2


async def test_dispatches_that_nobody_began_are_found(kept: record.Kept) -> None:
    await kept.admit(1, cards=PAID)
    await kept.advance_to(1, "dispatched")
    await kept.admit(2, cards=PAID)
    await kept.advance_to(2, "submitting")
    assert (await kept.read(soon)).unbegun == (record.identifier(1),)
    assert (await kept.read(long_since)).unbegun == ()


async def test_deadlines_that_have_passed_are_found(kept: record.Kept) -> None:
    for number in (1, 2):
        await kept.admit(
            number, cards=PAID, now=orchestrator.NOW, deadline_time=orchestrator.NOW + datetime.timedelta(seconds=60)
        )
    await kept.admit(3, cards=PAID, deadline_time=datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC))
    await kept.admit(4, cards=PAID)
    await kept.decide(2, lambda going: verbs.cancel(going, orchestrator.POLICY))
    assert (await kept.read(silent)).expired == (record.identifier(1),)
    await kept.decide(1, verbs.expire)
    assert (await kept.read(silent)).expired == ()


async def test_deadlines_that_are_near_are_found_until_a_picture_is_asked_for(kept: record.Kept) -> None:
    moment = orchestrator.NOW + datetime.timedelta(seconds=60)
    asked = {"cards": PAID, "now": orchestrator.NOW, "deadline_time": moment}
    await kept.admit(1, **asked)
    await kept.admit(2, **asked, fallback_floor=generation.Delivery.VIDEO)
    await kept.admit(3, **{**asked, "deadline_time": moment + datetime.timedelta(seconds=60)})
    await kept.admit(4, cards=PAID, now=orchestrator.NOW)

    def near(store: ports.Store) -> Sequence[uuid.UUID]:
        return silent(store, (store.now - moment).total_seconds()).undrawn

    assert await kept.read(near) == (record.identifier(1),)
    # By the database's clock that deadline has passed long since, so that whatever is decided asks for a picture.
    await kept.decide(1, lambda _: None)
    assert [one.kind for one in (await kept.look(1)).steps] == [step.StepKind.INFOGRAPHIC]
    assert await kept.read(near) == ()


async def test_cancels_that_wait_for_a_provider_are_found(kept: record.Kept) -> None:
    await kept.admit(1, cards=PAID)
    await kept.advance_to(1, "accepted")
    await kept.decide(1, lambda going: verbs.cancel(going, orchestrator.POLICY))
    assert (await kept.read(soon)).cancelling == (record.identifier(1),)
    assert (await kept.read(long_since)).cancelling == ()


async def test_steps_that_nobody_began_are_found(kept: record.Kept) -> None:
    await kept.admit(1, cards=PAID)
    attempt_id = await kept.advance_to(1, "accepted")
    ended = facts.Ended(f"job {attempt_id}", facts.Outcome.SUCCEEDED, "clip", None, "")
    await kept.decide(1, lambda going: facts.finish(going, attempt_id, ended))
    step_id = (await kept.look(1)).steps[0].id
    assert (await kept.read(soon)).unbegun_steps == (step_id,)
    assert (await kept.read(long_since)).unbegun_steps == ()
    await kept.decide(1, lambda going: verbs.begin_step(going, step_id, "media", "t", holder_lives=False))
    assert (await kept.read(soon)).unbegun_steps == ()


async def test_old_events_of_what_has_ended_and_leases_that_are_over_are_deleted(kept: record.Kept) -> None:
    await kept.admit(1, cards=PAID)
    await kept.admit(2, cards=PAID)
    await kept.decide(1, lambda going: verbs.cancel(going, orchestrator.POLICY))
    for worker_id in ("alive", "over"):
        await kept.write(lambda store, one=worker_id: store.renew(ports.Lease(one, "provider", "p", 0, True), "name"))
    await kept.write(lambda store: store.end_lease("over", None))
    events = await kept.count(tables.EVENTS, tables.EVENTS.c.generation_id == record.identifier(1))
    assert await kept.write(lambda store: store.prune(earlier(store), earlier(store), 100)) == 0
    assert await kept.write(lambda store: store.prune(later(store), later(store), 1)) == 2
    # The highest one stays, whose ever it is: others carry it as their mark.
    assert await kept.write(lambda store: store.prune(later(store), later(store), 100)) == events - 2
    assert await kept.count(tables.EVENTS, tables.EVENTS.c.generation_id == record.identifier(1)) == 1
    assert await kept.count(tables.EVENTS, tables.EVENTS.c.generation_id == record.identifier(2)) > 0
    assert (await kept.read(silent)).leases == {"alive": 1}
    assert await kept.read(lambda store: store.lease("over")) is None


async def test_the_time_of_a_transaction_is_read_once(kept: record.Kept) -> None:
    def work(store: ports.Store) -> bool:
        first = store.now
        store.accounts()
        return first is store.now and first.tzinfo is datetime.UTC

    assert await kept.write(work)
    assert await kept.read(work)
