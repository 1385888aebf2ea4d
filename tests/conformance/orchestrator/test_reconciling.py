"""What operators do about attempts in doubt: found, adopted, submitted again, written off, and all of it told."""

import uuid

import pytest
from reelmesh_kit import errors
from reelmesh_orchestrator.model import attempt, facts
from reelmesh_orchestrator.usecases import reconciling

from tests.conformance.orchestrator import test_leases
from tests.support import orchestrator, record

PAID = (orchestrator.PAID, orchestrator.OTHER)
State = attempt.AttemptState


def verbs_of(kept: record.Kept) -> reconciling.Reconciling:
    return reconciling.Reconciling(kept.record, record.attempts_of(kept))


async def doubtful(kept: record.Kept, *numbers: int) -> list[uuid.UUID]:
    found: list[uuid.UUID] = []
    for number in numbers:
        await kept.admit(number, cards=PAID)
        found.append(await kept.advance_to(number, "indeterminate"))
    return found


async def messages(kept: record.Kept, number: int, type_: str) -> list[str]:
    current = (await kept.look(number)).generation
    events = await kept.read(lambda store: store.events(current.tenant_id, current.id, 0, 100))
    return [event.message for event in events or () if event.type == type_]


async def test_attempts_in_doubt_are_listed_page_by_page(kept: record.Kept) -> None:
    verbs = verbs_of(kept)
    assert await verbs.doubtful(None, 0) == ([], None)
    ids = await doubtful(kept, 1, 2, 3)
    await kept.admit(4, cards=PAID)
    await kept.advance_to(4, "accepted")
    seen: list[uuid.UUID] = []
    place = None
    for _ in range(3):
        page, place = await verbs.doubtful(place, 1)
        seen += [one.attempt.id for one in page]
    assert (sorted(seen), place) == (sorted(ids), None)
    (first, *_), _ = await verbs.doubtful(None, 0)
    assert first.attempt.held_micros > 0
    assert first.generation_id in {(await kept.look(number)).generation.id for number in (1, 2, 3)}
    with pytest.raises(errors.InvalidArgument, match="page_size"):
        await verbs.doubtful(None, -1)


async def test_an_adopted_job_is_watched_and_its_end_taken(kept: record.Kept) -> None:
    (attempt_id,) = await doubtful(kept, 1)
    verbs = verbs_of(kept)
    for _ in range(2):
        doubt = await verbs.adopt(attempt_id, "job", "key k1", "seen on the console")
        assert (doubt.attempt.state, doubt.attempt.job_id) == (State.ACCEPTED, "job")
    assert await messages(kept, 1, "attempt_adopted") == ["Job job is adopted by key k1: seen on the console"]
    await record.attempts_of(kept).finish(attempt_id, facts.Ended("job", facts.Outcome.SUCCEEDED, "clip"))
    assert (await kept.look(1)).attempts[0].state is State.SUCCEEDED


async def test_who_looked_for_an_attempt_is_told_to_watch_what_an_operator_adopted(kept: record.Kept) -> None:
    (attempt_id,) = await doubtful(kept, 1)
    await kept.write(lambda store: store.put_card(orchestrator.PAID))
    await kept.write(lambda store: store.put_account(orchestrator.account("paid")))
    pool = record.pools_of(kept)
    looking = test_leases.renewal("w", attempt_id, pool="paid", looking=(attempt_id,))
    found = [str(search.charge.attempt_id) for search in (await pool.renew(looking)).find]
    assert found == [str(attempt_id)]
    await verbs_of(kept).adopt(attempt_id, "job", "key k1", "seen on the console")
    for _ in range(2):
        # Again and again, as long as it says that it looks for it: an answer may be lost.
        assert [charge.attempt_id for charge in (await pool.renew(looking)).watch] == [attempt_id]
    watching = test_leases.renewal("w", attempt_id, pool="paid")
    assert (await pool.renew(watching)).watch == ()


async def test_a_job_of_another_attempt_is_not_adopted(kept: record.Kept) -> None:
    (attempt_id,) = await doubtful(kept, 1)
    await kept.admit(2, cards=PAID)
    other = await kept.advance_to(2, "submitting")
    await record.attempts_of(kept).record(facts.Job("", "job", other, facts.Evidence.RECORD), record.WORKER)
    with pytest.raises(errors.WrongState, match=f"job job is that of attempt {other}"):
        await verbs_of(kept).adopt(attempt_id, "job", "key k1", "a guess")
    assert (await kept.look(1)).attempts[0].state is State.INDETERMINATE


async def test_what_is_written_off_goes_to_the_next_candidate_and_its_money_is_spent(kept: record.Kept) -> None:
    (attempt_id,) = await doubtful(kept, 1)
    doubt = await verbs_of(kept).write_off(attempt_id, "key k1", "no trace of it")
    assert (doubt.attempt.state, doubt.attempt.held_micros) == (State.WRITTEN_OFF, 0)
    assert doubt.attempt.spent_micros == doubt.attempt.price_micros
    first, second = (await kept.look(1)).attempts
    assert second.account_id != first.account_id
    assert await messages(kept, 1, "attempt_written_off") == ["Written off by key k1: no trace of it"]


async def test_what_is_submitted_again_goes_to_the_same_candidate(kept: record.Kept) -> None:
    (attempt_id,) = await doubtful(kept, 1)
    verbs = verbs_of(kept)
    for _ in range(2):
        doubt = await verbs.resubmit(attempt_id, "key k1", "never got there")
        assert doubt.attempt.state is State.WRITTEN_OFF
    first, second = (await kept.look(1)).attempts
    assert (second.account_id, second.state) == (first.account_id, State.PLANNED)


async def test_a_job_that_turns_up_after_all_is_taken_and_nothing_is_paid_twice(kept: record.Kept) -> None:
    (attempt_id,) = await doubtful(kept, 1)
    await verbs_of(kept).resubmit(attempt_id, "key k1", "never got there")
    protocol = record.attempts_of(kept)
    await protocol.record(facts.Job("", "job", attempt_id, facts.Evidence.RECORD), record.WORKER)
    first, second = (await kept.look(1)).attempts
    assert (first.state, second.state) == (State.ACCEPTED, State.DROPPED)
    await protocol.finish(attempt_id, facts.Ended("job", facts.Outcome.SUCCEEDED, "clip"))
    assert (await kept.look(1)).spent_micros == first.price_micros


@pytest.mark.parametrize("verb", ["adopt", "resubmit", "write_off"])
async def test_what_cannot_be_is_refused(kept: record.Kept, verb: str) -> None:
    async def said(attempt_id: uuid.UUID, reason: str = "why", job_id: str = "job") -> None:
        own = verbs_of(kept)
        if verb == "adopt":
            await own.adopt(attempt_id, job_id, "key k1", reason)
        else:
            await getattr(own, verb)(attempt_id, "key k1", reason)

    with pytest.raises(errors.NotFound):
        await said(uuid.UUID(int=5))
    (attempt_id,) = await doubtful(kept, 1)
    for reason in ("", " ", "x" * 501, "a\nb"):
        with pytest.raises(errors.InvalidArgument, match="reason"):
            await said(attempt_id, reason)
    if verb == "adopt":
        for job_id in ("", "x" * 1001, "a\x00"):
            with pytest.raises(errors.InvalidArgument, match="job_id"):
                await said(attempt_id, job_id=job_id)
    for number, stage in ((2, "dispatched"), (3, "submitting")):
        await kept.admit(number, cards=PAID)
        settled = await kept.advance_to(number, stage)
        with pytest.raises(errors.WrongState):
            await said(settled)
