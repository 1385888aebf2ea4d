"""Turns at an account: how a provider that makes several requests for one verb keeps within the account's rate."""

from collections.abc import Awaitable, Callable


async def _at_once(account_id: str) -> None:
    del account_id


class Turns:
    """Whose turn it is. A provider that has them awaits one before each request by which it observes.

    Until a worker sets `wait` there is nothing to wait for.
    """

    def __init__(self, jobs_per_request: int = 1) -> None:
        """Say how many jobs one request can show at best: 1 where each is looked at by itself."""
        self.jobs_per_request = jobs_per_request
        self.wait: Callable[[str], Awaitable[None]] = _at_once
