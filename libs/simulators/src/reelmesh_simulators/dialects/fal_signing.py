"""How fal.ai signs webhooks: Ed25519 over four lines, with a key that stands at a public address."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

# No secret: who trusts a simulator fetches its key from it.
_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"reelmesh-simulators fal").digest())
_FORGER = ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"somebody else").digest())


def user_id(account: str) -> str:
    """Return what an account is called in webhooks."""
    return f"user_{hashlib.sha256(account.encode()).hexdigest()[:16]}"


def headers(request_id: str, account: str, now: float, body: bytes, *, forged: bool) -> Mapping[str, str]:
    """Return the headers of a webhook."""
    user, stamp = user_id(account), str(int(now))
    message = "\n".join((request_id, user, stamp, hashlib.sha256(body).hexdigest()))
    return {
        "content-type": "application/json",
        "x-fal-webhook-request-id": request_id,
        "x-fal-webhook-user-id": user,
        "x-fal-webhook-timestamp": stamp,
        "x-fal-webhook-signature": (_FORGER if forged else _KEY).sign(message.encode()).hex(),
    }


def keys() -> Mapping[str, Any]:
    """Return the JSON Web Key Set that signatures are verified with."""
    public = _KEY.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    x = base64.urlsafe_b64encode(public).decode().rstrip("=")
    return {"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "simulated", "x": x}]}
