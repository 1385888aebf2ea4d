"""Rounds on fakes: what is asked, in which order it is acted, and what happens when somebody does not answer."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import prometheus_client
import pytest
from reelmesh_kit import clock, errors
from reelmesh_operator import metrics, ports, usecases
from reelmesh_operator.model import pools, series, shrinking
from reelmesh_operator.wire import resource

LOGGER = logging.getLogger("test")
DOWN = errors.Unavailable("down")


def body(name: str = "fal", **spec: Any) -> dict[str, Any]:
    asked = {"workload": {"name": f"provider-{name}"}, "queue": {"provider": name}, **spec}
    return {"metadata": {"name": name, "uid": f"uid of {name}", "generation": 3}, "spec": asked}


class Orchestrator:
    """Answers what it is told to."""

    def __init__(self) -> None:
        self.answers: dict[str, pools.Signal] = {}
        self.down = False
        self.cordons: list[tuple[str, list[str]]] = []

    async def signals(self, queues: Sequence[pools.Queue], asked_at: float) -> Mapping[pools.Queue, pools.Signal]:
        if self.down:
            raise DOWN
        empty = pools.Signal(asked_at)
        return {
            queue: pools.Signal(
                asked_at,
                to_do=(told := self.answers.get(str(queue), empty)).to_do,
                watched=told.watched,
                workers=told.workers,
            )
            for queue in queues
        }

    async def cordon(self, queue: pools.Queue, names: Sequence[str], hold_seconds: float) -> None:
        if self.down:
            raise DOWN
        assert hold_seconds == usecases.CORDON_SECONDS
        self.cordons.append((str(queue), list(names)))


class Cluster:
    """Keeps what is written, as Kubernetes would."""

    def __init__(self, *bodies: dict[str, Any]) -> None:
        self.bodies = list(bodies)
        self.workloads: dict[str, pools.Actual] = {}
        self.down: set[str] = set()
        self.deeds: list[str] = []
        self.notes: dict[str, tuple[str, str, int]] = {}

    def _do(self, what: str, words: str) -> None:
        if what in self.down:
            raise DOWN
        self.deeds.append(words)

    async def resources(self) -> Sequence[Mapping[str, Any]]:
        if "list" in self.down:
            raise DOWN
        return self.bodies

    async def actual(self, workload: pools.Workload) -> pools.Actual:
        if "read" in self.down:
            raise DOWN
        if workload.name not in self.workloads:
            raise errors.NotFound("no such workload")
        return self.workloads[workload.name]

    async def scale(self, workload: pools.Workload, replicas: int) -> None:
        self._do("scale", f"{workload.name} has {replicas}")
        self.workloads[workload.name] = pools.Actual(replicas, self.workloads[workload.name].pods)

    async def set_cost(self, pod: str, cost: int) -> None:
        self._do("cost", f"{pod} costs {cost}")

    async def note(self, what: ports.Note) -> None:
        if "event" in self.down:
            raise DOWN
        assert what.name not in self.notes
        self.notes[what.name] = (what.happened.reason, what.happened.note, 1)

    async def note_again(self, name: str, count: int, at: str) -> None:
        if "event" in self.down:
            raise DOWN
        reason, note, _ = self.notes[name]
        self.notes[name] = (reason, note, count)

    def reasons(self) -> list[str]:
        return [reason for reason, _, _ in self.notes.values()]

    async def tell(self, pool: str, status: Mapping[str, Any]) -> None:
        if "status" in self.down:
            raise DOWN
        (found,) = [one for one in self.bodies if one["metadata"]["name"] == pool]
        kept = {**found.get("status", {}), **status}
        found["status"] = {key: value for key, value in kept.items() if value is not None}
        self.deeds.append(f"{pool} is told")


class Scene:
    def __init__(self, *bodies: dict[str, Any]) -> None:
        self.clock = clock.ManualClock()
        self.orchestrator, self.cluster = Orchestrator(), Cluster(*bodies)
        self.registry = prometheus_client.CollectorRegistry()
        shown = metrics.Metrics(self.registry)
        reporter = usecases.Reporter(self.cluster, shown, self.clock, LOGGER)
        self.rounds = usecases.Rounds(
            self.orchestrator, self.cluster, shown, self.clock, LOGGER, resource.change, reporter
        )
        self.wake = asyncio.Event()
        self.keeping = usecases.Keeping(self.rounds, self.cluster, self.clock, LOGGER, resource.read, self.wake)

    async def once(self, seconds: float = 2.0) -> list[str]:
        """Let a round pass; return what was done."""
        self.cluster.deeds.clear()
        await self.keeping.once()
        await self.clock.sleep(seconds)
        return list(self.cluster.deeds)

    def condition(self, type_: str, number: int = 0) -> tuple[str, str]:
        told = {one["type"]: one for one in self.cluster.bodies[number]["status"]["conditions"]}
        return told[type_]["status"], told[type_]["reason"]

    def failures(self, what: str) -> float:
        return self.registry.get_sample_value("operator_failures_total", {"what": what}) or 0.0


def scene_at_work(**spec: Any) -> Scene:
    """Return a pool of two ready workers, of which one is idle."""
    scene = Scene(body(cooldownSeconds=0, stabilization={"downSeconds": 0}, **spec))
    pods = (pools.Pod("a", ready=True), pools.Pod("b", ready=True))
    scene.cluster.workloads["provider-fal"] = pools.Actual(2, pods)
    workers = (pools.Worker("a", idle=False, load=1), pools.Worker("b", idle=True))
    scene.orchestrator.answers["fal"] = pools.Signal(0.0, to_do=1, workers=workers)
    return scene


async def test_work_makes_workers_at_once_and_the_status_says_so() -> None:
    scene = Scene(body())
    scene.cluster.workloads["provider-fal"] = pools.Actual(0)
    scene.orchestrator.answers["fal"] = pools.Signal(0.0, to_do=9)
    assert await scene.once() == ["provider-fal has 3", "fal is told"]
    status = scene.cluster.bodies[0]["status"]
    assert (status["desiredReplicas"], status["inFlight"], status["observedGeneration"]) == (3, 9, 3)
    assert "lastScaleTime" in status
    assert scene.condition("Ready") == ("True", "Reconciled")
    assert await scene.once() == ["fal is told"], "it has as many as it shall have now"
    assert await scene.once() == [], "what is the same is not written again"


async def test_a_worker_goes_in_four_steps() -> None:
    scene = scene_at_work()
    assert await scene.once() == ["fal is told"]
    assert scene.orchestrator.cordons == [("fal", ["b"])], "the idle one takes nothing new"
    assert scene.cluster.bodies[0]["status"]["draining"] == ["b"]
    drained = pools.Worker("b", idle=True, drained=True, cordoned=True)
    scene.orchestrator.answers["fal"] = pools.Signal(0.0, to_do=1, workers=(pools.Worker("a", idle=False), drained))
    assert await scene.once() == [f"b costs {shrinking.DRAINED_COST}"]
    pods = (pools.Pod("a", ready=True), pools.Pod("b", ready=True, deletion_cost=shrinking.DRAINED_COST))
    scene.cluster.workloads["provider-fal"] = pools.Actual(2, pods)
    assert await scene.once() == ["provider-fal has 1", "fal is told"]
    scene.cluster.workloads["provider-fal"] = pools.Actual(1, pods[:1])
    await scene.once()
    assert scene.orchestrator.cordons[-1] == ("fal", []), "its name is free again"
    assert "draining" not in scene.cluster.bodies[0]["status"]


async def test_a_cordon_is_said_again_while_it_shall_hold_and_let_go_with_its_pool() -> None:
    scene = scene_at_work()
    for _ in range(10):
        await scene.once()
    assert scene.orchestrator.cordons == [("fal", ["b"])] * 2
    scene.cluster.bodies.clear()
    await scene.once()
    assert scene.orchestrator.cordons[-1] == ("fal", [])


async def test_a_cordon_that_could_not_be_said_is_said_with_the_next_round() -> None:
    scene = scene_at_work()
    await scene.once()
    said = list(scene.orchestrator.cordons)
    scene.orchestrator.down = True
    assert await scene.once(20.0) == [], "a signal that is a moment old is still good"
    assert scene.failures("signals") == 1
    await scene.once()
    assert scene.condition("SignalHealthy") == ("False", "SignalStale")
    assert scene.condition("Ready") == ("False", "SignalStale")
    assert scene.orchestrator.cordons == said
    scene.orchestrator.down = False
    await scene.once()
    assert scene.condition("SignalHealthy") == ("True", "Fresh")
    assert scene.orchestrator.cordons[-1] == ("fal", ["b"])


async def test_pools_of_one_queue_cordon_together() -> None:
    scene = scene_at_work()
    second = body("second", cooldownSeconds=0, stabilization={"downSeconds": 0})
    second["spec"]["queue"] = {"provider": "fal"}
    scene.cluster.bodies.append(second)
    scene.cluster.workloads["provider-second"] = pools.Actual(2, (pools.Pod("c", True), pools.Pod("d", True)))
    workers = tuple(pools.Worker(name, idle=True) for name in "abcd")
    scene.orchestrator.answers["fal"] = pools.Signal(0.0, to_do=1, workers=workers)
    await scene.once()
    assert scene.orchestrator.cordons == [("fal", ["a", "c"])]


@pytest.mark.parametrize("what", ["scale", "cost", "status"])
async def test_what_could_not_be_written_is_decided_anew(what: str) -> None:
    scene = scene_at_work()
    drained = pools.Worker("b", idle=True, drained=True, cordoned=True)
    scene.orchestrator.answers["fal"] = pools.Signal(0.0, to_do=1 if what == "cost" else 9, workers=(drained,))
    scene.cluster.down.add(what)
    first = await scene.once()
    assert scene.failures(what) == 1
    scene.cluster.down.clear()
    assert set(await scene.once()) - set(first)


async def test_a_workload_that_is_not_there_or_cannot_be_read_is_told() -> None:
    scene = Scene(body())
    await scene.once()
    assert scene.condition("Ready") == ("False", "WorkloadMissing")
    scene.cluster.down.add("read")
    await scene.once()
    assert scene.condition("Ready") == ("False", "WorkloadUnreadable")
    assert scene.failures("read") == 1


async def test_two_pools_of_one_workload_are_not_both_obeyed() -> None:
    twin = body("twin")
    twin["spec"]["workload"] = {"name": "provider-fal"}
    scene = Scene(body(), twin)
    scene.cluster.workloads["provider-fal"] = pools.Actual(0)
    scene.orchestrator.answers["fal"] = pools.Signal(0.0, to_do=4)
    assert "provider-fal has 1" in await scene.once()
    assert scene.condition("Ready", 1) == ("False", "WorkloadTaken")


async def test_a_rehearsal_does_nothing_but_tell() -> None:
    scene = scene_at_work(dryRun=True)
    assert await scene.once() == ["fal is told"]
    assert scene.cluster.bodies[0]["status"]["desiredReplicas"] == 1
    assert scene.orchestrator.cordons == []


async def test_who_was_cordoned_works_again_when_a_pool_only_rehearses() -> None:
    scene = scene_at_work()
    await scene.once()
    assert scene.orchestrator.cordons == [("fal", ["b"])]
    scene.cluster.bodies[0]["spec"]["dryRun"] = True
    await scene.once()
    assert scene.orchestrator.cordons[1:] == [("fal", [])]
    assert "draining" not in scene.cluster.bodies[0]["status"]


async def test_the_loop_is_woken_and_is_not_ready_when_nothing_can_be_looked_at() -> None:
    scene = Scene(body(pollingSeconds=5, staleSeconds=15), {"metadata": {"name": "broken"}, "spec": {}})
    assert await scene.keeping.once() == 5.0, "what cannot be read is passed over"
    await scene.keeping.check()
    scene.cluster.down.add("list")
    await scene.clock.sleep(usecases.ROUND_PATIENCE_SECONDS + 1)
    assert await scene.keeping.once() == usecases.IDLE_PAUSE_SECONDS
    with pytest.raises(errors.Unavailable, match="Kubernetes"):
        await scene.keeping.check()


async def test_what_happens_to_a_pool_is_kept_once_with_its_reason() -> None:
    scene = Scene(body(maxReplicas=2, cooldownSeconds=0, stabilization={"downSeconds": 0}))
    scene.cluster.workloads["provider-fal"] = pools.Actual(0)
    scene.orchestrator.answers["fal"] = pools.Signal(0.0, to_do=9)
    for _ in range(3):
        await scene.once()
    limited = "3 workers are needed, maxReplicas is 2"
    assert list(scene.cluster.notes.values()) == [
        ("Limited", limited, 1),
        ("ScaledUp", f"From 0 to 2 workers: The work needs 3 workers; {limited}", 1),
    ]
    scene.cluster.bodies[0]["spec"]["pause"] = "All"
    await scene.once()
    scene.cluster.bodies[0]["spec"]["pause"] = "None"
    scene.orchestrator.answers["fal"] = pools.Signal(0.0)
    await scene.once()
    assert scene.cluster.reasons()[2:] == ["Paused", "Resumed", "ScaledDown"]


async def test_the_log_says_how_old_a_signal_was_when_it_was_acted_upon(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scene = Scene(body())
    scene.cluster.workloads["provider-fal"] = pools.Actual(0)
    scene.orchestrator.answers["fal"] = pools.Signal(0.0, to_do=1)
    scene.cluster.down.add("read")
    await scene.once(3.0)
    scene.cluster.down.clear()
    scene.orchestrator.down = True
    await scene.once()
    (said,) = [record for record in caplog.records if record.message.startswith("Scaled")]
    assert vars(said)["signal_age_seconds"] == 3.0


async def test_a_signal_that_is_lost_and_comes_back_is_told_once_each() -> None:
    scene = Scene(body())
    scene.cluster.workloads["provider-fal"] = pools.Actual(0)
    await scene.once(20.0)
    scene.orchestrator.down = True
    for _ in range(3):
        await scene.once()
    scene.orchestrator.down = False
    await scene.once()
    assert scene.cluster.reasons() == ["SignalLost", "SignalBack"]


async def test_a_new_operator_does_not_say_again_what_the_old_one_said() -> None:
    scene = Scene(body(pause="All"))
    scene.cluster.workloads["provider-fal"] = pools.Actual(0)
    await scene.once()
    fresh = Scene(scene.cluster.bodies[0])
    fresh.cluster.workloads["provider-fal"] = pools.Actual(0)
    await fresh.once()
    assert (scene.cluster.reasons(), fresh.cluster.reasons()) == (["Paused"], [])


async def test_a_pool_that_flaps_is_counted() -> None:
    scene = Scene(body())
    scene.cluster.workloads["provider-fal"] = pools.Actual(0)
    for number in range(100):
        scene.cluster.bodies[0]["spec"]["pause"] = "None" if number % 2 else "All"
        await scene.once(5.0)
    scene.cluster.bodies[0]["spec"]["pause"] = "None"
    await scene.once(series.COUNT_AGAIN_SECONDS)
    await scene.once()
    assert [(reason, count) for reason, _, count in scene.cluster.notes.values()] == [("Paused", 50), ("Resumed", 50)]
    await scene.once(series.WINDOW_SECONDS + 1)
    scene.cluster.bodies[0]["spec"]["pause"] = "All"
    await scene.once()
    assert scene.cluster.reasons() == ["Paused", "Resumed", "Paused"], "that is another time"


async def test_many_different_words_of_one_kind_are_counted_too() -> None:
    scene = Scene(body(cooldownSeconds=0, stabilization={"downSeconds": 0}, maxReplicas=100))
    for number in range(1, 21):
        scene.cluster.workloads["provider-fal"] = pools.Actual(0)
        scene.orchestrator.answers["fal"] = pools.Signal(0.0, to_do=4 * number)
        await scene.once(1.0)
    await scene.once(series.COUNT_AGAIN_SECONDS)
    await scene.once()
    counts = [count for reason, _, count in scene.cluster.notes.values() if reason == "ScaledUp"]
    assert counts == [1] * (series.TOLD_MOST - 1) + [20 - series.TOLD_MOST + 1]


async def test_an_event_that_cannot_be_kept_stops_nobody_and_is_counted() -> None:
    scene = Scene(body())
    scene.cluster.workloads["provider-fal"] = pools.Actual(0)
    scene.orchestrator.answers["fal"] = pools.Signal(0.0, to_do=9)
    scene.cluster.down.add("event")
    assert await scene.once() == ["provider-fal has 3", "fal is told"]
    assert scene.failures("event") == 1


async def test_a_workload_that_is_missing_is_a_warning() -> None:
    scene = Scene(body())
    await scene.once()
    assert scene.cluster.reasons() == ["WorkloadMissing"]


async def test_who_is_cordoned_and_drained_by_nobody_is_seen() -> None:
    scene = scene_at_work()
    workers = (pools.Worker("a", idle=False, cordoned=True, load=1), pools.Worker("stranger", True, cordoned=True))
    scene.orchestrator.answers["fal"] = pools.Signal(0.0, to_do=8, workers=workers)
    await scene.once()
    numbers = {
        which: scene.registry.get_sample_value("operator_pool_workers", {"pool": "fal", "which": which})
        for which in ("cordoned", "draining")
    }
    assert numbers == {"cordoned": 1.0, "draining": 0.0}
