"""How a worker pool stands, in words."""

from typing import Any

import pytest
from reelmesh.v1 import pool_pb2
from reelmesh_client.commands import standing

from tests.unit.client import test_pooling

NO_WORK = {"conditions": [("Active", "False", "NoWork", "")], "waiting": 0, "inFlight": 0}
HELD = ("Ready", "False", "SignalStale", "The last answer is older than 15 s")


@pytest.mark.parametrize(
    ("spec", "status", "said"),
    [
        ({}, {}, ["well"]),
        ({}, {"conditions": [HELD]}, ["not ready: The last answer is older than 15 s"]),
        ({"pause": "All"}, {}, ["paused: it stays at 5 workers"]),
        ({"pause": "All"}, {"replicas": 1}, ["paused: it stays at 1 worker"]),
        ({"pause": "ScaleIn"}, {}, ["paused: it grows, and does not shrink"]),
        (
            {"pause": "ScaleOut", "dryRun": True},
            {"conditions": [test_pooling.LIMITED]},
            [
                "paused: it shrinks, and does not grow",
                "rehearses: decisions are told, and not carried out",
                "limited: 20 workers are needed, maxReplicas is 5",
            ],
        ),
        ({}, {"draining": ["a"], "desiredReplicas": 4}, ["shrinking: 1 worker end what they have, then go"]),
        ({}, {"desiredReplicas": 4}, ["shrinking: to 4 workers"]),
        ({}, {"readyReplicas": 2}, ["growing: 2 of 5 workers are ready"]),
        ({}, {**NO_WORK}, ["well: no work; the last goes after 300 s without any"]),
        ({"minReplicas": 5}, {**NO_WORK}, ["well: no work; 5 workers stay always"]),
        ({}, {**NO_WORK, "replicas": 0, "readyReplicas": 0, "desiredReplicas": 0}, ["well: no work, so nobody"]),
        (
            {},
            {"conditions": [("Active", "True", "ProviderUnknown", "")]},
            ["well: one worker is to tell what the provider can do"],
        ),
        (
            {},
            {"observedGeneration": 0},
            ["not looked after: the operator has not seen its latest change: does it run?"],
        ),
    ],
)
def test_a_pool_stands_as_its_conditions_say(spec: dict[str, Any], status: dict[str, Any], said: list[str]) -> None:
    assert [str(one) for one in standing.standings(test_pooling.resource(spec=spec, **status))] == said


def test_a_pool_that_nobody_has_seen_or_that_goes() -> None:
    resource = test_pooling.resource()
    resource["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    assert str(standing.standings(resource)[0]) == "going: it is being deleted"
    fresh = {"metadata": {"name": "veo", "generation": 1}, "spec": {"queue": {"lanes": ["quick", "ladder"]}}}
    assert "no operator has seen it" in str(standing.standings(fresh)[0])
    assert (standing.numbers(fresh), standing.work(fresh, None)) == ("?", "?")
    assert standing.queue(fresh) == "media: quick, ladder"


def test_work_of_media_is_told_lane_by_lane() -> None:
    lane = pool_pb2.LaneWork
    pool = pool_pb2.Pool(kind="media", pool="media", lanes=[lane(lane="ladder", steps=2), lane(lane="quick")])
    resource = test_pooling.resource(spec={"queue": {"lanes": ["ladder"]}})
    assert standing.among(resource, [test_pooling.pool(), pool]) == pool
    assert standing.work(resource, pool) == "2 at work"
    assert standing.work_in_full(resource, pool) == ["2 steps in the lane ladder"]


def test_a_shared_cap_is_told_with_its_priority() -> None:
    resource = test_pooling.resource(spec={"capGroup": {"name": "egress", "maxReplicas": 30}, "priority": 10})
    assert standing.limits(resource) == "0 to 5 workers, 30 together with the others of egress, priority 10"
