"""What the record tells: the words in which it answers."""

import dataclasses
import datetime
import uuid
from collections.abc import Mapping

from reelmesh_orchestrator.model import attempt, card, dispatching, draft, eras, facts, generation, health


@dataclasses.dataclass(frozen=True)
class Event:
    """An event of a generation's history, as it was recorded."""

    id: uuid.UUID
    position: int
    tenant_id: str
    generation_id: uuid.UUID
    sequence: int
    type: str
    create_time: datetime.datetime
    message: str
    attributes: Mapping[str, str]
    state: str
    traceparent: str


@dataclasses.dataclass(frozen=True)
class Filter:
    """Which generations to list."""

    tenant_id: str
    user_id: str = ""
    states: tuple[generation.GenerationState, ...] = ()
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    oldest_first: bool = False


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a page of a list ends: the next one goes on behind it."""

    create_time: datetime.datetime
    generation_id: uuid.UUID


@dataclasses.dataclass(frozen=True)
class Lease:
    """A worker that says it lives."""

    worker_id: str
    kind: str
    pool: str
    renewals: int
    active: bool


@dataclasses.dataclass(frozen=True)
class Watched:
    """An unresolved attempt that a worker observes or looks for, without the rest of its generation."""

    attempt_id: uuid.UUID
    #: Whether it is looked for, because nobody knows whether the provider has it.
    doubtful: bool
    cancel_wanted: bool


@dataclasses.dataclass(frozen=True)
class Charge:
    """An attempt together with what its worker must know to observe or find its job."""

    aggregate: draft.Aggregate
    attempt_id: uuid.UUID


@dataclasses.dataclass(frozen=True)
class Claim:
    """What is known about a provider's job."""

    job: facts.Job
    ended: bool


@dataclasses.dataclass(frozen=True)
class Case:
    """What there is to know when a worker speaks of an attempt, and perhaps of a job: all of one moment."""

    #: The attempt's generation; None when nobody knows the attempt.
    aggregate: draft.Aggregate | None
    #: The worker's lease.
    lease: Lease | None
    #: What the job's id is unique within: the vendor's project, or else our account.
    project: str
    #: What is known of jobs with this id: this attempt's, and whoever's in this project.
    claims: tuple[Claim, ...]
    #: What stands in the way of the attempt's model at its account.
    health: health.Health

    def claim_in(self, project: str) -> Claim | None:
        """Return what is known about the job in a project."""
        return next((one for one in self.claims if one.job.project == project), None)

    def claim_of(self, attempt_id: uuid.UUID) -> Claim | None:
        """Return what is known about the job as one of an attempt, whatever project it is in."""
        return next((one for one in self.claims if one.job.attempt_id == attempt_id), None)


@dataclasses.dataclass(frozen=True)
class StepCase:
    """A step's generation (None when there is no such step), and the lease of who holds the step."""

    aggregate: draft.Aggregate | None
    holder: Lease | None


@dataclasses.dataclass(frozen=True)
class Doubt:
    """An attempt, with whose it is."""

    generation_id: uuid.UUID
    tenant_id: str
    attempt: attempt.Attempt

    @property
    def since(self) -> datetime.datetime:
        """When leave to submit it was given."""
        return self.attempt.submit_time or self.attempt.create_time


@dataclasses.dataclass(frozen=True)
class DoubtPlace:
    """Where a page of attempts in doubt ends: the next one goes on behind it."""

    since: datetime.datetime
    attempt_id: uuid.UUID


@dataclasses.dataclass(frozen=True)
class AdmissionFacts:
    """What admitting a generation has to know: all of one moment."""

    #: The generation, if it is there already.
    known: draft.Aggregate | None
    #: How many generations of the tenant have not ended.
    open_generations: int
    accounts: tuple[card.Account, ...]
    cards: tuple[card.Card, ...]
    standing: eras.Standing
    health: health.Health


@dataclasses.dataclass(frozen=True)
class Backlog:
    """Where something waits: all of one moment."""

    #: Enabled accounts at which planned attempts are due.
    accounts: tuple[card.Account, ...]
    #: Those of all providers; none where nothing is due.
    cards: tuple[card.Card, ...]
    #: When the next planned attempt becomes due that is not due yet; None when there is none.
    seconds_to_next: float | None
    standing: eras.Standing
    #: Whether anything stands in the way of new submits anywhere.
    troubled: bool = False


@dataclasses.dataclass(frozen=True)
class Queue:
    """What is in flight at an account, by tenant, and what waits there, by rank."""

    in_flight: Mapping[str, int]
    waiting: tuple[dispatching.Waiting, ...]


@dataclasses.dataclass(frozen=True)
class Waits:
    """How long what is silent is waited for, seconds."""

    #: For the beginning of an attempt that was sent out.
    begin_seconds: float
    #: For the beginning of a step that was sent out.
    step_seconds: float
    #: How long before its deadline a generation gets a still picture.
    floor_lead_seconds: float
    #: For the end of what is being cancelled.
    cancel_seconds: float


@dataclasses.dataclass(frozen=True)
class Silences:
    """What a sweep looks at: all of one moment."""

    #: Active leases, with the number of their renewals.
    leases: Mapping[str, int]
    #: Whether there are unresolved attempts whose watcher holds no lease.
    unwatched: bool
    #: Attempts that are being submitted, with their generations.
    submitting: Mapping[uuid.UUID, uuid.UUID]
    #: Generations that have an attempt that was sent out and not begun in time.
    unbegun: tuple[uuid.UUID, ...]
    #: Steps that were sent out and not begun in time.
    unbegun_steps: tuple[uuid.UUID, ...]
    #: Working generations whose deadline is near and that have no still picture under way, where one may be delivered.
    undrawn: tuple[uuid.UUID, ...]
    #: Working generations whose deadline has passed.
    expired: tuple[uuid.UUID, ...]
    #: Generations that have been cancelling for too long.
    cancelling: tuple[uuid.UUID, ...]


@dataclasses.dataclass(frozen=True)
class Outgoing:
    """A message that was recorded to be sent."""

    id: uuid.UUID
    subject: str
    payload: bytes
    traceparent: str


# The subject of messages that go to storage itself, from SQL to SQL: no bus may lose them.
KEEP = "storage.keep"
# What workers of providers call themselves in their leases.
PROVIDER_WORKER = "provider"
