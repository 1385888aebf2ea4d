"""The submit window: the last thing that stands between a worker and a paid request.

A request may leave only while its window is open. The window starts *before the first sending* of the nonce, on the
clock that counts suspension, and is never renewed; so a process that was frozen at any point and thawed later sends
nothing that completes a request. Between a check and the write that follows it lie some microseconds in which a
freeze is not seen; the wait before "never created" covers the write itself.
"""

import asyncio
from collections.abc import Awaitable, Callable

from reelmesh_kit import clock as clocks
from reelmesh_kit import errors as kit_errors

from reelmesh_provider import errors, model

BEGIN_PATIENCE_SECONDS = 8.0
FIRST_RESEND_SECONDS = 0.05
LONGEST_RESEND_SECONDS = 1.0

Ask = Callable[[str], Awaitable[model.Go | model.Drop]]
# What the orchestrator says about an attempt that will not change by asking again.
_FINAL = (
    kit_errors.NotFound,
    kit_errors.InvalidArgument,
    kit_errors.WrongState,
    kit_errors.PermissionDenied,
    kit_errors.Unauthenticated,
)


def _nothing_closes_it() -> str:
    return ""


class Gate:
    """Leave to write one request, for one try of one attempt.

    Attributes:
        nonce: random token of this try, the attempt's only fence.
        asked: Begin was sent at least once, so the attempt may stand at SUBMITTING.
        granted: leave was given; from here on, what is not certain is unknown.
    """

    def __init__(
        self,
        *,
        clock: clocks.Clock,
        nonce: str,
        ask: Ask,
        closed: Callable[[], str] = _nothing_closes_it,
        lost: Callable[[], str] = _nothing_closes_it,
    ) -> None:
        """Make a gate.

        Args:
            clock: counts suspension.
            nonce: fresh for this try.
            ask: sends Begin with the nonce; raises reelmesh errors when no answer came.
            closed: why nothing may begin any more ("" while it may): draining, no lease.
            lost: why what began must not go on ("" while it may): the lease was lost.
        """
        self.nonce = nonce
        self.asked = False
        self.granted = False
        self._clock = clock
        self._ask = ask
        self._closed = closed
        self._lost = lost
        self._closes_at = 0.0
        self._decided = asyncio.Event()

    async def begin(self) -> None:
        """Ask for leave, after connecting and before the first byte. May be called once.

        Raises:
            errors.Dropped: no leave.
            errors.WindowPassed: the window was over before the answer was read, or no answer came in time.
            errors.GateMisused: called again. A submit is one request; whoever wants another needs another attempt.
        """
        if self.asked:
            raise errors.GateMisused("This gate has begun already: a submit is one request and never repeated.")
        if reason := self._closed():
            raise errors.Dropped(reason, come_again=True)
        self.asked = True
        started = self._clock.elapsed()
        answer = await self._answer(started)
        if isinstance(answer, model.Drop):
            raise errors.Dropped(answer.reason, come_again=answer.come_again)
        self._closes_at = started + answer.submit_within_seconds
        self.granted = True
        self._decided.set()
        self._within()

    def check(self) -> None:
        """Make sure that the window is open: before the headers, before each piece, before the last byte.

        Never call it after the last byte: what has left cannot be called back.

        Raises:
            errors.WindowPassed: write nothing more and close the connection.
            errors.GateMisused: `begin` was not awaited before.
        """
        if not self.granted:
            raise errors.GateMisused("Await gate.begin() before the first byte.")
        self._within()

    async def opened(self) -> None:
        """Wait until leave was given."""
        await self._decided.wait()

    def _within(self) -> None:
        if reason := self._lost():
            raise errors.WindowPassed(reason)
        if self._clock.elapsed() >= self._closes_at:
            raise errors.WindowPassed()

    async def _answer(self, started: float) -> model.Go | model.Drop:
        pause = FIRST_RESEND_SECONDS
        while True:
            try:
                return await self._ask(self.nonce)
            except _FINAL as error:
                return model.Drop(error.message)
            except kit_errors.ReelmeshError as error:
                if self._clock.elapsed() + pause - started >= BEGIN_PATIENCE_SECONDS:
                    raise errors.WindowPassed(f"Begin was not answered: {error.message}") from error
            await self._clock.sleep(pause)
            pause = min(LONGEST_RESEND_SECONDS, pause * 2)
