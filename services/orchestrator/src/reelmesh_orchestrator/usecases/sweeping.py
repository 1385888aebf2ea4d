"""Finds what nobody spoke of any more: lapsed leases, stuck submits, unheard messages, deadlines."""

import dataclasses
import datetime
import uuid
from collections.abc import Callable, Mapping, Sequence

from reelmesh_kit import clock

from reelmesh_orchestrator import crash_points, ports
from reelmesh_orchestrator.model import advancing, draft, facts, leases, verbs
from reelmesh_orchestrator.usecases import transitions

# What one sweep looks at, of each kind; the rest comes with the next.
BATCH = 500
# How often old rows are looked for, seconds.
PRUNE_SECONDS = 60.0
# How long a lease that is over is remembered, so that its worker is told so: seconds.
LEASE_RETENTION_SECONDS = 24 * 3600.0


@dataclasses.dataclass(frozen=True)
class Patience:
    """How long each kind of silence is borne, seconds."""

    #: A lease lapses when it was not renewed for this long, as the observer saw it.
    lease_seconds: float = 15.0
    #: A submit is in doubt after window and request time-out, as the observer saw it.
    submit_seconds: float = 75.0
    #: A dispatched attempt is withdrawn when nobody has begun it for this long; doubled with each dispatch.
    begin_seconds: float = 30.0
    #: A step is sent again when nobody has begun it for this long; doubled each time.
    step_seconds: float = 30.0
    #: Events of ended generations are kept for this long, days.
    events_days: float = 90.0


class Sweeper:
    """Looks at the record again and again. Any number may run side by side: every move is guarded by the row."""

    def __init__(self, record: ports.Record, time: clock.Clock, policy: advancing.Policy, patience: Patience) -> None:
        """Take the record and the observer's own clock."""
        self._record = record
        self._clock = time
        self._policy = policy
        self._patience = patience
        self._leases = leases.Watch()
        self._submits = leases.Watch()
        self._prune_at = 0.0

    async def sweep(self) -> None:
        """Look once at everything: with one question where nothing is silent."""
        waits = ports.Waits(
            begin_seconds=self._patience.begin_seconds,
            step_seconds=self._patience.step_seconds,
            floor_lead_seconds=self._policy.floor_lead_seconds,
            cancel_seconds=self._policy.cancel_grace_seconds,
        )
        found = await self._record.read(lambda store: store.silences(waits, BATCH))
        # What follows takes its time: whoever was silent was so until this moment, as far as anybody has looked.
        now = self._clock.elapsed()
        await self._lapse_leases(found.leases, now)
        if found.unwatched:
            await self._free_unwatched()
        await self._doubt_submits(found.submitting, now)
        await self._withdraw_unbegun(found.unbegun)
        await self._resend_steps(found.unbegun_steps)
        await self._prepare_floors(found.undrawn)
        await self._expire(found.expired)
        await self._stop_cancelled(found.cancelling)
        await self._prune()

    async def _lapse_leases(self, seen: Mapping[str, int], now: float) -> None:
        """End leases that did not change for long enough while this observer could read the database."""
        self._leases = self._leases.after(seen, now)
        for worker_id in self._leases.unchanged(now, self._patience.lease_seconds):
            with crash_points.LAPSE_LEASE:
                await self._record.write(lambda store, one=worker_id: self._lapse(store, one, seen[one]))

    def _lapse(self, store: ports.Store, worker_id: str, renewals: int) -> None:
        """End a lease that is still as it was seen. Locks go lease, generation, attempt, as everywhere."""
        lease = store.lock_lease(worker_id)
        if lease is None or not lease.active or lease.renewals != renewals:
            return
        for step_id in store.steps_of_worker(worker_id):
            self._resend(store, step_id)
        store.end_lease(worker_id, renewals)

    async def _free_unwatched(self) -> None:
        """Free what a worker was given in the moment in which its lease ended."""
        with crash_points.FREE_UNWATCHED:
            await self._record.write(lambda store: store.unwatched())

    async def _doubt_submits(self, found: Mapping[uuid.UUID, uuid.UUID], now: float) -> None:
        """Whatever its lease says: a submit that took longer than window and time-out is in doubt."""
        self._submits = self._submits.after({str(attempt_id): 1 for attempt_id in found}, now)
        for key in self._submits.unchanged(now, self._patience.submit_seconds):
            attempt_id = uuid.UUID(key)
            with crash_points.DOUBT:
                await self._change(
                    found[attempt_id],
                    lambda decided, one=attempt_id: facts.doubt(
                        decided, one, "Nobody knows whether the provider took it: the worker was not heard of again"
                    ),
                )

    async def _withdraw_unbegun(self, found: Sequence[uuid.UUID]) -> None:
        for generation_id in found:
            with crash_points.WITHDRAW:
                await self._change(generation_id, self._withdraw)

    def _withdraw(self, decided: draft.Draft) -> None:
        for attempt_id in facts.overdue(decided.aggregate.attempts, decided.now, self._patience.begin_seconds):
            facts.withdraw(decided, attempt_id, "No worker has begun it in time; it is sent out anew")

    async def _resend_steps(self, found: Sequence[uuid.UUID]) -> None:
        for step_id in found:
            with crash_points.RESEND_STEP:
                await self._record.write(lambda store, one=step_id: self._resend(store, one))

    def _resend(self, store: ports.Store, step_id: uuid.UUID) -> None:
        transitions.on_step(
            store,
            step_id,
            self._policy,
            lambda decided: verbs.resend_step(decided, step_id, self._patience.step_seconds),
        )

    async def _prepare_floors(self, found: Sequence[uuid.UUID]) -> None:
        """Have still pictures drawn for those whose deadline is near."""
        for generation_id in found:
            with crash_points.PREPARE_FLOOR:
                await self._change(generation_id, lambda _: None)

    async def _expire(self, found: Sequence[uuid.UUID]) -> None:
        for generation_id in found:
            with crash_points.EXPIRE:
                await self._change(generation_id, verbs.expire)

    async def _stop_cancelled(self, found: Sequence[uuid.UUID]) -> None:
        for generation_id in found:
            with crash_points.STOP_CANCELLED:
                await self._change(generation_id, lambda _: None)

    async def _prune(self) -> None:
        """Let go of what is too old, now and then."""
        now = self._clock.elapsed()
        if now < self._prune_at:
            return
        self._prune_at = now + PRUNE_SECONDS

        def work(store: ports.Store) -> int:
            return store.prune(
                store.now - datetime.timedelta(days=self._patience.events_days),
                store.now - _seconds(LEASE_RETENTION_SECONDS),
                BATCH,
            )

        with crash_points.PRUNE:
            while await self._record.write(work) >= BATCH:
                continue

    async def _change(self, generation_id: uuid.UUID, decide: Callable[[draft.Draft], None]) -> None:
        await self._record.write(lambda store: transitions.on_generation(store, generation_id, self._policy, decide))


def _seconds(seconds: float) -> datetime.timedelta:
    return datetime.timedelta(seconds=seconds)
