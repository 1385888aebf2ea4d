"""The public AssetService: references in, whatever is stored out."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from reelmesh.v1 import asset_pb2, asset_service_pb2, asset_service_pb2_grpc
from reelmesh_kit import clock, errors, rpc
from typing_extensions import override

from reelmesh_gateway.model import assets as model
from reelmesh_gateway.model import keys
from reelmesh_gateway.servicer import admission
from reelmesh_gateway.usecases import assets, places
from reelmesh_gateway.wire import assets as wire


class Assets(asset_service_pb2_grpc.AssetServiceServicer):
    """Serves `reelmesh.v1.AssetService` to the world."""

    def __init__(
        self,
        door: admission.Admission,
        kept: assets.Assets,
        downloads: places.Places,
        public_url: str,
        servicer_clock: clock.Clock,
        *,
        upload_timeout_seconds: float,
    ) -> None:
        """Use the verbs of `kept`; paths of signed files are completed by `public_url`."""
        self._door = door
        self._assets = kept
        self._downloads = downloads
        self._public_url = public_url
        self._clock = servicer_clock
        self._upload_timeout_seconds = upload_timeout_seconds

    @override
    async def UploadAsset(self, request_iterator: Any, context: Any) -> asset_service_pb2.UploadAssetResponse:
        """Take a header, then bytes."""
        with self._door.admitted(context, keys.Scope.WRITE) as key:
            uploading = self._uploaded(key, request_iterator, context)
            try:
                asset = await self._clock.wait_for(uploading, self._upload_timeout_seconds)
            except TimeoutError as error:
                raise errors.DeadlineExceeded(
                    f"The upload took more than {self._upload_timeout_seconds:.0f} s. Nothing was stored; try again."
                ) from error
            return asset_service_pb2.UploadAssetResponse(asset=wire.to_message(asset))

    async def _uploaded(self, key: keys.Key, requests: Any, context: Any) -> model.Asset:
        async with contextlib.aclosing(rpc.complete(requests, context)) as parts:
            header = await _header(parts)
            return await self._assets.upload_reference(model.Owner(key.tenant_id, header.user_id), _chunks(parts))

    @override
    async def GetAsset(
        self, request: asset_service_pb2.GetAssetRequest, context: Any
    ) -> asset_service_pb2.GetAssetResponse:
        """Answer with the asset and a URL of its bytes."""
        with self._door.admitted(context, keys.Scope.READ) as key:
            owner = model.Owner(key.tenant_id)
            asset = await self._assets.find(owner, request.asset_id)
            url = (await self._assets.urls(owner, [asset.id])).get(asset.id, "")
            absolute = self._public_url + url if url.startswith("/") else url
            return asset_service_pb2.GetAssetResponse(asset=wire.to_message(asset), url=absolute)

    @override
    async def DownloadAsset(
        self, request: asset_service_pb2.DownloadAssetRequest, context: Any
    ) -> AsyncGenerator[asset_service_pb2.DownloadAssetResponse]:
        """Send the asset, then its bytes."""
        with self._door.admitted(context, keys.Scope.READ) as key:
            asset = await self._assets.find(model.Owner(key.tenant_id), request.asset_id)
            offset, length = _part(request, asset)
            self._downloads.refuse_if_full()
            with self._downloads.take():
                yield asset_service_pb2.DownloadAssetResponse(asset=wire.to_message(asset))
                async with contextlib.aclosing(self._assets.read(asset, offset, length)) as chunks:
                    async for chunk in chunks:
                        yield asset_service_pb2.DownloadAssetResponse(chunk=chunk)

    @override
    async def DeleteAsset(
        self, request: asset_service_pb2.DeleteAssetRequest, context: Any
    ) -> asset_service_pb2.DeleteAssetResponse:
        """Delete the asset and its bytes; once more is fine."""
        with self._door.admitted(context, keys.Scope.WRITE) as key:
            await self._assets.remove(model.Owner(key.tenant_id), request.asset_id)
            return asset_service_pb2.DeleteAssetResponse()


async def _header(parts: AsyncIterator[asset_service_pb2.UploadAssetRequest]) -> asset_service_pb2.UploadHeader:
    first = await anext(parts, None)
    if first is None or not first.HasField("header"):
        raise errors.InvalidArgument("header", "must be the first message")
    if first.header.kind not in (asset_pb2.ASSET_KIND_UNSPECIFIED, asset_pb2.ASSET_KIND_REFERENCE):
        raise errors.InvalidArgument("header.kind", "only REFERENCE can be uploaded")
    return first.header


async def _chunks(parts: AsyncIterator[asset_service_pb2.UploadAssetRequest]) -> AsyncGenerator[bytes]:
    async for part in parts:
        if part.HasField("header"):
            raise errors.InvalidArgument("header", "comes once, as the first message")
        yield part.chunk


def _part(request: asset_service_pb2.DownloadAssetRequest, asset: model.Asset) -> tuple[int, int]:
    if not 0 <= request.offset <= asset.size_bytes:
        raise errors.InvalidArgument("offset", f"must lie within the {asset.size_bytes} bytes there are")
    if request.length < 0:
        raise errors.InvalidArgument("length", "must not be negative; 0 means to the end")
    rest = asset.size_bytes - request.offset
    return request.offset, min(request.length, rest) if request.length else rest
