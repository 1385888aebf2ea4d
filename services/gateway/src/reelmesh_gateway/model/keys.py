"""API keys: what they look like, what they may do, and whether a presented one is the one that was issued."""

import binascii
import dataclasses
import datetime
import enum
import hashlib
import hmac
import re

PREFIX = "rm"
ID_BYTES = 6
SECRET_BYTES = 24
# Longer texts are garbage, and are not worth hashing.
KEY_LIMIT_CHARACTERS = 128

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


def _checksum(body: str) -> str:
    return f"{binascii.crc32(body.encode()):08x}"
