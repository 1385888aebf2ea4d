"""Follows the search for lost jobs until it is over, across restarts of the mesh."""

from collections.abc import AsyncGenerator, Awaitable, Callable

from reelmesh.v1 import recovery_service_pb2

from reelmesh_client import errors, machine, watching

# How often it is asked for.
LOOK_SECONDS = 1.0

Report = recovery_service_pb2.RecoveryReport


async def follow(
    read: Callable[[], Awaitable[Report | None]],
    device: machine.Machine,
    *,
    patience_seconds: float = watching.PATIENCE_SECONDS,
    on_lost: watching.OnLost | None = None,
) -> AsyncGenerator[Report]:
    """Yield the report, and again whenever it changes, until it is over.

    Raises:
        errors.ReelmeshError: refused, or no answer for `patience_seconds`.
    """
    told: Report | None = None
    answered = device.elapsed()
    while True:
        try:
            report = await read()
        except (errors.Unavailable, errors.DeadlineExceeded) as error:
            if device.elapsed() - answered >= patience_seconds:
                raise
            if on_lost is not None:
                on_lost(error)
        else:
            answered = device.elapsed()
            if report is not None and report != told:
                yield report
            if report is None or report.state == recovery_service_pb2.RECOVERY_STATE_STANDING:
                return
            told = report
        await device.sleep(LOOK_SECONDS)
