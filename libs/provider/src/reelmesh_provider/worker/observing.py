"""Observing: accepted jobs are looked at until they end, however long that takes and whatever fails on the way."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.trace import SpanKind

from reelmesh_provider import crash_points, model
from reelmesh_provider.model import polling
from reelmesh_provider.worker import background, ingesting, leasing, persisting
from reelmesh_provider.worker.surroundings import Surroundings, span_attributes

JOBS_PER_POLL = 100
LINKS_PER_POLL = 16
LONGEST_ACTIVITY_CHARACTERS = 100


@dataclass
class Watch:
    """One accepted attempt and what was seen of it so far."""

    task: model.Task
    job: model.Job
    cancel_wanted: bool = False
    cancel_asked: bool = False
    looks: int = 0
    failures: int = 0
    absence: polling.Absence = field(default_factory=polling.Absence)
    told: tuple[int, str] = (-1, "")
    ending: asyncio.Task[None] | None = None


class Observing:
    """Everything that this worker watches, by account."""

    def __init__(self, around: Surroundings, lease: leasing.Lease) -> None:
        """Watch nothing yet."""
        self._around = around
        self._lease = lease
        self._ingesting = ingesting.Ingesting(around)
        self._background = background.Background(around.chassis)
        self._watches: dict[str, Watch] = {}
        self._schedules: dict[str, polling.Schedule] = {}

    @property
    def watching(self) -> tuple[str, ...]:
        """The attempts that are watched."""
        return tuple(self._watches)

    @property
    def accounts(self) -> Iterable[str]:
        """Accounts with jobs to look at."""
        return tuple(account for account, schedule in self._schedules.items() if len(schedule))

    @property
    def fetching(self) -> bool:
        """Whether a job that ended is being taken in or told."""
        return any(watch.ending is not None for watch in self._watches.values())

    def watch(self, task: model.Task, job_id: str, cancel: bool = False) -> None:
        """Watch an attempt from now on; known ones only learn whether to cancel."""
        known = self._watches.get(task.attempt_id)
        if known is None or known.job.job_id != job_id:
            self.forget(task.attempt_id)
            job = model.Job(task.attempt_id, task.account_id, task.model, job_id)
            self._watches[task.attempt_id] = Watch(task, job)
            self._look_again(self._watches[task.attempt_id], hint_seconds=None)
        if cancel:
            self.cancel(task.attempt_id)
        self._gauge()

    def cancel(self, attempt_id: str) -> None:
        """Have the provider asked to stop a watched attempt, soon."""
        watch = self._watches.get(attempt_id)
        if watch is None or watch.cancel_wanted:
            return
        watch.cancel_wanted = True
        if watch.ending is None:
            self._schedule(watch.task.account_id).set(attempt_id, self._around.chassis.clock.elapsed())

    def forget(self, attempt_id: str) -> None:
        """Watch it no longer: it has ended, or is another's."""
        watch = self._watches.pop(attempt_id, None)
        if watch is None:
            return
        self._schedule(watch.task.account_id).remove(attempt_id)
        self._ingesting.forget(attempt_id)
        if watch.ending is not None:
            watch.ending.cancel()
        self._gauge()

    def clear(self) -> None:
        """Watch nothing any longer."""
        for attempt_id in self.watching:
            self.forget(attempt_id)

    async def stop(self, after_seconds: float) -> None:
        """Finish what is being taken in or told; what takes longer is left to others, who do it again."""
        await self._background.stop(after_seconds)

    def known_job_ids(self, account_id: str) -> frozenset[str]:
        """Return the jobs at an account that are certainly ours."""
        return frozenset(w.job.job_id for w in self._watches.values() if w.task.account_id == account_id)

    def jobs_at(self, account_id: str) -> Sequence[model.Job]:
        """Return the jobs at an account that are watched."""
        return [w.job for w in self._watches.values() if w.task.account_id == account_id]

    def due(self, account_id: str, now: float) -> bool:
        """Tell whether a look at the account is due."""
        due = self._schedule(account_id).next_due()
        return due is not None and due <= now

    async def look(self, account_id: str) -> None:
        """Look at what is due at an account: one question to the provider for all of it."""
        own = self._around.chassis
        taken = self._schedule(account_id).take(own.clock.elapsed(), JOBS_PER_POLL)
        watches = [self._watches[each] for each in taken]
        for watch in watches:
            await self._ask_to_stop(watch)
        self.see(account_id, await self._poll(account_id, watches))
        # What the answer did not mention is unknown, like an answer that never came.
        for watch in watches:
            if self._is_idle(watch):
                self._unknown(watch)

    def see(self, account_id: str, observations: Iterable[model.Observation]) -> None:
        """Take in what was seen of jobs at an account, by a poll or in a list."""
        watches = {w.job.job_id: w for w in self._watches.values() if w.task.account_id == account_id}
        for observation in observations:
            watch = watches.get(observation.job_id)
            if watch is not None and watch.ending is None:
                self._see(watch, observation.state)

    def _see(self, watch: Watch, state: model.JobState) -> None:
        if not isinstance(state, model.Missing):
            watch.absence = polling.Absence()
        match state:
            case model.Pending():
                self._pending(watch, state)
            case model.Succeeded():
                self._end(watch, self._take_in(watch, state))
            case model.Negative():
                self._finish(watch, state.outcome, state.message, state.cost_micros)
            case model.Missing():
                self._missing(watch, state)
            case model.Unknown():
                self._unknown(watch)

    def _pending(self, watch: Watch, state: model.Pending) -> None:
        watch.looks += 1
        watch.failures = 0
        told = (state.progress_percent or 0, state.activity[:LONGEST_ACTIVITY_CHARACTERS])
        if told != watch.told:
            watch.told = told
            self._background.start(self._around.mesh.progress.tell(watch.task, *told), "tell progress")
        self._look_again(watch, state.look_again_after_seconds)

    def _missing(self, watch: Watch, state: model.Missing) -> None:
        now = self._around.chassis.clock.elapsed()
        watch.absence = watch.absence.again(now)
        if watch.absence.means_gone(self._around.provider.card.gone, now):
            self._finish(watch, model.Outcome.GONE, state.message, None)
        else:
            self._look_again(watch, hint_seconds=None)

    def _unknown(self, watch: Watch) -> None:
        watch.failures += 1
        self._look_again(watch, hint_seconds=None)

    def _finish(self, watch: Watch, outcome: model.Outcome, message: str, cost_micros: int | None) -> None:
        ending = model.Ending(
            watch.task.attempt_id, self._lease.worker_id, watch.job.job_id, outcome, message, cost_micros
        )
        self._end(watch, self._tell(watch, ending))

    def _end(self, watch: Watch, work: Coroutine[Any, Any, None]) -> None:
        self._schedule(watch.task.account_id).remove(watch.task.attempt_id)
        watch.ending = self._background.start(work, f"end attempt {watch.task.attempt_id}")

    async def _take_in(self, watch: Watch, state: model.Succeeded) -> None:
        own = self._around.chassis
        try:
            ending = await self._ingesting.take_in(watch.task, watch.job, self._lease.worker_id, state)
        except Exception as error:  # noqa: BLE001 - whatever it was, the clip is paid for: look and fetch again
            own.logger.warning(
                "The clip of attempt %s could not be taken in and will be fetched again: %s: %s",
                watch.task.attempt_id, type(error).__name__, error,
            )  # fmt: skip
            watch.ending = None
            self._unknown(watch)
        else:
            await self._tell(watch, ending)

    async def _tell(self, watch: Watch, ending: model.Ending) -> None:
        own = self._around.chassis
        with own.telemetry.span(
            "finish", parent=watch.task.traceparent, attributes=span_attributes(watch.task)
        ) as span:
            span.set_attribute("reelmesh.outcome", ending.outcome)
            span.set_attribute("reelmesh.poll.count", watch.looks)
            await persisting.until_acknowledged(
                own,
                f"{ending.outcome} of attempt {ending.attempt_id}",
                lambda: self._around.mesh.attempts.finish(ending),
            )
            crash_points.FINISHED.passed()
        self._around.metrics.endings.labels(self._around.name, ending.outcome.value).inc()
        watch.ending = None
        if self._watches.get(watch.task.attempt_id) is watch:
            self.forget(watch.task.attempt_id)

    async def _ask_to_stop(self, watch: Watch) -> None:
        own = self._around.chassis
        if not watch.cancel_wanted or watch.cancel_asked or not self._around.provider.card.cancellable:
            return
        with own.telemetry.span(
            "cancel", kind=SpanKind.CLIENT, parent=watch.task.traceparent, attributes=span_attributes(watch.task)
        ):
            try:
                await self._around.provider.cancel(watch.job)
            except Exception as error:  # noqa: BLE001 - asked again at the next look
                own.logger.warning("Job %s could not be asked to stop: %s", watch.job.job_id, error)
            else:
                crash_points.CANCELLED.passed()
                watch.cancel_asked = True

    async def _poll(self, account_id: str, watches: Sequence[Watch]) -> Sequence[model.Observation]:
        own = self._around.chassis
        first = watches[0]
        try:
            with own.telemetry.span(
                "poll",
                kind=SpanKind.CLIENT,
                parent=first.task.traceparent,
                links=[w.task.traceparent for w in watches[1 : LINKS_PER_POLL + 1]],
                attributes=span_attributes(first.task) | {"reelmesh.poll.jobs": len(watches)},
            ):
                seen = await self._around.provider.poll(account_id, [w.job for w in watches])
        except Exception as error:  # noqa: BLE001 - not knowing never fails a job: it is looked at again
            own.logger.warning("Account %s could not be asked about %d jobs: %s", account_id, len(watches), error)
            self._around.metrics.polls.labels(self._around.name, "failed").inc()
            return ()
        self._around.metrics.polls.labels(self._around.name, "answered").inc()
        return seen

    def _is_idle(self, watch: Watch) -> bool:
        known = self._watches.get(watch.task.attempt_id) is watch
        return known and watch.ending is None and watch.task.attempt_id not in self._schedule(watch.task.account_id)

    def _look_again(self, watch: Watch, hint_seconds: float | None) -> None:
        own = self._around.chassis
        delay = polling.next_delay(
            self._around.provider.card.pace,
            watch.looks,
            hint_seconds=hint_seconds,
            failures=watch.failures,
            jitter=own.chance.uniform(-1, 1),
        )
        self._schedule(watch.task.account_id).set(watch.task.attempt_id, own.clock.elapsed() + delay)

    def _schedule(self, account_id: str) -> polling.Schedule:
        return self._schedules.setdefault(account_id, polling.Schedule())

    def _gauge(self) -> None:
        self._around.metrics.watching.labels(self._around.name).set(len(self._watches))
