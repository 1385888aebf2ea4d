"""Answers: JSON, and errors with the one body that all of them have."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import fastapi
from fastapi import exceptions
from reelmesh_kit import errors
from starlette import exceptions as starlette_exceptions
from starlette import routing

from reelmesh_gateway.wire import errors as wire

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


def refusal(error: errors.ReelmeshError, request_id: str) -> fastapi.Response:
    """Return the answer for an error in our words."""
    return _refusal(wire.STATUS[error.reason], error, request_id)


def refused(refused_by: wire.Refused, request_id: str) -> fastapi.Response:
    """Return the answer for an error whose status HTTP prescribes."""
    return _refusal(refused_by.status, refused_by.error, request_id, refused_by.headers)


def fault(request_id: str) -> fastapi.Response:
    """Return the answer for a fault of ours: all that a caller may know about it."""
    error = errors.ReelmeshError(f"A fault of ours. Ask the operator to look for request {request_id}.")
    return refusal(error, request_id)


def request_id_of(request: fastapi.Request) -> str:
    """Return the id that the outermost middleware gave a request."""
    request_id: str = request.state.request_id
    return request_id


def install(app: fastapi.FastAPI) -> None:
    """Make every error that leaves a route, and those of the framework itself, an answer of ours."""
    _add(app, errors.ReelmeshError, lambda error, request: refusal(error, request_id_of(request)))
    _add(app, wire.Refused, lambda error, request: refused(error, request_id_of(request)))
    _add(app, starlette_exceptions.HTTPException, _from_framework)
    _add(
        app,
        exceptions.RequestValidationError,
        lambda error, request: refusal(wire.from_validation(error.errors()), request_id_of(request)),
    )
    # The framework raises it again once this is sent; the outermost layer logs it.
    _add(app, Exception, lambda _, request: fault(request_id_of(request)))


def _add(app: fastapi.FastAPI, kind: type[Kind], respond: Callable[[Kind, fastapi.Request], fastapi.Response]) -> None:
    async def handler(request: fastapi.Request, error: Exception) -> fastapi.Response:
        return respond(cast(Kind, error), request)

    app.add_exception_handler(kind, handler)


def _from_framework(error: starlette_exceptions.HTTPException, request: fastapi.Request) -> fastapi.Response:
    request_id = request_id_of(request)
    cause = error.__cause__
    if isinstance(cause, errors.ReelmeshError):
        # Reading the body raised it, and the framework wrapped it.
        return refusal(cause, request_id)
    if isinstance(cause, wire.Refused):
        return refused(cause, request_id)
    if error.status_code == 404:
        return refusal(errors.NotFound("There is nothing at this path. /docs lists what there is."), request_id)
    if error.status_code == 405:
        allowed = ", ".join(_possible(request))
        problem = errors.InvalidArgument("method", f"{request.method[:20]} is not possible here. Possible: {allowed}.")
        return _refusal(405, problem, request_id, {"Allow": allowed})
    problem = errors.InvalidArgument(
        "body", "is no JSON in UTF-8, is nested too deep, or has a number that is too long"
    )
    return _refusal(error.status_code if 400 <= error.status_code < 500 else 400, problem, request_id)


def _possible(request: fastapi.Request) -> list[str]:
    """Return the methods of a path. The framework names those of the first route that has the path, and no others."""
    routes = cast(fastapi.FastAPI, request.app).routes
    scopes = [(method, {**request.scope, "method": method}) for method in METHODS]
    found = [
        method for method, scope in scopes if any(route.matches(scope)[0] is routing.Match.FULL for route in routes)
    ]
    # A path of mounted files is not ours to match: the mount has taken its head off.
    return found or list(OF_FILES)


def _refusal(
    status: int, error: errors.ReelmeshError, request_id: str, headers: Mapping[str, str] | None = None
) -> fastapi.Response:
    return answer(wire.body(error, request_id), status, {**wire.headers(error, status), **(headers or {})})
