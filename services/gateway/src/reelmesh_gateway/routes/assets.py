"""Assets over HTTP: references in, whatever is stored out, by byte ranges."""

from typing import Annotated, Any

import fastapi
from reelmesh_kit import errors
from starlette import requests

from reelmesh_gateway.model import assets as model
from reelmesh_gateway.routes import answers, content, forms, front
from reelmesh_gateway.wire import assets as wire
from reelmesh_gateway.wire import bodies
from reelmesh_gateway.wire import errors as wire_errors

ROOT = "/api/v1/assets"
_Id = Annotated[bodies.Id, fastapi.Path(description="UUID of the asset.")]
_UserId = Annotated[str, fastapi.Query(description="The person within the tenant whom it belongs to.", max_length=255)]

_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_FORM: dict[str, Any] = {
    "schema": {
        "type": "object",
        "required": ["file"],
        "properties": {
            "kind": {"type": "string", "enum": ["REFERENCE"], "description": "Only REFERENCE can be uploaded."},
            "user_id": {"type": "string", "description": "The person within the tenant whom it belongs to."},
            "file": {"type": "string", "format": "binary", "description": "The image; fields come before it."},
        },
    }
}
_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": _FORM,
            "image/jpeg": _BINARY,
            "image/png": _BINARY,
            "image/webp": _BINARY,
        },
    }
}


def router(behind: front.Front) -> fastapi.APIRouter:
    """Return the routes of assets."""
    routes = fastapi.APIRouter(tags=["assets"], responses=wire_errors.RESPONSES)
    _add_upload(routes, behind)
    _add_others(routes, behind)
    return routes


def _add_upload(routes: fastapi.APIRouter, behind: front.Front) -> None:
    @routes.post(ROOT, status_code=201, response_model=wire.Asset, openapi_extra=_UPLOAD)
    async def upload_asset(request: fastapi.Request, user_id: _UserId = "") -> fastapi.Response:
        """Upload a reference image, as the body or as a form: JPEG, PNG or WebP. It is cleaned of metadata."""
        fields, chunks = await forms.opened(request)
        if fields.get("kind", model.Kind.REFERENCE) != model.Kind.REFERENCE:
            raise errors.InvalidArgument("kind", "only REFERENCE can be uploaded")
        tenant_id = front.owner_of(request).tenant_id
        owner = model.Owner(tenant_id, fields.get("user_id", user_id))
        try:
            uploading = behind.assets.upload_reference(owner, chunks)
            asset = await behind.own.clock.wait_for(uploading, behind.upload_timeout_seconds)
        except TimeoutError as error:
            raise _too_slow(behind.upload_timeout_seconds) from error
        except requests.ClientDisconnect:
            # Nobody is left to answer; the upload was given up with the connection.
            return fastapi.Response(status_code=400)
        return answers.answer(wire.to_json(asset), 201, {"Location": f"{ROOT}/{asset.id}"})


def _add_others(routes: fastapi.APIRouter, behind: front.Front) -> None:
    @routes.get(ROOT + "/{asset_id}", response_model=wire.AssetWithUrl)
    async def get_asset(request: fastapi.Request, asset_id: _Id) -> fastapi.Response:
        """Read what is known about an asset."""
        owner = front.owner_of(request)
        asset = await behind.assets.find(owner, str(asset_id))
        urls = await behind.assets.urls(owner, [asset.id])
        return answers.answer(wire.to_json(asset, front.absolute(behind, request, urls.get(asset.id, ""))))

    @routes.get(
        ROOT + "/{asset_id}/content",
        response_class=fastapi.responses.StreamingResponse,
        responses=content.RESPONSES,
    )
    @routes.head(ROOT + "/{asset_id}/content", include_in_schema=False)
    async def get_asset_content(request: fastapi.Request, asset_id: _Id) -> fastapi.Response:
        """Download the bytes of an asset, all or a range of them."""
        asset = await behind.assets.find(front.owner_of(request), str(asset_id))
        return content.served(behind, request, asset)

    @routes.delete(ROOT + "/{asset_id}", status_code=204, response_class=fastapi.Response)
    async def delete_asset(request: fastapi.Request, asset_id: _Id) -> fastapi.Response:
        """Delete an asset and its bytes; once more is fine."""
        await behind.assets.remove(front.owner_of(request), str(asset_id))
        return fastapi.Response(status_code=204)


def _too_slow(seconds: float) -> wire_errors.Refused:
    late = errors.DeadlineExceeded(f"The upload took more than {seconds:.0f} s. Nothing was stored; try again.")
    return wire_errors.Refused(408, late, {"Connection": "close"})
