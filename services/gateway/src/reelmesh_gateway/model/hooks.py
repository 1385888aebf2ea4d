"""What a vendor tells at an address of ours: is it signed as the account says, and of which job does it speak; pure.

Nothing of it is believed, signed or not: it says that a look is worthwhile. Signatures keep out who only wants us to
look again and again.
"""

import base64
import binascii
import collections
import enum
import hashlib
import hmac
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

# A notice is as old as its timestamp says; older ones, and those of the future, may be recordings.
TOLERANCE_SECONDS = 300.0
LONGEST_JOB_ID_CHARACTERS = 1000
SIGNATURES_LIMIT = 16
SEEN_LIMIT = 10_000
_SECRET_PREFIX = "whsec_"  # noqa: S105 - what secrets of the scheme begin with
_VERSION = "v1,"

Headers = Mapping[str, str]


class Scheme(enum.StrEnum):
    """How notices are signed."""

    STANDARD = "standard"
    FAL = "fal"
    GOOGLE = "google"


class Result(enum.StrEnum):
    """What became of a notice."""

    NUDGED = "nudged"  # the worker was told to look
    DUPLICATE = "duplicate"  # it was told before
    IGNORED = "ignored"  # it is of no job
    FORGED = "forged"  # nobody knows the signature
    STALE = "stale"  # too old, or of the future
    UNREADY = "unready"  # it cannot be checked, or passed on, at this moment
    UNKNOWN = "unknown"  # at an address that is none of ours


@dataclass(frozen=True, slots=True)
class Hook:
    """An address of ours.

    Attributes:
        provider: whose worker looks.
        attempt_id: whose address it is; "" where all jobs of an account share it.
        secret: by which the vendor signs; empty where it signs otherwise.
        keys_url: where the vendor's public keys are; "" where it has none.
    """

    account_id: str
    provider: str
    scheme: Scheme
    attempt_id: str = ""
    secret: bytes = b""
    keys_url: str = ""


@dataclass(frozen=True, slots=True)
class Signed:
    """What a signature is about. `message_id` is the same for each repetition of a notice.

    Attributes:
        until: when it lapses, in seconds since 1970.
    """

    message_id: str
    at: float
    message: bytes
    signatures: tuple[bytes, ...]
    until: float = math.inf


@dataclass(frozen=True, slots=True)
class Nudge:
    """A job that is worth a look."""

    provider: str
    account_id: str
    vendor_job_id: str
    attempt_id: str


def secret_of(text: str) -> bytes:
    """Return the key that a secret of Standard Webhooks stands for: base64 behind its prefix, else its own bytes."""
    if not text.startswith(_SECRET_PREFIX):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix(_SECRET_PREFIX), validate=True)
    except binascii.Error:
        return text.encode()


def signed(scheme: Scheme, headers: Headers, body: bytes) -> Signed | None:
    """Return what is signed, and how; None where a header is missing or cannot be read. Names are in small letters."""
    try:
        match scheme:
            case Scheme.STANDARD:
                return _standard(headers, body)
            case Scheme.FAL:
                return _fal(headers, body)
            case Scheme.GOOGLE:
                return _google(headers)
    except (KeyError, ValueError, RecursionError):
        return None


def is_fresh(told: Signed, now: float) -> bool:
    """Tell whether a notice is of these minutes; `now` is in seconds since 1970."""
    return abs(now - told.at) <= TOLERANCE_SECONDS and now <= told.until + TOLERANCE_SECONDS


def fits_secret(told: Signed, secret: bytes) -> bool:
    """Tell whether one of the signatures was made with a secret."""
    expected = hmac.digest(secret, told.message, hashlib.sha256)
    return any(hmac.compare_digest(expected, each) for each in told.signatures)


def job_of(scheme: Scheme, headers: Headers, body: bytes) -> str:
    """Return the vendor's id of the job that a notice is about; "" where it names none."""
    if scheme is Scheme.FAL:
        return headers.get("x-fal-webhook-request-id", "")[:LONGEST_JOB_ID_CHARACTERS]
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(event, dict):
        return ""
    data = cast(dict[str, Any], event).get("data")
    found = cast(dict[str, Any], data).get("id") if isinstance(data, dict) else None
    return found if isinstance(found, str) and len(found) <= LONGEST_JOB_ID_CHARACTERS else ""


def _standard(headers: Headers, body: bytes) -> Signed:
    message_id, stamp = headers["webhook-id"], headers["webhook-timestamp"]
    given = headers["webhook-signature"].split(" ")[:SIGNATURES_LIMIT]
    signatures = tuple(
        base64.b64decode(each.removeprefix(_VERSION), validate=True) for each in given if each.startswith(_VERSION)
    )
    return Signed(message_id, _seconds(stamp), f"{message_id}.{stamp}.".encode() + body, signatures)


def _fal(headers: Headers, body: bytes) -> Signed:
    request_id, user_id, stamp = (headers[f"x-fal-webhook-{name}"] for name in ("request-id", "user-id", "timestamp"))
    message = "\n".join((request_id, user_id, stamp, hashlib.sha256(body).hexdigest()))
    signature = bytes.fromhex(headers["x-fal-webhook-signature"])
    # It repeats itself with a new timestamp, and so a new signature.
    return Signed(request_id, _seconds(stamp), message.encode(), (signature,))


def _google(headers: Headers) -> Signed:
    """Read what a request at Google asked for: a JSON Web Token is signed, and of the body it may say nothing.

    Whom it is for (`aud`) is not looked at: Google does not say what it puts there. Its algorithm is that of the key.
    """
    message, _, signature = headers["webhook-signature"].rpartition(".")
    claims: Any = json.loads(_of_token(message.partition(".")[2]))
    until: Any = cast(dict[str, Any], claims).get("exp", math.inf) if isinstance(claims, dict) else None
    if not isinstance(until, int | float):
        raise ValueError(until)  # noqa: TRY004 - what was read is wrong, not who called
    stamp = _seconds(headers["webhook-timestamp"])
    return Signed(headers["webhook-id"], stamp, message.encode(), (_of_token(signature),), until)


def _of_token(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _seconds(stamp: str) -> float:
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
        raise ValueError(stamp)
    return float(stamp)


class Seen:
    """The last notices that were passed on."""

    def __init__(self, most: int = SEEN_LIMIT) -> None:
        """Have seen none, and remember `most` at most."""
        self._most = most
        self._seen: collections.OrderedDict[tuple[str, str, str], None] = collections.OrderedDict()

    def __contains__(self, key: tuple[str, str, str]) -> bool:
        """Tell whether a notice was passed on: by account, attempt and the id of its message."""
        return key in self._seen

    def add(self, key: tuple[str, str, str]) -> None:
        """Remember one, for the oldest if there is no room."""
        self._seen[key] = None
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)
