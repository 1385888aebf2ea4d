"""After the record has gone back: which jobs that providers have are whose, and what may go on.

Ids derive (an attempt's from shot, run and ordinal), so that a job which carries one is recognised although the record
has forgotten its attempt, or that there ever was one: everything that may have followed what the record knows is
counted through. Where a provider does not give our id back, the seed that derives from it serves.
"""

import dataclasses
import datetime
import enum
import uuid
from collections.abc import Iterable, Mapping, Sequence

from reelmesh_kit import errors

from reelmesh_orchestrator.model import attempt, facts, generation, shot, verbs
from reelmesh_orchestrator.model.draft import Aggregate, Draft

# Runs and attempts that may have followed those that the record knows. What lies beyond is an orphan.
FOLLOWING_RUNS = 3
FOLLOWING_ATTEMPTS = 50
# How long an attempt waits for an account that is parked before it is looked at again.
POSTPONED_SECONDS = 30.0
LONGEST_REASON_CHARACTERS = 500


class CensusState(enum.StrEnum):
    """How far looking through an account is."""

    #: Workers were asked what it has.
    ASKED = "ASKED"
    #: They said so, and it is all that there is.
    ANSWERED = "ANSWERED"
    #: Nobody can say what it has, or nobody did: what may have been submitted there waits for an operator.
    PARKED = "PARKED"
    #: An operator has looked, and says that nothing is left there to be found.
    RELEASED = "RELEASED"


@dataclasses.dataclass(frozen=True)
class Census:
    """What is known about an account since the record went back."""

    account_id: str
    provider: str
    state: CensusState
    #: Jobs that nobody knew.
    jobs: int
    #: Whether somebody has read all that it has.
    complete: bool
    message: str


@dataclasses.dataclass(frozen=True)
class Crew:
    """The workers of a provider that live, and how many of them have told what they know."""

    alive: int = 0
    answered: int = 0

    @property
    def done(self) -> bool:
        """Whether nobody who is there has anything more to tell."""
        return 0 < self.alive <= self.answered


@dataclasses.dataclass(frozen=True)
class Found:
    """A job that an account has, as a list or a journal tells it."""

    project: str
    job_id: str
    account_id: str
    provider: str
    model: str
    evidence: facts.Evidence
    #: Our own id, where the provider gives it back.
    attempt_id: uuid.UUID | None = None
    seed: int | None = None


@dataclasses.dataclass(frozen=True)
class Place:
    """Where an attempt stands among those of its generation, whether there is a row of it or not."""

    shot_id: uuid.UUID
    run: int
    ordinal: int


@dataclasses.dataclass(frozen=True)
class Adoption:
    """A job and the attempt that it belongs to."""

    found: Found
    job: facts.Job


def check_reason(reason: str) -> None:
    """Return if an operator's words can be kept.

    Raises:
        errors.InvalidArgument: they cannot.
    """
    if len(reason) > LONGEST_REASON_CHARACTERS or "\x00" in reason:
        raise errors.InvalidArgument("reason", f"must be at most {LONGEST_REASON_CHARACTERS} characters, none NUL")


def decide(censuses: Sequence[Census], crews: Mapping[str, Crew], *, waited: bool) -> tuple[Census, ...]:
    """Return the accounts whose state changes.

    Args:
        censuses: all accounts.
        crews: workers by provider.
        waited: whether those who did not answer have had their time.
    """
    changed: list[Census] = []
    for one in censuses:
        crew = crews.get(one.provider, Crew())
        if one.state is CensusState.PARKED and one.complete:
            changed.append(dataclasses.replace(one, state=CensusState.ANSWERED))
        elif one.state is not CensusState.ASKED or not (crew.done or waited):
            continue
        elif one.complete:
            changed.append(dataclasses.replace(one, state=CensusState.ANSWERED))
        else:
            why = one.message or "nobody who could look there has answered"
            changed.append(dataclasses.replace(one, state=CensusState.PARKED, message=why))
    return tuple(changed)


def counted(censuses: Sequence[Census], *, waited: bool) -> bool:
    """Tell whether every account was looked through or is parked; without any, whether one would have shown up."""
    if not censuses:
        return waited
    return all(one.state is not CensusState.ASKED for one in censuses)


def gate(of: shot.Shot, parked: frozenset[str]) -> str:
    """Return the account that keeps a shot from being tried: it may have been, there. "" when none does."""
    return next((one.account_id for one in of.route if not one.struck and one.account_id in parked), "")


def postpone(draft: Draft, attempt_id: uuid.UUID) -> None:
    """Let an attempt wait whose shot is kept from being tried."""
    one = draft.aggregate.attempt(attempt_id)
    if one.state is attempt.AttemptState.DISPATCHED:
        one = one.moved(attempt.AttemptEvent.WITHDRAW)
    later = draft.now + datetime.timedelta(seconds=POSTPONED_SECONDS)
    draft.put_attempt(dataclasses.replace(one, not_before=later))


def places(aggregate: Aggregate) -> Mapping[uuid.UUID, Place]:
    """Return every attempt that a generation has, or may have had in a future that is lost, by its id."""
    found = {one.id: Place(one.shot_id, one.run, one.ordinal) for one in aggregate.attempts}
    for of in aggregate.shots:
        for run in _runs(aggregate.generation):
            known = max((one.ordinal for one in aggregate.attempts_of(of.id) if one.run == run), default=-1)
            for ordinal in range(known + 1 + FOLLOWING_ATTEMPTS):
                place = Place(of.id, run, ordinal)
                found.setdefault(attempt.id_of(of.id, run, ordinal), place)
    return found


def _runs(current: generation.Generation) -> range:
    """Return the runs in which something may have been tried since."""
    if current.state in generation.WORKING:
        return range(current.run, current.run + 1 + FOLLOWING_RUNS)
    if current.state is generation.GenerationState.FAILED:
        return range(current.run + 1, current.run + 1 + FOLLOWING_RUNS)
    return range(0)


def seeds(aggregate: Aggregate, attempt_ids: Iterable[uuid.UUID]) -> Mapping[int, uuid.UUID]:
    """Return the attempts by the seed that tells their jobs apart; a user's seed tells nothing apart."""
    if aggregate.generation.seed_is_users:
        return {}
    found: dict[int, uuid.UUID] = {}
    twins: set[int] = set()
    for attempt_id in attempt_ids:
        seed = attempt.seed_of(attempt_id)
        twins |= {seed} & found.keys()
        found[seed] = attempt_id
    return {seed: attempt_id for seed, attempt_id in found.items() if seed not in twins}


def reconcile(draft: Draft, found: Sequence[Found]) -> tuple[Adoption, ...]:
    """Give a generation the jobs among `found` that are its own: rows that are missing are made.

    Nothing is submitted for a shot any more that has one: what was planned for it is dropped.
    """
    known = places(draft.aggregate)
    by_seed = seeds(draft.aggregate, known)
    mine: list[tuple[Place, uuid.UUID, Found]] = []
    for one in found:
        owner = _owner(draft.aggregate, one, known, by_seed)
        if owner is not None:
            mine.append((known[owner], owner, one))
    adopted: list[Adoption] = []
    for place, attempt_id, one in sorted(mine, key=lambda each: (each[0].run, each[0].ordinal, each[2].job_id)):
        job = facts.Job(one.project, one.job_id, attempt_id, one.evidence)
        _make_room(draft, place, attempt_id, one)
        facts.record(draft, attempt_id, job, "", None, recovered=True)
        adopted.append(Adoption(one, job))
    return tuple(adopted)


def _owner(
    aggregate: Aggregate, one: Found, known: Mapping[uuid.UUID, Place], by_seed: Mapping[int, uuid.UUID]
) -> uuid.UUID | None:
    if one.attempt_id is not None:
        return one.attempt_id if one.attempt_id in known else None
    owner = by_seed.get(one.seed) if one.seed is not None else None
    if owner is None:
        return None
    route = aggregate.shot(known[owner].shot_id).route
    # A seed has 32 bits only: it counts where this shot could have been tried.
    fits = any((two.account_id, two.model) == (one.account_id, one.model) for two in route if not two.struck)
    return owner if fits else None


def _make_room(draft: Draft, place: Place, attempt_id: uuid.UUID, one: Found) -> None:
    """Have a row for the attempt, at the account where its job is."""
    current = draft.generation
    if current.state is generation.GenerationState.FAILED and place.run > current.run:
        # It was retried, else there would be no such job.
        verbs.begin_run(draft)
    of = draft.aggregate.shot(place.shot_id)
    row = next((two for two in draft.aggregate.attempts if two.id == attempt_id), None)
    if row is None:
        row = attempt.Attempt(
            id=attempt_id,
            shot_id=of.id,
            run=place.run,
            ordinal=place.ordinal,
            state=attempt.AttemptState.PLANNED,
            account_id=one.account_id,
            provider=one.provider,
            model=one.model,
            price_micros=_price(of, one),
            held_micros=0,
            spent_micros=0,
            rank_time=current.create_time,
            not_before=draft.now,
            create_time=draft.now,
        )
        draft.put_attempt(row)
    elif not row.job_id and (row.account_id, row.model) != (one.account_id, one.model):
        moved = {"account_id": one.account_id, "provider": one.provider, "model": one.model}
        draft.put_attempt(dataclasses.replace(draft.settle(row, 0), **moved, price_micros=_price(of, one)))


def _price(of: shot.Shot, one: Found) -> int:
    prices = (two.price_micros for two in of.route if (two.account_id, two.model) == (one.account_id, one.model))
    return next(prices, 0)


def free(draft: Draft, parked: frozenset[str], *, told: bool) -> bool:
    """Let what nobody has begun go on, or say what it waits for; tell whether there was anything.

    Args:
        draft: a generation whose jobs were found.
        parked: accounts that were not looked through.
        told: whether it was said before.
    """
    waiting = [one for one in draft.aggregate.attempts if one.state in attempt.UNBEGUN]
    for one in waiting:
        facts.withdraw(draft, one.id, "The record went back; it is sent out anew")
        if not told and not gate(draft.aggregate.shot(one.shot_id), parked):
            message = "The record went back; its accounts were looked through and have no job of this: it goes on"
            draft.happened("recovered", message, attempt_id=one.id)
    if not told:
        warn(draft, parked)
    return bool(waiting)


def warn(draft: Draft, parked: frozenset[str]) -> None:
    """Say what waits for accounts that were not looked through."""
    for one in draft.aggregate.attempts:
        held_up = gate(draft.aggregate.shot(one.shot_id), parked)
        if held_up and one.state in attempt.UNBEGUN:
            message = (
                f"The record went back, and nobody knows what account {held_up} was asked for since: "
                "this waits until somebody does"
            )
            draft.happened("recovered", message, attempt_id=one.id, account_id=held_up)
