"""Alternate takes: what comes late is kept, processed, paid for once, and delivered when its owner says so."""

import dataclasses
from collections.abc import Mapping

import hypothesis
import pytest
from hypothesis import strategies
from reelmesh_kit import errors
from reelmesh_orchestrator.model import (
    attempt,
    cancelling,
    draft,
    facts,
    generation,
    machine,
    shot,
    step,
    takes,
    verbs,
)

from tests.support import orchestrator
from tests.support.orchestrator import DRAWN, LADDER, PAID, Story, admitted

STATE, DELIVERY = generation.GenerationState, generation.Delivery
TAKE = generation.TakeState
# Two shots, one candidate, none going on from the other.
SHORT = orchestrator.provider_card("paid", orchestrator.model_card(longest_seconds=5.0, first_frame=False))


def ladder(name: str) -> Mapping[str, object]:
    """Return what media says of files that are called `name`."""
    file = {**LADDER["files"][0], "asset_id": f"{name}-720"}  # type: ignore[index]
    return {**LADDER, "files": [file], "thumbnail_asset_id": f"{name}-thumbnail", "poster_asset_id": f"{name}-poster"}


def cancelled_with_a_late_clip() -> Story:
    """Return a story of a provider that did not stop in time and succeeded."""
    story = Story(admitted(PAID))
    one = story.accepted()
    story.decided(lambda going: verbs.cancel(going, orchestrator.POLICY))
    story.passed(60)
    story.decided(lambda _: None)
    assert story.aggregate.generation.state is STATE.CANCELLED
    story.finished(one.id, facts.Outcome.SUCCEEDED)
    return story


def ready(story: Story, name: str = "take") -> Story:
    """Process the take that is waiting."""
    story.step_done(ladder(name), token=name)
    return story


def promoted(story: Story, number: int) -> generation.Generation:
    story.decided(lambda going: takes.promote(going, number))
    return story.aggregate.generation


def take_of(story: Story, number: int = 1) -> generation.Take:
    return story.aggregate.generation.takes[number - 1]


def kept(story: Story) -> list[str]:
    return [asset for effect in story.effects if isinstance(effect, draft.KeepAssets) for asset in effect.asset_ids]


def test_a_clip_that_comes_late_is_kept_processed_and_settled() -> None:
    story = cancelled_with_a_late_clip()
    one = story.latest()
    take = take_of(story)
    assert (take.number, take.state, take.attempt_id, take.whole) == (1, TAKE.PROCESSING, one.id, True)
    work = story.aggregate.steps[-1]
    assert (work.kind, work.ordinal, work.clip_asset_ids) == (step.StepKind.TAKE, 1, (one.clip_asset_id,))
    assert (one.state, one.held_micros, one.spent_micros) == (attempt.AttemptState.SUCCEEDED, 0, 800_000)
    (late,) = story.happened("late_success")
    assert (late.attributes["take"], late.attributes["cost_micros"]) == ("1", "800000")
    ready(story)
    take = take_of(story)
    assert (take.state, [file.asset_id for file in take.result.files]) == (TAKE.READY, ["take-720"])
    assert kept(story) == [one.clip_asset_id, "take-720", "take-thumbnail", "take-poster"]
    assert story.aggregate.generation.state is STATE.CANCELLED, "nobody has promoted it"
    assert story.happened("take_ready")
    assert orchestrator.ledger_balances(story.effects, story.aggregate)


def test_a_promoted_take_is_what_is_delivered() -> None:
    story = ready(cancelled_with_a_late_clip())
    before = story.aggregate.generation
    current = promoted(story, 1)
    assert (current.state, current.delivery, current.failure) == (STATE.COMPLETED, DELIVERY.VIDEO, None)
    assert [file.asset_id for file in current.result.files] == ["take-720"]
    assert current.takes[0].promoted
    assert story.aggregate.shots[0].state is shot.ShotState.DONE
    assert story.aggregate.shots[0].clip_asset_id == story.latest().clip_asset_id
    assert story.aggregate.spent_micros == 800_000, "it was paid when it came"
    assert current.complete_time == before.complete_time
    (told,) = story.happened("take_promoted")
    assert (told.attributes["take"], told.attributes["delivery"]) == ("1", "VIDEO")


def test_promoting_twice_is_once() -> None:
    story = ready(cancelled_with_a_late_clip())
    promoted(story, 1)
    before = story.aggregate
    promoted(story, 1)
    assert story.aggregate == before
    assert len(story.happened("take_promoted")) == 1


def test_what_was_delivered_in_its_place_is_still_there() -> None:
    story = Story(admitted(PAID))
    one = story.submitting()
    story.declined(facts.Verdict.REFUSED_FOR_GOOD)
    story.step_done(DRAWN)
    assert story.aggregate.generation.delivery is DELIVERY.INFOGRAPHIC
    story.recorded(one.id)
    story.finished(one.id, facts.Outcome.SUCCEEDED)
    current = promoted(ready(story), 1)
    assert current.delivery is DELIVERY.VIDEO
    assert current.result.infographic is not None
    assert current.result.text == current.prompt


def test_a_video_that_is_replaced_becomes_a_take_and_can_be_had_again() -> None:
    story = Story(admitted(PAID))
    first = story.submitting()
    story.declined(facts.Verdict.REFUSED)
    story.passed(5)
    second = story.accepted("job-2", "m")
    story.finished(second.id, facts.Outcome.SUCCEEDED, "job-2")
    story.step_done(ladder("main"))
    story.recorded(first.id)
    story.finished(first.id, facts.Outcome.SUCCEEDED)
    current = promoted(ready(story), 1)
    assert [file.asset_id for file in current.result.files] == ["take-720"]
    former = take_of(story, 2)
    assert (former.state, former.attempt_id, former.promoted, former.whole) == (TAKE.READY, None, False, True)
    assert [file.asset_id for file in former.result.files] == ["main-720"]
    current = promoted(story, 2)
    assert [file.asset_id for file in current.result.files] == ["main-720"]
    assert [take.promoted for take in current.takes] == [False, True]
    assert story.aggregate.shots[0].clip_asset_id == story.aggregate.attempt(second.id).clip_asset_id
    assert len(promoted(story, 1).takes) == 2, "nothing is kept twice"


def two_shots_cancelled() -> tuple[Story, attempt.Attempt, attempt.Attempt]:
    story = Story(admitted(SHORT, duration_seconds=9.0))
    for number, one in enumerate(story.aggregate.attempts):
        story.decided(lambda going, one=one: facts.dispatch(going, one.id))
        story.decided(lambda going, one=one: facts.begin(going, one.id, "w", str(one.id)))
        story.recorded(one.id, f"job-{number}")
    story.decided(lambda going: verbs.cancel(going, orchestrator.POLICY))
    story.passed(60)
    story.decided(lambda _: None)
    first, second = story.aggregate.attempts
    return story, first, second


def test_one_clip_of_several_shots_is_a_take_that_cannot_be_promoted_and_the_last_one_makes_it_whole() -> None:
    story, first, second = two_shots_cancelled()
    story.finished(first.id, facts.Outcome.SUCCEEDED, "job-0")
    ready(story, "one")
    assert (take_of(story).whole, take_of(story).clip_asset_ids) == (False, (f"clip-{first.id}",))
    with pytest.raises(errors.WrongState, match="clip of one shot of 2"):
        promoted(story, 1)
    story.finished(second.id, facts.Outcome.SUCCEEDED, "job-1")
    ready(story, "both")
    assert (take_of(story, 2).whole, take_of(story, 2).clip_asset_ids) == (
        True,
        (f"clip-{first.id}", f"clip-{second.id}"),
    )
    current = promoted(story, 2)
    assert [one.clip_asset_id for one in story.aggregate.shots] == [f"clip-{first.id}", f"clip-{second.id}"]
    assert current.delivery is DELIVERY.VIDEO


def test_a_take_that_cannot_be_processed_says_so_and_no_retry_begins_with_a_broken_clip() -> None:
    story = cancelled_with_a_late_clip()
    work = story.aggregate.steps[-1]
    story.decided(lambda going: verbs.begin_step(going, work.id, "w", "t", holder_lives=False))
    trouble = verbs.StepTrouble("cannot be decoded", retryable=False, broken_clip_asset_id=story.latest().clip_asset_id)
    assert story.decided(lambda going: verbs.fail_step(going, work.id, "t", trouble))
    assert (take_of(story).state, take_of(story).message) == (TAKE.UNUSABLE, "cannot be decoded")
    assert story.latest().ending is attempt.Ending.BROKEN
    assert story.aggregate.shots[0].state is shot.ShotState.CANCELLED, "nothing is made anew for it"
    with pytest.raises(errors.WrongState, match="cannot be used: cannot be decoded"):
        promoted(story, 1)


@pytest.mark.parametrize("number", [0, 2, -1])
def test_there_is_no_other_take(number: int) -> None:
    story = ready(cancelled_with_a_late_clip())
    with pytest.raises(errors.NotFound, match=f"has no take {number}"):
        promoted(story, number)


def test_a_take_is_promoted_when_it_is_ready() -> None:
    with pytest.raises(errors.WrongState, match="still being encoded"):
        promoted(cancelled_with_a_late_clip(), 1)


def test_a_generation_at_work_delivers_its_own_first() -> None:
    story = Story(admitted(PAID))
    first = story.submitting()
    story.declined(facts.Verdict.REFUSED)
    story.passed(5)
    story.finished(story.accepted("job-2", "m").id, facts.Outcome.SUCCEEDED, "job-2")
    story.recorded(first.id)
    story.finished(first.id, facts.Outcome.SUCCEEDED)
    assert story.aggregate.generation.state is STATE.PROCESSING
    ready(story)
    with pytest.raises(errors.WrongState, match="once the generation has ended"):
        promoted(story, 1)


def test_a_retry_begins_with_the_take() -> None:
    story = Story(admitted(PAID, fallback_floor=DELIVERY.VIDEO))
    one = story.submitting()
    story.declined(facts.Verdict.REFUSED_FOR_GOOD)
    story.recorded(one.id)
    story.finished(one.id, facts.Outcome.SUCCEEDED)
    ready(story)
    story.decided(lambda going: verbs.retry(going, orchestrator.POLICY))
    assert story.happened("take_used")
    assert len(story.aggregate.attempts) == 1, "nothing is paid again"


class TestDeleted:
    def test_everything_it_had_is_let_go(self) -> None:
        story = ready(cancelled_with_a_late_clip())
        story.decided(verbs.delete)
        (gone,) = [effect for effect in story.effects if isinstance(effect, draft.DiscardAssets)]
        assert set(gone.asset_ids) == set(kept(story))

    def test_what_is_being_made_of_a_take_is_given_up(self) -> None:
        story = cancelled_with_a_late_clip()
        story.decided(verbs.delete)
        assert story.aggregate.steps[-1].state is step.StepState.DROPPED

    def test_a_clip_that_comes_afterwards_is_paid_and_not_kept(self) -> None:
        story = Story(admitted(PAID))
        one = story.submitting()
        story.declined(facts.Verdict.UNKNOWN)
        story.decided(lambda going: verbs.cancel(going, orchestrator.POLICY))
        story.decided(verbs.delete)
        story.recorded(one.id)
        story.finished(one.id, facts.Outcome.SUCCEEDED)
        assert (kept(story), story.aggregate.generation.takes, story.aggregate.steps) == ([], (), ())
        assert (story.aggregate.spent_micros, story.aggregate.held_micros) == (800_000, 0)
        assert "it is not kept" in story.happened("late_success")[0].message


class TestMoneyOfACancel:
    def sums(self, story: Story) -> tuple[int, int, int]:
        money = cancelling.money(story.aggregate)
        assert money is not None
        return money.saved_micros, money.spent_micros, money.unsettled_micros

    def test_without_a_cancel_there_is_none(self) -> None:
        assert cancelling.money(admitted(PAID).aggregate) is None

    def test_what_nobody_has_begun_is_saved(self) -> None:
        story = Story(admitted(PAID))
        story.decided(lambda going: verbs.cancel(going, orchestrator.POLICY))
        assert self.sums(story) == (800_000, 0, 0)
        assert story.happened("cancelled")[0].message == "Cancelled: $0.80 is saved; $0.00 is paid all the same"

    def test_a_job_under_way_is_open_until_its_provider_says_what_it_costs(self) -> None:
        story = Story(admitted(PAID))
        one = story.accepted()
        story.decided(lambda going: verbs.cancel(going, orchestrator.POLICY))
        assert self.sums(story) == (0, 0, 800_000)
        story.finished(one.id, facts.Outcome.CANCELLED, cost_micros=250_000)
        assert self.sums(story) == (550_000, 250_000, 0)
        (told,) = story.happened("cancelled")
        assert told.attributes == {"saved_micros": "550000", "spent_micros": "250000", "unsettled_micros": "0"}

    def test_a_provider_that_does_not_stop_is_paid_and_said_so(self) -> None:
        story = cancelled_with_a_late_clip()
        assert "$0.80 is open until providers say" in story.happened("cancelled")[0].message
        assert self.sums(story) == (0, 800_000, 0)

    @pytest.mark.parametrize(
        ("micros", "text"), [(0, "$0.00"), (5, "$0.000005"), (1_250_000, "$1.25"), (12_000_000, "$12.00")]
    )
    def test_money_is_told_exactly(self, micros: int, text: str) -> None:
        assert cancelling.dollars(micros) == text


_WORKERS_SAY = ("submit", "refuse", "doubt", "record", "succeed", "fail", "step", "step", "break")
_USERS_SAY = ("cancel", "deadline", "retry", "promote", "promote 2", "delete")
_MOVES = strategies.lists(strategies.sampled_from([*_WORKERS_SAY, *_USERS_SAY]), max_size=30)


@hypothesis.settings(max_examples=300)
@hypothesis.given(moves=_MOVES, floor=strategies.sampled_from(list(DELIVERY)))
def test_whatever_happens_every_clip_is_somewhere_and_the_money_adds_up(
    moves: list[str], floor: generation.Delivery
) -> None:
    deadline = orchestrator.NOW + orchestrator.datetime.timedelta(seconds=1000)
    story = Story(admitted(PAID, orchestrator.OTHER, fallback_floor=floor, deadline_time=deadline))
    for number, move in enumerate(moves):
        story.passed(7)
        # A move may be refused, and time alone may have brought something about.
        story.decided(lambda _: None)
        _play(story, move, number)
        _judge(story)


def _play(story: Story, move: str, number: int) -> None:
    first, last = story.aggregate.attempts[0], story.latest()
    play = {
        "submit": lambda: story.submitting(f"n-{number}"),
        "refuse": lambda: story.decided(
            lambda going: facts.decline(going, last.id, last.nonce, facts.Verdict.REFUSED_FOR_GOOD, "no")
        ),
        "doubt": lambda: story.decided(lambda going: facts.doubt(going, last.id, "nobody knows")),
        "record": lambda: story.recorded(first.id if number % 2 else last.id, f"job-{number}"),
        "succeed": lambda: _end(story, facts.Outcome.SUCCEEDED),
        "fail": lambda: _end(story, facts.Outcome.FAILED),
        "cancel": lambda: story.decided(lambda going: verbs.cancel(going, orchestrator.POLICY)),
        "deadline": lambda: (story.passed(1000), story.decided(verbs.expire)),
        "step": lambda: _step(story, number),
        "break": lambda: _break(story),
        "retry": lambda: story.decided(lambda going: verbs.retry(going, orchestrator.POLICY)),
        "promote": lambda: promoted(story, 1),
        "promote 2": lambda: promoted(story, 2),
        "delete": lambda: story.decided(verbs.delete),
    }[move]
    before = story.aggregate
    try:
        play()
    except (errors.WrongState, errors.NotFound, errors.UnresolvedAttempt, machine.RefusedError, AssertionError):
        assert story.aggregate.generation.takes == before.generation.takes


def _end(story: Story, outcome: facts.Outcome) -> None:
    for one in story.aggregate.attempts:
        if one.state is attempt.AttemptState.ACCEPTED:
            story.finished(one.id, outcome, one.job_id)
            return


def _step(story: Story, number: int) -> None:
    for one in story.aggregate.steps:
        if one.state in step.OPEN:
            done = DRAWN if one.kind is step.StepKind.INFOGRAPHIC else ladder(f"files-{number}")
            story.decided(lambda going: verbs.begin_step(going, one.id, "w", "t", holder_lives=False))  # noqa: B023
            story.decided(lambda going: verbs.finish_step(going, one.id, "t", done))  # noqa: B023
            return


def _break(story: Story) -> None:
    for one in story.aggregate.steps:
        if one.state in step.OPEN and one.clip_asset_ids:
            trouble = verbs.StepTrouble("broken", retryable=False, broken_clip_asset_id=one.clip_asset_ids[0])
            story.decided(lambda going: verbs.begin_step(going, one.id, "w", "t", holder_lives=False))  # noqa: B023
            story.decided(lambda going: verbs.fail_step(going, one.id, "t", trouble))  # noqa: B023
            return


def _judge(story: Story) -> None:
    seen, current = story.aggregate, story.aggregate.generation
    assert orchestrator.ledger_balances(story.effects, seen)
    assert [take.number for take in current.takes] == list(range(1, len(current.takes) + 1))
    used = {one.clip_asset_id for one in seen.shots} | {clip for take in current.takes for clip in take.clip_asset_ids}
    if current.delete_time is None:
        for one in seen.attempts:
            if one.state is attempt.AttemptState.SUCCEEDED and one.ending is attempt.Ending.NONE:
                assert one.clip_asset_id in used
    if current.ended and current.delivery is DELIVERY.VIDEO:
        assert current.result.files
        assert all(one.state is shot.ShotState.DONE for one in seen.shots)
    if current.delivery is DELIVERY.INFOGRAPHIC:
        assert current.result.infographic is not None
    if any(take.promoted for take in current.takes):
        assert current.delivery is DELIVERY.VIDEO
        assert [take.result.files for take in current.takes if take.promoted] == [current.result.files]
    if current.ended:
        assert not any(one.state in step.OPEN and one.kind is not step.StepKind.TAKE for one in seen.steps)
        assert current.state in (STATE.CANCELLED, STATE.FAILED, STATE.EXPIRED, STATE.COMPLETED)
    unchanged = dataclasses.replace(seen)
    story.decided(lambda _: None)
    assert story.aggregate == unchanged, "deciding again comes to the same"
