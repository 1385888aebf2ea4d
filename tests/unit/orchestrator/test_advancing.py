"""From the state alone comes what is next: shots in order, steps, delivery, cancel, retry, deadline."""

import dataclasses
import datetime

import pytest
from reelmesh_kit import errors
from reelmesh_orchestrator.model import advancing, attempt, draft, facts, generation, request, shot, step, verbs

from tests.support import orchestrator
from tests.support.orchestrator import DRAWN, FREE, LADDER, OTHER, PAID, Story, admitted

SHORT = orchestrator.provider_card("short", orchestrator.model_card(longest_seconds=5.0))


def made(story: Story, job_id: str) -> None:
    """Make the shot whose attempt was planned last."""
    one = story.accepted(job_id)
    story.finished(one.id, facts.Outcome.SUCCEEDED, job_id)


def test_admission_plans_holds_and_tells() -> None:
    begun = admitted()
    types = [effect.type for effect in begun.effects if isinstance(effect, draft.Happened)]
    assert types == ["created", "routed", "queued", "attempt_planned"]
    assert begun.generation.state is generation.GenerationState.QUEUED
    assert begun.aggregate.held_micros == 800_000
    assert orchestrator.ledger_balances(begun.effects, begun.aggregate)


def test_advancing_again_changes_nothing() -> None:
    story = Story(admitted())
    for _ in range(3):
        before, effects = story.aggregate, len(story.effects)
        story.decided(lambda going: None)
        assert (story.aggregate, len(story.effects)) == (before, effects)
        story.accepted() if story.latest().state is attempt.AttemptState.PLANNED else None


def test_one_shot_becomes_a_video() -> None:
    story = Story(admitted())
    made(story, "job-1")
    assert story.aggregate.generation.state is generation.GenerationState.PROCESSING
    story.step_done(LADDER)
    current = story.aggregate.generation
    assert current.state is generation.GenerationState.COMPLETED
    assert current.delivery is generation.Delivery.VIDEO
    assert [file.name for file in current.result.files] == ["720p"]
    kept = [effect for effect in story.effects if isinstance(effect, draft.KeepAssets)][-1]
    assert kept.asset_ids == ("asset-720", "asset-thumbnail", "asset-poster")


def test_a_shot_that_goes_on_waits_for_the_last_frame_of_the_one_before() -> None:
    story = Story(admitted(SHORT, duration_seconds=8.0))
    first, second = story.aggregate.shots
    assert (first.state, second.state) == (shot.ShotState.READY, shot.ShotState.WAITING)
    made(story, "job-1")
    assert story.aggregate.steps[-1].kind is step.StepKind.LAST_FRAME
    assert story.aggregate.shots[1].state is shot.ShotState.WAITING
    story.step_done({"frame_asset_id": "frame-1"})
    assert story.aggregate.shots[1].first_frame_asset_id == "frame-1"
    assert story.latest().shot_id == second.id
    made(story, "job-2")
    ladder = story.aggregate.steps[-1]
    assert ladder.kind is step.StepKind.LADDER
    assert ladder.clip_asset_ids == tuple(one.clip_asset_id for one in story.aggregate.shots)


def test_a_lost_last_frame_costs_the_continuity_not_the_video() -> None:
    story = Story(admitted(SHORT, duration_seconds=8.0))
    made(story, "job-1")
    frame = story.aggregate.steps[-1]
    story.decided(lambda going: verbs.begin_step(going, frame.id, "w", "t", holder_lives=False))
    trouble = verbs.StepTrouble("no frame", retryable=False)
    assert story.decided(lambda going: verbs.fail_step(going, frame.id, "t", trouble))
    assert story.happened("continuity_lost")
    assert story.aggregate.shots[1].state is shot.ShotState.READY
    assert story.aggregate.shots[1].first_frame_asset_id == ""


@pytest.mark.parametrize(
    ("floor", "state", "delivery"),
    [
        (generation.Delivery.TEXT, generation.GenerationState.COMPLETED, generation.Delivery.INFOGRAPHIC),
        (generation.Delivery.INFOGRAPHIC, generation.GenerationState.COMPLETED, generation.Delivery.INFOGRAPHIC),
        (generation.Delivery.VIDEO, generation.GenerationState.FAILED, generation.Delivery.NONE),
    ],
)
def test_when_nobody_is_left_the_floor_decides(
    floor: generation.Delivery, state: generation.GenerationState, delivery: generation.Delivery
) -> None:
    story = Story(admitted(PAID, fallback_floor=floor))
    one = story.accepted()
    story.finished(one.id, facts.Outcome.FAILED)
    if floor is not generation.Delivery.VIDEO:
        story.step_done(DRAWN)
    current = story.aggregate.generation
    assert (current.state, current.delivery) == (state, delivery)
    assert current.failure is not None
    assert current.failure.reason == "ALL_CANDIDATES_FAILED"
    assert "it ended as FAILED" in current.failure.message
    assert current.complete_time == story.now


def test_the_cost_bound_strikes_candidates_that_would_break_it() -> None:
    story = Story(admitted(PAID, OTHER, max_cost_micros=1_000_000))
    one = story.accepted()
    story.finished(one.id, facts.Outcome.FETCH_LOST)
    assert story.aggregate.generation.falling_back
    assert story.aggregate.spent_micros <= 1_000_000


def test_a_free_job_that_went_with_its_machine_is_made_anew_a_paid_one_by_the_next_candidate() -> None:
    story = Story(admitted(PAID, FREE))
    for number in range(4):
        one = story.accepted(f"job-{number}")
        story.finished(one.id, facts.Outcome.GONE, f"job-{number}")
        assert story.latest().provider == "free"
        assert story.latest().state is attempt.AttemptState.PLANNED


def test_a_free_job_that_is_gone_again_and_again_is_given_up() -> None:
    story = Story(admitted(FREE))
    for number in range(advancing.Policy().submit_tries):
        assert not story.aggregate.generation.ended
        one = story.accepted(f"job-{number}")
        story.finished(one.id, facts.Outcome.GONE, f"job-{number}")
    assert story.happened("falling_back")


def test_a_wait_beyond_the_deadline_goes_to_the_next_candidate() -> None:
    story = Story(admitted(deadline_time=orchestrator.NOW + datetime.timedelta(seconds=30)))
    story.submitting()
    story.declined(facts.Verdict.BUSY, retry_after_seconds=60)
    assert story.latest().provider == "other"


def test_a_broken_clip_is_made_again_by_the_next_candidate() -> None:
    story = Story(admitted(PAID, FREE))
    made(story, "job-1")
    ladder, clip = story.aggregate.steps[-1], story.aggregate.shots[0].clip_asset_id
    story.decided(lambda going: verbs.begin_step(going, ladder.id, "w", "t", holder_lives=False))
    trouble = verbs.StepTrouble("cannot be decoded", retryable=False, broken_clip_asset_id=clip)
    assert story.decided(lambda going: verbs.fail_step(going, ladder.id, "t", trouble))
    assert story.aggregate.generation.state is generation.GenerationState.QUEUED
    assert story.latest().provider == "free"
    assert story.aggregate.spent_micros == 800_000
    made(story, "job-2")
    story.step_done(LADDER, token="u")
    assert story.aggregate.generation.state is generation.GenerationState.COMPLETED


class TestSteps:
    @pytest.fixture
    def story(self) -> Story:
        story = Story(admitted())
        made(story, "job-1")
        return story

    def test_a_live_holder_keeps_its_step(self, story: Story) -> None:
        one = story.aggregate.steps[-1]
        assert story.decided(lambda going: verbs.begin_step(going, one.id, "w", "t", holder_lives=False)) == ""
        assert story.decided(lambda going: verbs.begin_step(going, one.id, "x", "u", holder_lives=True)) == verbs.HELD

    def test_a_fresh_token_fences_the_zombie_off(self, story: Story) -> None:
        one = story.aggregate.steps[-1]
        story.decided(lambda going: verbs.begin_step(going, one.id, "w", "t", holder_lives=False))
        story.decided(lambda going: verbs.begin_step(going, one.id, "x", "u", holder_lives=False))
        assert not story.decided(lambda going: verbs.finish_step(going, one.id, "t", LADDER))
        assert story.decided(lambda going: verbs.finish_step(going, one.id, "u", LADDER))

    def test_a_result_told_twice_is_taken_once(self, story: Story) -> None:
        story.step_done(LADDER)
        one, before = story.aggregate.steps[-1], story.aggregate
        assert story.decided(lambda going: verbs.finish_step(going, one.id, "t", LADDER))
        assert story.aggregate == before

    def test_failing_runs_are_repeated_and_then_given_up(self, story: Story) -> None:
        one = story.aggregate.steps[-1]
        trouble = verbs.StepTrouble("the worker died", retryable=True)
        for number in range(step.MOST_TRIES):
            token = f"t{number}"
            story.decided(lambda going, token=token: verbs.begin_step(going, one.id, "w", token, holder_lives=False))
            assert story.decided(lambda going, token=token: verbs.fail_step(going, one.id, token, trouble))
        assert story.aggregate.step(one.id).state is step.StepState.FAILED
        assert story.aggregate.generation.failure is not None
        assert story.aggregate.generation.failure.reason == "PROCESSING_FAILED"

    def test_an_unheard_step_is_sent_again_later_each_time(self, story: Story) -> None:
        one = story.aggregate.steps[-1]

        def sends() -> int:
            return story.aggregate.steps[-1].sends

        story.passed(29)
        story.decided(lambda going: verbs.resend_step(going, one.id, 30))
        assert sends() == 1
        story.passed(1)
        story.decided(lambda going: verbs.resend_step(going, one.id, 30))
        assert sends() == 2
        story.passed(30)
        story.decided(lambda going: verbs.resend_step(going, one.id, 30))
        assert sends() == 2


class TestCancel:
    def test_what_nobody_has_begun_ends_at_once_and_costs_nothing(self) -> None:
        story = Story(admitted())
        story.decided(lambda going: verbs.cancel(going, orchestrator.POLICY))
        assert story.aggregate.generation.state is generation.GenerationState.CANCELLED
        assert story.latest().state is attempt.AttemptState.DROPPED
        assert story.aggregate.held_micros == 0
        assert orchestrator.ledger_balances(story.effects, story.aggregate)

    def test_an_accepted_job_is_asked_to_stop_and_its_word_ends_the_generation(self) -> None:
        story = Story(admitted())
        one = story.accepted()
        story.decided(lambda going: verbs.cancel(going, orchestrator.POLICY))
        assert story.aggregate.generation.state is generation.GenerationState.CANCELLING
        assert story.latest().cancel_wanted
        story.finished(one.id, facts.Outcome.CANCELLED)
        assert story.aggregate.generation.state is generation.GenerationState.CANCELLED

    def test_a_provider_that_does_not_stop_is_not_waited_for_forever(self) -> None:
        story = Story(admitted())
        story.accepted()
        story.decided(lambda going: verbs.cancel(going, orchestrator.POLICY))
        story.passed(59)
        story.decided(lambda going: None)
        assert story.aggregate.generation.state is generation.GenerationState.CANCELLING
        story.passed(1)
        story.decided(lambda going: None)
        assert story.aggregate.generation.state is generation.GenerationState.CANCELLED
        assert story.latest().held_micros == 800_000, "its hold outlives the generation"

    def test_an_indeterminate_attempt_does_not_keep_the_user_waiting(self) -> None:
        story = Story(admitted())
        story.submitting()
        story.declined(facts.Verdict.UNKNOWN)
        story.decided(lambda going: verbs.cancel(going, orchestrator.POLICY))
        assert story.aggregate.generation.state is generation.GenerationState.CANCELLED
        assert story.latest().state is attempt.AttemptState.INDETERMINATE

    def test_a_running_step_is_dropped(self) -> None:
        story = Story(admitted())
        made(story, "job-1")
        story.decided(lambda going: verbs.cancel(going, orchestrator.POLICY))
        assert story.aggregate.steps[-1].state is step.StepState.DROPPED
        assert story.aggregate.generation.state is generation.GenerationState.CANCELLED

    def test_twice_is_once(self) -> None:
        story = Story(admitted())
        story.decided(lambda going: verbs.cancel(going, orchestrator.POLICY))
        before = story.aggregate
        story.decided(lambda going: verbs.cancel(going, orchestrator.POLICY))
        assert story.aggregate == before

    def test_what_has_ended_otherwise_cannot_be_cancelled(self) -> None:
        story = Story(admitted())
        made(story, "job-1")
        story.step_done(LADDER)
        with pytest.raises(errors.WrongState, match="COMPLETED: there is nothing left to cancel"):
            story.decided(lambda going: verbs.cancel(going, orchestrator.POLICY))


class TestRetry:
    @pytest.fixture
    def failed(self) -> Story:
        story = Story(admitted(PAID, fallback_floor=generation.Delivery.VIDEO))
        one = story.accepted()
        story.finished(one.id, facts.Outcome.FAILED)
        assert story.aggregate.generation.state is generation.GenerationState.FAILED
        return story

    def test_a_new_run_begins_with_the_first_candidate(self, failed: Story) -> None:
        failed.decided(lambda going: verbs.retry(going, orchestrator.POLICY))
        current = failed.aggregate.generation
        assert (current.state, current.run, current.failure) == (generation.GenerationState.QUEUED, 2, None)
        assert failed.latest().run == 2
        assert failed.latest().state is attempt.AttemptState.PLANNED

    def test_ids_of_attempts_differ_between_runs(self, failed: Story) -> None:
        failed.decided(lambda going: verbs.retry(going, orchestrator.POLICY))
        ids = [one.id for one in failed.aggregate.attempts]
        assert len(set(ids)) == len(ids)

    def test_only_a_failed_generation_is_tried_again(self) -> None:
        story = Story(admitted())
        with pytest.raises(errors.WrongState, match="only a FAILED generation"):
            story.decided(lambda going: verbs.retry(going, orchestrator.POLICY))

    def test_not_while_an_attempt_is_unresolved(self, failed: Story) -> None:
        lost = dataclasses.replace(failed.latest(), state=attempt.AttemptState.INDETERMINATE)
        failed.aggregate = dataclasses.replace(failed.aggregate, attempts=(lost,))
        with pytest.raises(errors.UnresolvedAttempt):
            failed.decided(lambda going: verbs.retry(going, orchestrator.POLICY))

    def test_shots_that_are_made_stay_made(self) -> None:
        story = Story(admitted(SHORT, duration_seconds=8.0, fallback_floor=generation.Delivery.VIDEO))
        made(story, "job-1")
        story.step_done({"frame_asset_id": "frame-1"})
        one = story.accepted("job-2")
        story.finished(one.id, facts.Outcome.FAILED, "job-2")
        story.decided(lambda going: verbs.retry(going, orchestrator.POLICY))
        assert story.aggregate.shots[0].state is shot.ShotState.DONE
        assert story.aggregate.shots[1].state is shot.ShotState.READY
        assert story.latest().shot_id == story.aggregate.shots[1].id

    def test_a_shot_that_never_began_waits_again(self) -> None:
        story = Story(admitted(SHORT, duration_seconds=8.0, fallback_floor=generation.Delivery.VIDEO))
        one = story.accepted("job-1")
        story.finished(one.id, facts.Outcome.FAILED)
        assert story.aggregate.shots[1].state is shot.ShotState.CANCELLED
        story.decided(lambda going: verbs.retry(going, orchestrator.POLICY))
        assert story.aggregate.shots[1].state is shot.ShotState.WAITING

    def test_a_clip_that_came_too_late_for_the_run_before_is_used_and_not_paid_for_again(self) -> None:
        independent = orchestrator.provider_card(
            "paid", orchestrator.model_card(longest_seconds=5.0, first_frame=False)
        )
        story = Story(admitted(independent, duration_seconds=8.0, fallback_floor=generation.Delivery.VIDEO))
        fails, comes_late = story.aggregate.attempts
        for one, job_id in ((fails, "job-0"), (comes_late, "job-1")):
            story.decided(lambda going, one=one: facts.dispatch(going, one.id))
            story.decided(lambda going, one=one: facts.begin(going, one.id, orchestrator.WORKER, "n"))
            story.recorded(one.id, job_id)
        story.finished(fails.id, facts.Outcome.FAILED, "job-0")
        assert story.aggregate.generation.state is generation.GenerationState.FAILED
        story.finished(comes_late.id, facts.Outcome.SUCCEEDED, "job-1")
        assert story.happened("late_success")
        story.decided(lambda going: verbs.retry(going, orchestrator.POLICY))
        assert story.happened("take_used")
        again, made_before = story.aggregate.shots
        assert (again.state, made_before.state) == (shot.ShotState.READY, shot.ShotState.DONE)
        assert made_before.clip_asset_id == story.aggregate.attempt(comes_late.id).clip_asset_id
        assert [one.shot_id for one in story.aggregate.attempts if one.run == 2] == [again.id]


class TestDeadline:
    DEADLINE = orchestrator.NOW + datetime.timedelta(seconds=100)

    def test_before_it_nothing_happens(self) -> None:
        story = Story(admitted(deadline_time=self.DEADLINE))
        story.passed(99)
        story.decided(verbs.expire)
        assert not story.aggregate.generation.ended

    def test_the_floor_is_delivered_and_the_job_stays_watched(self) -> None:
        story = Story(admitted(deadline_time=self.DEADLINE))
        one = story.accepted()
        story.passed(100)
        story.decided(verbs.expire)
        current = story.aggregate.generation
        assert (current.state, current.delivery) == (generation.GenerationState.COMPLETED, generation.Delivery.TEXT)
        assert story.latest().state is attempt.AttemptState.ACCEPTED
        story.finished(one.id, facts.Outcome.SUCCEEDED)
        assert story.happened("late_success")
        assert story.aggregate.spent_micros == 800_000

    def test_without_a_floor_it_expires(self) -> None:
        story = Story(admitted(deadline_time=self.DEADLINE, fallback_floor=generation.Delivery.VIDEO))
        story.passed(100)
        story.decided(verbs.expire)
        assert story.aggregate.generation.state is generation.GenerationState.EXPIRED
        assert story.aggregate.held_micros == 0


def test_attempts_of_one_candidate_are_bounded_whatever_they_end_as() -> None:
    story = Story(admitted(PAID, FREE))
    for _ in range(advancing.Policy().most_attempts):
        story.submitting()
        story.declined(facts.Verdict.NOT_SENT)
        story.passed(1)
    assert story.latest().provider == "free"


def test_an_unchecked_priority_is_five_and_waiting_ranks_like_it() -> None:
    story = Story(admitted())
    assert story.aggregate.generation.priority == request.DEFAULT_PRIORITY
    assert story.latest().rank_time == orchestrator.NOW - datetime.timedelta(minutes=5)


def test_a_run_that_its_worker_does_not_speak_of_is_sent_again_after_a_grace() -> None:
    story = Story(admitted())
    made(story, "job-1")
    one = story.aggregate.steps[-1]
    story.decided(lambda going: verbs.begin_step(going, one.id, "w", "t", holder_lives=False))
    for seconds, token, sends in ((9, "t", 1), (1, "u", 1), (0, "t", 2)):
        story.passed(seconds)
        story.decided(lambda going, token=token: verbs.resend_lost_step(going, one.id, token, 10))
        assert story.aggregate.steps[-1].sends == sends
    assert story.aggregate.steps[-1].token == ""
