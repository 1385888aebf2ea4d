"""The operator's list of accounts, as a file that is read again when it changes."""

import logging
import pathlib
from collections.abc import Mapping, Sequence

from reelmesh_kit import accounts as listing
from reelmesh_kit import process

from reelmesh_orchestrator.model import card
from reelmesh_orchestrator.ports import accounts as ports

SECONDS_OF_AN_HOUR = 3600.0


class AccountFile:
    """`ports.accounts.AccountList` over `accounts.yaml`."""

    def __init__(self, path: pathlib.Path | None, logger: logging.Logger) -> None:
        """Read the file; without one nothing is listed.

        Raises:
            process.CannotStart: it cannot be used.
        """
        self._logger = logger
        try:
            self._book = listing.Book(path)
        except listing.AccountsError as error:
            raise process.CannotStart(f"{error} REELMESH_ACCOUNTS_FILE names it.") from error

    def accounts(self) -> Sequence[card.Account]:
        """Return the accounts as they are listed now."""
        return tuple(map(_to_account, self._listed()))

    def write_offs(self) -> Mapping[str, ports.WriteOff]:
        """Return what is said of attempts in doubt, by account."""
        return {
            each.id: ports.WriteOff(each.write_off_after_hours * SECONDS_OF_AN_HOUR, each.resubmit_when_written_off)
            for each in self._listed()
            if each.write_off_after_hours is not None
        }

    def _listed(self) -> Sequence[listing.Account]:
        try:
            if self._book.refreshed():
                self._logger.info("The list of accounts has changed: %d accounts", len(self._book.accounts))
        except listing.AccountsError as error:
            self._logger.warning("The list of accounts stays as it was: %s", error)
        return self._book.accounts


def _to_account(told: listing.Account) -> card.Account:
    return card.Account(
        id=told.id,
        provider=told.provider,
        slots=told.slots,
        exclusive=told.exclusive,
        enabled=told.enabled,
        polls_per_second=told.polls_per_second,
        listed=True,
    )
