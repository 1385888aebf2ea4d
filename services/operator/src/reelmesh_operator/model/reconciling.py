"""What is to be done about all pools, from what they shall be, what they are, what work there is, and the time.

`reconcile` is one function without effects: the same views at the same time come to the same decisions. What nobody
knows changes nothing: without a fresh signal, or without having read the workload, a pool stays as it is.
"""

import collections
import dataclasses
from collections.abc import Mapping, Sequence

from reelmesh_operator.model import demand, sharing, shrinking, stabilizing, telling
from reelmesh_operator.model.pools import Decision, Memory, Pause, View


def reconcile(views: Sequence[View], now: float) -> Mapping[str, Decision]:
    """Return what is to be done about each pool, by its name.

    Args:
        views: all pools, each with what is known about it.
        now: the operator's clock that counts suspension, seconds.
    """
    wishes = [_wish(view, now) for view in _without_twins(views)]
    shares = _shares(wishes)
    return {wish.view.desired.name: _decide(wish, shares.get(wish.view.desired.name)) for wish in wishes}


@dataclasses.dataclass(frozen=True)
class _Wish:
    """What a pool would have if it were alone."""

    view: View
    memory: Memory
    #: Why it stays as it is; "" when it does not.
    held: telling.Held
    #: What the work needs, for people; None: nobody knows.
    needed: int | None = None
    #: What it would be.
    wanted: int = 0


def _without_twins(views: Sequence[View]) -> Sequence[View]:
    """Take their workload from pools that name one which another names too: the first by name has it."""
    owners: dict[object, str] = {}
    for view in sorted(views, key=lambda one: one.desired.name):
        owners.setdefault(view.desired.workload, view.desired.name)
    return [
        view
        if owners[view.desired.workload] == view.desired.name
        else dataclasses.replace(view, actual=None, taken_by=owners[view.desired.workload])
        for view in sorted(views, key=lambda one: one.desired.name)
    ]


def _wish(view: View, now: float) -> _Wish:
    desired, actual, signal = view.desired, view.actual, view.signal
    memory = view.memory if actual is None else dataclasses.replace(view.memory, used=actual.used)
    held = telling.held(view, now)
    if signal is None or held.is_stale:
        return _Wish(view, stabilizing.deaf(memory), held)
    needed = demand.needed(signal, desired)
    memory = dataclasses.replace(stabilizing.heard(memory, needed, desired, now), asked_at=signal.asked_at)
    if actual is None:
        return _Wish(view, memory, held, needed)
    wanted = stabilizing.stabilized(memory, needed, actual.replicas, desired, now)
    wanted = max(desired.min_replicas, min(wanted, desired.max_replicas))
    return _Wish(view, memory, held, needed, _unless_paused(wanted, actual.replicas, desired.pause))


def _unless_paused(wanted: int, current: int, pause: Pause) -> int:
    if pause is Pause.ALL:
        return current
    if pause is Pause.SCALE_IN:
        return max(wanted, current)
    return min(wanted, current) if pause is Pause.SCALE_OUT else wanted


def _shares(wishes: Sequence[_Wish]) -> Mapping[str, sharing.Share]:
    groups: dict[str, list[_Wish]] = collections.defaultdict(list)
    for wish in wishes:
        if wish.view.desired.cap is not None and not wish.view.taken_by:
            groups[wish.view.desired.cap.group].append(wish)
    found: dict[str, sharing.Share] = {}
    for members in groups.values():
        cap = min(wish.view.desired.cap.max_replicas for wish in members if wish.view.desired.cap is not None)
        found.update(sharing.share(cap, [_claim(wish) for wish in members]))
    return found


def _claim(wish: _Wish) -> sharing.Claim:
    desired, actual = wish.view.desired, wish.view.actual
    # A pool that was never seen may have as many as it is allowed to, unless there is no such workload.
    unseen = wish.memory.used if wish.memory.used is not None else desired.max_replicas
    used = actual.used if actual is not None else 0 if wish.view.missing else unseen
    return sharing.Claim(
        name=desired.name,
        priority=desired.priority,
        minimum=desired.min_replicas,
        wanted=wish.wanted,
        replicas=actual.replicas if actual is not None else used,
        used=used,
        # Who is paused or only rehearses does not make room for others.
        fixed=bool(wish.held.reason) or desired.dry_run or desired.pause is Pause.ALL,
    )


def _decide(wish: _Wish, share: sharing.Share | None) -> Decision:
    view, actual, signal = wish.view, wish.view.actual, wish.view.signal
    if wish.held.reason or actual is None or signal is None:
        told = telling.Told(view, wish.held, wish.needed, None, None)
        target = None if actual is None else actual.replicas
        return Decision(target, None, None, {}, telling.conditions(told), wish.memory)
    # A rehearsal shows what it would be if it were alone.
    if view.desired.dry_run:
        share = None
    target = share.target if share else wish.wanted
    if view.desired.pause in (Pause.SCALE_IN, Pause.ALL):
        target = max(target, actual.replicas)
    conditions = telling.conditions(telling.Told(view, wish.held, wish.needed, target, wish.wanted if share else None))
    replicas, cordon, costs = _deeds(view, target)
    if view.desired.dry_run:
        # Whom it had cordoned before it only rehearsed may work again.
        return Decision(target, None, (), {}, conditions, wish.memory)
    return Decision(target, replicas, cordon, costs, conditions, wish.memory)


def _deeds(view: View, target: int) -> tuple[int | None, tuple[str, ...] | None, Mapping[str, int]]:
    """Return the replicas to write, the workers to cordon and the costs to write."""
    desired, actual, signal = view.desired, view.actual, view.signal
    if actual is None or signal is None:
        return None, None, {}
    kind, workers = desired.workload.kind, {worker.name: worker for worker in signal.workers}
    going = shrinking.going(kind, actual, workers, target)
    if target >= actual.replicas:
        return (target if target > actual.replicas else None), going, shrinking.unmark(kind, actual, target)
    # Since an old signal workers were let go and new ones came: only a new one says who may go.
    if not actual.settled or signal.asked_at == view.memory.asked_at:
        return None, None, {}
    done = shrinking.shrink(kind, actual, workers, target)
    cordon = tuple(sorted({*done.cordon, *going}))
    return (done.replicas if done.replicas < actual.replicas else None), cordon, done.costs
