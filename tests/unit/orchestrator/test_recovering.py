"""After the record has gone back: every job finds its attempt, and nothing is tried for a shot that has one."""

import dataclasses
import uuid
from collections.abc import Sequence
from typing import TypeVar

import pytest
from reelmesh_kit import chance
from reelmesh_orchestrator.model import attempt, draft, facts, generation, recovering, shot, verbs
from reelmesh_orchestrator.model.attempt import AttemptState

from tests.support import orchestrator
from tests.support.orchestrator import Story

SEEDS = range(200)
TWINS = (22425, 76939)
ROUTE = (orchestrator.PAID, orchestrator.OTHER)
Choice = TypeVar("Choice")


def found(
    attempt_id: uuid.UUID | None, job_id: str = "job-1", provider: str = "paid", *, seed: int | None = None
) -> recovering.Found:
    evidence = facts.Evidence.ADOPTION
    return recovering.Found(provider, job_id, provider, provider, "m-1", evidence, attempt_id, seed)


def reconciled(story: Story, *jobs: recovering.Found) -> tuple[recovering.Adoption, ...]:
    adopted = story.decided(lambda going: recovering.reconcile(going, jobs))
    assert isinstance(adopted, tuple)
    return adopted  # pyright: ignore[reportUnknownVariableType]


@pytest.fixture
def story() -> Story:
    return Story(orchestrator.admitted())


class TestReconcile:
    @pytest.mark.parametrize("dispatched", [False, True])
    def test_an_attempt_that_nobody_has_begun_is_found_to_have_a_job(self, story: Story, dispatched: bool) -> None:
        one = story.dispatched() if dispatched else story.latest()
        (adopted,) = reconciled(story, found(one.id))
        assert adopted.job == facts.Job("paid", "job-1", one.id, facts.Evidence.ADOPTION)
        after = story.latest()
        assert (after.id, after.state, after.job_id) == (one.id, AttemptState.ACCEPTED, "job-1")
        assert story.aggregate.shots[0].state is shot.ShotState.GENERATING
        assert "was PLANNED" in story.happened("recovered")[0].message or dispatched
        assert not story.happened("incident")

    def test_a_job_of_an_attempt_that_may_have_followed_gets_a_row_and_what_was_planned_is_dropped(
        self, story: Story
    ) -> None:
        first = story.latest()
        of = story.aggregate.shots[0]
        third = attempt.id_of(of.id, 1, 2)
        reconciled(story, found(third, provider="other"))
        row = story.aggregate.attempt(third)
        assert (row.state, row.ordinal, row.account_id, row.price_micros) == (
            AttemptState.ACCEPTED,
            2,
            "other",
            1_600_000,
        )
        assert story.aggregate.attempt(first.id).state is AttemptState.DROPPED
        assert orchestrator.ledger_balances(story.effects, story.aggregate)
        story.finished(third, facts.Outcome.FAILED)
        # The next one is none that there was, whatever is missing between them.
        assert story.latest().ordinal == 3
        assert len({one.id for one in story.aggregate.attempts}) == len(story.aggregate.attempts)

    def test_jobs_of_several_attempts_of_a_shot_all_find_them(self, story: Story) -> None:
        of = story.aggregate.shots[0]
        ids = [attempt.id_of(of.id, 1, ordinal) for ordinal in range(3)]
        adopted = reconciled(story, *(found(one, f"job-{one}") for one in reversed(ids)))
        assert [one.job.attempt_id for one in adopted] == ids
        assert [one.job_id for one in story.aggregate.attempts] == [f"job-{one}" for one in ids]

    def test_a_job_at_another_account_than_the_row_says_moves_the_row(self, story: Story) -> None:
        one = story.latest()
        reconciled(story, found(one.id, provider="other"))
        after = story.latest()
        assert (after.id, after.account_id, after.provider, after.held_micros) == (one.id, "other", "other", 1_600_000)
        assert orchestrator.ledger_balances(story.effects, story.aggregate)

    def test_a_row_that_has_a_job_stays_where_it_is_and_a_second_job_is_an_incident(self, story: Story) -> None:
        one = story.accepted("job-1")
        reconciled(story, found(one.id, "job-2", provider="other"))
        assert (story.latest().account_id, story.latest().job_id) == ("paid", "job-1")
        assert story.happened("incident")

    def test_what_is_known_already_changes_nothing(self, story: Story) -> None:
        one = story.accepted("job-1")
        before = story.aggregate
        assert len(reconciled(story, found(one.id, "job-1"))) == 1
        assert story.aggregate == before

    def test_a_job_of_somebody_else_is_not_ours(self, story: Story) -> None:
        before = story.aggregate
        assert reconciled(story, found(uuid.UUID(int=99)), found(None), found(None, seed=1)) == ()
        assert story.aggregate == before

    def test_a_job_of_a_run_that_the_record_forgot_takes_the_generation_up_again(self) -> None:
        story = Story(orchestrator.admitted(orchestrator.PAID, fallback_floor=generation.Delivery.VIDEO))
        story.submitting()
        story.declined(facts.Verdict.REFUSED_FOR_GOOD)
        assert story.aggregate.generation.state is generation.GenerationState.FAILED
        second = attempt.id_of(story.aggregate.shots[0].id, 2, 0)
        reconciled(story, found(second))
        assert story.aggregate.generation.run == 2
        assert story.aggregate.generation.state is generation.GenerationState.GENERATING
        assert not story.aggregate.attempt(second).cancel_wanted
        story.finished(second, facts.Outcome.SUCCEEDED)
        assert story.aggregate.generation.state is generation.GenerationState.PROCESSING

    def test_a_job_of_a_generation_that_ended_is_stopped(self, story: Story) -> None:
        one = story.latest()
        story.decided(lambda going: verbs.cancel(going, orchestrator.POLICY))
        assert story.latest().state is AttemptState.DROPPED
        reconciled(story, found(one.id))
        assert (story.latest().state, story.latest().cancel_wanted) == (AttemptState.ACCEPTED, True)

    def test_a_clip_for_a_shot_that_waits_for_the_one_before_is_used_when_its_turn_comes(self) -> None:
        short = orchestrator.provider_card("paid", orchestrator.model_card(longest_seconds=4.0))
        story = Story(orchestrator.admitted(short, duration_seconds=8.0))
        first, second = story.aggregate.shots
        assert second.state is shot.ShotState.WAITING
        later = attempt.id_of(second.id, 1, 0)
        reconciled(story, found(attempt.id_of(first.id, 1, 0)), found(later, "job-2"))
        story.finished(later, facts.Outcome.SUCCEEDED, "job-2")
        assert story.aggregate.shot(second.id).state is shot.ShotState.WAITING
        story.finished(attempt.id_of(first.id, 1, 0), facts.Outcome.SUCCEEDED)
        story.step_done({"frame_asset_id": "frame"})
        assert story.aggregate.shot(second.id).state is shot.ShotState.DONE
        assert story.happened("take_used")
        assert len(story.aggregate.attempts) == 2
        assert story.aggregate.generation.state is generation.GenerationState.PROCESSING

    def test_clips_for_all_shots_that_wait_are_used_one_after_the_other(self) -> None:
        short = orchestrator.provider_card("paid", orchestrator.model_card(longest_seconds=4.0))
        story = Story(orchestrator.admitted(short, duration_seconds=12.0))
        own = [attempt.id_of(one.id, 1, 0) for one in story.aggregate.shots]
        jobs = dict(zip(own, ("job-1", "job-2", "job-3"), strict=True))
        reconciled(story, *(found(one, job_id) for one, job_id in jobs.items()))
        for one, job_id in reversed(jobs.items()):
            story.finished(one, facts.Outcome.SUCCEEDED, job_id)
        for number in range(2):
            story.step_done({"frame_asset_id": f"frame {number}"})
        assert [one.state for one in story.aggregate.shots] == [shot.ShotState.DONE] * 3
        assert story.aggregate.generation.state is generation.GenerationState.PROCESSING
        assert len(story.aggregate.attempts) == 3


class TestSeeds:
    def test_a_job_that_has_our_seed_is_ours(self, story: Story) -> None:
        second = attempt.id_of(story.aggregate.shots[0].id, 1, 1)
        reconciled(story, found(None, seed=attempt.seed_of(second)))
        assert story.aggregate.attempt(second).state is AttemptState.ACCEPTED

    def test_a_seed_counts_only_where_the_shot_could_have_been_tried(self, story: Story) -> None:
        seed = attempt.seed_of(story.latest().id)
        elsewhere = dataclasses.replace(found(None, seed=seed), account_id="nowhere")
        other_model = dataclasses.replace(found(None, seed=seed), model="m-2")
        assert reconciled(story, elsewhere, other_model) == ()

    def test_a_seed_of_the_user_s_tells_nothing_apart(self) -> None:
        story = Story(orchestrator.admitted(seed=5))
        assert reconciled(story, found(None, seed=5), found(None, seed=attempt.seed_of(story.latest().id))) == ()

    def test_twins_tell_nothing_apart(self, story: Story) -> None:
        # Whose seeds are the same was found by trying: there is no other way.
        twins = [uuid.UUID(int=number) for number in TWINS]
        assert attempt.seed_of(twins[0]) == attempt.seed_of(twins[1])
        assert recovering.seeds(story.aggregate, twins) == {}
        assert len(recovering.seeds(story.aggregate, twins[:1])) == 1


class TestFree:
    def test_what_nobody_has_begun_goes_on(self, story: Story) -> None:
        story.dispatched()
        assert story.decided(lambda going: recovering.free(going, frozenset(), told=False))
        assert story.latest().state is AttemptState.PLANNED
        assert "it goes on" in story.happened("recovered")[0].message

    def test_what_may_have_been_tried_at_an_account_that_nobody_looked_through_waits(self, story: Story) -> None:
        story.decided(lambda going: recovering.free(going, frozenset({"other"}), told=False))
        assert "what account other was asked for" in story.happened("recovered")[0].message
        assert recovering.gate(story.aggregate.shots[0], frozenset({"other"})) == "other"
        assert recovering.gate(story.aggregate.shots[0], frozenset({"elsewhere"})) == ""
        story.dispatched()
        story.decided(lambda going: recovering.postpone(going, story.latest().id))
        assert story.latest().state is AttemptState.PLANNED
        assert (story.latest().not_before - story.now).total_seconds() == recovering.POSTPONED_SECONDS

    def test_an_account_that_was_struck_from_the_route_keeps_nothing_waiting(self) -> None:
        pinned = Story(orchestrator.admitted(pin="free"))
        assert recovering.gate(pinned.aggregate.shots[0], frozenset({"paid", "other"})) == ""

    def test_it_is_said_once(self, story: Story) -> None:
        assert story.decided(lambda going: recovering.free(going, frozenset(), told=True))
        assert not story.happened("recovered")

    def test_what_has_begun_is_left_alone(self, story: Story) -> None:
        story.submitting()
        before = story.aggregate
        assert not story.decided(lambda going: recovering.free(going, frozenset(), told=False))
        assert story.aggregate == before


CENSUS = recovering.Census("paid", "paid", recovering.CensusState.ASKED, 0, complete=False, message="")


class TestDecide:
    @pytest.mark.parametrize(
        ("census", "crew", "waited", "state"),
        [
            (CENSUS, recovering.Crew(1, 0), False, None),
            (CENSUS, recovering.Crew(0, 0), False, None),
            (CENSUS, recovering.Crew(0, 0), True, recovering.CensusState.PARKED),
            (CENSUS, recovering.Crew(1, 1), False, recovering.CensusState.PARKED),
            (CENSUS, recovering.Crew(2, 1), True, recovering.CensusState.PARKED),
            (dataclasses.replace(CENSUS, complete=True), recovering.Crew(2, 1), False, None),
            (dataclasses.replace(CENSUS, complete=True), recovering.Crew(2, 2), False, recovering.CensusState.ANSWERED),
            (dataclasses.replace(CENSUS, complete=True), recovering.Crew(2, 1), True, recovering.CensusState.ANSWERED),
            # A worker that was not there has looked after all.
            (
                dataclasses.replace(CENSUS, state=recovering.CensusState.PARKED, complete=True),
                recovering.Crew(0, 0),
                False,
                recovering.CensusState.ANSWERED,
            ),
            (dataclasses.replace(CENSUS, state=recovering.CensusState.PARKED), recovering.Crew(1, 1), True, None),
            (dataclasses.replace(CENSUS, state=recovering.CensusState.RELEASED), recovering.Crew(1, 1), True, None),
            (
                dataclasses.replace(CENSUS, state=recovering.CensusState.ANSWERED, complete=True),
                recovering.Crew(2, 1),
                True,
                None,
            ),
        ],
    )
    def test_an_account_is_answered_or_parked_once_everybody_has_spoken_or_had_their_time(
        self,
        census: recovering.Census,
        crew: recovering.Crew,
        waited: bool,
        state: recovering.CensusState | None,
    ) -> None:
        decided = recovering.decide([census], {"paid": crew}, waited=waited)
        assert [one.state for one in decided] == ([state] if state else [])
        assert all(one.message for one in decided if one.state is recovering.CensusState.PARKED)

    def test_what_is_open_is_waited_for(self) -> None:
        parked = dataclasses.replace(CENSUS, state=recovering.CensusState.PARKED)
        assert not recovering.counted([parked, CENSUS], waited=True)
        assert recovering.counted([parked], waited=False)
        # Without an account one may still show up.
        assert not recovering.counted([], waited=False)
        assert recovering.counted([], waited=True)


class Vendor:
    """Plays a future at random: whatever is planned is dispatched, submitted, and ends in some way."""

    def __init__(self, seed: int) -> None:
        self._chance = chance.SeededChance(seed)
        self.jobs: list[recovering.Found] = []

    def chosen(self, choices: Sequence[Choice]) -> Choice:
        """Choose one."""
        return choices[int(self._chance.uniform(0, len(choices)))]

    def goes_on(self, story: Story) -> None:
        """Do one thing."""
        one = story.latest()
        story.passed(60)
        if story.aggregate.generation.state is generation.GenerationState.FAILED:
            story.decided(lambda going: verbs.retry(going, orchestrator.POLICY))
        elif one.state is AttemptState.PLANNED:
            story.submitting(nonce := f"n {one.id}")
            verdict = self.chosen([None, None, *facts.Verdict])
            if verdict is None or (verdict is facts.Verdict.UNKNOWN and self.chosen([True, False])):
                self.jobs.append(found(one.id, f"job {one.id}", one.provider))
            if verdict is None:
                story.recorded(one.id, f"job {one.id}")
            else:
                story.declined(verdict, nonce)
        elif one.state is AttemptState.INDETERMINATE:
            self.resolve(story, one)
        elif one.state is AttemptState.ACCEPTED:
            outcomes = [facts.Outcome.FAILED, facts.Outcome.GONE, facts.Outcome.FILTERED, facts.Outcome.FETCH_LOST]
            story.finished(one.id, self.chosen([*outcomes, facts.Outcome.SUCCEEDED]), one.job_id)

    def resolve(self, story: Story, one: attempt.Attempt) -> None:
        """Find the job, or conclude that there is none."""
        job = next((two for two in self.jobs if two.attempt_id == one.id), None)
        if job is not None:
            story.recorded(one.id, job.job_id, facts.Evidence.ADOPTION)
        else:
            story.decided(lambda going: facts.conclude(going, one.id, 0, "not in the list"))


def begun() -> Story:
    """Return a generation that fails when everybody has refused."""
    return Story(orchestrator.admitted(*ROUTE, fallback_floor=generation.Delivery.VIDEO))


def alive(aggregate: draft.Aggregate) -> bool:
    return aggregate.generation.state in generation.WORKING or (
        aggregate.generation.state is generation.GenerationState.FAILED and aggregate.generation.run < 3
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_came_after_the_backup_every_job_finds_its_attempt_and_nothing_else_is_tried(seed: int) -> None:
    story = begun()
    vendor = Vendor(seed)
    played(story, vendor, vendor.chosen(range(6)))
    backup, effects = story.aggregate, list(story.effects)
    played(story, vendor, 12)
    story.aggregate, story.effects = backup, effects
    adopted = reconciled(story, *vendor.jobs)
    assert {one.found for one in adopted} == set(vendor.jobs)
    for job in vendor.jobs:
        assert job.attempt_id is not None
        assert story.aggregate.attempt(job.attempt_id).job_id == job.job_id
    for of in story.aggregate.shots:
        states = {one.state for one in story.aggregate.attempts_of(of.id)}
        assert not (states & attempt.UNBEGUN and AttemptState.ACCEPTED in states), states
    assert orchestrator.ledger_balances(story.effects, story.aggregate)
    assert not story.happened("incident")


def played(story: Story, vendor: Vendor, steps: int) -> None:
    """Play so many steps, as long as there is something to play."""
    for _ in range(steps):
        if alive(story.aggregate) and story.aggregate.shots[0].state is not shot.ShotState.DONE:
            vendor.goes_on(story)


def test_the_futures_that_are_played_have_everything_in_them() -> None:
    """The property above says nothing about what never comes up."""
    seen: set[AttemptState] = set()
    runs: set[int] = set()
    for seed in SEEDS:
        story = Story(
            orchestrator.admitted(orchestrator.PAID, orchestrator.OTHER, fallback_floor=generation.Delivery.VIDEO)
        )
        played(story, Vendor(seed), 18)
        seen |= {one.state for one in story.aggregate.attempts}
        runs |= {one.run for one in story.aggregate.attempts}
    assert {AttemptState.SUCCEEDED, AttemptState.FAILED, AttemptState.NOT_SENT, AttemptState.NEVER_CREATED} <= seen
    assert {1, 2} <= runs
