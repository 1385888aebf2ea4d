"""One loop for each account: finds and polls take turns there, spaced by the account's share of its rate."""

import asyncio

from reelmesh_provider.model import polling
from reelmesh_provider.worker import background, finding, leasing, observing
from reelmesh_provider.worker.surroundings import Surroundings

TICK_SECONDS = 0.1


class Rounds:
    """Starts a turn at every account where something is due and none is under way: a slow one holds up no other."""

    def __init__(
        self,
        around: Surroundings,
        lease: leasing.Lease,
        watched: observing.Observing,
        sought: finding.Finding,
    ) -> None:
        """Take turns between `sought` and `watched`."""
        self._around = around
        self._lease = lease
        self._watched = watched
        self._sought = sought
        self._spacings: dict[str, polling.Spacing] = {}
        self._turns: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Go on until cancelled."""
        turns = background.Background(self._around.chassis)
        try:
            while True:
                for account_id in {*self._watched.accounts, *self._sought.accounts}:
                    if account_id not in self._turns and self._due(account_id):
                        self._turns[account_id] = turns.start(self.turn(account_id), f"turn at {account_id}")
                await self._around.chassis.clock.sleep(TICK_SECONDS)
        finally:
            await turns.stop()

    async def turn(self, account_id: str) -> None:
        """Do what is due at one account: read its list if something is lost, then poll what the list did not show."""
        clock = self._around.chassis.clock
        try:
            if self._sought.due(account_id, clock.elapsed()):
                await self._space(account_id)
                await self._sought.look(account_id)
            if self._watched.due(account_id, clock.elapsed()):
                await self._space(account_id)
                await self._watched.look(account_id)
        finally:
            self._turns.pop(account_id, None)

    def _due(self, account_id: str) -> bool:
        now = self._around.chassis.clock.elapsed()
        return self._sought.due(account_id, now) or self._watched.due(account_id, now)

    async def _space(self, account_id: str) -> None:
        clock = self._around.chassis.clock
        rate = self._lease.rates.get(account_id, self._around.provider.card.polls_per_second)
        spacing = self._spacings.setdefault(account_id, polling.Spacing())
        await clock.sleep(spacing.reserve(clock.elapsed(), rate))
