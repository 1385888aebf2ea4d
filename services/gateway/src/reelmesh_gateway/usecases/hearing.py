"""Hearing what vendors tell: checked, counted once, and passed on as a nudge to look."""

import logging

from reelmesh_kit import clock, errors

from reelmesh_gateway import ports
from reelmesh_gateway.model import hooks


class Hearing:
    """Takes notices at addresses of ours."""

    def __init__(
        self,
        book: ports.Hooks,
        keys: ports.VendorKeys,
        nudging: ports.Nudging,
        hearing_clock: clock.Clock,
        logger: logging.Logger,
    ) -> None:
        """Know addresses by `book`, signatures by `keys`, and tell workers by `nudging`."""
        self._book = book
        self._keys = keys
        self._nudging = nudging
        self._clock = hearing_clock
        self._logger = logger
        self._seen = hooks.Seen()

    def at(self, account_id: str, token: str, attempt_id: str) -> hooks.Hook | None:
        """Return the address that was used; None where it is none of ours.

        Raises:
            Unavailable: it is, but what its notices are checked by is not there.
        """
        return self._book.at(account_id, token, attempt_id)

    async def hear(self, hook: hooks.Hook, headers: hooks.Headers, body: bytes) -> hooks.Result:
        """Check a notice, and have the worker look that watches its job. What it says besides is not read."""
        told = hooks.signed(hook.scheme, headers, body)
        if told is None:
            return hooks.Result.FORGED
        if not hooks.is_fresh(told, self._clock.now().timestamp()):
            return hooks.Result.STALE
        try:
            if not await self._fits(hook, told):
                return hooks.Result.FORGED
            return await self._pass_on(hook, told, hooks.job_of(hook.scheme, headers, body))
        except errors.Unavailable as error:
            self._logger.warning("A webhook of account %s must come again: %s", hook.account_id, error.message)
            return hooks.Result.UNREADY

    async def _fits(self, hook: hooks.Hook, told: hooks.Signed) -> bool:
        if hook.scheme is hooks.Scheme.STANDARD:
            return hooks.fits_secret(told, hook.secret)
        return await self._keys.fits(hook.keys_url, told)

    async def _pass_on(self, hook: hooks.Hook, told: hooks.Signed, vendor_job_id: str) -> hooks.Result:
        if not (vendor_job_id or hook.attempt_id):
            return hooks.Result.IGNORED
        key = hook.account_id, hook.attempt_id, told.message_id
        if key in self._seen:
            return hooks.Result.DUPLICATE
        await self._nudging.nudge(hooks.Nudge(hook.provider, hook.account_id, vendor_job_id, hook.attempt_id))
        self._seen.add(key)
        return hooks.Result.NUDGED
