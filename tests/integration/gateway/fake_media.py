"""The media service behind the gateway, in memory."""

from typing import Any

from reelmesh.mesh.v1 import media_service_pb2, media_service_pb2_grpc
from reelmesh.v1 import asset_pb2
from typing_extensions import override


class FakeMedia(media_service_pb2_grpc.MediaServiceServicer):
    """Takes every upload for a sound image, unless told otherwise."""

    def __init__(self, assets: dict[str, asset_pb2.Asset], content: dict[str, bytes]) -> None:
        self._assets = assets
        self._content = content
        self.refuse_with: Exception | None = None

    @override
    async def PrepareReference(self, request: Any, context: Any) -> Any:
        if self.refuse_with is not None:
            raise self.refuse_with
        upload = self._assets[request.upload_asset_id]
        clean = asset_pb2.Asset()
        clean.CopyFrom(upload)
        clean.id, clean.width, clean.height = request.reference_asset_id, 640, 480
        self._assets[clean.id] = clean
        self._content[clean.id] = self._content[upload.id]
        return media_service_pb2.PrepareReferenceResponse(asset=clean)

    @override
    async def ProbeClip(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    @override
    async def DrawPicture(self, request: Any, context: Any) -> Any:
        raise NotImplementedError
