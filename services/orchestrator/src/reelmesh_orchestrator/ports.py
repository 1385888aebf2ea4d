"""What the use cases need from the outside, in our words."""

import dataclasses
import datetime
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from reelmesh_orchestrator.model import card, dispatching, draft, facts, generation

Result = TypeVar("Result")


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
class AdmissionFacts:
    """What admitting a generation has to know: all of one moment."""

    #: The generation, if it is there already.
    known: draft.Aggregate | None
    #: How many generations of the tenant have not ended.
    open_generations: int
    accounts: tuple[card.Account, ...]
    cards: tuple[card.Card, ...]


@dataclasses.dataclass(frozen=True)
class Outgoing:
    """A message that was recorded to be sent."""

    id: uuid.UUID
    subject: str
    payload: bytes
    traceparent: str


# The subject of messages that go to storage itself, from SQL to SQL: no bus may lose them.
KEEP = "storage.keep"


class Store(Protocol):
    """One transaction on the record. Nothing in it waits or has an effect outside."""

    @property
    def now(self) -> datetime.datetime:
        """Return the time of the transaction: the database's, read once."""
        ...

    # --- generations
    def look(self, generation_id: uuid.UUID) -> draft.Aggregate | None:
        """Return a generation with all that belongs to it."""
        ...

    def look_at(self, generation_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, draft.Aggregate]:
        """Return generations with all that belongs to them."""
        ...

    def of_attempt(self, attempt_id: uuid.UUID) -> draft.Aggregate | None:
        """Return the generation of an attempt."""
        ...

    def of_step(self, step_id: uuid.UUID) -> draft.Aggregate | None:
        """Return the generation of a step."""
        ...

    def case(self, attempt_id: uuid.UUID, worker_id: str, project: str = "", job_id: str = "") -> Case:
        """Return what there is to know when a worker speaks of an attempt, and perhaps of a job."""
        ...

    def step_case(self, step_id: uuid.UUID) -> StepCase:
        """Return a step's generation, and the lease of who holds the step."""
        ...

    def admission(self, tenant_id: str, generation_id: uuid.UUID) -> AdmissionFacts:
        """Return what admitting a generation has to know."""
        ...

    def insert(self, decided: draft.Draft) -> draft.Aggregate:
        """Record a new generation with its effects; return it as recorded. If its id exists the work runs again."""
        ...

    def save(self, before: draft.Aggregate, decided: draft.Draft) -> draft.Aggregate:
        """Record a decision: changed rows under the next revision, events, ledger entries and messages.

        Return the generation as it is recorded. If it is not any more what it was before, the work runs again.
        """
        ...

    def page(self, wanted: Filter, after: Place | None, limit: int) -> Sequence[draft.Aggregate]:
        """Return generations, newest first, without what belongs to them but their attempts' money."""
        ...

    def queue_position(self, aggregate: draft.Aggregate) -> int:
        """Return the place of a waiting generation at its account, 1 is next, 1000 is far; 0 when it does not wait."""
        ...

    def events(
        self, tenant_id: str, generation_id: uuid.UUID, after_sequence: int, limit: int
    ) -> Sequence[Event] | None:
        """Return the history of a tenant's generation, oldest first; None when the tenant has no such generation."""
        ...

    def all_events(self, after_position: int, limit: int) -> Sequence[Event]:
        """Return the events of all generations, in the order of their positions."""
        ...

    # --- facts
    def keep_job(self, job: facts.Job, known: Claim | None, ended: facts.Ended | None = None) -> None:
        """Append a fact about a job. A better claim than the `known` one takes its place; the first end stands."""
        ...

    def claimed_jobs(self, account_id: str, limit: int) -> Sequence[str]:
        """Return the newest ids of jobs at an account that belong to attempts."""
        ...

    # --- accounts and cards
    def put_card(self, stated: card.Card) -> None:
        """Keep what a provider states about itself."""
        ...

    def cards(self) -> Sequence[card.Card]:
        """Return the cards of all providers."""
        ...

    def put_account(self, account: card.Account) -> None:
        """Keep an account, or change it."""
        ...

    def accounts(self) -> Sequence[card.Account]:
        """Return all accounts."""
        ...

    # --- queue
    def lock_account(self, account_id: str) -> card.Account | None:
        """Return an account, its row locked: whoever counts its slots does so alone."""
        ...

    def in_flight(self, account_id: str, doubtful_since: datetime.datetime) -> Mapping[str, int]:
        """Return how many attempts each tenant has in flight at an account.

        An indeterminate one counts when it was submitted after `doubtful_since`: the longest render would be over else.
        """
        ...

    def waiting(self, account_id: str, limit: int) -> Sequence[dispatching.Waiting]:
        """Return planned attempts that are due, by rank."""
        ...

    def next_due(self) -> datetime.datetime | None:
        """Return when the next planned attempt becomes due that is not due yet."""
        ...

    # --- sweeping
    def submitting(self, limit: int) -> Mapping[uuid.UUID, uuid.UUID]:
        """Return the attempts that are being submitted, with their generations."""
        ...

    def dispatched_before(self, moment: datetime.datetime, limit: int) -> Sequence[uuid.UUID]:
        """Return the generations that have an attempt dispatched before `moment` and not begun."""
        ...

    def past_deadline(self, limit: int) -> Sequence[uuid.UUID]:
        """Return the working generations whose deadline has passed."""
        ...

    def cancelling_since(self, moment: datetime.datetime, limit: int) -> Sequence[uuid.UUID]:
        """Return the generations that have been cancelling since before `moment`."""
        ...

    def steps_sent_before(self, moment: datetime.datetime, limit: int) -> Sequence[uuid.UUID]:
        """Return the steps that were sent before `moment` and not begun."""
        ...

    def steps_of_worker(self, worker_id: str) -> Sequence[uuid.UUID]:
        """Return the steps that a worker runs."""
        ...

    def step_tokens_of_worker(self, worker_id: str) -> Mapping[str, uuid.UUID]:
        """Return the steps that a worker runs, by token."""
        ...

    def prune(self, events_before: datetime.datetime, leases_before: datetime.datetime, limit: int) -> int:
        """Delete old events of generations that have ended, and leases that are over; return how many rows."""
        ...

    # --- leases
    def lease(self, worker_id: str) -> Lease | None:
        """Return a worker's lease, as it is at the moment."""
        ...

    def unwatched(self) -> int:
        """Free unresolved attempts whose watcher holds no lease; return how many."""
        ...

    def lock_lease(self, worker_id: str) -> Lease | None:
        """Return a worker's lease, its row locked. Taken before any generation."""
        ...

    def renew(self, lease: Lease, name: str) -> None:
        """Write a lease with one renewal more."""
        ...

    def active_leases(self, limit: int) -> Mapping[str, int]:
        """Return the number of renewals of each active lease."""
        ...

    def end_lease(self, worker_id: str, renewals: int | None) -> bool:
        """End a lease if its renewals are still what was seen (None: in any case), and unassign what it watched."""
        ...

    def watched_by(self, worker_id: str) -> Sequence[Watched]:
        """Return the unresolved attempts that a worker observes or looks for."""
        ...

    def assign(self, worker_id: str, provider: str, room: int) -> Sequence[uuid.UUID]:
        """Give a worker attempts that nobody observes or looks for, and return them."""
        ...

    def charges(self, attempt_ids: Sequence[uuid.UUID]) -> Sequence[Charge]:
        """Return attempts with their generations."""
        ...

    def workers(self, pool: str) -> int:
        """Return how many workers of a pool hold a lease."""
        ...

    def rivals(self, account_id: str, model: str) -> int:
        """Return how many attempts at an account and model are unresolved without a job."""
        ...


class Record(Protocol):
    """The SQL record of the orchestrator."""

    async def write(self, work: Callable[[Store], Result]) -> Result:
        """Run work in one transaction; return its result once it is on disk.

        Work is run again when nobody knows whether its commit happened: it has to come to the same.

        Raises:
            errors.Unavailable: the database does not answer; nothing happened.
        """
        ...

    async def read(self, work: Callable[[Store], Result]) -> Result:
        """Run work that changes nothing; each question sees a moment of its own."""
        ...


class Assets(Protocol):
    """What is stored."""

    async def check_references(self, asset_ids: Sequence[str], tenant_id: str) -> None:
        """Make sure that reference images exist, belong to the tenant and have not expired.

        Raises:
            errors.AssetUnusable: naming the asset and what is wrong with it.
        """
        ...


class Bell(Protocol):
    """Rings when something happened; may miss something."""

    async def wait(self) -> object:
        """Wait until it rings."""
        ...

    def clear(self) -> None:
        """Forget that it rang."""
        ...


class ProgressBoard(Protocol):
    """How far generations are, as workers last shouted."""

    def bell(self, generation_id: uuid.UUID) -> AbstractAsyncContextManager[Bell]:
        """Ring while something happens to a generation."""
        ...

    def percent(self, aggregate: draft.Aggregate) -> int:
        """Return 0 to 100, best effort."""
        ...

    def activity(self, generation_id: uuid.UUID) -> str:
        """Return what is being done, in words; empty when unknown."""
        ...
