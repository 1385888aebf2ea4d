"""Until when the call that is being handled must be answered, so that the calls it makes end before."""

import contextvars

from reelmesh_kit import clock, errors

# A point on the chassis clock's `elapsed`, seconds; None outside a call or when its caller set none.
_deadline: contextvars.ContextVar[float | None] = contextvars.ContextVar("rpc_deadline", default=None)


def begin(time: clock.Clock, remaining: float | None) -> None:
    """Remember in the current task that `remaining` seconds are left (None: as many as it takes)."""
    _deadline.set(None if remaining is None else time.elapsed() + remaining)


def remaining_seconds(time: clock.Clock) -> float | None:
    """Return the seconds left for the call that is being handled; None when it has no deadline."""
    deadline = _deadline.get()
    return None if deadline is None else deadline - time.elapsed()


def bounded(time: clock.Clock, wanted: float | None) -> float | None:
    """Return the seconds that an outgoing call may take: as wanted (None: any), but no longer than what is left.

    A call without any time is not begun: gRPC may still answer one that is fast.

    Raises:
        DeadlineExceeded: nothing is left.
    """
    left = remaining_seconds(time)
    seconds = wanted if left is None else left if wanted is None else min(left, wanted)
    if seconds is not None and seconds <= 0:
        raise errors.DeadlineExceeded
    return seconds
