"""Makes a failing plan smaller: whatever can be left out while the same rule still breaks is left out."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeVar

from tests.simulation import plan

MOST_RUNS = 120
Thing = TypeVar("Thing")


def shrunk(failing: plan.Plan, fails: Callable[[plan.Plan], bool], most_runs: int = MOST_RUNS) -> plan.Plan:
    """Return a plan with as few faults, then as few wishes, as still fail; with `most_runs` tries at most."""
    left = _Left(fails, most_runs)
    faults = left.least(failing.faults, lambda kept: dataclasses.replace(failing, faults=tuple(kept)))
    small = dataclasses.replace(failing, faults=tuple(faults))
    wanted = left.least(small.wanted, lambda kept: dataclasses.replace(small, wanted=tuple(kept)))
    return dataclasses.replace(small, wanted=tuple(wanted))


class _Left:
    """Tries that are left."""

    def __init__(self, fails: Callable[[plan.Plan], bool], runs: int) -> None:
        self._fails = fails
        self._runs = runs

    def least(self, things: Sequence[Thing], made: Callable[[Sequence[Thing]], plan.Plan]) -> Sequence[Thing]:
        """Leave out pieces, of half the length at first, then ever smaller ones, down to single things."""
        piece = max(len(things) // 2, 1)
        while True:
            things, smaller = self._without_pieces(things, piece, made)
            if piece == 1 and not smaller:
                return things
            piece = max(piece // 2, 1)

    def _without_pieces(
        self, things: Sequence[Thing], piece: int, made: Callable[[Sequence[Thing]], plan.Plan]
    ) -> tuple[Sequence[Thing], bool]:
        start, smaller = 0, False
        while start < len(things):
            kept = [*things[:start], *things[start + piece :]]
            if self._still(made(kept)):
                things, smaller = kept, True
            else:
                start += piece
        return things, smaller

    def _still(self, one: plan.Plan) -> bool:
        if self._runs <= 0 or not one.wanted:
            return False
        self._runs -= 1
        return self._fails(one)
