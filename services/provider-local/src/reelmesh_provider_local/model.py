"""The local provider's nouns: jobs, their states, and the faults that can be asked of it."""

import enum
import re
from dataclasses import dataclass

_MARKER = re.compile(r"\[\[\s*([a-z-]+)(?:=([0-9.]+))?(?::([0-9]+))?\s*\]\]")


class State(enum.StrEnum):
    """Where a job is. What is neither QUEUED nor RENDERING never changes again."""

    QUEUED = "QUEUED"
    RENDERING = "RENDERING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    FILTERED = "FILTERED"
    CANCELLED = "CANCELLED"


UNFINISHED = (State.QUEUED, State.RENDERING)


class Fault(enum.StrEnum):
    """What can be asked for by a marker, `[[name]]`, `[[name=seconds]]`, `[[name:times]]` or `[[name=seconds:times]]`.

    With `:times` only the first so many submits of the same shot suffer it.
    """

    ACCEPT_DELAY = "accept-delay"  # the job is created, its id comes `seconds` later
    DROP = "drop"  # the job is created, but the connection breaks before its id comes
    VANISH = "vanish"  # the connection breaks before the job is created
    BUSY = "busy"  # refused as by a 429, to be tried again after `seconds`
    REFUSE = "refuse"  # refused in a way that may pass
    REFUSE_FOR_GOOD = "refuse-for-good"
    UNSAFE = "unsafe"  # refused for safety
    SLOW = "slow"  # rendering takes `seconds` longer
    STALL = "stall"  # rendering never ends
    FAIL = "fail"  # the job fails
    FILTER = "filter"  # the job is filtered for safety
    NO_VIDEO = "no-video"  # an error page in place of the clip
    CORRUPT = "corrupt"  # begins like an MP4, is none
    FETCH_FAILS = "fetch-fails"  # the clip breaks off half-way, the first `seconds` (a count) times
    FETCH_LOST = "fetch-lost"  # the clip cannot be had any more


@dataclass(frozen=True, slots=True)
class Marker:
    """One fault as asked for. `amount` is mostly seconds; `times` None means always."""

    fault: Fault
    amount: float = 0.0
    times: int | None = None


Faults = tuple[Marker, ...]


def read_markers(text: str) -> tuple[Faults, str]:
    """Return the faults that a text asks for, and the text without their markers. Unknown names stay text."""
    found: list[Marker] = []

    def take(match: re.Match[str]) -> str:
        name, amount, times = match.groups()
        if name not in set(Fault):
            return match[0]
        found.append(Marker(Fault(name), float(amount or 0), int(times) if times else None))
        return ""

    rest = _MARKER.sub(take, text)
    return tuple(found), rest.strip() if found else text


def write_markers(faults: Faults) -> str:
    """Return the text that `read_markers` reads as `faults`."""

    def one(marker: Marker) -> str:
        times = "" if marker.times is None else f":{marker.times}"
        return f"[[{marker.fault}={marker.amount:g}{times}]]"

    return "".join(one(marker) for marker in faults)


def suffered(faults: Faults, submits_before: int) -> Faults:
    """Return the faults that a submit suffers, when the shot had so many submits before."""
    return tuple(m for m in faults if m.times is None or submits_before < m.times)


def amount_of(faults: Faults, fault: Fault) -> float | None:
    """Return the amount of a fault; None when it is not among `faults`."""
    return next((marker.amount for marker in faults if marker.fault is fault), None)


@dataclass(frozen=True, slots=True)
class Order:
    """A job as its customer knows it again."""

    job_id: str
    tag: str
    seed: int
    model: str


@dataclass(frozen=True, slots=True)
class Job:
    """A clip that was asked for.

    Attributes:
        job_id: ours, as a vendor's id.
        tag: what the client called it: the attempt's id.
        shot_id: the client's shot, only so that faults can be counted by it.
        request: what to render, as JSON.
        faults: what it suffers.
    """

    job_id: str
    tag: str
    shot_id: str
    seed: int
    model: str
    request: str
    faults: Faults = ()
    state: State = State.QUEUED
    message: str = ""
    size_bytes: int = 0
