"""The chart with our own image, as a platform team has it: installed, used, upgraded under load, uninstalled.

One installation for all of them, in this order: what a test changes the next ones have.
"""

import asyncio
import json
import pathlib
from collections.abc import Iterator

import pytest
from reelmesh_client import client

from tests.cluster import cluster as clusters
from tests.cluster import load as loads
from tests.cluster import release as releases
from tests.cluster.images import trial
from tests.e2e import films

# The first builds what is missing.
pytestmark = pytest.mark.timeout(3600)

# What Kubernetes puts into every namespace.
EVERYWHERE = {"configmap/kube-root-ca.crt", "serviceaccount/default"}
# By the policy `keep`, and by the rule that nobody deletes data with its server.
KEPT = {"secret/reelmesh-embedded", *(f"persistentvolumeclaim/data-reelmesh-{name}-0" for name in releases.SERVERS)}
# What tells of things, and is none.
NEWS = {"events", "events.events.k8s.io"}


@pytest.fixture(scope="module")
def release(cluster: clusters.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[releases.Release]:
    """Install the chart with the values of a trial, in a namespace with restricted pod security."""
    folder = tmp_path_factory.mktemp("release")
    with cluster.namespace() as namespace:
        made = releases.Release(cluster, namespace, {}, folder)
        with made.timed("images"):
            named = trial.give(cluster, folder)
        made.values = releases.merged(releases.MODEST, named)
        releases.volumes(cluster)
        made.install()
        yield made


async def test_a_generation_through_the_service_becomes_a_film(
    release: releases.Release, tmp_path: pathlib.Path
) -> None:
    async with release.caller(release.key()) as caller:
        with release.timed("a generation"):
            made = await caller.made("a paper boat")
        content = await caller.content(made["renditions"][0]["asset_id"])
    films.checked(content, tmp_path, seconds=1.0, size=(160, 90))
    assert len(films.frames(content)) > 10


def test_helm_test_finds_it_well(release: releases.Release) -> None:
    assert "Phase:          Succeeded" in release.test()


async def test_an_upgrade_that_replaces_every_service_under_load_fails_no_request(release: releases.Release) -> None:
    key = release.has_key()
    release.upgrade(releases.GROWN)
    before = release.services()
    async with release.caller(key) as caller, client.Client(f"{release.address}:9090", key) as by_grpc:
        load = loads.Load(caller, by_grpc)
        async with load.running():
            await asyncio.to_thread(release.upgrade, {"defaults": {"podAnnotations": {"round": "2"}}})
    assert load.failed == [], f"{load.failed}\n{release.told()}"
    assert min(load.done[what] for what in loads.KINDS) > 0, load.done
    after = release.services()
    assert after.keys() == before.keys()
    assert not {pod for pods in before.values() for pod in pods} & {pod for pods in after.values() for pod in pods}
    print(f"\nrequests without a failure: {dict(load.done)}")


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
