"""Facts, cards and accounts: kept by whoever says them, once, and never thrown away."""

import asyncio
import dataclasses
import uuid

import sqlalchemy as sa
from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_orchestrator.model import attempt, card, facts
from reelmesh_orchestrator.usecases import attempts

from tests.support import orchestrator, record

PAID = (orchestrator.PAID,)
JOBS = tables.PROVIDER_JOBS.c


def protocol(kept: record.Kept) -> attempts.Attempts:
    return record.attempts_of(kept)


def job_of(attempt_id: uuid.UUID, project: str = "", evidence: facts.Evidence = facts.Evidence.RECORD) -> facts.Job:
    return facts.Job(project, "job", attempt_id, evidence)


def made(cost_micros: int | None = None) -> facts.Ended:
    return facts.Ended("job", facts.Outcome.SUCCEEDED, "clip", cost_micros, "")


def told(store: ports.Store, job: facts.Job, ended: facts.Ended | None = None) -> None:
    case = store.case(job.attempt_id, "", job.project, job.job_id)
    store.keep_job(job, case.claim_in(job.project), ended)


async def test_the_better_claim_on_a_job_stands(kept: record.Kept) -> None:
    one, other = uuid.UUID(int=1), uuid.UUID(int=2)
    adopted = facts.Job("p", "job", one, facts.Evidence.ADOPTION)
    recorded = facts.Job("p", "job", other, facts.Evidence.RECORD)
    for job in (adopted, recorded, adopted):
        await kept.write(lambda store, fact=job: told(store, fact))
    case = await kept.read(lambda store: store.case(other, "", "p", "job"))
    assert case.claim_in("p") == case.claim_of(other) == ports.Claim(recorded, ended=False)
    assert (case.claim_in("q"), case.claim_of(one)) == (None, None)
    assert (await kept.read(lambda store: store.case(one, "", "q", "job"))).claims == ()
    assert await kept.count(tables.PROVIDER_JOBS) == 1


async def test_of_many_claims_on_a_job_at_once_one_is_first_and_the_best_stands(kept: record.Kept) -> None:
    claims = [
        facts.Job("p", "job", uuid.UUID(int=number), evidence)
        for number, evidence in enumerate([facts.Evidence.ADOPTION] * 6 + [facts.Evidence.RECORD])
    ]
    await record.together(*(lambda job=job: kept.write(lambda store: told(store, job)) for job in claims))
    (row,) = await kept.rows(sa.select(tables.PROVIDER_JOBS))
    assert (row.attempt_id, row.evidence) == (claims[-1].attempt_id, facts.Evidence.RECORD.value)


async def test_the_first_word_on_how_a_job_ended_stands(kept: record.Kept) -> None:
    job = facts.Job("p", "job", uuid.UUID(int=1), facts.Evidence.RECORD)
    failed = facts.Ended("job", facts.Outcome.FAILED, "", 0, "no")
    for ended in (None, made(5), failed):
        await kept.write(lambda store, word=ended: told(store, job, word))
    (row,) = await kept.rows(sa.select(tables.PROVIDER_JOBS))
    assert (row.outcome, row.cost_micros) == ("SUCCEEDED", 5)


async def test_a_job_that_is_recorded_and_finished_is_one_row_with_its_end(kept: record.Kept) -> None:
    await kept.admit(1, cards=PAID)
    attempt_id = await kept.advance_to(1, "submitting")
    await protocol(kept).record(job_of(attempt_id, "the vendor's project"), record.WORKER)
    await protocol(kept).finish(attempt_id, made())
    (row,) = await kept.rows(sa.select(tables.PROVIDER_JOBS))
    assert (row.project, row.job_id, row.outcome) == ("the vendor's project", "job", "SUCCEEDED")


async def test_the_end_of_an_orphan_is_kept(kept: record.Kept) -> None:
    orphan = uuid.UUID(int=5)
    assert not await protocol(kept).record(job_of(orphan, "p"), record.WORKER)
    await protocol(kept).finish(orphan, made(7))
    (row,) = await kept.rows(sa.select(tables.PROVIDER_JOBS))
    assert (row.attempt_id, row.outcome, row.cost_micros) == (orphan, "SUCCEEDED", 7)


async def test_the_end_of_a_job_of_nobody_s_account_waits_for_who_counts(kept: record.Kept) -> None:
    # The record went back beyond the attempt: by which name its job is told later nobody knows yet.
    await protocol(kept).finish(uuid.UUID(int=5), made(7))
    assert await kept.count(tables.PROVIDER_JOBS) == 0


async def test_an_end_that_comes_before_its_record_is_enough(kept: record.Kept) -> None:
    await kept.admit(1, cards=PAID)
    attempt_id = await kept.advance_to(1, "indeterminate")
    await protocol(kept).finish(attempt_id, made())
    assert (await kept.look(1)).attempts[0].state is attempt.AttemptState.SUCCEEDED
    assert not await protocol(kept).record(job_of(attempt_id), record.WORKER)
    (row,) = await kept.rows(sa.select(tables.PROVIDER_JOBS))
    assert row.outcome == "SUCCEEDED"


async def test_the_same_facts_told_by_many_at_once_are_kept_once(kept: record.Kept) -> None:
    await kept.admit(1, cards=PAID)
    attempt_id = await kept.advance_to(1, "submitting")
    tell = protocol(kept)
    await asyncio.gather(*(tell.record(job_of(attempt_id), f"w{number}") for number in range(8)))
    await asyncio.gather(*(tell.finish(attempt_id, made()) for _ in range(8)))
    assert await kept.count(tables.PROVIDER_JOBS) == 1
    assert await kept.count(tables.EVENTS, tables.EVENTS.c.type == "attempt_accepted") == 1
    assert await kept.count(tables.EVENTS, tables.EVENTS.c.type == "attempt_succeeded") == 1
    price = (await kept.look(1)).attempts[0].price_micros
    assert await record.ledger_of(kept, attempt_id) == {"HOLD": price, "SETTLE": price}


async def test_the_same_orphan_told_by_many_at_once_is_kept_once(kept: record.Kept) -> None:
    tell = protocol(kept)
    await asyncio.gather(*(tell.record(job_of(uuid.UUID(int=5), "p"), f"w{number}") for number in range(8)))
    assert await kept.count(tables.PROVIDER_JOBS) == 1


async def test_a_job_that_was_adopted_for_the_wrong_attempt_goes_to_the_one_that_recorded_it(
    kept: record.Kept,
) -> None:
    await kept.admit(1, cards=PAID)
    await kept.admit(2, cards=PAID)
    wrong, right = await kept.advance_to(1, "indeterminate"), await kept.advance_to(2, "submitting")
    await protocol(kept).record(job_of(wrong, evidence=facts.Evidence.ADOPTION), record.WORKER)
    await protocol(kept).record(job_of(right), record.WORKER)
    disputed, accepted = (await kept.look(1)).attempts[0], (await kept.look(2)).attempts[0]
    assert (accepted.state, accepted.job_id) == (attempt.AttemptState.ACCEPTED, "job")
    assert (disputed.state, disputed.job_id) == (attempt.AttemptState.INDETERMINATE, "")
    assert await kept.count(tables.EVENTS, tables.EVENTS.c.type == "incident") == 1
    # Whoever adopted it may still report its end: that is the end of the other attempt's job.
    await protocol(kept).finish(wrong, made())
    assert (await kept.look(1)).attempts[0].state is attempt.AttemptState.INDETERMINATE
    assert (await kept.look(1)).spent_micros == 0


async def test_what_was_written_off_is_not_paid_a_second_time_when_it_turns_up(kept: record.Kept) -> None:
    await kept.admit(1, cards=PAID)
    attempt_id = await kept.advance_to(1, "indeterminate")
    await protocol(kept).write_off(attempt_id, "given up")
    price = (await kept.look(1)).attempts[0].price_micros
    assert await record.ledger_of(kept, attempt_id) == {"HOLD": price, "SETTLE": price}
    await protocol(kept).record(job_of(attempt_id), record.WORKER)
    await protocol(kept).finish(attempt_id, made())
    late = (await kept.look(1)).attempts[0]
    assert (late.state, late.clip_asset_id) == (attempt.AttemptState.SUCCEEDED, "clip")
    assert (late.held_micros, late.spent_micros) == (0, price)
    assert await record.ledger_of(kept, attempt_id) == {"HOLD": price, "SETTLE": price}


async def test_cards_and_accounts_are_kept_and_changed(kept: record.Kept) -> None:
    pool = record.pools_of(kept)
    await asyncio.gather(*(pool.register_card(orchestrator.FREE) for _ in range(8)))
    changed = dataclasses.replace(orchestrator.FREE, version="2")
    await pool.register_card(changed)
    await pool.register_card(orchestrator.PAID)
    found = {stated.provider: stated for stated in await kept.read(lambda store: store.cards())}
    assert found == {"free": changed, "paid": orchestrator.PAID}
    # What costs money gets no account by itself.
    account = card.Account(id="free", provider="free", slots=2, exclusive=True)
    assert await kept.read(lambda store: store.accounts()) == [account]
    await kept.write(lambda store: store.put_account(dataclasses.replace(account, slots=7)))
    await pool.register_card(orchestrator.FREE)
    locked = await kept.write(lambda store: store.lock_account("free"))
    assert locked is not None
    assert locked.slots == 7
