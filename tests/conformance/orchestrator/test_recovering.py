"""The record goes back, on both engines: who notices, what is refused meanwhile, whose jobs are, and what goes on."""

import dataclasses
import uuid
from collections.abc import Sequence
from typing import Any, cast

import pytest
from reelmesh_kit import clock, errors, ids, process
from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_orchestrator.model import card, draft, eras, facts, generation, recovering, request
from reelmesh_orchestrator.model.attempt import AttemptState
from reelmesh_orchestrator.usecases import dispatching, generations, pools, vouching
from reelmesh_orchestrator.usecases import recovering as verbs

from tests.support import orchestrator, record

PAID = (orchestrator.PAID,)
WORKER = "0190c2a8-0000-7000-8000-000000000001"
UNKNOWN = uuid.UUID(int=99)
EXACT = orchestrator.provider_card("paid", recovery=card.Recovery.EXACT)
PATIENCE_SECONDS = 60.0


class Note:
    """A note in memory."""

    def __init__(self) -> None:
        self.mark: eras.Mark | None = None
        self.error: Exception | None = None

    async def read(self) -> eras.Mark | None:
        if self.error:
            raise self.error
        return self.mark

    async def write(self, mark: eras.Mark) -> None:
        self.mark = mark


class Mesh:
    """An orchestrator's verbs on one record, with time that stands still."""

    def __init__(self, kept: record.Kept, own: process.Chassis) -> None:
        self.kept = kept
        self.time = clock.ManualClock()
        self.note = Note()
        self.seen = vouching.Seen()
        self.vouching = self.restarted("")
        self.pools = pools.Pools(
            kept.record,
            orchestrator.POLICY,
            self.seen,
            submit_within_seconds=1.0,
            free_slots=2,
            step_grace_seconds=15.0,
        )
        self.attempts = record.attempts_of(kept, self.seen)
        self.lost = verbs.Recovering(
            kept.record,
            orchestrator.POLICY,
            self.time,
            submit_within_seconds=1.0,
            patience_seconds=PATIENCE_SECONDS,
        )
        self.dispatcher = dispatching.Dispatcher(kept.record, orchestrator.POLICY)
        self._own = own

    def restarted(self, restored: str) -> vouching.Vouching:
        """Return what a process has that starts now."""
        logger = orchestrator.logger()
        return vouching.Vouching(
            self.kept.record, self.note, self.seen, self.time, logger, every_seconds=1.0, restored=restored
        )

    async def start(self) -> None:
        """Start on a record with an account and a card."""
        await self.kept.put_accounts("paid")
        await self.kept.write(lambda store: store.put_card(EXACT))
        await self.vouching.compare()

    async def renew(
        self, *holding: str, mark: eras.Mark | None = None, counted: uuid.UUID | None = None
    ) -> pools.Orders:
        """Renew the lease of the one worker."""
        told = pools.Renewal(
            WORKER, "provider", "paid", "w", frozenset(holding), frozenset(), 100, mark, str(counted or "")
        )
        return await self.pools.renew(told)

    async def era(self) -> eras.Era:
        """Return the present era."""
        standing = await self.kept.read(lambda store: store.standing())
        assert standing.era is not None
        return standing.era

    async def tell(self, *jobs: recovering.Found, complete: bool = True, message: str = "") -> bool:
        """Tell all that the account has, and that nothing more is known."""
        era = await self.era()
        told = await self.lost.report(verbs.Report(str(era.id), "paid", jobs, True, complete, message))
        await self.renew(counted=era.id)
        return told

    async def generation(self, number: int) -> draft.Aggregate:
        return await self.kept.look(number)

    async def events(self, number: int) -> list[str]:
        """Return what is said to have been recovered."""
        found = await self.kept.read(lambda store: store.events("tenant", record.identifier(number), 0, 100))
        return [event.message for event in found or () if event.type == "recovered"]


@pytest.fixture
async def mesh(kept: record.Kept, chassis: process.Chassis) -> Mesh:
    made = Mesh(kept, chassis)
    await made.start()
    return made


def job(attempt_id: uuid.UUID | None, job_id: str = "job") -> recovering.Found:
    return recovering.Found("paid", job_id, "paid", "paid", "m-1", facts.Evidence.ADOPTION, attempt_id)


async def future(mesh: Mesh) -> eras.Mark:
    """Return a mark of this era that the record does not have."""
    return eras.Mark((await mesh.era()).id, 10_000, UNKNOWN)


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


class TestMatching:
    async def test_jobs_find_their_attempts_and_the_rest_goes_on(self, mesh: Mesh) -> None:
        for number in (1, 2, 3):
            await mesh.kept.admit(number, cards=PAID)
        await mesh.kept.advance_to(2, "dispatched")
        planned = (await mesh.generation(1)).attempts[0]
        await mesh.lost.start("a test")
        assert await mesh.tell(job(planned.id), job(UNKNOWN, "orphan"))
        await mesh.lost.step()
        era = await mesh.era()
        assert (era.state, era.adopted, era.freed) == (eras.EraState.STANDING, 1, 2)
        assert era.end_time is not None
        adopted = (await mesh.generation(1)).attempts[0]
        assert (adopted.state, adopted.job_id) == (AttemptState.ACCEPTED, "job")
        assert await mesh.kept.count(tables.PROVIDER_JOBS, tables.PROVIDER_JOBS.c.job_id == "job") == 1
        assert (await mesh.generation(2)).attempts[0].state is AttemptState.PLANNED
        assert ["has job job" in one for one in await mesh.events(1)] == [True]
        assert ["it goes on" in one for one in await mesh.events(3)] == [True]
        assert [charge.attempt_id for charge in (await mesh.renew(counted=era.id)).watch] == [planned.id]
        assert (await mesh.dispatcher.dispatch())[0] == 2
        state = await mesh.lost.state()
        assert state is not None
        assert (state.orphans, state.censuses[0].jobs, state.censuses[0].state) == (
            True,
            2,
            recovering.CensusState.ANSWERED,
        )
        orphans, place = await mesh.lost.orphans(None, 0)
        assert ([one.found.job_id for one in orphans], place) == (["orphan"], None)
        await mesh.lost.check()

    async def test_many_generations_are_matched_in_several_transactions(self, mesh: Mesh) -> None:
        for number in range(1, verbs.BATCH + 5):
            await mesh.kept.admit(number, cards=PAID)
        last = (await mesh.generation(verbs.BATCH + 4)).attempts[0].id
        await mesh.lost.start("a test")
        await mesh.tell(job(last))
        await mesh.lost.step()
        era = await mesh.era()
        assert (era.state, era.adopted, era.freed) == (eras.EraState.STANDING, 1, verbs.BATCH + 3)

    async def test_who_dies_half_way_is_followed_by_somebody_who_goes_on(self, mesh: Mesh) -> None:
        for number in range(1, verbs.BATCH + 3):
            await mesh.kept.admit(number, cards=PAID)
        await mesh.lost.start("a test")
        await mesh.tell()

        def half(store: ports.Store) -> None:
            mesh.lost._count(store, waited=False)  # pyright: ignore[reportPrivateUsage]
            mesh.lost._match(store)  # pyright: ignore[reportPrivateUsage]

        await mesh.kept.write(half)
        assert (await mesh.era()).freed == verbs.BATCH
        await mesh.lost.step()
        assert (await mesh.era()).freed == verbs.BATCH + 2
        assert all([len(await mesh.events(number)) == 1 for number in (1, verbs.BATCH, verbs.BATCH + 2)])

    async def test_somebody_who_comes_late_is_heard_and_meanwhile_nothing_is_begun(self, mesh: Mesh) -> None:
        await mesh.kept.admit(1, cards=PAID)
        planned = (await mesh.generation(1)).attempts[0]
        await mesh.lost.start("a test")
        await mesh.tell()
        await mesh.lost.step()
        await mesh.kept.advance_to(1, "dispatched")
        await mesh.tell(job(planned.id))
        assert (await mesh.era()).state is eras.EraState.MATCHING
        assert not (await mesh.attempts.begin(planned.id, WORKER, "n")).go
        await mesh.lost.step()
        assert (await mesh.era()).state is eras.EraState.STANDING
        assert (await mesh.generation(1)).attempts[0].job_id == "job"

    async def test_a_late_worker_is_asked_once_and_a_new_account_is_looked_through(self, mesh: Mesh) -> None:
        await mesh.lost.start("a test")
        era = await mesh.era()
        await mesh.tell()
        await mesh.lost.step()
        assert [one.account_id for one in (await mesh.renew()).census] == ["paid"]
        assert (await mesh.renew(counted=era.id)).census == ()
        await mesh.pools.register_card(dataclasses.replace(orchestrator.FREE, provider="free"))
        assert (await mesh.kept.read(lambda store: store.standing())).parked == frozenset({"free"})


class TestParking:
    @pytest.fixture
    async def parked(self, mesh: Mesh) -> Mesh:
        """Return a mesh whose account cannot be looked through."""
        await mesh.kept.admit(1, cards=PAID)
        await mesh.lost.start("a test")
        await mesh.tell(complete=False, message="this provider has no list")
        await mesh.lost.step()
        return mesh

    async def test_what_may_have_been_tried_there_waits_and_says_so(self, parked: Mesh) -> None:
        state = await parked.lost.state()
        assert state is not None
        (census,) = state.censuses
        assert (census.state, census.message) == (recovering.CensusState.PARKED, "this provider has no list")
        assert ["waits until somebody does" in one for one in await parked.events(1)] == [True]
        await parked.dispatcher.dispatch()
        waiting = (await parked.generation(1)).attempts[0]
        assert waiting.state is AttemptState.PLANNED
        assert waiting.not_before > waiting.create_time
        with pytest.raises(errors.Unavailable, match="of: paid"):
            await parked.lost.check()

    async def test_begin_refuses_what_was_dispatched_nevertheless(self, parked: Mesh) -> None:
        attempt_id = await parked.kept.advance_to(1, "dispatched")
        leave = await parked.attempts.begin(attempt_id, WORKER, "n")
        assert (leave.go, leave.come_again) == (False, False)
        assert (await parked.generation(1)).attempts[0].state is AttemptState.PLANNED

    async def test_what_is_admitted_later_waits_and_says_so(self, parked: Mesh) -> None:
        created = await user(parked).create("tenant", asked(), "key", "")
        found = await parked.kept.read(
            lambda store: store.events("tenant", created.view.aggregate.generation.id, 0, 100)
        )
        assert "recovered" in {event.type for event in found or ()}

    async def test_an_operator_releases_it(self, parked: Mesh) -> None:
        state = await parked.lost.release("paid", "the console shows nothing")
        assert [(one.state, one.message) for one in state.censuses] == [
            (recovering.CensusState.RELEASED, "the console shows nothing")
        ]
        await parked.lost.release("paid", "twice is fine")
        await parked.lost.check()
        await parked.kept.decide(1, lambda going: None)
        assert (await parked.dispatcher.dispatch())[0] == 1
        attempt_id = (await parked.generation(1)).attempts[0].id
        assert (await parked.attempts.begin(attempt_id, WORKER, "n")).go

    async def test_a_worker_that_can_look_ends_it(self, parked: Mesh) -> None:
        await parked.tell()
        await parked.lost.step()
        state = await parked.lost.state()
        assert state is not None
        assert state.era.state is eras.EraState.STANDING
        assert [one.state for one in state.censuses] == [recovering.CensusState.ANSWERED]

    async def test_what_is_not_parked_is_not_released(self, mesh: Mesh) -> None:
        with pytest.raises(errors.NotFound):
            await mesh.lost.release("paid", "")
        await mesh.lost.start("a test")
        with pytest.raises(errors.WrongState, match="ASKED, not PARKED"):
            await mesh.lost.release("paid", "")
        with pytest.raises(errors.NotFound):
            await mesh.lost.release("nobody's", "")
        with pytest.raises(errors.InvalidArgument, match="page_size"):
            await mesh.lost.orphans(None, -1)


class Nothing:
    """No assets and no progress."""

    async def check_references(self, asset_ids: Sequence[str], tenant_id: str) -> None:
        """Find them all."""

    def percent(self, aggregate: draft.Aggregate) -> int:
        return 0


def user(mesh: Mesh) -> generations.Generations:
    nothing = cast("Any", Nothing())
    return generations.Generations(
        mesh.kept.record,
        nothing,
        nothing,
        ids.SeededIds(),
        orchestrator.POLICY,
        most_open=100,
    )


def asked() -> request.Request:
    return request.Request(prompt="a red kite", output=request.OutputWish(duration_seconds=8.0))


class TestOrphans:
    async def test_a_generation_that_is_asked_for_again_meets_its_job(self, mesh: Mesh) -> None:
        generation_id = ids.derived("generation", "tenant", "key")
        shot_id = ids.derived(generation_id, "shot", 0)
        second = ids.derived(shot_id, "attempt", 1, 1)
        await mesh.lost.start("a test")
        await mesh.tell(job(second))
        await mesh.lost.step()
        created = await user(mesh).create("tenant", asked(), "key", "")
        aggregate = created.view.aggregate
        assert aggregate.generation.state is generation.GenerationState.GENERATING
        assert {one.ordinal: one.state for one in aggregate.attempts} == {
            0: AttemptState.DROPPED,
            1: AttemptState.ACCEPTED,
        }
        assert (await user(mesh).create("tenant", asked(), "key", "")).replayed
        assert (await mesh.lost.orphans(None, 10))[0] == []
        assert (await mesh.dispatcher.dispatch())[0] == 0
        stored = await mesh.kept.read(lambda store: store.look(generation_id))
        assert stored is not None
        assert stored.attempt(second).job_id == "job"

    async def test_one_that_was_asked_for_meanwhile_is_matched_like_the_others(self, mesh: Mesh) -> None:
        await mesh.lost.start("a test")
        created = await user(mesh).create("tenant", asked(), "key", "")
        attempt_id = created.view.aggregate.attempts[0].id
        await mesh.tell(job(attempt_id))
        await mesh.lost.step()
        stored = await mesh.kept.read(lambda store: store.of_attempt(attempt_id))
        assert stored is not None
        assert stored.attempt(attempt_id).state is AttemptState.ACCEPTED

    async def test_begin_meets_a_job_that_came_between(self, mesh: Mesh) -> None:
        await mesh.kept.admit(1, cards=PAID)
        await mesh.lost.start("a test")
        await mesh.tell()
        await mesh.lost.step()
        attempt_id = await mesh.kept.advance_to(1, "dispatched")
        await mesh.kept.write(lambda store: store.keep_found(2, [job(attempt_id)]))
        leave = await mesh.attempts.begin(attempt_id, WORKER, "n")
        assert "a lost job" in leave.reason
        assert (await mesh.generation(1)).attempts[0].job_id == "job"

    async def test_an_orphan_of_nobody_s_keeps_nothing_from_beginning(self, mesh: Mesh) -> None:
        await mesh.kept.admit(1, cards=PAID)
        await mesh.lost.start("a test")
        await mesh.tell(job(UNKNOWN))
        await mesh.lost.step()
        attempt_id = await mesh.kept.advance_to(1, "dispatched")
        assert (await mesh.attempts.begin(attempt_id, WORKER, "n")).go


async def test_a_conclusion_of_another_era_counts_nothing(mesh: Mesh) -> None:
    await mesh.kept.admit(1, cards=PAID)
    attempt_id = await mesh.kept.advance_to(1, "indeterminate")
    (search,) = (await mesh.renew()).find
    await mesh.lost.start("a test")
    assert not await mesh.attempts.conclude(attempt_id, search.fence, "not in the list")
    (again,) = (await mesh.renew()).find
    assert again.fence != search.fence
    assert await mesh.attempts.conclude(attempt_id, again.fence, "not in the list")
