"""The operator at a real Kubernetes, with no more rights than docs/operating.md says; and the rules of WorkerPool."""

import base64
import concurrent.futures
import contextlib
import dataclasses
import pathlib
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import grpc
import pytest
import yaml
from reelmesh.mesh.v1 import pool_service_pb2, pool_service_pb2_grpc
from reelmesh.v1 import pool_pb2

from scripts import crd
from tests.cluster import cluster as clusters
from tests.cluster import kubectl
from tests.cluster.test_node import nats_image, nats_pod

__all__ = ["nats_image"]
ROOT = pathlib.Path(__file__).parents[2]
ACCOUNT = "operator"
PATIENCE_SECONDS = 180.0


@dataclasses.dataclass
class Orchestrator(pool_service_pb2_grpc.PoolServiceServicer):
    """Says of one pool what the test says; notes who is cordoned."""

    pool: pool_pb2.Pool
    cordoned: tuple[str, ...] = ()

    def ListPools(self, request: object, context: object) -> pool_service_pb2.ListPoolsResponse:  # noqa: N802
        for one in self.pool.workers:
            # Workers that learn at once.
            one.cordoned = one.name in self.cordoned
            one.drained = one.cordoned and one.idle
        return pool_service_pb2.ListPoolsResponse(pools=[self.pool])

    def CordonWorkers(  # noqa: N802
        self, request: pool_service_pb2.CordonWorkersRequest, context: object
    ) -> pool_service_pb2.CordonWorkersResponse:
        self.cordoned = tuple(request.names)
        return pool_service_pb2.CordonWorkersResponse()


@pytest.fixture(scope="module")
def defined(cluster: clusters.Cluster) -> Iterator[None]:
    """Have WorkerPool defined; Helm takes no definition that somebody else has left there."""
    cluster.apply(yaml.safe_dump(crd.definition()))
    cluster.wait("crd/workerpools.reelmesh.dev", "Established")
    yield
    cluster.delete("crd", "workerpools.reelmesh.dev", wait=True)


def pool(name: str = "pool", **spec: object) -> kubectl.Document:
    asked = {"workload": {"name": "workers"}, "queue": {"provider": "fal"}, **spec}
    return {"apiVersion": "reelmesh.dev/v1alpha1", "kind": "WorkerPool", "metadata": {"name": name}, "spec": asked}


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"minReplicas": 3, "maxReplicas": 2}, "minReplicas must not be greater than maxReplicas"),
        ({"queue": {"provider": "fal", "lanes": ["quick"]}}, "name either a provider or lanes of media, not both"),
        ({"queue": {}}, "name either a provider or lanes of media, not both"),
        ({"staleSeconds": 5}, r"staleSeconds must be at least 3 \* pollingSeconds"),
        ({"minReplicas": 2, "capGroup": {"name": "g", "maxReplicas": 1}}, "not be greater than capGroup.maxReplicas"),
        ({"pause": "Perhaps"}, "Unsupported value"),
        ({"workPerWorker": 0}, "greater than or equal to 1"),
    ],
)
def test_a_pool_that_cannot_be_meant_is_refused_with_a_reason(
    cluster: clusters.Cluster, defined: None, namespace: str, spec: dict[str, object], why: str
) -> None:
    refused = pool(**{"pollingSeconds": 2, **spec})
    with pytest.raises(kubectl.Refused, match=why):
        cluster.apply(refused, namespace=namespace)


def test_defaults_are_filled_in_and_the_workload_stays(
    cluster: clusters.Cluster, defined: None, namespace: str
) -> None:
    cluster.apply(pool(), namespace=namespace)
    spec = cluster.get("workerpool", "pool", namespace)["spec"]
    assert (spec["maxReplicas"], spec["pollingSeconds"], spec["stabilization"]) == (
        10,
        2,
        {"upSeconds": 0, "downSeconds": 60},
    )
    assert spec["workload"] == {"kind": "Deployment", "name": "workers"}
    with pytest.raises(kubectl.Refused, match="cannot be changed: delete this WorkerPool"):
        cluster.apply(pool(workload={"name": "others"}), namespace=namespace)


def rights() -> list[dict[str, object]]:
    """Return the rules that the page for operators names."""
    text = (ROOT / "docs" / "operating.md").read_text()
    found = re.search(r"```yaml\nrules:\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return yaml.safe_load(found[1])


def allow(cluster: clusters.Cluster, namespace: str) -> str:
    """Make an account with these rights and no others; return its token."""
    api = "rbac.authorization.k8s.io"
    named = {"name": ACCOUNT}
    cluster.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named},
        {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": named, "rules": rights()},
        {
            "apiVersion": f"{api}/v1",
            "kind": "RoleBinding",
            "metadata": named,
            "roleRef": {"apiGroup": api, "kind": "Role", "name": ACCOUNT},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}],
        },
        namespace=namespace,
    )
    return cluster.run("create", "token", ACCOUNT, f"--namespace={namespace}").strip()


@contextlib.contextmanager
def operator(
    cluster: clusters.Cluster, namespace: str, orchestrator: Orchestrator, folder: pathlib.Path
) -> Iterator[pathlib.Path]:
    """Run the operator as a process; yield its log."""
    (folder / "token").write_text(allow(cluster, namespace))
    (known,) = yaml.safe_load(cluster.kubeconfig.read_text())["clusters"]
    access = known["cluster"]
    if "certificate-authority-data" in access:
        (folder / "ca.crt").write_bytes(base64.b64decode(access["certificate-authority-data"]))
    else:
        (folder / "ca.crt").write_bytes(pathlib.Path(access["certificate-authority"]).read_bytes())
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    pool_service_pb2_grpc.add_PoolServiceServicer_to_server(orchestrator, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    told = {
        "REELMESH_NAMESPACE": namespace,
        "REELMESH_ORCHESTRATOR_ADDRESS": f"127.0.0.1:{port}",
        "REELMESH_KUBERNETES_URL": access["server"],
        "REELMESH_KUBERNETES_TOKEN_FILE": str(folder / "token"),
        "REELMESH_KUBERNETES_CA_FILE": str(folder / "ca.crt"),
        "REELMESH_NATS_URL": "nats://127.0.0.1:1",
    }
    log = folder / "operator.log"
    with log.open("w") as out:
        command = [sys.executable, "-m", "reelmesh_operator"]
        process = subprocess.Popen(command, env=told, cwd=folder, stdout=out, stderr=out)
        try:
            yield log
            assert process.poll() is None, log.read_text()
        finally:
            process.terminate()
            process.wait(60)
            server.stop(None).wait()
    assert process.returncode == 0, log.read_text()


def until(what: Callable[[], bool], log: pathlib.Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS  # noqa: TID251 - a real cluster, in real time
    while not what():
        assert time.monotonic() < deadline, log.read_text()  # noqa: TID251
        time.sleep(0.5)  # noqa: TID251


def test_a_pool_grows_with_its_work_and_shrinks_by_the_worker_that_is_idle(
    cluster: clusters.Cluster, defined: None, namespace: str, nats_image: str, tmp_path: pathlib.Path
) -> None:
    pod = nats_pod("workers")
    template = {"metadata": {"labels": {"app": "workers"}}, "spec": pod["spec"]}
    workload = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "workers"},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "workers"}}, "template": template},
    }
    quick = {"stabilization": {"downSeconds": 1}, "cooldownSeconds": 1, "pollingSeconds": 1}
    cluster.apply(workload, pool(**quick), namespace=namespace)
    orchestrator = Orchestrator(pool_pb2.Pool(kind="provider", pool="fal", known=True, dispatched=9))

    def names() -> list[str]:
        found = cluster.find("pods", namespace, selector="app=workers")
        return sorted(one["metadata"]["name"] for one in found if "deletionTimestamp" not in one["metadata"])

    def ready(number: int) -> bool:
        return cluster.get("deployment", "workers", namespace).get("status", {}).get("readyReplicas", 0) == number

    with operator(cluster, namespace, orchestrator, tmp_path) as log:
        until(lambda: ready(3), log)
        busy, *idle = names()
        workers = [pool_pb2.PoolWorker(worker_id=name, name=name, idle=name != busy) for name in (busy, *idle)]
        orchestrator.pool = pool_pb2.Pool(kind="provider", pool="fal", known=True, submitting=1, workers=workers)
        until(lambda: names() == [busy], log)
        assert set(orchestrator.cordoned) <= set(idle), "who is at work is never cordoned here"
        told = {one["type"]: one for one in cluster.get("workerpool", "pool", namespace)["status"]["conditions"]}
        assert (told["Ready"]["reason"], told["Active"]["reason"]) == ("Reconciled", "Work")
        orchestrator.pool = pool_pb2.Pool(
            kind="provider",
            pool="fal",
            known=True,
            workers=[pool_pb2.PoolWorker(worker_id=busy, name=busy, idle=True)],
        )
        until(lambda: names() == [], log)
        told_of = [one for one in cluster.find("events.events.k8s.io", namespace) if one["regarding"]["name"] == "pool"]
        reasons = {one["reason"]: one for one in told_of}
        assert {"ScaledUp", "ScaledDown"} <= set(reasons)
        assert "From 0 to 3 workers: The work needs 3 workers" in reasons["ScaledUp"]["note"]
        metadata = cluster.get("workerpool", "pool", namespace)["metadata"]
        assert reasons["ScaledUp"]["regarding"]["uid"] == metadata["uid"], "`kubectl describe` finds it by that"
        assert not metadata.get("finalizers"), "it can be deleted when nobody looks after it"
        assert not metadata.get("annotations")
    assert not re.search("Forbidden|Traceback|has failed", log.read_text()), log.read_text()
