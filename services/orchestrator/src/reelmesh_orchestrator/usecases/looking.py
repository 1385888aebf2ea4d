"""What is told to who decides how many workers there are, and what they say of who takes no new work."""

import dataclasses
import datetime
from collections.abc import Sequence

from reelmesh_kit import errors

from reelmesh_orchestrator import crash_points, ports
from reelmesh_orchestrator.model import pooling

MEDIA_WORKER = "media"
MOST_CORDONED = 1000
LONGEST_WORKER_NAME_CHARACTERS = 253
LONGEST_CORDON_SECONDS = 3600.0
SHORTEST_CORDON_SECONDS = 1.0


class Looking:
    """The verbs about pools."""

    def __init__(self, record: ports.Record, trials: int) -> None:
        """Take the record; `trials` may be under way at once where a breaker is not closed."""
        self._record = record
        self._trials = trials

    async def pools(self) -> Sequence[ports.SeenPool]:
        """Return all pools: one of each provider that anybody has heard of, and that of media.

        Nothing can be sent out while lost jobs are looked for.
        """
        return await self._record.read(self._pools)

    async def cordon(self, kind: str, pool: str, names: Sequence[str], hold_seconds: float) -> None:
        """Cordon workers of a pool by name, and no others, for a time that begins now.

        Raises:
            errors.InvalidArgument: there is no such kind; the pool is not named; names are too many, empty or too long;
                the time is too short or too long.
        """
        _check(kind, pool, names, hold_seconds)

        def work(store: ports.Store) -> None:
            store.cordon(kind, pool, frozenset(names), store.now + datetime.timedelta(seconds=hold_seconds))

        with crash_points.CORDON:
            await self._record.write(work)

    def _pools(self, store: ports.Store) -> Sequence[ports.SeenPool]:
        found, accounts, health = store.works(), store.accounts(), store.health()
        known = {stated.provider for stated in store.cards()}
        looking_for_lost = store.standing().open
        of_workers = {one.pool for one in found.workers if one.kind == ports.PROVIDER_WORKER}
        named = known | {one.provider for one in (*accounts, *found.attempts)} | of_workers
        seen = [
            ports.SeenPool(
                kind=ports.PROVIDER_WORKER,
                pool=provider,
                known=provider in known,
                work=_held_back(
                    pooling.work_at(provider, found.attempts, accounts, health, self._trials), looking_for_lost
                ),
                workers=_workers(found, ports.PROVIDER_WORKER, provider),
            )
            for provider in sorted(named)
        ]
        media = ports.SeenPool(
            MEDIA_WORKER, MEDIA_WORKER, True, steps=found.steps, workers=_workers(found, MEDIA_WORKER, MEDIA_WORKER)
        )
        return [*seen, media]


def _held_back(work: pooling.Work, looking_for_lost: bool) -> pooling.Work:
    return dataclasses.replace(work, sendable=0) if looking_for_lost else work


def _workers(found: ports.Works, kind: str, pool: str) -> Sequence[ports.PoolWorker]:
    return [one for one in found.workers if (one.kind, one.pool) == (kind, pool)]


def _check(kind: str, pool: str, names: Sequence[str], hold_seconds: float) -> None:
    if kind not in (ports.PROVIDER_WORKER, MEDIA_WORKER):
        raise errors.InvalidArgument("kind", f'must be "{ports.PROVIDER_WORKER}" or "{MEDIA_WORKER}"')
    if not pool:
        raise errors.InvalidArgument("pool", "must name the provider, or be media")
    if len(names) > MOST_CORDONED:
        raise errors.InvalidArgument("names", f"must be at most {MOST_CORDONED}")
    if not all(0 < len(name) <= LONGEST_WORKER_NAME_CHARACTERS for name in names):
        raise errors.InvalidArgument("names", f"must have 1 to {LONGEST_WORKER_NAME_CHARACTERS} characters each")
    if not SHORTEST_CORDON_SECONDS <= hold_seconds <= LONGEST_CORDON_SECONDS:
        bounds = f"{SHORTEST_CORDON_SECONDS:g} to {LONGEST_CORDON_SECONDS:g} s"
        raise errors.InvalidArgument("hold", f"must be {bounds}: say it again while it shall hold")
