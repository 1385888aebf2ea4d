"""Who has been chosen to go stays cordoned and marked until it is gone, also when nobody more is to go."""

import pytest
from reelmesh_operator.model import pools, reconciling, shrinking

MARKED = shrinking.DRAINED_COST
MEMORY = pools.Memory(0.0, 100.0, ((100.0, 1),), ((100.0, 1),), 2, 90.0)


def decide(*pods: pools.Pod, replicas: int, to_do: int, cordoned: str = "b") -> pools.Decision:
    desired = pools.Desired("a", pools.Workload(pools.WorkloadKind.DEPLOYMENT, "w"), pools.Queue("fal"))
    workers = tuple(
        pools.Worker(pod.name, idle=True, drained=pod.name in cordoned, cordoned=pod.name in cordoned) for pod in pods
    )
    signal = pools.Signal(100.0, to_do=to_do, workers=workers)
    return reconciling.reconcile([pools.View(desired, pools.Actual(replicas, pods), signal, MEMORY)], 101.0)["a"]


A, B = pools.Pod("a", ready=True), pools.Pod("b", ready=True, deletion_cost=MARKED)
C = pools.Pod("c", ready=True)


def test_until_the_cluster_has_taken_it_the_mark_and_the_cordon_stay() -> None:
    decision = decide(A, B, replicas=1, to_do=1)
    assert (decision.replicas, decision.cordon, dict(decision.costs)) == (None, ("b",), {})


def test_while_it_ends_it_takes_nothing_new() -> None:
    ending = pools.Pod("b", ready=True, terminating=True, deletion_cost=MARKED)
    decision = decide(A, ending, replicas=1, to_do=1)
    assert (decision.replicas, decision.cordon) == (None, ("b",))
    decision = decide(A, C, ending, replicas=2, to_do=1, cordoned="bc")
    assert decision.cordon is not None
    assert "b" in decision.cordon, "nor while others are to follow it"


@pytest.mark.parametrize("cordoned", ["b", ""])
def test_who_is_needed_again_before_anybody_goes_works_again(cordoned: str) -> None:
    decision = decide(A, B, replicas=2, to_do=8, cordoned=cordoned)
    assert (decision.cordon, dict(decision.costs)) == ((), {"b": 0})


def test_who_is_killed_and_was_to_stay_is_not_cordoned() -> None:
    ending = pools.Pod("b", ready=True, terminating=True)
    assert decide(A, ending, replicas=2, to_do=8, cordoned="").cordon == ()


def test_who_is_to_go_no_more_works_again_while_others_go() -> None:
    decision = decide(A, B, C, pools.Pod("d", ready=True), replicas=4, to_do=12, cordoned="bcd")
    assert decision.cordon == ("b",)
