"""`accounts.yaml`: our accounts at providers, with their limits and the names of their secrets, never the secrets.

The orchestrator reads how much each may be used, a provider's worker where it is and by which key. Both read the same
file, again whenever it changes.
"""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, cast

import pydantic
import yaml

from reelmesh_kit import settings

# More than this in one file are a mistake of the program that wrote it.
MOST_ACCOUNTS = 1000
LARGEST_FILE_BYTES = 1024 * 1024

# Where vendors publish the keys by which they sign.
_PUBLISHED_KEYS = {
    "fal": "https://rest.fal.ai/.well-known/jwks.json",
    "google": "https://generativelanguage.googleapis.com/.well-known/jwks.json",
}

_Name = Annotated[str, pydantic.Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class AccountsError(Exception):
    """The file cannot be used; the message says where and what to do."""


@pydantic.dataclasses.dataclass(frozen=True, config=pydantic.ConfigDict(extra="forbid"))
class Webhooks:
    """How an account's vendor signs what it tells at our address.

    Attributes:
        signed: `standard` for Standard Webhooks (OpenAI's dialect, Google's projects), by a secret that both know;
            `fal` for fal.ai's way, `google` for that of requests at Google: by keys that the vendor publishes.
        secret: name of the environment variable that holds the secret; for `standard` alone, which needs one.
        keys: where the public keys are; not for `standard`, and the vendor's own unless it is given.
    """

    signed: Literal["standard", "fal", "google"]
    secret: Annotated[str, pydantic.Field(pattern=r"^[A-Z][A-Z0-9_]*$|^$")] = ""
    keys: str = ""

    @pydantic.model_validator(mode="after")
    def _as_signed(self) -> Self:
        if self.signed == "standard" and not self.secret:
            raise ValueError("signed: standard needs secret, the name of the variable with the secret of the webhooks")
        if self.signed == "standard" and self.keys:
            raise ValueError("signed: standard knows no keys")
        if self.signed != "standard" and self.secret:
            raise ValueError(f"signed: {self.signed} needs no secret: the vendor signs by keys that it publishes")
        if self.keys and not self.keys.startswith(("http://", "https://")):
            raise ValueError("keys must start with http:// or https://")
        return self

    @property
    def keys_url(self) -> str:
        """Where the keys are by which the vendor signs; "" where it signs by a secret."""
        return self.keys or _PUBLISHED_KEYS.get(self.signed, "")


@pydantic.dataclasses.dataclass(frozen=True, config=pydantic.ConfigDict(extra="forbid"))
class Account:
    """One account at a provider.

    Attributes:
        id: ours, lower-case letters, digits and dashes; never to be changed while jobs are at it.
        provider: who serves it: the name of a pool of workers.
        endpoint: where the API is, such as https://host/v1; empty means the provider's own.
        secret: name of the environment variable that holds its key; empty means that none is needed.
        slots: attempts in flight at most.
        polls_per_second: requests for observing; None means what the provider's card says.
        exclusive: nobody else uses it, so that every job in it is ours.
        enabled: whether anything new is begun at it; what is in flight is watched either way.
        write_off_after_hours: how long an attempt may stay in doubt before it is given up, its price counted as spent;
            None leaves that to a person.
        resubmit_when_written_off: whether such an attempt is then made again here, and not by the next candidate.
        webhooks: its vendor tells us when a job has ended, and how that is signed; None means that jobs are polled.
        options: what its provider alone understands.
    """

    id: _Name
    provider: _Name
    endpoint: str = ""
    secret: Annotated[str, pydantic.Field(pattern=r"^[A-Z][A-Z0-9_]*$|^$")] = ""
    slots: Annotated[int, pydantic.Field(ge=1, le=100_000)] = 1
    polls_per_second: Annotated[float, pydantic.Field(gt=0, le=10_000)] | None = None
    exclusive: bool = False
    enabled: bool = True
    write_off_after_hours: Annotated[float, pydantic.Field(ge=1, le=24 * 365)] | None = None
    resubmit_when_written_off: bool = False
    webhooks: Webhooks | None = None
    options: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])

    @pydantic.field_validator("endpoint")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")

    @pydantic.field_validator("options", mode="before")
    @classmethod
    def _texts(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        return {name: str(text) for name, text in cast(Mapping[object, object], value).items()}

    @pydantic.model_validator(mode="after")
    def _resubmits_what_is_written_off(self) -> Self:
        if self.resubmit_when_written_off and self.write_off_after_hours is None:
            raise ValueError("resubmit_when_written_off needs write_off_after_hours")
        return self


def read(path: pathlib.Path) -> tuple[Account, ...]:
    """Return the accounts of a file, in its order.

    Raises:
        AccountsError: it is not there, cannot be read, or says something that is not understood.
    """
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise AccountsError(f"{path} has more than {LARGEST_FILE_BYTES} bytes.")
        told = yaml.safe_load(path.read_text())
    except OSError as error:
        raise AccountsError(f"{path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise AccountsError(f"{path} is no YAML: {' '.join(str(error).split())}.") from error
    return _accounts(path, told)


def _accounts(path: pathlib.Path, told: object) -> tuple[Account, ...]:
    listed = cast(Mapping[str, object], told).get("accounts") if isinstance(told, Mapping) else None
    if not isinstance(listed, list) or set(cast(Mapping[str, object], told)) != {"accounts"}:
        raise AccountsError(f"{path} has one key, `accounts:`, and below it a list of accounts.")
    entries = cast(list[object], listed)
    if len(entries) > MOST_ACCOUNTS:
        raise AccountsError(f"{path} has {len(entries)} accounts, more than {MOST_ACCOUNTS}.")
    found = tuple(_account(path, number, entry) for number, entry in enumerate(entries, 1))
    for account in found:
        if sum(other.id == account.id for other in found) > 1:
            raise AccountsError(f"{path} has more than one account {account.id!r}: give each an id of its own.")
    return found


def _account(path: pathlib.Path, number: int, entry: object) -> Account:
    fields: Mapping[str, Any] = cast(Mapping[str, Any], entry) if isinstance(entry, Mapping) else {}
    where = f"account {fields.get('id') or number} in {path}"
    try:
        return _ADAPTER.validate_python(entry)
    except pydantic.ValidationError as error:
        problems = "; ".join(_problem(problem) for problem in error.errors(include_url=False))
        raise AccountsError(f"{where}: {problems}.") from None


def _problem(problem: Any) -> str:
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "unexpected_keyword_argument":
        kind = Webhooks if problem["loc"][0] == "webhooks" else Account
        known = ", ".join(field.name for field in dataclasses.fields(kind))
        return f"{name} is unknown (known are {known})"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{name}: {message}" if name else message


_ADAPTER = pydantic.TypeAdapter(Account)


class Book:
    """The accounts of a file as it stands, read again when it changes; one that is broken leaves the last good ones."""

    def __init__(self, path: pathlib.Path | None) -> None:
        """Read the file.

        Raises:
            AccountsError: it cannot be used.
        """
        self._path = path
        self._stamp = _stamp(path)
        self.accounts: tuple[Account, ...] = read(path) if path else ()

    def refreshed(self) -> bool:
        """Read the file again if it has changed; tell whether there is something new.

        Raises:
            AccountsError: it has changed and cannot be used; the accounts stay as they were.
        """
        stamp = _stamp(self._path)
        if self._path is None or stamp == self._stamp:
            return False
        self._stamp = stamp
        before, self.accounts = self.accounts, read(self._path)
        return before != self.accounts

    def of(self, provider: str) -> tuple[Account, ...]:
        """Return the accounts at a provider."""
        return tuple(account for account in self.accounts if account.provider == provider)


def _stamp(path: pathlib.Path | None) -> tuple[int, int, int] | None:
    try:
        found = path.stat() if path else None
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found else None


def at(account: Account, endpoint: str) -> Account:
    """Return an account that names no endpoint with this one."""
    return account if account.endpoint else dataclasses.replace(account, endpoint=endpoint)


def key_of(account: Account) -> str:
    """Return an account's key.

    Raises:
        AccountsError: its variable is not set.
    """
    return _held(account.secret, f"the key of account {account.id}")


def registers_webhooks(account: Account) -> bool:
    """Tell whether an operator enters our address at the vendor's console, for all jobs of an account."""
    return account.webhooks is not None and account.webhooks.signed == "standard"


def webhook_secret_of(account: Account) -> str:
    """Return the secret by which an account's webhooks are signed; "" where they are not, or there are none.

    Raises:
        AccountsError: its variable is not set.
    """
    return _held(account.webhooks.secret if account.webhooks else "", f"the webhooks' secret of account {account.id}")


def _held(variable: str, what: str) -> str:
    if not variable:
        return ""
    found = settings.secret(variable)
    if found is None:
        raise AccountsError(f"{variable} is not set: it holds {what}.")
    return found.get_secret_value()
