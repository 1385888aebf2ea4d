"""What is learnt about attempts: facts are taken from anybody, late or twice; decisions follow from what they leave."""

import dataclasses
import datetime
import enum
import uuid
from collections.abc import Sequence

from reelmesh_orchestrator.model import attempt, generation, shot, takes
from reelmesh_orchestrator.model.draft import Draft, KeepAssets, SendAttempt


class Evidence(enum.IntEnum):
    """How a job's id was learnt; a higher one is the better claim."""

    ADOPTION = 1
    WEBHOOK = 2
    RECORD = 3


@dataclasses.dataclass(frozen=True)
class Job:
    """A job at a provider, as the append-only table of facts has it."""

    project: str
    job_id: str
    attempt_id: uuid.UUID
    evidence: Evidence


class Verdict(enum.StrEnum):
    """How a submit ended that yielded no id."""

    NOT_SENT = "NOT_SENT"
    REFUSED = "REFUSED"
    BUSY = "BUSY"
    REFUSED_FOR_GOOD = "REFUSED_FOR_GOOD"
    UNSAFE = "UNSAFE"
    UNKNOWN = "UNKNOWN"


class Outcome(enum.StrEnum):
    """How a job ended."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    FILTERED = "FILTERED"
    CANCELLED = "CANCELLED"
    GONE = "GONE"
    FETCH_LOST = "FETCH_LOST"
    BROKEN = "BROKEN"
    REFUSED = "REFUSED"


@dataclasses.dataclass(frozen=True)
class Ended:
    """The end of a job, as the worker saw it."""

    job_id: str
    outcome: Outcome
    clip_asset_id: str = ""
    #: Micro-dollars; None leaves it to the price and the outcome.
    cost_micros: int | None = None
    message: str = ""


@dataclasses.dataclass(frozen=True)
class Leave:
    """The answer to a Begin: go, or the reason not to."""

    go: bool
    reason: str = ""
    come_again: bool = False


_ENDING_OF_VERDICT = {
    Verdict.REFUSED: attempt.Ending.REFUSED,
    Verdict.BUSY: attempt.Ending.BUSY,
    Verdict.REFUSED_FOR_GOOD: attempt.Ending.REFUSED_FOR_GOOD,
    Verdict.UNSAFE: attempt.Ending.UNSAFE,
}
_ENDING_OF_OUTCOME = {
    Outcome.FAILED: attempt.Ending.JOB_FAILED,
    Outcome.FILTERED: attempt.Ending.UNSAFE,
    Outcome.CANCELLED: attempt.Ending.JOB_FAILED,
    Outcome.GONE: attempt.Ending.GONE,
    Outcome.FETCH_LOST: attempt.Ending.FETCH_LOST,
    Outcome.BROKEN: attempt.Ending.BROKEN,
    Outcome.REFUSED: attempt.Ending.REFUSED_FOR_GOOD,
}
# Outcomes that the provider bills although there is nothing to show.
_BILLED = frozenset({Outcome.SUCCEEDED, Outcome.FETCH_LOST, Outcome.BROKEN})


def dispatch(draft: Draft, attempt_id: uuid.UUID) -> None:
    """Send a planned attempt to the workers of its provider."""
    one = draft.aggregate.attempt(attempt_id)
    sent = one.moved(attempt.AttemptEvent.DISPATCH, dispatch_time=draft.now, dispatches=one.dispatches + 1, message="")
    draft.put_attempt(sent)
    draft.effects.append(SendAttempt(attempt_id))


def withdraw(draft: Draft, attempt_id: uuid.UUID, reason: str) -> None:
    """Take back a dispatched attempt that nobody has begun; it is dispatched anew when a slot is free."""
    one = draft.aggregate.attempt(attempt_id)
    if one.state is attempt.AttemptState.DISPATCHED:
        draft.put_attempt(one.moved(attempt.AttemptEvent.WITHDRAW))
        draft.happened("attempt_withdrawn", reason, attempt_id=attempt_id)


def begin(draft: Draft, attempt_id: uuid.UUID, worker_id: str, nonce: str) -> Leave:
    """Give leave to submit, once: the same nonce gets the same answer, any other is turned away."""
    one = draft.aggregate.attempt(attempt_id)
    if one.state is attempt.AttemptState.SUBMITTING and one.nonce == nonce:
        return Leave(go=True)
    refusal = _refusal(draft, one)
    if refusal:
        return Leave(go=False, reason=refusal)
    draft.put_attempt(
        one.moved(
            attempt.AttemptEvent.BEGIN,
            worker_id=worker_id,
            nonce=nonce,
            submit_time=draft.now,
        )
    )
    of = draft.aggregate.shot(one.shot_id)
    if of.state is shot.ShotState.READY:
        draft.put_shot(of.moved(shot.ShotEvent.BEGIN))
    draft.happened(
        "attempt_submitting", f"Submitting shot {of.ordinal + 1} to {one.provider}/{one.model}", attempt_id=attempt_id
    )
    return Leave(go=True)


def _refusal(draft: Draft, one: attempt.Attempt) -> str:
    current = draft.generation
    if current.state not in generation.WORKING:
        return f"the generation is {current.state}"
    if current.falling_back:
        return "there will be no video"
    if one.state is not attempt.AttemptState.DISPATCHED:
        return f"the attempt is {one.state}"
    if current.deadline_time is not None and current.deadline_time <= draft.now:
        return "the deadline has passed"
    for sibling in draft.aggregate.attempts_of(one.shot_id):
        made = sibling.state is attempt.AttemptState.SUCCEEDED and sibling.ending is attempt.Ending.NONE
        if sibling.id != one.id and (sibling.unresolved or made):
            return f"attempt {sibling.id} of the same shot is {sibling.state}"
    return ""


def record(
    draft: Draft,
    attempt_id: uuid.UUID,
    job: Job,
    worker_id: str,
    claimed: Job | None,
    *,
    recovered: bool = False,
) -> None:
    """Take the fact that the provider gave an attempt an id.

    Args:
        draft: the generation of the attempt.
        attempt_id: whose job it is said to be.
        job: the fact.
        worker_id: the worker that learnt it; it goes on to observe the job.
        claimed: what the table of facts says about this very job so far.
        recovered: whether it was looked for because the record went back: then it contradicts nothing.
    """
    one = draft.aggregate.attempt(attempt_id)
    if claimed is not None and claimed.attempt_id != attempt_id and claimed.evidence >= job.evidence:
        draft.happened(
            "incident", f"Job {job.job_id} is claimed by attempt {claimed.attempt_id} already", attempt_id=attempt_id
        )
        return
    if one.job_id == job.job_id:
        return
    if one.job_id:
        draft.happened(
            "incident",
            f"A second job {job.job_id} turned up for an attempt that has {one.job_id}: both may have been paid",
            attempt_id=attempt_id,
            job_id=job.job_id,
        )
        return
    if not attempt.MACHINE.allows(one.state, attempt.AttemptEvent.RECORD):
        draft.happened(
            "incident", f"Job {job.job_id} turned up for an attempt that is {one.state}", attempt_id=attempt_id
        )
        return
    _accept(draft, one, job, worker_id, recovered)


def _accept(draft: Draft, one: attempt.Attempt, job: Job, worker_id: str, recovered: bool) -> None:
    late = one.state not in (attempt.AttemptState.SUBMITTING, attempt.AttemptState.INDETERMINATE)
    accepted = one.moved(
        attempt.AttemptEvent.RECORD,
        job_id=job.job_id,
        watcher_id=worker_id,
        ending=attempt.Ending.NONE,
        complete_time=None,
        submit_time=one.submit_time or draft.now,
        cancel_wanted=draft.generation.state not in generation.WORKING or draft.generation.falling_back,
    )
    if not accepted.held_micros and not accepted.spent_micros:
        accepted = draft.hold(accepted, accepted.price_micros)
    draft.put_attempt(accepted)
    if recovered:
        message = f"The record went back; {one.provider} has job {job.job_id} for this attempt, which was {one.state}"
        draft.happened("recovered", message, attempt_id=one.id, job_id=job.job_id, account_id=one.account_id)
    elif late:
        draft.happened(
            "incident", f"The provider has job {job.job_id} for an attempt that was {one.state}", attempt_id=one.id
        )
    draft.happened(
        "attempt_accepted",
        f"{one.provider} accepted it as {job.job_id}",
        attempt_id=one.id,
        job_id=job.job_id,
        evidence=job.evidence.name,
    )
    _withdraw_successors(draft, accepted)
    of = draft.aggregate.shot(one.shot_id)
    if of.state is shot.ShotState.READY:
        draft.put_shot(of.moved(shot.ShotEvent.BEGIN))


def dispute(draft: Draft, attempt_id: uuid.UUID, job: Job) -> None:
    """Take the fact that a job which this attempt had adopted is another's: it is looked for again."""
    one = draft.aggregate.attempt(attempt_id)
    if one.job_id != job.job_id:
        return
    draft.happened(
        "incident",
        f"Job {job.job_id} was adopted for this attempt, which is {one.state}, but belongs to attempt {job.attempt_id}",
        attempt_id=attempt_id,
        job_id=job.job_id,
    )
    if attempt.MACHINE.allows(one.state, attempt.AttemptEvent.DISPUTE):
        draft.put_attempt(one.moved(attempt.AttemptEvent.DISPUTE, job_id="", watcher_id=""))


def _withdraw_successors(draft: Draft, one: attempt.Attempt) -> None:
    """Drop what was planned because this attempt was thought lost: the shot has a live job again."""
    for sibling in draft.aggregate.attempts_of(one.shot_id):
        if sibling.id != one.id and sibling.state in attempt.UNBEGUN:
            draft.put_attempt(draft.settle(sibling.moved(attempt.AttemptEvent.DROP, complete_time=draft.now), 0))
            draft.happened("attempt_dropped", "The attempt before it has a job after all", attempt_id=sibling.id)


def decline(
    draft: Draft, attempt_id: uuid.UUID, nonce: str, verdict: Verdict, message: str, retry_after_seconds: float = 0.0
) -> None:
    """Take the fact that a submit yielded no id."""
    one = draft.aggregate.attempt(attempt_id)
    if one.nonce != nonce or one.state not in (
        attempt.AttemptState.SUBMITTING,
        attempt.AttemptState.INDETERMINATE,
    ):
        return
    if verdict is Verdict.UNKNOWN:
        doubt(draft, attempt_id, message)
        return
    event = attempt.AttemptEvent.NOT_LEFT if verdict is Verdict.NOT_SENT else attempt.AttemptEvent.DECLINE
    ended = one.moved(
        event,
        complete_time=draft.now,
        ending=_ENDING_OF_VERDICT.get(verdict, attempt.Ending.NONE),
        message=message,
        retry_after_seconds=retry_after_seconds,
    )
    draft.put_attempt(draft.settle(ended, 0))
    draft.happened(
        "attempt_not_sent" if verdict is Verdict.NOT_SENT else "attempt_refused",
        message or f"{one.provider} did not take it",
        attempt_id=attempt_id,
        verdict=verdict,
    )


def doubt(draft: Draft, attempt_id: uuid.UUID, message: str) -> None:
    """Nobody knows whether the provider took it: it is looked for from now on, never repeated."""
    one = draft.aggregate.attempt(attempt_id)
    if one.state is attempt.AttemptState.SUBMITTING:
        draft.put_attempt(one.moved(attempt.AttemptEvent.DOUBT, message=message, watcher_id=""))
        draft.happened("attempt_indeterminate", message, attempt_id=attempt_id)


def conclude(draft: Draft, attempt_id: uuid.UUID, revision: int, message: str) -> bool:
    """Conclude that an attempt was never created, unless anything changed since the finder looked."""
    one = draft.aggregate.attempt(attempt_id)
    if one.state is attempt.AttemptState.NEVER_CREATED:
        return True
    if one.state is not attempt.AttemptState.INDETERMINATE or draft.generation.revision != revision:
        return False
    draft.put_attempt(
        draft.settle(one.moved(attempt.AttemptEvent.CONCLUDE, complete_time=draft.now, message=message), 0)
    )
    draft.happened("attempt_never_created", message, attempt_id=attempt_id)
    return True


def finish(draft: Draft, attempt_id: uuid.UUID, ended: Ended) -> None:
    """Take the fact that a job ended. The job must have been recorded before."""
    one = draft.aggregate.attempt(attempt_id)
    if one.job_id != ended.job_id:
        draft.happened(
            "incident",
            f"Job {ended.job_id} ended as {ended.outcome}, the attempt has {one.job_id or 'none'}",
            attempt_id=attempt_id,
        )
        return
    if one.state is not attempt.AttemptState.ACCEPTED:
        return
    # What an operator wrote off counts as lost already: a job that turns up after all is not paid a second time.
    cost = ended.cost_micros
    if cost is None:
        cost = one.price_micros if ended.outcome in _BILLED else 0
    if ended.outcome is Outcome.SUCCEEDED:
        _succeed(draft, one, ended, cost)
    else:
        _fail(draft, one, ended, cost)


def _succeed(draft: Draft, one: attempt.Attempt, ended: Ended, cost_micros: int) -> None:
    made = one.moved(attempt.AttemptEvent.SUCCEED, complete_time=draft.now, clip_asset_id=ended.clip_asset_id)
    draft.put_attempt(draft.settle(made, max(cost_micros - made.spent_micros, 0)))
    if draft.generation.delete_time is None:
        draft.effects.append(KeepAssets((ended.clip_asset_id,)))
    of = draft.aggregate.shot(one.shot_id)
    used = draft.generation.state in generation.WORKING and shot.MACHINE.allows(of.state, shot.ShotEvent.FINISH)
    message, take = f"Shot {of.ordinal + 1} is made", None
    if used:
        draft.put_shot(of.moved(shot.ShotEvent.FINISH, clip_asset_id=ended.clip_asset_id))
    elif draft.generation.delete_time is not None:
        message = "A clip came after its generation was deleted; it is not kept"
    else:
        take = takes.keep(draft, made)
        message = f"A clip came after all; it is kept as alternate take {take}"
    draft.happened(
        "attempt_succeeded" if used else "late_success",
        message,
        attempt_id=one.id,
        shot_id=of.id,
        cost_micros=cost_micros,
        clip_asset_id=ended.clip_asset_id,
        take=take,
    )
    if ended.message:
        draft.happened("remark", ended.message, attempt_id=one.id, shot_id=of.id)


def _fail(draft: Draft, one: attempt.Attempt, ended: Ended, cost_micros: int) -> None:
    stopped = ended.outcome is Outcome.CANCELLED
    event = attempt.AttemptEvent.STOP if stopped else attempt.AttemptEvent.FAIL
    failed = one.moved(
        event,
        complete_time=draft.now,
        ending=_ENDING_OF_OUTCOME[ended.outcome],
        message=ended.message,
    )
    draft.put_attempt(draft.settle(failed, max(cost_micros - failed.spent_micros, 0)))
    draft.happened(
        "attempt_cancelled" if stopped else "attempt_failed",
        ended.message or f"{one.provider} reports {ended.outcome}",
        attempt_id=one.id,
        outcome=ended.outcome,
        cost_micros=cost_micros,
    )


def reject_clip(draft: Draft, clip_asset_id: str, message: str) -> bool:
    """Take the fact that a clip in use is broken: its shot is made again by the next candidate."""
    for one in draft.aggregate.attempts:
        of = draft.aggregate.shot(one.shot_id)
        if one.clip_asset_id == clip_asset_id and of.clip_asset_id == clip_asset_id:
            draft.put_attempt(dataclasses.replace(one, ending=attempt.Ending.BROKEN, message=message))
            draft.put_shot(of.moved(shot.ShotEvent.REDO, clip_asset_id=""))
            draft.happened("clip_broken", message, attempt_id=one.id, shot_id=of.id)
            return True
    return False


def overdue(
    attempts: Sequence[attempt.Attempt], now: datetime.datetime, begin_within_seconds: float
) -> tuple[uuid.UUID, ...]:
    """Return the dispatched attempts that nobody has begun in time; each further dispatch is given twice as long."""
    return tuple(
        one.id
        for one in attempts
        if one.state is attempt.AttemptState.DISPATCHED
        and one.dispatch_time is not None
        and (now - one.dispatch_time).total_seconds() >= begin_within_seconds * 2 ** min(one.dispatches - 1, 6)
    )
