"""Translation between the mesh's words and Runway's API, version 2024-11-06; pure."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from reelmesh_provider import answers
from reelmesh_provider import model as mesh

Json = answers.Json
API_VERSION = "2024-11-06"
MICROS_PER_CREDIT = 10_000
# Runway takes 5 MB; whether that is 5,000,000 is not said.
LARGEST_DATA_URI_BYTES = 5_000_000
# A pause that Runway does not name.
BUSY_SECONDS = 30.0
# A tuple: what an answer says may be anything, also what no set can be asked for.
_WAITING = ("PENDING", "THROTTLED")
_POSITIONS = ("first", "last")
_INVALID_ASSET = ["ASSET", "INVALID"]
_UNSAFE_WORDS = ("moderation", "safety")


class Impossible(Exception):
    """The task cannot be asked for; the message says why."""


@dataclass(frozen=True, slots=True)
class Create:
    """A create: where it goes, and its body without its pictures, of which the second is what the clip ends on."""

    path: str
    body: Json
    pictures: tuple[mesh.Picture, ...] = ()

    def with_pictures(self, uris: Sequence[str]) -> Json:
        """Return the body with the addresses of its pictures."""
        if len(uris) < 2:
            return {**self.body, **({"promptImage": uris[0]} if uris else {})}
        placed = [{"uri": uri, "position": position} for uri, position in zip(uris, _POSITIONS, strict=True)]
        return {**self.body, "promptImage": placed}


# --- creating


def create(task: mesh.Task, card: mesh.ProviderCard) -> Create:
    """Return what is asked for a task.

    Raises:
        Impossible: the model is not on the card, or does not take what is asked.
    """
    known = {each.model: each for each in card.models}
    offered = known.get(task.model)
    if offered is None:
        raise Impossible(f"{card.provider} makes {', '.join(known)}, not {task.model!r}")
    picture = task.first_frame or (task.references[0] if task.references else None)
    if picture is None and offered.needs_picture:
        raise Impossible(f"{task.model} starts from a picture, and the task has none")
    _check(task, offered)
    body: dict[str, Any] = {
        "model": task.model,
        "ratio": f"{task.width}:{task.height}",
        "duration": round(task.duration_seconds),
    }
    if task.prompt:
        body["promptText"] = task.prompt
    if offered.seed:
        body["seed"] = task.seed
    if offered.audio:
        body["audio"] = task.audio
    if task.negative_prompt:
        body["negativePrompt"] = task.negative_prompt
    pictures = tuple(one for one in (picture, task.last_frame) if one)
    return Create("/v1/image_to_video" if picture else "/v1/text_to_video", body, pictures)


def _check(task: mesh.Task, offered: mesh.ModelCard) -> None:
    if why := mesh.problem(task, offered):
        raise Impossible(why)
    units = len(task.prompt.encode("utf-16-le", "surrogatepass")) // 2
    if offered.longest_prompt and units > offered.longest_prompt:
        raise Impossible(f"{task.model} takes prompts of {offered.longest_prompt} UTF-16 units, this one has {units}")
    if task.duration_seconds != round(task.duration_seconds):
        raise Impossible(f"{task.model} makes clips of whole seconds, not of {task.duration_seconds:g} s")
    if offered.sizes and f"{task.width}x{task.height}" not in offered.sizes:
        raise Impossible(f"{task.model} makes {', '.join(offered.sizes)}, not {task.width}x{task.height}")


def data_uri(picture: mesh.Picture) -> str | None:
    """Return a picture as a data URI; None where it is too large to be one."""
    head = f"data:{picture.content_type};base64,"
    if len(head) + (len(picture.data) + 2) // 3 * 4 > LARGEST_DATA_URI_BYTES:
        return None
    return head + base64.b64encode(picture.data).decode()


@dataclass(frozen=True, slots=True)
class Upload:
    """Where a file is sent to, with which fields before it, and how it is named from then on."""

    url: str
    fields: Mapping[str, str]
    uri: str


def upload(text: str) -> Upload | None:
    """Translate the answer to the wish to upload; None where it cannot be read."""
    body = answers.json_object(text) or {}
    url, fields, uri = body.get("uploadUrl"), body.get("fields"), body.get("runwayUri")
    if not (isinstance(url, str) and isinstance(fields, Mapping) and isinstance(uri, str) and uri):
        return None
    told = cast(Mapping[object, object], fields)
    return Upload(url, {str(name): str(value) for name, value in told.items()}, uri)


def submitted(status: int, headers: Mapping[str, str], text: str) -> mesh.Submitted:
    """Translate the answer to a create: what is not Runway's own word is unknown."""
    body = answers.json_object(text)
    if 200 <= status < 300:
        task_id = body.get("id") if body else None
        if isinstance(task_id, str) and task_id:
            return mesh.Accepted(task_id)
        return mesh.Declined(mesh.Verdict.UNKNOWN, f"Runway took the request and answered {answers.shown(text)}")
    problem = problem_of(body)
    if problem is None:
        return mesh.Declined(mesh.Verdict.UNKNOWN, f"answered {status} with something that cannot be read")
    if status in (429, 503):
        return _not_now(status, headers, body or {}, problem)
    if status in (401, 403):
        return mesh.Declined(mesh.Verdict.REFUSED_FOR_GOOD, f"Runway does not take the account's key: {problem}")
    if status in (400, 404, 405, 413, 415, 422):
        unsafe = any(word in str((body or {})["error"]).lower() for word in _UNSAFE_WORDS)
        return mesh.Declined(mesh.Verdict.UNSAFE if unsafe else mesh.Verdict.REFUSED_FOR_GOOD, problem)
    # 502 and 504 also: Runway calls them overload, and does not say that nothing was created.
    return mesh.Declined(mesh.Verdict.UNKNOWN, f"answered {status}: {problem}")


def _not_now(status: int, headers: Mapping[str, str], body: Json, problem: str) -> mesh.Declined:
    wait = answers.retry_after(headers)
    told = f"{problem} {body.get('docUrl', '')}".lower()
    if wait is None and status == 429 and ("daily" in told or "usage/tiers" in told):
        # A cap over the last 24 hours: worth a few tries, and not worth a day of waiting while others could make it.
        return mesh.Declined(mesh.Verdict.REFUSED, problem)
    return mesh.Declined(mesh.Verdict.BUSY, problem, BUSY_SECONDS if wait is None else wait)


def problem_of(body: Json | None) -> str | None:
    """Return what an error of Runway's says, field by field where it does; None where it is none of its own."""
    error = body.get("error") if body else None
    if body is None or not isinstance(error, str) or not error:
        return None
    issues = body.get("issues")
    listed = cast(list[object], issues) if isinstance(issues, list) else []
    told = "; ".join(_issue(cast(Json, each)) for each in listed if isinstance(each, Mapping))
    return f"{error}: {told}" if told else error


def _issue(issue: Json) -> str:
    path = issue.get("path")
    place = ".".join(str(part) for part in cast(list[object], path)) if isinstance(path, list) else ""
    message = str(issue.get("message") or "wrong")
    return f"{place}: {message}" if place else message


# --- looking


def seen(status: int, text: str) -> mesh.JobState:
    """Translate the answer to a look at a task; a word that nobody knows is no success and no failure."""
    body = answers.json_object(text)
    if status == 404 and (problem := problem_of(body)) is not None:
        return mesh.Missing(problem)
    if status != 200 or body is None:
        return mesh.Unknown(f"answered {status}: {problem_of(body) or answers.shown(text)}")
    word = body.get("status")
    if word in _WAITING:
        return mesh.Pending(0, "queued")
    if word == "RUNNING":
        return mesh.Pending(_percent(body.get("progress")))
    if word == "SUCCEEDED":
        return _succeeded(body)
    if word == "FAILED":
        return _failed(body)
    if word == "CANCELLED":
        return mesh.Negative(mesh.Outcome.CANCELLED, "Runway says that it was stopped", _cost(body))
    return mesh.Unknown(f"Runway says that it is {word!r}")


def _succeeded(body: Json) -> mesh.JobState:
    output = body.get("output")
    if not isinstance(output, list):
        return mesh.Unknown("Runway says that it succeeded, and does not say with what")
    if not output:
        return mesh.Negative(mesh.Outcome.FAILED, "Runway says that it succeeded, with nothing made", _cost(body))
    return mesh.Succeeded(_cost(body))


def _failed(body: Json) -> mesh.Negative:
    """Translate a failure. Its code stays here: what follows its family is not meant for users."""
    told = body.get("failureCode")
    family = told.split(".") if isinstance(told, str) else []
    if "SAFETY" in family:
        outcome = mesh.Outcome.FILTERED
    else:
        outcome = mesh.Outcome.REFUSED if family == _INVALID_ASSET else mesh.Outcome.FAILED
    message = body.get("failure")
    return mesh.Negative(outcome, message if isinstance(message, str) and message else "Runway failed", _cost(body))


def addresses_of(text: str) -> tuple[str, ...]:
    """Return where the clips of a task lie, that has succeeded."""
    body = answers.json_object(text) or {}
    output = body.get("output")
    if body.get("status") != "SUCCEEDED" or not isinstance(output, list):
        return ()
    return tuple(each for each in cast(list[object], output) if isinstance(each, str) and each)


def cost_of_stopping(text: str) -> int | None:
    """Return what a task costs that is stopped as it stands: nothing while it waits, all of it when it runs.

    Micro-dollars; None where Runway does not say.
    """
    body = answers.json_object(text) or {}
    return 0 if body.get("status") in _WAITING else _micros(body.get("estimatedCost"))


def _cost(body: Json) -> int | None:
    return _micros(body.get("cost"))


def _micros(cost: object) -> int | None:
    told = cast(Json, cost).get("credits") if isinstance(cost, Mapping) else None
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 <= told < float("inf"):
        return None
    return round(told * MICROS_PER_CREDIT)


def _percent(progress: object) -> int | None:
    if isinstance(progress, bool) or not isinstance(progress, int | float) or progress != progress:
        return None
    return max(0, min(99, int(min(max(progress, 0.0), 1.0) * 100)))
