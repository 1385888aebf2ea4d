"""Many seeds: spread over processes, summed up, and the first failure made small."""

import concurrent.futures
import dataclasses
import functools
import gc
import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence

from tests.simulation import history, plan, planted, services, shrinking, world

# Seeds that one process is given at a time.
CHUNK = 5


@dataclasses.dataclass(frozen=True)
class Summary:
    """What is kept of a run."""

    seed: int
    digest: str
    violations: tuple[history.Violation, ...]
    faults: Counter[str]
    events: Counter[str]
    wishes: int
    submits: int
    jobs: int
    virtual_seconds: float


@dataclasses.dataclass
class Total:
    """Many runs together."""

    seeds: int = 0
    wishes: int = 0
    submits: int = 0
    jobs: int = 0
    virtual_seconds: float = 0.0
    faults: Counter[str] = dataclasses.field(default_factory=Counter[str])
    events: Counter[str] = dataclasses.field(default_factory=Counter[str])
    failures: list[Summary] = dataclasses.field(default_factory=list[Summary])

    def add(self, one: Summary) -> None:
        """Count a run."""
        self.seeds += 1
        self.wishes += one.wishes
        self.submits += one.submits
        self.jobs += one.jobs
        self.virtual_seconds += one.virtual_seconds
        self.faults += one.faults
        self.events += one.events
        if one.violations:
            self.failures.append(one)


@functools.cache
def _warm() -> None:
    """Make what all runs share, and keep the collector from looking at it again and again."""
    world.lived(plan.drawn(0))
    gc.collect()
    gc.freeze()


def lived(seed: int, bug: str = "") -> Summary:
    """Live through a seed, as shipped or with a planted bug."""
    _warm()
    came = world.lived(plan.drawn(seed), wiring(bug))
    gc.collect()
    return Summary(
        seed=seed,
        digest=came.digest,
        violations=came.violations,
        faults=came.faults,
        events=came.events,
        wishes=len(came.plan.wanted),
        submits=came.submits,
        jobs=came.jobs,
        virtual_seconds=came.virtual_seconds,
    )


def wiring(bug: str) -> services.Wiring:
    """Return how the mesh is composed: "" is as shipped."""
    return planted.BUGS[bug] if bug else services.Wiring()


def many(seeds: Sequence[int], processes: int, bug: str = "") -> Iterator[Summary]:
    """Live through seeds side by side; yield them in the order of the seeds."""
    if processes == 1:
        yield from (lived(seed, bug) for seed in seeds)
        return
    # A process that was forked would share what the parent has open.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(processes, mp_context=context) as pool:
        try:
            yield from pool.map(functools.partial(lived, bug=bug), seeds, chunksize=CHUNK)
        finally:
            pool.shutdown(cancel_futures=True)


def found(bug: str, seeds: Sequence[int], processes: int) -> Summary | None:
    """Return the first seed that finds a planted bug."""
    for start in range(0, len(seeds), processes * CHUNK):
        for one in many(seeds[start : start + processes * CHUNK], processes, bug):
            if one.violations:
                return one
    return None


def smallest(failing: plan.Plan, bug: str = "") -> plan.Plan:
    """Return the smallest plan that breaks the same rule as a failing one."""
    rule = world.lived(failing, wiring(bug)).violations[0].rule

    def fails(one: plan.Plan) -> bool:
        return any(violation.rule == rule for violation in world.lived(one, wiring(bug)).violations)

    return shrinking.shrunk(failing, fails)
