"""What is kept about leases: who lives, and who observes what."""

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from typing import Protocol

from reelmesh_orchestrator.model import card, eras
from reelmesh_orchestrator.ports.nouns import Charge, Lease, Watched
from reelmesh_orchestrator.ports.pools import NOTHING_SAID, AtWork


@dataclasses.dataclass(frozen=True)
class LeaseCase:
    """What there is to know when a worker renews its lease: all of one moment."""

    #: None before its first renewal.
    lease: Lease | None
    standing: eras.Standing
    #: Whether the worker is to take no new work.
    cordoned: bool
    #: Steps that it runs, by token.
    steps: Mapping[str, uuid.UUID]
    #: Unresolved attempts that it observes or looks for.
    watched: Sequence[Watched]
    #: Whether there are attempts of its pool that nobody observes or looks for.
    free: bool
    #: What the provider of its pool states, and the accounts there.
    stated: card.Card | None
    accounts: tuple[card.Account, ...]
    #: How many other workers of its pool hold a lease.
    others: int


@dataclasses.dataclass(frozen=True)
class Lookalikes:
    """What a job of an attempt might be taken for."""

    #: Attempts at the same account and model that are unresolved and have no job, itself among them.
    rivals: int
    #: The newest jobs at the account that belong to attempts.
    claimed_job_ids: tuple[str, ...]


class LeaseStore(Protocol):
    """The part of a transaction that is about leases."""

    def lease(self, worker_id: str) -> Lease | None:
        """Return a worker's lease, as it is at the moment."""
        ...

    def lease_case(self, worker_id: str, kind: str, pool: str, name: str, marks: Sequence[eras.Mark]) -> LeaseCase:
        """Return what there is to know when a worker renews its lease, and about up to two marks."""
        ...

    def lock_lease(self, worker_id: str) -> Lease | None:
        """Return a worker's lease, its row locked. Taken before any generation."""
        ...

    def renew(self, lease: Lease, name: str, counted_era: str = "", at_work: AtWork = NOTHING_SAID) -> None:
        """Write a lease with one renewal more, the last era of which its worker has told all, and how busy it is.

        One without renewals is new. If the lease is not any more what it was the work runs again.
        """
        ...

    def end_lease(self, worker_id: str, renewals: int | None) -> bool:
        """End a lease if its renewals are still what was seen (None: in any case), and unassign what it watched."""
        ...

    def unwatched(self) -> int:
        """Free unresolved attempts whose watcher holds no lease; return how many."""
        ...

    def watched_by(self, worker_id: str) -> Sequence[Watched]:
        """Return the unresolved attempts that a worker observes or looks for."""
        ...

    def steps_of_worker(self, worker_id: str) -> Sequence[uuid.UUID]:
        """Return the steps that a worker runs."""
        ...

    def assign(self, worker_id: str, provider: str, room: int) -> Sequence[uuid.UUID]:
        """Give a worker attempts that nobody observes or looks for, and return them."""
        ...

    def charges(self, attempt_ids: Sequence[uuid.UUID]) -> Sequence[Charge]:
        """Return attempts with their generations."""
        ...

    def lookalikes(self, account_id: str, model: str, limit: int) -> Lookalikes:
        """Return what a job of an attempt might be taken for; up to `limit` jobs that belong to others."""
        ...
