"""What Runway says when something is wrong."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette import responses

from reelmesh_simulators.dialects import runway_models
from reelmesh_simulators.dialects.shapes import Kind, Problem
from reelmesh_simulators.faults import Fault

DOCS = "https://docs.dev.runwayml.com/"
DAILY_CAP = "You have reached the daily limit of generations for this model."
INPUT_UNSAFE = "SAFETY.INPUT.TEXT"
# What a task that fails for good fails with, by the amount of its fault.
PERMANENT: Mapping[int, str | None] = {
    0: "ASSET.INVALID",
    1: INPUT_UNSAFE,
    2: "INPUT_PREPROCESSING.SAFETY.TEXT",
    3: None,
}


class Refused(Exception):
    """The request is not as it should be."""

    def __init__(self, status: int, error: str, **more: Any) -> None:
        """Refuse with an error, and what else its body says."""
        super().__init__(error)
        self.status = status
        self.body = {"error": error, **more}

    @classmethod
    def because(cls, issues: Sequence[Mapping[str, Any]]) -> "Refused":
        """Refuse a body for what is wrong with its fields."""
        return cls(400, "Validation of body failed", issues=list(issues), docUrl=f"{DOCS}api")

    def response(self) -> responses.Response:
        """Return what the caller reads."""
        return responses.JSONResponse(self.body, self.status)


def issue(problem: Problem) -> dict[str, Any]:
    """Return what is wrong with one field."""
    path, expected, value = list(problem.path), problem.expected, problem.value
    bound = expected[0] if expected else None
    issues: Mapping[Kind, Callable[[], dict[str, Any]]] = {
        Kind.MISSING: lambda: {"code": "invalid_type", "received": "undefined", "message": "Required"},
        Kind.UNKNOWN: lambda: {
            "code": "unrecognized_keys",
            "keys": path,
            "message": f"Unrecognized key(s) in object: '{path[0]}'",
        },
        Kind.TYPE: lambda: {
            "code": "invalid_type",
            "expected": " | ".join(expected),
            "received": _kind_of(value),
            "message": f"Expected {' | '.join(expected)}, received {_kind_of(value)}",
        },
        Kind.CHOICE: lambda: {
            "code": "invalid_enum_value",
            "options": list(expected),
            "message": f"Invalid enum value. Expected {_words(expected)}, received {value!r}",
        },
        Kind.LOW: lambda: {
            "code": "too_small",
            "minimum": bound,
            "message": f"Number must be greater than or equal to {bound}",
        },
        Kind.HIGH: lambda: {
            "code": "too_big",
            "maximum": bound,
            "message": f"Number must be less than or equal to {bound}",
        },
        Kind.SHORT: lambda: {
            "code": "too_small",
            "minimum": bound,
            "message": f"String must contain at least {bound} character(s)",
        },
        Kind.LONG: lambda: {
            "code": "too_big",
            "maximum": bound,
            "message": f"String must contain at most {bound} character(s)",
        },
        Kind.ADDRESS: lambda: {
            "code": "custom",
            "message": "Must be an HTTPS URL with a domain name, a Runway upload, or a data URI of at most 5 MB",
        },
    }
    return {**issues[problem.kind](), "path": [] if problem.kind is Kind.UNKNOWN else path}


def no_model(name: object) -> dict[str, Any]:
    """Return that a model is not served, or not by this address."""
    names = tuple(runway_models.MODELS)
    return {
        "code": "invalid_union_discriminator",
        "options": list(names),
        "path": ["model"],
        "message": f"Invalid discriminator value. Expected {_words(names)}, received {name!r}",
    }


def storage_error(status: int, code: str, message: str) -> responses.Response:
    """Return an error of the bucket behind an address."""
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return responses.Response(body, status, media_type="application/xml")


def file_error(fault: Fault) -> responses.Response:
    """Return that an address has expired, or what it led to is gone."""
    if fault is Fault.LOST:
        return storage_error(404, "NoSuchKey", "The specified key does not exist.")
    return storage_error(403, "AccessDenied", "Request has expired")


def _kind_of(value: object) -> str:
    kinds = ((bool, "boolean"), (int | float, "number"), (str, "string"), (list, "array"))
    return next((word for kind, word in kinds if isinstance(value, kind)), "object")


def _words(values: Sequence[Any]) -> str:
    return " | ".join(f"'{value}'" if isinstance(value, str) else str(value) for value in values)


SPOILT: Mapping[Fault, tuple[int, str]] = {
    Fault.BUSY: (429, DAILY_CAP),
    Fault.POLL_BUSY: (429, "You are sending requests too quickly."),
    Fault.QUOTA: (400, "You do not have enough credits to run this task."),
    Fault.OVERLOADED: (503, "The service is temporarily unavailable."),
    Fault.ACCEPT_500: (500, "An unexpected error occurred."),
    Fault.POLL_500: (500, "An unexpected error occurred."),
    Fault.UNAUTHORIZED: (401, "You did not provide a valid API key."),
    Fault.REFUSE: (400, "The request could not be processed."),
    Fault.UNSAFE: (400, "The prompt was rejected by our content moderation system."),
}
