"""Kubernetes, as far as worker pools need it: read workloads and Pods, write scales, costs, statuses and events."""

import contextlib
import socket
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import aiohttp
from reelmesh_kit import errors

from reelmesh_operator import ports
from reelmesh_operator.model import pools
from reelmesh_operator.wire import cluster, resource

COST_ANNOTATION = "controller.kubernetes.io/pod-deletion-cost"
CALL_SECONDS = 10.0
_KINDS = {pools.WorkloadKind.DEPLOYMENT: "deployments", pools.WorkloadKind.STATEFUL_SET: "statefulsets"}
_MERGE = {"Content-Type": "application/merge-patch+json"}


def _trust(access: ports.Access) -> ssl.SSLContext | bool:
    return ssl.create_default_context(cafile=access.ca_file) if access.url.startswith("https://") else False


class KubernetesCluster:
    """`ports.Cluster` by the API server's HTTP."""

    def __init__(self, session: aiohttp.ClientSession, access: ports.Access, namespace: str) -> None:
        """Take an open session; look after one namespace."""
        self._session = session
        self._access = access
        self._tls = _trust(access)
        self._namespace = namespace
        # Who says so: in a Pod, its name.
        self._instance = socket.gethostname()

    async def resources(self) -> Sequence[Mapping[str, Any]]:
        """Return the resources of all pools of the namespace, as they stand now."""
        return (await self._call("GET", self._pool()))["items"]

    async def actual(self, workload: pools.Workload) -> pools.Actual:
        """Return what there is of a workload."""
        body = await self._call("GET", self._workload(workload))
        selector = cluster.selector(body)
        listed = await self._call("GET", self._core("pods"), params={"labelSelector": selector})
        return cluster.actual(body, listed["items"], COST_ANNOTATION)

    async def scale(self, workload: pools.Workload, replicas: int) -> None:
        """Write the number of replicas."""
        await self._call("PATCH", f"{self._workload(workload)}/scale", body={"spec": {"replicas": replicas}})

    async def set_cost(self, pod: str, cost: int) -> None:
        """Write the deletion cost of a Pod."""
        annotations = {COST_ANNOTATION: str(cost) if cost else None}
        with contextlib.suppress(errors.NotFound):
            await self._call("PATCH", self._core(f"pods/{pod}"), body={"metadata": {"annotations": annotations}})

    async def tell(self, pool: str, status: Mapping[str, Any]) -> None:
        """Write the status of a pool."""
        with contextlib.suppress(errors.NotFound):
            await self._call("PATCH", f"{self._pool(pool)}/status", body={"status": status})

    async def note(self, what: ports.Note) -> None:
        """Keep what happened, as an event."""
        await self._call("POST", self._event(), body=resource.event(what, self._namespace, self._instance))

    async def note_again(self, name: str, count: int, at: str) -> None:
        """Keep how often it happened."""
        with contextlib.suppress(errors.NotFound):
            body = {"series": {"count": count, "lastObservedTime": at}}
            await self._call("PATCH", self._event(name), body=body)

    def _event(self, name: str = "") -> str:
        kind = f"/apis/events.k8s.io/v1/namespaces/{self._namespace}/events"
        return f"{kind}/{name}" if name else kind

    def _core(self, rest: str) -> str:
        return f"/api/v1/namespaces/{self._namespace}/{rest}"

    def _workload(self, workload: pools.Workload) -> str:
        return f"/apis/apps/v1/namespaces/{self._namespace}/{_KINDS[workload.kind]}/{workload.name}"

    def _pool(self, name: str = "") -> str:
        kind = f"/apis/{resource.GROUP}/{resource.VERSION}/namespaces/{self._namespace}/{resource.PLURAL}"
        return f"{kind}/{name}" if name else kind

    async def _call(
        self, method: str, path: str, *, body: Any = None, params: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"} if (token := self._access.token) else {}
        try:
            async with self._session.request(
                method,
                self._access.url.rstrip("/") + path,
                json=body,
                params=params,
                headers={**headers, **(_MERGE if method == "PATCH" else {})},
                ssl=self._tls,
                timeout=aiohttp.ClientTimeout(total=CALL_SECONDS),
            ) as answer:
                if answer.status >= 400:
                    raise _refusal(answer.status, f"{method} {path}", await answer.text())
                return await answer.json()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise errors.Unavailable(f"Kubernetes does not answer: {error or type(error).__name__}") from error


def _refusal(status: int, call: str, text: str) -> errors.ReelmeshError:
    told = cluster.message(text)
    if status == 404:
        return errors.NotFound(f"{call}: {told}")
    if status in (401, 403):
        return errors.PermissionDenied(f"{call}: Kubernetes does not let us: {told}; see to the operator's Role")
    return errors.Unavailable(f"{call}: Kubernetes answered {status}: {told}")


@contextlib.asynccontextmanager
async def connect(access: ports.Access, namespace: str) -> AsyncGenerator[KubernetesCluster]:
    """Open a session with the API server until the context is left."""
    async with aiohttp.ClientSession() as session:
        yield KubernetesCluster(session, access, namespace)
