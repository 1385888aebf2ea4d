"""Looks at the record after each commit, and at everything at the end: what is wrong goes into the history."""

import math
import uuid

import sqlalchemy as sa
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_orchestrator.model import attempt
from reelmesh_provider import model
from reelmesh_storage.adapters.sql import tables as storage_tables

from tests.simulation import databases, history, plan, services, statements, stores, users, vendor
from tests.support import invariants

# Commits from one look at everything to the next; in between only what changed is looked at.
WHOLE_EVERY = 40
WRITES_LIMIT = 10_000
# As the driver has it: it is asked after each commit.
_REVISIONS = str(sa.select(tables.GENERATIONS.c.id, tables.GENERATIONS.c.revision))
_UNENDED = f"SELECT 1 FROM generations WHERE {tables.UNENDED} LIMIT 1"  # noqa: S608 - constants
_EVENTS = sa.select(tables.EVENTS).order_by(tables.EVENTS.c.position)


class Checker:
    """Knows the rules, and what was seen so far."""

    def __init__(
        self, of: plan.Plan, record: databases.InLoop, vendors: list[vendor.Vendor], log: history.History
    ) -> None:
        """Look at a record, and at what vendors know better."""
        self._plan = of
        self._record = record
        self._vendors = vendors
        self._history = log
        self._course = invariants.Course(every_commit=True)
        self._revisions: dict[str, int] = {}
        #: When leave to submit was on disk, by attempt.
        self._begun: dict[str, float] = {}
        #: Attempts that were concluded never to have been created.
        self._concluded: set[str] = set()
        self._position = 0
        self._commits = 0
        record.on_commit.append(self._committed)
        for each in vendors:
            each.on_sent.append(self._sent)
            each.on_created.append(lambda job, at=each: self._created(at, job))

    def witness(self, told: users.Told, seen: services.Witness) -> None:
        """Hold the mesh to what it told users and workers."""
        told.on_admitted.append(self._admitted)
        seen.on_go = self._given_leave
        seen.on_recorded = self._recorded

    def at_work(self) -> bool:
        """Tell whether a generation has not ended: then there is no need to look at everything to know more."""
        return bool(self._record.look(lambda one: one.raw(_UNENDED)))

    def unfinished(self) -> list[str]:
        """Return what keeps the mesh from being quiet."""
        return invariants.wrong_when_quiet(self._record.look(statements.Snapshot))

    def at_the_end(self, index: databases.InLoop, bucket: stores.Bucket) -> None:
        """Look at everything once nothing is under way and the sweep was there."""
        seen = self._record.look(statements.Snapshot)
        self._history.wrong("record", invariants.wrong_when_quiet(seen))
        writes = index.look(lambda one: one.rows(storage_tables.WRITES.select().limit(WRITES_LIMIT)))
        self._history.wrong("assets", invariants.owned(seen, writes, bucket.blobs))
        if self._plan.honest:
            self._history.wrong("paid once", invariants.one_take(seen))
            self._history.wrong("paid once", invariants.all_claimed(seen, self._kept_jobs()))
            self._history.wrong("money", invariants.billed(seen, self._bills()))

    def _jobs(self) -> dict[str, vendor.Job]:
        return {job.id: job for each in self._vendors for job in each.jobs.values()}

    def _kept_jobs(self) -> list[str]:
        """Return the jobs that their vendors still know: what was forgotten before anybody heard of it was not paid."""
        return [job.id for each in self._vendors for job in each.jobs.values() if not each.forgotten(job)]

    def _bills(self) -> dict[str, int]:
        return {job.id: job.billed_micros for job in self._jobs().values()}

    def _committed(self) -> None:
        """Look at what this commit changed."""
        self._commits += 1
        revisions = dict(self._record.look(lambda one: one.raw(_REVISIONS)))
        changed = [uuid.UUID(one) for one, revision in revisions.items() if self._revisions.get(one) != revision]
        self._revisions = revisions
        if self._commits % WHOLE_EVERY == 0:
            self._judge(self._record.look(statements.Snapshot))
        elif changed:
            self._judge(self._record.look(lambda one: statements.Snapshot(one, changed)))
        if changed:
            self._tell_events()

    def _judge(self, seen: statements.Snapshot) -> None:
        self._history.wrong("record", invariants.wrong_at_any_time(seen))
        self._history.wrong("course", self._course.follow(seen))

    def _tell_events(self) -> None:
        """Put what was recorded to have happened into the history."""
        statement = _EVENTS.where(tables.EVENTS.c.position > self._position)
        for event in self._record.look(lambda one: one.rows(statement)):
            self._position = event.position
            self._history.events[event.type] += 1
            whose = event.attributes.get("attempt_id", "")
            if event.type == "attempt_submitting":
                self._begun[whose] = self._history.now()
            if event.type == "attempt_never_created":
                self._concluded.add(whose)
                self._history.wrong("never created", [self._wrongly_concluded(job) for job in self._jobs_of(whose)])
            about = f"{vendor.short(str(event.generation_id))} {vendor.short(whose)}".strip()
            self._history.note("record", f"{about} {event.state} {event.type}: {event.message}")

    def _admitted(self, generation_id: str) -> None:
        """What a user was told is on disk."""
        known = self._record.look(
            lambda one: one.row(sa.select(tables.GENERATIONS.c.id).where(uuid.UUID(generation_id) == _IS))
        )
        if known is None:
            self._history.wrong("acknowledged", [f"generation {generation_id} was admitted and is not on disk"])

    def _given_leave(self, attempt_id: str, nonce: str) -> None:
        """Leave to submit is on disk before anybody has it."""
        columns = tables.ATTEMPTS.c
        statement = sa.select(columns.nonce).where(columns.id == uuid.UUID(attempt_id))
        row = self._record.look(lambda one: one.row(statement))
        if row is None or row.nonce != nonce:
            self._history.wrong("acknowledged", [f"attempt {attempt_id} was given leave, and that is not on disk"])

    def _recorded(self, fact: model.JobFact) -> None:
        """An id that the orchestrator has taken is kept: with the attempt, or with what the history says of it."""
        facts = sa.select(tables.PROVIDER_JOBS.c.attempt_id).where(tables.PROVIDER_JOBS.c.job_id == fact.job_id)
        if self._record.look(lambda one: one.row(facts)) is None:
            self._history.wrong("acknowledged", [f"{fact.job_id} of attempt {fact.attempt_id} was thrown away"])

    def _sent(self, task: model.Task) -> None:
        """No request is completed after its window, whoever was frozen: it began before this at the latest."""
        waited = self._history.now() - self._begun.get(task.attempt_id, math.inf)
        if waited > services.SUBMIT_WITHIN_SECONDS:
            late = f"attempt {task.attempt_id} was sent {waited:.3f} s after leave to submit it was on disk"
            self._history.wrong("submit window", [late])

    def _created(self, at: vendor.Vendor, job: vendor.Job) -> None:
        """Nothing is paid for twice, as the vendor sees it."""
        self._history.wrong("paid once", invariants.paid_once(at.sent))
        if job.task.attempt_id in self._concluded:
            late = [self._wrongly_concluded(one) for one in self._jobs_of(job.task.attempt_id)]
            self._history.wrong("never created", late)
        others = [
            other
            for other in self._jobs().values()
            if other.task.shot_id == job.task.shot_id and other.id != job.id and self._good(other)
        ]
        if others and self._plan.honest and self._plan.told_apart:
            self._history.wrong("paid once", [f"{job.id} is made for a shot that has {others[0].id} already"])

    def _jobs_of(self, attempt_id: str) -> list[vendor.Job]:
        """Return the jobs of an attempt that vendors know, if they keep their word and jobs can be told apart."""
        if not (self._plan.honest and self._plan.told_apart):
            return []
        jobs = [(each, job) for each in self._vendors for job in each.jobs.values()]
        return [job for each, job in jobs if job.task.attempt_id == attempt_id and not each.forgotten(job)]

    def _wrongly_concluded(self, job: vendor.Job) -> str:
        return f"{job.id} of attempt {job.task.attempt_id} is there, and was concluded never to have been created"

    def _good(self, job: vendor.Job) -> bool:
        """Tell whether a job is under way or made, and nobody has found its clip broken."""
        at = next(each for each in self._vendors if job.id in each.jobs)
        columns = tables.ATTEMPTS.c
        endings = sa.select(columns.ending).where(columns.id == uuid.UUID(job.task.attempt_id))
        row = self._record.look(lambda one: one.row(endings))
        return at.live(job) and (row is None or row.ending not in _WASTED)


_IS = tables.GENERATIONS.c.id
# Paid for, and of no use: another attempt may follow.
_WASTED = frozenset({attempt.Ending.BROKEN.value, attempt.Ending.FETCH_LOST.value})
