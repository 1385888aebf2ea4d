"""Translation between the mesh's words and the local provider's own; pure."""

import datetime
import json
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any

from reelmesh_provider import model as mesh

from reelmesh_provider_local import model
from reelmesh_provider_local.rendering import model as film

PROVIDER = "local"
MODEL = "local-1"
DEFAULT_FRAMES_PER_SECOND = 24
LONGEST_RENDER_SECONDS = 900.0
TYPICAL_SECONDS_PER_SECOND = 0.7
SOONEST_LOOK_SECONDS = 0.3
LATEST_LOOK_SECONDS = 2.0
CLIP_NAME = "clip.mp4"


def card(version: str, longest_seconds: float = film.MAX_DURATION_SECONDS) -> mesh.ProviderCard:
    """State what can be rendered here; `longest_seconds` is the longest clip on offer."""
    return mesh.ProviderCard(
        provider=PROVIDER,
        version=version,
        models=(
            mesh.ModelCard(
                model=MODEL,
                shortest_seconds=film.MIN_DURATION_SECONDS,
                longest_seconds=longest_seconds,
                largest_pixels=film.MAX_LONG_SIDE_PIXELS * film.MAX_SHORT_SIDE_PIXELS,
                reference_images=film.MAX_IMAGES,
                first_frame=True,
                last_frame=True,
                last_frame_alone=True,
                references_with_frames=True,
                audio=True,
                seed=True,
                prices=(mesh.Price(datetime.date(2026, 1, 1)),),
                longest_render_seconds=LONGEST_RENDER_SECONDS,
                seconds_per_second=TYPICAL_SECONDS_PER_SECOND,
                longest_prompt=film.MAX_PROMPT_CHARACTERS,
            ),
        ),
        recovery=mesh.Recovery.EXACT,
        free=True,
        creation_delay_seconds=1.0,
        listing_delay_seconds=1.0,
        cancellable=True,
        # The job list lies beside the worker: an id that is not in it was another machine's, and went with it.
        gone=mesh.GoneRule(times=3, over_seconds=5.0),
        pace=mesh.Pace(first_seconds=0.5, longest_seconds=3.0, growth=1.4),
    )


def problem(task: mesh.Task) -> str:
    """Say why a task cannot be rendered; "" when it can."""
    if task.model != MODEL:
        return f"there is no model {task.model!r}; ask for {MODEL!r}"
    if task.negative_prompt:
        return f"{MODEL} takes no negative prompt: it draws what the prompt says, and nothing else"
    try:
        film.RenderSpec(
            prompt=task.prompt,
            images=tuple(picture.data for picture in task.references),
            duration_seconds=task.duration_seconds,
            width=task.width,
            height=task.height,
            seed=task.seed,
            fps=task.frames_per_second or DEFAULT_FRAMES_PER_SECOND,
        )
    except film.InvalidSpec as error:
        return str(error)
    return ""


def picture_names(task: mesh.Task) -> dict[str, bytes]:
    """Name the files in which a job keeps its pictures."""
    named = {f"image-{number}": picture.data for number, picture in enumerate(task.references)}
    frames = {"first-frame": task.first_frame, "last-frame": task.last_frame}
    return named | {name: frame.data for name, frame in frames.items() if frame}


def request(task: mesh.Task, prompt: str, folder: pathlib.Path, *, smaller: int = 1) -> str:
    """Write what the renderer is asked for, as JSON: the clip and its pictures lie in `folder`.

    `smaller` is how many times narrower and lower the clip is than asked for, as far as it can still be rendered.
    """
    names = picture_names(task)
    asked: dict[str, Any] = {
        "prompt": prompt,
        "images": [str(folder / name) for name in names if name.startswith("image-")],
        "first_frame": str(folder / "first-frame") if "first-frame" in names else None,
        "last_frame": str(folder / "last-frame") if "last-frame" in names else None,
        "duration_seconds": task.duration_seconds,
        "width": _side(task.width, smaller),
        "height": _side(task.height, smaller),
        "seed": task.seed,
        "fps": task.frames_per_second or DEFAULT_FRAMES_PER_SECOND,
        "audio": task.audio,
        "continued": task.continued,
        "path": str(folder / CLIP_NAME),
        "traceparent": task.traceparent,
    }
    return json.dumps(asked)


def _side(pixels: int, smaller: int) -> int:
    return pixels if smaller == 1 else max(film.MIN_SIDE_PIXELS, pixels // smaller // 2 * 2)


def span_attributes(job: model.Job) -> dict[str, str | float]:
    """Describe the rendering of a job to its span; never the prompt."""
    asked = json.loads(job.request)
    return {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.output.type": "video",
        "gen_ai.provider.name": PROVIDER,
        "gen_ai.request.model": job.model,
        "gen_ai.response.id": job.job_id,
        "reelmesh.attempt.id": job.tag,
        "reelmesh.clip.duration_seconds": asked["duration_seconds"],
        "reelmesh.clip.size": f"{asked['width']}x{asked['height']}",
    }


def refusal(faults: model.Faults) -> mesh.Declined | None:
    """Return the refusal that the faults of a submit ask for."""
    verdicts = {
        model.Fault.BUSY: mesh.Verdict.BUSY,
        model.Fault.REFUSE: mesh.Verdict.REFUSED,
        model.Fault.REFUSE_FOR_GOOD: mesh.Verdict.REFUSED_FOR_GOOD,
        model.Fault.UNSAFE: mesh.Verdict.UNSAFE,
    }
    for marker in faults:
        if verdict := verdicts.get(marker.fault):
            retry_after = marker.amount if verdict is mesh.Verdict.BUSY else None
            return mesh.Declined(verdict, f"refused because a test asked for {marker.fault}", retry_after)
    return None


def observed(job: model.Job | None, job_id: str, part: float, rendering_seconds: float) -> mesh.Observation:
    """Say what is known of a job.

    Args:
        job: as listed; None when it is not.
        job_id: its id.
        part: how much of it is rendered, 0 to 1.
        rendering_seconds: for how long it has been rendering.
    """
    if job is None:
        return mesh.Observation(job_id, mesh.Missing("the job list of this machine has no such job"))
    match job.state:
        case model.State.QUEUED:
            state: mesh.JobState = mesh.Pending(0, "queued")
        case model.State.RENDERING:
            state = mesh.Pending(round(part * 100), "rendering", _look_again(part, rendering_seconds))
        case model.State.SUCCEEDED:
            state = mesh.Succeeded(cost_micros=0, remark=job.message)
        case model.State.FAILED:
            state = mesh.Negative(mesh.Outcome.FAILED, job.message, cost_micros=0)
        case model.State.FILTERED:
            state = mesh.Negative(mesh.Outcome.FILTERED, job.message, cost_micros=0)
        case model.State.CANCELLED:
            state = mesh.Negative(mesh.Outcome.CANCELLED, "cancelled on request", cost_micros=0)
    return mesh.Observation(job_id, state)


def matches(jobs: Sequence[model.Job], tasks: Iterable[mesh.Task], *, tags_hidden: bool) -> tuple[mesh.Match, ...]:
    """Return the jobs that may belong to `tasks`: by the tag, or by the seed where tags are hidden."""
    found: list[mesh.Match] = []
    for task in tasks:
        for job in jobs:
            fit = _fit(job, task, tags_hidden=tags_hidden)
            if fit is not None:
                found.append(mesh.Match(task.attempt_id, job.job_id, fit))
    return tuple(found)


def listed(order: model.Order, *, tags_hidden: bool) -> mesh.ListedJob:
    """Return what tells whose a job is: the tag, or the seed where tags are hidden."""
    if tags_hidden:
        return mesh.ListedJob(order.job_id, seed=order.seed, model=order.model)
    return mesh.ListedJob(order.job_id, order.tag, model=order.model)


def _fit(job: model.Job, task: mesh.Task, *, tags_hidden: bool) -> mesh.Fit | None:
    if not tags_hidden:
        return mesh.Fit.OWN_ID if job.tag == task.attempt_id else None
    if job.seed != task.seed or job.model != task.model:
        return None
    return mesh.Fit.PLAUSIBLE if task.seed_is_users else mesh.Fit.DISCRIMINATED


def _look_again(part: float, rendering_seconds: float) -> float:
    """Return seconds until about when the rest will be rendered."""
    rest = rendering_seconds * (1 - part) / part if part > 0 else LATEST_LOOK_SECONDS
    return min(LATEST_LOOK_SECONDS, max(SOONEST_LOOK_SECONDS, rest))
