"""The guard before all routes: no path is open that is not named here."""

from reelmesh_kit import rpc, webhooks
from starlette import datastructures, types

from reelmesh_gateway.model import keys
from reelmesh_gateway.usecases import entrance

OPEN_PATHS = frozenset({"/", "/health", "/health/detailed", "/metrics", "/docs", "/openapi.json"})
# What lies below is public files of ours, or carries its permission in its own path.
OPEN_FOLDERS = ("/docs/", "/files/", webhooks.FOLDER)

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
# Posts that change nothing: they carry a body, no more.
_READING_POSTS = frozenset({"/api/v1/quotes"})
# For who operates the mesh, reading included.
_OPERATING = (
    "/api/v1/recovery",
    "/api/v1/doubtful-attempts",
    "/api/v1/accounts",
    "/api/v1/switches",
    "/api/v1/health-events",
    "/api/v1/pools",
)
_BEARER = "bearer "


class Guard:
    """Lets requests through with a valid key whose scopes suffice; all calls behind it act for that key's tenant."""

    def __init__(self, app: types.ASGIApp, door: entrance.Entrance) -> None:
        """Wrap `app`."""
        self._app = app
        self._entrance = door

    async def __call__(self, scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
        """Admit one request, or raise why not, before any of its body was read.

        Raises:
            Unauthenticated: no valid key.
            PermissionDenied: the key lacks the scope.
        """
        path: str = scope["path"]
        if path in OPEN_PATHS or path.startswith(OPEN_FOLDERS):
            await self._app(scope, receive, send)
            return
        key = self._entrance.identify(presented(datastructures.Headers(scope=scope)))
        self._entrance.require(key, needed(scope["method"], path))
        scope.setdefault("state", {})["key"] = key
        with rpc.acting_as(caller_of(key)):
            await self._app(scope, receive, send)


def presented(headers: datastructures.Headers) -> str | None:
    """Return the key that a request carries, in "Authorization: Bearer …" or "X-API-Key"; None without one."""
    authorization = headers.get("authorization", "")
    if authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization[len(_BEARER) :].strip()
    return headers.get("x-api-key")


def needed(method: str, path: str) -> keys.Scope:
    """Return the scope that a request needs."""
    if any(path == root or path.startswith(root + "/") for root in _OPERATING):
        return keys.Scope.ADMIN
    if method in _READING or (method == "POST" and path in _READING_POSTS):
        return keys.Scope.READ
    return keys.Scope.WRITE


def caller_of(key: keys.Key) -> rpc.Caller:
    """Return as whom calls behind the guard are made."""
    return rpc.Caller(key.tenant_id, key_id=key.id, admin=keys.Scope.ADMIN in key.scopes)
