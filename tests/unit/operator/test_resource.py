"""The resource, and what Kubernetes says, in our words."""

import pathlib
from typing import Any

import pytest
from reelmesh.v1 import pool_pb2
from reelmesh_kit import errors
from reelmesh_operator.model import pools
from reelmesh_operator.wire import answers, cluster, resource

from scripts import crd

ROOT = pathlib.Path(__file__).parents[3]
LEAST: dict[str, Any] = {"workload": {"name": "w"}, "queue": {"provider": "fal"}}


def read(**spec: Any) -> pools.Desired:
    return resource.read({"metadata": {"name": "p", "generation": 2}, "spec": {**LEAST, **spec}})


def test_the_least_resource_has_the_defaults_of_the_model() -> None:
    workload = pools.Workload(pools.WorkloadKind.DEPLOYMENT, "w")
    assert read() == pools.Desired("p", workload, pools.Queue("fal"), generation=2)


def test_everything_can_be_said() -> None:
    asked = read(
        workload={"kind": "StatefulSet", "name": "w"},
        queue={"lanes": ["quick"]},
        minReplicas=1,
        maxReplicas=5,
        stabilization={"upSeconds": 3, "downSeconds": 4},
        pause="ScaleIn",
        dryRun=True,
        priority=7,
        capGroup={"name": "gpus", "maxReplicas": 9},
        newer="is passed over",
    )
    assert (asked.queue, asked.up_seconds, asked.down_seconds) == (pools.Queue(lanes=("quick",)), 3.0, 4.0)
    assert (asked.pause, asked.cap, asked.priority) == (pools.Pause.SCALE_IN, pools.Cap("gpus", 9), 7)


def test_what_the_schema_would_refuse_is_refused() -> None:
    with pytest.raises(errors.InvalidArgument, match=r"spec\.maxReplicas"):
        read(maxReplicas=-1)


def test_the_definition_in_the_chart_is_what_the_classes_say() -> None:
    assert (ROOT / crd.PATH).read_text() == crd.page(), "run make crd"


def test_the_schema_is_structural() -> None:
    """Refuse what an API server refuses: references, alternatives, parts without a type, defaults that are null."""

    def walk(node: Any, where: str) -> None:
        assert not {"$ref", "anyOf", "$defs", "title"} & set(node), where
        assert "type" in node, where
        assert node.get("default", "") is not None, where
        for name, part in node.get("properties", {}).items():
            walk(part, f"{where}.{name}")
        if "items" in node:
            walk(node["items"], f"{where}[]")

    (version,) = crd.definition()["spec"]["versions"]
    walk(version["schema"]["openAPIV3Schema"], "")


def test_a_status_keeps_the_time_of_what_has_not_changed() -> None:
    view = pools.View(read(), pools.Actual(1), pools.Signal(0.0, waiting=3))
    was, now = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
    ready = pools.Condition(pools.ConditionType.READY, pools.Truth.TRUE, "Reconciled")
    decision = pools.Decision(1, None, ("a",), {}, (ready,), pools.Memory())
    first = resource.status(view, decision, {}, was, was)
    assert resource.change(view, decision, first, now, "") == {}
    left = pools.Decision(1, None, (), {}, (ready,), pools.Memory())
    changed = resource.change(view, left, first, now, "")
    assert changed["draining"] is None
    assert changed["conditions"][0]["lastTransitionTime"] == was
    assert changed["lastScaleTime"] == was


def test_an_answer_is_found_by_its_queue() -> None:
    worker = pool_pb2.PoolWorker(worker_id="1", name="a", idle=True, load=0)
    lanes = [pool_pb2.LaneWork(lane="ladder", steps=3), pool_pb2.LaneWork(lane="quick", steps=2)]
    told = [
        pool_pb2.Pool(
            kind="provider", pool="fal", known=True, waiting=5, sendable=2, dispatched=1, submitting=2, watched=7
        ),
        pool_pb2.Pool(kind="media", pool="media", known=True, lanes=lanes, workers=[worker]),
    ]
    fal = answers.signal_from_proto(pools.Queue("fal"), told, 1.0)
    assert fal == pools.Signal(1.0, waiting=5, room=2, to_do=3, watched=7)
    media = answers.signal_from_proto(pools.Queue(lanes=("quick", "none")), told, 1.0)
    assert media == pools.Signal(1.0, to_do=2, workers=(pools.Worker("a", idle=True),))
    assert answers.signal_from_proto(pools.Queue("new"), told, 1.0) == pools.Signal(1.0, known=False)


DEPLOYMENT: dict[str, Any] = {
    "metadata": {"generation": 4},
    "spec": {
        "replicas": 3,
        "selector": {
            "matchLabels": {"b": "2", "a": "1"},
            "matchExpressions": [
                {"key": "c", "operator": "In", "values": ["x", "y"]},
                {"key": "d", "operator": "NotIn", "values": ["z"]},
                {"key": "e", "operator": "Exists"},
                {"key": "f", "operator": "DoesNotExist"},
            ],
        },
    },
    "status": {"observedGeneration": 4, "replicas": 3, "updatedReplicas": 3},
}


def pod(name: str, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": {"phase": "Running", **status}}


def test_a_workload_and_its_pods_are_read() -> None:
    assert cluster.selector(DEPLOYMENT) == "a=1,b=2,c in (x,y),d notin (z),e,!f"
    ready = pod("ready", conditions=[{"type": "Ready", "status": "True"}])
    ready["metadata"]["annotations"] = {"cost": "-1000"}
    going = pod("going")
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    found = cluster.actual(DEPLOYMENT, [ready, going, pod("new", phase="Pending"), pod("over", phase="Failed")], "cost")
    assert found.pods == (
        pools.Pod("ready", ready=True, deletion_cost=-1000),
        pools.Pod("going", ready=False, terminating=True),
        pools.Pod("new", ready=False, pending=True),
    )
    assert (found.replicas, found.settled) == (3, True)


@pytest.mark.parametrize(
    ("ready", "turned", "state", "faltered"),
    [
        ("False", "2026-01-01T10:00:00Z", {"running": {"startedAt": "2026-01-01T10:00:02Z"}}, False),
        ("False", "2026-01-01T10:00:02Z", {"running": {"startedAt": "2026-01-01T10:00:02Z"}}, False),
        ("False", "2026-01-01T10:05:00Z", {"running": {"startedAt": "2026-01-01T10:00:02Z"}}, True),
        ("True", "2026-01-01T10:00:05Z", {"running": {"startedAt": "2026-01-01T10:00:02Z"}}, False),
        # It died since: whoever runs there next has nothing.
        ("False", "2026-01-01T10:05:00Z", {"waiting": {"reason": "CrashLoopBackOff"}}, False),
        ("False", "2026-01-01T10:05:00Z", {"running": {"startedAt": "2026-01-01T10:06:00Z"}}, False),
    ],
)
def test_a_pod_that_was_ready_and_is_not_is_told_from_one_that_starts(
    ready: str, turned: str, state: dict[str, Any], faltered: bool
) -> None:
    conditions = [{"type": "Ready", "status": ready, "lastTransitionTime": turned}]
    one = pod("a", conditions=conditions, containerStatuses=[{"state": state}])
    assert cluster.actual(DEPLOYMENT, [one], "cost").pods[0].faltered is faltered


@pytest.mark.parametrize(
    "status",
    [
        {"observedGeneration": 3, "replicas": 3, "updatedReplicas": 3},
        {"observedGeneration": 4, "replicas": 4, "updatedReplicas": 1},
        {"observedGeneration": 4, "updateRevision": "b", "currentRevision": "a"},
        {},
    ],
)
def test_a_rollout_is_not_settled(status: dict[str, Any]) -> None:
    assert not cluster.actual({**DEPLOYMENT, "status": status}, [], "cost").settled
