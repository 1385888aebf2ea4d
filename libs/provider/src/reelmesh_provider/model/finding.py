"""Whether a lost job was found, was never created, or must be looked for longer: decisions, and nothing else.

A job is adopted when the matches that nobody claimed are no more than the unresolved attempts they fit equally, and
never without something that tells ours apart, unless everything at the account is ours. "Never created" needs
complete lists, read twice, that started more than window + creation + listing delay after the finder first saw the
order, on the finder's own clock, each showing a job known to be ours (so that it is the right list) and no match.
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace

from reelmesh_provider.model.cards import ProviderCard, Recovery
from reelmesh_provider.model.census import CensusOrder
from reelmesh_provider.model.leases import FindOrder
from reelmesh_provider.model.outcomes import Observation

CLEAN_LISTS = 2


class Fit(enum.IntEnum):
    """What makes a job in the list look like ours, weakest first."""

    PLAUSIBLE = 1  # model, size or prompt agree, as those of somebody else's job may
    DISCRIMINATED = 2  # something that only we would have sent came back, such as a seed derived from the attempt
    OWN_ID = 3  # the attempt's own id came back


@dataclass(frozen=True, slots=True)
class Match:
    """A job in the list that may be the attempt's."""

    attempt_id: str
    job_id: str
    fit: Fit
    project: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What one reading of an account's list (or look-up by our own ids) showed.

    Attributes:
        job_ids: every job seen.
        matches: jobs that may belong to the attempts asked for, oldest first.
        complete: the reading reached back to before any of those attempts, within the list's retention.
        trusted_when_empty: it is certain to be the right list even if no known job of ours is in it.
        observations: what the list says about jobs on the way; they spare polls.
    """

    job_ids: frozenset[str]
    matches: tuple[Match, ...] = ()
    complete: bool = False
    trusted_when_empty: bool = False
    observations: tuple[Observation, ...] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """How far looking for one attempt is. Times are seconds of the finder's own suspension-counting clock."""

    order: FindOrder
    first_seen: float
    wait_seconds: float
    clean_lists: int = 0
    concluded_at: float | None = None


@dataclass(frozen=True, slots=True)
class Adopt:
    """These jobs are the attempt's (more than one only when each carries its own id: an incident worth telling)."""

    matches: tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class Conclude:
    """It was never created."""

    revision: int
    message: str


@dataclass(frozen=True, slots=True)
class LookOn:
    """Nothing can be said yet, and why."""

    reason: str


Decision = Adopt | Conclude | LookOn


def begun(order: FindOrder, card: ProviderCard, now: float) -> Search:
    """Return the search that starts when an order is first seen, at `now`."""
    return Search(order, first_seen=now, wait_seconds=wait_seconds(order, card))


def renewed(search: Search, order: FindOrder) -> Search:
    """Return the search after the order was repeated; what was seen under another revision counts no more."""
    clean = search.clean_lists if order.revision == search.order.revision else 0
    return replace(search, order=order, clean_lists=clean)


def concluded(search: Search, accepted: bool, now: float) -> Search:
    """Return the search after its conclusion was told: it stands, or the generation changed and looking starts over."""
    return replace(search, concluded_at=now) if accepted else replace(search, clean_lists=0)


def wait_seconds(order: FindOrder | CensusOrder, card: ProviderCard) -> float:
    """Return how long nothing must have been seen: as ordered, or until even the slowest output would have come."""
    if card.recovery not in (Recovery.OUTPUT, Recovery.WEBHOOK):
        return order.wait_seconds
    return max(order.wait_seconds, card.longest_render_seconds + card.output_grace_seconds)


def judge(
    search: Search, listing: Listing, *, started: float, known_job_ids: Iterable[str], taken: Iterable[str] = ()
) -> tuple[Decision, Search]:
    """Decide about one attempt after one reading of the list.

    Args:
        search: how far looking was when the reading started.
        listing: what it showed.
        started: when the reading started, on the finder's clock.
        known_job_ids: jobs at this account that are known to be ours.
        taken: jobs that this reading already gave to other attempts.
    """
    claimed = search.order.claimed_job_ids | frozenset(taken)
    matches = tuple(m for m in listing.matches if _belongs(m, search.order) and m.job_id not in claimed)
    if matches:
        return _choose(matches, search.order), replace(search, clean_lists=0)
    return _conclude(search, listing, started, frozenset(known_job_ids) | search.order.claimed_job_ids)


def _belongs(match: Match, order: FindOrder) -> bool:
    return match.attempt_id == order.task.attempt_id


def _choose(matches: tuple[Match, ...], order: FindOrder) -> Decision:
    best = max(match.fit for match in matches)
    fitting = tuple(match for match in matches if match.fit is best)
    if best is Fit.OWN_ID:
        return Adopt(fitting)
    if best is Fit.PLAUSIBLE and not order.exclusive:
        return LookOn(f"{len(fitting)} job(s) look like it, but nothing tells ours from those of others")
    if len(fitting) > order.rivals:
        return LookOn(f"{len(fitting)} jobs fit equally, but only {order.rivals} attempt(s) are unresolved")
    return Adopt(fitting[:1])


def _conclude(search: Search, listing: Listing, started: float, known: frozenset[str]) -> tuple[Decision, Search]:
    if search.concluded_at is not None:
        return LookOn("concluded already; looking on for a late twin"), search
    if not listing.complete:
        return LookOn("the list was not complete"), search
    if not listing.trusted_when_empty and not known & listing.job_ids:
        return LookOn("no known job of ours is in the list, so it may be the wrong one"), search
    if started - search.first_seen <= search.wait_seconds:
        return LookOn("too early: it could still appear in the list"), search
    clean = search.clean_lists + 1
    after = replace(search, clean_lists=clean)
    if clean < CLEAN_LISTS:
        return LookOn(f"not in the list, read {clean} of {CLEAN_LISTS} times"), after
    return Conclude(search.order.revision, _message(search, listing, clean)), after


def _message(search: Search, listing: Listing, clean: int) -> str:
    return (
        f"read {clean} complete lists ({len(listing.job_ids)} jobs in the last), "
        f"each started more than {search.wait_seconds:g} s after looking began: no job fits"
    )
