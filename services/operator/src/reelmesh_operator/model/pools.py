"""The nouns: what a pool shall be, what it is, and what is known about its work."""

import dataclasses
import enum
from collections.abc import Mapping


class Pause(enum.StrEnum):
    """Which way a pool is not scaled; the names are those of the resource."""

    NONE = "None"
    SCALE_IN = "ScaleIn"
    SCALE_OUT = "ScaleOut"
    ALL = "All"


class WorkloadKind(enum.StrEnum):
    """What runs the workers: it decides who goes first when there are to be fewer."""

    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"


@dataclasses.dataclass(frozen=True)
class Workload:
    """What runs the workers."""

    kind: WorkloadKind
    name: str


@dataclasses.dataclass(frozen=True)
class Queue:
    """Where the work of a pool waits: at a provider, or in lanes of media."""

    provider: str = ""
    lanes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say it in a word."""
        return self.provider or "media:" + "+".join(self.lanes)


@dataclasses.dataclass(frozen=True)
class Cap:
    """What several pools share."""

    group: str
    #: Replicas of all pools of the group together; where pools disagree the smallest holds.
    max_replicas: int


@dataclasses.dataclass(frozen=True)
class Desired:
    """What somebody wants of a pool: the spec of its resource."""

    name: str
    workload: Workload
    queue: Queue
    min_replicas: int = 0
    max_replicas: int = 10
    #: Submits that a worker has open at once, or steps that it runs.
    work_per_worker: int = 4
    #: Accepted attempts that a worker watches.
    watched_per_worker: int = 200
    polling_seconds: float = 2.0
    #: A signal older than this is none.
    stale_seconds: float = 15.0
    #: There are more workers only when that many were needed for so long.
    up_seconds: float = 0.0
    #: There are fewer workers only when no more were needed for so long.
    down_seconds: float = 60.0
    #: The last worker goes when there was no work for so long.
    cooldown_seconds: float = 300.0
    pause: Pause = Pause.NONE
    dry_run: bool = False
    #: Whose workers come first where a cap is shared; higher is sooner.
    priority: int = 0
    cap: Cap | None = None
    generation: int = 0


@dataclasses.dataclass(frozen=True)
class Pod:
    """A Pod of a workload."""

    name: str
    ready: bool
    #: Whether it does not run yet.
    pending: bool = False
    #: Whether it is being deleted.
    terminating: bool = False
    deletion_cost: int = 0
    #: Whether it was ready since its container started, and is not any more: it may have work that nobody tells of.
    faltered: bool = False

    @property
    def ordinal(self) -> int:
        """Its number in a stateful set."""
        _, _, digits = self.name.rpartition("-")
        return int(digits) if digits.isdecimal() else -1


@dataclasses.dataclass(frozen=True)
class Actual:
    """What there is of a pool."""

    #: That its workload shall have, as it says now.
    replicas: int
    pods: tuple[Pod, ...] = ()
    #: Whether no rollout is under way: two sets of Pods shrink together in one.
    settled: bool = True

    @property
    def live(self) -> tuple[Pod, ...]:
        """The Pods that stay as far as anybody knows."""
        return tuple(pod for pod in self.pods if not pod.terminating)

    @property
    def used(self) -> int:
        """What it takes of a shared cap: Pods that are going still run."""
        return max(self.replicas, len(self.pods))


@dataclasses.dataclass(frozen=True)
class Worker:
    """A worker that holds a lease; its name is that of its Pod."""

    name: str
    #: Whether it had nothing to lose when it renewed its lease last.
    idle: bool
    #: Whether it was idle, and knew that it is cordoned: it begins nothing any more.
    drained: bool = False
    #: Whether the orchestrator has it cordoned.
    cordoned: bool = False
    #: How much it has at work: the fewer, the sooner it is drained.
    load: int = 0


@dataclasses.dataclass(frozen=True)
class Signal:
    """What the orchestrator said of a pool's work."""

    #: When it was asked, by the operator's own clock that counts suspension.
    asked_at: float
    #: Whether anybody has ever said what the provider can do; always so for media.
    known: bool = True
    #: Attempts that wait to be sent out.
    waiting: int = 0
    #: How many more the accounts' slots, breakers and switches would let out at this moment.
    room: int = 0
    #: Attempts that are sent out or being submitted, or steps that are sent or run.
    to_do: int = 0
    #: Attempts that are watched, or looked for.
    watched: int = 0
    workers: tuple[Worker, ...] = ()


@dataclasses.dataclass(frozen=True)
class Memory:
    """What a controller remembers of a pool. Nothing of it survives the controller: a new one begins to wait anew."""

    #: Since when it has heard of the pool's work without a gap; None while it does not.
    heard_since: float | None = None
    #: When there was work last, as far as it knows.
    active_at: float = 0.0
    #: What was needed, and when: as far as it can still be the most of the past, or the least.
    highs: tuple[tuple[float, int], ...] = ()
    lows: tuple[tuple[float, int], ...] = ()
    #: What it was seen to take of a shared cap last.
    used: int | None = None
    #: When the signal was asked for that was decided with last.
    asked_at: float | None = None


@dataclasses.dataclass(frozen=True)
class View:
    """All that is known about a pool at a moment."""

    desired: Desired
    #: None: its workload could not be read.
    actual: Actual | None
    #: The newest there is; None: nobody ever answered.
    signal: Signal | None
    memory: Memory = Memory()
    #: Why the workload or the signal could not be had, for people.
    trouble: str = ""
    #: Whether its workload is known not to exist.
    missing: bool = False
    #: The pool that scales its workload already, if that is another one.
    taken_by: str = ""


class ConditionType(enum.StrEnum):
    """What is told of a pool; the names are those of the resource."""

    READY = "Ready"
    ACTIVE = "Active"
    LIMITED = "Limited"
    SIGNAL_HEALTHY = "SignalHealthy"
    PAUSED = "Paused"


class Truth(enum.StrEnum):
    """Whether it is so."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


@dataclasses.dataclass(frozen=True)
class Condition:
    """Something that is so, is not so, or that nobody knows."""

    type: ConditionType
    truth: Truth
    #: In one word, for programs.
    reason: str
    #: For people.
    message: str = ""


@dataclasses.dataclass(frozen=True)
class Decision:
    """What is to be done about a pool, what is to be told, and what to remember."""

    #: How many workers it is on the way to; None: nobody knows.
    target: int | None
    #: What to write into the scale of its workload; None: leave it.
    replicas: int | None
    #: Which workers take no new work, by name: these and no others. None: leave it as it is.
    cordon: tuple[str, ...] | None
    #: Deletion costs to write, by Pod.
    costs: Mapping[str, int]
    conditions: tuple[Condition, ...]
    memory: Memory
