"""The fixtures of the tests that need a Kubernetes; tests/cluster/cluster.py says what they can do with it."""

from collections.abc import Iterator

import pytest

from tests.cluster import cluster as clusters
from tests.cluster import machine
from tests.cluster import release as releases
from tests.cluster.images import trial
from tests.support import requirements

# The first test that needs it waits for the cluster to start.
TIMEOUT_SECONDS = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test that needs a cluster the time to start it."""
    for item in items:
        if "cluster" in getattr(item, "fixturenames", ()) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIMEOUT_SECONDS))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what was measured: tests that pass print it."""
    for report in terminalreporter.getreports("passed"):
        told = dict(report.sections).get("Captured stdout call", "")
        if told.strip():
            terminalreporter.section(report.nodeid)
            terminalreporter.write(told.lstrip("\n"))


@pytest.fixture(scope="session")
def own_node_possible() -> None:
    """Skip what needs a node of our own where this machine has not what it takes."""
    if reason := machine.refusal() or machine.lack():
        requirements.missing("cluster", reason)


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[clusters.Cluster]:
    """Yield a Kubernetes: the one that REELMESH_TEST_KUBECONFIG names, or one of our own for this run of the tests."""
    if not requirements.setting(clusters.KUBECONFIG_SETTING):
        request.getfixturevalue("own_node_possible")
    with clusters.given_or_own() as running:
        yield running


@pytest.fixture
def namespace(cluster: clusters.Cluster) -> Iterator[str]:
    """Yield the name of a namespace of this test's own, with restricted pod security."""
    with cluster.namespace() as name:
        yield name


@pytest.fixture(scope="session")
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
