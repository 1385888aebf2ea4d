"""Our accounts at a provider that is paid: where they are and by which key, as `accounts.yaml` says at this moment."""

import logging
import pathlib

from reelmesh_kit import accounts, process


class Unusable(Exception):
    """An account cannot be used; the message says what to do about it."""


class Credentials:
    """The accounts of one provider."""

    def __init__(self, path: pathlib.Path, provider: str, logger: logging.Logger, *, endpoint: str = "") -> None:
        """Read the file; `endpoint` is the provider's own, for accounts that name none.

        Raises:
            process.CannotStart: it cannot be used.
        """
        self._provider = provider
        self._logger = logger
        self._endpoint = endpoint
        try:
            self._book = accounts.Book(path)
        except accounts.AccountsError as error:
            raise process.CannotStart(f"{error} REELMESH_ACCOUNTS_FILE names it.") from error

    def of(self, account_id: str) -> tuple[accounts.Account, str]:
        """Return an account, with its endpoint, and its key, empty where it needs none.

        Raises:
            Unusable: it is not listed, has no endpoint, or the variable of its key is not set.
        """
        try:
            self._book.refreshed()
        except accounts.AccountsError as error:
            self._logger.warning("The list of accounts stays as it was: %s", error)
        found = next((one for one in self._book.of(self._provider) if one.id == account_id), None)
        if found is None:
            raise Unusable(f"account {account_id} of {self._provider} is not in REELMESH_ACCOUNTS_FILE")
        if not (found.endpoint or self._endpoint):
            raise Unusable(f"account {account_id} of {self._provider} has no endpoint in accounts.yaml")
        try:
            return accounts.at(found, self._endpoint), accounts.key_of(found)
        except accounts.AccountsError as error:
            raise Unusable(str(error)) from error
