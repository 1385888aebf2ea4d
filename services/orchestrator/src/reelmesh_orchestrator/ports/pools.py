"""What is kept about pools of workers: what there is to do, who does it, and who takes no new work."""

import dataclasses
import datetime
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from reelmesh_orchestrator.model import pooling


@dataclasses.dataclass(frozen=True)
class AtWork:
    """How busy a worker says it is."""

    #: Whether nothing would be lost or repeated if it ended now.
    idle: bool = False
    #: Whether it was so while it was cordoned and knew it.
    drained: bool = False
    #: Attempts that it submits, or steps that it runs.
    load: int = 0


NOTHING_SAID = AtWork()


@dataclasses.dataclass(frozen=True)
class PoolWorker:
    """A worker that holds a lease."""

    worker_id: str
    kind: str
    pool: str
    name: str
    cordoned: bool
    at_work: AtWork


@dataclasses.dataclass(frozen=True)
class Works:
    """What there is to do, as the record counts it."""

    #: Attempts that have not ended, by provider, account, model and state.
    attempts: Sequence[pooling.Counted]
    #: Steps that have not ended, by lane.
    steps: Mapping[str, int]
    workers: Sequence[PoolWorker]


@dataclasses.dataclass(frozen=True)
class SeenPool:
    """A pool: what there is to do, and who does it."""

    kind: str
    pool: str
    known: bool
    work: pooling.Work = pooling.Work()
    #: Steps that have not ended, by lane.
    steps: Mapping[str, int] = dataclasses.field(default_factory=dict[str, int])
    workers: Sequence[PoolWorker] = ()


class PoolStore(Protocol):
    """The part of a transaction that is about pools."""

    def works(self) -> Works:
        """Return what there is to do, and who does it."""
        ...

    def cordon(self, kind: str, pool: str, names: Collection[str], until: datetime.datetime) -> None:
        """Cordon these workers of a pool, and no others."""
        ...

    def hand_over(self, worker_id: str, keeping: Collection[uuid.UUID]) -> None:
        """Free the unresolved attempts that a worker observes or looks for, but those that it keeps."""
        ...
