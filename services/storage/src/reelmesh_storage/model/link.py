"""Links that serve an asset for a while without a key: what a token says and how it proves that we said so."""

import base64
import binascii
import dataclasses
import datetime
import hashlib
import hmac
import struct
import uuid

SECRET_BYTES = 32
DEFAULT_VALIDITY = datetime.timedelta(hours=1)
LONGEST_VALIDITY = datetime.timedelta(days=7)

_VERSION = 1
# Version, asset, expiry in whole seconds since 1970.
_SAYS = struct.Struct(">B16sq")
_PROOF_BYTES = hashlib.sha256().digest_size
_TOKEN_BYTES = _SAYS.size + _PROOF_BYTES
# A multiple of three bytes, so that there is no padding, and one spelling only.
_TOKEN_CHARACTERS = _TOKEN_BYTES // 3 * 4
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


@dataclasses.dataclass(frozen=True)
class Link:
    """What a token says."""

    asset_id: uuid.UUID
    expires_at: datetime.datetime
    """Whole seconds."""


def expiry(
    now: datetime.datetime, validity: datetime.timedelta, asset_expires_at: datetime.datetime | None
) -> datetime.datetime:
    """Return when a link made now stops working: never after the asset itself is gone. Whole seconds."""
    wanted = now + validity
    return _whole(wanted if asset_expires_at is None else min(wanted, asset_expires_at))


def token(link: Link, secret: bytes) -> str:
    """Return the token, made of characters that need no escaping in a URL."""
    seconds = (_whole(link.expires_at) - _EPOCH) // datetime.timedelta(seconds=1)
    says = _SAYS.pack(_VERSION, link.asset_id.bytes, seconds)
    return base64.urlsafe_b64encode(says + _proof(says, secret)).decode()


def read(text: str, secret: bytes) -> Link | None:
    """Return what a token of ours says, expired or not; None if it is not ours. Compares in constant time."""
    if len(text) != _TOKEN_CHARACTERS or "=" in text:
        return None
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    says, proof = raw[: _SAYS.size], raw[_SAYS.size :]
    if not hmac.compare_digest(proof, _proof(says, secret)):
        return None
    version, asset_bytes, seconds = _SAYS.unpack(says)
    if version != _VERSION:
        return None
    return Link(uuid.UUID(bytes=asset_bytes), _EPOCH + datetime.timedelta(seconds=seconds))


def _proof(says: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, says, "sha256")


def _whole(instant: datetime.datetime) -> datetime.datetime:
    return instant.replace(microsecond=0)
