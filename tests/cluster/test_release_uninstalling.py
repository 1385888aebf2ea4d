"""The release of the tests before this one, uninstalled."""

import json

import pytest

from tests.cluster import release as releases

# The first builds what is missing.
pytestmark = pytest.mark.timeout(3600)

# What Kubernetes puts into every namespace.
EVERYWHERE = {"configmap/kube-root-ca.crt", "serviceaccount/default"}
# By the policy `keep`, and by the rule that nobody deletes data with its server.
KEPT = {"secret/reelmesh-embedded", *(f"persistentvolumeclaim/data-reelmesh-{name}-0" for name in releases.SERVERS)}
# What tells of things, and is none.
NEWS = {"events", "events.events.k8s.io"}


def test_uninstalling_leaves_what_is_kept_and_nothing_else(release: releases.Release) -> None:
    release.uninstall()
    # The tests' own.
    release.cluster.delete("secret", releases.KEYS, release.namespace)

    def left() -> set[str]:
        kinds = release.cluster.run("api-resources", "--namespaced", "--verbs=list", "--output=name").split()
        asked = ",".join(kind for kind in kinds if kind not in NEWS)
        return set(release.cluster.run("get", asked, f"--namespace={release.namespace}", "--output=name").split())

    releases.until(lambda: left() == EVERYWHERE | KEPT, left)
    names = release.cluster.run("get", "crd", "--output=name").split()
    assert "customresourcedefinition.apiextensions.k8s.io/workerpools.reelmesh.dev" in names
    everywhere = "clusterrole,clusterrolebinding,validatingwebhookconfiguration,mutatingwebhookconfiguration"
    assert "reelmesh.dev" not in release.cluster.run("get", everywhere, "--output=name")
    print(json.dumps({what: round(seconds, 1) for what, seconds in release.took.items()}, indent=2))
