"""Letting gRPC calls in: the key in their metadata, and nothing else in it, says for whom they act."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from reelmesh_kit import rpc

from reelmesh_gateway.model import keys
from reelmesh_gateway.usecases import entrance

_BEARER = "bearer "


class Admission:
    """Asks the entrance about each call."""

    def __init__(self, door: entrance.Entrance) -> None:
        """Let in by `door`."""
        self._entrance = door

    @contextmanager
    def admitted(self, context: Any, scope: keys.Scope) -> Generator[keys.Key]:
        """Let one call in; the calls of the body act for its key's tenant.

        What the caller's metadata claims about tenants is for services of the mesh, and is not believed here.

        Raises:
            Unauthenticated: no valid key.
            PermissionDenied: the key lacks `scope`.
        """
        key = self._entrance.identify(_presented(context))
        self._entrance.require(key, scope)
        who = rpc.Caller(key.tenant_id, key_id=key.id, admin=keys.Scope.ADMIN in key.scopes)
        with rpc.acting_as(who):
            yield key

    def spend_create(self, key: keys.Key) -> None:
        """Count one create against the key's rate.

        Raises:
            RateLimited: the key has used up its share.
        """
        self._entrance.spend_create(key)


def _presented(context: Any) -> str | None:
    metadata = {name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)}
    authorization: str = metadata.get("authorization", "")
    if authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization[len(_BEARER) :].strip()
    return metadata.get("x-api-key")
