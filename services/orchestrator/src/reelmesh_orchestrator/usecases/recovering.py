"""Looks for lost jobs after the record went back: asks accounts, gives jobs to their attempts, lets the rest go on."""

import dataclasses
from collections.abc import Sequence

from reelmesh_kit import clock, errors

from reelmesh_orchestrator import crash_points, ports
from reelmesh_orchestrator.model import advancing, draft, eras, leases, recovering
from reelmesh_orchestrator.usecases import adopting, transitions

# Generations that one transaction matches, so that no lock is held for long.
BATCH = 20
LARGEST_PAGE = 1000
DEFAULT_PAGE = 100
# What is repeated of an account's name that nobody knows.
LONGEST_NAME_CHARACTERS = 200


@dataclasses.dataclass(frozen=True)
class Report:
    """A page of what a worker found at an account."""

    era_id: str
    account_id: str
    jobs: Sequence[recovering.Found]
    last: bool
    complete: bool
    message: str


@dataclasses.dataclass(frozen=True)
class State:
    """How far it is, or how the last time went."""

    era: eras.Era
    censuses: Sequence[recovering.Census]
    orphans: bool


class Recovering:
    """What happens in an era before it stands, and what operators do about it. Any number may run side by side."""

    def __init__(
        self,
        record: ports.Record,
        policy: advancing.Policy,
        time: clock.Clock,
        *,
        submit_within_seconds: float,
        patience_seconds: float,
    ) -> None:
        """Take the record; an account that nobody looks through for `patience_seconds` is parked."""
        self._record = record
        self._policy = policy
        self._clock = time
        self._submit_within_seconds = submit_within_seconds
        self._patience_seconds = patience_seconds
        self._asked = leases.Watch()

    # --- what workers tell

    async def report(self, report: Report) -> bool:
        """Take a page of a census; False when its era is over."""
        with crash_points.REPORT_CENSUS:
            return await self._record.write(lambda store: self._take(store, report))

    def _take(self, store: ports.Store, report: Report) -> bool:
        era = store.lock_era()
        if era is None or str(era.id) != report.era_id:
            return False
        census = next((one for one in store.censuses(era.number) if one.account_id == report.account_id), None)
        if census is None:
            return False
        own = [dataclasses.replace(job, provider=census.provider) for job in report.jobs]
        fresh = store.keep_found(era.number, own)
        told = dataclasses.replace(census, jobs=census.jobs + fresh)
        if report.last:
            complete = census.complete or report.complete
            told = dataclasses.replace(told, complete=complete, message="" if complete else report.message)
        store.put_census(era.number, told)
        if fresh:
            store.put_era(era.heard())
        return True

    # --- what happens by itself

    async def run(self, every_seconds: float) -> None:
        """Go on with whatever is open, for ever."""
        # Begun anew after each failure: nobody was silent while we could not look.
        self._asked = leases.Watch()
        while True:
            await self.step()
            await self._clock.sleep(every_seconds)

    async def step(self) -> None:
        """Do what can be done now."""
        standing = await self._record.read(lambda store: store.standing())
        era = standing.era
        if era is None or not era.gone_back:
            return
        if era.state is eras.EraState.LOOKING or (standing.parked and not era.open):
            waited = await self._waited(era)
            with crash_points.COUNT_CENSUS:
                await self._record.write(lambda store: self._count(store, waited))
        with crash_points.MATCH_FOUND:
            while await self._record.write(self._match):
                continue

    async def _waited(self, era: eras.Era) -> bool:
        """Tell whether everybody had their time to answer, as this observer saw it by its own clock."""
        now = self._clock.elapsed()
        self._asked = self._asked.after({str(era.id): 1}, now)
        cards = await self._record.read(lambda store: store.cards())
        delays = [one.creation_delay_seconds + one.listing_delay_seconds for one in cards]
        longest = self._submit_within_seconds + max(delays, default=0.0) + self._patience_seconds
        return bool(self._asked.unchanged(now, longest))

    def _count(self, store: ports.Store, waited: bool) -> None:
        era = store.lock_era()
        if era is None or era.state is eras.EraState.MATCHING:
            return
        censuses = {one.account_id: one for one in store.censuses(era.number)}
        decided = recovering.decide(list(censuses.values()), store.crews(era.id), waited=waited)
        for one in decided:
            store.put_census(era.number, one)
            censuses[one.account_id] = one
        answered = any(one.state is recovering.CensusState.ANSWERED for one in decided)
        if era.state is eras.EraState.STANDING and answered:
            store.put_era(era.moved(eras.EraEvent.NEWS))
        elif era.state is eras.EraState.LOOKING and recovering.counted(list(censuses.values()), waited=waited):
            store.put_era(era.moved(eras.EraEvent.COUNTED))

    def _match(self, store: ports.Store) -> bool:
        """Match some generations; False when there are no more."""
        era = store.lock_era()
        if era is None or era.state is not eras.EraState.MATCHING:
            return False
        standing = store.standing()
        generation_ids = store.unsettled(era.matched_to, BATCH)
        if not generation_ids:
            store.put_era(era.moved(eras.EraEvent.MATCHED, end_time=era.end_time or store.now))
            return False
        unclaimed = store.unclaimed()
        adopted = freed = 0
        for before in store.look_at(generation_ids).values():
            found = adopting.lost_jobs(store, before) if unclaimed else ()
            mine, goes_on = self._settle(store, before, found, standing, told=era.end_time is not None)
            adopted += mine
            freed += goes_on
        after = dataclasses.replace(
            era, matched_to=generation_ids[-1], adopted=era.adopted + adopted, freed=era.freed + freed
        )
        store.put_era(after)
        return True

    def _settle(
        self,
        store: ports.Store,
        before: draft.Aggregate,
        found: Sequence[recovering.Found],
        standing: eras.Standing,
        *,
        told: bool,
    ) -> tuple[int, bool]:
        def decide(decided: draft.Draft) -> tuple[Sequence[recovering.Adoption], bool]:
            mine = recovering.reconcile(decided, found)
            return mine, recovering.free(decided, standing.parked, told=told)

        (adopted, goes_on), _ = transitions.on(store, before, self._policy, decide)
        adopting.keep(store, adopted)
        return len(adopted), goes_on

    async def check(self) -> None:
        """Return if nothing is kept waiting because the record went back.

        Raises:
            errors.Unavailable: something is; the message says what.
        """
        standing = await self._record.read(lambda store: store.standing())
        if standing.open and standing.era is not None:
            raise errors.Unavailable(f"nothing is submitted, lost jobs are looked for: {standing.era.reason}")
        if standing.parked:
            listed = ", ".join(sorted(standing.parked))
            raise errors.Unavailable(f"nobody knows what was asked for since the record went back of: {listed}")

    # --- what operators do

    async def start(self, reason: str) -> State:
        """Look for lost jobs; if that is being done already it goes on.

        Raises:
            errors.InvalidArgument: the reason cannot be kept.
            errors.Unavailable: no orchestrator has started on this record yet.
        """
        recovering.check_reason(reason)

        def work(store: ports.Store) -> None:
            standing = store.standing()
            if not standing.open:
                store.open_era(standing, reason or "an operator asked for it", "", None)

        with crash_points.START_RECOVERY:
            await self._record.write(work)
        state = await self.state()
        if state is None:
            raise errors.Unavailable("no orchestrator has started on this record yet; try again in a moment")
        return state

    async def state(self) -> State | None:
        """Return how far it is, or how the last time went; None when the record never went back."""

        def work(store: ports.Store) -> State | None:
            standing = store.standing()
            era = standing.era
            if era is None or not era.gone_back:
                return None
            return State(era, store.censuses(era.number), bool(store.orphans(None, 1)))

        return await self._record.read(work)

    async def orphans(
        self, after: ports.OrphanPlace | None, page_size: int
    ) -> tuple[Sequence[ports.Orphan], ports.OrphanPlace | None]:
        """Return a page of jobs that belong to nobody, and the place where the next one begins.

        Raises:
            errors.InvalidArgument: the page size is negative.
        """
        if page_size < 0:
            raise errors.InvalidArgument("page_size", f"must be 0 (meaning {DEFAULT_PAGE}) to {LARGEST_PAGE}")
        size = min(page_size or DEFAULT_PAGE, LARGEST_PAGE)
        found = await self._record.read(lambda store: store.orphans(after, size + 1))
        last = found[size - 1].found if len(found) > size else None
        return found[:size], ports.OrphanPlace(last.project, last.job_id) if last else None

    async def release(self, account_id: str, reason: str) -> State:
        """State that a parked account has no job that is not known.

        Raises:
            errors.InvalidArgument: the reason cannot be kept.
            errors.NotFound: the account was not looked through since the record went back, or it never did.
            errors.WrongState: it is not parked.
        """
        recovering.check_reason(reason)

        def work(store: ports.Store) -> None:
            era = store.lock_era()
            censuses = store.censuses(era.number) if era else ()
            census = next((one for one in censuses if one.account_id == account_id), None)
            if era is None or census is None:
                raise errors.NotFound(
                    f"Nobody looks for lost jobs at account {account_id[:LONGEST_NAME_CHARACTERS]!r}. "
                    "`reelmesh recover` lists the accounts."
                )
            if census.state not in (recovering.CensusState.PARKED, recovering.CensusState.RELEASED):
                raise errors.WrongState(f"account {account_id} is {census.state}, not PARKED", state=census.state)
            released = dataclasses.replace(
                census, state=recovering.CensusState.RELEASED, message=reason or "an operator released it"
            )
            store.put_census(era.number, released)

        with crash_points.RELEASE_ACCOUNT:
            await self._record.write(work)
        state = await self.state()
        assert state is not None, "an account was released of an era that is gone"  # noqa: S101
        return state
