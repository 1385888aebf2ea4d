"""The record goes back, on both engines: who notices, what is refused meanwhile, whose jobs are, and what goes on."""

import dataclasses

import pytest
from reelmesh_kit import errors, process
from reelmesh_orchestrator import ports
from reelmesh_orchestrator.model import eras, facts, recovering
from reelmesh_orchestrator.model.attempt import AttemptState
from reelmesh_orchestrator.usecases import pools, vouching
from reelmesh_orchestrator.usecases import recovering as verbs

from tests.support import orchestrator, record
from tests.support.recovery import PAID, PATIENCE_SECONDS, UNKNOWN, WORKER, Mesh, future


@pytest.fixture
async def mesh(kept: record.Kept, chassis: process.Chassis) -> Mesh:
    made = Mesh(kept, chassis)
    await made.start()
    return made


class TestNoticing:
    async def test_a_record_that_was_begun_stands_and_is_noted(self, mesh: Mesh) -> None:
        era = await mesh.era()
        assert (era.number, era.state) == (1, eras.EraState.STANDING)
        assert mesh.note.mark == eras.Mark(era.id)
        await mesh.kept.admit(1, cards=PAID)
        await mesh.vouching.compare()
        standing = await mesh.kept.read(lambda store: store.standing())
        assert mesh.note.mark == eras.Mark(era.id, standing.head_position, standing.head_event_id)
        await mesh.restarted("").compare()
        assert await mesh.era() == era

    async def test_a_note_of_a_lost_future_begins_an_era_and_takes_its_place(self, mesh: Mesh) -> None:
        mesh.note.mark = await future(mesh)
        await mesh.vouching.compare()
        era = await mesh.era()
        assert (era.number, era.state) == (2, eras.EraState.LOOKING)
        assert "position 10000" in era.reason
        assert mesh.note.mark.era_id == era.id
        await mesh.vouching.compare()
        assert (await mesh.era()).number == 2

    async def test_nothing_is_begun_before_the_note_was_read(self, mesh: Mesh) -> None:
        await mesh.kept.admit(1, cards=PAID)
        attempt_id = await mesh.kept.advance_to(1, "dispatched")
        await mesh.renew()
        fresh = vouching.Seen()
        mesh.note.error = errors.Unavailable("storage is away")
        starting = vouching.Vouching(
            mesh.kept.record, mesh.note, fresh, mesh.time, orchestrator.logger(), every_seconds=1.0
        )
        with pytest.raises(errors.Unavailable):
            await starting.compare()
        protocol = record.attempts_of(mesh.kept, fresh)
        leave = await protocol.begin(attempt_id, WORKER, "n")
        assert (leave.go, leave.come_again) == (False, True)
        mesh.note.error = None
        await starting.compare()
        assert (await protocol.begin(attempt_id, WORKER, "n")).go

    async def test_a_restore_that_was_named_begins_an_era_once(self, mesh: Mesh) -> None:
        for _ in range(2):
            await mesh.restarted("sunday").compare()
        assert ((await mesh.era()).number, (await mesh.era()).name) == (2, "sunday")
        await mesh.restarted("monday").compare()
        assert (await mesh.era()).number == 3

    async def test_a_worker_that_has_seen_more_begins_an_era(self, mesh: Mesh) -> None:
        orders = await mesh.renew(mark=await future(mesh))
        assert orders.held
        assert orders.recovering
        era = await mesh.era()
        assert orders.mark is not None
        assert orders.mark.era_id == era.id
        assert [(one.era_id, one.account_id, one.wait_seconds) for one in orders.census] == [(era.id, "paid", 3.0)]

    async def test_so_does_one_of_media(self, mesh: Mesh) -> None:
        told = pools.Renewal(WORKER, "media", "ladder", "m", frozenset(), frozenset(), 0, await future(mesh))
        orders = await mesh.pools.renew(told)
        assert (orders.recovering, orders.census) == (True, ())

    async def test_a_begin_of_a_worker_that_has_seen_more_is_refused_and_begins_an_era(self, mesh: Mesh) -> None:
        await mesh.kept.admit(1, cards=PAID)
        attempt_id = await mesh.kept.advance_to(1, "dispatched")
        mark = (await mesh.renew()).mark
        assert (await mesh.attempts.begin(attempt_id, WORKER, "n", mark)).go
        await mesh.kept.admit(2, cards=PAID)
        other = await mesh.kept.advance_to(2, "dispatched")
        leave = await mesh.attempts.begin(other, WORKER, "m", await future(mesh))
        assert (leave.go, leave.come_again) == (False, True)
        assert (await mesh.era()).number == 2
        assert (await mesh.generation(2)).attempts[0].state is AttemptState.DISPATCHED

    async def test_a_process_that_has_seen_more_notices_it_by_itself(self, mesh: Mesh) -> None:
        await mesh.kept.admit(1, cards=PAID)
        attempt_id = await mesh.kept.advance_to(1, "dispatched")
        await mesh.renew()
        mesh.seen.learn(await future(mesh))
        assert not (await mesh.attempts.begin(attempt_id, WORKER, "n")).go
        assert (await mesh.era()).number == 2

    async def test_a_worker_that_holds_what_nobody_has_begun_begins_an_era(self, mesh: Mesh) -> None:
        await mesh.kept.admit(1, cards=PAID)
        held = (await mesh.generation(1)).attempts[0].id
        orders = await mesh.renew(str(held), "no id")
        assert (orders.recovering, orders.forget) == (True, ())
        assert str(held) in (await mesh.era()).reason

    @pytest.mark.parametrize("known", [True, False])
    async def test_a_job_of_what_nobody_has_begun_begins_an_era(self, mesh: Mesh, known: bool) -> None:
        await mesh.kept.admit(1, cards=PAID)
        attempt_id = (await mesh.generation(1)).attempts[0].id if known else UNKNOWN
        told = facts.Job("", "job", attempt_id, facts.Evidence.RECORD)
        for _ in range(2):
            await mesh.attempts.record(told, WORKER, "paid", "m-1")
        assert (await mesh.era()).number == 2
        orphans = await mesh.kept.read(lambda store: store.orphans(None, 10))
        assert [one.found.attempt_id for one in orphans] == ([] if known else [UNKNOWN])
        assert (await mesh.generation(1)).attempts[0].job_id == ("job" if known else "")

    async def test_another_server_begins_an_era(self, mesh: Mesh) -> None:
        def elsewhere(store: ports.Store) -> None:
            era = store.lock_era()
            assert era is not None
            store.put_era(dataclasses.replace(era, identity="system/1"))

        await mesh.kept.write(elsewhere)
        assert (await mesh.renew()).recovering
        assert "the database was system/1" in (await mesh.era()).reason


class TestMeanwhile:
    async def test_nothing_is_dispatched_nor_begun_and_facts_are_taken(self, mesh: Mesh) -> None:
        await mesh.kept.admit(1, cards=PAID)
        attempt_id = await mesh.kept.advance_to(1, "dispatched")
        await mesh.kept.admit(2, cards=PAID)
        await mesh.renew()
        await mesh.lost.start("a test")
        assert await mesh.dispatcher.dispatch() == (0, None)
        assert not (await mesh.attempts.begin(attempt_id, WORKER, "n")).go
        await mesh.attempts.record(facts.Job("", "job", attempt_id, facts.Evidence.RECORD), WORKER)
        assert (await mesh.generation(1)).attempts[0].state is AttemptState.ACCEPTED
        with pytest.raises(errors.Unavailable, match="lost jobs are looked for: a test"):
            await mesh.lost.check()

    async def test_who_starts_it_twice_is_told_how_far_it_is(self, mesh: Mesh) -> None:
        assert await mesh.lost.state() is None
        first = await mesh.lost.start("once")
        second = await mesh.lost.start("again")
        assert (first.era, second.era.reason) == (second.era, "once")
        assert [one.state for one in second.censuses] == [recovering.CensusState.ASKED]

    @pytest.mark.parametrize("reason", ["r" * (recovering.LONGEST_REASON_CHARACTERS + 1), "a\0b"])
    async def test_a_reason_that_cannot_be_kept_is_refused(self, mesh: Mesh, reason: str) -> None:
        with pytest.raises(errors.InvalidArgument, match="reason: must be at most 500 characters, none NUL"):
            await mesh.lost.start(reason)
        assert await mesh.lost.state() is None
        await mesh.lost.start("r" * recovering.LONGEST_REASON_CHARACTERS)
        with pytest.raises(errors.InvalidArgument, match="reason"):
            await mesh.lost.release("paid", reason)

    async def test_it_waits_for_the_workers_that_live_and_not_for_ever(self, mesh: Mesh) -> None:
        await mesh.lost.start("a test")
        await mesh.lost.step()
        mesh.time.advance(PATIENCE_SECONDS)
        await mesh.lost.step()
        assert (await mesh.era()).state is eras.EraState.LOOKING
        mesh.time.advance(3.0)
        await mesh.lost.step()
        state = await mesh.lost.state()
        assert state is not None
        assert state.era.state is eras.EraState.STANDING
        assert [one.state for one in state.censuses] == [recovering.CensusState.PARKED]

    async def test_a_report_of_an_era_that_is_over_is_refused(self, mesh: Mesh) -> None:
        assert not await mesh.lost.report(verbs.Report(str(UNKNOWN), "paid", (), True, True, ""))
        await mesh.lost.start("a test")
        era = await mesh.era()
        assert not await mesh.lost.report(verbs.Report(str(era.id), "nobody's", (), True, True, ""))
