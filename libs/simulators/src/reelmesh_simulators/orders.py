"""What a vendor was asked for and what becomes of it with time: pure."""

import enum
import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
        doomed: fails whatever happens, as where only the model itself finds that its input is wrong.
        suffers: faults that a rule laid upon it, besides those that its prompt asks for.
        clips: how many takes are made of it.
        labels: what the caller marked it with.
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
    doomed: bool = False
    suffers: tuple[Marker, ...] = ()
    clips: int = 1
    labels: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def markers(self) -> tuple[Marker, ...]:
        """The faults that the prompt asks for, and those that a rule laid upon it."""
        return (*faults.read(self.prompt)[0], *self.suffers)

    def marker(self, fault: Fault) -> Marker | None:
        """Return the first of its faults that is this one."""
        return next((marker for marker in self.markers if marker.fault is fault), None)

    @property
    def request(self) -> str:
        """The prompt without markers: by it the ledger knows a request again, however often it comes."""
        return " ".join(faults.read(self.prompt)[1].split())


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the vendor is, seconds.

    Attributes:
        smaller: clips are made so many times narrower and lower than they were ordered: quicker to make and to work on.
    """

    queue_seconds: float = 0.1
    render_seconds: float = 0.4
    smaller: int = 1


@dataclass(frozen=True, slots=True)
class Job:
    """A clip that was ordered, and what was done to it since. Times are seconds since 1970.

    Attributes:
        job_id: the vendor's.
        account: whose key asked for it.
        price_micros: what it costs if it comes to all its clips.
        failed_micros: what it costs if it does not, without being stopped.
        deleted: its owner deleted it.
        forgotten: the vendor lost it, as by a restart.
        slot_from: when there is room for it among those that run; see `scheduled`.
    """

    job_id: str
    account: str
    order: Order
    created: float
    pace: Pace
    price_micros: int = 0
    failed_micros: int = 0
    cancelled: float | None = None
    deleted: bool = False
    forgotten: bool = False
    slot_from: float = 0.0

    def _amount(self, *wanted: Fault) -> float:
        return sum(marker.amount for marker in self.order.markers if marker.fault in wanted)

    def _has(self, fault: Fault) -> bool:
        return any(marker.fault is fault for marker in self.order.markers)

    @property
    def ready(self) -> float:
        """When it would leave the queue, were there room among those that run."""
        return self.created + self.pace.queue_seconds + self._amount(Fault.QUEUE)

    @property
    def starts(self) -> float:
        """When it leaves the queue."""
        return max(self.ready, self.slot_from)

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
        if self.order.doomed or self._has(Fault.FAIL) or self._has(Fault.FAIL_INSIDE):
            return State.FAILED
        return State.FILTERED if self.withheld == self.order.clips else State.SUCCEEDED

    @property
    def withheld(self) -> int:
        """How many of its clips are withheld for safety in the end."""
        if not self._has(Fault.FILTER):
            return 0
        return min(int(self._amount(Fault.FILTER)), self.order.clips) or self.order.clips

    def made(self, now: float) -> int:
        """Return how many clips there are of it by now, whether its owner can still ask for the job or not."""
        if self.cancelled is not None or self.empty or now < self.ends or self._ending is not State.SUCCEEDED:
            return 0
        return self.order.clips - self.withheld

    @property
    def may_pass(self) -> bool:
        """Whether its failure is the vendor's own, so that the same may succeed another time."""
        return self._has(Fault.FAIL_INSIDE)

    @property
    def code(self) -> int:
        """The vendor's own number for its failure that was asked for; 0 where any will do."""
        return int(self._amount(Fault.FAIL, Fault.FAIL_INSIDE))

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
        if now < self.ends:
            return 0
        if self._ending is not State.SUCCEEDED:
            return self.failed_micros
        return self.price_micros * (self.order.clips - self.withheld) // self.order.clips


def scheduled(jobs: Iterable[Job], slots: int, group: Callable[[Job], str]) -> Sequence[Job]:
    """Return the jobs, each with the moment from which there is room for it.

    Args:
        jobs: all that ever were, those too that were stopped.
        slots: how many of a group run at a time.
        group: which jobs share their slots.
    """
    free: dict[str, list[float]] = {}
    placed: list[Job] = []
    for job in sorted(jobs, key=lambda job: job.ready):
        if job.forgotten:
            placed.append(job)
            continue
        lanes = free.setdefault(group(job), [0.0] * slots)
        job = replace(job, slot_from=lanes[0])
        placed.append(job)
        if job.cancelled is None:
            heapq.heapreplace(lanes, job.ends)
        elif job.cancelled > job.starts:
            heapq.heapreplace(lanes, min(job.ends, job.cancelled))
    return sorted(placed, key=lambda job: job.created)
