"""Decides what comes next for a generation, from its state alone: run again after any crash, it comes to the same."""

import dataclasses
import datetime
from collections.abc import Callable
from typing import NamedTuple

from reelmesh_orchestrator.model import (
    attempt,
    breaker,
    cancelling,
    floors,
    generation,
    health,
    shot,
    step,
    stepping,
    takes,
)
from reelmesh_orchestrator.model.draft import Draft, KeepAssets


@dataclasses.dataclass(frozen=True)
class Policy:
    """How patient the mesh is."""

    #: Submits of one candidate that may be refused before the next one is tried.
    submit_tries: int = 4
    #: Seconds before the second, third and fourth submit.
    submit_backoff_seconds: tuple[float, ...] = (5.0, 10.0, 20.0)
    #: Seconds that a busy provider is left alone when it does not say how long.
    busy_seconds: float = 5.0
    #: Seconds before a submit that never left is tried again.
    not_sent_seconds: float = 1.0
    #: Attempts of one candidate of whatever ending: bounds those that use up no try.
    most_attempts: int = 50
    #: Seconds that a cancelled generation waits for its providers to stop before it ends without them.
    cancel_grace_seconds: float = 60.0
    #: How long before its deadline a generation has a still picture drawn, should the video not be there in time.
    floor_lead_seconds: float = 20.0
    #: When circuit breakers open, and for how long.
    breakers: breaker.Thresholds = breaker.Thresholds()


_USES_UP_CANDIDATE = frozenset(
    {
        attempt.Ending.REFUSED_FOR_GOOD,
        attempt.Ending.UNSAFE,
        attempt.Ending.JOB_FAILED,
        attempt.Ending.FETCH_LOST,
        attempt.Ending.BROKEN,
        attempt.Ending.GONE,
        attempt.Ending.GIVEN_UP,
    }
)
_USES_UP_TRY = frozenset({attempt.AttemptState.NEVER_CREATED, attempt.AttemptState.WRITTEN_OFF})
_ENDING_USES_UP_TRY = frozenset({attempt.Ending.REFUSED, attempt.Ending.GONE})


def advance(draft: Draft, policy: Policy) -> None:
    """Do everything that the state calls for."""
    if draft.generation.falling_back:
        floors.fall_back(draft)
    elif draft.generation.state in generation.WORKING:
        if _go_on_with_shots(draft, policy):
            _follow_shots(draft)
            _process(draft)
        if draft.generation.state in generation.WORKING:
            floors.prepare(draft, policy.floor_lead_seconds)
    elif draft.generation.state is generation.GenerationState.CANCELLING:
        floors.give_up_work(draft)
        _stop_when_quiet(draft, policy)
    if draft.generation.ended:
        floors.give_up_work(draft)
    takes.process(draft)


class Choice(NamedTuple):
    """Who tries a shot next, and not before when; and who would have come first, each with why it does not."""

    candidate: shot.Candidate
    when: datetime.datetime
    passed_over: tuple[str, ...] = ()


def next_candidate(
    draft: Draft,
    one: shot.Shot,
    policy: Policy,
    *,
    instead_of: attempt.Attempt | None = None,
    fits: Callable[[shot.Candidate], bool] = lambda candidate: True,
) -> Choice | None:
    """Return who tries a shot next; None when nobody is left.

    A candidate goes on as long as its refusals are worth another submit and its tries last, a free one also when its
    job went with the machine that made it; whatever was verified to fail for good moves on to the next. A refusal for
    safety strikes everybody who would be paid. Who has to be left alone for longer than anybody is waited for comes
    only where all others would have to wait longer still. `instead_of` would be given up for it, with what it holds;
    `fits` says in whose way nothing stands.
    """
    tried = [two for two in draft.aggregate.attempts_of(one.id) if two.run == draft.generation.run]
    unsafe = any(two.ending is attempt.Ending.UNSAFE for two in tried)
    patience = datetime.timedelta(seconds=policy.breakers.patience_seconds)
    passed_over: list[str] = []
    for_long: list[Choice] = []
    for candidate in filter(fits, one.route):
        mine = [two for two in tried if (two.account_id, two.model) == (candidate.account_id, candidate.model)]
        if candidate.struck or (unsafe and not candidate.free) or _used_up(mine, candidate, policy):
            continue
        choice = Choice(candidate, max(draft.now, _not_before(draft, mine, policy)), (*passed_over,))
        problem = _out_of_bounds(draft, choice, instead_of)
        if not problem and choice.when - draft.now <= patience:
            return choice
        if not problem:
            for_long.append(choice)
            problem = f"is to be left alone until {health.told(choice.when, draft.now)}"
        passed_over.append(f"{candidate.provider}/{candidate.model}, which {problem}")
    return min(for_long, key=lambda choice: choice.when, default=None)


def _out_of_bounds(draft: Draft, choice: Choice, instead_of: attempt.Attempt | None) -> str:
    """Return why the request's bounds keep a candidate from being tried, or an empty string."""
    current = draft.generation
    committed = draft.aggregate.spent_micros + draft.aggregate.held_micros
    committed -= instead_of.held_micros if instead_of else 0
    if current.max_cost_micros and committed + choice.candidate.price_micros > current.max_cost_micros:
        return "would cost more than is left of what the request allows"
    if current.deadline_time is not None and choice.when >= current.deadline_time:
        return "is to be left alone until after the deadline"
    return ""


def _used_up(mine: list[attempt.Attempt], candidate: shot.Candidate, policy: Policy) -> bool:
    # What is made on machines of ours goes with them: it costs nothing to have it made anew on another one.
    again = {attempt.Ending.GONE} if candidate.free else set[attempt.Ending]()
    if any(one.ending in _USES_UP_CANDIDATE - again for one in mine):
        return True
    return _tries(mine) >= policy.submit_tries or len(mine) >= policy.most_attempts


def _tries(mine: list[attempt.Attempt]) -> int:
    return sum(one.ending in _ENDING_USES_UP_TRY or one.state in _USES_UP_TRY for one in mine)


def _not_before(draft: Draft, mine: list[attempt.Attempt], policy: Policy) -> datetime.datetime:
    """Return when a candidate may be tried again: its delay counts from the end of its last attempt."""
    if not mine:
        return draft.now
    ended = mine[-1].complete_time or draft.now
    return ended + datetime.timedelta(seconds=_delay_seconds(mine, policy))


def _delay_seconds(mine: list[attempt.Attempt], policy: Policy) -> float:
    last = mine[-1]
    if last.ending is attempt.Ending.BUSY:
        return last.retry_after_seconds or policy.busy_seconds
    if last.state is attempt.AttemptState.NOT_SENT:
        return policy.not_sent_seconds
    if last.ending is attempt.Ending.REFUSED:
        return policy.submit_backoff_seconds[min(_tries(mine), len(policy.submit_backoff_seconds)) - 1]
    return 0.0


def _go_on_with_shots(draft: Draft, policy: Policy) -> bool:
    """Unblock and try shots until none moves any more: a take that is there already lets the next shot go on at once.

    Returns False when a shot has nobody left and all is over.
    """
    before = None
    while draft.aggregate.shots != before:
        before = draft.aggregate.shots
        _unblock_shots(draft)
        if not _try_shots(draft, policy):
            return False
    return True


def _unblock_shots(draft: Draft) -> None:
    """Let shots begin that waited for the last frame of the one before; have that frame taken."""
    for one in draft.aggregate.shots:
        if one.state is not shot.ShotState.WAITING:
            continue
        before = draft.aggregate.shots[one.ordinal - 1]
        if before.state is not shot.ShotState.DONE:
            continue
        frame = stepping.latest(draft, step.StepKind.LAST_FRAME, before)
        if frame is None or frame.clip_asset_ids != (before.clip_asset_id,):
            stepping.send(draft, step.StepKind.LAST_FRAME, before, (before.clip_asset_id,))
        elif frame.state is step.StepState.DONE:
            frame_asset_id = str(frame.result["frame_asset_id"])
            draft.put_shot(one.moved(shot.ShotEvent.UNBLOCK, first_frame_asset_id=frame_asset_id))
        elif frame.state is step.StepState.FAILED:
            draft.happened(
                "continuity_lost",
                f"Shot {one.ordinal + 1} begins anew: the last frame of the one before could not be taken",
                shot_id=one.id,
            )
            draft.put_shot(one.moved(shot.ShotEvent.UNBLOCK))


def _try_shots(draft: Draft, policy: Policy) -> bool:
    """Plan an attempt for each shot that may have one; False when a shot has nobody left and all is over."""
    for one in draft.aggregate.shots:
        attempts = draft.aggregate.attempts_of(one.id)
        if one.state not in (shot.ShotState.READY, shot.ShotState.GENERATING) or any(two.open for two in attempts):
            continue
        if one.state is shot.ShotState.GENERATING:
            one = one.moved(shot.ShotEvent.AGAIN)
            draft.put_shot(one)
        # One of a former run as well: it is paid for, and no other of its shot would be given leave to submit.
        if take := takes.spare(draft, one):
            _use(draft, one, take)
            continue
        choice = next_candidate(draft, one, policy)
        if choice is None:
            last = next((two.message for two in reversed(attempts) if two.message), "no candidate is left")
            draft.put_shot(one.moved(shot.ShotEvent.FAIL))
            message = f"Shot {one.ordinal + 1} could not be made by any candidate: {last}"
            floors.give_up_video(draft, "ALL_CANDIDATES_FAILED", message)
            return False
        plan_attempt(draft, one, choice)
    return True


def _use(draft: Draft, one: shot.Shot, take: attempt.Attempt) -> None:
    draft.put_shot(one.moved(shot.ShotEvent.FINISH, clip_asset_id=take.clip_asset_id))
    message = f"Shot {one.ordinal + 1} is made: an alternate take is used"
    draft.happened("take_used", message, attempt_id=take.id, shot_id=one.id, clip_asset_id=take.clip_asset_id)


def plan_attempt(draft: Draft, one: shot.Shot, choice: Choice) -> None:
    """Plan an attempt of a shot, and set its price aside."""
    current, candidate = draft.generation, choice.candidate
    # Not how many there are: between those that were found after the record went back there are gaps.
    taken = [two.ordinal for two in draft.aggregate.attempts_of(one.id) if two.run == current.run]
    ordinal = max(taken, default=-1) + 1
    planned = attempt.Attempt(
        id=attempt.id_of(one.id, current.run, ordinal),
        shot_id=one.id,
        run=current.run,
        ordinal=ordinal,
        state=attempt.AttemptState.PLANNED,
        account_id=candidate.account_id,
        provider=candidate.provider,
        model=candidate.model,
        price_micros=candidate.price_micros,
        held_micros=0,
        spent_micros=0,
        rank_time=current.create_time - datetime.timedelta(minutes=current.priority),
        not_before=choice.when,
        create_time=draft.now,
    )
    draft.put_attempt(draft.hold(planned, candidate.price_micros))
    wait = (choice.when - draft.now).total_seconds()
    cost = f"${candidate.price_micros / 1e6:.4f}" if candidate.price_micros else "nothing"
    draft.happened(
        "attempt_planned",
        f"Shot {one.ordinal + 1} goes to {candidate.provider}/{candidate.model} for {cost}"
        + (f" in {wait:g} s" if wait else "")
        + (f"; not to {'; nor to '.join(choice.passed_over)}" if choice.passed_over else ""),
        attempt_id=planned.id,
        shot_id=one.id,
        provider=candidate.provider,
        model=candidate.model,
        account_id=candidate.account_id,
        price_micros=candidate.price_micros,
        reason=candidate.reason,
    )


def _process(draft: Draft) -> None:
    """Have the clips checked, stitched and encoded once all are there, and deliver what comes of it."""
    if draft.generation.state is not generation.GenerationState.PROCESSING:
        return
    clips = tuple(one.clip_asset_id for one in draft.aggregate.shots)
    ladder = stepping.latest(draft, step.StepKind.LADDER, None)
    if ladder is None or ladder.clip_asset_ids != clips:
        stepping.send(draft, step.StepKind.LADDER, None, clips)
    elif ladder.state is step.StepState.DONE:
        _deliver(draft, stepping.result(ladder))
    elif ladder.state is step.StepState.FAILED:
        message = f"The clips were made but could not be processed: {ladder.message}"
        floors.give_up_video(draft, "PROCESSING_FAILED", message)


def _deliver(draft: Draft, result: generation.Result) -> None:
    draft.put_generation(
        draft.generation.moved(
            generation.GenerationEvent.COMPLETE,
            delivery=generation.Delivery.VIDEO,
            result=result,
            failure=None,
            complete_time=draft.now,
        )
    )
    draft.effects.append(KeepAssets(result.asset_ids))
    draft.happened(
        "completed", f"The video is ready: {', '.join(file.name for file in result.files)}", delivery="VIDEO"
    )


def _follow_shots(draft: Draft) -> None:
    """Derive the state of a working generation from its shots."""
    current = draft.generation
    if current.state not in generation.WORKING:
        return
    states = {one.state for one in draft.aggregate.shots}
    if states == {shot.ShotState.DONE}:
        wanted, event = generation.GenerationState.PROCESSING, generation.GenerationEvent.PROCESS
    elif states & {shot.ShotState.GENERATING, shot.ShotState.DONE}:
        wanted, event = generation.GenerationState.GENERATING, generation.GenerationEvent.START
    else:
        wanted, event = generation.GenerationState.QUEUED, generation.GenerationEvent.REQUEUE
    if current.state is not wanted:
        started = current.start_time or (draft.now if wanted is generation.GenerationState.GENERATING else None)
        draft.put_generation(current.moved(event, start_time=started))
        draft.happened(wanted.lower(), _WORDS[wanted])


_WORDS = {
    generation.GenerationState.QUEUED: "Waiting for a provider",
    generation.GenerationState.GENERATING: "A provider is at work",
    generation.GenerationState.PROCESSING: "Every shot is made; checking and encoding",
}


def _stop_when_quiet(draft: Draft, policy: Policy) -> None:
    current = draft.generation
    busy = any(
        one.state in (attempt.AttemptState.SUBMITTING, attempt.AttemptState.ACCEPTED)
        for one in draft.aggregate.attempts
    )
    asked = current.cancel_time or draft.now
    patient = draft.now - asked < datetime.timedelta(seconds=policy.cancel_grace_seconds)
    if busy and patient:
        return
    for one in draft.aggregate.shots:
        if one.state in shot.OPEN:
            draft.put_shot(one.moved(shot.ShotEvent.CANCEL))
    draft.put_generation(current.moved(generation.GenerationEvent.STOPPED, complete_time=draft.now))
    ending = "Cancelled" if not busy else "Cancelled; a provider has not stopped yet, its result will be kept"
    sums = cancelling.money(draft.aggregate)
    if sums is None:
        draft.happened("cancelled", ending)
    else:
        draft.happened("cancelled", f"{ending}: {sums.words}", **dataclasses.asdict(sums))
