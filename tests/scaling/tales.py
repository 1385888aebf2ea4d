"""Kinds of traffic: each a list of pools, with what happens to them, drawn from a seed."""

import dataclasses
import math
import random  # noqa: TID251 - a seed makes it the same again
from collections.abc import Callable, Sequence

from reelmesh_operator.model import pools

from tests.scaling import mesh

HOUR = 3600


@dataclasses.dataclass(frozen=True)
class Tale:
    """Traffic with a name."""

    name: str
    seconds: int
    pools: Callable[[random.Random], Sequence[tuple[pools.Desired, mesh.Traffic]]]
    #: Stretches in which the orchestrator does not answer, drawn from a seed.
    outages: int = 0


def pool(name: str, **wishes: object) -> pools.Desired:
    """Return a pool with the defaults of the resource."""
    workload = pools.Workload(pools.WorkloadKind.DEPLOYMENT, f"provider-{name}")
    made = pools.Desired(name=name, workload=workload, queue=pools.Queue(provider=name), max_replicas=20)
    return dataclasses.replace(made, **wishes)  # type: ignore[arg-type]


def _often(chance: random.Random, per_second: float) -> int:
    """Draw a number with a mean: Poisson's, for small means."""
    number, left = 0, math.exp(-per_second)
    product = chance.random()
    while product > left:
        number += 1
        product *= chance.random()
    return number


def _bursts(chance: random.Random) -> Sequence[tuple[pools.Desired, mesh.Traffic]]:
    burst_at = {chance.randrange(2 * HOUR): chance.randint(20, 200) for _ in range(chance.randint(4, 10))}
    traffic = mesh.Traffic(lambda now: burst_at.get(now, 0), slots=lambda now: 60)
    return [(pool("bursts"), traffic)]


def _days(chance: random.Random) -> Sequence[tuple[pools.Desired, mesh.Traffic]]:
    most, phase = chance.uniform(0.2, 0.6), chance.uniform(0, 2 * math.pi)

    def arrivals(now: int) -> int:
        # A day in two hours, with a night in which nothing comes.
        return _often(chance, max(0.0, most * math.sin(2 * math.pi * now / (2 * HOUR) + phase)))

    return [(pool("days"), mesh.Traffic(arrivals, slots=lambda now: 80))]


def _throttled(chance: random.Random) -> Sequence[tuple[pools.Desired, mesh.Traffic]]:
    shut = [(start := chance.randrange(2 * HOUR), start + chance.randint(60, 600)) for _ in range(4)]
    few = chance.randint(4, 12)

    def slots(now: int) -> int:
        return 0 if any(start <= now < end for start, end in shut) else few

    return [(pool("throttled"), mesh.Traffic(lambda now: _often(chance, 0.05), slots))]


def _shared(chance: random.Random) -> Sequence[tuple[pools.Desired, mesh.Traffic]]:
    cap = pools.Cap("gpus", 8)
    first = {chance.randrange(2 * HOUR): chance.randint(20, 120) for _ in range(4)}
    urgent = pool("urgent", cap=cap, priority=10, work_per_worker=2)
    patient = pool("patient", cap=cap, work_per_worker=2)
    return [
        (urgent, mesh.Traffic(lambda now: first.get(now, 0))),
        (patient, mesh.Traffic(lambda now: _often(chance, 0.2))),
    ]


TALES: Sequence[Tale] = (
    Tale("bursts", 2 * HOUR, _bursts),
    Tale("day and night", 4 * HOUR, _days),
    Tale("throttling", 2 * HOUR, _throttled),
    Tale("shared cap", 2 * HOUR, _shared),
    Tale("outages", 2 * HOUR, _bursts, outages=5),
)
