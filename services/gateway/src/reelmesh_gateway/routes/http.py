"""The HTTP edge as one ASGI application: the layers around the routes, from the outside in."""

import fastapi
from fastapi import security
from starlette import types

from reelmesh_gateway.routes import (
    accounts,
    answers,
    assets,
    docs,
    edge,
    files,
    front,
    generations,
    guard,
    health,
    hooks,
    limits,
    openai,
    reconciliation,
    recovery,
)

TITLE = "reelmesh"
DESCRIPTION = """Makes videos: you pay for a generation at most once, never lose one, and each ends with something to
show or a reason. Every call but health and signed files needs an API key, as `Authorization: Bearer …` or `X-API-Key`.
The same is served by gRPC, with the same fields."""
VERSION = "1"

# Only told to the schema: the guard, which stands before all routes, is what asks for keys.
_BEARER = security.HTTPBearer(auto_error=False, description="An API key.")
_HEADER = security.APIKeyHeader(name="X-API-Key", auto_error=False, description="An API key.")


def application(behind: front.Front) -> types.ASGIApp:
    """Return the application: edge (trace, id, answer) → guard (key) → limits (bytes, patience) → routes."""
    bounded = limits.Limits(
        _routes(behind),
        behind.own.clock,
        upload_limit_bytes=behind.upload_limit_bytes,
        upload_timeout_seconds=behind.upload_timeout_seconds,
    )
    guarded = guard.Guard(bounded, behind.entrance)
    return edge.Edge(guarded, behind.own, behind.metrics, requests_limit=behind.requests_limit)


def _routes(behind: front.Front) -> fastapi.FastAPI:
    app = fastapi.FastAPI(
        title=TITLE,
        description=DESCRIPTION,
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # The edge traces and measures, for this service's own provider and registry.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        generate_unique_id_function=lambda route: route.name,
    )
    answers.install(app)
    keyed = [fastapi.Depends(_BEARER), fastapi.Depends(_HEADER)]
    app.include_router(generations.router(behind), dependencies=keyed)
    app.include_router(assets.router(behind), dependencies=keyed)
    app.include_router(recovery.router(behind), dependencies=keyed)
    app.include_router(openai.router(behind), dependencies=keyed)
    app.include_router(reconciliation.router(behind), dependencies=keyed)
    app.include_router(accounts.router(behind), dependencies=keyed)
    app.include_router(files.router(behind))
    app.include_router(hooks.router(behind))
    app.include_router(health.router(behind))
    docs.install(app)
    return app
