"""The worker's one lease: what it may do, judged by its own clock, and the exchange that renews it."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Protocol

from reelmesh_kit import clock as clocks
from reelmesh_kit import errors, ids

from reelmesh_provider import crash_points, model
from reelmesh_provider.worker import signals
from reelmesh_provider.worker.surroundings import Surroundings

RETRY_SECONDS = 1.0
JITTER = 0.1
# After which time a renewal follows that is not waited for.
HURRY_SECONDS = (0.05, 0.5)


class Lease:
    """A lease as its holder sees it.

    It counts from before the renewal was sent, on the clock that counts suspension. Without it nothing is submitted;
    only the orchestrator's word that it lapsed makes a new life, under a new id: an outage kills nobody.
    """

    def __init__(self, clock: clocks.Clock, fresh: ids.Ids) -> None:
        """Start the first life, not yet held."""
        self._clock = clock
        self._ids = fresh
        #: The last that was seen of the record: it outlives every life.
        self.mark: model.Mark | None = None
        #: Whether lost jobs are looked for: nothing may begin.
        self.recovering = False
        #: Given when what the lease allows may have changed; not when it runs out.
        self.changed = signals.Signal(clock)
        self.begin_life()

    def begin_life(self) -> None:
        """Come back under a new id."""
        self.worker_id = str(self._ids.fresh())
        self.cordoned = False
        self.rates: Mapping[str, float] = {}
        self._good_until = float("-inf")
        self.changed.give()

    def grant(self, sent_at: float, answer: model.LeaseAnswer) -> None:
        """Note a renewal that was sent at `sent_at`."""
        self._good_until = sent_at + answer.lease_seconds
        self.cordoned = answer.cordoned
        self.rates = answer.rates
        self.changed.give()

    def learn(self, answer: model.LeaseAnswer) -> bool:
        """Note what an answer says of the record, whatever it says of the lease; tell whether a new era has begun."""
        before, self.mark = self.mark, answer.mark or self.mark
        self.recovering = answer.recovering
        self.changed.give()
        return before is not None and self.mark is not None and before.era_id != self.mark.era_id

    @property
    def held(self) -> bool:
        """Whether it certainly holds now."""
        return self.seconds_left > 0

    @property
    def seconds_left(self) -> float:
        """For how long it certainly holds, if it is not renewed before."""
        return self._good_until - self._clock.elapsed()

    def loss(self, worker_id: str) -> str:
        """Say why the life that called itself `worker_id` may not go on submitting; "" while it may."""
        if worker_id != self.worker_id:
            return "the worker lost its lease"
        return "" if self.held else "the worker's lease was not renewed in time"


class Holder(Protocol):
    """Who holds attempts under the lease."""

    def report(self) -> model.LeaseReport:
        """Say what is held."""
        ...

    def obey(self, answer: model.LeaseAnswer) -> None:
        """Take over what the answer orders."""
        ...

    def begin_era(self) -> None:
        """Forget what was concluded from a record that has gone back since."""
        ...

    async def remember(self) -> None:
        """Keep for the next life what was seen of the record."""
        ...

    def lose(self) -> None:
        """Let go of everything watched and searched: others have it."""
        ...


class Leasing:
    """The loop that renews the lease."""

    def __init__(self, around: Surroundings, lease: Lease, holder: Holder) -> None:
        """Renew `lease` for `holder`."""
        self._around = around
        self._lease = lease
        self._holder = holder
        self._hurried = asyncio.Event()

    async def run(self) -> None:
        """Renew until cancelled."""
        while True:
            pause_seconds = await self.renew()
            if pause_seconds > 0:
                await self._pause(pause_seconds)

    def hurry(self) -> None:
        """Renew soon: there may be something to take over."""
        self._hurried.set()

    async def _pause(self, seconds: float) -> None:
        own = self._around.chassis
        with contextlib.suppress(TimeoutError):
            await own.clock.wait_for(self._hurried.wait(), seconds)
            # All who hear it at once ask one after the other; and however often somebody says it, not all the time.
            await own.clock.sleep(min(seconds, own.chance.uniform(*HURRY_SECONDS)))
        self._hurried.clear()

    async def renew(self) -> float:
        """Renew once and return the seconds until the next time."""
        own = self._around.chassis
        sent_at = own.clock.elapsed()
        try:
            answer = await self._around.mesh.pool.renew(self._holder.report())
        except errors.ReelmeshError as error:
            own.logger.warning("The lease could not be renewed: %s", error.message)
            return RETRY_SECONDS
        crash_points.LEASE_RENEWED.passed()
        if self._lease.learn(answer):
            own.logger.warning("The record of the mesh went back; finding begins anew.")
            self._holder.begin_era()
        await self._holder.remember()
        if not answer.held:
            own.logger.warning("The lease of %s has lapsed; coming back under a new id.", self._lease.worker_id)
            self._holder.lose()
            self._lease.begin_life()
            return 0.0
        self._lease.grant(sent_at, answer)
        self._holder.obey(answer)
        return answer.renew_every_seconds * (1 + JITTER * own.chance.uniform(-1, 0))
