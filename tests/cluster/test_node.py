"""A pod runs, is found by name, and is reached: what every other test of this folder takes for granted."""

import json
import pathlib
import socket

import httpx
import pytest
from reelmesh_kit.bus import server

from tests.cluster import archives, kubectl
from tests.cluster import cluster as clusters
from tests.support import requirements

IMAGE = "reelmesh.local/test-nats:1"
CLIENT_PORT, LEAF_PORT, MONITOR_PORT = 4222, 7422, 8222


@pytest.fixture(scope="module")
def nats_image(cluster: clusters.Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Have an image of nats-server, one static program, in the cluster; return its name."""
    program = server.find_binary()
    image = archives.Image(IMAGE, {"/bin/nats-server": program}, ["/bin/nats-server"])
    cluster.import_image(image.write(tmp_path_factory.mktemp("image") / "nats.tar"))
    return IMAGE


def nats_pod(name: str, *arguments: str) -> kubectl.Document:
    """Return a pod of nats-server as restricted pod security wants one."""
    confined = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "nats",
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "args": ["--http_port", str(MONITOR_PORT), *arguments],
        "securityContext": confined,
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": MONITOR_PORT}, "periodSeconds": 1},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "containers": [container],
        },
    }


def with_configuration(pod: kubectl.Document) -> kubectl.Document:
    """Give it the ConfigMap `nats` as /etc/nats; return it."""
    pod["spec"]["volumes"] = [{"name": "nats", "configMap": {"name": "nats"}}]
    pod["spec"]["containers"][0]["volumeMounts"] = [{"name": "nats", "mountPath": "/etc/nats", "readOnly": True}]
    return pod


def names_of(documents: list[kubectl.Document]) -> list[str]:
    return [document["metadata"]["name"] for document in documents]


def service(name: str, port: int) -> kubectl.Document:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": port}]},
    }


def test_the_node_is_ready_and_calls_itself_what_was_pinned(cluster: clusters.Cluster) -> None:
    ready = [
        condition["status"]
        for node in cluster.find("nodes")
        for condition in node["status"]["conditions"]
        if condition["type"] == "Ready"
    ]
    assert ready
    assert set(ready) == {"True"}
    if cluster.node is not None:
        versions = json.loads(cluster.run("version", "--output=json"))
        assert versions["serverVersion"]["gitVersion"] == versions["clientVersion"]["gitVersion"] == "v1.36.3"


def test_a_pod_of_an_imported_image_runs_confined_and_its_log_is_read(
    cluster: clusters.Cluster, namespace: str, nats_image: str
) -> None:
    cluster.apply(nats_pod("nats"), namespace=namespace)
    cluster.wait("pod/nats", "Ready", namespace)
    assert cluster.get("pod", "nats", namespace)["spec"]["containers"][0]["image"] == nats_image
    assert "Server is ready" in cluster.logs("nats", namespace)


def test_a_pod_that_wants_more_than_pod_security_allows_is_refused(cluster: clusters.Cluster, namespace: str) -> None:
    pod = nats_pod("root")
    pod["spec"]["securityContext"] = {"runAsUser": 0}
    with pytest.raises(kubectl.Refused, match="violates PodSecurity"):
        cluster.apply(pod, namespace=namespace)


def test_a_pod_finds_a_service_by_name_and_is_reached_by_forwarding(
    cluster: clusters.Cluster, namespace: str, nats_image: str
) -> None:
    hub = nats_pod("hub", "--config", "/etc/nats/hub.conf")
    leaf = nats_pod("leaf", "--config", "/etc/nats/leaf.conf")
    files = {
        "hub.conf": f"leafnodes {{ listen: 0.0.0.0:{LEAF_PORT} }}",
        "leaf.conf": f'leafnodes {{ remotes: [{{ url: "nats://hub.{namespace}.svc.cluster.local:{LEAF_PORT}" }}] }}',
    }
    configuration = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "nats"}, "data": files}
    for pod in (hub, leaf):
        with_configuration(pod)
    cluster.apply(configuration, service("hub", LEAF_PORT), hub, namespace=namespace)
    cluster.wait("pod/hub", "Ready", namespace)
    cluster.apply(leaf, namespace=namespace)
    cluster.wait("pod/leaf", "Ready", namespace)
    cluster.wait_until(
        "pod", "leaf", lambda _: "Leafnode connection created" in cluster.logs("leaf", namespace), namespace
    )
    with cluster.forward("pod/hub", MONITOR_PORT, namespace) as port:
        assert httpx.get(f"http://127.0.0.1:{port}/leafz").json()["leafnodes"] == 1


def test_a_pod_and_a_server_of_the_test_reach_each_other(
    cluster: clusters.Cluster, namespace: str, nats_image: str
) -> None:
    with socket.create_server((cluster.machine_address, 0)) as hub:
        hub.settimeout(kubectl.WAIT_TIMEOUT_SECONDS)
        remote = f"nats-leaf://{cluster.machine_address}:{hub.getsockname()[1]}"
        files = {"leaf.conf": f'leafnodes {{ remotes: [{{ url: "{remote}" }}] }}'}
        configuration = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "nats"}, "data": files}
        leaf = with_configuration(nats_pod("leaf", "--config", "/etc/nats/leaf.conf"))
        cluster.apply(configuration, service("leaf", MONITOR_PORT), leaf, namespace=namespace)
        hub.accept()[0].close()
    cluster.wait("pod/leaf", "Ready", namespace)
    addresses = [
        cluster.get("pod", "leaf", namespace)["status"]["podIP"],
        cluster.get("service", "leaf", namespace)["spec"]["clusterIP"],
    ]
    for address in addresses:
        assert httpx.get(f"http://{address}:{MONITOR_PORT}/varz").json()["server_name"]


def test_helm_installs_waits_and_uninstalls(
    cluster: clusters.Cluster, namespace: str, nats_image: str, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "templates").mkdir()
    chart = {"apiVersion": "v2", "name": "small", "version": "1.0.0", "kubeVersion": ">=1.30.0"}
    (tmp_path / "Chart.yaml").write_text(json.dumps(chart))
    (tmp_path / "templates" / "pod.yaml").write_text(json.dumps(nats_pod("{{ .Release.Name }}")))
    cluster.helm("install", "release", str(tmp_path), "--wait", namespace=namespace)
    assert cluster.get("pod", "release", namespace)["status"]["phase"] == "Running"
    cluster.helm("uninstall", "release", "--wait", namespace=namespace)
    assert cluster.find("pods", namespace, selector="app=release") == []
    with pytest.raises(kubectl.Refused, match="not found"):
        cluster.helm("status", "release", namespace=namespace)


def test_a_given_cluster_does_what_needs_no_machine_and_says_what_it_cannot(cluster: clusters.Cluster) -> None:
    given = clusters.Cluster(cluster.kubeconfig)
    assert names_of(given.find("nodes")) == names_of(cluster.find("nodes"))
    unable = pytest.raises((pytest.fail.Exception, pytest.skip.Exception), match=clusters.KUBECONFIG_SETTING)
    with unable:
        assert given.machine_address
    if not requirements.setting(clusters.IMPORT_SETTING):
        with unable:
            given.import_image(pathlib.Path("image.tar"))


def test_an_archive_that_is_none_is_refused(cluster: clusters.Cluster, tmp_path: pathlib.Path) -> None:
    (tmp_path / "image.tar").write_text("not an archive")
    with pytest.raises((RuntimeError, kubectl.Refused)):
        cluster.import_image(tmp_path / "image.tar")


def test_forwarding_to_nothing_is_refused(cluster: clusters.Cluster, namespace: str) -> None:
    with pytest.raises(kubectl.Refused, match="not found"), cluster.forward("pod/nobody", 80, namespace):
        pass


def test_what_does_not_come_to_be_is_told_with_what_the_cluster_knows(
    cluster: clusters.Cluster, namespace: str
) -> None:
    pod = nats_pod("lost")
    pod["spec"]["containers"][0]["image"] = "reelmesh.local/nobody-has-it:1"
    cluster.apply(pod, namespace=namespace)
    cluster.wait_until("pod", "lost", _is_without_image, namespace)
    with pytest.raises(kubectl.NotSo, match="ErrImageNeverPull"):
        cluster.wait("pod/lost", "Ready", namespace, timeout_seconds=1)


def _is_without_image(pod: kubectl.Document) -> bool:
    statuses = pod["status"].get("containerStatuses", [])
    return any(status["state"].get("waiting", {}).get("reason") == "ErrImageNeverPull" for status in statuses)
