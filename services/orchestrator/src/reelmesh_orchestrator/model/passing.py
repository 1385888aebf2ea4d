"""What becomes of an attempt that nobody has begun when something stands in its way: the next candidate, or waiting."""

import dataclasses
import datetime
import uuid

from reelmesh_orchestrator.model import advancing, attempt, shot
from reelmesh_orchestrator.model.draft import Draft
from reelmesh_orchestrator.model.health import Health, Kind, Obstacle

# How long an attempt waits before it is looked at again, where nobody knows when its way will be free. Seconds.
LOOK_AGAIN_SECONDS = 15.0
# How often a shot is passed on in one run; then it waits where it is. Attempts that a record which went back has
# forgotten are looked for by their number.
MOST_PASSES = 10


def pass_on(draft: Draft, attempt_id: uuid.UUID, obstacle: Obstacle, health: Health, policy: advancing.Policy) -> None:
    """Give a shot whose attempt is kept from being submitted to the next candidate that is free, or let it wait.

    One that would be paid waits rather than going to one that costs nothing, as long as its way may be free soon.
    """
    one = draft.aggregate.attempt(attempt_id)
    of = draft.aggregate.shot(one.shot_id)
    choice = _other(draft, of, one, health, policy)
    if choice is None or (choice.candidate.free and not _is_free(of, one) and _soon(draft, obstacle, policy)):
        _wait(draft, of, one, obstacle)
        return
    dropped = one.moved(attempt.AttemptEvent.DROP, complete_time=draft.now, message=obstacle.reason)
    draft.put_attempt(draft.settle(dropped, 0))
    candidate = choice.candidate
    draft.happened(
        "attempt_passed_on",
        f"Shot {of.ordinal + 1} does not go to {one.provider}/{one.model}, because {obstacle.reason}; "
        f"{candidate.provider}/{candidate.model} is next",
        attempt_id=one.id,
        shot_id=of.id,
        account_id=one.account_id,
        obstacle=obstacle.kind,
    )
    advancing.plan_attempt(draft, of, choice)


def _other(
    draft: Draft, of: shot.Shot, one: attempt.Attempt, health: Health, policy: advancing.Policy
) -> advancing.Choice | None:
    run = draft.generation.run
    passed = [two for two in draft.aggregate.attempts_of(of.id) if two.run == run and _was_passed_on(two)]
    if len(passed) >= MOST_PASSES:
        return None
    return advancing.next_candidate(
        draft,
        of,
        policy,
        instead_of=one,
        fits=lambda two: health.obstacle(two.provider, two.account_id, two.model) is None,
    )


def _was_passed_on(one: attempt.Attempt) -> bool:
    return one.state is attempt.AttemptState.DROPPED


def _is_free(of: shot.Shot, one: attempt.Attempt) -> bool:
    return any(two.free for two in of.route if (two.account_id, two.model) == (one.account_id, one.model))


def _soon(draft: Draft, obstacle: Obstacle, policy: advancing.Policy) -> bool:
    """Tell whether a paid candidate may be free in time to be waited for."""
    if obstacle.kind is Kind.TRIAL:
        return True
    if obstacle.until is None:
        return False
    deadline = draft.generation.deadline_time
    patience = datetime.timedelta(seconds=policy.breakers.patience_seconds)
    return obstacle.until - draft.now <= patience and (deadline is None or obstacle.until < deadline)


def _wait(draft: Draft, of: shot.Shot, one: attempt.Attempt, obstacle: Obstacle) -> None:
    later = obstacle.until or draft.now + datetime.timedelta(seconds=LOOK_AGAIN_SECONDS)
    if one.message != obstacle.reason:
        draft.happened(
            "attempt_waiting",
            f"Shot {of.ordinal + 1} waits for {one.provider}/{one.model}: {obstacle.reason}",
            attempt_id=one.id,
            shot_id=of.id,
            account_id=one.account_id,
            obstacle=obstacle.kind,
        )
    draft.put_attempt(dataclasses.replace(one, not_before=later, message=obstacle.reason))
