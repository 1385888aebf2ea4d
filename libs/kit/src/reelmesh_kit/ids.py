"""The port for identifiers: fresh ones, and ones derived so that a restored past meets its own future."""

import random
import re
import uuid
from typing import Protocol

# The root of all derived identifiers. Changing it would make every repeated request a new one.
NAMESPACE = uuid.UUID("6f1c2f0e-6f4b-5d52-9c5e-7a2f3b1d9e10")

# The one spelling that is taken: uuid.UUID itself also takes braces, "urn:uuid:" and hyphens anywhere.
_SPELLING = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_TOLD_CHARACTERS = 80


class Ids(Protocol):
    """Makes identifiers that nothing else has."""

    def fresh(self) -> uuid.UUID:
        """Return a UUID that was never returned before."""
        ...


class RandomIds:
    """UUIDs of version 4 from the machine's entropy."""

    def fresh(self) -> uuid.UUID:
        """Return a random UUID."""
        return uuid.uuid4()


class SeededIds:
    """UUIDs from a seed, the same in each run: the shipped fake."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def fresh(self) -> uuid.UUID:
        """Return the next UUID of the seed."""
        return uuid.UUID(int=self._random.getrandbits(128), version=4)


def read(text: str) -> uuid.UUID:
    """Return the UUID that a caller wrote: every edge reads ids by this, so that they all mean the same.

    Raises:
        ValueError: it is none; the message is for the caller, and follows the field's name.
    """
    if _SPELLING.fullmatch(text) is None:
        raise ValueError(f"must be a UUID, such as {NAMESPACE}; this is none: {text[:_TOLD_CHARACTERS]!r}")
    return uuid.UUID(text)


def derived(*parts: object) -> uuid.UUID:
    """Return the UUID (version 5) that `parts` always lead to. Parts are joined by a byte that no part contains."""
    return uuid.uuid5(NAMESPACE, "\x1f".join(str(part) for part in parts))
