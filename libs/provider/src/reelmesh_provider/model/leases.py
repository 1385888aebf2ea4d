"""What a worker and the orchestrator tell each other: leave to submit, facts, leases and orders."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reelmesh_provider.model.census import CensusOrder, Mark
from reelmesh_provider.model.outcomes import ClipFacts, Evidence, Outcome
from reelmesh_provider.model.tasks import Task


@dataclass(frozen=True, slots=True)
class Go:
    """Leave to submit once: the last byte leaves within this time of the first sending of the nonce, or never."""

    submit_within_seconds: float


@dataclass(frozen=True, slots=True)
class Drop:
    """No leave. `come_again` tells whether the same attempt may be begun later."""

    reason: str
    come_again: bool = False


@dataclass(frozen=True, slots=True)
class JobFact:
    """The provider gave an attempt an id: a fact, true whoever tells it and whenever.

    Account and model are for a record that does not know the attempt.
    """

    attempt_id: str
    worker_id: str
    job_id: str
    evidence: Evidence
    project: str = ""
    account_id: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """A job ended. Cost in micro-dollars; None means what the outcome implies."""

    attempt_id: str
    worker_id: str
    job_id: str
    outcome: Outcome
    message: str = ""
    cost_micros: int | None = None
    clip_asset_id: str = ""
    clip: ClipFacts | None = None


@dataclass(frozen=True, slots=True)
class WatchOrder:
    """An accepted attempt to watch, and whether its job must be asked to stop."""

    task: Task
    job_id: str
    cancel: bool = False


@dataclass(frozen=True, slots=True)
class FindOrder:
    """An indeterminate attempt to look for.

    Attributes:
        revision: of the generation; a conclusion is worth nothing when it changed since.
        wait_seconds: a list that shows nothing counts only when it started this long after the order was first seen.
        exclusive: everything at the account is ours.
        rivals: unresolved attempts, this one included, that a match could belong to just as well.
        claimed_job_ids: jobs at the account that belong to other attempts.
    """

    task: Task
    revision: int
    wait_seconds: float
    exclusive: bool = False
    rivals: int = 1
    claimed_job_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LeaseReport:
    """What a worker holds. What it does not list it has lost.

    Attributes:
        mark: the last that it has seen of the record.
        counted_era_id: the last era of which it has told every account.
        cordoned: it takes no new work, because the last answer said so.
        idle: nothing would be lost or repeated if it ended now.
    """

    worker_id: str
    pool: str
    name: str
    submitting: tuple[str, ...] = ()
    watching: tuple[str, ...] = ()
    finding: tuple[str, ...] = ()
    room: int = 0
    mark: Mark | None = None
    counted_era_id: str = ""
    cordoned: bool = False
    idle: bool = False


@dataclass(frozen=True, slots=True)
class LeaseAnswer:
    """What a worker must know. `held` false: the lease lapsed, come back under a new id.

    Attributes:
        mark: the present moment of the record, to be said with every renewal and every Begin.
        recovering: the record went back and lost jobs are looked for: nothing may begin.
        census: accounts whose jobs the worker must tell.
    """

    held: bool
    lease_seconds: float
    renew_every_seconds: float
    watch: tuple[WatchOrder, ...] = ()
    find: tuple[FindOrder, ...] = ()
    cancel: tuple[str, ...] = ()
    forget: tuple[str, ...] = ()
    cordoned: bool = False
    rates: Mapping[str, float] = field(default_factory=dict[str, float])
    mark: Mark | None = None
    recovering: bool = False
    census: tuple[CensusOrder, ...] = ()


@dataclass(frozen=True, slots=True)
class Nudge:
    """Somebody says that a job has ended: a reason to look at it now, and no more.

    Attributes:
        vendor_job_id: as the vendor calls it.
        attempt_id: whose it is said to be; "" where nothing of ours came back.
    """

    account_id: str
    vendor_job_id: str
    attempt_id: str = ""
