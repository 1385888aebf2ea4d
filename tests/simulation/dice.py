"""Chance for the simulation: streams of numbers that depend on a seed and a purpose, and on nothing else."""

import random  # noqa: TID251 - the one place where the simulation draws; the mesh itself gets the kit's ports
from collections.abc import Mapping, Sequence
from typing import TypeVar

Thing = TypeVar("Thing")


class Dice:
    """One stream. Streams of different purposes do not disturb each other: a fault left out moves no latency."""

    def __init__(self, *parts: object) -> None:
        """Name the stream, such as by a seed and what is drawn."""
        self._random = random.Random("/".join(str(part) for part in parts))

    def uniform(self, low: float, high: float) -> float:
        """Return a number between `low` and `high`."""
        return self._random.uniform(low, high)

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return self._random.randint(low, high)

    def happens(self, share: float) -> bool:
        """Return True in this share of the cases."""
        return self._random.random() < share

    def one_of(self, things: Sequence[Thing]) -> Thing:
        """Return one of them, each as likely."""
        return self._random.choice(things)

    def weighted(self, things: Mapping[Thing, float]) -> Thing:
        """Return one of them, as likely as its weight says."""
        return self._random.choices(list(things), list(things.values()))[0]

    def number(self) -> int:
        """Return a seed for somebody else's stream."""
        return self._random.getrandbits(63)
