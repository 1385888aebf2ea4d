"""The attempt protocol as decisions: one submit, facts from anybody, a successor only after a verified negative."""

import dataclasses
import datetime
import uuid

import pytest
from reelmesh_kit import errors
from reelmesh_orchestrator.model import attempt, draft, facts, generation, shot, verbs
from reelmesh_orchestrator.model.attempt import AttemptState

from tests.support import orchestrator
from tests.support.orchestrator import Story


@pytest.fixture
def story() -> Story:
    return Story(orchestrator.admitted())


def begin(story: Story, attempt_id: uuid.UUID, nonce: str) -> facts.Leave:
    leave = story.decided(lambda going: facts.begin(going, attempt_id, orchestrator.WORKER, nonce))
    assert isinstance(leave, facts.Leave)
    return leave


class TestBegin:
    def test_the_first_gets_leave(self, story: Story) -> None:
        one = story.dispatched()
        assert begin(story, one.id, "n").go
        assert story.latest().state is AttemptState.SUBMITTING
        assert story.aggregate.shots[0].state is shot.ShotState.GENERATING
        assert story.aggregate.generation.state is generation.GenerationState.GENERATING

    def test_the_same_nonce_gets_the_same_answer(self, story: Story) -> None:
        one = story.submitting("n")
        before = story.aggregate
        assert begin(story, one.id, "n").go
        assert story.aggregate == before

    def test_another_nonce_is_turned_away(self, story: Story) -> None:
        one = story.submitting("n")
        assert not begin(story, one.id, "m").go

    @pytest.mark.parametrize("verdict", [facts.Verdict.UNKNOWN, facts.Verdict.REFUSED, facts.Verdict.NOT_SENT])
    def test_no_nonce_gets_leave_once_the_submit_is_over(self, story: Story, verdict: facts.Verdict) -> None:
        one = story.submitting("n")
        story.declined(verdict)
        assert not begin(story, one.id, "n").go
        assert not begin(story, one.id, "m").go

    def test_a_planned_attempt_that_was_withdrawn_is_not_begun(self, story: Story) -> None:
        one = story.dispatched()
        story.decided(lambda going: facts.withdraw(going, one.id, "late"))
        assert begin(story, one.id, "n").reason == "the attempt is PLANNED"

    def test_nothing_is_begun_for_a_cancelled_generation(self, story: Story) -> None:
        one = story.dispatched()
        story.decided(lambda going: verbs.cancel(going, orchestrator.POLICY))
        assert begin(story, one.id, "n").reason == "the generation is CANCELLED"

    def test_nothing_is_begun_after_the_deadline(self) -> None:
        deadline = orchestrator.NOW + datetime.timedelta(seconds=10)
        story = Story(orchestrator.admitted(deadline_time=deadline))
        one = story.dispatched()
        story.passed(10)
        assert begin(story, one.id, "n").reason == "the deadline has passed"

    @pytest.mark.parametrize(
        "state", [AttemptState.SUBMITTING, AttemptState.INDETERMINATE, AttemptState.ACCEPTED, AttemptState.SUCCEEDED]
    )
    def test_nothing_is_begun_while_a_sibling_is_unresolved_or_made(self, story: Story, state: AttemptState) -> None:
        one = story.dispatched()
        sibling = dataclasses.replace(one, id=uuid.uuid5(one.id, "sibling"), ordinal=9, state=state)
        story.aggregate = dataclasses.replace(story.aggregate, attempts=(sibling, one))
        assert begin(story, one.id, "n").reason == f"attempt {sibling.id} of the same shot is {state}"


class TestRecord:
    def test_the_job_is_accepted_and_watched_by_who_recorded_it(self, story: Story) -> None:
        one = story.accepted("job-1")
        assert (one.state, one.job_id, one.watcher_id) == (AttemptState.ACCEPTED, "job-1", orchestrator.WORKER)

    def test_the_same_fact_twice_changes_nothing(self, story: Story) -> None:
        one = story.accepted("job-1")
        before = story.aggregate
        story.recorded(one.id, "job-1")
        assert story.aggregate == before
        assert not story.happened("incident")

    def test_a_second_job_for_an_attempt_is_an_incident_and_the_first_stays(self, story: Story) -> None:
        one = story.accepted("job-1")
        story.recorded(one.id, "job-2")
        assert story.latest().job_id == "job-1"
        assert "both may have been paid" in story.happened("incident")[0].message

    def test_a_job_that_another_attempt_claims_as_well_is_an_incident(self, story: Story) -> None:
        one = story.submitting()
        claimed = facts.Job("account", "job-1", uuid.UUID(int=99), facts.Evidence.RECORD)
        story.recorded(one.id, "job-1", facts.Evidence.ADOPTION, claimed)
        assert story.latest().state is AttemptState.SUBMITTING
        assert len(story.happened("incident")) == 1

    def test_a_late_record_reopens_and_withdraws_the_successor_that_has_not_begun(self, story: Story) -> None:
        first = story.submitting()
        story.declined(facts.Verdict.UNKNOWN)
        revision = story.aggregate.generation.revision
        assert story.decided(lambda going: facts.conclude(going, first.id, revision, "not in the list"))
        second = story.dispatched()
        assert second.id != first.id
        story.recorded(first.id, "job-1")
        assert story.aggregate.attempt(first.id).state is AttemptState.ACCEPTED
        assert story.aggregate.attempt(second.id).state is AttemptState.DROPPED
        assert not begin(story, second.id, "x").go
        assert story.happened("incident")
        assert orchestrator.ledger_balances(story.effects, story.aggregate)

    def test_a_job_of_a_cancelled_generation_is_to_be_stopped(self, story: Story) -> None:
        one = story.submitting()
        story.decided(lambda going: verbs.cancel(going, orchestrator.POLICY))
        assert story.aggregate.generation.state is generation.GenerationState.CANCELLING
        story.recorded(one.id, "job-1")
        assert story.latest().cancel_wanted


class TestDecline:
    def test_a_refusal_is_tried_again_after_five_ten_and_twenty_seconds_then_by_the_next(self, story: Story) -> None:
        waits: list[float] = []
        for expected in (5.0, 10.0, 20.0):
            story.submitting()
            story.declined(facts.Verdict.REFUSED)
            planned = story.latest()
            waits.append((planned.not_before - story.now).total_seconds())
            assert planned.provider == "paid"
            story.passed(expected)
        story.submitting()
        story.declined(facts.Verdict.REFUSED)
        assert waits == [5.0, 10.0, 20.0]
        assert story.latest().provider == "other"
        assert story.latest().not_before == story.now

    def test_a_busy_provider_uses_up_no_try_and_its_wait_is_honoured(self, story: Story) -> None:
        for _ in range(6):
            story.submitting()
            story.declined(facts.Verdict.BUSY, retry_after_seconds=42.0)
            assert story.latest().provider == "paid"
            assert (story.latest().not_before - story.now).total_seconds() == 42.0
            story.passed(42)

    def test_what_never_left_uses_up_no_try(self, story: Story) -> None:
        for _ in range(6):
            story.submitting()
            story.declined(facts.Verdict.NOT_SENT)
            assert story.aggregate.attempts[-2].state is AttemptState.NOT_SENT
            assert story.latest().provider == "paid"
            story.passed(1)

    def test_a_final_refusal_goes_to_the_next_at_once(self, story: Story) -> None:
        story.submitting()
        story.declined(facts.Verdict.REFUSED_FOR_GOOD)
        assert story.latest().provider == "other"

    def test_a_refusal_for_safety_strikes_everybody_who_would_be_paid(self, story: Story) -> None:
        story.submitting()
        story.declined(facts.Verdict.UNSAFE)
        assert story.latest().provider == "free"

    def test_not_knowing_plans_nothing_and_keeps_the_hold(self, story: Story) -> None:
        one = story.submitting()
        story.declined(facts.Verdict.UNKNOWN)
        assert story.latest().id == one.id
        assert story.latest().state is AttemptState.INDETERMINATE
        assert story.latest().held_micros == 800_000

    def test_a_stranger_s_nonce_declines_nothing(self, story: Story) -> None:
        story.submitting("n")
        story.declined(facts.Verdict.REFUSED, nonce="m")
        assert story.latest().state is AttemptState.SUBMITTING

    def test_a_verdict_that_comes_late_resolves_the_doubt(self, story: Story) -> None:
        one = story.submitting()
        story.decided(lambda going: facts.doubt(going, one.id, "not heard of"))
        story.declined(facts.Verdict.NOT_SENT)
        assert story.aggregate.attempt(one.id).state is AttemptState.NOT_SENT

    def test_every_verdict_settles_the_ledger(self, story: Story) -> None:
        for verdict in facts.Verdict:
            one = Story(orchestrator.admitted())
            one.submitting()
            one.declined(verdict)
            assert orchestrator.ledger_balances(one.effects, one.aggregate), verdict


class TestConclude:
    def test_never_created_goes_on_with_the_next_try(self, story: Story) -> None:
        one = story.submitting()
        story.declined(facts.Verdict.UNKNOWN)
        assert story.decided(lambda going: facts.conclude(going, one.id, 0, "not in the list"))
        assert story.aggregate.attempt(one.id).state is AttemptState.NEVER_CREATED
        assert story.aggregate.attempt(one.id).held_micros == 0
        assert story.latest().id != one.id

    def test_a_changed_generation_is_looked_at_again(self, story: Story) -> None:
        one = story.submitting()
        story.declined(facts.Verdict.UNKNOWN)
        story.aggregate = dataclasses.replace(
            story.aggregate, generation=dataclasses.replace(story.aggregate.generation, revision=5)
        )
        assert not story.decided(lambda going: facts.conclude(going, one.id, 4, "not in the list"))
        assert story.latest().state is AttemptState.INDETERMINATE

    def test_twice_is_once(self, story: Story) -> None:
        one = story.submitting()
        story.declined(facts.Verdict.UNKNOWN)
        assert story.decided(lambda going: facts.conclude(going, one.id, 0, "not in the list"))
        before = story.aggregate
        assert story.decided(lambda going: facts.conclude(going, one.id, 0, "not in the list"))
        assert story.aggregate == before


class TestFinish:
    def test_a_clip_makes_the_shot(self, story: Story) -> None:
        one = story.accepted()
        story.finished(one.id, facts.Outcome.SUCCEEDED)
        assert story.aggregate.shots[0].state is shot.ShotState.DONE
        assert story.aggregate.spent_micros == 800_000
        assert story.aggregate.held_micros == 0
        kept = [effect for effect in story.effects if isinstance(effect, draft.KeepAssets)]
        assert kept == [draft.KeepAssets((f"clip-{one.id}",))]

    def test_what_the_provider_says_it_cost_counts(self, story: Story) -> None:
        one = story.accepted()
        story.finished(one.id, facts.Outcome.SUCCEEDED, cost_micros=900_000)
        assert story.aggregate.spent_micros == 900_000
        assert orchestrator.ledger_balances(story.effects, story.aggregate)

    @pytest.mark.parametrize(
        ("outcome", "spent", "following"),
        [
            (facts.Outcome.FAILED, 0, "other"),
            (facts.Outcome.FILTERED, 0, "free"),
            (facts.Outcome.CANCELLED, 0, "other"),
            (facts.Outcome.GONE, 0, "other"),
            (facts.Outcome.FETCH_LOST, 800_000, "other"),
            (facts.Outcome.BROKEN, 800_000, "other"),
            (facts.Outcome.REFUSED, 0, "other"),
        ],
    )
    def test_a_verified_negative_moves_on_with_its_cost(
        self, story: Story, outcome: facts.Outcome, spent: int, following: str
    ) -> None:
        one = story.accepted()
        story.finished(one.id, outcome)
        assert story.aggregate.attempt(one.id).spent_micros == spent
        assert story.latest().provider == following
        assert orchestrator.ledger_balances(story.effects, story.aggregate)

    def test_twice_is_once(self, story: Story) -> None:
        one = story.accepted()
        story.finished(one.id, facts.Outcome.SUCCEEDED)
        before, effects = story.aggregate, len(story.effects)
        story.finished(one.id, facts.Outcome.SUCCEEDED)
        assert story.aggregate == before
        assert len(story.effects) == effects

    def test_the_end_of_a_job_that_is_not_the_attempt_s_is_an_incident(self, story: Story) -> None:
        one = story.accepted("job-1")
        story.finished(one.id, facts.Outcome.SUCCEEDED, job_id="job-2")
        assert story.latest().state is AttemptState.ACCEPTED
        assert story.happened("incident")

    def test_a_success_after_the_end_is_kept_settled_and_told(self, story: Story) -> None:
        one = story.accepted()
        story.decided(lambda going: verbs.cancel(going, orchestrator.POLICY))
        story.passed(61)
        story.decided(lambda going: None)
        assert story.aggregate.generation.state is generation.GenerationState.CANCELLED
        story.finished(one.id, facts.Outcome.SUCCEEDED)
        assert story.aggregate.attempt(one.id).state is AttemptState.SUCCEEDED
        assert story.aggregate.generation.state is generation.GenerationState.CANCELLED
        assert story.happened("late_success")
        assert story.aggregate.spent_micros == 800_000


def test_a_dispatched_attempt_is_withdrawn_later_each_time(story: Story) -> None:
    story.dispatched()
    later = story.now + datetime.timedelta(seconds=30)
    assert facts.overdue(story.aggregate.attempts, story.now, 30) == ()
    assert facts.overdue(story.aggregate.attempts, later, 30) == (story.latest().id,)
    again = tuple(dataclasses.replace(one, dispatches=2) for one in story.aggregate.attempts)
    assert facts.overdue(again, later, 30) == ()


def test_writing_off_counts_the_money_as_lost_and_lets_the_shot_go_on(story: Story) -> None:
    one = story.submitting()
    story.declined(facts.Verdict.UNKNOWN)
    story.decided(lambda going: verbs.write_off(going, one.id, "the operator gave it up"))
    assert story.aggregate.attempt(one.id).state is AttemptState.WRITTEN_OFF
    assert story.aggregate.attempt(one.id).spent_micros == 800_000
    assert story.latest().state is AttemptState.PLANNED
    assert orchestrator.ledger_balances(story.effects, story.aggregate)


def test_only_an_unresolved_attempt_is_written_off(story: Story) -> None:
    with pytest.raises(errors.WrongState, match="only an unresolved one"):
        story.decided(lambda going: verbs.write_off(going, story.latest().id, "no"))


def test_at_most_one_attempt_of_a_shot_is_unresolved_whatever_is_said(story: Story) -> None:
    """Walks through refusals, doubts, conclusions and late facts; the invariant holds after each."""
    for verdict in (facts.Verdict.REFUSED, facts.Verdict.UNKNOWN):
        story.submitting()
        story.declined(verdict)
        unresolved = [one for one in story.aggregate.attempts if one.state in attempt.UNRESOLVED]
        assert len(unresolved) <= 1
        story.passed(30)


def test_what_came_out_otherwise_than_asked_is_told(story: Story) -> None:
    one = story.accepted()
    ended = facts.Ended("job-1", facts.Outcome.SUCCEEDED, "clip", None, "no font has glyphs for Han: left out")
    story.decided(lambda going: facts.finish(going, one.id, ended))
    assert [event.message for event in story.happened("remark")] == ["no font has glyphs for Han: left out"]
