"""What is delivered in place of a video: as much as there is by the deadline, and as little as the request allows."""

import datetime

import pytest
from reelmesh_orchestrator.model import attempt, draft, facts, generation, shot, step, verbs

from tests.support import orchestrator
from tests.support.orchestrator import DRAWN, FREE, LADDER, PAID, Story, admitted

DELIVERY, STATE = generation.Delivery, generation.GenerationState
DEADLINE = orchestrator.NOW + datetime.timedelta(seconds=100)
LEAD = orchestrator.POLICY.floor_lead_seconds
BY_TOKEN = "t"


def failed(floor: generation.Delivery = DELIVERY.TEXT, **wishes: object) -> Story:
    """Return a story whose only candidate has failed."""
    story = Story(admitted(PAID, fallback_floor=floor, **wishes))
    story.finished(story.accepted().id, facts.Outcome.FAILED)
    return story


def troubled(story: Story, *, retryable: bool = False) -> None:
    """Let the latest step fail once."""
    step_id = story.aggregate.steps[-1].id
    trouble = verbs.StepTrouble("no font", retryable=retryable)
    story.decided(lambda going: verbs.begin_step(going, step_id, "w", BY_TOKEN, holder_lives=False))
    assert story.decided(lambda going: verbs.fail_step(going, step_id, BY_TOKEN, trouble))


def kept(story: Story) -> list[str]:
    return [asset for effect in story.effects if isinstance(effect, draft.KeepAssets) for asset in effect.asset_ids]


def test_a_picture_is_drawn_and_delivered_with_its_words_and_the_reason() -> None:
    story = failed()
    current = story.aggregate.generation
    assert (current.state, story.aggregate.steps[-1].kind) == (STATE.PROCESSING, step.StepKind.INFOGRAPHIC)
    assert current.failure is not None, "why is said while it is drawn"
    story.step_done(DRAWN)
    current = story.aggregate.generation
    assert (current.state, current.delivery) == (STATE.COMPLETED, DELIVERY.INFOGRAPHIC)
    assert current.result.infographic is not None
    assert (current.result.infographic.asset_id, current.result.text) == ("asset-still", current.prompt)
    assert kept(story) == ["asset-still"]
    (ending,) = story.happened("completed")
    assert ending.attributes == {"delivery": "INFOGRAPHIC", "reason": "ALL_CANDIDATES_FAILED"}
    assert "Delivered as a still picture: Shot 1 could not be made" in ending.message


def test_a_failing_candidate_is_followed_by_the_next_before_anything_is_drawn() -> None:
    story = Story(admitted(PAID, FREE))
    story.finished(story.accepted().id, facts.Outcome.FAILED)
    assert (story.latest().provider, story.aggregate.steps) == ("free", ())


@pytest.mark.parametrize(
    ("floor", "state", "delivery", "words"),
    [
        (DELIVERY.TEXT, STATE.COMPLETED, DELIVERY.TEXT, "could not be made"),
        (DELIVERY.INFOGRAPHIC, STATE.FAILED, DELIVERY.NONE, "nor is there a still picture: no font"),
    ],
)
def test_when_it_cannot_be_drawn_the_floor_decides(
    floor: generation.Delivery, state: generation.GenerationState, delivery: generation.Delivery, words: str
) -> None:
    story = failed(floor)
    troubled(story)
    current = story.aggregate.generation
    assert (current.state, current.delivery) == (state, delivery)
    assert current.failure is not None
    assert words in current.failure.message
    assert kept(story) == []


def test_a_drawing_that_fails_by_chance_is_repeated() -> None:
    story = failed(DELIVERY.INFOGRAPHIC)
    for _ in range(step.MOST_TRIES - 1):
        troubled(story, retryable=True)
    assert not story.aggregate.generation.ended
    story.step_done(DRAWN, token="u")
    assert story.aggregate.generation.delivery is DELIVERY.INFOGRAPHIC


@pytest.mark.parametrize(("floor", "ended"), [(DELIVERY.TEXT, True), (DELIVERY.INFOGRAPHIC, False)])
def test_a_drawing_that_nobody_takes_is_not_waited_for_where_words_will_do(
    floor: generation.Delivery, ended: bool
) -> None:
    story = failed(floor)
    for _ in range(2):
        story.passed(60)
        story.decided(lambda going: verbs.resend_step(going, story.aggregate.steps[-1].id, 30))
    current = story.aggregate.generation
    assert current.ended is ended
    assert current.delivery is (DELIVERY.TEXT if ended else DELIVERY.NONE)


def test_nothing_is_drawn_where_nothing_less_than_a_video_will_do() -> None:
    story = failed(DELIVERY.VIDEO)
    assert (story.aggregate.generation.state, story.aggregate.steps) == (STATE.FAILED, ())


def test_a_video_that_cannot_be_processed_is_given_up_too() -> None:
    story = Story(admitted(PAID))
    story.finished(story.accepted().id, facts.Outcome.SUCCEEDED)
    troubled(story)
    story.step_done(DRAWN)
    current = story.aggregate.generation
    assert current.delivery is DELIVERY.INFOGRAPHIC
    assert current.failure is not None
    assert current.failure.reason == "PROCESSING_FAILED"


def test_while_it_is_drawn_nobody_begins_and_what_is_under_way_is_asked_to_stop() -> None:
    short = orchestrator.provider_card("paid", orchestrator.model_card(longest_seconds=5.0, first_frame=False))
    story = Story(admitted(short, duration_seconds=9.0))
    first, second = story.aggregate.attempts
    for one in (first, second):
        story.decided(lambda going, one=one: facts.dispatch(going, one.id))
        story.decided(lambda going, one=one: facts.begin(going, one.id, "w", str(one.id)))
        story.recorded(one.id, f"job-{one.id}")
    story.finished(first.id, facts.Outcome.FAILED, f"job-{first.id}")
    assert story.aggregate.generation.falling_back
    assert story.aggregate.attempt(second.id).cancel_wanted
    assert {one.state for one in story.aggregate.shots} == {shot.ShotState.FAILED, shot.ShotState.CANCELLED}
    story.finished(second.id, facts.Outcome.SUCCEEDED, f"job-{second.id}")
    assert story.happened("late_success"), "the clip that came all the same is kept"
    assert story.aggregate.generation.falling_back


def test_a_job_that_turns_up_while_it_is_drawn_is_asked_to_stop() -> None:
    story = Story(admitted(PAID))
    one = story.submitting()
    story.declined(facts.Verdict.REFUSED_FOR_GOOD)
    assert story.aggregate.generation.falling_back
    story.recorded(one.id)
    assert story.aggregate.attempt(one.id).cancel_wanted


def test_a_cancel_ends_the_drawing() -> None:
    story = failed()
    story.decided(lambda going: verbs.cancel(going, orchestrator.POLICY))
    assert story.aggregate.generation.state is STATE.CANCELLED
    assert story.aggregate.steps[-1].state is step.StepState.DROPPED


def test_a_retry_begins_without_the_failure_and_draws_anew() -> None:
    story = failed(DELIVERY.INFOGRAPHIC)
    troubled(story)
    story.decided(lambda going: verbs.retry(going, orchestrator.POLICY))
    assert not story.aggregate.generation.falling_back
    assert story.latest().run == 2
    story.finished(story.accepted("job-2").id, facts.Outcome.FAILED, "job-2")
    story.step_done(DRAWN)
    assert story.aggregate.generation.delivery is DELIVERY.INFOGRAPHIC


class TestNearTheDeadline:
    def test_a_picture_is_drawn_beforehand_once(self) -> None:
        story = Story(admitted(PAID, deadline_time=DEADLINE))
        story.accepted()
        story.passed(100 - LEAD - 1)
        story.decided(lambda _: None)
        assert story.aggregate.steps == ()
        story.passed(1)
        for _ in range(3):
            story.decided(lambda _: None)
        assert [one.kind for one in story.aggregate.steps] == [step.StepKind.INFOGRAPHIC]
        assert not story.aggregate.generation.falling_back, "the video is still waited for"

    def test_it_is_delivered_over_an_attempt_of_which_nobody_knows(self) -> None:
        story = Story(admitted(PAID, deadline_time=DEADLINE))
        one = story.submitting()
        story.declined(facts.Verdict.UNKNOWN)
        story.passed(100 - LEAD)
        story.decided(lambda _: None)
        story.step_done(DRAWN)
        assert not story.aggregate.generation.ended
        story.passed(LEAD)
        story.decided(verbs.expire)
        current = story.aggregate.generation
        assert (current.state, current.delivery) == (STATE.COMPLETED, DELIVERY.INFOGRAPHIC)
        assert current.failure is not None
        assert current.failure.reason == "DEADLINE"
        doubted = story.aggregate.attempt(one.id)
        assert (doubted.state, doubted.held_micros) == (attempt.AttemptState.INDETERMINATE, 800_000)
        assert len(story.aggregate.attempts) == 1, "nobody else was paid meanwhile"

    def test_the_video_wins_if_it_comes_in_time_and_the_picture_is_not_kept(self) -> None:
        story = Story(admitted(PAID, deadline_time=DEADLINE))
        one = story.accepted()
        story.passed(99)
        story.decided(lambda _: None)
        story.step_done(DRAWN)
        story.finished(one.id, facts.Outcome.SUCCEEDED)
        story.step_done(LADDER, token="u")
        assert story.aggregate.generation.delivery is DELIVERY.VIDEO
        assert "asset-still" not in kept(story)

    @pytest.mark.parametrize(
        ("floor", "state", "delivery"),
        [
            (DELIVERY.TEXT, STATE.COMPLETED, DELIVERY.TEXT),
            (DELIVERY.INFOGRAPHIC, STATE.EXPIRED, DELIVERY.NONE),
            (DELIVERY.VIDEO, STATE.EXPIRED, DELIVERY.NONE),
        ],
    )
    def test_without_a_picture_the_floor_decides(
        self, floor: generation.Delivery, state: generation.GenerationState, delivery: generation.Delivery
    ) -> None:
        story = Story(admitted(PAID, deadline_time=DEADLINE, fallback_floor=floor))
        story.accepted()
        story.passed(100)
        story.decided(verbs.expire)
        current = story.aggregate.generation
        assert (current.state, current.delivery) == (state, delivery)
        assert current.failure is not None
        assert current.failure.reason == "DEADLINE"

    def test_why_there_is_no_video_stays_the_reason(self) -> None:
        story = failed(deadline_time=DEADLINE)
        story.passed(100)
        story.decided(verbs.expire)
        current = story.aggregate.generation
        assert current.delivery is DELIVERY.TEXT
        assert current.failure is not None
        assert current.failure.reason == "ALL_CANDIDATES_FAILED"

    def test_the_cost_bound_holds_in_the_middle_and_what_is_free_may_still_be_tried(self) -> None:
        story = Story(admitted(PAID, orchestrator.OTHER, FREE, max_cost_micros=1_000_000))
        story.finished(story.accepted().id, facts.Outcome.FETCH_LOST)
        assert story.aggregate.spent_micros == 800_000
        assert story.latest().provider == "free", "the other one would have cost more than is left"
