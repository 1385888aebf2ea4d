"""Which work of media a generation has, and how more is sent."""

from reelmesh_kit import ids

from reelmesh_orchestrator.model import generation, shot, step
from reelmesh_orchestrator.model.draft import Draft, SendStep

_WORDS = {
    step.StepKind.LAST_FRAME: "Taking the last frame is next",
    step.StepKind.LADDER: "Checking and encoding is next",
    step.StepKind.INFOGRAPHIC: "Drawing a still picture is next",
    step.StepKind.TAKE: "Checking and encoding an alternate take is next",
}


def latest(draft: Draft, kind: step.StepKind, of: shot.Shot | None) -> step.Step | None:
    """Return the latest step of a kind in this run, for a shot or for the whole; None when there is none."""
    target = of.id if of else None
    mine = [
        one
        for one in draft.aggregate.steps
        if one.kind is kind
        and one.shot_id == target
        and one.run == draft.generation.run
        and one.state is not step.StepState.DROPPED
    ]
    return max(mine, key=lambda one: one.ordinal, default=None)


def of_take(draft: Draft, number: int) -> step.Step | None:
    """Return the step of a take; None when it was not sent yet."""
    mine = (one for one in draft.aggregate.steps if one.kind is step.StepKind.TAKE and one.ordinal == number)
    return next(mine, None)


def send(draft: Draft, kind: step.StepKind, of: shot.Shot | None, clips: tuple[str, ...]) -> None:
    """Send one more step of a kind, for a shot or for the whole."""
    target = of.id if of else None
    ordinal = sum(
        one.kind is kind and one.shot_id == target and one.run == draft.generation.run for one in draft.aggregate.steps
    )
    _send(draft, kind, of, ordinal, clips)


def send_take(draft: Draft, number: int, clips: tuple[str, ...]) -> None:
    """Send the step of a take."""
    _send(draft, step.StepKind.TAKE, None, number, clips)


def _send(draft: Draft, kind: step.StepKind, of: shot.Shot | None, ordinal: int, clips: tuple[str, ...]) -> None:
    current = draft.generation
    target = of.id if of else None
    sent = step.Step(
        id=ids.derived(current.id, "step", kind, target or "", current.run, ordinal),
        kind=kind,
        state=step.StepState.SENT,
        run=current.run,
        ordinal=ordinal,
        send_time=draft.now,
        shot_id=target,
        clip_asset_ids=clips,
    )
    draft.put_step(sent)
    draft.effects.append(SendStep(sent.id))
    draft.happened("step_sent", _WORDS[kind], step_id=sent.id, shot_id=target or "")


def result(ladder: step.Step) -> generation.Result:
    """Return what a ladder made."""
    return generation.Result(
        files=tuple(generation.File(**file) for file in ladder.result["files"]),
        thumbnail_asset_id=ladder.result["thumbnail_asset_id"],
        poster_asset_id=ladder.result["poster_asset_id"],
        findings=tuple(generation.Finding(**finding) for finding in ladder.result["findings"]),
    )
