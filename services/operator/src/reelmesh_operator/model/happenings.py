"""What happens to a pool that people want to read about later: what is told of it now, and was not before."""

import dataclasses
from collections.abc import Mapping, Sequence

from reelmesh_operator.model.pools import Condition, ConditionType, Decision, Truth

_T, _IS = ConditionType, Truth
# What was told before: by type, the status and the reason.
Before = Mapping[str, tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class Happening:
    """Something that happened to a pool."""

    #: In one word, for programs.
    reason: str
    #: For people.
    note: str
    #: Whether somebody may have to do something.
    warning: bool = False


def scaled(before: int, after: int, decision: Decision) -> Happening:
    """Return that the number of workers was changed, and why."""
    numbers = f"From {before} to {after} workers"
    told = {one.type: one for one in decision.conditions}
    if after < before:
        return Happening("ScaledDown", f"{numbers}: those that go have nothing to do")
    active, limited = told.get(_T.ACTIVE), told.get(_T.LIMITED)
    reasons = [active.message if active else "", limited.message if limited and limited.truth is _IS.TRUE else ""]
    why = "; ".join(filter(None, reasons))
    return Happening("ScaledUp", f"{numbers}: {why}" if why else f"{numbers}: as many as there are to be at least")


def turned(conditions: Sequence[Condition], before: Before) -> Sequence[Happening]:
    """Return what has turned since conditions were told last."""
    found = [_turned(one, *before.get(one.type.value, ("", ""))) for one in conditions]
    return [one for one in found if one is not None]


def _turned(now: Condition, was: str, reason: str) -> Happening | None:
    if (now.truth.value, now.reason) == (was, reason):
        return None
    match now.type:
        case ConditionType.SIGNAL_HEALTHY:
            return _signal(now, was)
        case ConditionType.LIMITED if now.truth is _IS.TRUE:
            return Happening("Limited", now.message or now.reason)
        case ConditionType.PAUSED:
            return _paused(now, was)
        case ConditionType.READY if now.truth is _IS.FALSE and now.reason not in ("NoSignal", "SignalStale"):
            return Happening(now.reason, now.message, warning=True)
        case _:
            return None


def _signal(now: Condition, was: str) -> Happening | None:
    if now.truth is _IS.FALSE:
        # That nobody answered yet, and that it was too long ago, is the same to people.
        return Happening("SignalLost", now.message, warning=True) if was != _IS.FALSE.value else None
    if was == _IS.FALSE.value:
        return Happening("SignalBack", "The orchestrator says again how much work there is")
    return None


def _paused(now: Condition, was: str) -> Happening | None:
    if now.truth is _IS.TRUE:
        which = {"ScaleIn": "is not shrunk", "ScaleOut": "is not grown"}.get(now.reason, "is not scaled")
        return Happening("Paused", f"It {which}, whatever there is to do")
    return Happening("Resumed", "It follows its work again") if was == _IS.TRUE.value else None
