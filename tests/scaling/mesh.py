"""A mesh on a virtual clock, as far as the number of its workers matters: queues, accounts, workers, replica sets.

Time goes in steps of a second. Chance decides what nobody promises: who is killed among equals, how long a Pod takes to
start, when a lease is renewed. What a worker is told it knows with its next renewal, as in the real mesh.
"""

import dataclasses
import itertools
import random  # noqa: TID251 - a seed makes it the same again
from collections.abc import Callable, Iterator

from reelmesh_operator.model import pools

RENEW_SECONDS = 5
CORDON_SECONDS = 60
FETCH_SECONDS = 4
# What a vendor's "too many requests" asks to wait.
RETRY_SECONDS = 10


@dataclasses.dataclass
class Attempt:
    """One try of one shot."""

    number: int
    born_at: int
    submit_seconds: int
    render_seconds: int
    ready_at: int = 0


@dataclasses.dataclass
class Worker:
    """A Pod and the worker in it."""

    name: str
    starts_at: int
    renews_at: int
    leased: bool = False
    #: Whether it ever was.
    served: bool = False
    unready_until: int = 0
    cordoned: bool = False
    told_idle: bool = False
    told_drained: bool = False
    cost: int = 0
    #: Ends of what it submits and of what it fetches.
    submitting: dict[int, Attempt] = dataclasses.field(default_factory=dict[int, Attempt])
    submit_ends: dict[int, int] = dataclasses.field(default_factory=dict[int, int])
    fetching: dict[int, int] = dataclasses.field(default_factory=dict[int, int])

    @property
    def idle(self) -> bool:
        """Whether nothing would be lost if it ended now."""
        return not self.submitting and not self.fetching

    def ready(self, now: int) -> bool:
        """Tell whether its readiness probe succeeds."""
        return self.leased and now >= self.unready_until


@dataclasses.dataclass
class Traffic:
    """What happens to a pool: attempts that come, slots that its accounts have, and when its breaker is open."""

    arrivals: Callable[[int], int]
    slots: Callable[[int], int] = lambda now: 40
    submit_seconds: tuple[int, int] = (2, 8)
    render_seconds: tuple[int, int] = (30, 180)


@dataclasses.dataclass
class Score:
    """What a scaling rule is judged by."""

    #: How long attempts waited to be submitted, those that were refused and came again included.
    waits: list[int] = dataclasses.field(default_factory=list[int])
    worker_seconds: int = 0
    busy_kills: int = 0
    refusals: int = 0
    flaps: int = 0
    most: int = 0
    done: int = 0


class Pool:
    """One provider: its queue, its accounts, its workers and what keeps their number."""

    def __init__(self, desired: pools.Desired, traffic: Traffic, chance: random.Random, *, gated: bool = True) -> None:
        """Make a pool with no workers; `gated`: attempts wait for slots of accounts, as in our mesh."""
        self.desired = desired
        self.traffic = traffic
        self.chance = chance
        self.gated = gated
        self.replicas = 0
        self.score = Score()
        self.workers: dict[str, Worker] = {}
        self.going: dict[str, int] = {}
        self.cordons: dict[str, int] = {}
        self.planned: list[Attempt] = []
        self.sent: list[Attempt] = []
        self.rendering: dict[int, tuple[Attempt, int]] = {}
        self._numbers = itertools.count()
        self._raised_at = -(10**9)

    # --- what the operator sees and does
    def actual(self, now: int) -> pools.Actual:
        """Return what Kubernetes would show."""
        live = [
            pools.Pod(
                one.name,
                one.ready(now),
                pending=now < one.starts_at,
                deletion_cost=one.cost,
                faltered=one.served and not one.ready(now),
            )
            for one in self.workers.values()
        ]
        gone = [pools.Pod(name, ready=False, terminating=True) for name in self.going]
        return pools.Actual(self.replicas, (*live, *gone))

    def signal(self, now: int) -> pools.Signal:
        """Return what the orchestrator would say."""
        return pools.Signal(
            asked_at=float(now),
            waiting=len(self.planned),
            room=max(self.traffic.slots(now) - self.in_flight, 0) if self.gated else 10**6,
            to_do=len(self.sent) + sum(len(one.submitting) for one in self.workers.values()),
            watched=len(self.rendering),
            workers=tuple(self._told(now)),
        )

    def _told(self, now: int) -> Iterator[pools.Worker]:
        for one in self.workers.values():
            if one.leased:
                cordoned = self.cordons.get(one.name, 0) > now
                load = len(one.submitting) + len(one.fetching)
                yield pools.Worker(one.name, one.told_idle, one.told_drained, cordoned, load)

    def obey(self, decision: pools.Decision, now: int) -> None:
        """Carry out a decision."""
        if decision.cordon is not None:
            self.cordons = dict.fromkeys(decision.cordon, now + CORDON_SECONDS)
        for name, cost in decision.costs.items():
            if name in self.workers:
                self.workers[name].cost = cost
        if decision.replicas is not None:
            self.scale(decision.replicas, now)

    def scale(self, replicas: int, now: int) -> None:
        """Write the number of replicas."""
        if replicas > self.replicas:
            self._raised_at = now
        elif replicas < self.replicas and now - self._raised_at < self.desired.down_seconds:
            self.score.flaps += 1
        self.replicas = replicas

    # --- what happens
    @property
    def in_flight(self) -> int:
        """Attempts that take up a slot."""
        return len(self.sent) + len(self.rendering) + sum(len(one.submitting) for one in self.workers.values())

    def close(self, now: int) -> None:
        """Count those that still wait as having waited until now."""
        self.score.waits.extend(now - one.born_at for one in (*self.planned, *self.sent))

    def step(self, now: int) -> None:
        """Live through a second."""
        self._arrive(now)
        self._dispatch(now)
        self._keep_replicas(now)
        for one in self.workers.values():
            self._work(one, now)
        self._render(now)
        self.going = {name: end for name, end in self.going.items() if end > now}
        self.score.worker_seconds += len(self.workers)
        self.score.most = max(self.score.most, len(self.workers) + len(self.going))

    def _arrive(self, now: int) -> None:
        for _ in range(self.traffic.arrivals(now)):
            submit, render = (self.chance.randint(*span) for span in (self._submits, self._renders))
            self.planned.append(Attempt(next(self._numbers), now, submit, render))

    @property
    def _submits(self) -> tuple[int, int]:
        return self.traffic.submit_seconds

    @property
    def _renders(self) -> tuple[int, int]:
        return self.traffic.render_seconds

    def _dispatch(self, now: int) -> None:
        room = self.traffic.slots(now) - self.in_flight if self.gated else len(self.planned)
        due = [one for one in self.planned if one.ready_at <= now][: max(room, 0)]
        for one in due:
            one.ready_at = now
            self.planned.remove(one)
            self.sent.append(one)

    def _keep_replicas(self, now: int) -> None:
        while len(self.workers) < self.replicas:
            name = f"{self.desired.workload.name}-{next(self._numbers)}"
            starts = now + self.chance.randint(2, 12)
            self.workers[name] = Worker(name, starts, starts + self.chance.randint(0, 2))
        while len(self.workers) > self.replicas:
            self.kill(min(self.workers.values(), key=lambda one: (*self._rank(one, now), self.chance.random())), now)

    def _rank(self, one: Worker, now: int) -> tuple[int, ...]:
        return (now >= one.starts_at, one.ready(now), one.cost)

    def lapse(self, one: Worker, now: int) -> None:
        """Let a worker not be heard of until its lease has ended, and for a while more; what it does goes on."""
        one.leased = False
        one.renews_at = max(one.renews_at, now + self.chance.randint(1, 12))

    def kill(self, one: Worker, now: int) -> None:
        """Delete a Pod."""
        del self.workers[one.name]
        self.going[one.name] = now + self.chance.randint(1, 3)
        if not one.idle:
            self.score.busy_kills += 1
        self.planned.extend(one.submitting.values())

    def _work(self, one: Worker, now: int) -> None:
        if now >= one.renews_at:
            one.leased = one.served = True
            # It says what it knows from the last answer. Who is let go by this one may begin at once: not drained.
            cordoned = self.cordons.get(one.name, 0) > now
            one.told_idle = one.idle
            one.told_drained = one.cordoned and one.idle and cordoned
            one.cordoned = cordoned
            one.renews_at = now + RENEW_SECONDS
        for number, end in list(one.submit_ends.items()):
            if end <= now:
                self.rendering[number] = (submitted := one.submitting.pop(number), now + submitted.render_seconds)
                del one.submit_ends[number]
        one.fetching = {number: end for number, end in one.fetching.items() if end > now}
        while one.leased and not one.cordoned and self.sent and len(one.submitting) < self.desired.work_per_worker:
            self._submit(one, self.sent.pop(0), now)

    def _submit(self, one: Worker, attempt: Attempt, now: int) -> None:
        if self.in_flight >= self.traffic.slots(now):
            # Ours asks for leave first, which is not given then; others ask the vendor, who refuses.
            self.score.refusals += not self.gated
            attempt.ready_at = now + RETRY_SECONDS
            self.planned.append(attempt)
            return
        self.score.waits.append(now - attempt.born_at)
        one.submitting[attempt.number] = attempt
        one.submit_ends[attempt.number] = now + attempt.submit_seconds

    def _render(self, now: int) -> None:
        for number, (_, end) in list(self.rendering.items()):
            watchers = [one for one in self.workers.values() if one.leased and not one.cordoned]
            if end <= now and watchers:
                self.chance.choice(watchers).fetching[number] = now + FETCH_SECONDS
                del self.rendering[number]
                self.score.done += 1
