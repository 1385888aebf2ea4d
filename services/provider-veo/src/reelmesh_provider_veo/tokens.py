"""OAuth tokens for an account: of a service account, of the machine's own identity, or a ready one."""

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any, Protocol, cast

import google.auth
import requests
from google.auth import credentials as credential_types
from google.auth import exceptions
from google.auth import transport as transports
from google.auth.transport import requests as requests_transport
from google.oauth2 import service_account
from reelmesh_kit import accounts
from reelmesh_provider import errors

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
TOKEN_SECONDS = 20.0
# What a bearer token is made of (RFC 6750).
_BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class BadKey(Exception):
    """There is no token for the account; the message says what to do."""


class _Credentials(Protocol):
    """What is used of google-auth's credentials, whose own types say nothing."""

    token: str | None

    @property
    def token_state(self) -> Any: ...

    def refresh(self, request: Any) -> None: ...


class Tokens:
    """Tokens by account, each fetched anew shortly before it expires."""

    def __init__(self) -> None:
        """Have none yet."""
        self._known: dict[str, tuple[str, _Credentials]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def headers(self, account: accounts.Account, key: str) -> Mapping[str, str]:
        """Return the header that carries the token of an account.

        Args:
            account: the account.
            key: its key: the JSON of a service account, or a token; empty takes what the machine has
                (Application Default Credentials: workload identity, metadata server, gcloud).

        Raises:
            BadKey: what there is yields no token.
            errors.Unreachable: whoever gives out tokens cannot be reached, or cannot answer now.
        """
        if key and not key.lstrip().startswith("{"):
            return _header(_ready(account, key))
        async with self._locks.setdefault(account.id, asyncio.Lock()):
            return _header(await asyncio.to_thread(self._fresh, account, key))

    def forget(self, account_id: str) -> None:
        """Fetch another token the next time: this one is not taken."""
        self._known.pop(account_id, None)

    def _fresh(self, account: accounts.Account, key: str) -> str:
        try:
            known = self._known.get(account.id)
            if known is None or known[0] != key:
                known = key, _of_service_account(account, key) if key else _of_machine()
                self._known[account.id] = known
            credentials = known[1]
            if credentials.token_state is not credential_types.TokenState.FRESH:
                with requests.Session() as session:
                    credentials.refresh(_Patient(session))
        except exceptions.GoogleAuthError as error:
            if isinstance(error, exceptions.TransportError) or error.retryable:
                raise errors.Unreachable(f"no token for account {account.id} now: {error}") from error
            raise BadKey(f"no token for account {account.id}: {error}") from error
        if not credentials.token:
            raise BadKey(f"no token for account {account.id}: none was given out")
        return credentials.token


def no_identity() -> str:
    """Return why this machine has no identity of its own; "" if it has one."""
    try:
        _of_machine()
    except exceptions.DefaultCredentialsError as error:
        return str(error)
    return ""


class _Patient(transports.Request):
    """google-auth's way to ask, which waits no longer than we do."""

    def __init__(self, session: requests.Session) -> None:
        self._asking = requests_transport.Request(session)

    def __call__(self, *told: Any, **named: Any) -> Any:
        asking = cast(Any, self._asking)
        return asking(*told, **{**named, "timeout": TOKEN_SECONDS})


def _of_service_account(account: accounts.Account, key: str) -> _Credentials:
    try:
        told = json.loads(key)
    except ValueError as error:
        raise BadKey(f"{account.secret} is no JSON, nor a token: {error}") from error
    if not isinstance(told, dict) or cast(Mapping[str, Any], told).get("type") != "service_account":
        raise BadKey(
            f"{account.secret} must hold the key of a service account (type service_account). For workload identity "
            "leave `secret` out, and let GOOGLE_APPLICATION_CREDENTIALS name its file"
        )
    try:
        return cast(Any, service_account.Credentials).from_service_account_info(told, scopes=SCOPES)
    except ValueError as error:
        raise BadKey(f"{account.secret} holds no usable key of a service account: {error}") from error


def _of_machine() -> _Credentials:
    found, _ = cast(Any, google.auth).default(scopes=SCOPES)
    return found


def _ready(account: accounts.Account, key: str) -> str:
    token = key.strip()
    if not _BEARER.fullmatch(token):
        raise BadKey(f"{account.secret} holds neither the JSON of a service account nor a bearer token")
    return token


def _header(token: str) -> Mapping[str, str]:
    return {"authorization": f"Bearer {token}"}
