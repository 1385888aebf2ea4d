"""Sends out what fits: as many attempts as each account has free slots, by rank and fairness."""

import datetime
import itertools
import uuid
from collections.abc import Mapping, Sequence

from reelmesh_orchestrator import crash_points, ports
from reelmesh_orchestrator.model import advancing, attempt, card, dispatching, draft, facts, health, passing, recovering
from reelmesh_orchestrator.usecases import transitions

# Waiting attempts that are looked at for one account at a time.
WINDOW = 200
# Attempts that one transaction sends out at most, so that no lock is held for long.
BATCH = 50


class Dispatcher:
    """Moves planned attempts to the workers. Any number may run side by side: the account's row is the lock."""

    def __init__(self, record: ports.Record, policy: advancing.Policy) -> None:
        """Take the record."""
        self._record = record
        self._policy = policy

    async def dispatch(self) -> tuple[int, float | None]:
        """Send out what fits; return how many, and in how many seconds the next waiting attempt becomes due.

        Nothing goes out while lost jobs are looked for: it may have been submitted.
        """
        backlog = await self._record.read(lambda store: store.backlog())
        if backlog.standing.open:
            return 0, None
        sent = 0
        for account in backlog.accounts:
            longest = _longest_render(backlog.cards, account.provider)
            sent += await self._fill(account.id, longest, backlog)
        return sent, backlog.seconds_to_next

    async def _fill(self, account_id: str, longest_render: datetime.timedelta, backlog: ports.Backlog) -> int:
        sent = 0
        while True:
            with crash_points.DISPATCH:
                batch, kept = await self._record.write(
                    lambda store: self._send_batch(store, account_id, longest_render, backlog)
                )
            sent += batch
            if max(batch, kept) < BATCH:
                return sent

    def _send_batch(
        self, store: ports.Store, account_id: str, longest_render: datetime.timedelta, backlog: ports.Backlog
    ) -> tuple[int, int]:
        """Send out what fits, and see to what something stands in the way of; return how many of each."""
        account = store.lock_account(account_id)
        if account is None or not account.enabled:
            return 0, 0
        queue = store.queue(account_id, store.now - longest_render, WINDOW)
        # What goes wrong from now on is looked at again when an attempt is begun.
        seen = store.health() if backlog.troubled else health.Health(store.now)
        parted = dispatching.part(queue.waiting, account.provider, account_id, seen, self._policy.breakers.trials)
        room = min(account.slots - sum(queue.in_flight.values()), BATCH)
        chosen = dispatching.choose(parted.free, queue.in_flight, room)
        kept = dict(itertools.islice(parted.kept.items(), BATCH))
        fate: dict[uuid.UUID, health.Obstacle | None] = {**dict.fromkeys(one.attempt_id for one in chosen), **kept}
        # Generations are locked in the order of their ids, so that two dispatchers never wait for each other.
        owners = {one.generation_id for one in queue.waiting if one.attempt_id in fate}
        for before in store.look_at(sorted(owners)).values() if owners else ():
            self._send(store, before, fate, seen, backlog.standing.parked)
        for model in {one.model for one in chosen}:
            opened = seen.breaker(account_id, model)
            if opened.trial_due(store.now):
                store.try_breaker(opened, opened.tried(store.now))
                target = health.Target(account.provider, account_id, model)
                store.tell_health(ports.HealthEventType.TRIED, target, "", "A trial is made")
        return len(chosen), len(kept)

    def _send(
        self,
        store: ports.Store,
        before: draft.Aggregate,
        fate: Mapping[uuid.UUID, health.Obstacle | None],
        seen: health.Health,
        parked: frozenset[str],
    ) -> None:
        def decide(decided: draft.Draft) -> None:
            for one in before.attempts:
                if one.id not in fate or one.state is not attempt.AttemptState.PLANNED:
                    continue
                obstacle = fate[one.id]
                if recovering.gate(before.shot(one.shot_id), parked):
                    recovering.postpone(decided, one.id)
                elif obstacle is not None:
                    passing.pass_on(decided, one.id, obstacle, seen, self._policy)
                else:
                    facts.dispatch(decided, one.id)

        transitions.on(store, before, self._policy, decide)


def _longest_render(cards: Sequence[card.Card], provider: str) -> datetime.timedelta:
    """Return how long a job that nobody knows about may still take up a slot at a provider."""
    renders = [
        model.longest_render_seconds for stated in cards if stated.provider == provider for model in stated.models
    ]
    return datetime.timedelta(seconds=max(renders, default=0.0))
