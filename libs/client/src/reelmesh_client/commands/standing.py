"""How a worker pool stands, for people who never saw one: from its resource, and from what the mesh says."""

import dataclasses
import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reelmesh.v1 import pool_pb2

Resource = Mapping[str, Any]
Pool = pool_pb2.Pool
Worker = pool_pb2.PoolWorker

MEDIA = "media"


@dataclasses.dataclass(frozen=True)
class Standing:
    """How a pool is, in one word, and why."""

    word: str
    why: str = ""
    style: str = ""

    def __str__(self) -> str:
        """Say both."""
        return f"{self.word}: {self.why}" if self.why else self.word


def name(resource: Resource) -> str:
    """Return the name of a pool."""
    return resource["metadata"]["name"]


def queue(resource: Resource) -> str:
    """Return where its work waits."""
    asked = resource["spec"].get("queue", {})
    return asked.get("provider") or "media: " + ", ".join(asked.get("lanes", ()))


def workload(resource: Resource) -> str:
    """Return what runs its workers."""
    asked = resource["spec"].get("workload", {})
    return f"{asked.get('kind', 'Deployment')} {asked.get('name', '')}"


def among(resource: Resource, pools: Iterable[Pool]) -> Pool | None:
    """Return what the mesh says of a pool's work; None when it says nothing."""
    provider = resource["spec"].get("queue", {}).get("provider", "")
    key = ("provider", provider) if provider else (MEDIA, MEDIA)
    return next((one for one in pools if (one.kind, one.pool) == key), None)


def standings(resource: Resource) -> Sequence[Standing]:
    """Return how a pool is, the most important first; never nothing."""
    found = _unseen(resource)
    if found is not None:
        return [found]
    told = conditions(resource)
    spec, status = resource["spec"], resource.get("status", {})
    said: list[Standing] = []
    ready, limited, active = (told.get(kind, {}) for kind in ("Ready", "Limited", "Active"))
    if ready.get("status") == "False":
        said.append(Standing("not ready", ready.get("message") or ready.get("reason", ""), "red"))
    if spec.get("pause", "None") != "None":
        said.append(Standing("paused", _paused(resource), "yellow"))
    if spec.get("dryRun"):
        said.append(Standing("rehearses", "decisions are told, and not carried out", "yellow"))
    if limited.get("status") == "True":
        said.append(Standing("limited", limited.get("message") or limited.get("reason", ""), "yellow"))
    return said or [_moving(status) or _resting(resource, active)]


def _unseen(resource: Resource) -> Standing | None:
    if "deletionTimestamp" in resource["metadata"]:
        return Standing("going", "it is being deleted", "yellow")
    status = resource.get("status", {})
    if not status.get("conditions"):
        return Standing("not looked after", "no operator has seen it: does one run for this namespace?", "red")
    if status.get("observedGeneration", 0) < resource["metadata"].get("generation", 0):
        return Standing("not looked after", "the operator has not seen its latest change: does it run?", "red")
    return None


def _paused(resource: Resource) -> str:
    replicas = resource.get("status", {}).get("replicas")
    which = resource["spec"].get("pause")
    if which == "ScaleIn":
        return "it grows, and does not shrink"
    if which == "ScaleOut":
        return "it shrinks, and does not grow"
    return "it stays as it is" if replicas is None else f"it stays at {workers(replicas)}"


def _moving(status: Mapping[str, Any]) -> Standing | None:
    replicas, ready, desired = (status.get(key) for key in ("replicas", "readyReplicas", "desiredReplicas"))
    if replicas is None or ready is None or desired is None:
        return None
    draining = len(status.get("draining", ()))
    if draining:
        return Standing("shrinking", f"{workers(draining)} end what they have, then go", "cyan")
    if desired < replicas:
        return Standing("shrinking", f"to {workers(desired)}", "cyan")
    if desired > replicas or ready < replicas:
        return Standing("growing", f"{ready} of {workers(max(desired, replicas))} are ready", "cyan")
    return None


def _resting(resource: Resource, active: Mapping[str, Any]) -> Standing:
    status, spec = resource.get("status", {}), resource["spec"]
    if active.get("reason") == "ProviderUnknown":
        return Standing("well", "one worker is to tell what the provider can do", "green")
    if active.get("status") != "False":
        return Standing("well", "", "green")
    replicas, least = status.get("replicas", 0), spec.get("minReplicas", 0)
    if not replicas:
        return Standing("well", "no work, so nobody", "green")
    if replicas <= least:
        return Standing("well", f"no work; {workers(least)} stay always", "green")
    return Standing("well", f"no work; the last goes after {spec.get('cooldownSeconds', 300)} s without any", "green")


def workers(number: int) -> str:
    """Return "1 worker", "2 workers"."""
    return f"{number} worker" if number == 1 else f"{number} workers"


def numbers(resource: Resource) -> str:
    """Return how many workers there are, in short."""
    status = resource.get("status", {})
    replicas, ready = status.get("replicas"), status.get("readyReplicas", 0)
    if replicas is None:
        return "?"
    desired = status.get("desiredReplicas", replicas)
    words = f"{ready} of {replicas} ready" if replicas else "none"
    return words if desired == replicas else f"{words}, to be {desired}"


def limits(resource: Resource) -> str:
    """Return between how many workers a pool moves."""
    spec = resource["spec"]
    words = f"{spec.get('minReplicas', 0)} to {spec.get('maxReplicas', 10)} workers"
    if cap := spec.get("capGroup"):
        words += f", {cap['maxReplicas']} together with the others of {cap['name']}, priority {spec.get('priority', 0)}"
    return words


def work(resource: Resource, pool: Pool | None) -> str:
    """Return what there is to do, in short: as the mesh says, else as the operator saw it last."""
    if pool is None:
        status = resource.get("status", {})
        if "inFlight" not in status:
            return "?"
        return _work(status.get("waiting", 0), None, status["inFlight"])
    return _work(pool.waiting, pool.sendable, at_work(resource, pool))


def _work(waiting: int, sendable: int | None, begun: int) -> str:
    if not waiting and not begun:
        return "none"
    if not waiting:
        return f"{begun} at work"
    could_go = "" if sendable is None else f" ({min(sendable, waiting)} could go)"
    return f"{waiting} wait{could_go}, {begun} at work"


def at_work(resource: Resource, pool: Pool) -> int:
    """Return how much is sent out or at work."""
    lanes = set(resource["spec"].get("queue", {}).get("lanes", ()))
    steps = sum(one.steps for one in pool.lanes if one.lane in lanes)
    return pool.dispatched + pool.submitting + pool.watched + steps


def work_in_full(resource: Resource, pool: Pool) -> Sequence[str]:
    """Return what there is to do, a line for each kind of it."""
    lanes = resource["spec"].get("queue", {}).get("lanes")
    if lanes:
        return [f"{one.steps} steps in the lane {one.lane}" for one in pool.lanes if one.lane in lanes]
    if not pool.known:
        return ["nobody has told yet what the provider can do: the first worker will"]
    held = pool.waiting - min(pool.sendable, pool.waiting)
    waiting = f"{pool.waiting} wait to be sent out"
    if pool.waiting:
        waiting += f": {min(pool.sendable, pool.waiting)} could go now"
        waiting += f", {held} wait for slots, breakers or switches of accounts (`reelmesh accounts`)" if held else ""
    return [
        waiting,
        f"{pool.dispatched} sent out and not begun, {pool.submitting} being submitted",
        f"{pool.watched} made by the provider now, and watched",
    ]


def worker(one: Worker, draining: Iterable[str]) -> Standing:
    """Return what a worker does."""
    load = f"{one.load} under way" if one.load else ""
    if one.drained and one.cordoned:
        return Standing("may go", "it has nothing, and begins nothing", "cyan")
    if one.cordoned:
        whose = "" if one.name in draining else "no pool asks for it, so that it is let go within a minute"
        rest = load or ("nothing to lose" if one.idle else "it ends what it has")
        return Standing("cordoned", "; ".join(filter(None, (rest, whose))), "yellow")
    if one.idle:
        return Standing("idle", "", "dim")
    return Standing("at work", load, "green")


def conditions(resource: Resource) -> Mapping[str, Mapping[str, Any]]:
    """Return the conditions of a pool by their type."""
    return {one["type"]: one for one in resource.get("status", {}).get("conditions", ())}


def moment(written: str) -> datetime.datetime | None:
    """Return a time as Kubernetes writes it; None when it is none."""
    try:
        return datetime.datetime.fromisoformat(written)
    except ValueError:
        return None


def event(one: Mapping[str, Any]) -> str:
    """Return what happened, and how often, in a line."""
    note = one.get("note") or one.get("reason") or ""
    series: Mapping[str, Any] = one.get("series") or {}
    times = series.get("count", 1)
    return f"{note} ({times} times)" if times > 1 else note
