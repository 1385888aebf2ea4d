"""The record: one transaction on it, and how to get one."""

import datetime
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from reelmesh_orchestrator.model import card, draft, facts, repeats
from reelmesh_orchestrator.ports.eras import EraStore
from reelmesh_orchestrator.ports.health import HealthStore
from reelmesh_orchestrator.ports.leases import LeaseStore
from reelmesh_orchestrator.ports.nouns import (
    AdmissionFacts,
    Backlog,
    Case,
    Claim,
    Doubt,
    DoubtPlace,
    Event,
    Filter,
    Place,
    Queue,
    Silences,
    StepCase,
    Waits,
)
from reelmesh_orchestrator.ports.pools import PoolStore

Result = TypeVar("Result")


class Store(EraStore, HealthStore, LeaseStore, PoolStore, Protocol):
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

    def revisions(self, generation_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, int]:
        """Return the revisions of those of these generations that there are."""
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

    def open_generations(self, limit: int) -> int:
        """Return how many generations of all tenants have not ended; never more than `limit` are counted."""
        ...

    def twins(self, call_id: uuid.UUID) -> Sequence[repeats.Twin]:
        """Return the generations that a call made lately."""
        ...

    def lock_twins(self, call_id: uuid.UUID) -> Sequence[repeats.Twin]:
        """Return the generations that a call made lately, locked: whoever decides whose repeat it is does so alone.

        Taken before anything else.
        """
        ...

    def put_twins(self, call_id: uuid.UUID, twins: Sequence[repeats.Twin]) -> None:
        """Keep what a call made, of which `lock_twins` was asked."""
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
        """Return generations in the order wanted, without what belongs to them but their attempts' money."""
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

    def doubtful(self, after: DoubtPlace | None, limit: int) -> Sequence[Doubt]:
        """Return attempts that are in doubt, those first that were submitted first."""
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

    def backlog(self) -> Backlog:
        """Return where something waits that is due."""
        ...

    def queue(self, account_id: str, doubtful_since: datetime.datetime, limit: int) -> Queue:
        """Return what is in flight at an account, and up to `limit` planned attempts that are due.

        An indeterminate one counts when it was submitted after `doubtful_since`: the longest render would be over else.
        """
        ...

    # --- sweeping
    def silences(self, waits: Waits, limit: int) -> Silences:
        """Return what has waited for longer than it is waited for, up to `limit` of each kind."""
        ...

    def prune(self, events_before: datetime.datetime, leases_before: datetime.datetime, limit: int) -> int:
        """Delete old events of generations that have ended, leases that are over, calls that nobody repeats any more.

        Return how many rows.

        The highest event stays: others may carry it as their mark.
        """
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
