"""The worker as a whole: what it replays at start, which loops it runs, and how it ends."""

import asyncio

from reelmesh_kit import errors as kit_errors

from reelmesh_provider import crash_points, model, port
from reelmesh_provider.worker import (
    background,
    counting,
    finding,
    leasing,
    nudges,
    observing,
    persisting,
    rounds,
    signals,
    submitting,
)
from reelmesh_provider.worker.surroundings import Surroundings

RELEASE_PATIENCE_SECONDS = 2.0
# Everybody waits for the card of a mesh that starts.
CARD_PAUSE_SECONDS = 1.0


class Worker:
    """Serves one provider. Run `start`, then `lease` and `observe` side by side, feed tasks to `take`, then `drain`."""

    def __init__(self, around: Surroundings, name: str) -> None:
        """Make a worker called `name` for people."""
        self._around = around
        self._name = name
        self._lease = leasing.Lease(around.chassis.clock, around.chassis.ids)
        self._heard = nudges.Nudges(around.chassis.clock)
        # Given when something is to be looked at, and when it may have changed what is allowed.
        self._to_look, self._allowed = signals.Signal(around.chassis.clock), self._lease.changed
        self._observing = observing.Observing(around, self._lease, self._heard, self._to_look)
        self._finding = finding.Finding(around, self._lease, self._observing, self._heard, self._to_look)
        self._counting = counting.Counting(around, self._lease, self._observing)
        self._background = background.Background(around.chassis)
        self._submitting = submitting.Submitting(around, self._lease, self._observing.watch)
        self._leasing = leasing.Leasing(around, self._lease, self)
        self._rounds = rounds.Rounds(around, self._lease, self._observing, self._finding, self._to_look)
        self._started = asyncio.Event()
        self._remembered = model.Remembered()

    @property
    def worker_id(self) -> str:
        """The id of its present life."""
        return self._lease.worker_id

    @property
    def may_pull(self) -> bool:
        """Whether it should be given tasks."""
        return self._started.is_set() and not self._submitting.closed()

    @property
    def idle(self) -> bool:
        """Whether nothing would be lost or repeated if it ended now."""
        if self._rooted and self._observing.watching:
            return False
        return self._submitting.idle and not self._observing.fetching

    @property
    def _rooted(self) -> bool:
        return isinstance(self._around.provider, port.Rooted)

    async def start(self) -> None:
        """Tell what a former life was not heard saying, then what the provider can do."""
        own = self._around.chassis
        self._remembered = await self._around.mesh.journal.recall()
        self._lease.mark = self._remembered.mark
        self._counting.counted_era_id = self._remembered.counted_era_id
        for page, fact in await self._around.mesh.journal.unacknowledged():
            own.logger.info("Telling from the journal that attempt %s has job %s", fact.attempt_id, fact.job_id)
            await persisting.until_acknowledged(
                own, f"journalled job of attempt {fact.attempt_id}", lambda fact=fact: self._tell(fact)
            )
            crash_points.REPLAYED.passed()
            await page.tear_out()
        await self._register()
        crash_points.REGISTERED.passed()
        self._started.set()
        self._allowed.give()

    async def lease(self) -> None:
        """Keep the lease, until cancelled."""
        await self._started.wait()
        await self._leasing.run()

    async def observe(self) -> None:
        """Look at jobs and for jobs, until cancelled."""
        await self._rounds.run()

    async def until_pulling(self, may: bool) -> None:
        """Return once it should be given tasks, or should not be any more."""
        while self.may_pull is not may:
            # A lease that is not renewed ends without a word.
            await self._allowed.wait(self._lease.seconds_left if not may else None)

    def nudge(self, nudge: model.Nudge) -> None:
        """Look at a job of which somebody says that it has ended, if it is watched or searched for here."""
        known = self._observing.nudge(nudge) or self._finding.nudge(nudge)
        if not known:
            self._heard.keep(nudge)

    def hurry(self) -> None:
        """Ask the orchestrator at once what there is to watch: another worker has let go of what it had."""
        self._leasing.hurry()

    async def take(self, task: model.Task) -> submitting.Taken:
        """Submit a task; returns as soon as it is SUBMITTING or refused."""
        return await self._submitting.take(task)

    async def check(self) -> None:
        """Raise when it holds no lease: for readiness."""
        if not self._lease.held:
            raise kit_errors.Unavailable("The worker holds no lease: the orchestrator does not answer, or not yet.")

    async def drain(self, seconds: float) -> None:
        """Begin nothing more, finish open submits within `seconds`, and end the lease. Call it while `lease` runs."""
        own = self._around.chassis
        held = self.report()
        own.logger.info(
            "Ending, with %d submits open and %d jobs watched",
            *(len(held.submitting), len(held.watching)),
            extra={"submits": len(held.submitting), "watched": len(held.watching), "idle": held.idle},
        )
        ends_at = own.clock.elapsed() + seconds
        await self._counting.stop()
        await self._background.stop()
        self._submitting.draining = True
        self._allowed.give()
        await self._submitting.drain(seconds)
        await self._observing.stop(max(0.0, ends_at - own.clock.elapsed()))
        try:
            await persisting.until_acknowledged(
                own,
                "the end of the lease",
                lambda: self._around.mesh.pool.release(self._lease.worker_id),
                give_up_after_seconds=RELEASE_PATIENCE_SECONDS,
            )
        except kit_errors.ReelmeshError as error:
            own.logger.warning("The lease could not be ended; it lapses by itself: %s", error.message)

    def report(self) -> model.LeaseReport:
        """Say what is held under the present life."""
        watching = self._observing.watching
        return model.LeaseReport(
            worker_id=self._lease.worker_id,
            pool=self._around.name,
            name=self._name,
            submitting=self._submitting.under(self._lease.worker_id),
            watching=watching,
            finding=self._finding.finding,
            room=0 if self._submitting.draining else max(0, self._around.limits.watch_limit - len(watching)),
            mark=self._lease.mark,
            counted_era_id=self._counting.counted_era_id,
            cordoned=self._lease.cordoned,
            idle=self.idle,
        )

    def obey(self, answer: model.LeaseAnswer) -> None:
        """Take over what the orchestrator orders."""
        for attempt_id in answer.forget:
            self._observing.forget(attempt_id)
            self._finding.forget(attempt_id)
        for watch in answer.watch:
            self._finding.forget(watch.task.attempt_id)
            self._observing.watch(watch.task, watch.job_id, watch.cancel, taken_over=True)
        for find in answer.find:
            # Its own open request will tell more than any list; it is bounded, and the order is repeated.
            if not self._submitting.is_open(find.task.attempt_id):
                self._finding.seek(find)
        for attempt_id in answer.cancel:
            self._observing.cancel(attempt_id)
        self._counting.obey(answer.census)
        if answer.cordoned and not self._rooted:
            # What it does not list any more is given to others; what it is taking in it brings to an end.
            self._observing.let_go()
            self._finding.clear()

    def begin_era(self) -> None:
        """Search for nothing any longer: what is in doubt is ordered anew, and time begins to count again.

        A record that has gone back may not know the card either.
        """
        self._finding.clear()
        self._background.start(self._register(), "register the card again")

    async def remember(self) -> None:
        """Keep for the next life what was seen of the record."""
        now = model.Remembered(self._lease.mark, self._counting.counted_era_id)
        if now == self._remembered:
            return
        try:
            await self._around.mesh.journal.remember(now)
        except OSError as error:
            # Others remember as well, and so does storage.
            self._around.chassis.logger.warning("What was seen of the record is not on disk: %s", error)
        else:
            self._remembered = now

    def lose(self) -> None:
        """Let go of everything watched and searched: others have it. Open submits go on to record what they learn."""
        self._observing.clear()
        self._finding.clear()

    async def _register(self) -> None:
        card = self._around.provider.card
        await persisting.until_acknowledged(
            self._around.chassis,
            "the card",
            lambda: self._around.mesh.pool.register(card),
            longest_pause_seconds=CARD_PAUSE_SECONDS,
        )

    async def _tell(self, fact: model.JobFact) -> None:
        await self._around.mesh.attempts.record(fact)
