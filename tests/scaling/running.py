"""Lives through a tale under one rule, and judges what came of it."""

import dataclasses
import random  # noqa: TID251 - a seed makes it the same again
from collections.abc import Callable

from tests.scaling import mesh, rules, tales

OURS, KEDA, PLAIN = "reelmesh", "KEDA's rule", "KEDA's rule, plain queue"
RULES = (OURS, KEDA, PLAIN)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of one seed of one tale under one rule."""

    tale: str
    rule: str
    seed: int
    waits: tuple[int, ...]
    worker_hours: float
    busy_kills: int
    refusals: int
    flaps: int
    done: int
    #: Most replicas that all pools of a cap had together, beyond the cap.
    above_cap: int

    @property
    def broken(self) -> list[str]:
        """What was promised and is not so, in words."""
        told = {
            "workers were killed at work": self.busy_kills,
            "submits were refused": self.refusals,
            "times it went up and down again": self.flaps,
            "workers beyond a cap": self.above_cap,
        }
        where = f"seed {self.seed} of {self.tale}"
        return [f"{where}: {number} {what}" for what, number in told.items() if number]


def live(tale: tales.Tale, rule: str, seed: int) -> Outcome:
    """Live through a tale."""
    chance = random.Random(f"{tale.name} {seed}")
    held = [
        mesh.Pool(desired, traffic, random.Random(f"{seed} {desired.name}"), gated=rule != PLAIN)
        for desired, traffic in tale.pools(chance)
    ]
    outage = _outages(tale, random.Random(f"outages {seed}"))
    judge: rules.Rule = rules.Ours(held, outage) if rule == OURS else rules.QueueLength(held)
    above = 0
    for now in range(tale.seconds):
        for pool in held:
            pool.step(now)
        judge.step(now)
        above = max(above, _above(held))
    for pool in held:
        pool.close(tale.seconds)
    scores = [pool.score for pool in held]
    return Outcome(
        tale=tale.name,
        rule=rule,
        seed=seed,
        waits=tuple(wait for score in scores for wait in score.waits),
        worker_hours=sum(score.worker_seconds for score in scores) / tales.HOUR,
        busy_kills=sum(score.busy_kills for score in scores),
        refusals=sum(score.refusals for score in scores),
        # Who makes room for somebody more urgent goes down on purpose.
        flaps=sum(pool.score.flaps for pool in held if pool.desired.cap is None),
        done=sum(score.done for score in scores),
        above_cap=above,
    )


def _outages(tale: tales.Tale, chance: random.Random) -> Callable[[int], bool]:
    spans = [(start := chance.randrange(tale.seconds), start + chance.randint(10, 400)) for _ in range(tale.outages)]
    return lambda now: any(start <= now < end for start, end in spans)


def _above(held: list[mesh.Pool]) -> int:
    caps = [pool.desired.cap.max_replicas for pool in held if pool.desired.cap is not None]
    used = sum(len(pool.workers) + len(pool.going) for pool in held if pool.desired.cap is not None)
    return max(used - min(caps), 0) if caps else 0
