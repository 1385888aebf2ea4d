"""Translation between the mesh's words and Veo's on Vertex AI and Cloud Storage; pure."""

import base64
import datetime
import enum
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from reelmesh_provider import answers
from reelmesh_provider import model as mesh

from reelmesh_provider_veo.model import places

Json = answers.Json
# A pause that the vendor does not name: its quotas are by the minute.
BUSY_SECONDS = 15.0
MOST_REFERENCES = 3
REFERENCE_SECONDS = 8.0
PICTURES = ("image/jpeg", "image/png", "image/webp")
SEED_MASK = 0xFFFFFFFF
_RESOLUTIONS: Mapping[tuple[int, int], str] = {(1280, 720): "720p", (1920, 1080): "1080p", (3840, 2160): "4k"}
_UNSAFE_WORDS = ("usage guidelines", "responsible ai", "safety")
# google.rpc.Code
_INVALID_ARGUMENT = 3
_CODES: Mapping[int, str] = {
    _INVALID_ARGUMENT: "the request was not taken after all",
    8: "Veo had no capacity left",
    13: "Veo failed inside",
    14: "Veo was not available",
}


class Impossible(Exception):
    """Veo cannot be asked for this; the message says why."""


# --- creating


def vendor_model(name: str) -> str:
    """Return the vendor's name of a model; ours may say the resolution as well: `veo-3.1-generate-001@4k`."""
    return name.partition("@")[0]


def check(task: mesh.Task, card: mesh.ProviderCard) -> None:
    """Make sure that Veo can be asked for a task.

    Raises:
        Impossible: it cannot.
    """
    found = next((one for one in card.models if one.model == task.model), None)
    if found is None:
        raise Impossible(f"{card.provider} makes {', '.join(one.model for one in card.models)}, not {task.model!r}")
    size = f"{task.width}x{task.height}"
    if found.sizes and size not in found.sizes:
        raise Impossible(f"{task.model} makes {', '.join(found.sizes)}, not {size}")
    if found.durations_seconds and task.duration_seconds not in found.durations_seconds:
        lengths = ", ".join(f"{one:g}" for one in found.durations_seconds)
        raise Impossible(f"{task.model} makes clips of {lengths} seconds, not {task.duration_seconds:g}")
    if why := mesh.problem(task, found):
        raise Impossible(why)
    _check_pictures(task, found)


def _check_pictures(task: mesh.Task, card: mesh.ModelCard) -> None:
    for picture in (task.first_frame, task.last_frame, *task.references):
        if picture is not None and picture.content_type not in PICTURES:
            raise Impossible(f"Veo takes {', '.join(PICTURES)}; image {picture.asset_id} is {picture.content_type}")
    if task.first_frame is not None or not task.references:
        return
    if len(task.references) > min(card.reference_images, MOST_REFERENCES):
        raise Impossible(
            f"{card.model} takes {min(card.reference_images, MOST_REFERENCES)} reference images, "
            f"not {len(task.references)}"
        )
    if task.duration_seconds != REFERENCE_SECONDS:
        raise Impossible(
            f"with reference images Veo makes clips of {REFERENCE_SECONDS:g} seconds, not {task.duration_seconds:g}"
        )


def body(task: mesh.Task, storage_uri: str) -> bytes:
    """Return the body of a create: one clip of one prompt, written to `storage_uri`.

    A first frame goes before reference images: Veo takes one or the other.

    Raises:
        Impossible: it has no such resolution.
    """
    resolution = _RESOLUTIONS.get((max(task.width, task.height), min(task.width, task.height)))
    if resolution is None:
        raise Impossible(f"Veo makes 720p, 1080p and 4k, 16:9 or 9:16, not {task.width}x{task.height}")
    instance: dict[str, Any] = {"prompt": task.prompt}
    parameters: dict[str, Any] = {
        "sampleCount": 1,
        "durationSeconds": int(task.duration_seconds),
        "aspectRatio": "16:9" if task.width >= task.height else "9:16",
        "resolution": resolution,
        "generateAudio": task.audio,
        "seed": task.seed & SEED_MASK,
        "storageUri": storage_uri,
    }
    if task.negative_prompt:
        parameters["negativePrompt"] = task.negative_prompt
    if task.first_frame is not None:
        instance["image"] = _picture(task.first_frame)
        parameters["resizeMode"] = "crop"
        if task.last_frame is not None:
            instance["lastFrame"] = _picture(task.last_frame)
    elif task.references:
        instance["referenceImages"] = [{"image": _picture(one), "referenceType": "asset"} for one in task.references]
    return json.dumps({"instances": [instance], "parameters": parameters}).encode()


def _picture(picture: mesh.Picture) -> Json:
    return {"bytesBase64Encoded": base64.b64encode(picture.data).decode(), "mimeType": picture.content_type}


def submitted(status: int, headers: Mapping[str, str], text: str) -> mesh.Submitted:
    """Translate the answer to a create: what is not Google's own word is unknown."""
    if status == 200:
        name = (answers.json_object(text) or {}).get("name")
        if isinstance(name, str) and places.operation_of(name):
            return mesh.Accepted(name)
        return mesh.Declined(mesh.Verdict.UNKNOWN, f"Veo took the request and answered {answers.shown(text)}")
    message = own_error(status, text)
    if message is None:
        return mesh.Declined(
            mesh.Verdict.UNKNOWN, f"answered {status}, and not in Google's words: {answers.shown(text)}"
        )
    if status in (429, 503):
        return mesh.Declined(mesh.Verdict.BUSY, message, answers.retry_after(headers) or BUSY_SECONDS)
    if status == 400:
        return mesh.Declined(mesh.Verdict.UNSAFE if _is_unsafe(message) else mesh.Verdict.REFUSED_FOR_GOOD, message)
    if status in _EXPLAINED:
        return mesh.Declined(mesh.Verdict.REFUSED_FOR_GOOD, f"{_EXPLAINED[status]}: {message}")
    return mesh.Declined(mesh.Verdict.UNKNOWN, f"answered {status}: {message}")


_EXPLAINED: Mapping[int, str] = {
    401: "Vertex AI does not take the account's token",
    403: "the account may not use Veo in this project (role roles/aiplatform.user), or its bucket",
    404: "Veo does not offer this model in this project and location, or not any more",
}


def own_error(status: int, text: str) -> str | None:
    """Return the message of an error as Google itself gives it; None where it is something else, such as a proxy's.

    Google's says the very status that it came with.
    """
    error = (answers.json_object(text) or {}).get("error")
    if not isinstance(error, Mapping):
        return None
    told = cast(Json, error)
    message = told.get("message")
    return message if told.get("code") == status and isinstance(message, str) and message else None


def _is_unsafe(message: str) -> bool:
    return any(word in message.lower() for word in _UNSAFE_WORDS)


# --- looking


def seen(name: str, status: int, text: str) -> mesh.JobState:
    """Translate the answer to a look at the operation `name`."""
    if status == 200:
        operation = answers.json_object(text)
        if operation is None or operation.get("name", name) != name:
            return mesh.Unknown(f"the operation cannot be read: {answers.shown(text)}")
        return _observed(operation)
    message = own_error(status, text)
    if status == 404 and message is not None:
        return mesh.Missing(message)
    return mesh.Unknown(f"answered {status}: {message or answers.shown(text)}")


def _observed(operation: Json) -> mesh.JobState:
    if operation.get("done") is not True:
        # There is nothing that says how far it is.
        return mesh.Pending() if operation.get("done") in (None, False) else mesh.Unknown("done is neither yes nor no")
    if isinstance(operation.get("error"), Mapping):
        return _failed(cast(Json, operation["error"]))
    response = operation.get("response")
    if not isinstance(response, Mapping):
        return mesh.Unknown("the operation is done, and says neither how nor why not")
    return _ended(cast(Json, response))


def _failed(error: Json) -> mesh.Negative:
    code, message = error.get("code"), str(error.get("message") or "no reason given")
    if _is_unsafe(message):
        return mesh.Negative(mesh.Outcome.FILTERED, message, 0)
    why = _CODES.get(code, f"code {code}") if isinstance(code, int) else "no code"
    outcome = mesh.Outcome.REFUSED if code == _INVALID_ARGUMENT else mesh.Outcome.FAILED
    return mesh.Negative(outcome, f"{why}: {message}", 0)


def _ended(response: Json) -> mesh.JobState:
    filtered = _count(response.get("raiMediaFilteredCount"))
    if _videos(response):
        return mesh.Succeeded(remark=f"{filtered} further clip(s) were withheld for safety" if filtered else "")
    if filtered:
        reasons = response.get("raiMediaFilteredReasons")
        told = [str(one) for one in cast(Sequence[object], reasons)] if isinstance(reasons, list) else []
        message = " ".join(dict.fromkeys(told)) or "Veo withheld the clip for safety, and gave no reason"
        return mesh.Negative(mesh.Outcome.FILTERED, message, 0)
    return mesh.Negative(mesh.Outcome.FAILED, "Veo says that it is done, and has neither a clip nor a reason")


def _videos(response: Json) -> Sequence[Json]:
    videos = response.get("videos")
    listed: Sequence[object] = cast(list[object], videos) if isinstance(videos, list) else []
    return [cast(Json, one) for one in listed if isinstance(one, Mapping)]


def _count(value: object) -> int:
    # protobuf's JSON writes large whole numbers as text.
    text = str(value)
    return int(text) if text.isdigit() and not isinstance(value, bool) else 0


def clip_in(text: str) -> places.Output | bytes | None:
    """Return where the clip of a finished operation lies, or its bytes; None where the answer has neither."""
    response = (answers.json_object(text) or {}).get("response")
    videos: Sequence[Json] = _videos(cast(Json, response)) if isinstance(response, Mapping) else ()
    for video in videos:
        uri, data = video.get("gcsUri"), video.get("bytesBase64Encoded")
        if isinstance(uri, str) and (output := places.output_of(uri)):
            return output
        if isinstance(data, str):
            try:
                return base64.b64decode(data, validate=True)
            except ValueError:
                return None
    return None


# --- buckets


class Presence(enum.Enum):
    """Whether an object is there."""

    PRESENT = "present"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Stored:
    """A clip of ours in a bucket: whose, of which model, and since when."""

    output: places.Output
    attempt_id: str
    model: str
    created: datetime.datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a bucket's list. `after` is where the next one begins; empty at the end."""

    stored: tuple[Stored, ...]
    after: str = ""


def page_of(bucket: str, status: int, text: str) -> Page:
    """Translate a page of a bucket's list; objects that are no clips of ours are left out.

    Raises:
        ValueError: it cannot be read, which must not look like the end of the list.
    """
    told = answers.json_object(text)
    if status != 200 or told is None or "error" in told:
        raise ValueError(f"bucket {bucket} cannot be listed: answered {status}: {reason_in(text)}")
    items, after = told.get("items", []), str(told.get("nextPageToken") or "")
    if not isinstance(items, list):
        raise ValueError(f"the list of bucket {bucket} cannot be read: {answers.shown(text)}")  # noqa: TRY004 - the vendor's
    stored = [_stored(bucket, one) for one in cast(Sequence[object], items)]
    return Page(tuple(one for one in stored if one is not None), after)


def _stored(bucket: str, item: object) -> Stored | None:
    told: Json = cast(Json, item) if isinstance(item, Mapping) else {}
    output = places.Output(bucket, str(told.get("name") or ""))
    if not output.name:
        raise ValueError(f"the list of bucket {bucket} has an entry without a name")
    owner = places.whose(output)
    return Stored(output, *owner, _time(told.get("timeCreated"))) if owner else None


def _time(value: object) -> datetime.datetime | None:
    try:
        found = datetime.datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else None


def since(stored: Sequence[Stored], start: datetime.datetime | None) -> Sequence[Stored]:
    """Return what was not there before a time. A clip is there later than its job was created."""
    return [one for one in stored if start is None or one.created is None or one.created >= start]


def presence(status: int, text: str) -> Presence:
    """Translate the answer to a look at an object."""
    if status == 200:
        return Presence.PRESENT
    return Presence.ABSENT if status == 404 and own_error(status, text) is not None else Presence.UNKNOWN


def reason_in(text: str) -> str:
    """Return what an error says, in few words."""
    error = (answers.json_object(text) or {}).get("error")
    message = cast(Json, error).get("message") if isinstance(error, Mapping) else None
    return str(message) if message else answers.shown(text)
