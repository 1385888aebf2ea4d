"""What the local provider says of its jobs, in the mesh's words."""

import dataclasses
import json
import pathlib

import pydantic
import pytest
from reelmesh_provider import model as mesh
from reelmesh_provider import testing
from reelmesh_provider_local import model, settings, wire
from reelmesh_provider_local.model import Fault, Marker, State

TASK = testing.make_task(model="local-1", duration_seconds=5.0, width=1280, height=720)
JOB = model.Job("job-1", TASK.attempt_id, TASK.shot_id, TASK.seed, TASK.model, "{}")


@pytest.mark.parametrize(
    ("state", "seen"),
    [
        (State.QUEUED, mesh.Pending(0, "queued")),
        (State.SUCCEEDED, mesh.Succeeded(0, "why")),
        (State.FAILED, mesh.Negative(mesh.Outcome.FAILED, "why", 0)),
        (State.FILTERED, mesh.Negative(mesh.Outcome.FILTERED, "why", 0)),
        (State.CANCELLED, mesh.Negative(mesh.Outcome.CANCELLED, "cancelled on request", 0)),
    ],
)
def test_states_are_told(state: State, seen: mesh.JobState) -> None:
    job = dataclasses.replace(JOB, state=state, message="why")
    assert wire.observed(job, "job-1", 0.0, 0.0) == mesh.Observation("job-1", seen)


@pytest.mark.parametrize(
    ("part", "seconds", "hint"),
    [(0.5, 1.0, 1.0), (0.1, 1.0, wire.LATEST_LOOK_SECONDS), (0.99, 1.0, wire.SOONEST_LOOK_SECONDS), (0.0, 0.0, 2.0)],
)
def test_a_look_is_suggested_for_when_the_rest_will_be_rendered(part: float, seconds: float, hint: float) -> None:
    seen = wire.observed(dataclasses.replace(JOB, state=State.RENDERING), "job-1", part, seconds)
    assert seen.state == mesh.Pending(round(part * 100), "rendering", pytest.approx(hint))


def test_a_job_that_is_not_listed_is_missing() -> None:
    assert isinstance(wire.observed(None, "job-1", 0.0, 0.0).state, mesh.Missing)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"duration_seconds": 0.5}, "duration"),
        ({"duration_seconds": 61.0}, "duration"),
        ({"width": 1281}, "size"),
        ({"width": 3840, "height": 2160}, "size"),
        ({"prompt": "x" * 5001}, "characters"),
        ({"frames_per_second": 25}, "frames per second"),
        ({"model": "sora-2"}, "no model"),
    ],
)
def test_what_cannot_be_rendered_is_refused_with_the_reason(changes: dict[str, object], word: str) -> None:
    assert word in wire.problem(dataclasses.replace(TASK, **changes))  # pyright: ignore[reportArgumentType]


def test_the_card_offers_clips_as_long_as_told() -> None:
    assert wire.card("1").models[0].longest_seconds == 60.0
    assert wire.card("1", 2.0).models[0].longest_seconds == 2.0


@pytest.mark.parametrize("seconds", [0.5, 61.0])
def test_a_longest_clip_that_cannot_be_rendered_is_refused(seconds: float) -> None:
    with pytest.raises(pydantic.ValidationError, match="local_longest_seconds"):
        settings.LocalSettings(local_longest_seconds=seconds)


def test_what_can_be_rendered_is_no_problem() -> None:
    assert wire.problem(TASK) == ""


@pytest.mark.parametrize("continued", [False, True])
def test_the_renderer_is_told_whether_another_shot_goes_on(tmp_path: pathlib.Path, continued: bool) -> None:
    asked = json.loads(wire.request(dataclasses.replace(TASK, continued=continued), "a cat", tmp_path))
    assert asked["continued"] is continued


def test_a_job_is_found_by_the_tag_that_it_echoes() -> None:
    other = dataclasses.replace(JOB, job_id="job-2", tag="another attempt")
    assert wire.matches([JOB, other], [TASK], tags_hidden=False) == (
        mesh.Match(TASK.attempt_id, "job-1", mesh.Fit.OWN_ID),
    )


@pytest.mark.parametrize(("users", "fit"), [(False, mesh.Fit.DISCRIMINATED), (True, mesh.Fit.PLAUSIBLE)])
def test_where_tags_are_hidden_the_seed_tells_unless_it_is_the_users(users: bool, fit: mesh.Fit) -> None:
    task = dataclasses.replace(TASK, seed_is_users=users)
    other = dataclasses.replace(JOB, job_id="job-2", seed=TASK.seed + 1)
    assert wire.matches([JOB, other], [task], tags_hidden=True) == (mesh.Match(TASK.attempt_id, "job-1", fit),)


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        (Fault.BUSY, mesh.Verdict.BUSY),
        (Fault.REFUSE, mesh.Verdict.REFUSED),
        (Fault.REFUSE_FOR_GOOD, mesh.Verdict.REFUSED_FOR_GOOD),
        (Fault.UNSAFE, mesh.Verdict.UNSAFE),
    ],
)
def test_refusals_that_are_asked_for_are_given(fault: Fault, verdict: mesh.Verdict) -> None:
    refusal = wire.refusal((Marker(Fault.SLOW, 1.0), Marker(fault, 3.0)))
    assert refusal is not None
    assert refusal.verdict is verdict
    assert refusal.retry_after_seconds == (3.0 if fault is Fault.BUSY else None)


def test_without_such_a_fault_nothing_is_refused() -> None:
    assert wire.refusal((Marker(Fault.SLOW, 1.0),)) is None


@pytest.mark.parametrize(
    ("width", "height", "smaller", "made"),
    [(1280, 720, 8, (160, 90)), (360, 640, 8, (64, 80)), (854, 480, 1, (854, 480))],
)
def test_clips_may_be_smaller_than_asked_for_and_still_be_clips(
    tmp_path: pathlib.Path, width: int, height: int, smaller: int, made: tuple[int, int]
) -> None:
    task = dataclasses.replace(TASK, width=width, height=height)
    asked = json.loads(wire.request(task, "a cat", tmp_path, smaller=smaller))
    assert (asked["width"], asked["height"]) == made
