"""Which Pod of the chart may reach which, by the policies that it renders."""

import functools
import re

import pytest

from scripts import chart
from tests.support import network_policies
from tests.support.network_policies import Network, Stranger

GRPC, HTTP, ADMIN = 7000, 8080, 7100
BACK = {"orchestrator", "storage", "media"}
PAID = {"provider-fal", "provider-omni", "provider-runway", "provider-sora", "provider-veo"}
SERVERS = {"nats": 4222, "postgresql": 5432, "s3": 7070}
INTERNET = Stranger("93.184.216.34")
CASES = ("embedded", "external", "full")


@functools.cache
def network(case: str) -> Network:
    return Network(chart.documents(case))


def edges(found: Network, port: int) -> dict[str, set[str]]:
    """Return whom each Pod may reach on a port that the other has."""
    reached = {
        name: {
            other.name
            for other in found.pods.values()
            if other.name != name and port in other.ports.values() and found.may(pod, other, port)
        }
        for name, pod in found.pods.items()
    }
    return {name: others for name, others in reached.items() if others}


def reaching(found: Network, place: network_policies.Place, port: int) -> set[str]:
    return {name for name, pod in found.pods.items() if found.may(pod, place, port)}


@pytest.mark.parametrize("case", CASES)
def test_who_calls_whom(case: str) -> None:
    found = network(case)
    workers = {name for name in found.pods if name.startswith("provider-")}
    assert edges(found, GRPC) == {
        "gateway": BACK,
        "orchestrator": {"storage"},
        "media": {"orchestrator", "storage"},
        **dict.fromkeys(workers, BACK),
        **({"operator": {"orchestrator"}} if "operator" in found.pods else {}),
    }
    assert edges(found, HTTP) == {"test": {"gateway"}}
    assert edges(found, ADMIN) == {}


def test_embedded_servers_are_reached_by_who_uses_them_and_reach_nobody() -> None:
    found = network("embedded")
    users = {
        server: {
            name for name, pod in found.pods.items() if name != server and found.may(pod, found.pods[server], port)
        }
        for server, port in SERVERS.items()
    }
    assert users == {
        "nats": {"gateway", "orchestrator", "media", "provider-local"},
        "postgresql": {"orchestrator", "storage"},
        "s3": {"storage"},
    }
    for server in SERVERS:
        assert not found.may(found.pods[server], INTERNET, 443)
        assert not any(found.may(found.pods[server], other, GRPC) for other in found.pods.values())


def test_only_the_gateway_and_paid_workers_reach_the_internet() -> None:
    assert reaching(network("full"), INTERNET, 443) == {"gateway", *PAID}
    assert reaching(network("embedded"), INTERNET, 443) == {"gateway"}
    # Where the bucket is was not said: it may be Amazon's.
    assert reaching(network("external"), INTERNET, 443) == {"gateway", "storage"}


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "10.0.0.1", "172.20.0.1", "192.168.1.1", "100.64.0.1", "fd00::1"]
)
def test_nobody_reaches_private_addresses_as_internet(address: str) -> None:
    assert reaching(network("full"), Stranger(address), 443) == set()
    assert reaching(network("embedded"), Stranger(address), 443) == set()


@pytest.mark.parametrize("port", [22, 25, 80, 8443])
def test_the_internet_is_reached_on_its_port_only(port: int) -> None:
    assert reaching(network("full"), INTERNET, port) == set()


def test_servers_outside_are_reached_where_they_are_said_to_be_by_who_uses_them() -> None:
    found = network("full")
    messaging = Stranger(namespace={"kubernetes.io/metadata.name": "messaging"})
    collector = Stranger(namespace={"kubernetes.io/metadata.name": "monitoring"})
    services = set(found.pods) - {"test", "migrate"}
    assert reaching(found, messaging, 4222) == services - {"storage"}
    assert reaching(found, Stranger("10.20.1.1"), 6432) == {"orchestrator", "storage", "migrate"}
    assert reaching(found, Stranger("10.30.1.1"), 443) == {"storage"}
    assert reaching(found, Stranger("10.40.0.7"), 6443) == {"operator"}
    assert reaching(found, collector, 4317) == services
    for elsewhere in (Stranger("10.99.0.1"), Stranger(namespace={"kubernetes.io/metadata.name": "other"})):
        assert {port: reaching(found, elsewhere, port) for port in (4222, 5432, 6432, 6443, 4317)} == {
            4222: set(),
            6443: set(),
            5432: set(),
            6432: set(),
            4317: set(),
        }


def test_callers_come_in_by_the_gateway_alone_and_metrics_go_to_who_watches() -> None:
    found = network("full")
    ingress, monitoring, other = (
        Stranger(namespace={"kubernetes.io/metadata.name": name}) for name in ("ingress", "monitoring", "other")
    )
    let_in = {
        name: {port for port in (GRPC, HTTP, 9090, ADMIN) for pod in found.pods.values() if found.may(who, pod, port)}
        for name, who in {"ingress": ingress, "monitoring": monitoring, "other": other}.items()
    }
    assert let_in == {"ingress": {HTTP, 9090}, "monitoring": {ADMIN}, "other": set()}
    assert {name for name, pod in found.pods.items() if found.may(ingress, pod, HTTP)} == {"gateway"}
    anybody = network("external")
    for port in (HTTP, 9090):
        assert {name for name, pod in anybody.pods.items() if anybody.may(other, pod, port)} == {"gateway"}
    assert not any(anybody.may(other, pod, port) for pod in anybody.pods.values() for port in (GRPC, ADMIN))


@pytest.mark.parametrize("case", CASES)
def test_whoever_has_names_to_look_up_may(case: str) -> None:
    found = network(case)
    names = Stranger(namespace={"kubernetes.io/metadata.name": "kube-system"})
    assert {name for name, pod in found.pods.items() if found.may(pod, names, 53, "UDP")} == set(found.pods)
    assert reaching(found, names, 443) <= ({"storage"} if case == "external" else set())


@pytest.mark.parametrize("case", CASES)
def test_every_address_in_the_cluster_that_a_pod_is_told_may_be_reached(case: str) -> None:
    found = network(case)
    told = 0
    for manifest in chart.documents(case):
        if manifest["kind"] not in {"Deployment", "StatefulSet"}:
            continue
        template = manifest["spec"]["template"]
        own = found.pods[template["metadata"]["labels"]["app.kubernetes.io/component"]]
        for variable in template["spec"]["containers"][0].get("env", []):
            address = re.search(r"//[a-z]+-([a-z0-9-]+)\.video\.svc\.cluster\.local:(\d+)$", variable.get("value", ""))
            if address:
                told += 1
                assert found.may(own, found.pods[address[1]], int(address[2])), (own.name, variable["name"])
    assert told >= len(BACK) * 3


@pytest.mark.parametrize("case", CASES)
def test_a_pod_of_the_release_that_no_policy_names_reaches_nobody_and_is_reached_by_nobody(case: str) -> None:
    found = network(case)
    labels = {**found.pods["gateway"].labels, "app.kubernetes.io/component": "new"}
    new = network_policies.Pod("new", labels, {"grpc": GRPC})
    assert not any(found.may(new, pod, port) for pod in found.pods.values() for port in pod.ports.values())
    assert not found.may(new, INTERNET, 443)
    assert not any(found.may(who, new, GRPC) for who in [*found.pods.values(), INTERNET])


def test_without_policies_everything_is_open() -> None:
    found = network("stopped")
    assert found.may(Stranger("203.0.113.1"), found.pods["orchestrator"], GRPC)
    assert reaching(found, INTERNET, 25) == set(found.pods)
