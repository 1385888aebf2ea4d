"""What a worker tells after the record went back: what it has seen of it, and which jobs an account has."""

import datetime
from dataclasses import dataclass

from reelmesh_provider.model.outcomes import Evidence


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment of the orchestrator's record, carried to be said again: it must know it."""

    era_id: str
    position: int = 0
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a worker's next life must know of the record.

    Attributes:
        mark: the last that was seen of it; None when that is nothing.
        counted_era_id: the last era of which every account was told; "" when there was none.
    """

    mark: Mark | None = None
    counted_era_id: str = ""


@dataclass(frozen=True, slots=True)
class CensusOrder:
    """An account whose jobs the worker must tell.

    Attributes:
        era_id: what it is asked for.
        since: nothing older is missing; None means that everything may be.
        wait_seconds: the list counts when it is read so long after the order was first seen, by our own clock.
    """

    era_id: str
    account_id: str
    since: datetime.datetime | None
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job at an account, with what tells whose it is: the attempt's id, or the seed that it was asked for with."""

    job_id: str
    attempt_id: str = ""
    seed: int | None = None
    model: str = ""
    project: str = ""
    evidence: Evidence = Evidence.ADOPTION


@dataclass(frozen=True, slots=True)
class Census:
    """What an account has. `complete` says that nothing is missing of what was created since the time asked for."""

    jobs: tuple[ListedJob, ...] = ()
    complete: bool = False


@dataclass(frozen=True, slots=True)
class CensusPage:
    """A part of what is told about an account; the `last` one says whether all of it was read, or why not."""

    worker_id: str
    era_id: str
    account_id: str
    jobs: tuple[ListedJob, ...]
    last: bool = False
    complete: bool = False
    message: str = ""
