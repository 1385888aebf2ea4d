"""The port for randomness: jitter and secrets."""

import random
import secrets
from typing import Protocol


class Chance(Protocol):
    """Randomness as a service may use it."""

    def uniform(self, low: float, high: float) -> float:
        """Return a number between `low` and `high`: for jitter, never for secrets."""
        ...

    def token(self, length_bytes: int) -> bytes:
        """Return unguessable bytes: for keys and signatures."""
        ...


class SystemChance:
    """The machine's entropy."""

    def __init__(self) -> None:
        self._random = random.Random()

    def uniform(self, low: float, high: float) -> float:
        """Return a pseudo-random number."""
        return self._random.uniform(low, high)

    def token(self, length_bytes: int) -> bytes:
        """Return bytes fit for secrets."""
        return secrets.token_bytes(length_bytes)


class SeededChance:
    """The same randomness in each run: the shipped fake."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def uniform(self, low: float, high: float) -> float:
        """Return the next number of the seed."""
        return self._random.uniform(low, high)

    def token(self, length_bytes: int) -> bytes:
        """Return the next bytes of the seed."""
        return self._random.randbytes(length_bytes)
