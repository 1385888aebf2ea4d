"""What the HTTP routes are given: the verbs, the public contract's services, and their limits."""

import dataclasses

from reelmesh.v1 import (
    account_service_pb2_grpc,
    generation_pb2,
    generation_service_pb2,
    generation_service_pb2_grpc,
    reconciliation_service_pb2_grpc,
    recovery_service_pb2_grpc,
)
from reelmesh_kit import process
from starlette import requests

from reelmesh_gateway import crash_points, ports
from reelmesh_gateway.model import assets as model
from reelmesh_gateway.model import keys
from reelmesh_gateway.routes import metrics, streams
from reelmesh_gateway.usecases import assets, entrance, examining, hearing, places, watching
from reelmesh_gateway.wire import delivered


@dataclasses.dataclass(frozen=True)
class Front:
    """Everything behind the HTTP edge.

    About generations, recovery, accounts and attempts in doubt the gateway decides nothing, so that routes speak to the
    orchestrator's services in the public contract's own messages; about assets it does, so that there are use cases.
    """

    own: process.Chassis
    entrance: entrance.Entrance
    generations: "generation_service_pb2_grpc.GenerationServiceAsyncStub"
    recovery: "recovery_service_pb2_grpc.RecoveryServiceAsyncStub"
    accounts: "account_service_pb2_grpc.AccountServiceAsyncStub"
    doubts: "reconciliation_service_pb2_grpc.ReconciliationServiceAsyncStub"
    assets: assets.Assets
    watching: watching.Watching
    streams: streams.Streams
    followers: places.Places
    downloads: places.Places
    large_bodies: places.Places
    """Those whose bodies are held in memory, whole."""
    web: ports.Web
    hearing: hearing.Hearing
    examining: examining.Examining
    """How the services are that are called."""
    metrics: metrics.Metrics
    public_url: str | None
    requests_limit: int
    """Open at once, streams of events included."""
    upload_limit_bytes: int
    upload_timeout_seconds: float


def key_of(request: requests.Request) -> keys.Key:
    """Return the key by which the guard let a request in."""
    key: keys.Key = request.state.key
    return key


def owner_of(request: requests.Request) -> model.Owner:
    """Return for whom a request acts on assets."""
    return model.Owner(key_of(request).tenant_id)


def absolute(front: Front, request: requests.Request, url: str) -> str:
    """Return a URL that the caller can open: those of buckets are absolute, those of ours are paths."""
    if not url.startswith("/"):
        return url
    root = front.public_url or str(request.base_url).rstrip("/")
    return root + url


async def delete(front: Front, request: requests.Request, generation_id: str) -> generation_pb2.Generation:
    """Delete a generation that has ended; return it as it was.

    Its files go first: should this end half-way, it is still there to be deleted again.
    """
    asked = generation_service_pb2.GetGenerationRequest(generation_id=generation_id)
    found = (await front.generations.GetGeneration(asked)).generation
    if delivered.has_ended(found):
        await front.assets.discard(owner_of(request), delivered.asset_ids(found))
    deleting = generation_service_pb2.DeleteGenerationRequest(generation_id=generation_id)
    await front.generations.DeleteGeneration(deleting)
    crash_points.DELETED.passed()
    return found


async def signed(front: Front, request: requests.Request, generation: generation_pb2.Generation) -> None:
    """Give the files of a generation URLs that the caller can open."""
    urls = await front.assets.urls(owner_of(request), delivered.unsigned_asset_ids(generation))
    delivered.sign(generation, urls)
    for file in delivered.files(generation):
        file.url = absolute(front, request, file.url)
