"""Jobs that are found after the record went back: whose they are, who is parked, and what is told of orphans."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any, cast

import asyncpg
import pytest
from reelmesh_kit import clock, errors, ids, process
from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_orchestrator.model import attempt, draft, eras, facts, generation, recovering, request
from reelmesh_orchestrator.model.attempt import AttemptState
from reelmesh_orchestrator.usecases import crowding, generations
from reelmesh_orchestrator.usecases import recovering as verbs

from tests.support import orchestrator, record
from tests.support.recovery import PAID, UNKNOWN, WORKER, Mesh, job


@pytest.fixture
async def mesh(kept: record.Kept, chassis: process.Chassis) -> Mesh:
    made = Mesh(kept, chassis)
    await made.start()
    return made


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
        await _matched_half(mesh)
        assert (await mesh.era()).freed == verbs.BATCH
        await mesh.lost.step()
        assert (await mesh.era()).freed == verbs.BATCH + 2
        assert all([len(await mesh.events(number)) == 1 for number in (1, verbs.BATCH, verbs.BATCH + 2)])

    async def test_what_is_told_in_the_middle_of_it_may_be_of_one_that_was_matched(self, mesh: Mesh) -> None:
        for number in range(1, verbs.BATCH + 3):
            await mesh.kept.admit(number, cards=PAID)
        first = (await mesh.generation(1)).attempts[0].id
        await mesh.lost.start("a test")
        await mesh.tell()
        await _matched_half(mesh)
        await mesh.tell(job(first))
        await mesh.lost.step()
        assert (await mesh.era()).state is eras.EraState.STANDING
        assert (await mesh.generation(1)).attempts[0].job_id == "job"

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
        crowding.Crowding(mesh.kept.record, clock.ManualClock(), limit=100),
        most_open=100,
    )


class EraHeld:
    """The row of the present era, locked in a transaction that does not end yet."""

    def __init__(self, connection: Any, looking: Any) -> None:
        self._connection = connection
        self._looking = looking
        self._held = connection.transaction()

    @classmethod
    @contextlib.asynccontextmanager
    async def by_somebody(cls, url: str) -> AsyncGenerator["EraHeld"]:
        """Lock it by a connection of its own."""
        async with contextlib.AsyncExitStack() as stack:
            connections: list[Any] = []
            for _ in range(2):
                connections.append(await asyncpg.connect(url, server_settings={"search_path": "orchestrator"}))
                stack.push_async_callback(connections[-1].close)
            held = cls(*connections)
            await held._held.start()
            await held._connection.execute("SELECT * FROM eras WHERE number = 2 FOR UPDATE")
            yield held

    async def keep(self, found: recovering.Found) -> None:
        """Keep a job that was found, as whoever tells of it does under this lock."""
        await self._connection.execute(
            "INSERT INTO found_jobs (project, job_id, account_id, provider, model, evidence, attempt_id, era, "
            "create_time) VALUES ($1, $2, $3, $4, $5, $6, $7, 2, now())",
            found.project,
            found.job_id,
            found.account_id,
            found.provider,
            found.model,
            found.evidence.value,
            found.attempt_id,
        )

    async def waited_for_by(self, number: int) -> None:
        """Return when so many wait for it."""
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        async with asyncio.timeout(5.0):
            while await self._looking.fetchval(waiting) < number:
                await clock.SystemClock().sleep(0.01)

    async def let_go(self) -> None:
        """End the transaction; what was kept is there."""
        await self._held.commit()


async def _matched_half(mesh: Mesh) -> None:
    """Count the accounts, and match the first batch of generations."""

    def half(store: ports.Store) -> None:
        mesh.lost._count(store, waited=False)  # pyright: ignore[reportPrivateUsage]
        mesh.lost._match(store)  # pyright: ignore[reportPrivateUsage]

    await mesh.kept.write(half)


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


class TestAtTheSameMoment:
    """What two transactions do that do not see each other; SQLite has one at a time."""

    @pytest.fixture
    def database_url(self, postgresql_url: str) -> str:
        return postgresql_url

    @pytest.fixture
    async def era_held(self, mesh: Mesh, postgresql_url: str) -> AsyncIterator[EraHeld]:
        """Yield the row of an era in which the record has gone back, locked by somebody else."""
        await mesh.lost.start("a test")
        await mesh.tell()
        await mesh.lost.step()
        async with EraHeld.by_somebody(postgresql_url) as held:
            yield held

    @pytest.mark.parametrize("told_first", [True, False])
    async def test_a_job_is_told_and_its_generation_asked_for_again(
        self, mesh: Mesh, era_held: EraHeld, told_first: bool
    ) -> None:
        generation_id = ids.derived("generation", "tenant", "key")
        attempt_id = attempt.id_of(ids.derived(generation_id, "shot", 0), 1, 0)
        fact = facts.Job("paid", "job", attempt_id, facts.Evidence.RECORD)

        async def tell() -> None:
            await mesh.attempts.record(fact, WORKER, "paid", "m-1")

        async def ask() -> None:
            await user(mesh).create("tenant", asked(), "key", "")

        async with asyncio.TaskGroup() as both:
            for number, one in enumerate((tell, ask) if told_first else (ask, tell), 1):
                both.create_task(one())
                await era_held.waited_for_by(number)
            await era_held.let_go()
        await mesh.lost.step()
        stored = await mesh.kept.read(lambda store: store.look(generation_id))
        assert stored is not None
        assert (stored.attempt(attempt_id).state, stored.attempt(attempt_id).job_id) == (AttemptState.ACCEPTED, "job")
        assert (await mesh.lost.orphans(None, 10))[0] == []

    async def test_a_job_is_kept_and_its_attempt_wants_to_begin(self, mesh: Mesh, era_held: EraHeld) -> None:
        await mesh.kept.admit(1, cards=PAID)
        attempt_id = await mesh.kept.advance_to(1, "dispatched")
        await era_held.keep(job(attempt_id))
        async with asyncio.TaskGroup() as begun:
            leave = begun.create_task(mesh.attempts.begin(attempt_id, WORKER, "n"))
            await era_held.waited_for_by(1)
            await era_held.let_go()
        assert "a lost job" in leave.result().reason
        assert (await mesh.generation(1)).attempts[0].job_id == "job"


async def test_a_conclusion_of_another_era_counts_nothing(mesh: Mesh) -> None:
    await mesh.kept.admit(1, cards=PAID)
    attempt_id = await mesh.kept.advance_to(1, "indeterminate")
    (search,) = (await mesh.renew()).find
    await mesh.lost.start("a test")
    assert not await mesh.attempts.conclude(attempt_id, search.fence, "not in the list")
    (again,) = (await mesh.renew()).find
    assert again.fence != search.fence
    assert await mesh.attempts.conclude(attempt_id, again.fence, "not in the list")
