"""The storage service, as the port `Files`."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from reelmesh.mesh.v1 import storage_service_pb2, storage_service_pb2_grpc
from reelmesh.v1 import asset_pb2

from reelmesh_gateway.model import assets
from reelmesh_gateway.wire import assets as wire

CHUNK_LIMIT_BYTES = 1024 * 1024


class Storage:
    """Speaks to the storage service by gRPC; its errors are those of `reelmesh_kit.errors`."""

    def __init__(self, stub: "storage_service_pb2_grpc.StorageServiceAsyncStub") -> None:
        """Call by `stub`."""
        self._stub = stub

    async def put(self, upload: assets.Upload, chunks: AsyncIterator[bytes]) -> None:
        """Stream an upload in; what `chunks` raises ends the call and is raised here."""
        source = _Source(upload, chunks)
        try:
            await self._stub.PutAsset(source.requests())
        except BaseException:
            # gRPC tells only that the stream of requests ended early, not why.
            if source.trouble is not None:
                raise source.trouble from None
            raise

    async def find(self, asset_id: str, tenant_id: str) -> assets.Asset:
        """Return what is known about an asset."""
        asked = storage_service_pb2.StatAssetRequest(asset_id=asset_id, tenant_id=tenant_id)
        return wire.from_message((await self._stub.StatAsset(asked)).asset)

    async def read(self, asset: assets.Asset, offset: int, length: int) -> AsyncGenerator[bytes]:
        """Yield bytes of an asset as they come."""
        call = self._stub.ReadAsset(
            storage_service_pb2.ReadAssetRequest(
                asset_id=asset.id, tenant_id=asset.tenant_id, offset=offset, length=length
            )
        )
        try:
            async for part in call:
                if part.chunk:
                    yield part.chunk
        finally:
            call.cancel()

    async def remove(self, asset_id: str, tenant_id: str) -> None:
        """Delete an asset; once more is fine."""
        await self._stub.RemoveAsset(storage_service_pb2.RemoveAssetRequest(asset_id=asset_id, tenant_id=tenant_id))

    async def sign(self, asset_id: str, tenant_id: str) -> str:
        """Return a signed URL."""
        asked = storage_service_pb2.SignUrlRequest(asset_id=asset_id, tenant_id=tenant_id)
        return (await self._stub.SignUrl(asked)).url

    async def verify(self, token: str) -> str:
        """Return the asset that a signed URL of ours names."""
        return (await self._stub.VerifyUrl(storage_service_pb2.VerifyUrlRequest(token=token))).asset_id


class _Source:
    """The requests of one upload, and what went wrong while they were made."""

    def __init__(self, upload: assets.Upload, chunks: AsyncIterator[bytes]) -> None:
        self.trouble: Exception | None = None
        self._upload = upload
        self._chunks = chunks

    async def requests(self) -> AsyncGenerator[storage_service_pb2.PutAssetRequest]:
        yield storage_service_pb2.PutAssetRequest(header=_header(self._upload))
        try:
            async for chunk in self._chunks:
                for start in range(0, len(chunk), CHUNK_LIMIT_BYTES):
                    yield storage_service_pb2.PutAssetRequest(chunk=chunk[start : start + CHUNK_LIMIT_BYTES])
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except Exception as error:
            # Raised anew by `put`; raising it here too makes gRPC cancel the call.
            self.trouble = error
            raise


def _header(upload: assets.Upload) -> storage_service_pb2.PutHeader:
    header = storage_service_pb2.PutHeader(
        asset_id=upload.id,
        tenant_id=upload.owner.tenant_id,
        user_id=upload.owner.user_id,
        kind=asset_pb2.ASSET_KIND_REFERENCE,
        content_type=upload.content_type,
    )
    header.expires_after.FromTimedelta(upload.expires_after)
    return header
