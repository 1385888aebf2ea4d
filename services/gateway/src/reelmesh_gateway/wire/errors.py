"""Errors as HTTP says them: one table from reason to status, one body for all."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from reelmesh_kit import errors

from reelmesh_gateway.wire import bodies

MESSAGE_LIMIT_CHARACTERS = 2000
PROBLEMS_LIMIT = 8
FIELD_LIMIT_CHARACTERS = 200
# What clients are told to wait when nobody knows better.
RETRY_AFTER_SECONDS = 1

_Reason = errors.Reason

STATUS: Mapping[errors.Reason, int] = {
    _Reason.INVALID_ARGUMENT: 400,
    _Reason.NO_CANDIDATE: 400,
    _Reason.COST_LIMIT: 400,
    _Reason.ASSET_UNUSABLE: 400,
    _Reason.BROKEN_MEDIA: 400,
    _Reason.UNAUTHENTICATED: 401,
    _Reason.PERMISSION_DENIED: 403,
    _Reason.NOT_FOUND: 404,
    _Reason.WRONG_STATE: 409,
    _Reason.UNRESOLVED_ATTEMPT: 409,
    _Reason.TOO_LARGE: 413,
    _Reason.IDEMPOTENCY_KEY_REUSED: 422,
    _Reason.RATE_LIMITED: 429,
    _Reason.INTERNAL: 500,
    _Reason.QUEUE_FULL: 503,
    _Reason.STORAGE_FULL: 503,
    _Reason.UNAVAILABLE: 503,
    _Reason.DEADLINE_EXCEEDED: 504,
}
# Statuses that ask to come again, and so say when.
_COME_AGAIN = (429, 503)
# What pydantic says of a body that is anything but an object, bytes of another Content-Type included.
_NO_OBJECT = ("model_attributes_type", "model_type", "missing")


class ErrorDetail(bodies.Body):
    """Why a call was refused."""

    reason: str
    """Stable word: a value of `reelmesh.v1.ErrorReason` without its prefix."""
    message: str
    """A sentence that says what happened and what to do."""
    metadata: dict[str, str]
    """The moving parts that the message mentions."""
    request_id: str
    """Finds this answer in the logs; the header X-Request-Id says the same."""


class ErrorBody(bodies.Body):
    """The body of every answer that is not a success."""

    error: ErrorDetail
    """Why a call was refused."""


class Refused(Exception):
    """An error whose status HTTP itself prescribes, such as 405: it stands above the table."""

    def __init__(self, status: int, error: errors.ReelmeshError, headers: Mapping[str, str] | None = None) -> None:
        """Answer `error` with `status` and with `headers` besides the usual ones."""
        super().__init__(error.message)
        self.status = status
        self.error = error
        self.headers = dict(headers or {})


def body(error: errors.ReelmeshError, request_id: str) -> dict[str, Any]:
    """Return the JSON of an error."""
    detail = {
        "reason": str(error.reason),
        "message": error.message[:MESSAGE_LIMIT_CHARACTERS],
        "metadata": dict(error.metadata),
        "request_id": request_id,
    }
    return {"error": detail}


def headers(error: errors.ReelmeshError, status: int) -> dict[str, str]:
    """Return the headers that an error's status asks for."""
    if status == 401:
        return {"WWW-Authenticate": 'Bearer realm="reelmesh"'}
    if status not in _COME_AGAIN:
        return {}
    known = error.retry_after if isinstance(error, errors.RetryableError) else None
    seconds = RETRY_AFTER_SECONDS if known is None else max(RETRY_AFTER_SECONDS, math.ceil(known.total_seconds()))
    return {"Retry-After": str(seconds)}


def from_validation(problems: Sequence[Mapping[str, Any]]) -> errors.InvalidArgument:
    """Return what pydantic found as one refusal: the first field names it, the message has all.

    Args:
        problems: as `ValidationError.errors()` gives them, the place ("body", "query" …) first in each location.
    """
    told = [(_path(each), _sentence(each)) for each in problems[:PROBLEMS_LIMIT]]
    field, problem = told[0] if told else ("body", "is not valid")
    others = "".join(f"; {name}: {text}" for name, text in told[1:])
    return errors.InvalidArgument(field, problem + others)


def _path(problem: Mapping[str, Any]) -> str:
    location = list(cast(Sequence[object], problem.get("loc", ())))
    names = [str(each) for each in location[1:]]
    context = cast(Mapping[str, object], problem.get("ctx") or {})
    if problem.get("type") == bodies.UNKNOWN_FIELD:
        names.append(str(context["field"]))
    if problem.get("type") == "json_invalid" or not names:
        names = [str(location[0]) if location else "body"]
    return bodies.printable(".".join(names))[:FIELD_LIMIT_CHARACTERS]


def _sentence(problem: Mapping[str, Any]) -> str:
    if problem.get("type") in _NO_OBJECT and len(cast(Sequence[object], problem.get("loc", ()))) <= 1:
        return "must be a JSON object, sent with Content-Type: application/json"
    text = str(problem.get("msg", "is not valid"))
    if problem.get("type") == "json_invalid":
        context = cast(Mapping[str, object], problem.get("ctx") or {})
        return f"is not valid JSON: {context.get('error', text)}"
    return bodies.printable(text)


# Kept for the schema: every operation answers with it when something is wrong.
RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "The request was refused; the body says why and what to do."},
    "5XX": {"model": ErrorBody, "description": "Something is wrong on our side; try again, with the same request id."},
}
