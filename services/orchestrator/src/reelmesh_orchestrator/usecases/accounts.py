"""Accounts that an operator lists are taken into the record, and what is no longer listed is switched off there."""

import dataclasses
from collections.abc import Sequence

from reelmesh_kit import clock

from reelmesh_orchestrator import crash_points, ports
from reelmesh_orchestrator.model import card
from reelmesh_orchestrator.ports import accounts
from reelmesh_orchestrator.usecases import pools

# How soon a change of the list is noticed.
EVERY_SECONDS = 2.0


class Accounts:
    """Keeps the record's accounts as the list says. Any number may run side by side, on the same list."""

    def __init__(self, record: ports.Record, listed: accounts.AccountList, time: clock.Clock) -> None:
        """Take the record and the list."""
        self._record = record
        self._list = listed
        self._clock = time
        self._taken: Sequence[card.Account] | None = None

    async def run(self) -> None:
        """Take over the list, and each change of it, for ever."""
        # Begun anew after each failure: whether the last one was taken over nobody knows.
        self._taken = None
        while True:
            await self.once()
            await self._clock.sleep(EVERY_SECONDS)

    async def once(self) -> None:
        """Take over the list if it has changed since it was taken over last."""
        listed = self._list.accounts()
        if listed == self._taken:
            return
        if await self._record.read(lambda store: changes(store.accounts(), listed)):
            with crash_points.LIST_ACCOUNTS:
                await self._record.write(lambda store: self._take(store, listed))
        self._taken = listed

    def _take(self, store: ports.Store, listed: Sequence[card.Account]) -> None:
        known = {account.id for account in store.accounts()}
        for account in changes(store.accounts(), listed):
            store.put_account(account)
            if account.id not in known:
                pools.ask_about(store, account)


def changes(known: Sequence[card.Account], listed: Sequence[card.Account]) -> tuple[card.Account, ...]:
    """Return the accounts that must be written so that the record has what is listed.

    An account is never forgotten: attempts are at it. One that is no longer listed is switched off.
    """
    by_id = {account.id: account for account in listed}
    fresh = [account for account in listed if account not in known]
    gone = [one for one in known if one.listed and one.enabled and one.id not in by_id]
    return (*fresh, *(dataclasses.replace(one, enabled=False) for one in gone))
