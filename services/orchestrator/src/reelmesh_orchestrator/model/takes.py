"""Alternate takes: videos that are paid for and were not delivered. They are kept, processed, and can be promoted."""

import dataclasses

from reelmesh_kit import errors

from reelmesh_orchestrator.model import attempt, generation, shot, step, stepping
from reelmesh_orchestrator.model.draft import Draft, KeepAssets


def keep(draft: Draft, made: attempt.Attempt) -> int:
    """Keep the clip of an attempt that came too late to be used; return the number of its take.

    It becomes a video of all shots, where the others have clips as well; else it is that one clip.
    """
    current = draft.generation
    clips = _all_clips(draft, made)
    new = generation.Take(
        number=len(current.takes) + 1,
        state=generation.TakeState.PROCESSING,
        attempt_id=made.id,
        clip_asset_ids=clips or (made.clip_asset_id,),
        whole=bool(clips),
        create_time=draft.now,
    )
    draft.put_generation(dataclasses.replace(current, takes=(*current.takes, new)))
    return new.number


def _all_clips(draft: Draft, made: attempt.Attempt) -> tuple[str, ...]:
    """Return the clips of all shots, with this one in its place; empty when a shot has none."""
    clips = [
        made.clip_asset_id if one.id == made.shot_id else one.clip_asset_id or spare_clip(draft, one)
        for one in draft.aggregate.shots
    ]
    return tuple(clips) if all(clips) else ()


def spare(draft: Draft, one: shot.Shot) -> attempt.Attempt | None:
    """Return an attempt that has made a shot, whether its clip is used or not."""
    return next(
        (
            two
            for two in draft.aggregate.attempts_of(one.id)
            if two.state is attempt.AttemptState.SUCCEEDED and two.ending is attempt.Ending.NONE
        ),
        None,
    )


def spare_clip(draft: Draft, one: shot.Shot) -> str:
    """Return the clip of such an attempt; "" when there is none."""
    made = spare(draft, one)
    return made.clip_asset_id if made else ""


def process(draft: Draft) -> None:
    """Have takes checked and encoded, and keep what comes of it; of what is deleted nothing is kept."""
    if draft.generation.delete_time is not None:
        return
    for take in draft.generation.takes:
        if take.state is not generation.TakeState.PROCESSING:
            continue
        work = stepping.of_take(draft, take.number)
        if work is None:
            stepping.send_take(draft, take.number, take.clip_asset_ids)
        elif work.state is step.StepState.DONE:
            result = stepping.result(work)
            draft.effects.append(KeepAssets(result.asset_ids))
            _put(draft, dataclasses.replace(take, state=generation.TakeState.READY, result=result))
            names = ", ".join(file.name for file in result.files)
            draft.happened("take_ready", f"Alternate take {take.number} can be had: {names}", take=take.number)
        elif work.state is step.StepState.FAILED:
            _put(draft, dataclasses.replace(take, state=generation.TakeState.UNUSABLE, message=work.message))
            message = f"Alternate take {take.number} could not be processed: {work.message}"
            draft.happened("take_unusable", message, take=take.number)


def reject(draft: Draft, number: int, clip_asset_id: str, message: str) -> None:
    """Take the fact that the late clip of a take is broken: no retry shall begin with it."""
    take = find(draft, number)
    for one in draft.aggregate.attempts:
        if one.id == take.attempt_id and one.clip_asset_id == clip_asset_id:
            draft.put_attempt(dataclasses.replace(one, ending=attempt.Ending.BROKEN, message=message))


def find(draft: Draft, number: int) -> generation.Take:
    """Return a take.

    Raises:
        errors.NotFound: there is none of that number.
    """
    take = next((one for one in draft.generation.takes if one.number == number), None)
    if take is None:
        raise errors.NotFound(f"generation {draft.generation.id} has no take {number}")
    return take


def promote(draft: Draft, number: int) -> None:
    """Deliver a take in place of what was delivered, which becomes a take itself if it is a video.

    Raises:
        errors.NotFound: there is none of that number.
        errors.WrongState: the generation is at work, or the take is not ready or not whole.
    """
    take = find(draft, number)
    if take.promoted:
        return
    _check(draft, take)
    before = draft.generation
    _keep_delivered(draft)
    takes_ = tuple(dataclasses.replace(one, promoted=one.number == take.number) for one in draft.generation.takes)
    result = dataclasses.replace(take.result, text=before.result.text, infographic=before.result.infographic)
    draft.put_generation(
        draft.generation.moved(
            generation.GenerationEvent.PROMOTE,
            delivery=generation.Delivery.VIDEO,
            result=result,
            failure=None,
            takes=takes_,
        )
    )
    for one, clip in zip(draft.aggregate.shots, take.clip_asset_ids, strict=True):
        draft.put_shot(one.moved(shot.ShotEvent.PROMOTE, clip_asset_id=clip))
    former = f"in place of {before.delivery.lower()}" if before.delivery else f"it was {before.state}"
    message = f"Take {take.number} is delivered, {former}; nothing is paid for it that was not paid when it came"
    draft.happened("take_promoted", message, take=take.number, delivery="VIDEO", before=before.delivery)


def _check(draft: Draft, take: generation.Take) -> None:
    current = draft.generation
    if not current.ended:
        raise errors.WrongState(
            f"a take is promoted once the generation has ended, this one is {current.state}", state=current.state
        )
    if take.state is generation.TakeState.PROCESSING:
        raise errors.WrongState(f"take {take.number} is still being encoded; try again soon", state=take.state)
    if take.state is not generation.TakeState.READY:
        raise errors.WrongState(f"take {take.number} cannot be used: {take.message}", state=take.state)
    if not take.whole:
        raise errors.WrongState(
            f"take {take.number} is the clip of one shot of {len(draft.aggregate.shots)}: it can be downloaded, "
            "and a retry of the generation begins with it",
            state=take.state,
        )


def _keep_delivered(draft: Draft) -> None:
    """Make the video that was delivered first a take, so that it can be promoted again."""
    current = draft.generation
    if current.delivery is not generation.Delivery.VIDEO or any(one.promoted for one in current.takes):
        return
    first = generation.Take(
        number=len(current.takes) + 1,
        state=generation.TakeState.READY,
        attempt_id=None,
        clip_asset_ids=tuple(one.clip_asset_id for one in draft.aggregate.shots),
        whole=True,
        create_time=current.complete_time or draft.now,
        result=current.result,
    )
    draft.put_generation(dataclasses.replace(current, takes=(*current.takes, first)))


def _put(draft: Draft, changed: generation.Take) -> None:
    takes_ = tuple(changed if one.number == changed.number else one for one in draft.generation.takes)
    draft.put_generation(dataclasses.replace(draft.generation, takes=takes_))
