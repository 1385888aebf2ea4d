"""What provider workers do: begin, record, decline, finish, conclude, give back."""

import dataclasses
import uuid
from collections.abc import Callable

from reelmesh_orchestrator import crash_points, ports
from reelmesh_orchestrator.model import advancing, draft, facts, verbs
from reelmesh_orchestrator.usecases import transitions


class Attempts:
    """The attempt protocol, seen from the record. Decisions are fenced, facts are taken from anybody."""

    def __init__(self, record: ports.Record, policy: advancing.Policy) -> None:
        """Take the record and how patient the mesh is."""
        self._record = record
        self._policy = policy

    async def begin(self, attempt_id: uuid.UUID, worker_id: str, nonce: str) -> facts.Leave:
        """Give leave to submit, once."""

        def work(store: ports.Store) -> facts.Leave:
            lease = store.lease(worker_id)
            if lease is None or not lease.active:
                return facts.Leave(go=False, reason="the worker holds no lease", come_again=True)
            if store.owner_of_attempt(attempt_id) is None:
                return facts.Leave(go=False, reason="there is no such attempt")
            return transitions.on_attempt(
                store, attempt_id, self._policy, lambda decided: facts.begin(decided, attempt_id, worker_id, nonce)
            )

        with crash_points.BEGIN:
            return await self._record.write(work)

    async def record(self, job: facts.Job, worker_id: str) -> bool:
        """Take the fact that a provider gave an attempt an id; tell whether the job must be asked to stop.

        A job of an attempt that nobody knows is an orphan: it is kept for the report.
        """

        def work(store: ports.Store) -> bool:
            # Locked, so that a lease which ends in this moment either frees this attempt too, or is seen to be over.
            lease = store.lock_lease(worker_id)
            watcher = worker_id if lease is not None and lease.active else ""
            told = dataclasses.replace(job, project=job.project or _project(store, job.attempt_id))
            self._take(
                store, told, lambda decided, claimed: facts.record(decided, told.attempt_id, told, watcher, claimed)
            )
            return _cancel_wanted(store, job.attempt_id)

        with crash_points.RECORD:
            return await self._record.write(work)

    async def decline(
        self, attempt_id: uuid.UUID, nonce: str, verdict: facts.Verdict, message: str, retry_after_seconds: float
    ) -> None:
        """Take the fact that a submit yielded no id."""
        with crash_points.DECLINE:
            await self._change(
                attempt_id,
                lambda decided: facts.decline(decided, attempt_id, nonce, verdict, message, retry_after_seconds),
            )

    async def finish(self, attempt_id: uuid.UUID, ended: facts.Ended) -> None:
        """Take the fact that a job ended. Whoever says so knows its id, so that is recorded first."""

        def work(store: ports.Store) -> None:
            # Whoever observes a job that was adopted knows no more about whose it is than whoever adopted it.
            known = store.job_of(attempt_id, ended.job_id)
            job = known or facts.Job(_project(store, attempt_id), ended.job_id, attempt_id, facts.Evidence.RECORD)

            def decide(decided: draft.Draft, claimed: facts.Job | None) -> None:
                facts.record(decided, attempt_id, job, "", claimed)
                facts.finish(decided, attempt_id, ended)

            self._take(store, job, decide)
            store.end_job(job.project, ended)

        with crash_points.FINISH:
            await self._record.write(work)

    def _take(
        self, store: ports.Store, told: facts.Job, decide: Callable[[draft.Draft, facts.Job | None], None]
    ) -> None:
        """Keep a fact about a job, take it from the attempt that had adopted it, and decide for the one it names."""
        claimed = store.add_job(told)
        if claimed is not None and claimed.attempt_id != told.attempt_id and claimed.evidence < told.evidence:
            self._decide(store, claimed.attempt_id, lambda decided: facts.dispute(decided, claimed.attempt_id, told))
        self._decide(store, told.attempt_id, lambda decided: decide(decided, claimed))

    def _decide(self, store: ports.Store, attempt_id: uuid.UUID, decide: Callable[[draft.Draft], None]) -> None:
        """Decide for an attempt, unless it is an orphan that nobody knows."""
        generation_id = store.owner_of_attempt(attempt_id)
        if generation_id is not None:
            transitions.on_generation(store, generation_id, self._policy, decide)

    async def conclude(self, attempt_id: uuid.UUID, revision: int, message: str) -> bool:
        """Conclude that an attempt was never created; False when anything changed since the finder looked."""
        with crash_points.CONCLUDE:
            return await self._record.write(
                lambda store: transitions.on_attempt(
                    store,
                    attempt_id,
                    self._policy,
                    lambda decided: facts.conclude(decided, attempt_id, revision, message),
                )
            )

    async def give_back(self, attempt_id: uuid.UUID, reason: str) -> None:
        """Take back a dispatched attempt that a worker will not begin."""
        with crash_points.GIVE_BACK:
            await self._change(attempt_id, lambda decided: facts.withdraw(decided, attempt_id, reason))

    async def write_off(self, attempt_id: uuid.UUID, message: str) -> None:
        """Give an unresolved attempt up on an operator's word."""
        await self._change(attempt_id, lambda decided: verbs.write_off(decided, attempt_id, message))

    async def _change(self, attempt_id: uuid.UUID, decide: Callable[[draft.Draft], None]) -> None:
        await self._record.write(lambda store: transitions.on_attempt(store, attempt_id, self._policy, decide))


def _project(store: ports.Store, attempt_id: uuid.UUID) -> str:
    """Return what ids are unique within when the worker names no vendor project: the account."""
    charges = store.charges([attempt_id])
    return charges[0].aggregate.attempt(attempt_id).account_id if charges else "unknown"


def _cancel_wanted(store: ports.Store, attempt_id: uuid.UUID) -> bool:
    charges = store.charges([attempt_id])
    return bool(charges) and charges[0].aggregate.attempt(attempt_id).cancel_wanted
