"""Eras on both engines: what the record says of itself, what was found, and whose it is."""

import asyncio
import dataclasses
import datetime
import re
import uuid

import pytest
import sqlalchemy as sa
from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_orchestrator.model import attempt, eras, facts, recovering, verbs

from tests.support import orchestrator, record

PAID = (orchestrator.PAID,)
UNKNOWN = uuid.UUID(int=99)


def found(job_id: str, **told: object) -> recovering.Found:
    base = recovering.Found("paid", job_id, "paid", "paid", "m-1", facts.Evidence.ADOPTION)
    return dataclasses.replace(base, **told)  # pyright: ignore[reportArgumentType] - fields of Found by name


async def opened(kept: record.Kept, reason: str = "a test says so") -> eras.Era:
    """Begin the next era, whichever it is."""
    return await kept.write(lambda store: store.open_era(store.standing(), reason, "", None))


async def looking(kept: record.Kept) -> eras.Era:
    """Begin the first era and the one after it."""
    await opened(kept)
    return await opened(kept)


async def standing(kept: record.Kept, *marks: eras.Mark) -> eras.Standing:
    return await kept.read(lambda store: store.standing(marks))


async def test_a_new_record_has_no_era_and_the_first_one_stands(kept: record.Kept) -> None:
    assert (await standing(kept)).era is None
    first = await opened(kept)
    assert (first.number, first.state) == (1, eras.EraState.STANDING)
    now = await standing(kept)
    assert now.era == first
    assert now.identity == first.identity
    assert re.fullmatch(r"sqlite|\d+/[0-9A-F]{8}", now.identity)
    assert (now.open, now.gone_back, now.parked) == (False, False, frozenset())
    assert not await kept.write(lambda store: store.unclaimed())
    assert now.mark == eras.Mark(first.id, 0, None)


async def test_the_highest_event_is_the_mark_and_is_known_again(kept: record.Kept) -> None:
    era = await opened(kept)
    await kept.admit(1, cards=PAID)
    mark = (await standing(kept)).mark
    assert mark is not None
    assert mark.position > 0
    await kept.admit(2, cards=PAID)
    own = eras.Mark(era.id)
    later = await standing(kept, mark, own)
    assert later.events == {mark.position: mark.event_id}
    assert eras.trouble(later, [mark, own]) == ""
    assert eras.trouble(later, [dataclasses.replace(mark, event_id=UNKNOWN)])
    beyond = dataclasses.replace(mark, position=later.head_position + 1)
    assert eras.trouble(await standing(kept, beyond), [beyond])
    stranger = eras.Mark(UNKNOWN, 1, UNKNOWN)
    assert eras.trouble(await standing(kept, stranger), [stranger])


async def test_more_marks_than_a_question_has_room_for_are_a_mistake(kept: record.Kept) -> None:
    with pytest.raises(ValueError, match="at most 2"):
        await standing(kept, *[eras.Mark(UNKNOWN)] * 3)


async def test_what_was_deleted_because_it_was_old_is_not_missed(kept: record.Kept) -> None:
    await opened(kept)
    await kept.admit(1, cards=PAID)
    await kept.decide(1, lambda going: verbs.cancel(going, orchestrator.POLICY))
    mark = (await standing(kept)).mark
    assert mark is not None
    await kept.admit(2, cards=PAID)
    soon = datetime.timedelta(hours=1)
    assert await kept.write(lambda store: store.prune(store.now + soon, store.now, 100))
    later = await standing(kept, mark)
    assert later.events == {}
    assert later.era is not None
    assert later.era.pruned_to == mark.position
    assert eras.trouble(later, [mark]) == ""


async def test_the_next_era_has_every_account_looked_through(kept: record.Kept) -> None:
    await kept.put_accounts("paid", "other")
    first = await opened(kept)
    await kept.admit(1, cards=PAID)
    second = await kept.write(lambda store: store.open_era(store.standing(), "it went back", "monday", first.id))
    assert (second.number, second.state, second.reason, second.name) == (
        2,
        eras.EraState.LOOKING,
        "it went back",
        "monday",
    )
    now = await standing(kept, eras.Mark(first.id, 7, UNKNOWN))
    assert (now.open, now.gone_back, now.parked) == (True, True, frozenset({"paid", "other"}))
    assert now.era is not None
    assert now.era.head_time == now.head_time
    # Whatever was seen of the era before is told by its end.
    assert eras.trouble(now, [eras.Mark(first.id, 7, UNKNOWN)]) == ""
    assert [one.number for one in await kept.read(lambda store: store.eras(10))] == [2, 1]
    states = {one.account_id: one.state for one in await kept.read(lambda store: store.censuses(2))}
    assert states == dict.fromkeys(("other", "paid"), recovering.CensusState.ASKED)


async def test_of_those_who_begin_an_era_at_once_one_does(kept: record.Kept) -> None:
    await opened(kept)

    def work(store: ports.Store) -> int:
        now = store.standing()
        assert now.era is not None
        return now.era.number if now.era.open else store.open_era(now, "it went back", "", None).number

    assert await asyncio.gather(*(kept.write(work) for _ in range(8))) == [2] * 8
    assert await kept.count(tables.ERAS) == 2


async def test_an_era_that_others_have_seen_and_that_is_lost_is_known_afterwards(kept: record.Kept) -> None:
    await opened(kept)
    await kept.write(lambda store: store.open_era(store.standing(), "it went back", "", UNKNOWN))
    mark = eras.Mark(UNKNOWN, 3, UNKNOWN)
    assert eras.trouble(await standing(kept, mark), [mark]) == ""


async def test_an_era_is_moved_under_the_lock_of_its_row(kept: record.Kept) -> None:
    era = await looking(kept)

    def work(store: ports.Store) -> None:
        locked = store.lock_era()
        assert locked is not None
        store.put_era(dataclasses.replace(locked, adopted=locked.adopted + 1, matched_to=UNKNOWN))

    await asyncio.gather(*(kept.write(work) for _ in range(5)))
    after = (await standing(kept)).era
    assert after == dataclasses.replace(era, adopted=5, matched_to=UNKNOWN)


async def test_an_account_is_asked_once_in_an_era_and_no_longer_gates_when_it_has_answered(kept: record.Kept) -> None:
    await looking(kept)
    account = orchestrator.account("late")
    await kept.write(lambda store: store.ask(2, account))
    (census,) = await kept.read(lambda store: store.censuses(2))
    answered = dataclasses.replace(census, state=recovering.CensusState.ANSWERED, jobs=3, complete=True, message="all")
    await kept.write(lambda store: store.put_census(2, answered))
    await kept.write(lambda store: store.ask(2, account))
    assert await kept.read(lambda store: store.censuses(2)) == [answered]
    assert (await standing(kept)).parked == frozenset()
    parked = dataclasses.replace(answered, account_id="new", state=recovering.CensusState.PARKED)
    await kept.write(lambda store: store.put_census(2, parked))
    await kept.write(lambda store: store.put_census(1, dataclasses.replace(parked, account_id="of another era")))
    assert (await standing(kept)).parked == frozenset({"new"})


async def test_the_workers_of_a_provider_are_counted_by_what_they_have_told(kept: record.Kept) -> None:
    era = await looking(kept)

    def work(store: ports.Store) -> None:
        for worker_id, kind, counted in (("a", "provider", str(era.id)), ("b", "provider", ""), ("c", "media", "")):
            store.renew(ports.Lease(worker_id, kind, "paid", 0, True), worker_id, counted)
        store.renew(ports.Lease("gone", "provider", "paid", 0, True), "gone", str(era.id))

    await kept.write(work)
    await kept.write(lambda store: store.end_lease("gone", None))
    assert await kept.read(lambda store: store.crews(era.id)) == {"paid": recovering.Crew(2, 1)}


class TestFound:
    async def test_a_job_is_kept_once_under_the_better_evidence(self, kept: record.Kept) -> None:
        await looking(kept)
        recorded = found("a", evidence=facts.Evidence.RECORD, attempt_id=UNKNOWN)
        assert await kept.write(lambda store: store.keep_found(2, [found("a"), found("b"), found("a")])) == 2
        assert await kept.write(lambda store: store.keep_found(2, [recorded, found("b")])) == 0
        assert await kept.write(lambda store: store.keep_found(2, [found("a")])) == 0
        orphans = await kept.read(lambda store: store.orphans(None, 10))
        assert [one.found for one in orphans] == [recorded, found("b")]
        assert await kept.write(lambda store: store.unclaimed())

    async def test_a_job_that_an_attempt_has_is_not_found(self, kept: record.Kept) -> None:
        await looking(kept)
        await kept.admit(1, cards=PAID)
        attempt_id = await kept.advance_to(1, "accepted")
        job = facts.Job("paid", "known", attempt_id, facts.Evidence.RECORD)
        await kept.write(lambda store: store.keep_job(job, None))
        nobody = facts.Job("paid", "unknown", UNKNOWN, facts.Evidence.RECORD)
        await kept.write(lambda store: store.keep_job(nobody, None))
        listed = [found("known"), found("unknown")]
        assert await kept.write(lambda store: store.keep_found(2, listed)) == 1
        assert (await kept.read(lambda store: store.claim("paid", "unknown"))) == ports.Claim(nobody, ended=False)
        assert await kept.read(lambda store: store.claim("paid", "never heard of")) is None

    async def test_jobs_are_asked_for_by_attempt_and_by_seed_until_somebody_has_them(self, kept: record.Kept) -> None:
        await looking(kept)
        tagged, seeded = found("a", attempt_id=UNKNOWN), found("b", seed=7)
        both = found("c", attempt_id=uuid.UUID(int=98), seed=7)
        await kept.write(lambda store: store.keep_found(2, [tagged, seeded, both]))
        assert await kept.read(lambda store: store.found([UNKNOWN], [8])) == [tagged]
        # What names an attempt of its own is not had by its seed.
        assert await kept.read(lambda store: store.found([], [7, 8])) == [seeded]
        job = facts.Job("paid", "a", UNKNOWN, facts.Evidence.ADOPTION)
        await kept.write(lambda store: store.claim_found([recovering.Adoption(tagged, job)]))
        assert await kept.read(lambda store: store.found([UNKNOWN], [])) == []

    async def test_many_seeds_are_asked_for(self, kept: record.Kept) -> None:
        await looking(kept)
        await kept.write(lambda store: store.keep_found(2, [found("b", seed=40_000)]))
        assert len(await kept.read(lambda store: store.found([], range(50_000)))) == 1

    async def test_orphans_come_in_pages(self, kept: record.Kept) -> None:
        await looking(kept)
        await kept.write(lambda store: store.keep_found(2, [found(f"job-{number}") for number in range(5)]))
        place, seen = None, list[str]()
        while page := await kept.read(lambda store, after=place: store.orphans(after, 2)):
            seen += [one.found.job_id for one in page]
            place = ports.OrphanPlace(page[-1].found.project, page[-1].found.job_id)
        assert seen == [f"job-{number}" for number in range(5)]

    async def test_generations_to_which_jobs_may_belong_come_in_pages(self, kept: record.Kept) -> None:
        await looking(kept)
        for number in range(1, 6):
            await kept.admit(number, cards=PAID)
        # One has ended, and so has another of which a job was found.
        for number in (2, 4):
            await kept.decide(number, lambda going: verbs.cancel(going, orchestrator.POLICY))
        owner = (await kept.look(4)).attempts[0].id
        await kept.write(lambda store: store.keep_found(2, [found("late", attempt_id=owner)]))
        first = await kept.read(lambda store: store.unsettled(None, 3))
        rest = await kept.read(lambda store: store.unsettled(first[-1], 3))
        assert [*first, *rest] == [record.identifier(number) for number in (1, 3, 4, 5)]

    async def test_failed_generations_are_among_them_while_there_are_orphans(self, kept: record.Kept) -> None:
        await looking(kept)
        await kept.admit(1, cards=PAID, fallback_floor=orchestrator.VIDEO_FLOOR)
        attempt_id = await kept.advance_to(1, "submitting")
        verdict = facts.Verdict.REFUSED_FOR_GOOD
        await kept.decide(1, lambda going: facts.decline(going, attempt_id, f"nonce {attempt_id}", verdict, "no"))
        assert await kept.read(lambda store: store.unsettled(None, 3)) == []
        await kept.write(lambda store: store.keep_found(2, [found("late", attempt_id=UNKNOWN)]))
        assert await kept.read(lambda store: store.unsettled(None, 3)) == [record.identifier(1)]

    async def test_an_attempt_is_forgotten_that_is_not_there_or_not_begun(self, kept: record.Kept) -> None:
        for number, stage in ((1, ""), (2, "dispatched"), (3, "submitting"), (4, "accepted")):
            await kept.admit(number, cards=PAID)
            if stage:
                await kept.advance_to(number, stage)
        ids = [(await kept.look(number)).attempts[0].id for number in range(1, 5)]
        forgotten = await kept.read(lambda store: store.forgotten([*ids, UNKNOWN]))
        assert set(forgotten) == {*ids[:2], UNKNOWN}
        assert await kept.read(lambda store: store.forgotten([])) == []


async def test_an_attempt_whose_job_is_elsewhere_is_written_to_be_there(kept: record.Kept) -> None:
    await kept.admit(1, cards=(orchestrator.PAID, orchestrator.OTHER))
    before = (await kept.look(1)).attempts[0]
    elsewhere = dataclasses.replace(
        found("job", attempt_id=before.id), account_id="other", provider="other", project="other"
    )
    following = attempt.id_of(before.shot_id, 1, 1)
    listed = [elsewhere, found("next", attempt_id=following)]
    await kept.decide(1, lambda going: recovering.reconcile(going, listed))
    after = await kept.look(1)
    assert {one.id: (one.account_id, one.provider, one.job_id) for one in after.attempts} == {
        before.id: ("other", "other", "job"),
        following: ("paid", "paid", "next"),
    }
    assert after.attempt(before.id).price_micros == after.shots[0].route[1].price_micros
    owners = await kept.rows(sa.select(tables.ATTEMPTS.c.id, tables.ATTEMPTS.c.tenant_id))
    assert {row.tenant_id for row in owners} == {"tenant"}
