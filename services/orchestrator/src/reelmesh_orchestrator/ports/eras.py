"""What the record tells of itself, and what is kept while lost jobs are looked for."""

import dataclasses
import datetime
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from reelmesh_orchestrator.model import card, eras, recovering
from reelmesh_orchestrator.ports.nouns import Case, Claim


@dataclasses.dataclass(frozen=True)
class Orphan:
    """A job that an account has and that belongs to nobody."""

    found: recovering.Found
    find_time: datetime.datetime


@dataclasses.dataclass(frozen=True)
class OrphanPlace:
    """Where a page of orphans ends: the next one goes on behind it."""

    project: str
    job_id: str


class EraStore(Protocol):
    """The part of a transaction that is about the record itself."""

    # --- the record
    def standing(self, marks: Sequence[eras.Mark] = ()) -> eras.Standing:
        """Return what the record says of itself, and about up to two marks."""
        ...

    def begin_case(
        self, attempt_id: uuid.UUID, worker_id: str, marks: Sequence[eras.Mark]
    ) -> tuple[Case, eras.Standing]:
        """Return what there is to know when a worker wants to submit: all of one moment."""
        ...

    def open_era(self, now_known: eras.Standing, reason: str, name: str, lost_era_id: uuid.UUID | None) -> eras.Era:
        """Begin the next era, in which every account is looked through; the first one stands from its beginning.

        If somebody else does so in this moment the work runs again.
        """
        ...

    def lock_era(self) -> eras.Era | None:
        """Return the present era, its row locked."""
        ...

    def put_era(self, era: eras.Era) -> None:
        """Write the present era, whose row is locked."""
        ...

    def eras(self, limit: int) -> Sequence[eras.Era]:
        """Return the newest eras, the present one first."""
        ...

    # --- accounts that are looked through
    def censuses(self, era_number: int) -> Sequence[recovering.Census]:
        """Return what is known about accounts in an era, by their ids."""
        ...

    def put_census(self, era_number: int, census: recovering.Census) -> None:
        """Keep what is known about an account."""
        ...

    def ask(self, era_number: int, account: card.Account) -> None:
        """Have an account looked through, unless it is known in this era."""
        ...

    def crews(self, era_id: uuid.UUID) -> Mapping[str, recovering.Crew]:
        """Return how many workers of each provider hold a lease, and how many have told all in an era."""
        ...

    # --- jobs
    def keep_found(self, era_number: int, found: Sequence[recovering.Found]) -> int:
        """Keep jobs that no attempt is known to have; return how many were new. A better evidence stands."""
        ...

    def found(self, attempt_ids: Iterable[uuid.UUID], seeds: Iterable[int]) -> Sequence[recovering.Found]:
        """Return jobs that belong to nobody yet and name one of these attempts, or show one of these seeds."""
        ...

    def unclaimed(self) -> bool:
        """Return whether there are jobs that were found and belong to nobody; whoever keeps one now is waited for."""
        ...

    def claim_found(self, adopted: Sequence[recovering.Adoption]) -> None:
        """Note whose jobs are that were found."""
        ...

    def claim(self, project: str, job_id: str) -> Claim | None:
        """Return what the facts say about a job."""
        ...

    def orphans(self, after: OrphanPlace | None, limit: int) -> Sequence[Orphan]:
        """Return jobs that belong to nobody."""
        ...

    def unsettled(self, after: uuid.UUID | None, limit: int) -> Sequence[uuid.UUID]:
        """Return generations, in the order of their ids, to which lost jobs may belong."""
        ...

    def forgotten(self, attempt_ids: Iterable[uuid.UUID]) -> Sequence[uuid.UUID]:
        """Return those of these attempts of which the record does not know that anybody has begun them."""
        ...
