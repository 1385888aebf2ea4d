"""Accounts of people at the test cluster, and `reelmesh pools` as they run it."""

import dataclasses
import pathlib
import subprocess
import sys

import yaml

from tests.cluster import cluster as clusters
from tests.cluster import kubectl

_SCRIPT = "from reelmesh_client import entry; entry.main()"


@dataclasses.dataclass(frozen=True)
class Person:
    """Somebody who uses `reelmesh pools` in one namespace."""

    cluster: clusters.Cluster
    namespace: str
    kubeconfig: pathlib.Path
    home: pathlib.Path

    def pools(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `reelmesh pools ARGUMENTS`."""
        command = [sys.executable, "-c", _SCRIPT, "pools", *arguments, "--namespace", self.namespace]
        own = {"KUBECONFIG": str(self.kubeconfig), "HOME": str(self.home), "PATH": "/usr/bin:/bin", "COLUMNS": "200"}
        environment = {**(self.cluster.environment or {}), **own}
        return subprocess.run(command, env=environment, cwd=self.home, capture_output=True, text=True, check=False)


def service_account(name: str) -> kubectl.Document:
    """Return an account without rights."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}


def with_account(cluster: clusters.Cluster, namespace: str, account: str, folder: pathlib.Path) -> Person:
    """Return somebody who reaches the cluster by a service account that is there."""
    known = yaml.safe_load(cluster.kubeconfig.read_text())
    token = cluster.run("create", "token", account, f"--namespace={namespace}").strip()
    known["users"] = [{"name": one["name"], "user": {"token": token}} for one in known["users"]]
    file = folder / f"{account}.kubeconfig"
    file.write_text(yaml.safe_dump(known))
    return Person(cluster, namespace, file, folder)
