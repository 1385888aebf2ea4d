"""How many workers the work needs that can be done now."""

import math

from reelmesh_operator.model.pools import Desired, Signal


def needed(signal: Signal, desired: Desired) -> int:
    """Return how many workers the work could use now, whatever the pool's own limits.

    Work that waits counts as far as its accounts have room: a worker more would submit nothing, or be answered 429.
    Submitting and watching are done side by side by the same worker, so that it is the larger of the two. A provider
    that nobody knows yet needs one worker, which tells what it can do.
    """
    submitting = math.ceil(can_begin(signal) / desired.work_per_worker)
    watching = math.ceil(signal.watched / desired.watched_per_worker)
    return max(submitting, watching, 0 if signal.known else 1)


def can_begin(signal: Signal) -> int:
    """Return how much is begun, or could be at once."""
    return signal.to_do + min(signal.waiting, max(signal.room, 0))


def held_back(signal: Signal) -> int:
    """Return how much waits for the provider, however many workers there are."""
    return signal.waiting - min(signal.waiting, max(signal.room, 0))
