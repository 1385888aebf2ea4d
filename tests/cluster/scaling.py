"""A burst of slow jobs at the release: who makes them, who watches, and what is known of it afterwards."""

import asyncio
import contextlib
import dataclasses
import datetime
import os
import pathlib
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from typing import Any

from reelmesh_kit import clock

from bench import reports
from tests.cluster import cluster as clusters
from tests.cluster import release as releases
from tests.cluster import vendor, watching
from tests.e2e import caller as callers

WORKER = "provider-sora"
WORKLOAD = f"{releases.NAME}-{WORKER}"
JOBS = 300
# What a job takes at the vendor, seconds: longer than the life of some workers.
RENDER_SECONDS = 60
# By `maxReplicas` while they are submitted, by `watchedPerWorker` while they are watched.
TARGET = 6
POOL: Mapping[str, object] = {
    "maxReplicas": TARGET,
    "workPerWorker": 4,
    "watchedPerWorker": 50,
    "staleSeconds": 6,
    "cooldownSeconds": 5,
    "stabilization": {"downSeconds": 5},
}
CARD = """
recovery = "LISTING"
creation_delay_seconds = 5
listing_delay_seconds = 1
gone = { times = 3, over_seconds = 10 }
pace = { first_seconds = 5, longest_seconds = 5, growth = 1.0 }
[[models]]
model = "film"
shortest_seconds = 1
longest_seconds = 2
sizes = ["160x96"]
seed = true
longest_prompt = 1000
longest_render_seconds = 600
seconds_per_second = 60
[[models.prices]]
effective_on = 2025-01-01
micros_per_second = 100000
"""
OUTPUT = {"width": 160, "height": 96, "duration_seconds": 1}
# The chart's account for people, who may pause pools.
ON_CALL = "on-call"
SCALED: Mapping[str, Any] = {
    "workerPools": {"pausers": [{"kind": "ServiceAccount", "name": ON_CALL}]},
    "services": {
        "operator": {"enabled": True},
        WORKER: {
            "enabled": True,
            "resources": releases.SMALL,
            "scaledByPool": True,
            "pool": POOL,
            "readiness": {"periodSeconds": 1},
            "files": {"card.toml": CARD},
            "env": {
                "REELMESH_SORA_PROFILE": "sglang",
                "REELMESH_SORA_CARD_FILE": "/etc/reelmesh/files/card.toml",
                "REELMESH_SUBMIT_TIMEOUT_SECONDS": 15,
                # More than its share: when one is gone the others can take over what it watched.
                "REELMESH_WATCH_LIMIT": 80,
            },
            "extraEgress": [
                {"ports": [{"port": vendor.PORT}], "to": [{"podSelector": {"matchLabels": {"app": vendor.NAME}}}]}
            ],
        },
    },
}
CALLERS, READERS = 8, 3
JSON_VARIABLE = "JSON"
# Measured with KEDA 2.21.0 on such a node: docs/operating.md says how.
KEDA_SECONDS = 64.2
PATIENCE_SECONDS = 600.0
LOOK_SECONDS = 0.5
# What a caller is told by a mesh that has more to do than there are cores.
BUSY = (503, 504)
_CLOCK = clock.SystemClock()


@dataclasses.dataclass
class Scene:
    """The release with a pool of real workers, and all that was seen of it."""

    release: releases.Release
    logs: watching.Logs
    replicas: watching.Watch
    """Of the workload: its `spec.replicas`."""
    pods: watching.Watch
    """Of the workers: name, when it is to be gone, whether it is ready."""
    ids: list[str] = dataclasses.field(default_factory=list[str])
    """Generations of the burst."""
    moments: dict[str, float] = dataclasses.field(default_factory=dict[str, float])
    deleted: set[str] = dataclasses.field(default_factory=set[str])
    """Pods that the tests have deleted, and not the operator."""

    @property
    def cluster(self) -> clusters.Cluster:
        """Where it runs."""
        return self.release.cluster

    @property
    def namespace(self) -> str:
        """Where it is there."""
        return self.release.namespace

    @contextlib.asynccontextmanager
    async def caller(self) -> AsyncGenerator[callers.Caller]:
        """Yield somebody who calls the gateway."""
        async with self.release.caller(self.release.has_key()) as caller:
            yield caller

    def wanted(self) -> int:
        """Return the replicas that the workload shall have."""
        return int(self.replicas.seen[-1].values[0] or 0)

    def live(self) -> dict[str, bool]:
        """Return the workers' Pods that are there and stay, and whether each is ready."""
        found = self.cluster.find("pods", self.namespace, selector=f"app.kubernetes.io/component={WORKER}")
        return {pod["metadata"]["name"]: _is_ready(pod) for pod in found if "deletionTimestamp" not in pod["metadata"]}

    def ready(self) -> int:
        """Return how many workers are ready."""
        return sum(self.live().values())

    def pool(self) -> Mapping[str, Any]:
        """Return the status of the WorkerPool."""
        return self.cluster.get("workerpool", WORKLOAD, self.namespace).get("status", {})

    def condition(self, type_: str) -> tuple[str, str]:
        """Return the status and the reason of a condition of the WorkerPool."""
        found = {one["type"]: one for one in self.pool().get("conditions", ())}
        return (found[type_]["status"], found[type_]["reason"]) if type_ in found else ("", "")

    def told(self) -> str:
        """Return what is known, for a failure's message."""
        return f"{self.pool()}\n{self.release.told()}"

    def until(self, is_so: Any, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait for something of the cluster."""
        releases.until(is_so, self.told, seconds)

    async def burst(self) -> None:
        """Ask for all the films at once, as far as callers get their answers."""
        numbers = iter(range(JOBS))

        async def ask(caller: callers.Caller) -> None:
            for number in numbers:
                self.ids.append((await _create(caller, number))["id"])
                self.moments.setdefault("first create", _CLOCK.elapsed())

        async with self.caller() as caller:
            self.moments["asked"] = _CLOCK.elapsed()
            await asyncio.gather(*(ask(caller) for _ in range(CALLERS)))
        self.moments["last create"] = _CLOCK.elapsed()

    async def ended(self) -> Sequence[callers.Body]:
        """Wait until all films of the burst have ended; return them."""
        ended: list[callers.Body] = []
        left = iter(self.ids)

        async def wait(caller: callers.Caller) -> None:
            for each in left:
                while (found := await _read(caller, each))["state"] not in callers.ENDED:
                    await _CLOCK.sleep(LOOK_SECONDS)
                ended.append(found)

        async with self.caller() as caller:
            await asyncio.gather(*(wait(caller) for _ in range(READERS)))
        return ended

    def removed(self) -> set[str]:
        """Return the Pods that went without our doing."""
        gone = {seen.values[0] for seen in self.pods.seen if seen.values[1]}
        return gone - self.deleted

    def last_words(self, pod: str) -> Mapping[str, Any] | None:
        """Return what a worker said that it had at work when it was told to end; None: it never came so far."""
        said = [line for line in self.logs.of(pod) if line["message"].startswith("Ending, ")]
        return said[-1] if said else None

    def rows(self) -> list[dict[str, str | float | None]]:
        """Return the reaction times, seconds."""
        first, last = self.moments["first create"], self.moments["last create"]
        return [
            {
                "what": what,
                "after the first create": _since(first, at),
                "after the last create": _since(last, at),
            }
            for what, at in self._reactions()
        ]

    def _reactions(self) -> Iterator[tuple[str, float | None]]:
        # What is recorded may have its workers before its caller has the answer.
        start = self.moments["asked"]
        scalings = [each for each in _scalings(self.cluster, self.namespace) if each[0] >= start]
        # Who was still going when the burst began is none of those that it brought.
        pods = {seen.values[0]: seen.at for seen in reversed(self.pods.seen)}
        ready = {seen.values[0]: seen.at for seen in reversed(self.pods.seen) if seen.values[2] == "True"}
        came = sorted(at for at in pods.values() if at >= start)
        began = sorted(at for name, at in ready.items() if pods[name] >= start)
        yield "the last create", self.moments["last create"]
        up_to = next((at, age) for at, replicas, age in scalings if replicas == TARGET)
        yield "signal: the orchestrator says what there is to do (first worker)", scalings[0][0] - scalings[0][2]
        yield "decision: the operator has scaled (first worker)", scalings[0][0]
        yield f"signal (all {TARGET} workers)", up_to[0] - up_to[1]
        yield f"decision (all {TARGET} workers)", up_to[0]
        yield f"spec.replicas is {TARGET}", self.replicas.first(lambda values: values[0] == str(TARGET), start)
        yield "Pod created: the first", came[0]
        yield f"Pod created: all {TARGET}", came[TARGET - 1]
        yield "Pod ready: the first", began[0]
        yield f"Pod ready: all {TARGET}", self.moments["all are ready"]
        yield "all films are delivered", self.moments.get("all are delivered")
        yield "nobody is left", self.moments.get("nobody is left")


def keep(rows: Sequence[Mapping[str, str | float | None]]) -> None:
    """Print the reaction times, and write them where JSON says."""
    print(f"\n{JOBS} jobs at once, seconds (KEDA 2.21 took {KEDA_SECONDS} to its target)\n{reports.table(rows)}")
    path = os.environ.get(JSON_VARIABLE)  # noqa: TID251 - as every measuring command has it
    if path:
        reports.write_json(pathlib.Path(path), "scaling", rows)


def _scalings(cluster: clusters.Cluster, namespace: str) -> list[tuple[float, int, float]]:
    """Return what the operator has scaled: when, to how many, and for how long it had known the reason."""
    logs = watching.lines(cluster.logs(f"deployment/{releases.NAME}-operator", namespace, "--tail=-1"))
    ahead = _CLOCK.now().timestamp() - _CLOCK.elapsed()
    return [
        (
            datetime.datetime.fromisoformat(line["time"]).timestamp() - ahead,
            int(line["message"].split()[-2]),
            line["signal_age_seconds"],
        )
        for line in logs
        if line["message"].startswith(f"Scaled Deployment {WORKLOAD} ")
    ]


async def _create(caller: callers.Caller, number: int) -> callers.Body:
    """Ask for a film, again by the same request id where the mesh has no time for it: it is one film."""
    wishes = {"output": OUTPUT, "model": "sora", "fallback_floor": "VIDEO", "request_id": f"film-{number}"}
    body = {"prompt": f"Film {number} of the burst", **wishes}
    while (answer := await caller.http.post(callers.GENERATIONS, json=body)).status_code in BUSY:
        await _CLOCK.sleep(LOOK_SECONDS)
    return callers.answered(answer, 202)


async def _read(caller: callers.Caller, generation_id: str) -> callers.Body:
    """Read a generation, again where the mesh has no time for it."""
    while (answer := await caller.http.get(f"{callers.GENERATIONS}/{generation_id}")).status_code in BUSY:
        await _CLOCK.sleep(LOOK_SECONDS)
    return callers.answered(answer, 200)


def _since(start: float, at: float | None) -> float | None:
    return None if at is None else round(at - start, 2)


def _is_ready(pod: Mapping[str, Any]) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", ()))
