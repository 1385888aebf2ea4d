"""What the tests of this folder stand on: a cluster, ours or one that was given, as the fixture `cluster`.

| a test wants to | it says |
|---|---|
| have a place of its own | the fixture `namespace`, or `with cluster.namespace(pod_security="baseline") as name` |
| create or change | `cluster.apply(document or text, namespace=name)` |
| look | `cluster.get("pod", "p", name)`, `.find("pod", name, selector="app=x")`, `.logs("p", name)` |
| wait | `cluster.wait("deployment/d", "Available", name)`, `.wait_until("pod", "p", lambda pod: …, name)` |
| have an image there | `cluster.import_image(archive)`; `archives.Image(…).write(file)` makes one of static programs |
| use Helm | `cluster.helm("install", "r", str(chart), "--wait", namespace=name)` |
| talk to a pod or service | `with cluster.forward("service/s", 80, name) as port`; any cluster |
| the same, by its address | the pod's `podIP`, the service's `clusterIP`; our own cluster only |
| give pods a server of its own | listen at `cluster.machine_address`; our own cluster only |
| anything else | `cluster.run("exec", …)`: kubectl; `cluster.kubeconfig` for other clients |

Pods name images with `imagePullPolicy: Never`: there is no registry.
"""

import contextlib
import dataclasses
import itertools
import json
import pathlib
import shlex
from collections.abc import Generator

from tests.cluster import kubectl
from tests.cluster import node as nodes
from tests.support import requirements

KUBECONFIG_SETTING = "REELMESH_TEST_KUBECONFIG"
IMPORT_SETTING = "REELMESH_TEST_IMAGE_IMPORT"
HELM_TIMEOUT_SECONDS = 600.0
IMPORT_TIMEOUT_SECONDS = 600.0

_numbers = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Cluster(kubectl.Kubectl):
    """A Kubernetes that the tests may use as its administrator."""

    node: nodes.Node | None = None
    """None: the cluster was given."""

    @property
    def machine_address(self) -> str:
        """Return an address of this machine that pods reach; servers of the tests may listen there.

        A test that asks this of a given cluster is skipped: nobody knows the way from there to here.
        """
        if self.node is None:
            requirements.missing("cluster", f"pods of that of {KUBECONFIG_SETTING} do not reach servers of the tests")
        return self.node.slot.machine_address

    @contextlib.contextmanager
    def namespace(self, *, pod_security: str = "restricted") -> Generator[str]:
        """Make a namespace that enforces this level of pod security; yield its name. It is deleted afterwards."""
        made = {"generateName": f"test-{next(_numbers)}-"}
        labels = {
            "pod-security.kubernetes.io/enforce": pod_security,
            "pod-security.kubernetes.io/enforce-version": "latest",
        }
        document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {**made, "labels": labels}}
        name = self._created(document)
        try:
            yield name
        finally:
            self.delete("namespace", name)

    def import_image(self, archive: pathlib.Path) -> None:
        """Give the nodes an image, an OCI archive, under the name that it carries.

        A test that asks this of a given cluster is skipped where REELMESH_TEST_IMAGE_IMPORT does not say how.

        Raises:
            Refused: the command that it says failed.
            RuntimeError: our own node cannot read the archive.
        """
        if self.node is not None:
            self.node.import_image(archive)
            return
        told = requirements.setting(IMPORT_SETTING)
        if not told:
            reason = f"{IMPORT_SETTING} does not say how that of {KUBECONFIG_SETTING} gets images"
            requirements.missing("cluster", f"{reason}, as 'kind load image-archive' with the archive appended")
        kubectl.run([*shlex.split(told), str(archive)], None, timeout_seconds=IMPORT_TIMEOUT_SECONDS)

    def helm(self, *arguments: str, namespace: str = "default", timeout_seconds: float = HELM_TIMEOUT_SECONDS) -> str:
        """Run `helm ARGUMENTS` with the cluster; return what it printed.

        Raises:
            Refused: it failed, or did not end in time.
        """
        where = [f"--kubeconfig={self.kubeconfig}", f"--namespace={namespace}"]
        command = [str(kubectl.executable("helm")), *arguments, *where]
        return kubectl.run(command, self.environment, timeout_seconds=timeout_seconds)

    def _created(self, document: kubectl.Document) -> str:
        """Create an object whose name the cluster makes up; return the name."""
        made = self.run("create", "--filename=-", "--output=json", stdin=json.dumps(document))
        return json.loads(made)["metadata"]["name"]


@contextlib.contextmanager
def given_or_own() -> Generator[Cluster]:
    """Yield the cluster of REELMESH_TEST_KUBECONFIG, or one of our own that ends with the block."""
    given = requirements.setting(KUBECONFIG_SETTING)
    if given:
        yield Cluster(pathlib.Path(given))
        return
    with nodes.run() as running:
        yield Cluster(running.kubeconfig, home=running.slot.folder / "home", node=running)
