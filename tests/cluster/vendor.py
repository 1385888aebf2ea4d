"""A vendor of AI video as a Pod of the test cluster: `reelmesh-sim` as it stands in this tree, on our own image.

The image has everything that it imports, but not itself: it is mounted as an archive, which Python imports from.
"""

import base64
import io
import pathlib
import zipfile
from collections.abc import Sequence
from typing import Any

import httpx

from tests.cluster import cluster as clusters
from tests.cluster import kubectl
from tests.cluster.images import building

NAME = "vendor"
PORT = 9000
SOURCES = building.ROOT / "libs" / "simulators" / "src"
ARCHIVE = "simulators.zip"
FOLDER = "/opt/simulators"
START = "from reelmesh_simulators import commands; commands.main()"
# Of a ConfigMap, which etcd would refuse above.
LARGEST_ARCHIVE_BYTES = 900_000


def start(cluster: clusters.Cluster, namespace: str, dialect: str, *options: str) -> None:
    """Have a vendor in a namespace, at http://vendor:9000, and wait until it answers."""
    held = {ARCHIVE: base64.b64encode(_archive(SOURCES)).decode()}
    sources = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}, "binaryData": held}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME},
        "spec": {"selector": {"app": NAME}, "ports": [{"port": PORT}]},
    }
    pod = _pod([dialect, "--host=0.0.0.0", f"--port={PORT}", *options])
    cluster.apply(sources, service, pod, namespace=namespace)
    cluster.wait(f"pod/{NAME}", "Ready", namespace)


def stop(cluster: clusters.Cluster, namespace: str) -> None:
    """Have the vendor gone, with its book."""
    for kind in ("pod", "service", "configmap"):
        cluster.delete(kind, NAME, namespace)


async def ledger(cluster: clusters.Cluster, namespace: str) -> dict[str, Any]:
    """Return the vendor's book: what it was asked for, and what it made of that."""
    address = cluster.get("service", NAME, namespace)["spec"]["clusterIP"]
    async with httpx.AsyncClient(timeout=60.0) as client:
        return (await client.get(f"http://{address}:{PORT}/_sim/ledger")).json()


def _archive(sources: pathlib.Path) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(sources.rglob("*.py")):
            archive.write(file, file.relative_to(sources))
    assert written.tell() < LARGEST_ARCHIVE_BYTES
    return written.getvalue()


def _pod(arguments: Sequence[str]) -> kubectl.Document:
    """Return it as restricted pod security wants it."""
    confined = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": NAME,
        "image": building.REELMESH,
        "imagePullPolicy": "Never",
        "command": ["python", "-c", START, *arguments],
        "env": [{"name": "PYTHONPATH", "value": f"{FOLDER}/{ARCHIVE}"}],
        "securityContext": confined,
        "readinessProbe": {"httpGet": {"path": "/_sim/faults", "port": PORT}, "periodSeconds": 1},
        "volumeMounts": [
            {"name": "simulators", "mountPath": FOLDER, "readOnly": True},
            {"name": "scratch", "mountPath": "/tmp"},
        ],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "labels": {"app": NAME}},
        "spec": {
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "containers": [container],
            "volumes": [{"name": "simulators", "configMap": {"name": NAME}}, {"name": "scratch", "emptyDir": {}}],
        },
    }
