"""The chart as a release on the test cluster, with our own image: installed, upgraded, talked to by its Service."""

import contextlib
import dataclasses
import json
import pathlib
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from typing import Any, cast

import httpx

from scripts import chart
from tests.cluster import cluster as clusters
from tests.cluster import kubectl
from tests.e2e import caller, standalone

NAME = "reelmesh"
TRIAL = chart.CHART / "values-embedded.yaml"
TIMEOUT = "10m"
# What a test node has: two cores for everything.
SMALL = {"requests": {"cpu": "10m", "memory": "64Mi"}}
MODEST: Mapping[str, Any] = {
    "defaults": {"resources": SMALL, "readiness": {"periodSeconds": 2}},
    "services": {
        **{name: {"resources": SMALL} for name in ("storage", "media", "provider-local", "operator")},
        # For bursts, on two cores. A submit whose worker was killed is in doubt after that time.
        "gateway": {"env": {"REELMESH_CREATES_PER_MINUTE": 60_000, "REELMESH_CREATES_BURST": 1000}},
        "orchestrator": {"env": {"REELMESH_REQUEST_TIMEOUT_SECONDS": 20, "REELMESH_SUBMIT_WITHIN_SECONDS": 5}},
    },
    "embedded": {name: {"resources": SMALL, "size": "1Gi"} for name in ("nats", "postgresql", "s3")},
    # Whose worker begins to run later.
    "accounts": {
        "list": [
            {"id": "studio", "provider": "sora", "endpoint": "http://vendor:9000/v1", "slots": 300, "exclusive": True}
        ]
    },
}
KEYS = "api-keys"
# Beyond a trial: keys of its own, and two of each that callers notice.
GROWN: Mapping[str, Any] = {
    "apiKeys": {"development": False, "existingSecret": KEYS},
    "defaults": {"leaveSeconds": 8},
    "services": {"gateway": {"replicas": 2}, "orchestrator": {"replicas": 2}},
}
SERVERS = ("nats", "postgresql", "s3")
KEY_HEADER = "x-api-key"
LOOK_SECONDS = 0.5


def merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as Helm merges them: mappings by key, what comes later outranks the rest."""
    whole: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            known: Any = whole.get(key)
            both = isinstance(value, Mapping) and isinstance(known, Mapping)
            whole[key] = merged(cast(Mapping[str, Any], known), cast(Mapping[str, Any], value)) if both else value
    return whole


@dataclasses.dataclass
class Release:
    """The release `reelmesh` in a namespace, with the values of a trial and those given on top."""

    cluster: clusters.Cluster
    namespace: str
    values: Mapping[str, Any]
    folder: pathlib.Path
    took: dict[str, float] = dataclasses.field(default_factory=dict[str, float])
    """How long each step of the tests took, seconds."""
    own_key: str = ""
    """That of the Secret `api-keys`, once there is one."""

    def install(self) -> None:
        """Install it, and wait until everything is ready."""
        self._helm("install")

    def upgrade(self, changes: Mapping[str, Any]) -> None:
        """Upgrade it with changes that stay, and wait until everything is ready and what it replaces is gone."""
        self.values = merged(self.values, changes)
        self._helm("upgrade")
        with self.timed("the last old Pod"):
            until(lambda: not self._going(), self.told)

    def test(self) -> str:
        """Run `helm test`; return what it printed."""
        with self.timed("helm test"):
            return self.cluster.helm("test", NAME, "--logs", f"--timeout={TIMEOUT}", namespace=self.namespace)

    def uninstall(self) -> None:
        """Uninstall it."""
        with self.timed("helm uninstall"):
            self.cluster.helm("uninstall", NAME, "--wait", f"--timeout={TIMEOUT}", namespace=self.namespace)

    def key(self) -> str:
        """Return the key of the trial, as NOTES.txt says where it is."""
        told = ("deployment/reelmesh-gateway", "--", "cat", "/var/lib/reelmesh/development.key")
        return self.cluster.run("exec", f"--namespace={self.namespace}", *told).strip()

    def has_key(self) -> str:
        """Make the Secret `api-keys` with one key in it, unless it is there; return the key."""
        if self.own_key:
            return self.own_key
        added = standalone.run("keys", "add", "tests", folder=self.folder)
        assert added.returncode == 0, added.stderr
        content = (self.folder / "gateway" / "api-keys.json").read_text()
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": KEYS},
            "stringData": {"api-keys.json": content},
        }
        self.cluster.apply(secret, namespace=self.namespace)
        self.own_key = added.stdout.strip()
        return self.own_key

    @property
    def address(self) -> str:
        """Return the address of the Service for callers."""
        return self.cluster.get("service", NAME, self.namespace)["spec"]["clusterIP"]

    @contextlib.asynccontextmanager
    async def caller(self, key: str, authority: pathlib.Path | None = None) -> AsyncGenerator[caller.Caller]:
        """Yield somebody with this key who calls the gateway's Service by its address; by TLS with an authority."""
        url = f"{'https' if authority else 'http'}://{self.address}:8080"
        verify = ssl.create_default_context(cafile=authority)
        async with httpx.AsyncClient(base_url=url, headers={KEY_HEADER: key}, timeout=60.0, verify=verify) as client:
            yield caller.Caller(client)

    @contextlib.contextmanager
    def timed(self, what: str) -> Generator[None]:
        """Note how long the block takes."""
        began = time.monotonic()  # noqa: TID251 - told, and nothing depends on it
        yield
        self.took[what] = time.monotonic() - began  # noqa: TID251

    def services(self) -> dict[str, set[str]]:
        """Return the Pods of each service of ours, by their ids."""
        found: dict[str, set[str]] = {}
        for pod in self.cluster.find("pods", self.namespace, selector=f"app.kubernetes.io/instance={NAME}"):
            component = pod["metadata"]["labels"]["app.kubernetes.io/component"]
            if component not in SERVERS:
                found.setdefault(component, set()).add(pod["metadata"]["uid"])
        return found

    def told(self) -> str:
        """Return what the cluster knows of the release, the ends of the logs included."""
        parts = [self.cluster.known("pods", self.namespace)]
        for pod in self.cluster.find("pods", self.namespace):
            name = pod["metadata"]["name"]
            with contextlib.suppress(kubectl.Refused):
                parts.append(f"--- {name}\n{self.cluster.logs(name, self.namespace, '--tail=30', '--all-containers')}")
        return "\n".join(parts)

    def _going(self) -> list[str]:
        found = (pod["metadata"] for pod in self.cluster.find("pods", self.namespace))
        return [metadata["name"] for metadata in found if "deletionTimestamp" in metadata]

    def _helm(self, verb: str) -> None:
        file = self.folder / "values.json"
        file.write_text(json.dumps(self.values))
        words = [
            verb,
            NAME,
            str(chart.CHART),
            f"--values={TRIAL}",
            f"--values={file}",
            "--wait",
            f"--timeout={TIMEOUT}",
        ]
        try:
            with self.timed(f"helm {verb}"):
                self.cluster.helm(*words, namespace=self.namespace, timeout_seconds=900)
        except kubectl.Refused as refused:
            raise AssertionError(f"helm {verb}: {refused}\n{self.told()}") from refused


def until(is_so: Callable[[], object], what: Callable[[], object], seconds: float = 300.0) -> None:
    """Wait for something of the cluster, in real time."""
    deadline = time.monotonic() + seconds  # noqa: TID251 - a real cluster, in real time
    while not is_so():
        assert time.monotonic() < deadline, what()  # noqa: TID251
        time.sleep(LOOK_SECONDS)  # noqa: TID251


def volumes(cluster: clusters.Cluster) -> None:
    """Have a folder of our own node for each volume of the trial; a given cluster makes volumes itself."""
    if cluster.node is None:
        return
    (node,) = cluster.find("nodes")
    where = {
        "matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node["metadata"]["name"]]}]
    }
    for number, _ in enumerate(SERVERS):
        folder = cluster.node.slot.folder / "volumes" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": f"trial-{number}"},
                "spec": {
                    "capacity": {"storage": "1Gi"},
                    "accessModes": ["ReadWriteOnce"],
                    "persistentVolumeReclaimPolicy": "Delete",
                    "local": {"path": str(folder)},
                    "nodeAffinity": {"required": {"nodeSelectorTerms": [where]}},
                },
            }
        )
