"""Worker pools as Kubernetes keeps them, read and paused with the access that kubectl would have.

What it needs beyond the client (`reelmesh-client[kubernetes]`) is loaded when it is used: who has no Kubernetes neither
installs it nor waits for it.
"""

import asyncio
import contextlib
import dataclasses
import json
import ssl
from collections.abc import AsyncGenerator, Mapping
from typing import Any, cast

from reelmesh_client import errors, kubeconfig, machine

GROUP, VERSION, PLURAL = "reelmesh.dev", "v1alpha1", "workerpools"
CALL_SECONDS = 15.0
# Events of a pool that are read; Kubernetes forgets them after an hour.
EVENTS_MOST = 200
# What a server says of a refusal is cut off here.
_LONGEST_MESSAGE_CHARACTERS = 300
_TRIES = 10
_WAIT_SECONDS = 1.0
_MERGE = {"Content-Type": "application/merge-patch+json"}

Document = dict[str, Any]


class NoCluster(errors.Unavailable):
    """No Kubernetes answers."""

    hint = "See whether `kubectl get workerpools` works; name another cluster by --context or --kubeconfig."


class TooBusy(errors.Unavailable):
    """Kubernetes asks to wait."""

    hint = "Try again in a moment."


class NoPools(errors.Refused):
    """The cluster does not know worker pools."""

    hint = "Install reelmesh's chart there (its crds.enabled defines them), or name another cluster by --context."


class NotAllowed(errors.Refused):
    """Kubernetes does not let you."""

    hint = "Ask who runs the cluster for that right, or name another account by --context."


class NoSuchPool(errors.Refused):
    """There is no such worker pool."""

    hint = "`reelmesh pools list` shows those of a namespace; name another by --namespace."


class Unsupported(errors.ReelmeshError):
    """This installation cannot talk to Kubernetes."""

    hint = "Install it with what that needs: pip install 'reelmesh-client[kubernetes]'."


@dataclasses.dataclass(frozen=True)
class Pools:
    """The worker pools of one namespace."""

    access: kubeconfig.Access
    namespace: str
    session: Any
    trust: ssl.SSLContext | bool
    device: machine.Machine

    async def all(self) -> list[Document]:
        """Return the resources, by name."""
        found = (await self._call("GET", self._path()))["items"]
        return sorted(found, key=lambda one: one["metadata"]["name"])

    async def get(self, name: str) -> Document:
        """Return one resource.

        Raises:
            NoSuchPool: there is none.
        """
        return await self._call("GET", self._path(name))

    async def pause(self, name: str, which: str) -> Document:
        """Have a pool not scaled: "All", "ScaleIn", "ScaleOut", or "None" to have it scaled again; return it.

        Raises:
            NoSuchPool: there is none.
        """
        return await self._call("PATCH", self._path(name), body={"spec": {"pause": which}})

    async def events(self, name: str) -> list[Document]:
        """Return what happened to a pool lately, newest first; nothing where that may not be read."""
        chosen = f"regarding.kind=WorkerPool,regarding.name={name}"
        path = f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events"
        try:
            found = await self._call("GET", path, params={"fieldSelector": chosen, "limit": str(EVENTS_MOST)})
        except NotAllowed:
            return []
        return sorted(found["items"], key=seen_at, reverse=True)

    def _path(self, name: str = "") -> str:
        kind = f"/apis/{GROUP}/{VERSION}/namespaces/{self.namespace}/{PLURAL}"
        return f"{kind}/{name}" if name else kind

    async def _call(
        self, method: str, path: str, *, body: object = None, params: Mapping[str, str] | None = None
    ) -> Document:
        """Make a call, again while the server asks to wait, as it does right after a kind was defined."""
        for _ in range(_TRIES - 1):
            try:
                return await self._once(method, path, body, params)
            except TooBusy as error:
                await self.device.sleep(error.retry_after_seconds or _WAIT_SECONDS)
        return await self._once(method, path, body, params)

    async def _once(self, method: str, path: str, body: object, params: Mapping[str, str] | None) -> Document:
        import aiohttp

        url = self.access.server.rstrip("/") + path
        headers = {**self.access.headers, **(_MERGE if body is not None else {})}
        patience = aiohttp.ClientTimeout(total=CALL_SECONDS)
        try:
            async with self.session.request(
                method, url, json=body, params=params, headers=headers, ssl=self.trust, timeout=patience
            ) as answer:
                text = await answer.text()
                if answer.status >= 400:
                    raise _refusal(answer.status, text, path, answer.headers.get("Retry-After", ""))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            words = str(error) or "it did not answer in time"
            raise NoCluster(f"nobody answers at {self.access.server}: {words}") from error
        try:
            return json.loads(text)
        except ValueError as error:
            raise NoCluster(f"what answers at {self.access.server} is no Kubernetes") from error


def seen_at(event: Mapping[str, Any]) -> str:
    """Return when an event was seen last, as Kubernetes writes it; "" when it does not say."""
    series: Mapping[str, Any] = event.get("series") or {}
    return series.get("lastObservedTime") or event.get("eventTime") or event.get("deprecatedLastTimestamp") or ""


@contextlib.asynccontextmanager
async def connect(access: kubeconfig.Access, namespace: str) -> AsyncGenerator[Pools]:
    """Open a session with a cluster until the context is left; an empty namespace is that of the access.

    Raises:
        Unsupported: what it needs is not installed.
        kubeconfig.NoAccess: the credentials cannot be used.
    """
    try:
        import aiohttp
    except ImportError as error:
        raise Unsupported(f"this installation cannot talk to Kubernetes: {error}") from error
    trust = await asyncio.to_thread(access.trust)
    # Proxies, as kubectl would use them.
    async with aiohttp.ClientSession(trust_env=True) as session:
        yield Pools(access, namespace or access.namespace, session, trust, machine.SystemMachine())


def _refusal(status: int, text: str, path: str, wait: str) -> errors.ReelmeshError:
    told = _message(text)
    if status == 404:
        # An object that is not there is named by the server; a kind that is not there is not.
        return NoSuchPool(told) if f"{PLURAL}." in told else NoPools()
    if status in (401, 403):
        return NotAllowed(f"Kubernetes does not let you: {told}")
    if status == 429:
        seconds = float(wait) if wait.isdecimal() else _WAIT_SECONDS
        return TooBusy(f"Kubernetes asks to wait: {told}", retry_after_seconds=min(seconds, _WAIT_SECONDS))
    if status < 500:
        return errors.Refused(f"Kubernetes refused it: {told}")
    return NoCluster(f"Kubernetes answered {status} to {path}: {told}")


def _message(text: str) -> str:
    try:
        told: object = json.loads(text)
    except ValueError:
        told = None
    if isinstance(told, dict):
        text = str(cast("dict[str, object]", told).get("message", text))
    return text[:_LONGEST_MESSAGE_CHARACTERS].strip() or "it said nothing"
