"""Who may reach whom by rendered network policies, reasoned as Kubernetes says they work: no engine runs in tests.

A Pod that a policy of a direction chooses may do in it what one of those policies allows, any other everything.
"""

import dataclasses
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


@dataclasses.dataclass(frozen=True)
class Pod:
    """A Pod of the release."""

    name: str
    labels: Mapping[str, str]
    ports: Mapping[str, int]
    """Numbers of its ports, by their names."""


@dataclasses.dataclass(frozen=True)
class Stranger:
    """Anything outside of the release: an address, and the labels of its Pod and namespace where it has some."""

    address: str = ""
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    namespace: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])


Place = Pod | Stranger


class Network:
    """The network of a render."""

    def __init__(self, manifests: Iterable[Mapping[str, Any]]) -> None:
        """Take the policies of `manifests`, and every Pod that they would make."""
        documents = list(manifests)
        self._policies = [each["spec"] for each in documents if each["kind"] == "NetworkPolicy"]
        self.pods = {pod.name: pod for each in documents if (pod := _pod(each)) is not None}

    def may(self, source: Place, target: Place, port: int, protocol: str = "TCP") -> bool:
        """Return whether `source` may open a connection to a port of `target`."""
        return self._lets("egress", source, target, target, port, protocol) and self._lets(
            "ingress", target, source, target, port, protocol
        )

    def _lets(self, way: str, own: Place, other: Place, target: Place, port: int, protocol: str) -> bool:
        if isinstance(own, Stranger):
            return True
        chosen = [
            each
            for each in self._policies
            if way.capitalize() in each["policyTypes"] and _matches(each["podSelector"], own.labels)
        ]
        peers = "to" if way == "egress" else "from"
        return not chosen or any(
            _port_matches(rule.get("ports"), target, port, protocol) and _is_among(rule.get(peers), other)
            for each in chosen
            for rule in each.get(way, [])
        )


def _pod(manifest: Mapping[str, Any]) -> Pod | None:
    if manifest["kind"] == "Pod":
        template = manifest
    elif manifest["kind"] in {"Deployment", "StatefulSet", "Job"}:
        template = manifest["spec"]["template"]
    else:
        return None
    labels = template["metadata"]["labels"]
    containers = template["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for each in containers for port in each.get("ports", [])}
    return Pod(labels["app.kubernetes.io/component"], labels, ports)


def _matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    if unknown := selector.keys() - {"matchLabels"}:
        raise NotImplementedError(f"selectors by {', '.join(unknown)}")
    return all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())


def _port_matches(allowed: Sequence[Mapping[str, Any]] | None, target: Place, port: int, protocol: str) -> bool:
    if not allowed:
        return True
    named = target.ports if isinstance(target, Pod) else {}
    return any(
        each.get("protocol", "TCP") == protocol
        and (named.get(each["port"]) if isinstance(each["port"], str) else each["port"]) == port
        for each in allowed
    )


def _is_among(peers: Sequence[Mapping[str, Any]] | None, other: Place) -> bool:
    return not peers or any(_is(peer, other) for peer in peers)


def _is(peer: Mapping[str, Any], other: Place) -> bool:
    if "ipBlock" in peer:
        return isinstance(other, Stranger) and bool(other.address) and _within(peer["ipBlock"], other.address)
    if "namespaceSelector" in peer:
        return (
            isinstance(other, Stranger)
            and bool(other.namespace)
            and _matches(peer["namespaceSelector"], other.namespace)
            and _matches(peer.get("podSelector", {}), other.labels)
        )
    return isinstance(other, Pod) and _matches(peer["podSelector"], other.labels)


def _within(block: Mapping[str, Any], address: str) -> bool:
    found = ipaddress.ip_address(address)
    return found in ipaddress.ip_network(block["cidr"]) and not any(
        found in ipaddress.ip_network(each) for each in block.get("except", [])
    )
