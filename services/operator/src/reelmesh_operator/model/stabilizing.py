"""What was needed lately: the most and the least of a window, in as little memory as there are different numbers.

A controller that has not watched for as long as a window, because it is new or could not ask, does not know what was
needed: then it keeps what there is.
"""

import dataclasses

from reelmesh_operator.model.pools import Desired, Memory


def heard(memory: Memory, needed: int, desired: Desired, now: float) -> Memory:
    """Return the memory after one more look at what is needed."""
    if memory.heard_since is None:
        memory = dataclasses.replace(memory, heard_since=now, active_at=now, highs=(), lows=())
    return dataclasses.replace(
        memory,
        active_at=now if needed else memory.active_at,
        highs=(
            *((at, value) for at, value in _within(memory.highs, desired.down_seconds, now) if value > needed),
            (now, needed),
        ),
        lows=(
            *((at, value) for at, value in _within(memory.lows, desired.up_seconds, now) if value < needed),
            (now, needed),
        ),
    )


def deaf(memory: Memory) -> Memory:
    """Return the memory after a look that showed nothing: what was seen before counts no more."""
    return dataclasses.replace(memory, heard_since=None, highs=(), lows=())


def stabilized(memory: Memory, needed: int, current: int, desired: Desired, now: float) -> int:
    """Return how many workers there should be, when both windows and the cooldown to zero have been waited for.

    Args:
        memory: with the present look in it.
        needed: workers that the work needs now.
        current: workers that the workload shall have as it is.
        desired: the pool.
        now: the operator's clock.
    """
    watched_for = now - memory.heard_since if memory.heard_since is not None else -1.0
    if needed > current:
        least = min(value for _, value in memory.lows)
        return max(least, current) if watched_for >= desired.up_seconds else current
    most = max(value for _, value in memory.highs)
    stable = min(most, current) if watched_for >= desired.down_seconds else current
    if stable == 0 and current > 0 and now - memory.active_at < desired.cooldown_seconds:
        return 1
    return stable


def _within(seen: tuple[tuple[float, int], ...], seconds: float, now: float) -> tuple[tuple[float, int], ...]:
    return tuple((at, value) for at, value in seen if now - at <= seconds)
