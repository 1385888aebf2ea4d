"""The queue: by priority and waiting, fair between tenants, and never more in flight than an account has slots."""

import asyncio
import datetime
import uuid

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_orchestrator.model import attempt, eras, facts
from reelmesh_orchestrator.usecases import dispatching

from tests.support import orchestrator, record

PAID = (orchestrator.PAID,)
DISPATCHERS = 8


async def waiting(kept: record.Kept, limit: int = 100) -> list[int]:
    """Return the numbers of the generations that wait, by rank."""
    found = await kept.read(lambda store: store.queue("paid", store.now, limit))
    return [one.generation_id.int - 1 for one in found.waiting]


async def in_flight(kept: record.Kept, account_id: str, doubt_seconds: float = 300.0) -> dict[str, int]:
    """Return what is in flight at an account for each tenant."""
    doubt = datetime.timedelta(seconds=doubt_seconds)
    return dict((await kept.read(lambda store: store.queue(account_id, store.now - doubt, 1))).in_flight)


async def test_priority_goes_ahead_and_waiting_makes_up_for_it(kept: record.Kept) -> None:
    def minute(number: int) -> datetime.datetime:
        return orchestrator.NOW + datetime.timedelta(minutes=number)

    await kept.admit(1, cards=PAID, now=minute(0), priority=5)
    await kept.admit(2, cards=PAID, now=minute(1), priority=10)
    await kept.admit(3, cards=PAID, now=minute(1), priority=1)
    await kept.admit(4, cards=PAID, now=minute(6), priority=10)
    await kept.admit(5, cards=PAID, now=minute(8), priority=10)
    await kept.admit(6, cards=PAID, now=minute(1), priority=0)
    # Minutes of admission minus priority: -9, -5, -4, -2, 0, 1.
    assert await waiting(kept) == [2, 1, 4, 5, 3, 6]
    assert await waiting(kept, 2) == [2, 1]


async def test_who_must_wait_is_not_due_yet(kept: record.Kept) -> None:
    await kept.admit(1, cards=PAID)
    attempt_id = await kept.advance_to(1, "submitting")
    await kept.decide(
        1, lambda going: facts.decline(going, attempt_id, f"nonce {attempt_id}", facts.Verdict.BUSY, "later", 30.0)
    )
    assert await waiting(kept) == []
    await kept.put_accounts("paid")
    backlog = await kept.read(lambda store: store.backlog())
    assert backlog.accounts == ()
    assert backlog.seconds_to_next is not None
    assert 20 < backlog.seconds_to_next <= 30


async def test_nothing_is_due_when_nothing_waits(kept: record.Kept) -> None:
    nothing = ports.Backlog((), (), None, eras.Standing(None, ""))
    assert await kept.read(lambda store: store.backlog()) == nothing
    assert await kept.read(lambda store: store.lock_account("paid")) is None
    assert await waiting(kept) == []


async def test_what_may_have_been_paid_takes_a_slot(kept: record.Kept) -> None:
    await kept.put_accounts("paid")
    for number, stage in enumerate(("dispatched", "submitting", "indeterminate", "accepted")):
        await kept.admit(number, cards=PAID, tenant_id="a" if number < 3 else "b")
        await kept.advance_to(number, stage)
    await kept.admit(9, cards=PAID)
    assert await in_flight(kept, "paid") == {"a": 3, "b": 1}
    assert await in_flight(kept, "other") == {}
    # What was lost longer ago than the longest render takes none any more.
    assert await in_flight(kept, "paid", 0.0) == {"a": 2, "b": 1}


async def test_eight_dispatchers_fill_the_slots_and_no_more(kept: record.Kept) -> None:
    await kept.put_accounts("paid", slots=5)
    for number in range(12):
        await kept.admit(number, cards=PAID, tenant_id=f"tenant {number % 3}")
    dispatchers = [dispatching.Dispatcher(kept.record, orchestrator.POLICY) for _ in range(DISPATCHERS)]
    sent = [number for number, _ in await asyncio.gather(*(one.dispatch() for one in dispatchers))]
    assert sum(sent) == 5
    assert await in_flight(kept, "paid") == {"tenant 0": 2, "tenant 1": 2, "tenant 2": 1}
    assert await kept.count(tables.ATTEMPTS, tables.ATTEMPTS.c.dispatches > 1) == 0
    assert await kept.count(tables.OUTBOX, tables.OUTBOX.c.subject == "task.generate.paid") == 5


async def test_dispatchers_and_facts_that_run_at_once_leave_each_attempt_dispatched_once(kept: record.Kept) -> None:
    await kept.put_accounts("paid", slots=3)
    for number in range(9):
        await kept.admit(number, cards=PAID)
    dispatchers = [dispatching.Dispatcher(kept.record, orchestrator.POLICY) for _ in range(DISPATCHERS)]

    refused: set[uuid.UUID] = set()

    async def dispatch_again_and_again(one: dispatching.Dispatcher) -> None:
        while len(refused) <= 3:
            await one.dispatch()
            assert sum((await in_flight(kept, "paid")).values()) <= 3

    async def refuse_everything() -> None:
        while len(refused) <= 3:
            for number in range(9):
                one = (await kept.look(number)).attempts[-1]
                if one.state is attempt.AttemptState.DISPATCHED:
                    await kept.decide(number, lambda going, of=one.id: facts.begin(going, of, "w", "n"))
                    await kept.decide(
                        number,
                        lambda going, of=one.id: facts.decline(going, of, "n", facts.Verdict.REFUSED_FOR_GOOD, "no"),
                    )
                    refused.add(one.id)

    await asyncio.gather(refuse_everything(), *(dispatch_again_and_again(one) for one in dispatchers))
    assert await kept.count(tables.ATTEMPTS, tables.ATTEMPTS.c.dispatches > 1) == 0
    assert await kept.count(tables.ATTEMPTS, tables.ATTEMPTS.c.state == "FAILED") > 3


async def test_an_account_that_is_switched_off_gets_nothing(kept: record.Kept) -> None:
    await kept.write(lambda store: store.put_account(orchestrator.account("paid", enabled=False)))
    await kept.admit(1, cards=PAID)
    assert (await dispatching.Dispatcher(kept.record, orchestrator.POLICY).dispatch())[0] == 0
    await kept.write(lambda store: store.put_account(orchestrator.account("paid", slots=1)))
    assert (await dispatching.Dispatcher(kept.record, orchestrator.POLICY).dispatch())[0] == 1


async def test_more_than_one_batch_goes_out_in_one_go(kept: record.Kept) -> None:
    await kept.put_accounts("paid", slots=100)
    for number in range(dispatching.BATCH + 3):
        await kept.admit(number, cards=PAID)
    sent, due = await dispatching.Dispatcher(kept.record, orchestrator.POLICY).dispatch()
    assert (sent, due) == (dispatching.BATCH + 3, None)
