"""What provider workers do: begin, record, decline, finish, conclude, give back."""

import dataclasses
import uuid
from collections.abc import Callable

from reelmesh_kit import errors

from reelmesh_orchestrator import crash_points, ports
from reelmesh_orchestrator.model import advancing, attempt, draft, eras, facts, health, recovering, verbs
from reelmesh_orchestrator.usecases import adopting, breaking, transitions, vouching


class Attempts:
    """The attempt protocol, seen from the record. Decisions are fenced, facts are taken from anybody."""

    def __init__(self, record: ports.Record, policy: advancing.Policy, seen: vouching.Seen) -> None:
        """Take the record, how patient the mesh is, and what this process has seen of the record."""
        self._record = record
        self._policy = policy
        self._seen = seen

    async def begin(
        self, attempt_id: uuid.UUID, worker_id: str, nonce: str, told: eras.Mark | None = None
    ) -> facts.Leave:
        """Give leave to submit, once, unless the record is not what the worker was `told` or this process has seen."""

        def work(store: ports.Store) -> tuple[facts.Leave, eras.Standing]:
            marks = self._seen.marks(told)
            case, standing = store.begin_case(attempt_id, worker_id, marks)
            standing = vouching.examined(store, standing, marks)
            return self._leave(store, case, standing, attempt_id, worker_id, nonce), standing

        with crash_points.BEGIN:
            leave, standing = await self._record.write(work)
        self._seen.learn(standing.mark)
        return leave

    def _leave(
        self, store: ports.Store, case: ports.Case, standing: eras.Standing, attempt_id: uuid.UUID, *who: str
    ) -> facts.Leave:
        worker_id, nonce = who
        if standing.open:
            return facts.Leave(go=False, reason="the record went back: lost jobs are looked for", come_again=True)
        if not self._seen.compared:
            return facts.Leave(go=False, reason="the record was not compared yet with its note", come_again=True)
        if case.lease is None or not case.lease.active:
            return facts.Leave(go=False, reason="the worker holds no lease", come_again=True)
        if case.aggregate is None:
            return facts.Leave(go=False, reason="there is no such attempt")
        if refusal := self._kept_waiting(store, case.aggregate, standing, attempt_id):
            return refusal
        if refusal := self._held_back(store, case.aggregate, case.health, attempt_id):
            return refusal
        leave, _ = transitions.on(
            store, case.aggregate, self._policy, lambda decided: facts.begin(decided, attempt_id, worker_id, nonce)
        )
        return leave

    def _kept_waiting(
        self, store: ports.Store, aggregate: draft.Aggregate, standing: eras.Standing, attempt_id: uuid.UUID
    ) -> facts.Leave | None:
        """Return why a shot must not be tried since the record went back: it may have been, or it certainly was."""
        if not standing.gone_back:
            return None
        of = aggregate.shot(aggregate.attempt(attempt_id).shot_id)
        if held_up := recovering.gate(of, standing.parked):
            transitions.on(store, aggregate, self._policy, lambda decided: recovering.postpone(decided, attempt_id))
            return facts.Leave(go=False, reason=f"nobody knows what account {held_up} was asked for")
        if store.unclaimed() and adopting.adopt(store, aggregate, self._policy):
            return facts.Leave(go=False, reason="a lost job of the generation was found", come_again=True)
        return None

    def _held_back(
        self, store: ports.Store, aggregate: draft.Aggregate, seen: health.Health, attempt_id: uuid.UUID
    ) -> facts.Leave | None:
        """Return why nothing new is submitted where an attempt would go; it is looked at again by who dispatches."""
        one = aggregate.attempt(attempt_id)
        opened = seen.breaker(one.account_id, one.model)
        off = seen.switch(one.provider, one.account_id, one.model)
        if one.state is not attempt.AttemptState.DISPATCHED:
            return None
        if off is None and opened.lets_begin(one.dispatch_time, seen.now):
            return None
        obstacle = seen.obstacle(one.provider, one.account_id, one.model)
        reason = obstacle.reason if obstacle else "its breaker has opened since it was sent out"
        transitions.on(store, aggregate, self._policy, lambda decided: facts.withdraw(decided, attempt_id, reason))
        return facts.Leave(go=False, reason=reason)

    async def record(self, job: facts.Job, worker_id: str, account_id: str = "", model: str = "") -> bool:
        """Take the fact that a provider gave an attempt an id; tell whether the job must be asked to stop.

        A job of an attempt that nobody knows is an orphan: it is kept for the report, with the account and model that
        the worker names. That one knows of a job and we do not: the record has gone back.
        """

        def work(store: ports.Store) -> bool:
            case = store.case(job.attempt_id, worker_id, job.project or account_id, job.job_id)
            if case.aggregate is None or case.aggregate.attempt(job.attempt_id).state in attempt.UNBEGUN:
                self._miss(store, dataclasses.replace(job, project=case.project), account_id, model)
                # While the era was waited for, the attempt may have come to be, asked for again by its client.
                case = store.case(job.attempt_id, worker_id, job.project or account_id, job.job_id)
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

    def _miss(self, store: ports.Store, job: facts.Job, account_id: str, model: str) -> None:
        """Take note that a job is told of an attempt that nobody has begun here, or that is not there at all."""
        standing = store.standing()
        if standing.era is None:
            return
        if not standing.gone_back:
            store.open_era(standing, f"there is job {job.job_id} of attempt {job.attempt_id}, not begun here", "", None)
        era = store.lock_era()
        if era is None or store.of_attempt(job.attempt_id) is not None:
            return
        provider = next((one.provider for one in store.accounts() if one.id == account_id), "")
        found = recovering.Found(
            job.project, job.job_id, account_id, provider, model, job.evidence, attempt_id=job.attempt_id
        )
        if store.keep_found(era.number, [found]):
            store.put_era(era.heard())

    async def decline(
        self, attempt_id: uuid.UUID, nonce: str, verdict: facts.Verdict, message: str, retry_after_seconds: float
    ) -> None:
        """Take the fact that a submit yielded no id."""

        def decide(decided: draft.Draft) -> None:
            facts.decline(decided, attempt_id, nonce, verdict, message, retry_after_seconds)

        with crash_points.DECLINE:
            await self._record.write(lambda store: self._learn(store, attempt_id, decide))

    async def finish(self, attempt_id: uuid.UUID, ended: facts.Ended) -> None:
        """Take the fact that a job ended. Whoever says so knows its id, so that is recorded first."""

        def work(store: ports.Store) -> None:
            case = store.case(attempt_id, "", "", ended.job_id)
            # Whoever observes a job that was adopted knows no more about whose it is than whoever adopted it.
            known = case.claim_of(attempt_id)
            if known is None and case.aggregate is None:
                # The record went back beyond this attempt: at whose account its job is nobody knows here. Whoever
                # counts tells that, and the end is observed again once the job is adopted.
                return
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
        one = before.attempt(told.attempt_id)
        seen = case.health.breaker(one.account_id, one.model)
        breaking.hear(store, before, final, one.id, self._policy, seen=seen)
        return final

    def _dispute(self, store: ports.Store, claimed: facts.Job, told: facts.Job) -> None:
        adopter = store.of_attempt(claimed.attempt_id)
        if adopter is not None:
            transitions.on(
                store, adopter, self._policy, lambda decided: facts.dispute(decided, claimed.attempt_id, told)
            )

    async def conclude(self, attempt_id: uuid.UUID, revision: int, message: str) -> bool:
        """Conclude that an attempt was never created; False when anything changed since the finder looked.

        Args:
            attempt_id: the attempt.
            revision: as the finder was told it: it has the era in it.
            message: how it was looked for.
        """

        def work(store: ports.Store) -> bool:
            own = revision - eras.fence(store.standing().era, 0)
            return transitions.on_attempt(
                store, attempt_id, self._policy, lambda decided: facts.conclude(decided, attempt_id, own, message)
            )

        with crash_points.CONCLUDE:
            return await self._record.write(work)

    async def give_back(self, attempt_id: uuid.UUID, reason: str, *, unreachable: bool = False) -> None:
        """Take back a dispatched attempt that a worker will not begin; `unreachable`: it could not connect."""

        def decide(decided: draft.Draft) -> None:
            facts.withdraw(decided, attempt_id, reason)

        with crash_points.GIVE_BACK:
            await self._record.write(
                lambda store: self._learn(store, attempt_id, decide, reason if unreachable else "")
            )

    async def write_off(self, attempt_id: uuid.UUID, message: str, *, again: bool = True) -> None:
        """Give an unresolved attempt up on an operator's word."""
        with crash_points.WRITE_OFF:
            await self._change(attempt_id, lambda decided: verbs.write_off(decided, attempt_id, message, again=again))

    async def adopt(self, attempt_id: uuid.UUID, job_id: str, message: str) -> None:
        """Take an operator's word that a job is an attempt's.

        Raises:
            errors.NotFound: there is no such attempt.
            errors.WrongState: it is not in doubt, or the job is another attempt's.
        """

        def work(store: ports.Store) -> None:
            case = store.case(attempt_id, "", "", job_id)
            if case.aggregate is None:
                raise errors.NotFound(f"there is no attempt {attempt_id}")
            one = case.aggregate.attempt(attempt_id)
            if one.job_id == job_id and one.state is not attempt.AttemptState.INDETERMINATE:
                return
            if one.state is not attempt.AttemptState.INDETERMINATE:
                raise errors.WrongState(f"the attempt is {one.state}: nobody doubts what became of it", state=one.state)
            known = case.claim_in(case.project)
            if known is not None and known.job.attempt_id != attempt_id:
                raise errors.WrongState(f"job {job_id} is that of attempt {known.job.attempt_id}", state=one.state)
            job = facts.Job(case.project, job_id, attempt_id, facts.Evidence.ADOPTION)

            def decide(decided: draft.Draft, claimed: facts.Job | None) -> None:
                decided.happened("attempt_adopted", message, attempt_id=attempt_id)
                facts.record(decided, attempt_id, job, "", claimed)

            self._take(store, case, job, decide)

        with crash_points.ADOPT:
            await self._record.write(work)

    def _learn(
        self, store: ports.Store, attempt_id: uuid.UUID, decide: Callable[[draft.Draft], None], unreachable: str = ""
    ) -> None:
        """Decide on an attempt, and let its breaker hear of it; `unreachable` says how its provider was not reached."""
        before = store.of_attempt(attempt_id)
        if before is None:
            raise errors.NotFound(f"there is no attempt {attempt_id}")
        _, final = transitions.on(store, before, self._policy, decide)
        breaking.hear(store, before, final, attempt_id, self._policy, unreachable=unreachable)

    async def _change(self, attempt_id: uuid.UUID, decide: Callable[[draft.Draft], None]) -> None:
        await self._record.write(lambda store: transitions.on_attempt(store, attempt_id, self._policy, decide))
