"""Observing: accepted jobs are looked at until they end, however long that takes and whatever fails on the way."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.trace import SpanKind

from reelmesh_provider import crash_points, model
from reelmesh_provider.model import polling
from reelmesh_provider.worker import background, ingesting, leasing, nudges, persisting, signals
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

    def __init__(
        self, around: Surroundings, lease: leasing.Lease, heard: nudges.Nudges, changed: signals.Signal
    ) -> None:
        """Watch nothing yet; `heard` is what was said of jobs, `changed` is given when one is due earlier."""
        self._around = around
        self._lease = lease
        self._heard = heard
        self._changed = changed
        self._ingesting = ingesting.Ingesting(around)
        self._background = background.Background(around.chassis)
        self._watches: dict[str, Watch] = {}
        # By account, then by the job's id, then by attempt: until the orchestrator has decided whose a job is that was
        # found by a search, two may watch it.
        self._jobs: dict[str, dict[str, dict[str, Watch]]] = {}
        self._schedules: dict[str, polling.Schedule] = {}
        self._nudged: dict[str, dict[str, Watch]] = {}

    @property
    def watching(self) -> tuple[str, ...]:
        """The attempts that are watched."""
        return tuple(self._watches)

    @property
    def accounts(self) -> Iterable[str]:
        """Accounts with jobs to look at."""
        return tuple(account for account, schedule in self._schedules.items() if len(schedule) or self._nudged[account])

    @property
    def fetching(self) -> bool:
        """Whether a job that ended is being taken in or told."""
        return any(watch.ending is not None for watch in self._watches.values())

    def watch(self, task: model.Task, job_id: str, cancel: bool = False, *, taken_over: bool = False) -> None:
        """Watch an attempt from now on; known ones only learn whether to cancel.

        What is taken over from another worker is looked at at once: it may have ended, and nobody looked meanwhile.
        """
        known = self._watches.get(task.attempt_id)
        if known is None or known.job.job_id != job_id:
            self.forget(task.attempt_id)
            job = model.Job(task.attempt_id, task.account_id, task.model, job_id)
            begun = self._watches[task.attempt_id] = Watch(task, job)
            self._jobs.setdefault(task.account_id, {}).setdefault(job_id, {})[task.attempt_id] = begun
            if self._heard.of(task.account_id, task.attempt_id, job_id) is not None:
                self._look_now(begun)
            elif taken_over:
                self._set(begun, self._around.chassis.clock.elapsed())
            else:
                self._look_again(begun, hint_seconds=None)
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
            self._set(watch, self._around.chassis.clock.elapsed())

    def nudge(self, nudge: model.Nudge) -> bool:
        """Have a job looked at as soon as the account's rate allows, if it is watched here; tell whether it is."""
        if nudge.attempt_id:
            named = self._watches.get(nudge.attempt_id)
            watches = [named] if named is not None and named.task.account_id == nudge.account_id else []
        else:
            watches = list(self._jobs.get(nudge.account_id, {}).get(nudge.vendor_job_id, {}).values())
        for watch in watches:
            if watch.ending is None:
                self._look_now(watch)
        return bool(watches)

    def forget(self, attempt_id: str) -> None:
        """Watch it no longer: it has ended, or is another's."""
        watch = self._watches.pop(attempt_id, None)
        if watch is None:
            return
        self._schedule(watch.task.account_id).remove(attempt_id)
        self._nudged[watch.task.account_id].pop(attempt_id, None)
        jobs = self._jobs[watch.task.account_id]
        del jobs[watch.job.job_id][attempt_id]
        if not jobs[watch.job.job_id]:
            del jobs[watch.job.job_id]
        self._ingesting.forget(attempt_id)
        if watch.ending is not None:
            watch.ending.cancel()
        self._gauge()

    def clear(self) -> None:
        """Watch nothing any longer."""
        for attempt_id in self.watching:
            self.forget(attempt_id)

    def let_go(self) -> None:
        """Watch no longer what has not ended: others will."""
        for attempt_id in [attempt_id for attempt_id, watch in self._watches.items() if watch.ending is None]:
            self.forget(attempt_id)

    async def stop(self, after_seconds: float) -> None:
        """Finish what is being taken in or told; what takes longer is left to others, who do it again."""
        await self._background.stop(after_seconds)

    def known_job_ids(self, account_id: str) -> frozenset[str]:
        """Return the jobs at an account that are certainly ours."""
        return frozenset(self._jobs.get(account_id, ()))

    def jobs_at(self, account_id: str) -> Sequence[model.Job]:
        """Return the jobs at an account that are watched."""
        return [next(iter(watches.values())).job for watches in self._jobs.get(account_id, {}).values()]

    def next_due(self, account_id: str) -> float:
        """Return when a look at the account is due, by the clock's elapsed seconds; infinite where none is."""
        due = self._schedule(account_id).next_due()
        return float("inf") if due is None else due

    def due(self, account_id: str, now: float) -> bool:
        """Tell whether a look at the account is due."""
        return self.next_due(account_id) <= now

    def is_nudged(self, account_id: str) -> bool:
        """Tell whether somebody nudged about a job at the account that was not looked at since."""
        return bool(self._nudged.get(account_id))

    async def look(self, account_id: str, jobs_limit: int = JOBS_PER_POLL) -> None:
        """Look at what is due at an account, `jobs_limit` at most: one question to the provider for all of it."""
        taken = self._schedule(account_id).take(self._around.chassis.clock.elapsed(), jobs_limit)
        await self._look_at(account_id, [self._watches[each] for each in taken])

    async def look_at_nudged(self, account_id: str) -> None:
        """Look at what somebody nudged about."""
        nudged = self._nudged.get(account_id, {})
        watches = list(nudged.values())[:JOBS_PER_POLL]
        for watch in watches:
            del nudged[watch.task.attempt_id]
            # A vendor that tells before its own answers know it is asked again soon.
            watch.looks = 0
        await self._look_at(account_id, [watch for watch in watches if watch.ending is None])

    async def _look_at(self, account_id: str, watches: Sequence[Watch]) -> None:
        if not watches:
            return
        for watch in watches:
            await self._ask_to_stop(watch)
        seen = await self.poll(account_id, [w.task for w in watches], [w.job for w in watches])
        self.see(account_id, seen)
        # What the answer did not mention is unknown, like an answer that never came.
        for watch in watches:
            if self._is_idle(watch):
                self._unknown(watch)

    def see(self, account_id: str, observations: Iterable[model.Observation]) -> None:
        """Take in what was seen of jobs at an account, by a poll or in a list; more than was asked about is welcome.

        What was seen together comes up together again, and in the same order: where the provider lists, it stands on
        the same page.
        """
        jobs = self._jobs.get(account_id, {})
        jitter = self._around.chassis.chance.uniform(-1, 1)
        for observation in observations:
            for watch in tuple(jobs.get(observation.job_id, {}).values()):
                if watch.ending is None:
                    self._see(watch, observation.state, jitter)

    def _see(self, watch: Watch, state: model.JobState, jitter: float) -> None:
        if not isinstance(state, model.Missing):
            watch.absence = polling.Absence()
        match state:
            case model.Pending():
                self._pending(watch, state, jitter)
            case model.Succeeded():
                self._end(watch, self._take_in(watch, state))
            case model.Negative():
                self._finish(watch, state.outcome, state.message, state.cost_micros)
            case model.Missing():
                self._missing(watch, state)
            case model.Unknown():
                self._unknown(watch, state.look_again_after_seconds)

    def _pending(self, watch: Watch, state: model.Pending, jitter: float) -> None:
        watch.looks += 1
        watch.failures = 0
        told = (state.progress_percent or 0, state.activity[:LONGEST_ACTIVITY_CHARACTERS])
        if told != watch.told:
            watch.told = told
            self._background.start(self._around.mesh.progress.tell(watch.task, *told), "tell progress")
        self._look_again(watch, state.look_again_after_seconds, jitter)

    def _missing(self, watch: Watch, state: model.Missing) -> None:
        now = self._around.chassis.clock.elapsed()
        watch.absence = watch.absence.again(now)
        if watch.absence.means_gone(self._around.provider.card.gone, now):
            self._finish(watch, model.Outcome.GONE, state.message, None)
        else:
            self._look_again(watch, hint_seconds=None)

    def _unknown(self, watch: Watch, hint_seconds: float | None = None) -> None:
        watch.failures += 1
        self._look_again(watch, hint_seconds)

    def _finish(self, watch: Watch, outcome: model.Outcome, message: str, cost_micros: int | None) -> None:
        ending = model.Ending(
            watch.task.attempt_id, self._lease.worker_id, watch.job.job_id, outcome, message, cost_micros
        )
        self._end(watch, self._tell(watch, ending))

    def _end(self, watch: Watch, work: Coroutine[Any, Any, None]) -> None:
        self._schedule(watch.task.account_id).remove(watch.task.attempt_id)
        self._nudged[watch.task.account_id].pop(watch.task.attempt_id, None)
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

    async def poll(
        self, account_id: str, tasks: Sequence[model.Task], jobs: Sequence[model.Job]
    ) -> Sequence[model.Observation]:
        """Ask the provider about jobs, each of the task at its place; nothing is seen where it could not be asked."""
        own = self._around.chassis
        first = tasks[0]
        try:
            with own.telemetry.span(
                "poll",
                kind=SpanKind.CLIENT,
                parent=first.traceparent,
                links=[task.traceparent for task in tasks[1 : LINKS_PER_POLL + 1]],
                attributes=span_attributes(first) | {"reelmesh.poll.jobs": len(jobs)},
            ):
                seen = await self._around.provider.poll(account_id, jobs)
        except Exception as error:  # noqa: BLE001 - not knowing never fails a job: it is looked at again
            own.logger.warning("Account %s could not be asked about %d jobs: %s", account_id, len(jobs), error)
            self._around.metrics.polls.labels(self._around.name, "failed").inc()
            return ()
        self._around.metrics.polls.labels(self._around.name, "answered").inc()
        return seen

    def _is_idle(self, watch: Watch) -> bool:
        known = self._watches.get(watch.task.attempt_id) is watch
        return known and watch.ending is None and watch.task.attempt_id not in self._schedule(watch.task.account_id)

    def _look_now(self, watch: Watch) -> None:
        """Look at it besides what is looked at in turn, whose order it keeps otherwise."""
        if watch.task.attempt_id not in self._schedule(watch.task.account_id):
            self._look_again(watch, hint_seconds=None)
        self._nudged[watch.task.account_id][watch.task.attempt_id] = watch
        self._changed.give()

    def _look_again(self, watch: Watch, hint_seconds: float | None, jitter: float | None = None) -> None:
        own = self._around.chassis
        delay = polling.next_delay(
            self._around.provider.card.pace,
            watch.looks,
            hint_seconds=hint_seconds,
            failures=watch.failures,
            jitter=own.chance.uniform(-1, 1) if jitter is None else jitter,
        )
        self._set(watch, own.clock.elapsed() + delay)

    def _set(self, watch: Watch, due: float) -> None:
        schedule = self._schedule(watch.task.account_id)
        first = schedule.next_due()
        schedule.set(watch.task.attempt_id, due)
        if first is None or due < first:
            self._changed.give()

    def _schedule(self, account_id: str) -> polling.Schedule:
        if account_id not in self._schedules:
            self._schedules[account_id] = polling.Schedule()
            self._nudged[account_id] = {}
        return self._schedules[account_id]

    def _gauge(self) -> None:
        self._around.metrics.watching.labels(self._around.name).set(len(self._watches))
