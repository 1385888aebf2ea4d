"""The resource WorkerPool, v1alpha1: how it is read, and what its schema is printed from (`make crd`)."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import pydantic
from reelmesh_kit import errors

from reelmesh_operator import ports
from reelmesh_operator.model import pools

GROUP, VERSION, PLURAL, KIND = "reelmesh.dev", "v1alpha1", "workerpools", "WorkerPool"

# Names of objects of Kubernetes, and of our providers and lanes.
LONGEST_NAME_CHARACTERS = 63
# What an event of Kubernetes may say, and of whom.
LONGEST_NOTE_CHARACTERS = 1024
LONGEST_INSTANCE_CHARACTERS = 128
CONTROLLER = f"{GROUP}/operator"
MOST_REPLICAS = 1000
MOST_LANES = 8
LONGEST_PERIOD_SECONDS = 3600
HIGHEST_PRIORITY = 1000

Name = Annotated[
    str,
    pydantic.Field(min_length=1, max_length=LONGEST_NAME_CHARACTERS, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"),
]


def rule(expression: str, message: str) -> dict[str, str]:
    """Return a rule in CEL that the API server checks."""
    return {"rule": expression, "message": message}


def rules(*given: dict[str, str]) -> dict[str, Any]:
    """Return what a schema says besides."""
    return {"x-kubernetes-validations": list(given)}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class Part(pydantic.BaseModel):
    """A part of the resource; what it does not know it passes over, as a newer one may say more."""

    model_config = pydantic.ConfigDict(alias_generator=_camel, populate_by_name=True, frozen=True)


class Workload(Part):
    """What runs the workers, in the namespace of the pool. Leave out its replicas: they belong to the pool."""

    kind: Literal["Deployment", "StatefulSet"] = pydantic.Field(
        default="Deployment",
        description="Deployment, or StatefulSet where workers keep what outlives them. "
        "Of a StatefulSet the worker with the highest number goes first, whatever it does.",
    )
    name: Name = pydantic.Field(description="Its name.")


class Queue(Part):
    """Where the work waits: at a provider, or in lanes of media. Exactly one of them."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=rules(
            rule("has(self.provider) != has(self.lanes)", "name either a provider or lanes of media, not both")
        )
    )

    provider: Name | None = pydantic.Field(default=None, description="Provider whose attempts the workers make.")
    lanes: list[Name] | None = pydantic.Field(
        default=None,
        min_length=1,
        max_length=MOST_LANES,
        description="Lanes of media that the workers take steps of: quick, ladder.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class Stabilization(Part):
    """How long a need must have lasted."""

    up_seconds: int = pydantic.Field(
        default=0,
        ge=0,
        le=LONGEST_PERIOD_SECONDS,
        description="There are more workers only when that many were needed for so long.",
    )
    down_seconds: int = pydantic.Field(
        default=60,
        ge=0,
        le=LONGEST_PERIOD_SECONDS,
        description="There are fewer workers only when no more were needed for so long.",
    )


class CapGroup(Part):
    """What several pools of the namespace share."""

    name: Name = pydantic.Field(description="Name of the group.")
    max_replicas: int = pydantic.Field(
        ge=0,
        le=MOST_REPLICAS,
        description="Workers of all pools of the group together, those that are going included. "
        "Where pools disagree the smallest holds.",
    )


class Spec(Part):
    """What somebody wants of a pool."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=rules(
            rule("self.minReplicas <= self.maxReplicas", "minReplicas must not be greater than maxReplicas"),
            rule(
                "self.staleSeconds >= 3 * self.pollingSeconds",
                "staleSeconds must be at least 3 * pollingSeconds: one answer that is late would stop the scaling",
            ),
            rule(
                "!has(self.capGroup) || self.minReplicas <= self.capGroup.maxReplicas",
                "minReplicas must not be greater than capGroup.maxReplicas",
            ),
            rule(
                "self.workload == oldSelf.workload",
                "the workload of a pool cannot be changed: delete this WorkerPool and make another",
            ),
        )
    )

    workload: Workload
    queue: Queue
    min_replicas: int = pydantic.Field(default=0, ge=0, le=MOST_REPLICAS, description="Fewest workers.")
    max_replicas: int = pydantic.Field(default=10, ge=0, le=MOST_REPLICAS, description="Most workers.")
    work_per_worker: int = pydantic.Field(
        default=4,
        ge=1,
        le=256,
        description="Submits that a worker has open at once (its REELMESH_SUBMIT_SLOTS), or steps that it runs.",
    )
    watched_per_worker: int = pydantic.Field(
        default=200,
        ge=1,
        le=10_000,
        description="Accepted attempts that a worker watches (its REELMESH_WATCH_LIMIT). "
        "For provider-local, which renders itself, what it renders at once.",
    )
    polling_seconds: int = pydantic.Field(
        default=2, ge=1, le=60, description="How often is looked at least; work that goes out is seen at once."
    )
    stale_seconds: int = pydantic.Field(
        default=15,
        ge=3,
        le=LONGEST_PERIOD_SECONDS,
        description="When the orchestrator has not answered for so long the pool stays as it is.",
    )
    stabilization: Stabilization = Stabilization()
    cooldown_seconds: int = pydantic.Field(
        default=300,
        ge=0,
        le=86_400,
        description="The last worker goes when there was no work for so long.",
    )
    pause: Literal["None", "ScaleIn", "ScaleOut", "All"] = pydantic.Field(
        default="None", description="Which way the pool is not scaled. Nobody is cordoned who would not go."
    )
    dry_run: bool = pydantic.Field(default=False, description="Whether decisions are told, and not carried out.")
    priority: int = pydantic.Field(
        default=0,
        ge=-HIGHEST_PRIORITY,
        le=HIGHEST_PRIORITY,
        description="Whose workers come first where a cap is shared; higher is sooner.",
    )
    cap_group: CapGroup | None = None


def read(body: Mapping[str, Any]) -> pools.Desired:
    """Return what a resource asks for.

    Raises:
        errors.InvalidArgument: it does not keep to its schema, which the API server would have refused.
    """
    try:
        spec = Spec.model_validate(body.get("spec", {}))
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise errors.InvalidArgument("spec." + ".".join(map(str, first["loc"])), first["msg"]) from error
    metadata = body["metadata"]
    return pools.Desired(
        name=metadata["name"],
        workload=pools.Workload(pools.WorkloadKind(spec.workload.kind), spec.workload.name),
        queue=pools.Queue(spec.queue.provider or "", tuple(spec.queue.lanes or ())),
        min_replicas=spec.min_replicas,
        max_replicas=spec.max_replicas,
        work_per_worker=spec.work_per_worker,
        watched_per_worker=spec.watched_per_worker,
        polling_seconds=float(spec.polling_seconds),
        stale_seconds=float(spec.stale_seconds),
        up_seconds=float(spec.stabilization.up_seconds),
        down_seconds=float(spec.stabilization.down_seconds),
        cooldown_seconds=float(spec.cooldown_seconds),
        pause=pools.Pause(spec.pause),
        dry_run=spec.dry_run,
        priority=spec.priority,
        cap=pools.Cap(spec.cap_group.name, spec.cap_group.max_replicas) if spec.cap_group else None,
        generation=metadata.get("generation", 0),
    )


def status(
    view: pools.View, decision: pools.Decision, before: Mapping[str, Any], now: str, scaled_at: str
) -> dict[str, Any]:
    """Return the status as it is now: the same as before when nothing has changed.

    Args:
        view: what was known.
        decision: what was decided.
        before: the status as it stands in the resource.
        now: the time, as Kubernetes writes it.
        scaled_at: when the replicas were changed last; "" when they never were.
    """
    signal, actual = view.signal, view.actual
    told: dict[str, Any] = {
        "observedGeneration": view.desired.generation,
        "queue": str(view.desired.queue),
        "conditions": _conditions(decision.conditions, before.get("conditions", ()), now, view.desired.generation),
    }
    if decision.target is not None:
        told["desiredReplicas"] = decision.target
    if actual is not None:
        told["replicas"] = actual.replicas
        told["readyReplicas"] = sum(pod.ready for pod in actual.live)
    if signal is not None:
        told["waiting"] = signal.waiting
        told["inFlight"] = signal.to_do + signal.watched
    # Who is cordoned stays so while nobody decides otherwise.
    if draining := before.get("draining") if decision.cordon is None else list(decision.cordon):
        told["draining"] = draining
    if last := scaled_at or before.get("lastScaleTime", ""):
        told["lastScaleTime"] = last
    return told


def change(
    view: pools.View, decision: pools.Decision, before: Mapping[str, Any], now: str, scaled_at: str
) -> Mapping[str, Any]:
    """Return what to write so that the status becomes what it is now; nothing when it is that already."""
    after = status(view, decision, before, now, scaled_at)
    if before == after:
        return {}
    return {**dict.fromkeys((key for key in before if key not in after), None), **after}


def _conditions(
    found: Sequence[pools.Condition], before: Sequence[Mapping[str, Any]], now: str, generation: int
) -> list[dict[str, Any]]:
    known = {one.get("type"): one for one in before}
    told: list[dict[str, Any]] = []
    for one in found:
        same = known.get(one.type.value, {})
        since = same.get("lastTransitionTime", now) if same.get("status") == one.truth.value else now
        told.append(
            {
                "type": one.type.value,
                "status": one.truth.value,
                "reason": one.reason,
                "message": one.message,
                "lastTransitionTime": since,
                "observedGeneration": generation,
            }
        )
    return told


def event(what: ports.Note, namespace: str, instance: str) -> Mapping[str, Any]:
    """Return what happened to a pool, as an event of Kubernetes.

    Args:
        what: what happened.
        namespace: that of the pool.
        instance: who says so: the name of the operator's Pod.
    """
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": what.name, "namespace": namespace},
        "eventTime": what.at,
        "type": "Warning" if what.happened.warning else "Normal",
        "reason": what.happened.reason,
        "action": "Reconcile",
        "note": what.happened.note[:LONGEST_NOTE_CHARACTERS],
        "reportingController": CONTROLLER,
        "reportingInstance": instance[:LONGEST_INSTANCE_CHARACTERS],
        "regarding": {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            "name": what.pool,
            "namespace": namespace,
            "uid": what.uid,
        },
    }
