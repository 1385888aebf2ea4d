"""What fal.ai says when something is wrong: of an input as its models say it, of its machines as its gateway does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette import responses

from reelmesh_simulators import orders, vendor
from reelmesh_simulators.dialects.shapes import Kind, Problem
from reelmesh_simulators.faults import Fault

DOCS = "https://docs.fal.ai/errors"


@dataclass(frozen=True, slots=True)
class Failure:
    """How a request failed: what its result is answered with.

    Attributes:
        error: what the status says of it.
        error_type: its machine-readable kind.
    """

    status: int
    body: Mapping[str, Any]
    error: str
    error_type: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def response(self) -> responses.Response:
        """Return what the caller reads."""
        return responses.JSONResponse(dict(self.body), self.status, dict(self.headers))


def of_the_machines(status: int, error_type: str, detail: str) -> Failure:
    """Return a failure that is nobody's input's."""
    body = {"detail": detail, "error_type": error_type}
    return Failure(status, body, detail, error_type, {"x-fal-error-type": error_type})


def of_the_model(
    status: int, details: list[dict[str, Any]] | str, error_type: str, *, retryable: bool = False
) -> Failure:
    """Return a failure that a model found."""
    headers = {"x-fal-retryable": "true" if retryable else "false"}
    return Failure(status, {"detail": details}, f"Invalid status code: {status}", error_type, headers)


def detail(kind: str, message: str, where: str = "", value: Any = None) -> dict[str, Any]:
    """Return one thing that is wrong with an input."""
    loc = ["body", where] if where else ["body"]
    return {"loc": loc, "msg": message, "type": kind, "url": f"{DOCS}#{kind}", "input": value}


def of_input(problem: Problem) -> dict[str, Any]:
    """Return what is wrong with one field."""
    bound = problem.expected[0] if problem.expected else None
    options = ", ".join(f"'{one}'" for one in problem.expected)
    words: Mapping[Kind, tuple[str, str, Mapping[str, Any]]] = {
        Kind.MISSING: ("missing", "Field required", {}),
        Kind.TYPE: (f"{bound}_type", f"Input should be a valid {bound}", {}),
        Kind.CHOICE: ("literal_error", f"Input should be {options}", {"expected": options}),
        Kind.LOW: ("greater_than_equal", f"Input should be greater than or equal to {bound}", {"ge": bound}),
        Kind.HIGH: ("less_than_equal", f"Input should be less than or equal to {bound}", {"le": bound}),
        Kind.SHORT: ("string_too_short", f"String should have at least {bound} character", {"min_length": bound}),
        Kind.LONG: ("string_too_long", f"String should have at most {bound} characters", {"max_length": bound}),
        Kind.ADDRESS: ("file_download_error", "Failed to download the file. Check that its address is public.", {}),
    }
    kind, message, context = words[problem.kind]
    told = detail(kind, message, problem.path[0], problem.value)
    return {**told, "ctx": dict(context)} if context else told


_UNSAFE = detail(
    "content_policy_violation", "The content could not be processed: a content checker flagged it.", "prompt"
)
_LOST_FILE = detail("file_download_error", "Failed to download the file.", "image_url")
_SMALL = {
    **detail("image_too_small", "Image too small", "image_url"),
    "ctx": {"min_width": 300, "min_height": 300},
}
_FAIL: Mapping[int, Failure] = {
    0: of_the_model(422, [_LOST_FILE], "file_download_error"),
    1: of_the_model(422, "The model could not process this input.", "unprocessable_entity"),
    2: of_the_model(422, [_SMALL], "image_too_small"),
    3: of_the_model(422, [detail("image_load_error", "Image load error", "image_url")], "image_load_error"),
}
_FAIL_INSIDE: Mapping[int, Failure] = {
    0: of_the_machines(503, "runner_disconnected", "The runner disconnected unexpectedly."),
    1: of_the_machines(504, "request_timeout", "Request timed out"),
    2: of_the_model(
        500, [detail("internal_server_error", "Internal server error")], "internal_server_error", retryable=True
    ),
}
_LATE = of_the_machines(504, "startup_timeout", "The request did not start in time.")
_BY_CALLER = {"x-fal-request-timeout-type": "user"}
_CANCELLED = of_the_machines(499, "client_cancelled", "The request was cancelled by the client.")


def failure_of(look: vendor.Look) -> Failure | None:
    """Return how a request failed; None where it did not."""
    order = look.job.order
    if look.state is orders.State.CANCELLED:
        return _CANCELLED
    if look.state is orders.State.FILTERED:
        return of_the_model(422, [_UNSAFE], "content_policy_violation")
    if look.state is not orders.State.FAILED:
        return None
    if order.told["details"]:
        return of_the_model(422, order.told["details"], order.told["details"][0]["type"])
    if order.told["late"]:
        return Failure(_LATE.status, _LATE.body, _LATE.error, _LATE.error_type, {**_LATE.headers, **_BY_CALLER})
    failing, inside = order.marker(Fault.FAIL), order.marker(Fault.FAIL_INSIDE)
    if failing:
        return _FAIL.get(int(failing.amount), _FAIL[0])
    return _FAIL_INSIDE.get(int(inside.amount) if inside else 0, _FAIL_INSIDE[0])


def spoilt(fault: Fault) -> Failure:
    """Return the answer that a fault stands for."""
    return _SPOILT[fault]


def _said(status: int, text: str) -> Failure:
    return Failure(status, {"detail": text}, text, "")


AUTHENTICATION = "Authentication is required to access this application."
_LOCKED = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."
_INTERNAL = of_the_machines(500, "internal_error", "Internal Server Error")
_SPOILT: Mapping[Fault, Failure] = {
    Fault.BUSY: _said(429, "Too many requests. Please try again later."),
    Fault.POLL_BUSY: _said(429, "Too many requests. Please try again later."),
    Fault.QUOTA: _said(
        403, "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."
    ),
    Fault.OVERLOADED: of_the_machines(503, "runner_scheduling_failure", "No runner could be allocated."),
    Fault.ACCEPT_500: _INTERNAL,
    Fault.POLL_500: _INTERNAL,
    Fault.UNAUTHORIZED: _said(401, AUTHENTICATION),
    Fault.RETIRED: _said(404, "Application not found"),
    Fault.REFUSE: of_the_machines(400, "bad_request", "The request was malformed."),
    Fault.UNSAFE: of_the_model(422, [_UNSAFE], "content_policy_violation"),
    Fault.EXPIRED: _said(404, "File not found"),
    Fault.LOST: _said(404, "File not found"),
}
