"""The gRPC edge: messages in, use cases, messages out."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from reelmesh.mesh.v1 import storage_service_pb2, storage_service_pb2_grpc
from reelmesh_kit import errors, rpc

from reelmesh_storage import wire
from reelmesh_storage.usecases import lives, notes, serving, storing

# The stubs' contexts are generic in ways that say nothing here.
Context = Any
Requests = AsyncIterator[storage_service_pb2.PutAssetRequest]


class StorageServicer(storage_service_pb2_grpc.StorageServiceServicer):
    """Answers StorageService."""

    def __init__(
        self, storing: storing.Storing, serving: serving.Serving, lives: lives.Lives, notes: notes.Notes
    ) -> None:
        """Wire the use cases."""
        self._storing = storing
        self._serving = serving
        self._lives = lives
        self._notes = notes

    async def PutAsset(  # noqa: N802 - gRPC's name
        self, request_iterator: Requests, context: Context
    ) -> storage_service_pb2.PutAssetResponse:
        """Store a stream of bytes."""
        first = await anext(request_iterator, None)
        if first is None or first.WhichOneof("part") != "header":
            raise errors.InvalidArgument("header", "must come first")
        intent = wire.intent_of(first.header)
        whole = rpc.complete(request_iterator, context)
        async with contextlib.aclosing(whole), contextlib.aclosing(_chunks(whole)) as chunks:
            stored = await self._storing.store(intent, chunks)
        return storage_service_pb2.PutAssetResponse(asset=wire.asset_message(stored))

    async def StatAsset(  # noqa: N802
        self, request: storage_service_pb2.StatAssetRequest, context: Context
    ) -> storage_service_pb2.StatAssetResponse:
        """Say what is known about an asset."""
        found = await self._serving.stat(wire.uuid_of(request.asset_id, "asset_id"), request.tenant_id)
        return storage_service_pb2.StatAssetResponse(asset=wire.asset_message(found))

    async def ReadAsset(  # noqa: N802
        self, request: storage_service_pb2.ReadAssetRequest, context: Context
    ) -> AsyncGenerator[storage_service_pb2.ReadAssetResponse]:
        """Stream an asset and its bytes; each message waits until the one before was taken."""
        asset_id = wire.uuid_of(request.asset_id, "asset_id")
        found, chunks = await self._serving.read(asset_id, request.tenant_id, request.offset, request.length)
        async with contextlib.aclosing(chunks):
            yield storage_service_pb2.ReadAssetResponse(asset=wire.asset_message(found))
            async for chunk in chunks:
                yield storage_service_pb2.ReadAssetResponse(chunk=chunk)

    async def KeepAssets(  # noqa: N802
        self, request: storage_service_pb2.KeepAssetsRequest, context: Context
    ) -> storage_service_pb2.KeepAssetsResponse:
        """Make assets permanent."""
        missing = await self._lives.keep(wire.uuids_of(request.asset_ids))
        return storage_service_pb2.KeepAssetsResponse(missing_asset_ids=[str(asset_id) for asset_id in missing])

    async def RemoveAsset(  # noqa: N802
        self, request: storage_service_pb2.RemoveAssetRequest, context: Context
    ) -> storage_service_pb2.RemoveAssetResponse:
        """Remove an asset and its bytes."""
        await self._lives.remove(wire.uuid_of(request.asset_id, "asset_id"), request.tenant_id)
        return storage_service_pb2.RemoveAssetResponse()

    async def SignUrl(  # noqa: N802
        self, request: storage_service_pb2.SignUrlRequest, context: Context
    ) -> storage_service_pb2.SignUrlResponse:
        """Make a link."""
        asset_id = wire.uuid_of(request.asset_id, "asset_id")
        url, expires_at = await self._serving.sign(asset_id, request.tenant_id, wire.validity_of(request))
        return storage_service_pb2.SignUrlResponse(url=url, expire_time=wire.timestamp(expires_at))

    async def VerifyUrl(  # noqa: N802
        self, request: storage_service_pb2.VerifyUrlRequest, context: Context
    ) -> storage_service_pb2.VerifyUrlResponse:
        """Check a link of our own making."""
        return storage_service_pb2.VerifyUrlResponse(asset_id=str(await self._serving.verify(request.token)))

    async def KeepNote(  # noqa: N802
        self, request: storage_service_pb2.KeepNoteRequest, context: Context
    ) -> storage_service_pb2.KeepNoteResponse:
        """Write a note."""
        await self._notes.keep(request.name, request.content)
        return storage_service_pb2.KeepNoteResponse()

    async def ReadNote(  # noqa: N802
        self, request: storage_service_pb2.ReadNoteRequest, context: Context
    ) -> storage_service_pb2.ReadNoteResponse:
        """Read a note."""
        return storage_service_pb2.ReadNoteResponse(content=await self._notes.read(request.name))

    async def GetStatistics(  # noqa: N802
        self, request: storage_service_pb2.GetStatisticsRequest, context: Context
    ) -> storage_service_pb2.GetStatisticsResponse:
        """Count what is stored."""
        return wire.statistics_message(await self._serving.count(request.tenant_id))


async def _chunks(requests: Requests) -> AsyncGenerator[bytes]:
    async for request in requests:
        yield wire.chunk_of(request)
