"""Translation between the mesh's words and those of Gemini's Interactions API; pure."""

import base64
import enum
import json
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from reelmesh_provider import answers
from reelmesh_provider import model as mesh

Json = answers.Json
VERSION = "v1"
# Comes back with the interaction, for people who ask whose it is; nothing can be looked up by it.
LABEL = "attempt"
# A pause that Google does not name: its limits of spending are by ten minutes.
BUSY_SECONDS = 30.0
MOST_REFERENCES = 6
PICTURES = ("image/jpeg", "image/png", "image/webp")
TOKENS_OF_A_RATE = 1_000_000
_SEEDS = 2**32
_RESOLUTIONS: Mapping[tuple[int, int], str] = {
    (640, 360): "360p",
    (1280, 720): "720p",
    (1920, 1080): "1080p",
    (3840, 2160): "4k",
}
_UNSAFE_WORDS = ("blocked", "policies", "policy", "prohibited", "responsible ai", "safety", "usage guidelines")
# A tuple: what an answer says may be anything, also what no set can be asked for.
_WITHOUT_END = ("requires_action", "requires_continuation")
_SHORTENED = ("incomplete", "budget_exceeded")
_DOWNLOAD = ":download"


class Impossible(Exception):
    """Gemini Omni cannot be asked for this; the message says why."""


# --- creating


def vendor_model(name: str) -> str:
    """Return the vendor's name of a model; ours may say the resolution as well: `gemini-omni-1.2-flash@1080p`."""
    return name.partition("@")[0]


def create(task: mesh.Task, card: mesh.ProviderCard, hook: str) -> bytes:
    """Return the body of a create: one clip in the background, kept, so that it can be looked at.

    A first frame goes before reference images: nothing says which picture is which. `hook` is the address at which
    Google tells of its end; "" leaves that to what the project has.

    Raises:
        Impossible: the model is not on the card, or does not take what is asked.
    """
    found = next((one for one in card.models if one.model == task.model), None)
    if found is None:
        raise Impossible(f"{card.provider} makes {', '.join(one.model for one in card.models)}, not {task.model!r}")
    resolution = _check(task, found)
    pictures = (task.first_frame,) if task.first_frame else task.references
    _check_pictures(task.model, pictures, found.reference_images)
    content: list[Json] = [_picture(one) for one in pictures]
    if task.prompt:
        content.append({"type": "text", "text": task.prompt})
    body: dict[str, Any] = {
        "model": vendor_model(task.model),
        "input": [{"type": "user_input", "content": content}],
        "background": True,
        "store": True,
        "labels": {LABEL: task.attempt_id},
        "response_format": {
            "type": "video",
            "aspect_ratio": "16:9" if task.width >= task.height else "9:16",
            "resolution": resolution,
            "duration": f"{round(task.duration_seconds)}s",
            "delivery": "uri",
        },
        "generation_config": {"seed": _seed(task.seed), "video_config": {"task": _kind(task)}},
    }
    if hook:
        body["webhook_config"] = {"uris": [hook]}
    return json.dumps(body).encode()


def _check(task: mesh.Task, offered: mesh.ModelCard) -> str:
    """Return the word for a task's size, once it is one that can be made."""
    if task.last_frame or task.negative_prompt:
        raise Impossible(
            f"Gemini Omni {'cannot end on a given frame' if task.last_frame else 'takes no negative prompt'}"
        )
    size = f"{task.width}x{task.height}"
    resolution = _RESOLUTIONS.get((max(task.width, task.height), min(task.width, task.height)))
    if resolution is None or (offered.sizes and size not in offered.sizes):
        raise Impossible(f"{task.model} makes {', '.join(offered.sizes) or '16:9 and 9:16'}, not {size}")
    if task.duration_seconds != round(task.duration_seconds):
        raise Impossible(f"Gemini Omni makes whole seconds, not {task.duration_seconds:g}")
    if not offered.shortest_seconds <= task.duration_seconds <= offered.longest_seconds:
        raise Impossible(
            f"{task.model} makes clips of {offered.shortest_seconds:g} to {offered.longest_seconds:g} seconds, "
            f"not {task.duration_seconds:g}"
        )
    return resolution


def _check_pictures(model: str, pictures: Sequence[mesh.Picture], most: int) -> None:
    if len(pictures) > min(most, MOST_REFERENCES):
        raise Impossible(f"{model} takes {min(most, MOST_REFERENCES)} reference images, not {len(pictures)}")
    for picture in pictures:
        if picture.content_type not in PICTURES:
            raise Impossible(
                f"Gemini Omni takes {', '.join(PICTURES)}; image {picture.asset_id} is {picture.content_type}"
            )


def _kind(task: mesh.Task) -> str:
    if task.first_frame is not None:
        return "image_to_video"
    return "reference_to_video" if task.references else "text_to_video"


def _picture(picture: mesh.Picture) -> Json:
    data = base64.b64encode(picture.data).decode()
    return {"type": "image", "mime_type": picture.content_type, "data": data}


def _seed(seed: int) -> int:
    """Return a seed as Google's 32 bits with a sign: no two of ours become the same."""
    return (seed + _SEEDS // 2) % _SEEDS - _SEEDS // 2


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as Google itself gives it."""

    code: str
    message: str


def own_error(status: int, text: str) -> Problem | None:
    """Return an error of Google's own; None where it is something else, such as a proxy's.

    The Interactions API has words for codes; what stands before it, as the Files API, repeats the HTTP status.
    """
    error = (answers.json_object(text) or {}).get("error")
    if not isinstance(error, Mapping):
        return None
    told = cast(Json, error)
    code, message = told.get("code"), told.get("message")
    if not isinstance(message, str) or not message:
        return None
    if type(code) is int and code == status:
        return Problem(str(told.get("status") or code), message)
    # OpenAI's envelope, which many proxies speak, has words for codes too, and a type beside them.
    words = isinstance(code, str) and bool(code) and not code.isdigit() and "type" not in told
    return Problem(str(code), message) if words else None


def submitted(status: int, headers: Mapping[str, str], text: str) -> mesh.Submitted:
    """Translate the answer to a create: what is not Google's own word is unknown."""
    if 200 <= status < 300:
        job_id = (answers.json_object(text) or {}).get("id")
        if isinstance(job_id, str) and job_id:
            return mesh.Accepted(job_id)
        return mesh.Declined(mesh.Verdict.UNKNOWN, f"Gemini took the request and answered {answers.shown(text)}")
    problem = own_error(status, text)
    if problem is None:
        return mesh.Declined(
            mesh.Verdict.UNKNOWN, f"answered {status}, and not in Google's words: {answers.shown(text)}"
        )
    if status in (429, 503):
        wait = answers.retry_after(headers)
        return mesh.Declined(mesh.Verdict.BUSY, problem.message, BUSY_SECONDS if wait is None else wait)
    if status in _EXPLAINED:
        return mesh.Declined(mesh.Verdict.REFUSED_FOR_GOOD, f"{_EXPLAINED[status]}: {problem.message}")
    if status in (400, 413, 422):
        verdict = mesh.Verdict.UNSAFE if _is_unsafe(problem) else mesh.Verdict.REFUSED_FOR_GOOD
        return mesh.Declined(verdict, problem.message)
    return mesh.Declined(mesh.Verdict.UNKNOWN, f"answered {status}: {problem.message}")


_EXPLAINED: Mapping[int, str] = {
    401: "Google does not take the account's key",
    402: "the account at Google has no money left",
    403: "the account's key may not use Gemini Omni",
    404: "Google does not offer this model, or not any more",
}


def _is_unsafe(problem: Problem) -> bool:
    told = f"{problem.code} {problem.message}".lower()
    return any(word in told for word in _UNSAFE_WORDS)


# --- looking


def seen(status: int, text: str, micros_per_million_tokens: int) -> mesh.JobState:
    """Translate the answer to a look at an interaction; a word that nobody knows is no success and no failure.

    Args:
        status: of the answer.
        text: its body.
        micros_per_million_tokens: what tokens of the model cost; 0 where nobody said.
    """
    if status != 200:
        problem = own_error(status, text)
        if status == 404 and problem is not None:
            return mesh.Missing(problem.message)
        return mesh.Unknown(f"answered {status}: {problem.message if problem else answers.shown(text)}")
    body = answers.json_object(text)
    if body is None:
        return mesh.Unknown(f"the interaction cannot be read: {answers.shown(text)}")
    word = body.get("status")
    if word == "queued":
        return mesh.Pending(0, "queued")
    if word == "in_progress":
        # There is nothing that says how far it is.
        return mesh.Pending()
    return _ended(word, body, _cost(body, micros_per_million_tokens))


def _ended(word: object, body: Json, cost: int | None) -> mesh.JobState:
    if word == "completed":
        # What is withheld, for safety or for where we are, comes as an interaction that went well.
        return mesh.Succeeded() if _videos(body) else mesh.Negative(mesh.Outcome.FILTERED, _withheld(body), cost)
    if word == "failed":
        return _failed(body, cost)
    if word == "cancelled":
        return mesh.Negative(mesh.Outcome.CANCELLED, "Google says that it was stopped", cost)
    if word in _SHORTENED:
        if _videos(body):
            return mesh.Succeeded(remark=f"Google says that the clip is not all that was asked for: {word}")
        return mesh.Negative(mesh.Outcome.FAILED, f"Google gave up, {word}, and has no clip", cost)
    if word in _WITHOUT_END:
        return mesh.Negative(mesh.Outcome.FAILED, f"Google waits for more of us, {word}, and there is no more", cost)
    return mesh.Unknown(f"Google says that it is {word!r}")


def _failed(body: Json, cost: int | None) -> mesh.Negative:
    problems = [
        Problem(str(one.get("code") or ""), str(one.get("message") or one.get("code") or ""))
        for one in _objects(body.get("errors"))
    ]
    outcome = mesh.Outcome.FILTERED if any(map(_is_unsafe, problems)) else mesh.Outcome.FAILED
    told = "; ".join(dict.fromkeys(one.message for one in problems if one.message))
    return mesh.Negative(outcome, told or "Gemini Omni failed, and gave no reason", cost)


def _withheld(body: Json) -> str:
    said = " ".join(str(one["text"]) for one in _made(body, "text") if one.get("text"))
    told = "Gemini Omni ended without a video: it was withheld, for safety or for the region"
    return f"{told}. It says {answers.shown(said)}" if said else told


def _cost(body: Json, micros_per_million_tokens: int) -> int | None:
    """Return what came to no clip costs by its tokens, micro-dollars; None where Google does not count them."""
    usage = body.get("usage")
    tokens = cast(Json, usage).get("total_output_tokens") if isinstance(usage, Mapping) else None
    if isinstance(tokens, bool) or not isinstance(tokens, int) or tokens < 0:
        return None
    return round(tokens * micros_per_million_tokens / TOKENS_OF_A_RATE)


def _objects(value: object) -> Sequence[Json]:
    listed: Sequence[object] = cast(list[object], value) if isinstance(value, list) else []
    return [cast(Json, one) for one in listed if isinstance(one, Mapping)]


def _made(body: Json, kind: str) -> Sequence[Json]:
    """Return what the model put out of one kind; what was put in comes back too, as steps of other types."""
    steps = [step for step in _objects(body.get("steps")) if step.get("type") == "model_output"]
    return [one for step in steps for one in _objects(step.get("content")) if one.get("type") == kind]


def _videos(body: Json) -> Sequence[Json]:
    return [one for one in _made(body, "video") if one.get("uri") or one.get("data")]


# --- clips


def clip_in(text: str) -> str | bytes | None:
    """Return where the clip of an interaction lies, or its bytes; None where the answer has neither.

    Where a file was asked for, a look may have the bytes, and the other way round where they are many.
    """
    for video in reversed(_videos(answers.json_object(text) or {})):
        uri, data = video.get("uri"), video.get("data")
        if isinstance(uri, str) and uri:
            return uri
        if isinstance(data, str):
            try:
                return base64.b64decode(data, validate=True)
            except ValueError:
                return None
    return None


class Readiness(enum.Enum):
    """Whether a file can be read."""

    READY = "ready"
    PROCESSING = "processing"
    FAILED = "failed"
    ABSENT = "absent"
    UNKNOWN = "unknown"


def file_of(url: str) -> str:
    """Return where the file is looked at whose bytes lie at an address; empty where that cannot be told."""
    parts = urllib.parse.urlsplit(url)
    if not parts.path.endswith(_DOWNLOAD):
        return ""
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, parts.path.removesuffix(_DOWNLOAD), "", ""))


def readiness(status: int, text: str) -> Readiness:
    """Translate the answer to a look at a file. Google does not tell one that is gone from one of somebody else."""
    if status in (403, 404) and own_error(status, text) is not None:
        return Readiness.ABSENT
    body = answers.json_object(text)
    if status != 200 or body is None:
        return Readiness.UNKNOWN
    known = {"ACTIVE": Readiness.READY, "PROCESSING": Readiness.PROCESSING, "FAILED": Readiness.FAILED}
    return known.get(str(body.get("state")), Readiness.UNKNOWN)
