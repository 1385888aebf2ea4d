"""Which workers go when there are to be fewer: cordoned first, then known to be idle, then marked, then gone.

The number of replicas says how many Pods go, never which. A stateful set takes the highest number. A replica set takes
Pods that do not run, then those that are not ready, and only then looks at their deletion cost. So the number is
lowered only as far as those would go first that nobody misses, whatever chance decides among equals. They are marked
before, also those that would go first anyway: one that becomes ready in the meantime still goes before the others. And
while one that is missed fails its probe nobody goes: it would go before all that are ready, whatever they cost.
"""

import dataclasses
from collections.abc import Mapping

from reelmesh_operator.model.pools import Actual, Pod, Worker, WorkloadKind

# What a Pod costs that may go; others cost nothing, which is 0.
DRAINED_COST = -1000


@dataclasses.dataclass(frozen=True)
class Shrinking:
    """What is done to come to fewer workers."""

    #: Workers that take no new work from now on.
    cordon: tuple[str, ...]
    #: Deletion costs to write.
    costs: Mapping[str, int]
    #: How many replicas the workload may have now.
    replicas: int


def shrink(kind: WorkloadKind, actual: Actual, workers: Mapping[str, Worker], target: int) -> Shrinking:
    """Return the next thing to do on the way to `target` replicas, fewer than there are.

    Args:
        kind: what runs the workers.
        actual: what there is.
        workers: those that hold a lease, by the name of their Pod.
        target: how many there shall be.
    """
    live = actual.live
    surplus = actual.replicas - target
    absent = min(max(actual.replicas - len(live), 0), surplus)
    leaving = _leaving(kind, live, workers, surplus - absent)
    going = _going_first(kind, live, workers)
    return Shrinking(
        cordon=tuple(sorted(pod.name for pod in leaving)),
        costs=_costs(kind, live, {pod.name for pod in leaving}, workers),
        # While more Pods are there than there shall be, others are going: which ones is not known.
        replicas=actual.replicas - absent - (min(going, surplus - absent) if len(live) <= actual.replicas else 0),
    )


def going(kind: WorkloadKind, actual: Actual, workers: Mapping[str, Worker], target: int) -> tuple[str, ...]:
    """Return who was drained to go and goes: until it is gone it takes nothing new, whatever is decided now."""
    # As far as more of them are to be drained, that is decided anew.
    excess = len(actual.live) - target if target >= actual.replicas else 0
    chosen = [pod for pod in _leaving(kind, actual.live, workers, excess) if _marked(kind, pod)]
    ending = [pod for pod in actual.pods if pod.terminating]
    cordoned = {worker.name for worker in workers.values() if worker.cordoned}
    return tuple(sorted({pod.name for pod in (*chosen, *ending)} & cordoned))


def unmark(kind: WorkloadKind, actual: Actual, target: int) -> Mapping[str, int]:
    """Return the costs to write when nobody more is to go."""
    if len(actual.live) > target:
        # Whoever deletes is about to look at the marks.
        return {}
    return _costs(kind, actual.live, frozenset(), {})


def dispensable(pod: Pod, worker: Worker | None) -> bool:
    """Tell whether nobody misses a Pod: it is drained, or holds no lease and was never ready to.

    One that has lost its lease is at work as before, until it hears of that; nobody may have told it for a while.
    """
    return worker.drained and worker.cordoned if worker is not None else not (pod.ready or pod.faltered)


def _place(kind: WorkloadKind, pod: Pod) -> tuple[int, ...]:
    """Return the Pod's place in the order of going."""
    if kind is WorkloadKind.STATEFUL_SET:
        return (-pod.ordinal,)
    return (not pod.pending, pod.ready, pod.deletion_cost)


def _leaving(kind: WorkloadKind, live: tuple[Pod, ...], workers: Mapping[str, Worker], number: int) -> tuple[Pod, ...]:
    """Return who is to go: who would go first anyway, then who is soonest done."""

    def order(pod: Pod) -> tuple[object, ...]:
        if kind is WorkloadKind.STATEFUL_SET:
            return (-pod.ordinal,)
        worker = workers.get(pod.name)
        if worker is None:
            # One that is ready but holds no lease is about to get one, or to be asked why not.
            return (not pod.pending, pod.ready, False, not _marked(kind, pod), True, False, 0, pod.name)
        return (
            not pod.pending,
            pod.ready,
            not dispensable(pod, worker),
            # Who is marked stays so: a mark takes a while to be seen by who deletes.
            not _marked(kind, pod),
            not worker.idle,
            not worker.cordoned,
            worker.load,
            pod.name,
        )

    return tuple(sorted(live, key=order)[: max(number, 0)])


def _going_first(kind: WorkloadKind, live: tuple[Pod, ...], workers: Mapping[str, Worker]) -> int:
    """Return how many Pods would go, one after the other, that nobody misses, whoever becomes ready meanwhile."""
    missed = [pod for pod in live if not dispensable(pod, workers.get(pod.name))]
    if kind is WorkloadKind.DEPLOYMENT and not all(pod.ready for pod in missed):
        return 0
    number = 0
    for place in sorted({_place(kind, pod) for pod in live}):
        equals = [pod for pod in live if _place(kind, pod) == place]
        if not all(_marked(kind, pod) and dispensable(pod, workers.get(pod.name)) for pod in equals):
            break
        number += len(equals)
    return number


def _marked(kind: WorkloadKind, pod: Pod) -> bool:
    return kind is WorkloadKind.STATEFUL_SET or pod.deletion_cost == DRAINED_COST


def _costs(
    kind: WorkloadKind, live: tuple[Pod, ...], leaving: frozenset[str] | set[str], workers: Mapping[str, Worker]
) -> Mapping[str, int]:
    if kind is WorkloadKind.STATEFUL_SET:
        return {}
    wanted = {
        pod.name: DRAINED_COST if pod.name in leaving and dispensable(pod, workers.get(pod.name)) else 0 for pod in live
    }
    # Costs that somebody else has written are theirs.
    return {
        pod.name: wanted[pod.name]
        for pod in live
        if pod.deletion_cost != wanted[pod.name] and (wanted[pod.name] or pod.deletion_cost == DRAINED_COST)
    }
