"""Translation between the mesh's words and the OpenAI Videos dialect, as each server speaks it; pure."""

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from reelmesh_provider import answers
from reelmesh_provider import model as mesh

Json = answers.Json
# A pause that the server does not name.
BUSY_SECONDS = 10.0
_CLOUD_URL = re.compile(r"use the cloud URL: (https?://\S+)")


@dataclass(frozen=True, slots=True)
class Profile:
    """How a server differs.

    Attributes:
        names_model: it is told the model; others serve one, and refuse any other name.
        whole_numbers: seconds are whole numbers of seconds, in forms as everywhere.
        seeds: it takes a seed.
        negatives: it takes a negative prompt.
        repeats: it retries what it sends on: neither its 429 nor its 503 says that nothing was created.
        largest_page: jobs in one page of its list.
        echoes_prompt: its list shows prompts.
        deletes_running: deleting a job that is not finished stops it.
    """

    names_model: bool = True
    seeds: bool = False
    negatives: bool = False
    repeats: bool = False
    largest_page: int = 100
    echoes_prompt: bool = True
    deletes_running: bool = False


PROFILES: Mapping[str, Profile] = {
    "openai": Profile(),
    "litellm": Profile(repeats=True),
    "sglang": Profile(names_model=False, seeds=True, negatives=True, echoes_prompt=False),
    "vllm-omni": Profile(names_model=False, seeds=True, negatives=True, deletes_running=True),
}

_WAITING = frozenset({"queued", "pending", "submitted", "not_start"})
_RUNNING = frozenset({"in_progress", "processing", "running"})
_DONE = frozenset({"completed", "succeeded", "success", "done"})
_FAILED = frozenset({"failed", "error", "expired"})
_STOPPED = frozenset({"cancelled", "canceled", "deleted"})
_UNSAFE_CODES = frozenset({"moderation_blocked", "content_policy_violation", "sentinel_block"})
_GONE_WORDS = ("expired", "not available", "deleted", "not found on disk")
_NO_MONEY_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached"})


class Impossible(Exception):
    """The server cannot be asked for this; the message says why."""


# --- creating


def fields(task: mesh.Task, profile: Profile) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the SDK's create is told by name, and what it must be told besides.

    Raises:
        Impossible: the dialect has no word for it.
    """
    if task.last_frame:
        raise Impossible("the server cannot end on a given frame")
    if task.negative_prompt and not profile.negatives:
        raise Impossible("the server takes no negative prompt")
    told: dict[str, Any] = {
        "prompt": task.prompt,
        "seconds": f"{task.duration_seconds:g}",
        "size": f"{task.width}x{task.height}",
    }
    if profile.names_model:
        told["model"] = task.model
    besides: dict[str, Any] = {"seed": task.seed} if profile.seeds else {}
    if task.frames_per_second and profile.seeds:
        besides["fps"] = task.frames_per_second
    if task.negative_prompt:
        besides["negative_prompt"] = task.negative_prompt
    return told, besides


def picture_of(task: mesh.Task) -> mesh.Picture | None:
    """Return the one picture that a video starts from."""
    return task.first_frame or (task.references[0] if task.references else None)


def accepted(text: str) -> mesh.Submitted:
    """Translate a 2xx answer to a create."""
    job = answers.json_object(text)
    job_id = job.get("id") if job else None
    if not isinstance(job_id, str) or not job_id:
        return mesh.Declined(mesh.Verdict.UNKNOWN, f"the server took the request and answered {answers.shown(text)}")
    return mesh.Accepted(job_id)


def declined(status: int, headers: Mapping[str, str], text: str, profile: Profile) -> mesh.Declined:
    """Translate any other answer to a create: what is not the server's own word is unknown."""
    problem = problem_of(text)
    if problem is None:
        return mesh.Declined(mesh.Verdict.UNKNOWN, f"answered {status} with something that cannot be read")
    code, message = problem
    if status in (429, 503):
        return _not_now(status, headers, code, message, profile)
    if status in (404, 410) and (code == "model_not_found" or status == 410 or "shut down" in message):
        return mesh.Declined(mesh.Verdict.REFUSED_FOR_GOOD, f"the server does not offer this any more: {message}")
    if status in (401, 403):
        return mesh.Declined(mesh.Verdict.REFUSED_FOR_GOOD, f"the server does not take the account's key: {message}")
    if status in (400, 404, 405, 409, 413, 415, 422):
        verdict = mesh.Verdict.UNSAFE if code in _UNSAFE_CODES else mesh.Verdict.REFUSED_FOR_GOOD
        return mesh.Declined(verdict, message)
    return mesh.Declined(mesh.Verdict.UNKNOWN, f"answered {status}: {message}")


def _not_now(status: int, headers: Mapping[str, str], code: str, message: str, profile: Profile) -> mesh.Declined:
    if code in _NO_MONEY_CODES:
        return mesh.Declined(mesh.Verdict.REFUSED_FOR_GOOD, f"the account has no money left: {message}")
    if profile.repeats:
        return mesh.Declined(
            mesh.Verdict.UNKNOWN, f"a server that repeats requests by itself answered {status}: {message}"
        )
    return mesh.Declined(mesh.Verdict.BUSY, message, answers.retry_after(headers) or BUSY_SECONDS)


def problem_of(text: str) -> tuple[str, str] | None:
    """Return code and message of an error in any shape that servers of the dialect use; None where it is none."""
    body = answers.json_object(text)
    if body is None:
        return None
    error = body.get("error")
    if isinstance(error, Mapping):
        told = cast(Json, error)
        return str(told.get("code") or ""), str(told.get("message") or told.get("type") or "no reason given")
    for found in (error, body.get("detail"), body.get("message")):
        if isinstance(found, str) and found:
            return "", found
    detail = body.get("detail")
    if isinstance(detail, list):
        return "", "; ".join(_detail(each) for each in cast(Sequence[object], detail)) or "no reason given"
    return None


def _detail(each: object) -> str:
    if not isinstance(each, Mapping):
        return str(each)
    told = cast(Json, each)
    place = ".".join(str(part) for part in cast(Sequence[object], told.get("loc") or ()))
    return f"{place}: {told.get('msg', 'wrong')}"


# --- looking


def observed(job: Json) -> mesh.JobState:
    """Translate a job as the server shows it; a word that nobody knows is no success and no failure."""
    status = str(job.get("status") or "").lower()
    if status in _WAITING:
        return mesh.Pending(0, "queued")
    if status in _RUNNING:
        return mesh.Pending(_percent(job.get("progress")))
    if status in _DONE:
        return mesh.Succeeded(remark=_remark(job))
    if status in _FAILED:
        return _failed(status, job)
    if status in _STOPPED:
        return mesh.Negative(mesh.Outcome.CANCELLED, "the server says that it was stopped", 0)
    return mesh.Unknown(f"the server says that it is {status or 'nothing'!r}")


def seen(status: int, text: str) -> mesh.JobState:
    """Translate the answer to a look at one job. Some servers answer for a failed job with an HTTP error."""
    body = answers.json_object(text)
    if body is not None and body.get("object") == "video" and isinstance(body.get("status"), str):
        return observed(body)
    problem = problem_of(text)
    if status == 404 and problem is not None:
        return mesh.Missing(problem[1])
    return mesh.Unknown(f"answered {status}: {problem[1] if problem else answers.shown(text)}")


def poll_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds after which the server wants to be asked again, as its SDK reads them; None for any."""
    told = headers.get("openai-poll-after-ms", "")
    return int(told) / 1000 if told.isascii() and told.isdecimal() and len(told) < 10 else None


def _failed(status: str, job: Json) -> mesh.Negative:
    error = job.get("error")
    told: Json = cast(Json, error) if isinstance(error, Mapping) else {}
    message = str(told.get("message") or (error if isinstance(error, str) else "") or f"the server says {status}")
    outcome = mesh.Outcome.FILTERED if told.get("code") in _UNSAFE_CODES else mesh.Outcome.FAILED
    return mesh.Negative(outcome, message, 0)


def _percent(progress: object) -> int | None:
    if isinstance(progress, bool) or not isinstance(progress, int | float) or progress != progress:
        return None
    return max(0, min(99, int(progress)))


def _remark(job: Json) -> str:
    revised = job.get("revised_prompt")
    return "the server rewrote the prompt" if isinstance(revised, str) and revised else ""


def address_of(job: Json) -> str:
    """Return where the clip lies, if the job names a place outside of the API; empty where it names none."""
    urls, output = job.get("urls"), job.get("output")
    candidates: list[object] = [job.get("url"), job.get("video_url")]
    candidates += cast(list[object], urls) if isinstance(urls, list) else []
    for each in cast(list[object], output) if isinstance(output, list) else []:
        candidates.append(cast(Json, each).get("url") if isinstance(each, Mapping) else each)
    return next((str(one) for one in candidates if isinstance(one, str) and one.startswith("http")), "")


def address_in(text: str) -> str:
    """Return where the clip lies that the answer to a look names; empty where it names none."""
    job = answers.json_object(text)
    return address_of(job) if job else ""


def cloud_address(text: str) -> str:
    """Return where an error says that the clip lies; empty where it says nothing."""
    problem = problem_of(text)
    found = _CLOUD_URL.search(problem[1]) if problem else None
    return found[1].rstrip(".,") if found else ""


def lost(status: int, text: str) -> str:
    """Return the server's own words that a clip is gone for ever; empty where it says nothing of the kind."""
    problem = problem_of(text)
    if problem is None or status not in (404, 410):
        return ""
    return problem[1] if status == 410 or any(word in problem[1].lower() for word in _GONE_WORDS) else ""


# --- lists


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list, newest first. `after` is where the next one begins; empty at the end."""

    jobs: tuple[Json, ...]
    after: str = ""


def page_of(text: str) -> Page:
    """Translate a page of the list.

    Raises:
        ValueError: it cannot be read, which must not look like the end of the list.
    """
    body = answers.json_object(text)
    data = body.get("data") if body else None
    if body is None or not isinstance(data, list):
        raise ValueError(f"the list cannot be read: {answers.shown(text)}")
    jobs = [cast(Json, each) for each in cast(list[object], data) if isinstance(each, Mapping)]
    if len(jobs) != len(cast(list[object], data)) or not all(isinstance(job.get("id"), str) for job in jobs):
        raise ValueError(f"the list has an entry that is no job: {answers.shown(text)}")
    more = bool(body.get("has_more"))
    return Page(tuple(jobs), str(jobs[-1]["id"]) if more and jobs else "")


def matches(jobs: Iterable[Json], tasks: Sequence[mesh.Task], profile: Profile) -> tuple[mesh.Match, ...]:
    """Return the jobs that may be those of `tasks`, oldest first: nothing that servers list is ours alone."""
    oldest_first = sorted(jobs, key=created)
    return tuple(
        mesh.Match(task.attempt_id, str(job["id"]), mesh.Fit.PLAUSIBLE)
        for job in oldest_first
        for task in tasks
        if _alike(job, task, profile)
    )


def _alike(job: Json, task: mesh.Task, profile: Profile) -> bool:
    """Tell whether nothing that the list echoes speaks against it."""
    if profile.echoes_prompt and isinstance(job.get("prompt"), str) and job["prompt"] != task.prompt:
        return False
    if profile.names_model and isinstance(job.get("model"), str) and job["model"] != task.model:
        return False
    size = job.get("size")
    if isinstance(size, str) and size and size != f"{task.width}x{task.height}":
        return False
    return _same_seconds(job.get("seconds"), task.duration_seconds)


def _same_seconds(told: object, asked: float) -> bool:
    try:
        return abs(float(cast(Any, told)) - asked) < 1.0
    except (TypeError, ValueError):
        return True


def created(job: Json) -> float:
    """Return when a job was created, seconds since 1970 by the server's clock; 0 where it does not say."""
    at = job.get("created_at")
    return float(at) if isinstance(at, int | float) and not isinstance(at, bool) else 0.0


def reaches_back(jobs: Sequence[Json], since: datetime.datetime | None) -> bool:
    """Tell whether a list, newest first, goes back beyond a time."""
    return since is not None and bool(jobs) and 0 < created(jobs[-1]) < since.timestamp()


def listed(job: Json) -> mesh.ListedJob:
    """Translate a job for a census: whose it is the list does not show."""
    told = job.get("model")
    return mesh.ListedJob(str(job["id"]), model=told if isinstance(told, str) else "")
