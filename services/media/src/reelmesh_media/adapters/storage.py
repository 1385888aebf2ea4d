"""Moves bytes between files and the storage service."""

import asyncio
import pathlib
from collections.abc import AsyncIterator

import grpc
from reelmesh.mesh.v1 import storage_service_pb2, storage_service_pb2_grpc
from reelmesh_kit import errors

from reelmesh_media import wire
from reelmesh_media.model import steps

# One message of a stream.
CHUNK_BYTES = 512 * 1024
# Longest that moving one file may take, seconds.
TRANSFER_SECONDS = 600.0


class StorageAssets:
    """Assets in the storage service."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Take a channel to the storage service."""
        self._stub = storage_service_pb2_grpc.StorageServiceStub(channel)

    async def download(self, asset_id: str, path: pathlib.Path) -> steps.Owner:
        """Write an asset's bytes to a file."""
        request = storage_service_pb2.ReadAssetRequest(asset_id=asset_id)
        owner, expected, written = steps.Owner("", ""), 0, 0
        with path.open("wb") as file:
            async for part in self._stub.ReadAsset(request, timeout=TRANSFER_SECONDS):
                if part.WhichOneof("part") == "asset":
                    owner = steps.Owner(part.asset.tenant_id, part.asset.user_id)
                    expected = part.asset.size_bytes
                else:
                    written += len(part.chunk)
                    await asyncio.to_thread(file.write, part.chunk)
        if written != expected:
            raise errors.Unavailable(f"asset {asset_id} came with {written} of {expected} bytes")
        return owner

    async def upload(self, path: pathlib.Path, upload: steps.Upload) -> steps.Stored:
        """Store a file."""
        answer = await self._stub.PutAsset(_parts(path, upload), timeout=TRANSFER_SECONDS)
        return wire.stored_from_proto(upload, answer.asset)


async def _parts(path: pathlib.Path, upload: steps.Upload) -> AsyncIterator[storage_service_pb2.PutAssetRequest]:
    header = wire.put_header(upload, (await asyncio.to_thread(path.stat)).st_size)
    yield storage_service_pb2.PutAssetRequest(header=header)
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield storage_service_pb2.PutAssetRequest(chunk=chunk)
