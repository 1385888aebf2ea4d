"""A running storage service and a client of it."""

import contextlib
import pathlib
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import grpc
from reelmesh.mesh.v1 import storage_service_pb2 as messages
from reelmesh.mesh.v1 import storage_service_pb2_grpc
from reelmesh.v1 import asset_pb2
from reelmesh_kit import ids, process, rpc
from reelmesh_storage import app, settings

FRESH = ids.RandomIds()
CHUNK_BYTES = 256 * 1024
# Nobody listens there: storage does its work without the bus.
NO_NATS = "nats://127.0.0.1:1"


def own_settings(home: pathlib.Path, **values: Any) -> settings.StorageSettings:
    """Return settings for a service whose files are all in `home`."""
    given: dict[str, Any] = {
        "database_url": f"sqlite:///{home / 'storage.db'}",
        "folder": home / "assets",
        "nats_url": NO_NATS,
        "drain_seconds": 0.5,
    }
    return settings.StorageSettings(**(given | values))


class Client:
    """Calls storage as other services do."""

    def __init__(self, stub: "storage_service_pb2_grpc.StorageServiceAsyncStub", running: process.Running) -> None:
        self.stub = stub
        self.running = running

    async def put(self, header: messages.PutHeader, body: bytes) -> asset_pb2.Asset:
        response = await self.stub.PutAsset(parts(header, body))
        return response.asset

    async def read(self, asset_id: str, **values: Any) -> bytes:
        request = messages.ReadAssetRequest(asset_id=asset_id, **values)
        received = [response async for response in self.stub.ReadAsset(request)]
        assert received[0].WhichOneof("part") == "asset"
        assert {response.WhichOneof("part") for response in received[1:]} <= {"chunk"}
        return b"".join(response.chunk for response in received[1:])

    async def stat(self, asset_id: str, tenant_id: str = "") -> asset_pb2.Asset:
        response = await self.stub.StatAsset(messages.StatAssetRequest(asset_id=asset_id, tenant_id=tenant_id))
        return response.asset

    @contextlib.asynccontextmanager
    async def plain(self) -> AsyncGenerator["storage_service_pb2_grpc.StorageServiceAsyncStub"]:
        """Yield a stub on a connection of its own that knows nothing of our kit."""
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.running.grpc_port}") as channel:
            yield storage_service_pb2_grpc.StorageServiceStub(channel)


@contextlib.asynccontextmanager
async def serving(given: settings.StorageSettings) -> AsyncGenerator[Client]:
    """Run a service; yield a client of it."""
    own = process.chassis("storage", given)
    try:
        async with (
            app.build(given, own) as running,
            rpc.channel(own, f"127.0.0.1:{running.grpc_port}") as channel,
        ):
            yield Client(storage_service_pb2_grpc.StorageServiceStub(channel), running)
    finally:
        own.telemetry.shutdown()


def header(**values: Any) -> messages.PutHeader:
    """Return the head of an upload under a fresh id."""
    given: dict[str, Any] = {
        "asset_id": str(FRESH.fresh()),
        "tenant_id": "default",
        "kind": asset_pb2.ASSET_KIND_CLIP,
        "content_type": "video/mp4",
    }
    return messages.PutHeader(**(given | values))


def parts(head: messages.PutHeader, body: bytes) -> Iterator[messages.PutAssetRequest]:
    """Yield the messages of an upload."""
    yield messages.PutAssetRequest(header=head)
    for start in range(0, len(body), CHUNK_BYTES):
        yield messages.PutAssetRequest(chunk=body[start : start + CHUNK_BYTES])


def files(folder: pathlib.Path) -> list[pathlib.Path]:
    """Return everything under `folder` but what keeps the links' secret."""
    return [path for path in folder.rglob("*") if path.is_file() and path.name != ".link-secret"]
