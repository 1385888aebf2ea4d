"""What is told of a pool: its conditions, each with a reason in one word and a sentence for people."""

import dataclasses

from reelmesh_operator.model import demand
from reelmesh_operator.model.pools import Condition, ConditionType, Pause, Truth, View

_T, _IS = ConditionType, Truth


@dataclasses.dataclass(frozen=True)
class Held:
    """Why a pool stays as it is."""

    #: In one word; "" when nothing holds it.
    reason: str = ""
    message: str = ""

    @property
    def is_stale(self) -> bool:
        """Whether it is because nobody knows how much work there is."""
        return self.reason in (_NO_SIGNAL, _STALE)


_NO_SIGNAL, _STALE = "NoSignal", "SignalStale"


@dataclasses.dataclass(frozen=True)
class Told:
    """What conditions are made of."""

    view: View
    held: Held
    #: Workers that the work needs; None: nobody knows.
    needed: int | None
    #: Workers that there shall be; None while it is held.
    target: int | None
    #: What it would be without a shared cap; None where there is none.
    alone: int | None


def held(view: View, now: float) -> Held:
    """Return why a pool stays as it is."""
    trouble = f": {view.trouble}" if view.trouble else ""
    if view.signal is None:
        return Held(_NO_SIGNAL, f"The orchestrator has not said yet how much work there is{trouble}")
    age = now - view.signal.asked_at
    if age > view.desired.stale_seconds:
        return Held(
            _STALE,
            f"The last answer is older than {view.desired.stale_seconds:g} s: nothing is changed{trouble}",
        )
    work = view.desired.workload
    if view.taken_by:
        return Held("WorkloadTaken", f"{work.kind} {work.name} is scaled by the WorkerPool {view.taken_by} already")
    if view.missing:
        return Held(
            "WorkloadMissing", f"There is no {work.kind} {work.name} in this namespace: make it, or name another"
        )
    if view.actual is None:
        return Held("WorkloadUnreadable", f"{work.kind} {work.name} could not be read{trouble}")
    return Held()


def conditions(told: Told) -> tuple[Condition, ...]:
    """Return all conditions, in the same order always."""
    return (_ready(told), _active(told), _limited(told), _signal(told), _paused(told))


def _ready(told: Told) -> Condition:
    if told.held.reason:
        return Condition(_T.READY, _IS.FALSE, told.held.reason, told.held.message)
    if told.view.desired.dry_run:
        return Condition(_T.READY, _IS.TRUE, "DryRun", "Decisions are told, and not carried out")
    return Condition(_T.READY, _IS.TRUE, "Reconciled")


def _active(told: Told) -> Condition:
    if told.needed is None:
        return Condition(_T.ACTIVE, _IS.UNKNOWN, told.held.reason, "Nobody knows how much work there is")
    if not told.needed:
        return Condition(_T.ACTIVE, _IS.FALSE, "NoWork")
    signal = told.view.signal
    if signal is not None and not signal.known:
        return Condition(_T.ACTIVE, _IS.TRUE, "ProviderUnknown", "One worker is started that tells what it can do")
    return Condition(_T.ACTIVE, _IS.TRUE, "Work", f"The work needs {told.needed} workers")


def _limited(told: Told) -> Condition:
    if told.needed is None or told.target is None or told.view.signal is None:
        return Condition(_T.LIMITED, _IS.UNKNOWN, told.held.reason or "Held")
    if told.alone is not None and told.alone > told.target:
        cap = told.view.desired.cap
        name = cap.group if cap else ""
        return Condition(
            _T.LIMITED, _IS.TRUE, "SharedCap", f"{told.alone} workers are wanted; others of {name} take up the cap"
        )
    if told.needed > told.view.desired.max_replicas:
        message = f"{told.needed} workers are needed, maxReplicas is {told.view.desired.max_replicas}"
        return Condition(_T.LIMITED, _IS.TRUE, "MaxReplicas", message)
    waiting = demand.held_back(told.view.signal)
    if waiting:
        message = f"{waiting} attempts wait for slots, breakers or switches of the provider's accounts, not for workers"
        return Condition(_T.LIMITED, _IS.TRUE, "ProviderLimits", message)
    return Condition(_T.LIMITED, _IS.FALSE, "NotLimited")


def _signal(told: Told) -> Condition:
    if told.held.is_stale:
        return Condition(_T.SIGNAL_HEALTHY, _IS.FALSE, told.held.reason, told.held.message)
    return Condition(_T.SIGNAL_HEALTHY, _IS.TRUE, "Fresh")


def _paused(told: Told) -> Condition:
    pause = told.view.desired.pause
    if pause is Pause.NONE:
        return Condition(_T.PAUSED, _IS.FALSE, "NotPaused")
    return Condition(_T.PAUSED, _IS.TRUE, pause.value)
