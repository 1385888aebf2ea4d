"""Follows a generation until it has ended, across dropped connections and restarts of the mesh."""

from collections.abc import AsyncGenerator, AsyncIterable, Callable

import grpc.aio
from reelmesh.v1 import generation_service_pb2

from reelmesh_client import errors, machine, retrying

Seen = generation_service_pb2.WatchGenerationResponse
# Told each time that a stream breaks off and will be opened again, with why if that is known.
OnLost = Callable[[errors.ReelmeshError], None]
# Opens a stream of what happens after a sequence.
OpenStream = Callable[[int], AsyncIterable[Seen]]

# How long a watch looks for a mesh that does not answer, before it gives up.
PATIENCE_SECONDS = 300.0
_BACKOFF = retrying.Backoff(first_wait_seconds=0.2, longest_wait_seconds=5.0)


async def watch(
    open_stream: OpenStream,
    device: machine.Machine,
    *,
    after_sequence: int = 0,
    patience_seconds: float = PATIENCE_SECONDS,
    on_lost: OnLost | None = None,
) -> AsyncGenerator[Seen]:
    """Yield events (each once, in order), progress, and at last the generation as it ended.

    A stream that breaks off, or ends without the generation's end, is opened again from the last event on; `on_lost` is
    told.

    Raises:
        errors.ReelmeshError: refused, or no answer for `patience_seconds`.
    """
    failures = 0
    answered = device.elapsed()
    while True:
        problem: errors.ReelmeshError | None = None
        try:
            async for seen in open_stream(after_sequence):
                failures, answered = 0, device.elapsed()
                if seen.HasField("event"):
                    if seen.event.sequence <= after_sequence:
                        continue
                    after_sequence = seen.event.sequence
                yield seen
                if seen.HasField("ended"):
                    return
        except grpc.aio.AioRpcError as error:
            problem = errors.from_rpc(error)
            problem.__cause__ = error
        _give_up_unless_worth_it(problem, device.elapsed() - answered, patience_seconds)
        failures += 1
        cause = problem or errors.Unavailable()
        if on_lost is not None:
            on_lost(cause)
        await device.sleep(retrying.wait_seconds(cause, failures, _BACKOFF, device))


def _give_up_unless_worth_it(
    problem: errors.ReelmeshError | None, silent_seconds: float, patience_seconds: float
) -> None:
    if problem is not None and not isinstance(problem, errors.Unavailable | errors.DeadlineExceeded):
        raise problem
    if silent_seconds >= patience_seconds:
        raise problem or errors.Unavailable("the mesh ends each watch without saying how the generation ended")
