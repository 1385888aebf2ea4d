"""Sends out what fits: as many attempts as each account has free slots, by rank and fairness."""

import datetime
import uuid
from collections.abc import Sequence, Set

from reelmesh_orchestrator import crash_points, ports
from reelmesh_orchestrator.model import advancing, attempt, card, dispatching, draft, facts, recovering
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
            sent += await self._fill(account.id, longest, backlog.standing.parked)
        return sent, backlog.seconds_to_next

    async def _fill(self, account_id: str, longest_render: datetime.timedelta, parked: frozenset[str]) -> int:
        sent = 0
        while True:
            with crash_points.DISPATCH:
                batch = await self._record.write(
                    lambda store: self._send_batch(store, account_id, longest_render, parked)
                )
            sent += batch
            if batch < BATCH:
                return sent

    def _send_batch(
        self, store: ports.Store, account_id: str, longest_render: datetime.timedelta, parked: frozenset[str]
    ) -> int:
        account = store.lock_account(account_id)
        if account is None or not account.enabled:
            return 0
        queue = store.queue(account_id, store.now - longest_render, WINDOW)
        free = min(account.slots - sum(queue.in_flight.values()), BATCH)
        chosen = dispatching.choose(queue.waiting, queue.in_flight, free)
        if not chosen:
            return 0
        # Generations are locked in the order of their ids, so that two dispatchers never wait for each other.
        for before in store.look_at(sorted({one.generation_id for one in chosen})).values():
            self._send(store, before, {one.attempt_id for one in chosen}, parked)
        return len(chosen)

    def _send(
        self, store: ports.Store, before: draft.Aggregate, chosen: Set[uuid.UUID], parked: frozenset[str]
    ) -> None:
        def decide(decided: draft.Draft) -> None:
            for one in before.attempts:
                if one.id not in chosen or one.state is not attempt.AttemptState.PLANNED:
                    continue
                if recovering.gate(before.shot(one.shot_id), parked):
                    recovering.postpone(decided, one.id)
                else:
                    facts.dispatch(decided, one.id)

        transitions.on(store, before, self._policy, decide)


def _longest_render(cards: Sequence[card.Card], provider: str) -> datetime.timedelta:
    """Return how long a job that nobody knows about may still take up a slot at a provider."""
    renders = [
        model.longest_render_seconds for stated in cards if stated.provider == provider for model in stated.models
    ]
    return datetime.timedelta(seconds=max(renders, default=0.0))
