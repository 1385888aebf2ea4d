"""fal.ai's words and ours, as its documentation has them; pure."""

import base64
import datetime
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from reelmesh_provider import answers
from reelmesh_provider import model as mesh

from reelmesh_provider_fal.model import Form

Json = answers.Json
Forms = Mapping[str, Form]
# A pause that fal does not name.
BUSY_SECONDS = 10.0
# So long may a request wait in the queue; the card's delays count on it.
START_SECONDS = 1800
LARGEST_PAGE = 100
# fal repeats a request by itself unless it is told not to, and lets it wait for ever.
CREATE_HEADERS: Mapping[str, str] = {"x-fal-no-retry": "1", "x-fal-request-timeout": str(START_SECONDS)}

_UNSAFE_TYPES = frozenset({"content_policy_violation", "safety_violation", "moderation_blocked"})
# What is wrong with the request itself. Others of the kind (missing, literal_error, …) may be about how we ask, and
# file_download_error about what lies between: those count as failures.
_REQUEST_TYPES = frozenset(
    {
        *("image_too_small", "image_too_large", "image_load_error", "unsupported_image_format", "file_too_large"),
        *("face_detection_error", "feature_not_supported"),
        *("string_too_short", "string_too_long", "sequence_too_short", "sequence_too_long"),
    }
)
# What would be right, by the context of an error.
_WOULD_BE_RIGHT: Mapping[str, str] = {
    "image_too_small": "at least {min_width}x{min_height} pixels",
    "image_too_large": "at most {max_width}x{max_height} pixels",
    "file_too_large": "at most {max_size} bytes",
}
_CANCELLED_TYPE = "client_cancelled"
_REFUSALS = frozenset({400, 404, 405, 413, 415, 422})


class Impossible(Exception):
    """The task cannot be asked for; the message says why."""


# --- creating


def endpoint(task: mesh.Task, form: Form) -> str:
    """Return where a task is asked for."""
    if not (task.first_frame_asset_id or task.first_frame):
        return form.text
    return form.both if form.both and (task.last_frame_asset_id or task.last_frame) else form.image


def fields(task: mesh.Task, form: Form) -> dict[str, Any]:
    """Return what is told, without the picture.

    Raises:
        Impossible: the model has no such size, or does not take what is asked.
    """
    if task.negative_prompt and not form.negative_prompt:
        raise Impossible(f"{task.model} takes no negative prompt")
    if task.last_frame and not form.last_field:
        raise Impossible(f"{task.model} cannot end on a given frame")
    if task.last_frame and not task.first_frame:
        raise Impossible(f"{task.model} ends on a given frame only where it starts from one too")
    size = form.sizes.get(f"{task.width}x{task.height}")
    if size is None:
        raise Impossible(f"{task.model} makes {', '.join(form.sizes)}, not {task.width}x{task.height}")
    told = {**_besides_the_size(task, form), **size}
    return {**told, "seed": task.seed} if form.seed else told


def _besides_the_size(task: mesh.Task, form: Form) -> dict[str, Any]:
    told = {"prompt": task.prompt, "duration": f"{task.duration_seconds:g}{form.length_unit}", **form.fixed}
    return {**told, "negative_prompt": task.negative_prompt} if task.negative_prompt else told


def with_pictures(told: Json, task: mesh.Task, form: Form) -> dict[str, Any]:
    """Return what is told, and the pictures that the video begins and ends with, as data."""
    first, last = task.first_frame, task.last_frame
    if first is None:
        return dict(told)
    if last is None:
        return {**told, form.image_field: _data_url(first)}
    return {**told, form.both_field or form.image_field: _data_url(first), form.last_field: _data_url(last)}


def _data_url(picture: mesh.Picture) -> str:
    return f"data:{picture.content_type};base64,{base64.b64encode(picture.data).decode()}"


def accepted(text: str, where: str) -> mesh.Submitted:
    """Translate a 2xx answer to a create at the endpoint `where`."""
    body = answers.json_object(text)
    request_id = body.get("request_id") if body else None
    if not isinstance(request_id, str) or not request_id:
        return mesh.Declined(mesh.Verdict.UNKNOWN, f"fal took the request and answered {answers.shown(text)}")
    return mesh.Accepted(job_id(where, request_id))


def job_id(where: str, request_id: str) -> str:
    """Return what we call a request: the app, which its addresses have instead of the endpoint, and fal's own id."""
    return f"{_app(where)}/{urllib.parse.quote(request_id, safe='')}"


def path(job: mesh.Job) -> str:
    """Return the path of a request's own addresses."""
    app, _, request_id = job.job_id.rpartition("/")
    quoted = request_id if app else urllib.parse.quote(request_id, safe="")
    return f"/{app or _app(job.model)}/requests/{quoted}"


def own_id(job: mesh.Job) -> str:
    """Return fal's own id of a request."""
    return urllib.parse.unquote(job.job_id.rpartition("/")[2])


def _app(where: str) -> str:
    return "/".join(where.split("/")[:2])


def declined(status: int, headers: Mapping[str, str], text: str) -> mesh.Declined:
    """Translate any other answer to a create: what is not fal's own word is unknown."""
    problem = problem_of(text)
    if problem is None:
        return mesh.Declined(mesh.Verdict.UNKNOWN, f"answered {status} with something that cannot be read")
    if status == 429 or (status == 503 and problem.by_machines):
        return mesh.Declined(mesh.Verdict.BUSY, problem.message, answers.retry_after(headers) or BUSY_SECONDS)
    if status in (401, 403):
        return mesh.Declined(
            mesh.Verdict.REFUSED_FOR_GOOD, f"fal does not take the account's key, or it is locked: {problem.message}"
        )
    if status in _REFUSALS:
        verdict = mesh.Verdict.UNSAFE if problem.is_unsafe else mesh.Verdict.REFUSED_FOR_GOOD
        return mesh.Declined(verdict, problem.message)
    return mesh.Declined(mesh.Verdict.UNKNOWN, f"answered {status}: {problem.message}")


# --- errors


@dataclass(frozen=True, slots=True)
class Problem:
    """What fal says that is wrong. `by_machines`: its gateway says it, not the model."""

    message: str
    types: frozenset[str] = frozenset()
    by_machines: bool = False

    @property
    def is_unsafe(self) -> bool:
        """Whether a content checker said it."""
        return bool(self.types & _UNSAFE_TYPES)

    @property
    def is_of_the_request(self) -> bool:
        """Whether the request is wrong, and nothing else is."""
        return bool(self.types) and self.types <= _REQUEST_TYPES


def problem_of(text: str) -> Problem | None:
    """Return an error in either of fal's two shapes; None where it is none."""
    body = answers.json_object(text)
    detail = body.get("detail") if body else None
    kind = body.get("error_type") if body else None
    types: frozenset[str] = frozenset({kind}) if isinstance(kind, str) and kind else frozenset()
    if isinstance(detail, str) and detail:
        return Problem(detail, types, by_machines=bool(types))
    if not isinstance(detail, list) or not detail:
        return None
    listed = [cast(Json, each) for each in cast(list[object], detail) if isinstance(each, Mapping)]
    types |= {str(each["type"]) for each in listed if each.get("type")}
    return Problem("; ".join(map(_said, listed)) or "no reason given", types)


def _said(detail: Json) -> str:
    place = detail.get("loc")
    names = [str(part) for part in cast(Sequence[object], place)] if isinstance(place, list) else []
    where = ".".join(name for name in names if name != "body")
    right = _would_be_right(detail)
    message = f"{detail.get('msg', 'wrong')} ({right})" if right else str(detail.get("msg", "wrong"))
    return f"{where}: {message}" if where else message


def _would_be_right(detail: Json) -> str:
    """Return what fal would take in place of what is wrong, where it says so; else an empty string."""
    context = detail.get("ctx")
    given: Json = cast(Json, context) if isinstance(context, Mapping) else {}
    formats = given.get("supported_formats")
    if detail.get("type") == "unsupported_image_format" and isinstance(formats, list):
        return ", ".join(map(str, cast(Sequence[object], formats)))
    try:
        return _WOULD_BE_RIGHT.get(str(detail.get("type")), "").format_map(given)
    except KeyError:
        return ""


# --- looking


@dataclass(frozen=True, slots=True)
class Ended:
    """A request is over, as its status says.

    Attributes:
        error: what went wrong in a word; empty where nothing did, or nothing is said.
        error_type: its kind.
        ran: a runner had it.
    """

    error: str = ""
    error_type: str = ""
    ran: bool = False


def seen(status: int, headers: Mapping[str, str], text: str) -> mesh.JobState | Ended:
    """Translate the answer to a look at a request's status; that of one that has ended says what its result is."""
    body = answers.json_object(text)
    word = body.get("status") if body else None
    if body is not None and status in (200, 202) and isinstance(word, str):
        return _status(word, body)
    problem = problem_of(text)
    if status == 404 and problem is not None:
        return mesh.Missing(problem.message)
    wait = answers.retry_after(headers)
    hint = f"; it asks to wait {wait:g} s" if wait else ""
    return mesh.Unknown(f"answered {status}: {problem.message if problem else answers.shown(text)}{hint}", wait)


def _status(word: str, body: Json) -> mesh.JobState | Ended:
    if word == "IN_QUEUE":
        return mesh.Pending(0, "queued")
    if word == "IN_PROGRESS":
        return mesh.Pending()
    if word != "COMPLETED":
        return mesh.Unknown(f"fal says that it is {word!r}")
    metrics = body.get("metrics")
    ran = isinstance(metrics, Mapping) and cast(Json, metrics).get("inference_time") is not None
    return Ended(str(body.get("error") or ""), str(body.get("error_type") or ""), ran)


def ended(how: Ended, status: int, text: str) -> mesh.JobState:
    """Translate the result of a request that is over, in the light of its status."""
    problem = problem_of(text)
    if how.error or how.error_type:
        # A result that cannot be had at the moment takes nothing back of what the status said.
        told = problem if problem and (not problem.types or how.error_type in problem.types) else None
        types = frozenset({how.error_type}) | (told.types if told else frozenset[str]())
        return _negative(Problem(told.message if told else how.error or how.error_type, types))
    if status == 200 and answers.json_object(text) is not None:
        return mesh.Succeeded()
    if status in (400, 422, 499) and problem is not None and problem.types:
        return _negative(problem)
    return mesh.Unknown(f"its result is answered {status}: {problem.message if problem else answers.shown(text)}")


def _negative(problem: Problem) -> mesh.Negative:
    if _CANCELLED_TYPE in problem.types:
        return mesh.Negative(mesh.Outcome.CANCELLED, problem.message)
    outcome = mesh.Outcome.REFUSED if problem.is_of_the_request else mesh.Outcome.FAILED
    return mesh.Negative(mesh.Outcome.FILTERED if problem.is_unsafe else outcome, problem.message, 0)


def address_in(text: str) -> str:
    """Return where the clip of a result lies; empty where it names none."""
    body = answers.json_object(text)
    video = body.get("video") if body else None
    url = cast(Json, video).get("url") if isinstance(video, Mapping) else None
    return url if isinstance(url, str) else ""


def has_no_video(text: str) -> bool:
    """Tell whether a result says itself that there is no video in it."""
    body = answers.json_object(text)
    return body is not None and "video" in body and not body["video"]


# --- lists


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list. `cursor` is where the next one begins; empty at the end."""

    items: tuple[Json, ...]
    cursor: str = ""


def page_of(text: str) -> Page:
    """Translate a page of the list.

    Raises:
        ValueError: it cannot be read, which must not look like the end of the list.
    """
    body = answers.json_object(text)
    listed = body.get("items") if body else None
    if body is None or not isinstance(listed, list):
        raise ValueError(f"the list cannot be read: {answers.shown(text)}")
    items = [cast(Json, each) for each in cast(list[object], listed) if isinstance(each, Mapping)]
    names = ("request_id", "endpoint_id")
    whole = len(items) == len(cast(list[object], listed))
    if not whole or not all(isinstance(item.get(name), str) and item[name] for item in items for name in names):
        raise ValueError(f"the list has an entry that is no request: {answers.shown(text)}")
    cursor = body.get("next_cursor")
    if not cursor and body.get("has_more"):
        raise ValueError("the list goes on, but does not say where")
    return Page(tuple(map(_slim, items)), str(cursor or ""))


def _slim(item: Json) -> Json:
    """Return what is needed of an entry: inputs may have whole pictures in them, and a list many inputs."""
    echo = {name: value for name, value in _echo(item).items() if not str(value).startswith("data:")}
    kept = {name: item.get(name) for name in ("request_id", "endpoint_id", "sent_at")}
    return {**kept, "json_input": echo or None}


def id_of(item: Json) -> str:
    """Return what we call a listed request."""
    return job_id(str(item["endpoint_id"]), str(item["request_id"]))


def matches(items: Iterable[Json], tasks: Sequence[mesh.Task], known: Forms) -> tuple[mesh.Match, ...]:
    """Return the requests that may be those of `tasks`, oldest first, each with how surely it is."""
    oldest_first = sorted(items, key=lambda item: str(item.get("sent_at") or ""))
    found: list[mesh.Match] = []
    for item in oldest_first:
        for task in tasks:
            form = known.get(task.model)
            fit = _fit(item, task, form) if form else None
            if fit is not None:
                found.append(mesh.Match(task.attempt_id, id_of(item), fit))
    return tuple(found)


def _fit(item: Json, task: mesh.Task, form: Form) -> mesh.Fit | None:
    """Return how surely a request is the task's; None where something that the list echoes speaks against it."""
    if item["endpoint_id"] not in form.endpoints:
        return None
    echo = _echo(item)
    # What is not echoed proves nothing, neither for it nor against.
    if form.seed and echo.get("seed") is not None and echo["seed"] != task.seed:
        return None
    if form.seed and echo.get("seed") is not None and not task.seed_is_users:
        return mesh.Fit.DISCRIMINATED
    told = {**_besides_the_size(task, form), **form.sizes.get(f"{task.width}x{task.height}", {})}
    differs = any(name in echo and str(echo[name]) != str(value) for name, value in told.items())
    return None if differs else mesh.Fit.PLAUSIBLE


def listed(item: Json, known: Forms) -> mesh.ListedJob:
    """Translate a request for a census."""
    seed = _echo(item).get("seed")
    told = seed if isinstance(seed, int) and not isinstance(seed, bool) else None
    return mesh.ListedJob(id_of(item), seed=told, model=_model_of(item, known))


def _model_of(item: Json, known: Forms) -> str:
    """Return the one model that a request can be of; empty where it can be of several or none."""
    echo = _echo(item)
    found = [
        name
        for name, form in known.items()
        if item["endpoint_id"] in form.endpoints
        and all(echo.get(fixed, value) == value for fixed, value in form.fixed.items())
    ]
    return found[0] if len(found) == 1 else ""


def billed_seconds(item: Json) -> float | None:
    """Return the length that a listed request was asked for; None where it is not echoed."""
    try:
        return float(str(_echo(item).get("duration")).removesuffix("s"))
    except ValueError:
        return None


def price(card: mesh.ModelCard, seconds: float, today: datetime.date) -> int:
    """Return the price of a clip, micro-dollars, by the newest price that is in effect."""
    known = [each for each in card.prices if each.effective_on <= today] or [min(card.prices, key=_since)]
    newest = max(known, key=_since)
    return newest.micros_per_clip + round(newest.micros_per_second * seconds)


def _since(price: mesh.Price) -> datetime.date:
    return price.effective_on


def _echo(item: Json) -> Json:
    told = item.get("json_input")
    return cast(Json, told) if isinstance(told, Mapping) else {}
