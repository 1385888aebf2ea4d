"""What the controller promises, in any life on a virtual clock; and each promise is seen broken by a planted bug."""

import dataclasses
import random  # noqa: TID251 - a seed makes it the same again
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reelmesh_operator.model import demand, pools, reconciling, sharing, shrinking, stabilizing, telling

from tests.scaling import mesh, rules, tales

SECONDS = 300
QUICK = {"down_seconds": 20.0, "cooldown_seconds": 40.0, "work_per_worker": 2, "max_replicas": 8}
SEEDS = st.integers(0, 10**9)


def pool(name: str, **wishes: object) -> pools.Desired:
    return tales.pool(name, **{**QUICK, **wishes})


def traffic(chance: random.Random) -> mesh.Traffic:
    """Return bursts and lulls, slots that come and go."""
    bursts = {chance.randrange(SECONDS): chance.randint(1, 30) for _ in range(6)}
    slots = [chance.choice([0, 3, 10, 40]) for _ in range(SECONDS // 50 + 1)]
    return mesh.Traffic(
        lambda now: bursts.get(now, 0),
        lambda now: slots[min(now // 50, len(slots) - 1)],
        submit_seconds=(1, 40),
        render_seconds=(1, 60),
    )


class Life:
    """Two pools that share a cap, and one alone, with everything that may happen to them."""

    CAP = 6

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        cap = pools.Cap("shared", self.CAP)
        wanted = [pool("a", cap=cap, priority=1), pool("b", cap=cap), pool("c")]
        self.pools = [mesh.Pool(one, traffic(self.chance), self.chance) for one in wanted]
        spans = [(at := self.chance.randrange(SECONDS), at + self.chance.randint(1, 60)) for _ in range(2)]
        self.rule = rules.Ours(self.pools, lambda now: any(start <= now < end for start, end in spans))

    def run(self) -> None:
        """Live, and check after each second."""
        for now in range(SECONDS):
            for one in self.pools:
                one.step(now)
                assert one.score.busy_kills == 0, f"{one.desired.name} lost work at {now} s"
                self._stumble(one, now)
            self._happen()
            before = {one.desired.name: one.replicas for one in self.pools}
            self.rule.step(now)
            for one in self.pools:
                limit = max(before[one.desired.name], one.desired.max_replicas)
                assert one.replicas <= limit, f"{one.desired.name} has more than maxReplicas"
            used = sum(one.actual(now).used for one in self.pools if one.desired.cap)
            assert used <= self.CAP, f"{used} workers share a cap of {self.CAP} at {now} s"
            assert self.pools[2].score.flaps == 0, f"up and down within the window at {now} s"

    def _stumble(self, one: mesh.Pool, now: int) -> None:
        """Let a Pod fail its probe for a while, or its worker lose its lease."""
        if one.workers and self.chance.random() < 0.05:
            self.chance.choice(list(one.workers.values())).unready_until = now + self.chance.randint(1, 9)
        if one.workers and self.chance.random() < 0.02:
            one.lapse(self.chance.choice(list(one.workers.values())), now)

    def _happen(self) -> None:
        """Let somebody edit a resource, or the operator be restarted."""
        if self.chance.random() < 0.01:
            self.rule.restart()
        if self.chance.random() < 0.01:
            one = self.chance.choice(self.pools[:2])
            wishes = {"pause": self.chance.choice(list(pools.Pause)), "max_replicas": self.chance.randint(0, 8)}
            one.desired = dataclasses.replace(one.desired, **wishes)


def live_many(seeds: int) -> None:
    for seed in range(seeds):
        Life(seed).run()


@settings(max_examples=60)
@given(SEEDS)
@example(295)  # who is to go becomes ready again, and who is missed does not
@example(369)  # who was drained is let go, and the orchestrator does not answer
def test_whatever_happens_no_work_is_killed_no_cap_passed_and_nothing_flaps(seed: int) -> None:
    Life(seed).run()


workers = st.builds(
    pools.Worker,
    name=st.sampled_from([f"w-{number}" for number in range(6)]),
    idle=st.booleans(),
    drained=st.booleans(),
    cordoned=st.booleans(),
    load=st.integers(0, 3),
)
signals = st.builds(
    pools.Signal,
    asked_at=st.just(100.0),
    known=st.booleans(),
    waiting=st.integers(0, 50),
    room=st.integers(0, 50),
    to_do=st.integers(0, 50),
    watched=st.integers(0, 900),
    workers=st.lists(workers, max_size=6, unique_by=lambda one: one.name).map(tuple),
)
pods = st.builds(
    pools.Pod,
    name=st.sampled_from([f"w-{number}" for number in range(6)]),
    ready=st.booleans(),
    pending=st.booleans(),
    terminating=st.booleans(),
    deletion_cost=st.sampled_from([0, shrinking.DRAINED_COST, 7]),
    faltered=st.booleans(),
)
actuals = st.builds(
    pools.Actual,
    replicas=st.integers(0, 12),
    pods=st.lists(pods, max_size=6, unique_by=lambda one: one.name).map(tuple),
    settled=st.booleans(),
)
desireds = st.builds(
    pool,
    st.just("a"),
    min_replicas=st.integers(0, 3),
    max_replicas=st.integers(3, 12),
    pause=st.sampled_from(pools.Pause),
    cap=st.sampled_from([None, pools.Cap("g", 5)]),
    priority=st.integers(-1, 1),
    dry_run=st.booleans(),
    workload=st.sampled_from([pools.Workload(kind, "w") for kind in pools.WorkloadKind]),
)
memories = st.sampled_from(
    [
        pools.Memory(),
        pools.Memory(0.0, 0.0, ((90.0, 2),), ((90.0, 2),), 3),
        pools.Memory(0.0, 95.0, ((90.0, 7),), (), 3),
    ]
)
views = st.builds(pools.View, desired=desireds, actual=actuals, signal=signals, memory=memories)
OTHER = pools.View(pool("b", cap=pools.Cap("g", 5)), pools.Actual(2), pools.Signal(100.0, to_do=9))


def decide(*seen: pools.View, now: float = 101.0) -> pools.Decision:
    return reconciling.reconcile(seen, now)["a"]


@settings(max_examples=200)
@given(views, st.integers(0, 30), st.integers(0, 300), st.integers(0, 30), st.integers(0, 30))
def test_more_work_never_means_fewer_workers(
    view: pools.View, more: int, watched: int, waiting: int, room: int
) -> None:
    check_monotone(view, more, watched, waiting, room)


def check_monotone(view: pools.View, more: int, watched: int, waiting: int, room: int) -> None:
    assert view.signal is not None
    grown = dataclasses.replace(
        view.signal,
        to_do=view.signal.to_do + more,
        watched=view.signal.watched + watched,
        waiting=view.signal.waiting + waiting,
        room=view.signal.room + room,
    )
    busier = dataclasses.replace(view, signal=grown)
    assert (decide(busier, OTHER).target or 0) >= (decide(view, OTHER).target or 0)


@settings(max_examples=100)
@given(views, st.sampled_from(["silent", "stale", "unreadable", "missing"]))
def test_who_does_not_know_changes_nothing(view: pools.View, what: str) -> None:
    check_errors_hold(view, what)


def check_errors_hold(view: pools.View, what: str) -> None:
    changes: dict[str, dict[str, object]] = {
        "silent": {"signal": None, "trouble": "UNAVAILABLE"},
        "stale": {},
        "unreadable": {"actual": None},
        "missing": {"actual": None, "missing": True},
    }
    view = dataclasses.replace(view, **changes[what])  # type: ignore[arg-type]
    decision = decide(view, now=100.0 + view.desired.stale_seconds + 0.1 if what == "stale" else 101.0)
    assert (decision.replicas, decision.cordon, dict(decision.costs)) == (None, None, {})
    told = {one.type: one for one in decision.conditions}
    assert told[pools.ConditionType.READY].truth is pools.Truth.FALSE
    healthy = pools.Truth.FALSE if what in ("silent", "stale") else pools.Truth.TRUE
    assert told[pools.ConditionType.SIGNAL_HEALTHY].truth is healthy


@settings(max_examples=200)
@given(views)
def test_only_those_go_that_nobody_misses_and_only_as_marked(view: pools.View) -> None:
    decision = decide(view)
    assert decision == decide(view), "the same comes to the same"
    assert view.actual is not None
    assert view.signal is not None
    if view.desired.dry_run:
        assert (decision.replicas, decision.cordon, dict(decision.costs)) == (None, (), {})
    if decision.replicas is None or decision.replicas >= view.actual.replicas:
        return
    known = {one.name: one for one in view.signal.workers}
    live = view.actual.live
    gone = max(len(live) - decision.replicas, 0)
    stateful = view.desired.workload.kind is pools.WorkloadKind.STATEFUL_SET
    order = sorted(
        live, key=lambda one: (-one.ordinal,) if stateful else (not one.pending, one.ready, one.deletion_cost)
    )
    for one in order[:gone]:
        worker = known.get(one.name)
        assert not one.ready if worker is None else worker.drained
        assert one.name not in decision.costs, "a mark takes a while to be seen by who deletes"


def test_who_is_marked_goes_before_others_that_may_go_too() -> None:
    pods = [pools.Pod("a", ready=True), pools.Pod("b", ready=True, deletion_cost=shrinking.DRAINED_COST)]
    workers = {name: pools.Worker(name, idle=True, drained=True, cordoned=True) for name in "ab"}
    done = shrinking.shrink(pools.WorkloadKind.DEPLOYMENT, pools.Actual(2, tuple(pods)), workers, 1)
    assert (done.cordon, dict(done.costs), done.replicas) == (("b",), {}, 1)


# --- each promise is worth something: a bug breaks it


def break_drain(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(shrinking, "dispensable", lambda pod, worker: worker is None or worker.idle)


def break_marks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(shrinking, "_going_first", lambda kind, live, workers: len(live))


def break_cap(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        sharing, "share", lambda cap, claims: {one.name: sharing.Share(one.wanted, one.wanted) for one in claims}
    )


def break_way(patch: pytest.MonkeyPatch) -> None:
    """Allot the cap well, and let pools grow before the others have shrunk."""
    right = sharing.share

    def wrong(cap: int, claims: list[sharing.Claim]) -> dict[str, sharing.Share]:
        return {name: sharing.Share(one.allotted, one.allotted) for name, one in right(cap, claims).items()}

    patch.setattr(sharing, "share", wrong)


def break_window(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(stabilizing, "stabilized", lambda memory, needed, current, desired, now: needed)


def break_limit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reconciling, "_unless_paused", lambda wanted, current, pause: wanted + 3)


def break_gap(patch: pytest.MonkeyPatch) -> None:
    """Decide with what was said long ago."""
    patch.setattr(telling, "held", lambda view, now: telling.Held())


LIVES: list[Callable[[pytest.MonkeyPatch], None]] = [
    break_drain,
    break_marks,
    break_cap,
    break_way,
    break_window,
    break_limit,
]


@pytest.mark.parametrize("plant", LIVES)
def test_a_life_shows_a_planted_bug(plant: Callable[[pytest.MonkeyPatch], None], monkeypatch) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        live_many(200)


def test_an_upside_down_demand_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demand, "needed", lambda signal, desired: max(9 - signal.to_do, 0))
    view = pools.View(pool("a"), pools.Actual(0), pools.Signal(100.0))
    with pytest.raises(AssertionError):
        check_monotone(view, 5, 0, 0, 0)


def test_decisions_without_knowledge_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    break_gap(monkeypatch)
    with pytest.raises(AssertionError):
        check_errors_hold(pools.View(pool("a"), pools.Actual(0), pools.Signal(100.0, to_do=9)), "stale")
