"""What users and media workers do to a generation."""

import dataclasses
import datetime
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from reelmesh_kit import errors

from reelmesh_orchestrator.model import advancing, attempt, facts, floors, generation, request, shot, step, takes
from reelmesh_orchestrator.model.draft import Aggregate, DiscardAssets, Draft, SendStep

# Why a step cannot be taken that another worker is at.
HELD = "held by a live worker"


@dataclasses.dataclass(frozen=True)
class Admission:
    """Everything that admitting a request needs besides the request."""

    generation_id: uuid.UUID
    tenant_id: str
    request_id: str
    traceparent: str
    #: Seed for requests that have none, derived from the generation so that a repeat comes to the same.
    seed: int
    #: Name and version of the policy by which its shots were routed.
    policy: str = ""


def admit(
    asked: request.Request,
    admission: Admission,
    shots: Sequence[shot.Shot],
    now: datetime.datetime,
    policy: advancing.Policy,
) -> Draft:
    """Make a generation of a checked request and its planned shots."""
    new = generation.Generation(
        id=admission.generation_id,
        tenant_id=admission.tenant_id,
        user_id=asked.user_id,
        state=generation.GenerationState.PENDING,
        revision=0,
        run=1,
        prompt=asked.prompt,
        output=request.completed(asked.output),
        reference_asset_ids=asked.reference_asset_ids,
        pin=asked.pin,
        labels=asked.labels,
        max_cost_micros=asked.max_cost_micros,
        deadline_time=asked.deadline_time,
        fallback_floor=asked.fallback_floor or generation.Delivery.TEXT,
        seed=admission.seed if asked.seed is None else asked.seed,
        seed_is_users=asked.seed is not None,
        priority=request.DEFAULT_PRIORITY if asked.priority is None else asked.priority,
        request_id=admission.request_id,
        fingerprint=request.fingerprint(asked),
        traceparent=admission.traceparent,
        create_time=now,
        update_time=now,
        policy=admission.policy,
        category=asked.category,
        negative_prompt=asked.negative_prompt,
        first_frame_asset_id=asked.first_frame_asset_id,
        last_frame_asset_id=asked.last_frame_asset_id,
    )
    draft = Draft(Aggregate(new, tuple(shots)), now)
    draft.happened("created", "Admitted", shots=len(shots), duration_seconds=new.output.duration_seconds)
    by = f"By policy {admission.policy}. " if admission.policy else ""
    for one in shots:
        listed = "; ".join(
            f"{two.provider}/{two.model} {'struck: ' if two.struck else ''}{two.reason}" for two in one.route
        )
        draft.happened("routed", f"{by}Shot {one.ordinal + 1} of {one.duration_seconds:g} s: {listed}", shot_id=one.id)
    draft.put_generation(new.moved(generation.GenerationEvent.ADMIT))
    draft.happened("queued", "Waiting for a provider")
    advancing.advance(draft, policy)
    return draft


def cancel(draft: Draft, policy: advancing.Policy) -> None:
    """Ask for the end of a generation.

    Raises:
        errors.WrongState: it has ended otherwise.
    """
    current = draft.generation
    if current.state in (generation.GenerationState.CANCELLING, generation.GenerationState.CANCELLED):
        return
    if not generation.MACHINE.allows(current.state, generation.GenerationEvent.CANCEL):
        raise errors.WrongState(
            f"the generation is {current.state}: there is nothing left to cancel", state=current.state
        )
    draft.put_generation(current.moved(generation.GenerationEvent.CANCEL, cancel_time=draft.now))
    draft.happened("cancelling", "A cancel was asked for")
    advancing.advance(draft, policy)


def delete(draft: Draft) -> None:
    """Make a generation that has ended one that nobody finds any more; its attempts and its costs stay.

    Raises:
        errors.WrongState: it has not ended.
    """
    current = draft.generation
    if not current.ended:
        raise errors.WrongState(
            f"only a generation that has ended can be deleted, this one is {current.state}; cancel it first",
            state=current.state,
        )
    draft.put_generation(dataclasses.replace(current, delete_time=draft.now))
    for work in draft.aggregate.steps:
        if work.state in step.OPEN:
            draft.put_step(work.moved(step.StepEvent.DROP))
    results = (current.result, *(take.result for take in current.takes))
    owned = [asset_id for result in results for asset_id in result.asset_ids]
    owned += [one.clip_asset_id for one in draft.aggregate.attempts if one.clip_asset_id]
    if owned:
        draft.effects.append(DiscardAssets(tuple(dict.fromkeys(owned))))
    draft.happened("deleted", "Its owner deleted it")


def retry(draft: Draft, policy: advancing.Policy) -> None:
    """Start a new run of a failed generation; the shots that are made stay.

    Raises:
        errors.WrongState: it has not failed.
        errors.UnresolvedAttempt: a paid attempt is unresolved: another could be paid twice.
    """
    current = draft.generation
    if not generation.MACHINE.allows(current.state, generation.GenerationEvent.RETRY):
        raise errors.WrongState(
            f"only a FAILED generation can be tried again, this one is {current.state}", state=current.state
        )
    unresolved = [one for one in draft.aggregate.attempts if one.unresolved]
    if unresolved:
        raise errors.UnresolvedAttempt(attempt_id=unresolved[0].id, state=unresolved[0].state)
    begin_run(draft)
    advancing.advance(draft, policy)


def begin_run(draft: Draft) -> None:
    """Take a failed generation up again; what has to follow is not decided here."""
    current = draft.generation
    draft.put_generation(
        current.moved(
            generation.GenerationEvent.RETRY,
            run=current.run + 1,
            failure=None,
            complete_time=None,
            delivery=generation.Delivery.NONE,
        )
    )
    for one in draft.aggregate.shots:
        if one.state is not shot.ShotState.DONE:
            waits = one.continues and not one.first_frame_asset_id
            draft.put_shot(one.moved(shot.ShotEvent.WAIT if waits else shot.ShotEvent.REDO))
    draft.happened("retried", f"Run {draft.generation.run} begins")


def expire(draft: Draft) -> None:
    """End a generation whose deadline has passed; attempts that are unresolved stay watched."""
    current = draft.generation
    if current.state in generation.WORKING and current.deadline_time is not None and current.deadline_time <= draft.now:
        late = generation.Failure("DEADLINE", "The deadline passed before the video was ready")
        floors.end(draft, generation.GenerationEvent.EXPIRE, current.failure or late)


def begin_step(draft: Draft, step_id: uuid.UUID, worker_id: str, token: str, holder_lives: bool) -> str:
    """Take a step for a worker; return "" when it is taken, else the reason why not."""
    one = draft.aggregate.step(step_id)
    if one.state is step.StepState.RUNNING and one.token == token:
        return ""
    if one.state is step.StepState.RUNNING and holder_lives:
        return HELD
    if not step.MACHINE.allows(one.state, step.StepEvent.BEGIN):
        return f"the step is {one.state}"
    draft.put_step(one.moved(step.StepEvent.BEGIN, worker_id=worker_id, token=token, begin_time=draft.now))
    return ""


def finish_step(draft: Draft, step_id: uuid.UUID, token: str, result: Mapping[str, Any]) -> bool:
    """Take the result of a run; False when its token is stale."""
    one = draft.aggregate.step(step_id)
    if one.token != token:
        return False
    if one.state is step.StepState.DONE:
        return True
    if not step.MACHINE.allows(one.state, step.StepEvent.FINISH):
        return False
    draft.put_step(one.moved(step.StepEvent.FINISH, result=result))
    draft.happened("step_done", _DONE[one.kind], step_id=step_id)
    return True


_DONE = {
    step.StepKind.LAST_FRAME: "The last frame is taken",
    step.StepKind.LADDER: "Checked and encoded",
    step.StepKind.INFOGRAPHIC: "A still picture is drawn",
    step.StepKind.TAKE: "An alternate take is checked and encoded",
}


@dataclasses.dataclass(frozen=True)
class StepTrouble:
    """Why a run of a step did not work."""

    message: str
    retryable: bool
    broken_clip_asset_id: str = ""


def fail_step(draft: Draft, step_id: uuid.UUID, token: str, trouble: StepTrouble) -> bool:
    """Take the failure of a run: another run, another clip, or the end of the step; False when the token is stale."""
    one = draft.aggregate.step(step_id)
    if one.token != token or one.state is not step.StepState.RUNNING:
        return False
    tried = dataclasses.replace(one, tries=one.tries + 1, message=trouble.message, token="", worker_id="")
    draft.happened("step_failed", trouble.message, step_id=step_id, retryable=trouble.retryable)
    if one.kind is step.StepKind.TAKE and trouble.broken_clip_asset_id:
        takes.reject(draft, one.ordinal, trouble.broken_clip_asset_id, trouble.message)
        draft.put_step(tried.moved(step.StepEvent.FAIL))
    elif trouble.broken_clip_asset_id and facts.reject_clip(draft, trouble.broken_clip_asset_id, trouble.message):
        draft.put_step(tried.moved(step.StepEvent.DROP))
    elif trouble.retryable and tried.tries < step.MOST_TRIES:
        _resend(draft, tried)
    else:
        draft.put_step(tried.moved(step.StepEvent.FAIL))
    return True


def resend_step(draft: Draft, step_id: uuid.UUID, patience_seconds: float) -> None:
    """Send a step again whose worker lost its lease, or that was not heard of; twice as long is waited each time."""
    one = draft.aggregate.step(step_id)
    waited = (draft.now - one.send_time).total_seconds()
    unheard = one.state is step.StepState.SENT and waited >= patience_seconds * 2 ** min(one.sends - 1, 6)
    if unheard and one.sends >= floors.MOST_DRAWING_SENDS and _words_will_do(draft, one):
        draft.put_step(one.moved(step.StepEvent.FAIL, message="nobody has drawn it in time"))
    elif one.state is step.StepState.RUNNING or unheard:
        _resend(draft, one)


def _words_will_do(draft: Draft, one: step.Step) -> bool:
    return one.kind is step.StepKind.INFOGRAPHIC and draft.generation.fallback_floor is generation.Delivery.TEXT


def resend_lost_step(draft: Draft, step_id: uuid.UUID, token: str, grace_seconds: float) -> None:
    """Send a step again that its live worker does not speak of: a run that began a moment ago is given time."""
    one = draft.aggregate.step(step_id)
    if one.state is not step.StepState.RUNNING or one.token != token or one.begin_time is None:
        return
    if (draft.now - one.begin_time).total_seconds() >= grace_seconds:
        _resend(draft, one)


def _resend(draft: Draft, one: step.Step) -> None:
    draft.put_step(one.moved(step.StepEvent.RESEND, sends=one.sends + 1, send_time=draft.now, token="", worker_id=""))
    draft.effects.append(SendStep(one.id))


def write_off(draft: Draft, attempt_id: uuid.UUID, message: str, *, again: bool = True) -> None:
    """Give an attempt up on an operator's word: its money counts as spent, its shot goes on.

    Args:
        draft: the generation.
        attempt_id: which one.
        message: who gave it up, and why.
        again: whether the same candidate may be tried again; else the next one is.

    Raises:
        errors.WrongState: there is nothing to write off.
    """
    one = draft.aggregate.attempt(attempt_id)
    if not attempt.MACHINE.allows(one.state, attempt.AttemptEvent.WRITE_OFF):
        raise errors.WrongState(
            f"the attempt is {one.state}: only an unresolved one can be written off", state=one.state
        )
    ending = attempt.Ending.NONE if again else attempt.Ending.GIVEN_UP
    lost = one.moved(attempt.AttemptEvent.WRITE_OFF, complete_time=draft.now, message=message, ending=ending)
    draft.put_attempt(draft.settle(lost, one.held_micros))
    draft.happened("attempt_written_off", message, attempt_id=attempt_id)
