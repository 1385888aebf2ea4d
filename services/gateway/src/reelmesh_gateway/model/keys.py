"""API keys: what they look like, what they may do, and whether a presented one is the one that was issued."""

import binascii
import dataclasses
import datetime
import enum
import hashlib
import hmac
import re

from reelmesh_kit import errors

PREFIX = "rm"
ID_BYTES = 6
SECRET_BYTES = 24
# Longer texts are garbage, and are not worth hashing.
KEY_LIMIT_CHARACTERS = 128
NAME_LIMIT_CHARACTERS = 128

_SHAPE = re.compile(rf"{PREFIX}_([0-9a-f]{{{ID_BYTES * 2}}})_([0-9a-f]{{{SECRET_BYTES * 2}}})([0-9a-f]{{8}})")
# Stands in for a key that is not known, so that an unknown id takes as long to refuse as a wrong secret.
_NOBODY = hashlib.sha256(b"nobody").hexdigest()


class Scope(enum.StrEnum):
    """What a key may be used for. None includes another."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@dataclasses.dataclass(frozen=True)
class Key:
    """An issued key, without its secret."""

    id: str
    secret_sha256: str
    """64 hex digits."""
    tenant_id: str
    scopes: frozenset[Scope]
    created: datetime.datetime
    name: str = ""
    """What it is for, in the words of who issued it."""


@dataclasses.dataclass(frozen=True)
class Issued:
    """A key and its text, which is told once and kept nowhere."""

    key: Key
    text: str


@dataclasses.dataclass(frozen=True)
class Presented:
    """The parts of a key as a caller sent it: well formed, not yet believed."""

    key_id: str
    secret: str


def mint(id_token: bytes, secret_token: bytes) -> str:
    """Return the text of a new key, `rm_<id>_<secret><checksum>`, from ID_BYTES and SECRET_BYTES of entropy."""
    if len(id_token) != ID_BYTES or len(secret_token) != SECRET_BYTES:
        raise ValueError(f"A key is made of {ID_BYTES} and {SECRET_BYTES} bytes.")
    body = f"{PREFIX}_{id_token.hex()}_{secret_token.hex()}"
    return body + _checksum(body)


def issue(
    id_token: bytes,
    secret_token: bytes,
    *,
    tenant_id: str,
    scopes: frozenset[Scope],
    created: datetime.datetime,
    name: str = "",
) -> Issued:
    """Return a new key of a tenant from ID_BYTES and SECRET_BYTES of entropy.

    Raises:
        InvalidArgument: the tenant or the name is not usable, or it would be good for nothing.
    """
    _check("tenant", tenant_id, least=1)
    _check("name", name, least=0)
    if not scopes:
        raise errors.InvalidArgument("scope", "at least one is needed")
    text = mint(id_token, secret_token)
    presented = parse(text)
    if presented is None:
        raise AssertionError("A minted key is well formed.")
    key = Key(presented.key_id, digest(presented.secret), tenant_id, scopes, created, name)
    return Issued(key, text)


def id_of(text: str) -> str:
    """Return the id that is meant by an id, or by the whole text of a key."""
    presented = parse(text)
    return presented.key_id if presented is not None else text


def parse(text: str) -> Presented | None:
    """Return the parts of a key; None when it has another shape or its checksum is wrong: typed wrong or cut off."""
    found = _SHAPE.fullmatch(text) if len(text) <= KEY_LIMIT_CHARACTERS else None
    if found is None or _checksum(text[: -len(found[3])]) != found[3]:
        return None
    return Presented(key_id=found[1], secret=found[2])


def digest(secret: str) -> str:
    """Return what is kept of a secret: its SHA-256, 64 hex digits. The secret is entropy, so no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def fits(key: Key | None, presented: Presented) -> bool:
    """Return whether the secret is that of `key` (None: unknown id), in a time that tells nothing about either."""
    kept = key.secret_sha256 if key is not None else _NOBODY
    same = hmac.compare_digest(kept, digest(presented.secret))
    return same and key is not None


def _check(field: str, text: str, *, least: int) -> None:
    if not least <= len(text) <= NAME_LIMIT_CHARACTERS or not text.isprintable() or text != text.strip():
        raise errors.InvalidArgument(
            field, f"must be {least} to {NAME_LIMIT_CHARACTERS} printable characters, without blanks around them"
        )


def _checksum(body: str) -> str:
    return f"{binascii.crc32(body.encode()):08x}"
