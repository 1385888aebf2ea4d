"""`reelmesh pools` at a real Kubernetes: as its administrator, and as somebody who may do less."""

import json
import pathlib

from tests.cluster import cluster as clusters
from tests.cluster import people, test_operator

defined = test_operator.defined
API = "rbac.authorization.k8s.io"
# The command ends with it, as the README says.
REFUSED = 3


def test_pools_are_listed_described_paused_and_resumed(
    cluster: clusters.Cluster, defined: None, namespace: str, tmp_path: pathlib.Path
) -> None:
    pools = people.Person(cluster, namespace, cluster.kubeconfig, tmp_path).pools
    assert "has no worker pools" in pools("list").stderr
    cluster.apply(test_operator.pool("fal", maxReplicas=3), namespace=namespace)
    listed = pools("list")
    assert listed.returncode == 0, listed.stderr
    assert "not looked after: no operator has seen it" in listed.stdout
    assert "no mesh runs on" in listed.stderr, "it says why the mesh's own numbers are missing"
    paused = pools("pause", "fal", "--only", "in")
    assert paused.returncode == 0, paused.stderr
    assert cluster.get("workerpool", "fal", namespace)["spec"]["pause"] == "ScaleIn"
    assert pools("resume", "fal").returncode == 0
    assert cluster.get("workerpool", "fal", namespace)["spec"]["pause"] == "None"
    described = pools("describe", "fal")
    assert described.returncode == 0, described.stderr
    assert "0 to 3 workers" in described.stdout
    (told,) = json.loads(pools("list", "--json").stdout)
    assert (told["name"], told["spec"]["pause"]) == ("fal", "None")
    absent = pools("describe", "sora")
    assert (absent.returncode, '"sora" not found' in absent.stderr) == (REFUSED, True)


def test_who_may_not_pause_or_look_is_told_so(
    cluster: clusters.Cluster, defined: None, namespace: str, tmp_path: pathlib.Path
) -> None:
    cluster.apply(test_operator.pool("fal"), namespace=namespace)
    reading = [{"apiGroups": ["reelmesh.dev"], "resources": ["workerpools"], "verbs": ["get", "list"]}]
    for account, rules in (("reader", reading), ("nobody", [])):
        named = {"name": account}
        cluster.apply(
            people.service_account(account),
            {"apiVersion": f"{API}/v1", "kind": "Role", "metadata": named, "rules": rules},
            {
                "apiVersion": f"{API}/v1",
                "kind": "RoleBinding",
                "metadata": named,
                "roleRef": {"apiGroup": API, "kind": "Role", "name": account},
                "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
            },
            namespace=namespace,
        )
    reader, nobody = (people.with_account(cluster, namespace, account, tmp_path) for account in ("reader", "nobody"))
    described = reader.pools("describe", "fal")
    assert described.returncode == 0, described.stderr
    paused = reader.pools("pause", "fal")
    assert (paused.returncode, 'cannot patch resource "workerpools"' in paused.stderr) == (REFUSED, True)
    assert "Ask who runs the cluster" in paused.stderr
    listed = nobody.pools("list")
    assert (listed.returncode, 'cannot list resource "workerpools"' in listed.stderr) == (REFUSED, True)
