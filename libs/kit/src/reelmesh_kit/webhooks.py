"""Addresses at which vendors tell us that a job has ended.

They are derived from a key of ours, so that a worker can name one to a vendor, an operator can enter one at a vendor's
console, the gateway knows each again without having stored any, and nobody else can guess one.
"""

import hashlib
import hmac

FOLDER = "/hooks/"
# Of the hexadecimal digits of an HMAC: 160 bits.
TOKEN_CHARACTERS = 40
SHORTEST_KEY_CHARACTERS = 16


def path(key: str, account_id: str, attempt_id: str = "") -> str:
    """Return the path of an account's address, or of the one that is given to the vendor for an attempt alone."""
    place = f"{FOLDER}{account_id}/{token(key, account_id, attempt_id)}"
    return f"{place}/{attempt_id}" if attempt_id else place


def token(key: str, account_id: str, attempt_id: str = "") -> str:
    """Return what nobody can guess of an address."""
    message = "\n".join(("webhook", account_id, attempt_id))
    return hmac.digest(key.encode(), message.encode(), hashlib.sha256).hex()[:TOKEN_CHARACTERS]


def is_token(text: str, key: str, account_id: str, attempt_id: str = "") -> bool:
    """Tell whether an address that somebody used is ours, in a time that tells nothing about where it differs."""
    return hmac.compare_digest(text.encode(), token(key, account_id, attempt_id).encode())
