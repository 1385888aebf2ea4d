"""Who gets how much of a cap that several pools share: first what each has at least, then by priority, evenly."""

import dataclasses
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Claim:
    """What a pool wants of a cap."""

    name: str
    priority: int
    minimum: int
    wanted: int
    #: What its workload shall have as it is.
    replicas: int
    #: What it takes of the cap as it is.
    used: int
    #: Whether it stays as it is, whatever the others want.
    fixed: bool = False


@dataclasses.dataclass(frozen=True)
class Share:
    """What a pool gets."""

    #: What it is to have in the end.
    allotted: int
    #: What it may have at once: others have to shrink before it gets the rest.
    target: int


def share(cap: int, claims: Sequence[Claim]) -> dict[str, Share]:
    """Return what each pool gets, so that all together never have more than the cap, also on the way."""
    moving = sorted((claim for claim in claims if not claim.fixed), key=lambda claim: (-claim.priority, claim.name))
    left = max(cap - sum(claim.used for claim in claims if claim.fixed), 0)
    allotted = dict.fromkeys((claim.name for claim in moving), 0)
    left = _fill(allotted, {claim.name: min(claim.minimum, claim.wanted) for claim in moving}, left, moving)
    _fill(allotted, {claim.name: claim.wanted for claim in moving}, left, moving)
    free = max(cap - sum(claim.used for claim in claims), 0)
    shares = {claim.name: Share(claim.replicas, claim.replicas) for claim in claims if claim.fixed}
    for claim in moving:
        more = max(allotted[claim.name] - claim.replicas, 0)
        granted = min(more, free)
        free -= granted
        target = claim.replicas + granted if more else allotted[claim.name]
        shares[claim.name] = Share(allotted[claim.name], target)
    return shares


def _fill(allotted: dict[str, int], wanted: dict[str, int], left: int, moving: Sequence[Claim]) -> int:
    """Give what is left to those of the highest priority, one by one in turn; return what is left then."""
    for priority in sorted({claim.priority for claim in moving}, reverse=True):
        names = [claim.name for claim in moving if claim.priority == priority]
        while left > 0 and (hungry := [name for name in names if allotted[name] < wanted[name]]):
            for name in hungry[:left]:
                allotted[name] += 1
            left -= len(hungry[:left])
    return left
