"""What the orchestrator says of pools, in our words."""

from collections.abc import Sequence

from reelmesh.v1 import pool_pb2

from reelmesh_operator.model import pools

PROVIDER, MEDIA = "provider", "media"


def signal_from_proto(queue: pools.Queue, answered: Sequence[pool_pb2.Pool], asked_at: float) -> pools.Signal:
    """Return what there is to do in a queue; a provider that nobody has heard of has nothing to do and is not known."""
    kind, name = key(queue)
    found = next((one for one in answered if (one.kind, one.pool) == (kind, name)), None)
    if found is None:
        return pools.Signal(asked_at, known=kind == MEDIA)
    workers = tuple(
        pools.Worker(one.name, idle=one.idle, drained=one.drained, cordoned=one.cordoned, load=one.load)
        for one in found.workers
    )
    if kind == MEDIA:
        to_do = sum(one.steps for one in found.lanes if one.lane in queue.lanes)
        return pools.Signal(asked_at, to_do=to_do, workers=workers)
    return pools.Signal(
        asked_at,
        known=found.known,
        waiting=found.waiting,
        room=found.sendable,
        to_do=found.dispatched + found.submitting,
        watched=found.watched,
        workers=workers,
    )


def key(queue: pools.Queue) -> tuple[str, str]:
    """Return the kind and the name by which the orchestrator knows a queue's workers."""
    return (PROVIDER, queue.provider) if queue.provider else (MEDIA, MEDIA)
