"""JSON Web Tokens as Google signs webhooks that a request asked for: RS256, by a key that everybody can look up."""

import base64
import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_KEY_BITS = 2048
_EXPONENT = 65_537


class Signer:
    """A key, made when it is first needed."""

    @functools.cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=_EXPONENT, key_size=_KEY_BITS)

    @property
    def key_id(self) -> str:
        """What the key is called."""
        modulus = self._key.public_key().public_numbers().n
        return hashlib.sha256(_bytes(modulus)).hexdigest()[:40]

    def token(self, claims: Mapping[str, Any], key_id: str = "") -> str:
        """Return a token; under another key's id it is a forged one."""
        header = {"alg": "RS256", "kid": key_id or self.key_id, "typ": "JWT"}
        signed = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
        return f"{signed}.{_encoded(self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def key_set(self) -> Mapping[str, Any]:
        """Return what others verify tokens with: a JSON Web Key Set."""
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.key_id}
        return {"keys": [{**key, "n": _encoded(_bytes(numbers.n)), "e": _encoded(_bytes(numbers.e))}]}


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
