"""Repeats calls that are safe to repeat: reads, and creates that carry a request id."""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc.aio

from reelmesh_client import errors, machine

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class Backoff:
    """How often to try, and how long to wait between two tries: doubling, with jitter."""

    tries: int = 6
    first_wait_seconds: float = 0.2
    longest_wait_seconds: float = 5.0

    def wait_seconds(self, failures: int) -> float:
        """Return the wait after so many failures in a row, 1 or more."""
        doublings = min(failures - 1, 32)  # beyond that the longest wait holds anyway
        return min(self.first_wait_seconds * 2**doublings, self.longest_wait_seconds)


async def once(attempt: Callable[[], Awaitable[Result]]) -> Result:
    """Make a call that must not be repeated.

    Raises:
        errors.ReelmeshError: the call failed.
    """
    try:
        return await attempt()
    except grpc.aio.AioRpcError as error:
        raise errors.from_rpc(error) from error


async def repeated(attempt: Callable[[], Awaitable[Result]], backoff: Backoff, device: machine.Machine) -> Result:
    """Make a call, again while the mesh does not answer.

    Raises:
        errors.ReelmeshError: the last try failed, or a failure that a repetition cannot change.
    """
    failures = 0
    while True:
        try:
            return await once(attempt)
        except (errors.Unavailable, errors.DeadlineExceeded) as error:
            failures += 1
            if failures >= backoff.tries:
                raise
            await device.sleep(wait_seconds(error, failures, backoff, device))


def wait_seconds(error: errors.ReelmeshError, failures: int, backoff: Backoff, device: machine.Machine) -> float:
    """Return how long to wait before the next try: what the server asked for, within our bound, or the backoff."""
    if error.retry_after_seconds is not None:
        return min(error.retry_after_seconds, backoff.longest_wait_seconds)
    return device.jitter(backoff.wait_seconds(failures))
