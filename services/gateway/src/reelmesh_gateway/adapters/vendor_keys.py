"""The public keys by which vendors sign, fetched from where they publish them, and kept for a while."""

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import Sequence
from typing import Any, cast

import httpx
import jwt
from cryptography import exceptions
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from reelmesh_kit import clock, errors

from reelmesh_gateway.model import hooks

# fal.ai asks that they are not kept for longer.
KEPT_SECONDS = 24 * 3600.0
# A signature that no key fits may be by a new one; forged ones shall not have us ask all the time.
ASK_AGAIN_SECONDS = 60.0
# Where they could not be read: until then vendors are told to come again.
TRY_AGAIN_SECONDS = 1.0
FETCH_SECONDS = 10.0
LARGEST_SET_BYTES = 64 * 1024
KEYS_LIMIT = 32

# fal.ai signs by the one, Google by the other: what the key is says how.
Key = ed25519.Ed25519PublicKey | rsa.RSAPublicKey


@dataclasses.dataclass
class _Set:
    keys: Sequence[Key] = ()
    next_ask: float = float("-inf")
    fetched: float = float("-inf")
    lock: asyncio.Lock = dataclasses.field(default_factory=asyncio.Lock)


class VendorKeys:
    """The sets of keys (JWKS) at the addresses that accounts name."""

    def __init__(self, keys_clock: clock.Clock) -> None:
        """Have none yet."""
        self._clock = keys_clock
        self._sets: dict[str, _Set] = {}

    async def fits(self, url: str, told: hooks.Signed) -> bool:
        """Tell whether a key that is published at `url` made the signature.

        Raises:
            Unavailable: nobody knows the keys at this moment.
        """
        known = self._sets.setdefault(url, _Set())
        if self._clock.elapsed() - known.fetched > KEPT_SECONDS:
            await self._fetch(url, known)
            if self._clock.elapsed() - known.fetched > KEPT_SECONDS:
                raise errors.Unavailable(f"The keys at {url} could not be read; asked again soon.")
        if _fit(known.keys, told):
            return True
        await self._fetch(url, known)
        return _fit(known.keys, told)

    async def _fetch(self, url: str, known: _Set) -> None:
        """Read the keys, unless somebody has just asked for them; keep those that are known where that fails."""
        async with known.lock:
            now = self._clock.elapsed()
            if now < known.next_ask:
                return
            try:
                found = await self._clock.wait_for(_read(url), FETCH_SECONDS)
            except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                known.next_ask = self._clock.elapsed() + TRY_AGAIN_SECONDS
                raise errors.Unavailable(f"The keys at {url} cannot be read: {error!r}") from error
            known.keys, known.fetched, known.next_ask = found, now, now + ASK_AGAIN_SECONDS


async def _read(url: str) -> Sequence[Key]:
    content = bytearray()
    async with httpx.AsyncClient(timeout=FETCH_SECONDS) as client, client.stream("GET", url) as answer:
        answer.raise_for_status()
        async for chunk in answer.aiter_bytes():
            content += chunk
            if len(content) > LARGEST_SET_BYTES:
                raise ValueError(f"they have more than {LARGEST_SET_BYTES} bytes")
    return _keys(bytes(content))


def _keys(content: bytes) -> Sequence[Key]:
    """Return the keys that can be used here; others of a set are passed over."""
    told = json.loads(content)
    listed = cast(dict[str, Any], told).get("keys") if isinstance(told, dict) else None
    if not isinstance(listed, list):
        raise ValueError("they are no JSON Web Key Set")  # noqa: TRY004 - what was read is wrong, not who called
    found: list[Key] = []
    for each in cast(list[Any], listed)[:KEYS_LIMIT]:
        if not isinstance(each, dict):
            continue
        with contextlib.suppress(jwt.PyJWTError, TypeError, ValueError):
            key = jwt.PyJWK(cast(dict[str, Any], each)).key
            if isinstance(key, Key):
                found.append(key)
    return found


def _fit(keys: Sequence[Key], told: hooks.Signed) -> bool:
    return any(_is_by(key, signature, told.message) for key in keys for signature in told.signatures)


def _is_by(key: Key, signature: bytes, message: bytes) -> bool:
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        else:
            key.verify(signature, message)
    except exceptions.InvalidSignature:
        return False
    return True
