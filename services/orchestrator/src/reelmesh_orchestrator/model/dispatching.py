"""Chooses which of the waiting attempts of an account go out now."""

import dataclasses
import uuid
from collections.abc import Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Waiting:
    """A planned attempt, in the order of its rank."""

    attempt_id: uuid.UUID
    generation_id: uuid.UUID
    tenant_id: str


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
