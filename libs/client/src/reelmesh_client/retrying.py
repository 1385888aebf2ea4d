"""Repeats calls that are safe to repeat: reads, creates that carry a request id, and what a full queue refused."""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc.aio

from reelmesh_client import errors, machine

Result = TypeVar("Result")
# Told why the queue takes nothing, and in how many seconds it is asked again.
OnFull = Callable[[errors.QueueFull, float], None]
# By how much of the wait that the mesh asked for it is waited longer at most: all were asked to come back at once.
SPREAD = 0.25


@dataclasses.dataclass(frozen=True)
class Backoff:
    """How often to try, and how long to wait between two tries: doubling, with jitter."""

    tries: int = 6
    first_wait_seconds: float = 0.2
    longest_wait_seconds: float = 5.0
    full_patience_seconds: float = 120.0
    """How long to wait in all while the queue is full, as long each time as the mesh asks for; 0: not at all."""

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


async def admitted(
    attempt: Callable[[], Awaitable[Result]], backoff: Backoff, device: machine.Machine, on_full: OnFull | None
) -> Result:
    """Make a call, again while the queue is full: nothing was done then, whatever the call is.

    Raises:
        errors.QueueFull: it stayed full; the next wait would be beyond the patience.
        errors.ReelmeshError: the call failed otherwise.
    """
    refusals, waited_seconds = 0, 0.0
    while True:
        try:
            return await attempt()
        except errors.QueueFull as error:
            refusals += 1
            asked = error.retry_after_seconds or backoff.wait_seconds(refusals)
            seconds = asked + device.jitter(asked * SPREAD)
            waited_seconds += seconds
            if waited_seconds > backoff.full_patience_seconds:
                raise
            if on_full is not None:
                on_full(error, seconds)
            await device.sleep(seconds)


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
