"""The media service, as the port `Media`."""

from reelmesh.mesh.v1 import media_service_pb2, media_service_pb2_grpc

from reelmesh_gateway.model import assets
from reelmesh_gateway.wire import assets as wire

# Decoding the longest video for a sheet of its frames, on a busy machine.
DRAW_SECONDS = 60.0
# Decoding, cleaning and storing the largest image on a busy machine.
PREPARE_SECONDS = 30.0


class Media:
    """Speaks to the media service by gRPC; its errors are those of `reelmesh_kit.errors`."""

    def __init__(self, stub: "media_service_pb2_grpc.MediaServiceAsyncStub") -> None:
        """Call by `stub`."""
        self._stub = stub

    async def prepare_reference(self, upload_id: str, reference_id: str) -> assets.Asset:
        """Have an upload checked and cleaned."""
        asked = media_service_pb2.PrepareReferenceRequest(upload_asset_id=upload_id, reference_asset_id=reference_id)
        return wire.from_message((await self._stub.PrepareReference(asked, timeout=PREPARE_SECONDS)).asset)

    async def draw(self, asset_id: str, what: assets.Drawing) -> assets.Drawn:
        """Have a small picture drawn."""
        asked = media_service_pb2.DrawPictureRequest(asset_id=asset_id, kind=f"PICTURE_KIND_{what}")
        drawn = await self._stub.DrawPicture(asked, timeout=DRAW_SECONDS)
        return assets.Drawn(drawn.content, drawn.content_type)
