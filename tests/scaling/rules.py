"""Who says how many workers there are: our controller, and the rule of a queue's length that most people use.

The rule is KEDA's with its HPA, as they are documented and were measured: every 30 s the length of the queue is looked
at, which takes a pool from none to one; every 15 s the HPA makes it as many as the queue's length asks for, four more
or twice as many at a time, whatever is more; down to what the highest of the last 300 s asked for; to none after 300 s.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Protocol

from reelmesh_operator.model import pools, reconciling

from tests.scaling import mesh

POLL_SECONDS = 30
SYNC_SECONDS = 15
WINDOW_SECONDS = 300
COOLDOWN_SECONDS = 300
STEP = 4


class Rule(Protocol):
    """Who says how many workers there are."""

    def step(self, now: int) -> None:
        """Look and act, if it is time to."""
        ...


class Ours:
    """The operator: looks every two seconds; what it asks may not be answered, and then it does not know."""

    def __init__(
        self,
        held: Sequence[mesh.Pool],
        outage: Callable[[int], bool] = lambda now: False,
    ) -> None:
        """Look after pools; `outage` says when the orchestrator does not answer."""
        self._pools = held
        self._outage = outage
        self._memories = {pool.desired.name: pools.Memory() for pool in held}
        self._signals: dict[str, pools.Signal] = {}
        #: The last decisions, and what they were made of.
        self.views: list[pools.View] = []
        self.decisions: dict[str, pools.Decision] = {}

    def step(self, now: int) -> None:
        """Reconcile every two seconds."""
        if now % 2:
            return
        if not self._outage(now):
            self._signals = {pool.desired.name: pool.signal(now) for pool in self._pools}
        self.views = [
            pools.View(
                pool.desired,
                pool.actual(now),
                self._signals.get(pool.desired.name),
                self._memories[pool.desired.name],
            )
            for pool in self._pools
        ]
        self.decisions = dict(reconciling.reconcile(self.views, float(now)))
        for pool in self._pools:
            decision = self.decisions[pool.desired.name]
            self._memories[pool.desired.name] = decision.memory
            pool.obey(decision, now)

    def restart(self) -> None:
        """Forget everything, as a new process does."""
        self._memories = {pool.desired.name: pools.Memory() for pool in self._pools}
        self._signals = {}


@dataclasses.dataclass
class _Known:
    metric: int = 0
    active_at: int = -(10**9)
    wanted: list[tuple[int, int]] = dataclasses.field(default_factory=list[tuple[int, int]])


class QueueLength:
    """As many workers as the queue is long: what waits and what is in flight, divided by what a worker takes."""

    def __init__(self, held: Sequence[mesh.Pool]) -> None:
        """Look after pools, each for itself."""
        self._known = [(pool, _Known()) for pool in held]

    def step(self, now: int) -> None:
        """Poll and synchronise."""
        for pool, known in self._known:
            if now % POLL_SECONDS == 0:
                self._poll(pool, known, now)
            if now % SYNC_SECONDS == 0 and pool.replicas:
                self._sync(pool, known, now)

    def _poll(self, pool: mesh.Pool, known: _Known, now: int) -> None:
        known.metric = len(pool.planned) + pool.in_flight
        if known.metric:
            known.active_at = now
            if not pool.replicas:
                pool.scale(1, now)
        elif pool.replicas and now - known.active_at >= COOLDOWN_SECONDS:
            pool.scale(0, now)

    def _sync(self, pool: mesh.Pool, known: _Known, now: int) -> None:
        desired = math.ceil(known.metric / pool.desired.work_per_worker)
        wanted = max(1, min(desired, pool.desired.max_replicas))
        known.wanted = [(at, one) for at, one in known.wanted if now - at < WINDOW_SECONDS] + [(now, wanted)]
        if wanted > pool.replicas:
            pool.scale(min(wanted, max(pool.replicas + STEP, 2 * pool.replicas)), now)
        elif (highest := max(one for _, one in known.wanted)) < pool.replicas:
            pool.scale(highest, now)
