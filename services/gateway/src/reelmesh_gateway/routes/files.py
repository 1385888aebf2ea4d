"""Signed URLs of bytes on disk: the path itself is the permission."""

import fastapi

from reelmesh_gateway.routes import content, front
from reelmesh_gateway.wire import errors as wire


def router(behind: front.Front) -> fastapi.APIRouter:
    """Return the one route; it needs no key."""
    routes = fastapi.APIRouter(tags=["assets"], responses=wire.RESPONSES)

    @routes.get(
        "/files/{token}",
        response_class=fastapi.responses.StreamingResponse,
        responses=content.RESPONSES,
    )
    @routes.head("/files/{token}", include_in_schema=False)
    async def get_file(request: fastapi.Request, token: str) -> fastapi.Response:
        """Download what a signed URL names, all or a range of it."""
        return content.served(behind, request, await behind.assets.shared(token))

    return routes
