"""Which addresses for webhooks are ours: by accounts.yaml, read again when it changes, and a key of ours."""

import logging
import pathlib

from reelmesh_kit import accounts, errors, process, webhooks

from reelmesh_gateway.model import hooks


class HookBook:
    """The addresses of all accounts that have webhooks."""

    def __init__(self, path: pathlib.Path | None, key: str, logger: logging.Logger) -> None:
        """Read the accounts; the addresses are derived from `key`.

        Raises:
            process.CannotStart: the file cannot be used.
        """
        self._key = key
        self._logger = logger
        try:
            self._book = accounts.Book(path)
        except accounts.AccountsError as error:
            raise process.CannotStart(f"{error} REELMESH_ACCOUNTS_FILE names it.") from error

    def at(self, account_id: str, token: str, attempt_id: str) -> hooks.Hook | None:
        """Return the address, if it is ours.

        Raises:
            Unavailable: the secret by which its notices are signed is not set.
        """
        if not self._key or not webhooks.is_token(token, self._key, account_id, attempt_id):
            return None
        try:
            self._book.refreshed()
        except accounts.AccountsError as error:
            self._logger.warning("The list of accounts stays as it was: %s", error)
        found = next((one for one in self._book.accounts if one.id == account_id), None)
        if found is None or found.webhooks is None:
            return None
        scheme = hooks.Scheme(found.webhooks.signed)
        try:
            secret = accounts.webhook_secret_of(found)
        except accounts.AccountsError as error:
            raise errors.Unavailable(str(error)) from error
        return hooks.Hook(
            found.id, found.provider, scheme, attempt_id, hooks.secret_of(secret), found.webhooks.keys_url
        )
