"""On whose behalf a call is made: carried from service to service in metadata."""

import contextlib
import contextvars
import urllib.parse
from collections.abc import Generator, Mapping
from dataclasses import dataclass

from reelmesh_kit import errors

TENANT_KEY = "reelmesh-tenant"
USER_KEY = "reelmesh-user"
KEY_KEY = "reelmesh-key"
ADMIN_KEY = "reelmesh-admin"


@dataclass(frozen=True)
class Caller:
    """Who asks: a tenant, perhaps a person in it, by which API key, and whether it may administer the mesh."""

    tenant_id: str
    user_id: str = ""
    key_id: str = ""
    admin: bool = False


_caller: contextvars.ContextVar[Caller | None] = contextvars.ContextVar("rpc_caller", default=None)


def caller() -> Caller:
    """Return who asks.

    Raises:
        Unauthenticated: nobody is named, neither by the call being handled nor by `acting_as`.
    """
    current = _caller.get()
    if current is None:
        raise errors.Unauthenticated
    return current


@contextlib.contextmanager
def acting_as(who: Caller) -> Generator[None]:
    """Make the calls of this block on behalf of `who`."""
    token = _caller.set(who)
    try:
        yield
    finally:
        _caller.reset(token)


def begin(metadata: Mapping[str, str]) -> None:
    """Remember in the current task the caller that incoming metadata names, or that it names nobody."""
    tenant_id = _decoded(metadata, TENANT_KEY)
    _caller.set(
        Caller(tenant_id, _decoded(metadata, USER_KEY), _decoded(metadata, KEY_KEY), metadata.get(ADMIN_KEY) == "1")
        if tenant_id
        else None
    )


def outgoing() -> list[tuple[str, str]]:
    """Return the metadata that names the current caller; empty when there is none."""
    who = _caller.get()
    if who is None:
        return []
    named = [(TENANT_KEY, who.tenant_id), (USER_KEY, who.user_id), (KEY_KEY, who.key_id)]
    encoded = [(key, urllib.parse.quote(value)) for key, value in named if value]
    return [*encoded, (ADMIN_KEY, "1")] if who.admin else encoded


def _decoded(metadata: Mapping[str, str], key: str) -> str:
    # Metadata is ASCII; identifiers of people need not be.
    return urllib.parse.unquote(metadata.get(key, ""))
