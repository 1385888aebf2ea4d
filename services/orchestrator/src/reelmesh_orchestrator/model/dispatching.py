"""Chooses which of the waiting attempts of an account go out now."""

import dataclasses
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence

from reelmesh_orchestrator.model.health import Health, Obstacle


@dataclasses.dataclass(frozen=True)
class Waiting:
    """A planned attempt, in the order of its rank."""

    attempt_id: uuid.UUID
    generation_id: uuid.UUID
    tenant_id: str
    model: str = ""


@dataclasses.dataclass(frozen=True)
class Parted:
    """What waits at an account, by whether it may go out."""

    free: tuple[Waiting, ...]
    kept: Mapping[uuid.UUID, Obstacle]


def part(waiting: Sequence[Waiting], provider: str, account_id: str, health: Health, trials: int) -> Parted:
    """Tell what may go out from what something stands in the way of; where breakers are not closed, trials go first.

    Args:
        waiting: planned attempts that are due, by priority and waiting time.
        provider: whose account it is.
        account_id: the account.
        health: what stands in whose way.
        trials: how many trials may be under way at once for each model.
    """
    free: list[Waiting] = []
    kept: dict[uuid.UUID, Obstacle] = {}
    sent: Counter[str] = Counter()
    for one in waiting:
        room = health.room(account_id, one.model, trials)
        obstacle = health.obstacle(provider, account_id, one.model, trial=room is not None and sent[one.model] < room)
        if obstacle is None:
            sent[one.model] += 1
            free.append(one)
        else:
            kept[one.attempt_id] = obstacle
    return Parted(tuple(free), kept)


def choose(waiting: Sequence[Waiting], in_flight: Mapping[str, int], free_slots: int) -> tuple[Waiting, ...]:
    """Return what goes out: the tenants with least in flight first, each tenant's own in the order of rank.

    Args:
        waiting: planned attempts that are due, by priority and waiting time.
        in_flight: attempts that each tenant has in flight at this account.
        free_slots: how many may go out.
    """
    load = dict(in_flight)
    queues: dict[str, list[Waiting]] = {}
    for one in waiting:
        queues.setdefault(one.tenant_id, []).append(one)
    positions = {one.attempt_id: position for position, one in enumerate(waiting)}
    chosen: list[Waiting] = []
    while len(chosen) < free_slots and queues:
        tenant = min(queues, key=lambda name: (load.get(name, 0), positions[queues[name][0].attempt_id]))
        one = queues[tenant].pop(0)
        if not queues[tenant]:
            del queues[tenant]
        load[tenant] = load.get(tenant, 0) + 1
        chosen.append(one)
    return tuple(chosen)
