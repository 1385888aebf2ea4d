"""Finding: attempts whose submit was interrupted are looked for in the list until it is clear what became of them."""

from collections.abc import Iterable
from dataclasses import dataclass

from opentelemetry.trace import SpanKind
from reelmesh_kit import errors as kit_errors

from reelmesh_provider import crash_points, model, port
from reelmesh_provider.model import finding, polling
from reelmesh_provider.worker import leasing, nudges, observing, persisting, signals
from reelmesh_provider.worker.surroundings import Surroundings, span_attributes

PACE = model.Pace(first_seconds=1.0, longest_seconds=30.0)
# A search whose conclusion stands goes on this long for a late twin, unless it is told to stop before.
LOOK_ON_SECONDS = 600.0
TELL_PATIENCE_SECONDS = 60.0
TASKS_PER_LOOK = 100


@dataclass
class _Account:
    """When an account's list is read next, and how often it was since something changed."""

    due: float
    looks: int = 0
    failures: int = 0


class Finding:
    """Everything that this worker searches for, by account."""

    def __init__(
        self,
        around: Surroundings,
        lease: leasing.Lease,
        watched: observing.Observing,
        heard: nudges.Nudges,
        changed: signals.Signal,
    ) -> None:
        """Search for nothing yet; `watched` takes over what is found.

        `heard` is what was said of jobs, `changed` is given when there is something to look for earlier.
        """
        self._around = around
        self._lease = lease
        self._watched = watched
        self._heard = heard
        self._changed = changed
        self._nudged: dict[str, dict[str, model.Nudge]] = {}
        self._searches: dict[str, model.Search] = {}
        self._accounts: dict[str, _Account] = {}

    @property
    def finding(self) -> tuple[str, ...]:
        """The attempts that are searched for."""
        return tuple(self._searches)

    @property
    def accounts(self) -> Iterable[str]:
        """Accounts with something to search for."""
        return tuple(self._accounts)

    def seek(self, order: model.FindOrder) -> None:
        """Search for an attempt from now on, or go on under a newer order."""
        attempt_id = order.task.attempt_id
        now = self._around.chassis.clock.elapsed()
        known = self._searches.get(attempt_id)
        if known is not None:
            self._searches[attempt_id] = finding.renewed(known, order)
            return
        self._searches[attempt_id] = finding.begun(order, self._around.provider.card, now)
        self._accounts[order.task.account_id] = _Account(due=now)
        heard = self._heard.of(order.task.account_id, attempt_id, "")
        if heard is not None:
            self.nudge(heard)
        self._changed.give()

    def nudge(self, nudge: model.Nudge) -> bool:
        """Have a job looked at that is said to be of an attempt that is searched for here; tell whether it is."""
        search = self._searches.get(nudge.attempt_id)
        known = search is not None and search.order.task.account_id == nudge.account_id
        if known and isinstance(self._around.provider, port.Told):
            self._nudged.setdefault(nudge.account_id, {})[nudge.attempt_id] = nudge
            self._changed.give()
        return known

    def forget(self, attempt_id: str) -> None:
        """Search for it no longer."""
        search = self._searches.pop(attempt_id, None)
        if search is None:
            return
        account_id = search.order.task.account_id
        self._nudged.get(account_id, {}).pop(attempt_id, None)
        if not self._at(account_id):
            del self._accounts[account_id]

    def clear(self) -> None:
        """Search for nothing any longer."""
        self._searches.clear()
        self._accounts.clear()
        self._nudged.clear()

    def next_due(self, account_id: str) -> float:
        """Return when the account's list is read next, by the clock's elapsed seconds; infinite where it is not."""
        account = self._accounts.get(account_id)
        return float("inf") if account is None else account.due

    def due(self, account_id: str, now: float) -> bool:
        """Tell whether the account's list is to be read."""
        return self.next_due(account_id) <= now

    def is_nudged(self, account_id: str) -> bool:
        """Tell whether somebody named a job at the account that was not looked at since."""
        return bool(self._nudged.get(account_id))

    async def look_at_nudged(self, account_id: str) -> None:
        """Look at the jobs that somebody says are of attempts searched for; adopt those that the provider knows."""
        nudged = self._nudged.pop(account_id, {})
        provider = self._around.provider
        if not nudged or not isinstance(provider, port.Told):
            return
        told = {
            provider.job_told(search.order.task, nudge.vendor_job_id): search.order.task
            for attempt_id, nudge in nudged.items()
            if (search := self._searches.get(attempt_id)) is not None
        }
        jobs = [model.Job(task.attempt_id, account_id, task.model, job_id) for job_id, task in told.items()]
        for seen in await self._watched.poll(account_id, list(told.values()), jobs):
            task = told.get(seen.job_id)
            # What was said is not believed: only what the account itself shows is there.
            if task is not None and not isinstance(seen.state, model.Missing | model.Unknown):
                await self._adopt_told(task, seen)

    async def _adopt_told(self, task: model.Task, seen: model.Observation) -> None:
        if task.attempt_id not in self._searches:
            return
        match = model.Match(task.attempt_id, seen.job_id, model.Fit.OWN_ID)
        with self._around.chassis.telemetry.span("adopt", parent=task.traceparent, attributes=span_attributes(task)):
            if await self._record(task, match, model.Evidence.WEBHOOK):
                self._around.metrics.found.labels(self._around.name, "told").inc()
                self.forget(task.attempt_id)
                self._watched.see(task.account_id, [seen])

    async def look(self, account_id: str) -> None:
        """Read the account's list once and decide about every attempt that is searched for there."""
        started = self._around.chassis.clock.elapsed()
        searches = self._at(account_id)[:TASKS_PER_LOOK]
        listing = await self._list(account_id, searches)
        if listing is not None:
            crash_points.LISTED.passed()
            self._watched.see(account_id, listing.observations)
            await self._judge_all(account_id, searches, listing, started)
        self._look_again(account_id, answered=listing is not None)

    async def _judge_all(
        self, account_id: str, searches: list[model.Search], listing: model.Listing, started: float
    ) -> None:
        taken: set[str] = set()
        for search in searches:
            attempt_id = search.order.task.attempt_id
            if self._searches.get(attempt_id) is not search:
                continue  # its order changed while the list was read, so this reading tells nothing about it
            known = self._watched.known_job_ids(account_id)
            decision, after = finding.judge(search, listing, started=started, known_job_ids=known, taken=taken | known)
            self._searches[attempt_id] = after
            taken |= await self._act(after, decision)

    async def _act(self, search: model.Search, decision: model.Decision) -> set[str]:
        task = search.order.task
        self._around.metrics.found.labels(self._around.name, type(decision).__name__.lower()).inc()
        match decision:
            case model.Adopt():
                await self._adopt(task, decision)
                return {match.job_id for match in decision.matches}
            case model.Conclude():
                await self._conclude(search, decision)
            case model.LookOn():
                self._around.chassis.logger.debug("Attempt %s: %s", task.attempt_id, decision.reason)
                self._end_of_looking_on(search)
        return set()

    async def _adopt(self, task: model.Task, decision: model.Adopt) -> None:
        own = self._around.chassis
        if len(decision.matches) > 1:
            own.logger.error("Attempt %s was created %d times at the provider", task.attempt_id, len(decision.matches))
        with own.telemetry.span("adopt", parent=task.traceparent, attributes=span_attributes(task)) as span:
            for match in decision.matches:
                span.set_attribute("gen_ai.response.id", match.job_id)
                if not await self._record(task, match):
                    return
        self.forget(task.attempt_id)

    async def _record(
        self, task: model.Task, match: model.Match, evidence: model.Evidence = model.Evidence.ADOPTION
    ) -> bool:
        own = self._around.chassis
        fact = model.JobFact(
            task.attempt_id,
            self._lease.worker_id,
            match.job_id,
            evidence,
            match.project,
            task.account_id,
            task.model,
        )
        try:
            cancel_now = await persisting.until_acknowledged(
                own,
                f"adoption of job {match.job_id} for attempt {task.attempt_id}",
                lambda: self._around.mesh.attempts.record(fact),
                give_up_after_seconds=TELL_PATIENCE_SECONDS,
            )
        except kit_errors.ReelmeshError:
            return False  # logged already; it is still in the list the next time
        crash_points.ADOPTED.passed()
        own.logger.info("Job %s was adopted for attempt %s", match.job_id, task.attempt_id)
        self._watched.watch(task, match.job_id, cancel_now)
        return True

    async def _conclude(self, search: model.Search, decision: model.Conclude) -> None:
        own = self._around.chassis
        task = search.order.task
        with own.telemetry.span("conclude", parent=task.traceparent, attributes=span_attributes(task)):
            try:
                accepted = await self._around.mesh.attempts.conclude(
                    task.attempt_id, self._lease.worker_id, decision.revision, decision.message
                )
            except kit_errors.ReelmeshError as error:
                own.logger.warning("Attempt %s could not be concluded: %s", task.attempt_id, error.message)
                return
        crash_points.CONCLUDED.passed()
        own.logger.info("Attempt %s was never created (accepted: %s): %s", task.attempt_id, accepted, decision.message)
        current = self._searches.get(task.attempt_id)
        if current is not None:
            self._searches[task.attempt_id] = finding.concluded(current, accepted, own.clock.elapsed())

    def _end_of_looking_on(self, search: model.Search) -> None:
        since = search.concluded_at
        if since is not None and self._around.chassis.clock.elapsed() - since > LOOK_ON_SECONDS:
            self.forget(search.order.task.attempt_id)

    async def _list(self, account_id: str, searches: list[model.Search]) -> model.Listing | None:
        own = self._around.chassis
        tasks = [search.order.task for search in searches]
        try:
            with own.telemetry.span(
                "find",
                kind=SpanKind.CLIENT,
                parent=tasks[0].traceparent,
                links=[task.traceparent for task in tasks[1 : observing.LINKS_PER_POLL + 1]],
                attributes=span_attributes(tasks[0]) | {"reelmesh.find.attempts": len(tasks)},
            ):
                return await self._around.provider.find(account_id, tasks)
        except Exception as error:  # noqa: BLE001 - a list that cannot be read tells nothing; it is read again
            own.logger.warning("The list of account %s could not be read: %s", account_id, error)
            return None

    def _look_again(self, account_id: str, *, answered: bool) -> None:
        account = self._accounts.get(account_id)
        if account is None:
            return
        own = self._around.chassis
        account.looks += 1
        account.failures = 0 if answered else account.failures + 1
        delay = polling.next_delay(
            PACE, account.looks, hint_seconds=None, failures=account.failures, jitter=own.chance.uniform(-1, 1)
        )
        now = own.clock.elapsed()
        account.due = min([now + delay, *(due for due in self._waits_over(account_id) if due > now)])

    def _waits_over(self, account_id: str) -> Iterable[float]:
        """Return when lists begin to count, a moment later."""
        return (s.first_seen + s.wait_seconds + polling.SHORTEST_DELAY_SECONDS for s in self._at(account_id))

    def _at(self, account_id: str) -> list[model.Search]:
        return [search for search in self._searches.values() if search.order.task.account_id == account_id]
