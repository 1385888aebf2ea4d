"""Telling the orchestrator a fact until it says that it knows."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from reelmesh_kit import errors, process

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
# A mesh that starts, or an orchestrator that is started again, is no reason to call anybody: only what takes longer.
WARN_AFTER_SECONDS = 30.0
JITTER = 0.3

Answer = TypeVar("Answer")


async def until_acknowledged(
    own: process.Chassis,
    what: str,
    tell: Callable[[], Awaitable[Answer]],
    *,
    give_up_after_seconds: float | None = None,
    longest_pause_seconds: float = LONGEST_PAUSE_SECONDS,
) -> Answer:
    """Call `tell` until it is answered, with growing pauses.

    Args:
        own: the chassis.
        what: the fact, for the log.
        tell: may be repeated.
        give_up_after_seconds: None means never.
        longest_pause_seconds: where the pauses stop growing.

    Raises:
        ReelmeshError: the last failure, when it was given up.
    """
    started = own.clock.elapsed()
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return await tell()
        except errors.ReelmeshError as error:
            waited = own.clock.elapsed() - started
            level = logging.INFO if waited < WARN_AFTER_SECONDS else logging.WARNING
            own.logger.log(level, "Not acknowledged yet: %s (%s; %.0f s so far)", what, error.message, waited)
            if give_up_after_seconds is not None and waited >= give_up_after_seconds:
                raise
        await own.clock.sleep(pause * (1 + JITTER * own.chance.uniform(-1, 1)))
        pause = min(longest_pause_seconds, pause * 2)
