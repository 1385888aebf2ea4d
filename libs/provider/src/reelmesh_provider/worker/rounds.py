"""One loop for all accounts: finds and polls take turns there, spaced by the account's share of its rate."""

import asyncio
import contextvars
import enum

from reelmesh_provider import port
from reelmesh_provider.model import polling
from reelmesh_provider.worker import background, finding, leasing, observing, signals
from reelmesh_provider.worker.surroundings import Surroundings

# Where each job is looked at by itself, a turn takes about so long: what is due meanwhile waits no longer for the next.
TURN_SECONDS = 2.0


# Whether what runs is about a nudge: its requests go before those of the routine.
_NUDGED = contextvars.ContextVar("nudged", default=False)


class Turn(enum.Enum):
    """What for an account is turned to. What somebody nudged about waits for no other turn, only for the rate."""

    ROUTINE = "routine"
    NUDGED = "nudged"


class Rounds:
    """Starts a turn at every account where something is due and none is under way: a slow one holds up no other."""

    def __init__(
        self,
        around: Surroundings,
        lease: leasing.Lease,
        watched: observing.Observing,
        sought: finding.Finding,
        changed: signals.Signal,
    ) -> None:
        """Take turns between `sought` and `watched`; `changed` is given when either has something earlier to do."""
        self._around = around
        self._lease = lease
        self._watched = watched
        self._sought = sought
        self._changed = changed
        self._spacings: dict[str, polling.Spacing] = {}
        self._routines: dict[str, asyncio.Lock] = {}
        self._turns: dict[tuple[str, Turn], asyncio.Task[None]] = {}
        self._paced = around.provider.turns if isinstance(around.provider, port.Paced) else None
        if self._paced is not None:
            self._paced.wait = self._space

    async def run(self) -> None:
        """Go on until cancelled; asleep while nothing is due."""
        turns = background.Background(self._around.chassis)
        try:
            while True:
                await self._changed.wait(self._start(turns))
        finally:
            await turns.stop()

    async def turn(self, account_id: str) -> None:
        """Do what is due at one account: read its list if something is lost, then poll what the list did not show."""
        clock = self._around.chassis.clock
        if self._sought.due(account_id, clock.elapsed()):
            await self._once(account_id)
            await self._sought.look(account_id)
        if self._watched.due(account_id, clock.elapsed()):
            await self._once(account_id)
            await self._watched.look(account_id, self._jobs_a_turn(account_id))

    async def nudged_turn(self, account_id: str) -> None:
        """Look at what somebody nudged about, and for what he named."""
        _NUDGED.set(True)
        await self._once(account_id)
        await self._watched.look_at_nudged(account_id)
        await self._sought.look_at_nudged(account_id)

    def _start(self, turns: background.Background) -> float | None:
        """Start what is due; return the seconds until something else is, None where nothing will be by itself."""
        now = self._around.chassis.clock.elapsed()
        dues: list[float] = []
        for account_id in {*self._watched.accounts, *self._sought.accounts}:
            if self._is_nudged(account_id) and (account_id, Turn.NUDGED) not in self._turns:
                self._begin(turns, account_id, Turn.NUDGED)
            if (account_id, Turn.ROUTINE) in self._turns:
                continue
            due = min(self._watched.next_due(account_id), self._sought.next_due(account_id))
            if due <= now:
                self._begin(turns, account_id, Turn.ROUTINE)
            else:
                dues.append(due)
        first = min(dues, default=float("inf"))
        return None if first == float("inf") else first - now

    def _begin(self, turns: background.Background, account_id: str, kind: Turn) -> None:
        work = self.turn if kind is Turn.ROUTINE else self.nudged_turn

        async def take() -> None:
            try:
                await work(account_id)
            finally:
                self._turns.pop((account_id, kind), None)
                self._changed.give()

        self._turns[account_id, kind] = turns.start(take(), f"{kind.value} turn at {account_id}")

    def _is_nudged(self, account_id: str) -> bool:
        return self._watched.is_nudged(account_id) or self._sought.is_nudged(account_id)

    def _jobs_a_turn(self, account_id: str) -> int:
        """Return how many jobs are looked at in one turn: what it asks must soon be through."""
        if self._paced is None or self._paced.jobs_per_request > 1:
            return observing.JOBS_PER_POLL
        rate = self._rate(account_id)
        return max(1, min(observing.JOBS_PER_POLL, round(rate * TURN_SECONDS))) if rate else observing.JOBS_PER_POLL

    def _rate(self, account_id: str) -> float:
        return self._lease.rates.get(account_id, self._around.provider.card.polls_per_second)

    async def _once(self, account_id: str) -> None:
        """Wait for the turn of a verb, where the provider does not do so for each of its requests."""
        if self._paced is None:
            await self._space(account_id)

    async def _space(self, account_id: str) -> None:
        if _NUDGED.get():
            await self._own_place(account_id)
            return
        # One place at a time, however many look side by side: a nudge waits for no more than that.
        async with self._routines.setdefault(account_id, asyncio.Lock()):
            if first := self._turns.get((account_id, Turn.NUDGED)):
                # Once for each request, so that the routine goes on however many nudges come.
                await asyncio.wait({first})
            await self._own_place(account_id)

    async def _own_place(self, account_id: str) -> None:
        clock = self._around.chassis.clock
        spacing = self._spacings.setdefault(account_id, polling.Spacing())
        await clock.sleep(spacing.reserve(clock.elapsed(), self._rate(account_id)))
