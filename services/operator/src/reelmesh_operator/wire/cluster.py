"""What Kubernetes says of workloads and Pods, in our words."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from reelmesh_operator.model import pools

# What the API server says of a refusal is cut off here.
LONGEST_MESSAGE_CHARACTERS = 300


def selector(workload: Mapping[str, Any]) -> str:
    """Return which Pods belong to a workload, as a question takes it."""
    asked = workload["spec"]["selector"]
    parts = [f"{key}={value}" for key, value in sorted(asked.get("matchLabels", {}).items())]
    for one in asked.get("matchExpressions", ()):
        key, values = one["key"], ",".join(one.get("values", ()))
        match one["operator"]:
            case "In":
                parts.append(f"{key} in ({values})")
            case "NotIn":
                parts.append(f"{key} notin ({values})")
            case "Exists":
                parts.append(key)
            case _:
                parts.append(f"!{key}")
    return ",".join(parts)


def actual(workload: Mapping[str, Any], pods: Sequence[Mapping[str, Any]], cost_annotation: str) -> pools.Actual:
    """Return what there is of a workload."""
    alive = [pod for pod in pods if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")]
    return pools.Actual(
        replicas=workload["spec"].get("replicas", 1),
        pods=tuple(_pod(pod, cost_annotation) for pod in alive),
        settled=_settled(workload),
    )


def _settled(workload: Mapping[str, Any]) -> bool:
    status = workload.get("status", {})
    if status.get("observedGeneration", 0) < workload["metadata"].get("generation", 0):
        return False
    if "updateRevision" in status:
        return status["updateRevision"] == status.get("currentRevision")
    return status.get("updatedReplicas", 0) == status.get("replicas", 0)


def _pod(pod: Mapping[str, Any], cost_annotation: str) -> pools.Pod:
    metadata, status = pod["metadata"], pod.get("status", {})
    conditions: Mapping[str, Mapping[str, Any]] = {one["type"]: one for one in status.get("conditions", ())}
    ready = conditions.get("Ready", {})
    cost = str(metadata.get("annotations", {}).get(cost_annotation, "0"))
    return pools.Pod(
        name=metadata["name"],
        ready=ready.get("status") == "True",
        pending=status.get("phase", "Pending") == "Pending",
        terminating="deletionTimestamp" in metadata,
        deletion_cost=int(cost) if cost.lstrip("-").isdecimal() else 0,
        faltered=_faltered(status, ready),
    )


def _faltered(status: Mapping[str, Any], ready: Mapping[str, Any]) -> bool:
    """Tell whether a Pod was ready since its container started, and is not: it turned after that, by the same clock.

    One that was never ready has not been so since before its container started.
    """
    turned = ready.get("lastTransitionTime")
    running = [one.get("state", {}).get("running", {}) for one in status.get("containerStatuses", ())]
    started = [one["startedAt"] for one in running if "startedAt" in one]
    # Kubernetes writes times so that their order is that of the letters.
    return ready.get("status") == "False" and bool(turned) and bool(started) and turned > max(started)


def message(text: str) -> str:
    """Return what the API server says of a refusal, in one sentence."""
    try:
        told: object = json.loads(text)
    except ValueError:
        told = None
    if isinstance(told, dict):
        text = str(cast("dict[str, object]", told).get("message", text))
    return text[:LONGEST_MESSAGE_CHARACTERS]
