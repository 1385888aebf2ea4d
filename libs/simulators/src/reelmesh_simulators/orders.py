"""What a vendor was asked for and what becomes of it with time: pure."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reelmesh_simulators import faults
from reelmesh_simulators.faults import Fault, Marker

STALLED_PERCENT = 50


class State(enum.StrEnum):
    """Where a job is."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    FILTERED = "FILTERED"
    CANCELLED = "CANCELLED"
    FORGOTTEN = "FORGOTTEN"  # the vendor says that it knows no such job


ENDED = frozenset({State.SUCCEEDED, State.FAILED, State.FILTERED, State.CANCELLED, State.FORGOTTEN})


@dataclass(frozen=True, slots=True)
class Order:
    """One request for one clip, in no vendor's words.

    Attributes:
        prompt: as it came, with its markers.
        seconds, width, height: of the clip that will be made.
        told: what the vendor's dialect wants to say back of it: JSON.
        webhook_url: where the end is told; empty for nowhere.
    """

    prompt: str
    model: str
    seconds: float
    width: int
    height: int
    audio: bool = True
    seed: int | None = None
    told: Mapping[str, Any] = field(default_factory=dict[str, Any])
    webhook_url: str = ""

    @property
    def markers(self) -> tuple[Marker, ...]:
        """The faults that the prompt asks for."""
        return faults.read(self.prompt)[0]

    @property
    def request(self) -> str:
        """The prompt without markers: by it the ledger knows a request again, however often it comes."""
        return faults.read(self.prompt)[1]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the vendor is, seconds."""

    queue_seconds: float = 0.1
    render_seconds: float = 0.4


@dataclass(frozen=True, slots=True)
class Job:
    """A clip that was ordered, and what was done to it since. Times are seconds since 1970.

    Attributes:
        job_id: the vendor's.
        account: whose key asked for it.
        price_micros: what it costs if it comes to a clip.
        deleted: its owner deleted it.
        forgotten: the vendor lost it, as by a restart.
    """

    job_id: str
    account: str
    order: Order
    created: float
    pace: Pace
    price_micros: int = 0
    cancelled: float | None = None
    deleted: bool = False
    forgotten: bool = False

    def _amount(self, *wanted: Fault) -> float:
        return sum(marker.amount for marker in self.order.markers if marker.fault in wanted)

    def _has(self, fault: Fault) -> bool:
        return any(marker.fault is fault for marker in self.order.markers)

    @property
    def starts(self) -> float:
        """When it leaves the queue."""
        return self.created + self.pace.queue_seconds + self._amount(Fault.QUEUE)

    @property
    def ends(self) -> float:
        """When it ends if nobody stops it; never, where it stalls."""
        return float("inf") if self._has(Fault.STALL) else self.starts + self.pace.render_seconds + self._slowness

    @property
    def _slowness(self) -> float:
        return self._amount(Fault.SLOW)

    @property
    def listed_from(self) -> float:
        """When the list has it."""
        return self.created + self._amount(Fault.UNLISTED)

    def state(self, now: float) -> State:
        """Return where it is."""
        if self.forgotten or (self._has(Fault.FORGET) and now >= self.created + self._amount(Fault.FORGET)):
            return State.FORGOTTEN
        if self.cancelled is not None:
            return State.CANCELLED
        if now < self.starts:
            return State.QUEUED
        if now < self.ends:
            return State.RUNNING
        return self._ending

    @property
    def _ending(self) -> State:
        if self._has(Fault.FAIL) or self._has(Fault.FAIL_INSIDE):
            return State.FAILED
        return State.FILTERED if self._has(Fault.FILTER) else State.SUCCEEDED

    @property
    def may_pass(self) -> bool:
        """Whether its failure is the vendor's own, so that the same may succeed another time."""
        return self._has(Fault.FAIL_INSIDE)

    @property
    def empty(self) -> bool:
        """Whether it ends well with nothing in it."""
        return self._has(Fault.EMPTY)

    def percent(self, now: float) -> int:
        """Return its progress: 0 in the queue, at most 99 before it has ended, stuck where it stalls."""
        if self.state(now) in ENDED:
            return 100
        if now < self.starts:
            return 0
        if self._has(Fault.STALL):
            return STALLED_PERCENT
        return min(99, int(100 * (now - self.starts) / max(self.ends - self.starts, 1e-9)))

    def bill_micros(self, now: float) -> int:
        """Return what it costs as things are: clips that were made, and renders that were stopped half-way."""
        if self.cancelled is not None:
            return self.price_micros if self.cancelled >= self.starts else 0
        return self.price_micros if now >= self.ends and self._ending is State.SUCCEEDED else 0
