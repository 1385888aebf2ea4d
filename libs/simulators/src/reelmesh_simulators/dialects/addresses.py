"""Addresses of what was made, for whoever has them, until they expire."""

import hashlib
import hmac

# No secret: it only sees to it that nobody makes addresses up, and that a new process knows those of the one before.
_KEY = b"reelmesh-simulators"


def token(job_id: str, until: float, nonce: str) -> str:
    """Return what makes the address of a job's clip valid until a moment, and unlike every other."""
    told = f"{int(until * 1000)}-{nonce}"
    return f"{told}-{_seal(job_id, told)}"


def is_valid(job_id: str, found: str, now: float) -> bool:
    """Tell whether a token is one for this job, and has not expired."""
    told, _, seal = found.rpartition("-")
    until = told.partition("-")[0]
    return hmac.compare_digest(seal.encode(), _seal(job_id, told).encode()) and now * 1000 < int(until)


def _seal(job_id: str, told: str) -> str:
    return hmac.digest(_KEY, f"{job_id} {told}".encode(), hashlib.sha256).hex()[:32]
