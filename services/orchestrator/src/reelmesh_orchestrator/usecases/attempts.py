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
            case = store.case(attempt_id, worker_id)
            if case.lease is None or not case.lease.active:
                return facts.Leave(go=False, reason="the worker holds no lease", come_again=True)
            if case.aggregate is None:
                return facts.Leave(go=False, reason="there is no such attempt")
            leave, _ = transitions.on(
                store,
                case.aggregate,
                self._policy,
                lambda decided: facts.begin(decided, attempt_id, worker_id, nonce),
            )
            return leave

        with crash_points.BEGIN:
            return await self._record.write(work)

    async def record(self, job: facts.Job, worker_id: str) -> bool:
        """Take the fact that a provider gave an attempt an id; tell whether the job must be asked to stop.

        A job of an attempt that nobody knows is an orphan: it is kept for the report.
        """

        def work(store: ports.Store) -> bool:
            case = store.case(job.attempt_id, worker_id, job.project, job.job_id)
            # A lease that ends in this moment leaves an attempt that nobody watches: the sweeper frees it.
            watcher = worker_id if case.lease is not None and case.lease.active else ""
            told = dataclasses.replace(job, project=case.project)
            final = self._take(
                store,
                case,
                told,
                lambda decided, claimed: facts.record(decided, told.attempt_id, told, watcher, claimed),
            )
            return final is not None and final.attempt(job.attempt_id).cancel_wanted

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
            case = store.case(attempt_id, "", "", ended.job_id)
            # Whoever observes a job that was adopted knows no more about whose it is than whoever adopted it.
            known = case.claim_of(attempt_id)
            unheard = facts.Job(case.project, ended.job_id, attempt_id, facts.Evidence.RECORD)
            job = known.job if known else unheard

            def decide(decided: draft.Draft, claimed: facts.Job | None) -> None:
                facts.record(decided, attempt_id, job, "", claimed)
                facts.finish(decided, attempt_id, ended)

            self._take(store, case, job, decide, ended)

        with crash_points.FINISH:
            await self._record.write(work)

    def _take(
        self,
        store: ports.Store,
        case: ports.Case,
        told: facts.Job,
        decide: Callable[[draft.Draft, facts.Job | None], None],
        ended: facts.Ended | None = None,
    ) -> draft.Aggregate | None:
        """Keep a fact about a job, take it from the attempt that had adopted it, and decide for the one it names.

        Return that one's generation as it is recorded; None for an orphan that nobody knows.
        """
        known = case.claim_in(told.project)
        claimed = known.job if known else None
        before = case.aggregate
        store.keep_job(told, known, ended)
        if claimed is not None and claimed.attempt_id != told.attempt_id and claimed.evidence < told.evidence:
            self._dispute(store, claimed, told)
            before = store.of_attempt(told.attempt_id)  # may be the same generation
        if before is None:
            return None
        _, final = transitions.on(store, before, self._policy, lambda decided: decide(decided, claimed))
        return final

    def _dispute(self, store: ports.Store, claimed: facts.Job, told: facts.Job) -> None:
        adopter = store.of_attempt(claimed.attempt_id)
        if adopter is not None:
            transitions.on(
                store, adopter, self._policy, lambda decided: facts.dispute(decided, claimed.attempt_id, told)
            )

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
