"""What users do: create, read, list, cancel, retry, quote."""

import dataclasses
import datetime
import uuid
from collections.abc import Callable, Sequence

from reelmesh_kit import errors, ids

from reelmesh_orchestrator import crash_points, ports
from reelmesh_orchestrator.model import (
    advancing,
    draft,
    eras,
    generation,
    planning,
    policies,
    recovering,
    repeats,
    request,
    routing,
    shot,
    takes,
    verbs,
)
from reelmesh_orchestrator.usecases import adopting, crowding, transitions

LARGEST_PAGE = 100
DEFAULT_PAGE = 20
LARGEST_EVENT_PAGE = 1000
# How long a caller that finds the queue full is asked to wait.
QUEUE_FULL_RETRY_SECONDS = 30.0
# Seconds that checking and encoding take for each second of video, for estimates.
PROCESSING_SECONDS_PER_SECOND = 0.5


@dataclasses.dataclass(frozen=True)
class View:
    """A generation as its owner sees it, with what is known at this moment."""

    aggregate: draft.Aggregate
    progress_percent: int = 0
    queue_position: int = 0
    estimated_seconds: float = 0.0


@dataclasses.dataclass(frozen=True)
class Created:
    """What a create came to."""

    view: View
    replayed: bool


@dataclasses.dataclass(frozen=True)
class Quote:
    """What a request would come to."""

    shots: tuple[shot.Shot, ...]
    price_micros: int
    estimated_seconds: float


class Generations:
    """The verbs of users. Ownership is part of every one: a stranger is told that there is nothing."""

    def __init__(
        self,
        record: ports.Record,
        assets: ports.Assets,
        progress: ports.ProgressBoard,
        fresh: ids.Ids,
        policy: advancing.Policy,
        crowded: crowding.Crowding,
        routes: policies.Policies = policies.PLAIN,
        *,
        most_open: int,
    ) -> None:
        """Take the ports; `most_open` bounds the unfinished generations of a tenant, `crowded` those of all."""
        self._routes = routes
        self._record = record
        self._assets = assets
        self._progress = progress
        self._ids = fresh
        self._policy = policy
        self._crowded = crowded
        self._most_open = most_open

    async def create(
        self,
        tenant_id: str,
        asked: request.Request,
        request_id: str,
        traceparent: str,
        sending: repeats.Sending | None = None,
    ) -> Created:
        """Admit a generation, durably; with a `sending`, unless its call has made one already.

        Raises:
            errors.InvalidArgument: a field is wrong.
            errors.IdempotencyKeyReused: the request id stands for another request.
            errors.AssetUnusable, errors.NoCandidate, errors.CostLimit, errors.QueueFull: it cannot be taken.
        """
        request.check_request_id(request_id)
        generation_id = ids.derived("generation", tenant_id, request_id) if request_id else self._ids.fresh()
        admission = verbs.Admission(
            generation_id=generation_id,
            tenant_id=tenant_id,
            request_id=request_id,
            traceparent=traceparent,
            seed=ids.derived(generation_id, "seed").int % (request.LARGEST_SEED + 1),
        )
        if sending is not None:
            repeats.check(sending)
        async with self._crowded.entering() as entry:
            # Asked before its pictures are, which may have expired since, and before it is refused: by a mere look, so
            # that those who are refused do not hold up those who are at work.
            if request_id and (asked.picture_asset_ids or not entry.fits):
                known = await self._record.read(lambda store: _replay(store.look(generation_id), asked))
                if known is not None:
                    return Created(await self._view(known), replayed=True)
            if sending is not None and (asked.picture_asset_ids or not entry.fits):
                repeated = await self._repeated(admission, sending)
                if repeated is not None:
                    return repeated
            self._crowded.check(entry)
            await self._check_pictures(asked, tenant_id)
            with crash_points.CREATE:
                created = await self._record.write(lambda store: self._admit(store, asked, admission, sending))
            entry.admitted = not created.replayed
        return created

    async def _repeated(self, admission: verbs.Admission, sending: repeats.Sending) -> Created | None:
        """Return what a call has made already, found by a mere look before anything is written."""
        call_id = _call(admission, sending)
        meant = await self._record.read(
            lambda store: repeats.meant(store.twins(call_id), admission.generation_id, sending.count, store.now)
        )
        if meant is None:
            return None
        with crash_points.CREATE:
            return await self._record.write(lambda store: self._join(store, admission, sending))

    def _join(self, store: ports.Store, admission: verbs.Admission, sending: repeats.Sending) -> Created | None:
        """Give a call the generation that it has made already, and remember that it came once more."""
        call_id = _call(admission, sending)
        twins = store.lock_twins(call_id)
        twin = repeats.meant(twins, admission.generation_id, sending.count, store.now)
        known = store.look(twin.generation_id) if twin else None
        if twin is None or known is None:
            return None
        store.put_twins(call_id, repeats.joined(twins, twin, admission.generation_id, sending.count, store.now))
        return Created(self._seen(store, known), replayed=True)

    def _admit(
        self,
        store: ports.Store,
        asked: request.Request,
        admission: verbs.Admission,
        sending: repeats.Sending | None,
    ) -> Created:
        # The lock of its call is the first that is taken: who waits for it sees what the one before has made.
        repeated = self._join(store, admission, sending) if sending else None
        if repeated is not None:
            return repeated
        created = self._admit_anew(store, asked, admission)
        if sending is not None and not created.replayed:
            call_id = _call(admission, sending)
            twins = repeats.made(store.twins(call_id), admission.generation_id, sending.count, store.now)
            store.put_twins(call_id, twins)
        return created

    def _admit_anew(self, store: ports.Store, asked: request.Request, admission: verbs.Admission) -> Created:
        found = store.admission(admission.tenant_id, admission.generation_id)
        known = _replay(found.known, asked)
        if known is not None:
            return Created(self._seen(store, known), replayed=True)
        request.check(asked, store.now)
        if found.open_generations >= self._most_open:
            raise errors.QueueFull(
                f"{self._most_open} generations of yours have not ended yet",
                retry_after=datetime.timedelta(seconds=QUEUE_FULL_RETRY_SECONDS),
                limit=self._most_open,
                scope="tenant",
            )
        policy = self._routes.of(asked.policy, asked.category)
        admission = dataclasses.replace(admission, policy=policy.edition)
        on_offer = routing.offers(found.accounts, found.cards, found.health)
        shots = _plan(on_offer, admission.generation_id, asked, store.now, policy)
        decided = verbs.admit(asked, admission, shots, store.now, self._policy)
        adopted = self._meet_its_future(store, decided, found.standing)
        seen = self._seen(store, decided.aggregate)
        created = Created(dataclasses.replace(seen, aggregate=store.insert(decided)), replayed=False)
        adopting.keep(store, adopted)
        return created

    def _meet_its_future(
        self, store: ports.Store, decided: draft.Draft, standing: eras.Standing
    ) -> Sequence[recovering.Adoption]:
        """Give a generation the jobs that it had before the record went back, if it was there before."""
        if not standing.gone_back:
            return ()
        adopted: Sequence[recovering.Adoption] = ()
        if store.unclaimed():
            adopted = recovering.reconcile(decided, adopting.lost_jobs(store, decided.aggregate))
            advancing.advance(decided, self._policy)
        recovering.warn(decided, standing.parked)
        return adopted

    async def quote(self, tenant_id: str, asked: request.Request) -> Quote:
        """Plan and price a request exactly as `create` would; record nothing."""
        await self._check_pictures(asked, tenant_id)

        def work(store: ports.Store) -> tuple[shot.Shot, ...]:
            request.check(asked, store.now)
            policy = self._routes.of(asked.policy, asked.category)
            on_offer = routing.offers(store.accounts(), store.cards(), store.health())
            return _plan(on_offer, uuid.UUID(int=0), asked, store.now, policy)

        shots = await self._record.read(work)
        return Quote(shots, planning.price(shots), _rendering_seconds(shots))

    async def _check_pictures(self, asked: request.Request, tenant_id: str) -> None:
        request.check_pictures(asked)
        await self._assets.check_references(asked.picture_asset_ids, tenant_id)

    async def get(self, tenant_id: str, generation_id: uuid.UUID) -> View:
        """Return one generation.

        Raises:
            errors.NotFound: there is none, or it is somebody else's.
        """
        return await self._record.read(lambda store: self._seen(store, _owned(store, tenant_id, generation_id)))

    async def list(
        self, wanted: ports.Filter, after: ports.Place | None, page_size: int
    ) -> tuple[Sequence[View], ports.Place | None]:
        """Return a page of generations in the order wanted, and the place where the next one begins.

        Raises:
            errors.InvalidArgument: the page size is negative, or nothing can have such labels or such a user.
        """
        if page_size < 0:
            raise errors.InvalidArgument("page_size", f"must be 0 (meaning {DEFAULT_PAGE}) to {LARGEST_PAGE}")
        request.check_labels(wanted.labels)
        request.check_user_id(wanted.user_id)
        size = min(page_size or DEFAULT_PAGE, LARGEST_PAGE)
        found = await self._record.read(lambda store: store.page(wanted, after, size + 1))
        views = [View(one, self._progress.percent(one)) for one in found[:size]]
        last = found[size - 1].generation if len(found) > size else None
        return views, ports.Place(last.create_time, last.id) if last else None

    async def place_of(self, tenant_id: str, generation_id: uuid.UUID) -> ports.Place | None:
        """Return where in a list a generation stands or, once deleted, stood; None when the tenant has none."""
        found = await self._record.read(lambda store: store.look(generation_id))
        if found is None or found.generation.tenant_id != tenant_id:
            return None
        return ports.Place(found.generation.create_time, found.generation.id)

    async def delete(self, tenant_id: str, generation_id: uuid.UUID) -> None:
        """Delete a generation that has ended.

        Raises:
            errors.NotFound: there is none, or it is somebody else's.
            errors.WrongState: it has not ended.
        """
        with crash_points.REMOVE:
            await self._change(tenant_id, generation_id, verbs.delete)

    async def events(
        self, tenant_id: str, generation_id: uuid.UUID, after_sequence: int, page_size: int
    ) -> Sequence[ports.Event]:
        """Return the history of a generation, oldest first."""
        if page_size < 0 or after_sequence < 0:
            raise errors.InvalidArgument("page_size" if page_size < 0 else "after_sequence", "must not be negative")
        size = min(page_size or LARGEST_EVENT_PAGE, LARGEST_EVENT_PAGE)

        found = await self._record.read(lambda store: store.events(tenant_id, generation_id, after_sequence, size))
        if found is None:
            raise errors.NotFound(f"there is no generation {generation_id}")
        return found

    async def cancel(self, tenant_id: str, generation_id: uuid.UUID) -> View:
        """Ask for the end of a generation."""
        with crash_points.CANCEL:
            return await self._change(tenant_id, generation_id, lambda decided: verbs.cancel(decided, self._policy))

    async def promote(self, tenant_id: str, generation_id: uuid.UUID, number: int) -> View:
        """Deliver an alternate take.

        Raises:
            errors.NotFound: there is no such generation, or no such take of it.
            errors.WrongState: it cannot be delivered (yet).
        """
        with crash_points.PROMOTE:
            return await self._change(tenant_id, generation_id, lambda decided: takes.promote(decided, number))

    async def retry(self, tenant_id: str, generation_id: uuid.UUID) -> View:
        """Start a new run of a failed generation.

        Raises:
            errors.QueueFull: too many generations of all tenants are unfinished already.
        """
        async with self._crowded.entering() as entry:

            def decide(decided: draft.Draft) -> None:
                verbs.retry(decided, self._policy)
                self._crowded.check(entry)

            with crash_points.RETRY:
                view = await self._change(tenant_id, generation_id, decide)
            entry.admitted = True
        return view

    async def _change(self, tenant_id: str, generation_id: uuid.UUID, decide: Callable[[draft.Draft], None]) -> View:
        def work(store: ports.Store) -> draft.Aggregate:
            before = _owned(store, tenant_id, generation_id)
            return transitions.on(store, before, self._policy, decide)[1]

        return await self._view(await self._record.write(work))

    async def _view(self, aggregate: draft.Aggregate) -> View:
        return await self._record.read(lambda store: self._seen(store, aggregate))

    def _seen(self, store: ports.Store, aggregate: draft.Aggregate) -> View:
        """Add what is known at this moment: place in the queue, progress, estimate."""
        queued = aggregate.generation.state is generation.GenerationState.QUEUED
        position = store.queue_position(aggregate) if queued else 0
        return View(aggregate, self._progress.percent(aggregate), position, self._estimate(aggregate, position))

    def _estimate(self, aggregate: draft.Aggregate, position: int) -> float:
        if aggregate.generation.state not in generation.WORKING:
            return 0.0
        whole = _rendering_seconds(aggregate.shots)
        return whole * (1 - self._progress.percent(aggregate) / 100) + whole * max(position - 1, 0)


def _owned(store: ports.Store, tenant_id: str, generation_id: uuid.UUID) -> draft.Aggregate:
    found = store.look(generation_id)
    if found is None or found.generation.tenant_id != tenant_id or found.generation.delete_time is not None:
        raise errors.NotFound(f"there is no generation {generation_id}")
    return found


def _call(admission: verbs.Admission, sending: repeats.Sending) -> uuid.UUID:
    return ids.derived("call", admission.tenant_id, sending.key_id, sending.body_sha256)


def _replay(known: draft.Aggregate | None, asked: request.Request) -> draft.Aggregate | None:
    if known is not None and known.generation.fingerprint != request.fingerprint(asked):
        raise errors.IdempotencyKeyReused
    return known


def _plan(
    on_offer: Sequence[routing.Offer],
    generation_id: uuid.UUID,
    asked: request.Request,
    now: datetime.datetime,
    policy: policies.RoutingPolicy,
) -> tuple[shot.Shot, ...]:
    sketch = planning.Sketch(
        prompt=asked.prompt,
        output=request.completed(asked.output),
        references=len(asked.reference_asset_ids),
        pin=asked.pin,
        seed_is_users=asked.seed is not None,
        max_cost_micros=asked.max_cost_micros,
        policy=policy,
        seconds_left=(asked.deadline_time - now).total_seconds() if asked.deadline_time else None,
        first_frame_asset_id=asked.first_frame_asset_id,
        ends_on_frame=bool(asked.last_frame_asset_id),
        negative_prompt=bool(asked.negative_prompt),
    )
    return planning.plan(generation_id, sketch, on_offer, now.date())


def _rendering_seconds(shots: Sequence[shot.Shot]) -> float:
    return sum(one.duration_seconds for one in shots) * (1 + PROCESSING_SECONDS_PER_SECOND)
