"""MediaService: looks at pixels for other services, at once."""

from typing import Any

import grpc
from reelmesh.mesh.v1 import media_service_pb2, media_service_pb2_grpc

from reelmesh_media import wire
from reelmesh_media.model import sheets
from reelmesh_media.usecases import pictures, references

Context = grpc.aio.ServicerContext[Any, Any]


class MediaServicer(media_service_pb2_grpc.MediaServiceServicer):
    """Translates; decides nothing."""

    def __init__(self, verbs: references.References, drawing: pictures.Pictures) -> None:
        """Take the verbs."""
        self._verbs = verbs
        self._pictures = drawing

    async def PrepareReference(  # noqa: N802
        self, request: media_service_pb2.PrepareReferenceRequest, context: Context
    ) -> media_service_pb2.PrepareReferenceResponse:
        """Check, clean and store an uploaded image."""
        stored = await self._verbs.prepare(request.upload_asset_id, request.reference_asset_id)
        return media_service_pb2.PrepareReferenceResponse(asset=wire.stored_to_proto(stored))

    async def ProbeClip(  # noqa: N802
        self, request: media_service_pb2.ProbeClipRequest, context: Context
    ) -> media_service_pb2.ProbeClipResponse:
        """Measure a stored clip."""
        return wire.probe_to_proto(await self._verbs.probe(request.asset_id))

    async def DrawPicture(  # noqa: N802
        self, request: media_service_pb2.DrawPictureRequest, context: Context
    ) -> media_service_pb2.DrawPictureResponse:
        """Draw a small picture of what is stored."""
        kind = wire.picture_kind_from_proto(request.kind)
        content = await self._pictures.draw(request.asset_id, kind)
        return media_service_pb2.DrawPictureResponse(content=content, content_type=sheets.CONTENT_TYPES[kind])
