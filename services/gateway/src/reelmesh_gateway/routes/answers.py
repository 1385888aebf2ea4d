"""Answers: JSON, and errors with the one body that all of them have."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import fastapi
from fastapi import exceptions
from reelmesh_kit import errors
from starlette import exceptions as starlette_exceptions
from starlette import routing

from reelmesh_gateway.wire import errors as wire
from reelmesh_gateway.wire import openai

JSON = "application/json"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# What files can be asked for that are served as they are.
OF_FILES = ("GET", "HEAD")

Kind = TypeVar("Kind", bound=Exception)


def answer(content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> fastapi.Response:
    """Return a JSON answer. What UTF-8 cannot carry is replaced, so that rendering never fails."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    body = text.encode("utf-8", "replace")
    return fastapi.Response(body, status_code=status, headers=dict(headers or {}), media_type=JSON)


@dataclasses.dataclass(frozen=True)
class Asked:
    """What an error is answered to."""

    request_id: str
    path: str = ""
    """Whose dialect the answer speaks; "" when nobody knows."""


def refusal(error: errors.ReelmeshError, asked: Asked) -> fastapi.Response:
    """Return the answer for an error in our words."""
    return _refusal(wire.Refused(wire.STATUS[error.reason], error), asked)


def refused(refused_by: wire.Refused, asked: Asked) -> fastapi.Response:
    """Return the answer for an error whose status HTTP prescribes."""
    return _refusal(refused_by, asked)


def fault(asked: Asked) -> fastapi.Response:
    """Return the answer for a fault of ours: all that a caller may know about it."""
    error = errors.ReelmeshError(f"A fault of ours. Ask the operator to look for request {asked.request_id}.")
    return refusal(error, asked)


def request_id_of(request: fastapi.Request) -> str:
    """Return the id that the outermost middleware gave a request."""
    request_id: str = request.state.request_id
    return request_id


def asked_by(request: fastapi.Request) -> Asked:
    """Return what is answered, for the body of an error."""
    return Asked(request_id_of(request), request.url.path)


def install(app: fastapi.FastAPI) -> None:
    """Make every error that leaves a route, and those of the framework itself, an answer of ours."""
    _add(app, errors.ReelmeshError, lambda error, request: refusal(error, asked_by(request)))
    _add(app, wire.Refused, lambda error, request: refused(error, asked_by(request)))
    _add(app, starlette_exceptions.HTTPException, _from_framework)
    _add(
        app,
        exceptions.RequestValidationError,
        lambda error, request: refusal(wire.from_validation(error.errors()), asked_by(request)),
    )
    # The framework raises it again once this is sent; the outermost layer logs it.
    _add(app, Exception, lambda _, request: fault(asked_by(request)))


def _add(app: fastapi.FastAPI, kind: type[Kind], respond: Callable[[Kind, fastapi.Request], fastapi.Response]) -> None:
    async def handler(request: fastapi.Request, error: Exception) -> fastapi.Response:
        return respond(cast(Kind, error), request)

    app.add_exception_handler(kind, handler)


def _from_framework(error: starlette_exceptions.HTTPException, request: fastapi.Request) -> fastapi.Response:
    asked = asked_by(request)
    cause = error.__cause__
    if isinstance(cause, errors.ReelmeshError):
        # Reading the body raised it, and the framework wrapped it.
        return refusal(cause, asked)
    if isinstance(cause, wire.Refused):
        return refused(cause, asked)
    if error.status_code == 404:
        return refusal(errors.NotFound("There is nothing at this path. /docs lists what there is."), asked)
    if error.status_code == 405:
        allowed = ", ".join(_possible(request))
        problem = errors.InvalidArgument("method", f"{request.method[:20]} is not possible here. Possible: {allowed}.")
        return refused(wire.Refused(405, problem, {"Allow": allowed}), asked)
    problem = errors.InvalidArgument(
        "body", "is no JSON in UTF-8, is nested too deep, or has a number that is too long"
    )
    status = error.status_code if 400 <= error.status_code < 500 else 400
    return refused(wire.Refused(status, problem), asked)


def _possible(request: fastapi.Request) -> list[str]:
    """Return the methods of a path. The framework names those of the first route that has the path, and no others."""
    routes = cast(fastapi.FastAPI, request.app).routes
    scopes = [(method, {**request.scope, "method": method}) for method in METHODS]
    found = [
        method for method, scope in scopes if any(route.matches(scope)[0] is routing.Match.FULL for route in routes)
    ]
    # A path of mounted files is not ours to match: the mount has taken its head off.
    return found or list(OF_FILES)


def _refusal(by: wire.Refused, asked: Asked) -> fastapi.Response:
    if openai.owns(asked.path):
        body = openai.error_body(by.error, by.status, by)
    else:
        body = wire.body(by.error, asked.request_id)
    return answer(body, by.status, {**wire.headers(by.error, by.status), **by.headers})
