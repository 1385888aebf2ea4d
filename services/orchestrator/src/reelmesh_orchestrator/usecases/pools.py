"""Who works for the mesh: cards, leases, and what each worker must know."""

import contextlib
import dataclasses
import datetime
import uuid
from collections.abc import Mapping, Sequence

from reelmesh_kit import errors, ids

from reelmesh_orchestrator import crash_points, ports
from reelmesh_orchestrator.model import advancing, attempt, card, eras, recovering, verbs
from reelmesh_orchestrator.usecases import transitions, vouching

# Ids of other attempts' jobs that a finder is told, newest first.
MOST_CLAIMED_JOBS = 1000
# Attempts that one answer hands to a worker at most; the rest come with the next renewals.
MOST_ASSIGNED = 200
# So long after lost jobs were looked for, workers and accounts that were not there are still asked what they have.
CENSUS_DAYS = 7.0
# What was created so long before the last event that the record knows may be younger by another clock.
CLOCKS_APART = datetime.timedelta(hours=1)


@dataclasses.dataclass(frozen=True)
class Renewal:
    """What a worker says when it renews its lease."""

    worker_id: str
    kind: str
    pool: str
    name: str
    #: Attempts that it observes or looks for.
    holding: frozenset[str]
    #: Steps that it works on, by the token of the run.
    step_tokens: frozenset[str]
    room: int
    #: The last that it has seen of the record.
    mark: eras.Mark | None = None
    #: The last era of which it has told all that it knows.
    counted_era: str = ""
    #: Attempts among those that it holds that it looks for, and does not observe.
    looking: frozenset[str] = frozenset()
    #: Whether it takes no new work, because the last answer said so.
    cordoned: bool = False
    #: Whether nothing would be lost or repeated if it ended now.
    idle: bool = False
    #: Attempts that it submits, or steps that it runs.
    load: int = 0


@dataclasses.dataclass(frozen=True)
class Search:
    """An attempt to look for, with what tells its job apart."""

    charge: ports.Charge
    #: Of its generation, with the era in it: what a conclusion is fenced by.
    fence: int
    wait_seconds: float
    exclusive: bool
    rivals: int
    claimed_job_ids: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class CensusOrder:
    """An account whose jobs a worker must tell."""

    era_id: uuid.UUID
    account_id: str
    #: Nothing older is missing; None: everything may be.
    since: datetime.datetime | None
    wait_seconds: float


@dataclasses.dataclass(frozen=True)
class Orders:
    """What a worker must know."""

    held: bool
    mark: eras.Mark | None = None
    recovering: bool = False
    census: tuple[CensusOrder, ...] = ()
    watch: tuple[ports.Charge, ...] = ()
    find: tuple[Search, ...] = ()
    cancel: tuple[str, ...] = ()
    forget: tuple[str, ...] = ()
    rates: tuple[tuple[str, float], ...] = ()
    cordoned: bool = False


class Pools:
    """Cards, accounts and leases."""

    def __init__(
        self,
        record: ports.Record,
        policy: advancing.Policy,
        seen: vouching.Seen,
        *,
        submit_within_seconds: float,
        step_grace_seconds: float,
        free_slots: int,
    ) -> None:
        """Take the record; `free_slots` is what an account gets that is made by itself for a free provider."""
        self._record = record
        self._policy = policy
        self._seen = seen
        self._step_grace_seconds = step_grace_seconds
        self._submit_within_seconds = submit_within_seconds
        self._free_slots = free_slots

    async def register_card(self, stated: card.Card) -> None:
        """Keep what a provider states; a free one needs no credentials and gets its account by itself."""

        def work(store: ports.Store) -> None:
            store.put_card(stated)
            if stated.free and store.lock_account(stated.provider) is None:
                made = card.Account(
                    id=stated.provider, provider=stated.provider, slots=self._free_slots, exclusive=True
                )
                store.put_account(made)
                ask_about(store, made)

        with crash_points.REGISTER_CARD:
            await self._record.write(work)

    async def renew(self, renewal: Renewal) -> Orders:
        """Renew a lease and say what the worker must know; a lease that has lapsed stays so."""
        if not renewal.worker_id:
            raise errors.InvalidArgument("worker_id", "must name the worker")
        with crash_points.RENEW:
            orders = await self._record.write(lambda store: self._renew(store, renewal))
        self._seen.learn(orders.mark)
        return orders

    async def release(self, worker_id: str) -> None:
        """End a lease: what its worker watched is free for others at once."""
        with crash_points.RELEASE:
            await self._record.write(lambda store: store.end_lease(worker_id, None))

    def _renew(self, store: ports.Store, renewal: Renewal) -> Orders:
        marks = self._seen.marks(renewal.mark)
        case = store.lease_case(renewal.worker_id, renewal.kind, renewal.pool, renewal.name, marks)
        standing = vouching.examined(store, case.standing, marks)
        lease = case.lease or ports.Lease(renewal.worker_id, renewal.kind, renewal.pool, 0, active=True)
        if not lease.active:
            return Orders(held=False, mark=standing.mark, recovering=standing.open)
        # Whom this answer lets go may begin at once: it is not drained, whatever it knew before.
        drained = case.cordoned and renewal.cordoned and renewal.idle
        store.renew(lease, renewal.name, renewal.counted_era, ports.AtWork(renewal.idle, drained, renewal.load))
        if renewal.kind != ports.PROVIDER_WORKER:
            self._resend_lost_steps(store, renewal, case.steps)
            return Orders(held=True, mark=standing.mark, recovering=standing.open, cordoned=case.cordoned)
        return self._orders(store, renewal, case, standing)

    def _orders(self, store: ports.Store, renewal: Renewal, case: ports.LeaseCase, standing: eras.Standing) -> Orders:
        watched = _watched(store, renewal, case)
        strangers = renewal.holding - {str(one.attempt_id) for one in watched}
        standing = self._missed(store, standing, strangers)
        # Whatever it does not list it has lost, and is told again; what is looked for is told with every renewal. What
        # it still looks for, and somebody else has found, it is told to observe.
        observed = renewal.holding - renewal.looking
        told = [one.attempt_id for one in watched if one.doubtful or str(one.attempt_id) not in observed]
        charges = store.charges(told) if told else ()
        return Orders(
            held=True,
            mark=standing.mark,
            recovering=standing.open,
            census=self._census(store, renewal, case.stated, standing),
            watch=tuple(charge for charge in charges if _state(charge) is attempt.AttemptState.ACCEPTED),
            find=self._searches(store, charges, case, standing),
            cancel=tuple(str(one.attempt_id) for one in watched if one.cancel_wanted),
            # What we have forgotten it is to tell, before it forgets it as well.
            forget=() if standing.open else tuple(sorted(strangers)),
            rates=_rates(case),
            cordoned=case.cordoned,
        )

    def _missed(self, store: ports.Store, standing: eras.Standing, strangers: frozenset[str]) -> eras.Standing:
        """Begin a new era if a worker holds attempts that the record shows as not begun: it has gone back."""
        if standing.era is None or standing.open or not strangers:
            return standing
        forgotten = store.forgotten(_uuids(strangers))
        if not forgotten or standing.gone_back:
            # Who comes late after the record went back holds what was given up then.
            return standing
        store.open_era(standing, f"a worker has attempt {forgotten[0]}, which was not begun here", "", None)
        return store.standing()

    def _census(
        self, store: ports.Store, renewal: Renewal, stated: card.Card | None, standing: eras.Standing
    ) -> tuple[CensusOrder, ...]:
        """Return the accounts that the worker must look through: all of them once in an era, and those that are new."""
        era = standing.era
        if stated is None or era is None or not _asks(store, era):
            return ()
        told_all = renewal.counted_era == str(era.id)
        wait = self._wait_seconds(stated)
        since = era.head_time - CLOCKS_APART if era.head_time else None
        return tuple(
            CensusOrder(era.id, one.account_id, since, wait)
            for one in store.censuses(era.number)
            if one.provider == renewal.pool and (one.state is recovering.CensusState.ASKED or not told_all)
        )

    def _resend_lost_steps(self, store: ports.Store, renewal: Renewal, running: Mapping[str, uuid.UUID]) -> None:
        """Whatever a worker does not list it has lost."""
        for token, step_id in running.items():
            if token not in renewal.step_tokens:
                transitions.on_step(
                    store,
                    step_id,
                    self._policy,
                    lambda decided, step_id=step_id, token=token: verbs.resend_lost_step(
                        decided, step_id, token, self._step_grace_seconds
                    ),
                )

    def _searches(
        self, store: ports.Store, charges: Sequence[ports.Charge], case: ports.LeaseCase, standing: eras.Standing
    ) -> tuple[Search, ...]:
        """Return what is to be looked for; told with every renewal, because rivals and revisions change."""
        if case.stated is None:
            return ()
        accounts = {account.id: account for account in case.accounts}
        searches: list[Search] = []
        for charge in charges:
            one = charge.aggregate.attempt(charge.attempt_id)
            account = accounts.get(one.account_id)
            if one.state is not attempt.AttemptState.INDETERMINATE or account is None:
                continue
            alike = store.lookalikes(one.account_id, one.model, MOST_CLAIMED_JOBS)
            searches.append(
                Search(
                    charge=charge,
                    fence=eras.fence(standing.era, charge.aggregate.generation.revision),
                    wait_seconds=self._wait_seconds(case.stated),
                    exclusive=account.exclusive,
                    rivals=alike.rivals,
                    claimed_job_ids=alike.claimed_job_ids,
                )
            )
        return tuple(searches)

    def _wait_seconds(self, stated: card.Card) -> float:
        """Return how long after leave to submit a job shows in the provider's lists at the latest."""
        return self._submit_within_seconds + stated.creation_delay_seconds + stated.listing_delay_seconds


def _watched(store: ports.Store, renewal: Renewal, case: ports.LeaseCase) -> Sequence[ports.Watched]:
    """Return what the worker observes or looks for from now on: with what it is given, without what is for others."""
    if case.cordoned and renewal.cordoned:
        # It lists what it brings to an end; the rest is for others.
        keeping = _uuids(renewal.holding)
        store.hand_over(renewal.worker_id, keeping)
        return [one for one in case.watched if one.attempt_id in keeping]
    room = min(max(renewal.room, 0), MOST_ASSIGNED)
    if case.cordoned or not case.free or not room:
        return case.watched
    store.assign(renewal.worker_id, renewal.pool, room)
    return store.watched_by(renewal.worker_id)


def ask_about(store: ports.Store, fresh: card.Account) -> None:
    """Have an account looked through that is new to a record that went back: it may have known it before."""
    standing = store.standing()
    if standing.era is not None and _asks(store, standing.era):
        store.ask(standing.era.number, fresh)


def _asks(store: ports.Store, era: eras.Era) -> bool:
    """Tell whether workers and accounts that come now are asked what they have."""
    if not era.gone_back:
        return False
    return era.end_time is None or store.now - era.end_time < datetime.timedelta(days=CENSUS_DAYS)


def _uuids(texts: frozenset[str]) -> list[uuid.UUID]:
    """Return those that are ids; others name nothing that could be forgotten."""
    found: list[uuid.UUID] = []
    for text in sorted(texts):
        with contextlib.suppress(ValueError):
            found.append(ids.read(text))
    return found


def _state(charge: ports.Charge) -> attempt.AttemptState:
    return charge.aggregate.attempt(charge.attempt_id).state


def _rates(case: ports.LeaseCase) -> tuple[tuple[str, float], ...]:
    """Return this worker's share of each account's rate, requests per second; 0 is no limit."""
    usual = case.stated.polls_per_second if case.stated else 0.0
    workers = case.others + 1
    rates = ((one.id, usual if one.polls_per_second is None else one.polls_per_second) for one in case.accounts)
    return tuple((account_id, rate / workers) for account_id, rate in rates)
