"""`reelmesh pools` against a fake mesh and a fake API server."""

import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from reelmesh.v1 import pool_pb2

from tests.unit.client import conftest, fake_kubernetes, fake_mesh

Run = conftest.Run


@pytest.fixture
def cluster(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[fake_kubernetes.FakeKubernetes]:
    with fake_kubernetes.serving() as serving:
        monkeypatch.setenv("KUBECONFIG", str(fake_kubernetes.write(tmp_path / "config", serving.url)))
        yield serving


def resource(name: str = "veo", spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    asked = {"workload": {"kind": "Deployment", "name": f"provider-{name}"}, "queue": {"provider": name}}
    usual = {"observedGeneration": 1, "replicas": 5, "readyReplicas": 5, "desiredReplicas": 5, "conditions": []}
    told = {**usual, "waiting": 3, "inFlight": 9, **status}
    told["conditions"] = [
        {"type": kind, "status": is_, "reason": reason, "message": why, "lastTransitionTime": "2026-01-01T12:00:00Z"}
        for kind, is_, reason, why in [
            ("Ready", "True", "Reconciled", ""),
            ("Active", "True", "Work", "The work needs 5 workers"),
            *told["conditions"],
        ]
    ]
    metadata = {"name": name, "namespace": "video", "generation": 1}
    return {"metadata": metadata, "spec": {**asked, "maxReplicas": 5, **(spec or {})}, "status": told}


LIMITED = ("Limited", "True", "MaxReplicas", "20 workers are needed, maxReplicas is 5")


def pool(**changes: Any) -> pool_pb2.Pool:
    told = {"kind": "provider", "pool": "veo", "known": True, "waiting": 7, "sendable": 4, "watched": 2}
    return pool_pb2.Pool(**(told | {"dispatched": 1} | changes))  # type: ignore[arg-type]


def words(text: str) -> str:
    return " ".join(text.split())


def test_pools_are_a_table_with_what_the_mesh_knows_of_their_work(run: Run, served, cluster) -> None:
    cluster.pools["veo"] = resource(conditions=[LIMITED])
    served.pools.append(pool())
    result = run("pools", "list")
    assert result.exit_code == 0, result.stderr
    row = "veo veo 5 of 5 ready 7 wait (4 could go), 3 at work limited: 20 workers are needed, maxReplicas is 5"
    assert row in words(result.stdout)
    assert "reelmesh pools describe veo" in result.stderr
    (told,) = json.loads(run("pools", "list", "--json").stdout)
    assert (told["name"], told["mesh"]["sendable"], told["standing"][0]["word"]) == ("veo", 4, "limited")


def test_without_the_mesh_the_numbers_of_kubernetes_are_shown(run: Run, served, cluster) -> None:
    cluster.pools["veo"] = resource()
    refusal = fake_mesh.Refusal(grpc.StatusCode.PERMISSION_DENIED, "needs the scope admin", "PERMISSION_DENIED")
    served.refusals["pools"].append(refusal)
    result = run("pools", "list")
    assert result.exit_code == 0
    assert "3 wait, 9 at work" in words(result.stdout)
    assert "needs the scope admin" in result.stderr


def test_the_mesh_is_believed_as_by_every_other_command(run: Run, cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.pools["veo"] = resource()
    monkeypatch.setenv("REELMESH_CA_FILE", "none.pem")
    result = run("pools", "list", "--address", "https://127.0.0.1:1", "--api-key", "key")
    assert "3 wait, 9 at work" in words(result.stdout)
    assert "cannot read the authorities none.pem" in words(result.stderr)


def test_a_pool_is_described_with_its_workers_and_what_happened(run: Run, served, cluster) -> None:
    cluster.pools["veo"] = resource(
        conditions=[LIMITED], draining=["veo-c"], lastScaleTime="2026-01-01T12:00:00Z", spec={"minReplicas": 1}
    )
    one = {"reason": "ScaledUp", "note": "From 2 to 5 workers", "eventTime": "2026-01-01T12:00:00.000000Z"}
    cluster.events.append({**one, "series": {"count": 3, "lastObservedTime": "2026-01-01T12:05:00.000000Z"}})
    worker = pool_pb2.PoolWorker
    workers = [
        worker(name="veo-a", load=2),
        worker(name="veo-b", idle=True),
        worker(name="veo-c", cordoned=True, load=1),
        worker(name="veo-d", cordoned=True, idle=True),
        worker(name="veo-e", cordoned=True, idle=True, drained=True),
    ]
    served.pools.append(pool(workers=workers))
    result = run("pools", "describe", "veo")
    assert result.exit_code == 0, result.stderr
    for part in (
        "pool veo, namespace video",
        "workload Deployment provider-veo",
        "workers 5 of 5 ready; 5 known to the mesh",
        "limits 1 to 5 workers",
        "7 wait to be sent out: 4 could go now, 3 wait for slots, breakers or switches",
        "veo-a at work: 2 under way",
        "veo-b idle",
        "veo-c cordoned: 1 under way",
        "veo-d cordoned: nothing to lose; no pool asks for it, so that it is let go within a minute",
        "veo-e may go: it has nothing, and begins nothing",
        "Limited True MaxReplicas",
        "ScaledUp From 2 to 5 workers (3 times)",
    ):
        assert part in words(result.stdout), result.stdout
    told = json.loads(run("pools", "describe", "veo", "--json").stdout)
    assert (len(told["events"]), len(told["mesh"]["workers"])) == (1, 5)


def test_events_that_may_not_be_read_are_left_out(run: Run, served, cluster) -> None:
    cluster.pools["veo"] = resource()
    cluster.refuse["events"] = fake_kubernetes.refusal(403, "events is forbidden")
    result = run("pools", "describe", "veo")
    assert result.exit_code == 0
    assert "Reconciled" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "which", "said"),
    [
        (["pause", "veo"], "All", "veo: paused: it keeps the workers that it has"),
        (["pause", "veo", "--only", "in"], "ScaleIn", "veo: paused: it grows, and does not shrink"),
        (["pause", "veo", "--only", "out"], "ScaleOut", "veo: paused: it shrinks, and does not grow"),
        (["resume", "veo"], "None", "veo: it follows its work"),
    ],
)
def test_a_pool_is_paused_and_resumed(run_alone: Run, cluster, arguments: list[str], which: str, said: str) -> None:
    cluster.pools["veo"] = resource(spec={"pause": "ScaleIn"})
    result = run_alone("pools", *arguments, "-n", "video")
    assert result.exit_code == 0, result.stderr
    assert cluster.pools["veo"]["spec"]["pause"] == which
    assert said in result.stderr
    follow = "describe" if which == "None" else "resume"
    assert f"reelmesh pools {follow} veo --namespace video" in result.stderr


@pytest.fixture
def run_alone(run: Run) -> Run:
    """Run commands that ask no mesh."""
    from click import testing
    from reelmesh_client import commands

    return lambda *arguments: testing.CliRunner().invoke(commands.main, list(arguments))


def test_a_server_that_asks_to_wait_is_asked_again(run: Run, served, cluster) -> None:
    cluster.pools["veo"] = resource()
    cluster.busy = 2
    assert run("pools", "list").exit_code == 0
    assert len([one for one in cluster.asked if "workerpools" in one[1]]) == 3


@pytest.mark.parametrize(
    ("refuse", "code", "said", "hint"),
    [
        (fake_kubernetes.refusal(404, "the server could not find the requested resource"), 3, "does not know", "chart"),
        (fake_kubernetes.refusal(403, 'User "eve" cannot list workerpools'), 3, "eve", "Ask who runs the cluster"),
        (fake_kubernetes.refusal(422, "spec.pause: Unsupported"), 3, "Unsupported", "Correct"),
        (fake_kubernetes.refusal(503, "etcd is down"), 4, "503", "kubectl get workerpools"),
    ],
)
def test_what_kubernetes_refuses_is_said_with_what_to_do(
    run: Run, served, cluster, refuse: Any, code: int, said: str, hint: str
) -> None:
    cluster.refuse["pools"] = refuse
    result = run("pools", "list")
    assert result.exit_code == code
    assert said in result.stderr
    assert hint in result.stderr
    assert "Traceback" not in result.stderr


def test_a_pool_or_a_cluster_that_is_not_there(run: Run, served, cluster, tmp_path: pathlib.Path) -> None:
    result = run("pools", "describe", "sora")
    assert (result.exit_code, "reelmesh pools list" in result.stderr) == (3, True)
    assert 'workerpools.reelmesh.dev "sora" not found' in result.stderr
    assert "the namespace video has no worker pools" in run("pools", "list").stderr
    nobody = fake_kubernetes.write(tmp_path / "nobody", "http://127.0.0.1:1")
    result = run("pools", "list", "--kubeconfig", str(nobody))
    assert (result.exit_code, "nobody answers at http://127.0.0.1:1" in result.stderr) == (4, True)
    refused = fake_kubernetes.write(tmp_path / "refused", cluster.url, token="another")
    assert "Unauthorized" in run("pools", "list", "--kubeconfig", str(refused)).stderr


def test_a_wrong_way_to_pause_ends_with_2(run_alone: Run) -> None:
    assert run_alone("pools", "pause", "veo", "--only", "up").exit_code == 2


def test_who_asks_for_something_else_does_not_wait_for_what_kubernetes_needs() -> None:
    script = "import sys; from reelmesh_client import commands; print({'aiohttp', 'yaml'} & set(sys.modules) or 'none')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "none"
