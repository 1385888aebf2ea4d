"""What Google's APIs have in common: errors, tokens, how a field is refused, labels and pictures."""

import base64
import binascii
import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from starlette import requests, responses

from reelmesh_simulators import vendor
from reelmesh_simulators.dialects import bodies, posters
from reelmesh_simulators.faults import Fault

PICTURES = ("image/jpeg", "image/png", "image/webp")
VIDEOS = ("video/mp4",)
LARGEST_SEED = 2**32 - 1
LONGEST_LABEL = 63
MOST_LABELS = 64
SIZES: Mapping[str, tuple[int, int]] = {
    "360p": (640, 360),
    "720p": (1280, 720),
    "1080p": (1920, 1080),
    "4k": (3840, 2160),
}
RATIOS = ("16:9", "9:16")
STATUSES: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
UNAUTHENTICATED = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential."
)


class Refused(Exception):
    """The request is not as it should be; `code` is the word for it where errors have words for codes."""

    def __init__(self, message: str, status: int = 400, code: str = "invalid_request") -> None:
        """Refuse a request."""
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code


def failure(status: int, message: str, word: str = "") -> responses.JSONResponse:
    """Return a google.rpc.Status as JSON; `word` where it is not the usual one of the HTTP status."""
    return responses.JSONResponse(
        {"error": {"code": status, "message": message, "status": word or STATUSES.get(status, "UNKNOWN")}}, status
    )


def wait(response: responses.Response, spoilt: vendor.Spoiled) -> responses.Response:
    """Say how long to wait, if it is waiting that helps."""
    if spoilt.fault in (Fault.BUSY, Fault.POLL_BUSY):
        response.headers["retry-after"] = f"{spoilt.amount:g}"
    return response


def bearer(request: requests.Request) -> str:
    """Return the token of a request; empty where there is none."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else ""


def is_bucket(uri: str) -> bool:
    """Tell whether this is a place in Cloud Storage: `gs://bucket`, with or without a prefix."""
    return uri.startswith("gs://") and bool(uri[5:].strip("/"))


def time_of(seconds: float) -> str:
    """Return a moment, seconds since 1970, in Google's form."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


async def fields_of(request: requests.Request, known: Sequence[str], unknown: str) -> bodies.Fields:
    """Return the fields of a JSON body.

    Args:
        request: it.
        known: fields that there may be.
        unknown: the word for the error that another field is.

    Raises:
        Refused: it is no JSON object, or has other fields.
    """
    try:
        fields = json.loads(await request.body())
    except ValueError as error:
        raise Refused(f"Invalid JSON payload received. {error}") from error
    if not isinstance(fields, dict):
        raise Refused("Invalid JSON payload received. The root element must be a message.")
    for name in cast(bodies.Fields, fields):
        if name not in known:
            raise Refused(f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.', code=unknown)
    return cast(bodies.Fields, fields)


def object_of(value: Any) -> bodies.Fields:
    """Return a value that is an object; an empty one where it is something else."""
    return cast(bodies.Fields, value) if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """Return a list, or the only element of one."""
    return cast(list[Any], value) if isinstance(value, list) else [value]


def mapping(fields: bodies.Fields, name: str) -> bodies.Fields:
    """Return a field that is an object, empty where it is absent.

    Raises:
        Refused: it is something else.
    """
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refused(f"Invalid value at '{name}': expected an object.")
    return cast(bodies.Fields, value)


def chosen(fields: bodies.Fields, name: str, allowed: Sequence[Any], default: Any) -> Any:
    """Return a field that is one of some values, of the same type.

    Raises:
        Refused: it is something else.
    """
    value = fields.get(name)
    if value is None:
        return default
    if not any(type(value) is type(one) and value == one for one in allowed):
        words = ", ".join(str(one) for one in allowed)
        raise Refused(f"The value {json.dumps(value)} is not supported for '{name}'. Supported values are: {words}.")
    return value


def text(fields: bodies.Fields, name: str) -> str:
    """Return a field that is text, empty where it is absent.

    Raises:
        Refused: it is something else.
    """
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused(f"Invalid value at '{name}': expected a string.")
    return value


def number(fields: bodies.Fields, name: str, least: int, most: int) -> int | None:
    """Return a field that is a whole number; None where it is absent.

    Raises:
        Refused: it is something else, or out of range.
    """
    value = fields.get(name)
    if value is None:
        return None
    if type(value) is not int or not least <= value <= most:
        raise Refused(f"Invalid value at '{name}': expected an integer from {least} to {most}.")
    return value


def labels_of(fields: bodies.Fields) -> Mapping[str, str]:
    """Return the labels of a request.

    Raises:
        Refused: one is not as labels are.
    """
    labels = mapping(fields, "labels")
    if len(labels) > MOST_LABELS:
        raise Refused(f"Invalid labels: at most {MOST_LABELS} are allowed.")
    for key, value in labels.items():
        if not (key[:1].isalpha() and _is_label(key)):
            raise Refused(f"Invalid label key '{key}': {_LABEL_RULE} It must start with a letter.")
        if not (isinstance(value, str) and _is_label(value)):
            raise Refused(f"Invalid value of label '{key}': {_LABEL_RULE}")
    return labels


_LABEL_RULE = (
    f"it can be no longer than {LONGEST_LABEL} characters and can only contain lowercase letters, numeric characters, "
    "underscores and dashes."
)


def _is_label(word: str) -> bool:
    return len(word) <= LONGEST_LABEL and all((one.isalnum() and one == one.lower()) or one in "_-" for one in word)


def check_bytes(data: Any, mime_type: Any, allowed: Sequence[str], where: str) -> None:
    """Look at a picture or clip that came in base64.

    Raises:
        Refused: it is no base64, of no type that is taken, or no picture.
    """
    check_type(mime_type, allowed, where)
    if not isinstance(data, str):
        raise Refused(f"Invalid value at '{where}': expected a string with base64.")
    try:
        content = base64.b64decode(data, validate=True)
    except binascii.Error:
        raise Refused(f"Invalid value at '{where}': Base64 decoding failed.") from None
    if allowed is PICTURES and posters.size_of(content) is None:
        raise Refused(f"Unable to process input image at '{where}'.")


def check_type(mime_type: Any, allowed: Sequence[str], where: str) -> None:
    """Look at the type of a picture or clip.

    Raises:
        Refused: it is not taken.
    """
    if mime_type not in allowed:
        words = ", ".join(allowed)
        raise Refused(f"Unsupported MIME type at '{where}': {json.dumps(mime_type)}. Supported are: {words}.")


def size_of(resolution: str, ratio: str) -> tuple[int, int]:
    """Return width and height in pixels."""
    long, short = SIZES[resolution]
    return (short, long) if ratio == "9:16" else (long, short)
