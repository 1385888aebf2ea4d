"""What is delivered in place of a video: a still picture, else words, as low as the request allows; else nothing.

While a generation is at work its `failure` says that there will be no video: then a still picture is drawn, and the
generation ends with it. Near a deadline one is drawn beforehand, so that it is there should the video not be.
"""

import dataclasses
import datetime

from reelmesh_orchestrator.model import attempt, generation, shot, step, stepping
from reelmesh_orchestrator.model.draft import Draft, KeepAssets

# How often a drawing is sent out that nobody takes, before words are delivered in its place.
MOST_DRAWING_SENDS = 2
_KEPT = frozenset({step.StepKind.TAKE})
_KEPT_FALLING_BACK = _KEPT | {step.StepKind.INFOGRAPHIC}


def give_up_video(draft: Draft, reason: str, message: str) -> None:
    """There will be no video: have a still picture drawn where the request takes one, else end badly."""
    current = draft.generation
    failure = generation.Failure(reason, message)
    if current.fallback_floor is generation.Delivery.VIDEO:
        _end_badly(draft, generation.GenerationEvent.FAIL, failure)
        return
    if current.state is not generation.GenerationState.PROCESSING:
        current = current.moved(generation.GenerationEvent.PROCESS)
    draft.put_generation(dataclasses.replace(current, failure=failure))
    draft.happened("falling_back", f"There will be no video, a still picture is drawn: {message}", reason=reason)
    fall_back(draft)


def fall_back(draft: Draft) -> None:
    """Go on with a generation whose video was given up: deliver the picture once it is drawn, else words."""
    failure = draft.generation.failure
    assert failure is not None  # noqa: S101 - this is what falling back means
    _close(draft)
    drawing = stepping.latest(draft, step.StepKind.INFOGRAPHIC, None)
    if drawing is None:
        stepping.send(draft, step.StepKind.INFOGRAPHIC, None, ())
    elif drawing.state not in step.OPEN:
        end(draft, generation.GenerationEvent.FAIL, failure)


def end(draft: Draft, event: generation.GenerationEvent, failure: generation.Failure) -> None:
    """End a generation without its video, with the best of what there is now and the request takes."""
    drawing = stepping.latest(draft, step.StepKind.INFOGRAPHIC, None)
    floor = draft.generation.fallback_floor
    if floor is not generation.Delivery.VIDEO and drawing is not None and drawing.state is step.StepState.DONE:
        picture = generation.File(**drawing.result["file"])
        draft.effects.append(KeepAssets((picture.asset_id,)))
        _deliver(draft, generation.Delivery.INFOGRAPHIC, failure, picture)
    elif floor is generation.Delivery.TEXT:
        _deliver(draft, generation.Delivery.TEXT, failure, None)
    else:
        if floor is generation.Delivery.INFOGRAPHIC and drawing is not None:
            why = drawing.message or "it was not ready in time"
            failure = dataclasses.replace(failure, message=f"{failure.message}; nor is there a still picture: {why}")
        _end_badly(draft, event, failure)


def prepare(draft: Draft, lead_seconds: float) -> None:
    """Have a still picture drawn when the deadline is near: the video may come in time, or not."""
    current = draft.generation
    if current.deadline_time is None or current.fallback_floor is generation.Delivery.VIDEO:
        return
    near = current.deadline_time - draft.now <= datetime.timedelta(seconds=lead_seconds)
    if near and stepping.latest(draft, step.StepKind.INFOGRAPHIC, None) is None:
        stepping.send(draft, step.StepKind.INFOGRAPHIC, None, ())


def give_up_work(draft: Draft) -> None:
    """Drop what nobody has begun; ask for an end of what a provider still makes."""
    for one in draft.aggregate.attempts:
        if one.state in attempt.UNBEGUN:
            draft.put_attempt(draft.settle(one.moved(attempt.AttemptEvent.DROP, complete_time=draft.now), 0))
        elif one.state is attempt.AttemptState.ACCEPTED and not one.cancel_wanted:
            draft.put_attempt(dataclasses.replace(one, cancel_wanted=True))
    kept = _KEPT_FALLING_BACK if draft.generation.falling_back else _KEPT
    for work in draft.aggregate.steps:
        if work.state in step.OPEN and work.kind not in kept:
            draft.put_step(work.moved(step.StepEvent.DROP))


def _deliver(
    draft: Draft, what: generation.Delivery, failure: generation.Failure, picture: generation.File | None
) -> None:
    current = draft.generation
    draft.put_generation(
        current.moved(
            generation.GenerationEvent.COMPLETE,
            delivery=what,
            result=generation.Result(text=current.prompt, infographic=picture),
            failure=failure,
            complete_time=draft.now,
        )
    )
    words = "a still picture" if picture else "text"
    draft.happened("completed", f"Delivered as {words}: {failure.message}", delivery=what, reason=failure.reason)
    _close(draft)


def _end_badly(draft: Draft, event: generation.GenerationEvent, failure: generation.Failure) -> None:
    draft.put_generation(draft.generation.moved(event, failure=failure, complete_time=draft.now))
    draft.happened(draft.generation.state.lower(), failure.message, reason=failure.reason)
    _close(draft)


def _close(draft: Draft) -> None:
    for one in draft.aggregate.shots:
        if one.state in shot.OPEN:
            draft.put_shot(one.moved(shot.ShotEvent.CANCEL))
    give_up_work(draft)
