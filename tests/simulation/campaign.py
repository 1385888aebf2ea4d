"""Many seeds: spread over processes, summed up, and the first failure made small."""

import collections
import concurrent.futures
import contextlib
import dataclasses
import functools
import gc
import multiprocessing
from collections import Counter
from collections.abc import Generator, Sequence
from typing import Self

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


class Crew:
    """Processes that live through seeds side by side, made once: to start one takes as long as some seeds."""

    def __init__(self, processes: int) -> None:
        """Take so many processes; 1 is this one."""
        # A process that was forked would share what the parent has open.
        context = multiprocessing.get_context("spawn")
        self._pool = concurrent.futures.ProcessPoolExecutor(processes, mp_context=context) if processes > 1 else None
        self._most_under_way = 2 * processes

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes, whatever they are at."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def many(self, seeds: Sequence[int], bug: str = "", at_a_time: int = CHUNK) -> Generator[Summary]:
        """Live through seeds; yield them in their order. Who stops asking has the rest left out."""
        if self._pool is None:
            yield from (lived(seed, bug) for seed in seeds)
            return
        chunks = (seeds[start : start + at_a_time] for start in range(0, len(seeds), at_a_time))
        under_way: collections.deque[concurrent.futures.Future[list[Summary]]] = collections.deque()
        try:
            for chunk in chunks:
                under_way.append(self._pool.submit(_lived_all, chunk, bug))
                if len(under_way) > self._most_under_way:
                    yield from under_way.popleft().result()
            while under_way:
                yield from under_way.popleft().result()
        finally:
            for each in under_way:
                each.cancel()

    def found(self, bug: str, seeds: Sequence[int]) -> Summary | None:
        """Return the first seed that finds a planted bug."""
        # One by one: what is under way when it is found is lived through for nothing.
        with contextlib.closing(self.many(seeds, bug, at_a_time=1)) as lives:
            return next((one for one in lives if one.violations), None)


def _lived_all(seeds: Sequence[int], bug: str) -> list[Summary]:
    return [lived(seed, bug) for seed in seeds]


def smallest(failing: plan.Plan, bug: str = "") -> plan.Plan:
    """Return the smallest plan that breaks the same rule as a failing one."""
    rule = world.lived(failing, wiring(bug)).violations[0].rule

    def fails(one: plan.Plan) -> bool:
        return any(violation.rule == rule for violation in world.lived(one, wiring(bug)).violations)

    return shrinking.shrunk(failing, fails)
