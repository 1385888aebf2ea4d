"""The drop-in door: OpenAI's Videos API, so that code written for it works with our address and a key of ours."""

import contextlib
import hashlib
from collections.abc import AsyncGenerator, Generator
from typing import Annotated, Any

import fastapi
from reelmesh.v1 import generation_pb2, generation_service_pb2
from reelmesh_kit import errors, ids
from starlette import requests

from reelmesh_gateway import crash_points
from reelmesh_gateway.model import assets as model
from reelmesh_gateway.routes import answers, content, front, limits, openai_bodies
from reelmesh_gateway.wire import openai as wire
from reelmesh_gateway.wire import openai_request

VIDEOS = f"{wire.ROOT}/videos"
MODELS = f"{wire.ROOT}/models"
POLL_HEADER = "openai-poll-after-ms"
COUNT_HEADER = "x-stainless-retry-count"
REPLAYED_HEADER = "Idempotent-Replayed"
_KEY = "An own way to make repeating safe: the same key and body answer the same video."

_Id = Annotated[str, fastapi.Path(description='Id of the video, "video_…".')]
_Key = Annotated[str | None, fastapi.Header(alias="Idempotency-Key", description=_KEY)]
_PICTURE = {
    "image_url": {"type": "string", "description": "An https address, or a data URL."},
    "file_id": {"type": "string", "description": "Id of an asset of ours."},
}
_STARTS = "A picture to start from, of the video's size: exactly one of the two."
_ENDS = "A picture to end on, of the video's size: exactly one of the two. Not of the original's."
_REFERENCE = {"type": "object", "description": _STARTS, "properties": _PICTURE}
_LAST_FRAME = {"type": "object", "description": _ENDS, "properties": _PICTURE}
_SEED = "For videos that can be made again, where the model takes it. Not of the original's."
_PROPERTIES: dict[str, Any] = {
    "prompt": {"type": "string", "minLength": 1, "maxLength": 5000, "description": "What the video should show."},
    "model": {"type": "string", "description": '"sora-2" and the like, "provider" or "provider/model", "policy/name".'},
    "seconds": {"anyOf": [{"type": "string"}, {"type": "number"}], "description": 'Length; default "4".'},
    "size": {"type": "string", "pattern": "^[0-9]+x[0-9]+$", "description": 'Pixels; default "720x1280".'},
    "negative_prompt": {
        "type": "string",
        "maxLength": 2000,
        "description": "What it should not show. Not of the original's.",
    },
    "seed": {
        "anyOf": [{"type": "integer", "minimum": 0, "maximum": openai_request.LARGEST_SEED}, {"type": "string"}],
        "description": _SEED,
    },
}
_SCHEMA: dict[str, Any] = {"type": "object", "required": ["prompt"], "additionalProperties": False}
_BINARY = {"type": "string", "format": "binary"}
_CREATE = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    **_SCHEMA,
                    "properties": {**_PROPERTIES, "input_reference": _REFERENCE, "last_frame": _LAST_FRAME},
                }
            },
            "multipart/form-data": {
                "schema": {
                    **_SCHEMA,
                    "properties": {
                        **_PROPERTIES,
                        "seconds": {"type": "string"},
                        "seed": {"type": "string"},
                        "input_reference": _BINARY,
                        "last_frame": _BINARY,
                    },
                }
            },
        },
    }
}
_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {kind: {} for kind in ("video/mp4", "image/webp", "image/jpeg")},
        "description": "The file.",
    },
    206: {
        "content": {kind: {} for kind in ("video/mp4", "image/webp", "image/jpeg")},
        "description": "The bytes of the range.",
    },
    304: {"description": "They are what If-None-Match says."},
}


def router(behind: front.Front) -> fastapi.APIRouter:
    """Return the routes of OpenAI's dialect."""
    routes = fastapi.APIRouter(tags=["OpenAI dialect"], responses=wire.RESPONSES)
    _add_create(routes, behind)
    _add_videos(routes, behind)
    _add_content(routes, behind)
    _add_models(routes, behind)
    return routes


def _add_create(routes: fastapi.APIRouter, behind: front.Front) -> None:
    @routes.post(VIDEOS, response_model=wire.Video, openapi_extra=_CREATE)
    async def create_video(request: fastapi.Request, idempotency_key: _Key = None) -> fastapi.Response:
        """Ask for a video."""
        try:
            with _place(behind, request):
                wanted = openai_request.read(await openai_bodies.read(request, behind.upload_limit_bytes))
                behind.entrance.spend_create(front.key_of(request))
                asked = await _asked(behind, request, wanted, idempotency_key)
        except requests.ClientDisconnect:
            # Nobody is left to answer, and nothing was begun.
            return fastapi.Response(status_code=400)
        made = await _created(behind, request, wanted, asked, idempotency_key)
        crash_points.CREATED.passed()
        return _answer(made.generation, {REPLAYED_HEADER: "true"} if made.replayed else {})


def _add_videos(routes: fastapi.APIRouter, behind: front.Front) -> None:
    @routes.get(VIDEOS, response_model=wire.VideoList)
    async def list_videos(query: Annotated[wire.ListVideosQuery, fastapi.Query()]) -> fastapi.Response:
        """List the videos that were asked for at this door."""
        after = wire.generation_id(query.after) if query.after is not None else ""
        if after is None:
            return answers.answer(wire.page([], has_more=False))
        listed = await behind.generations.ListGenerations(
            generation_service_pb2.ListGenerationsRequest(
                # A page of none still tells whether there are any.
                page_size=max(query.limit, 1),
                labels={wire.DOOR_LABEL: wire.DOOR},
                after_generation_id=after,
                oldest_first=query.order == "asc",
            )
        )
        found = list(listed.generations)
        more = bool(listed.next_page_token) if query.limit else bool(found)
        return answers.answer(wire.page(found[: query.limit], has_more=more))

    @routes.get(VIDEOS + "/{video_id}", response_model=wire.Video)
    async def retrieve_video(video_id: _Id) -> fastapi.Response:
        """Read one video."""
        return _answer(await _found(behind, video_id), {})

    @routes.delete(VIDEOS + "/{video_id}", response_model=wire.VideoDeleted)
    async def delete_video(request: fastapi.Request, video_id: _Id) -> fastapi.Response:
        """Delete a video that is completed or failed, with its files."""
        found = await _found(behind, video_id)
        try:
            await front.delete(behind, request, found.id)
        except errors.WrongState:
            raise wire.Refused("Only completed or failed videos can be deleted.") from None
        return answers.answer({"id": video_id, "object": "video.deleted", "deleted": True})


def _add_content(routes: fastapi.APIRouter, behind: front.Front) -> None:
    @routes.get(VIDEOS + "/{video_id}/content", response_class=fastapi.responses.StreamingResponse, responses=_CONTENT)
    @routes.head(VIDEOS + "/{video_id}/content", include_in_schema=False)
    async def download_video_content(
        request: fastapi.Request, video_id: _Id, query: Annotated[wire.ContentQuery, fastapi.Query()]
    ) -> fastapi.Response:
        """Download a completed video, its thumbnail or its sheet of frames, all or a range of it."""
        found = await _found(behind, video_id)
        if found.state != generation_pb2.GENERATION_STATE_COMPLETED or not found.renditions:
            raise wire.Refused("Video is not ready yet, use GET /v1/videos/{video_id} to check status.", status=404)
        owner = front.owner_of(request)
        if query.variant == "video":
            return content.served(behind, request, await behind.assets.find(owner, found.renditions[0].asset_id))
        picture = model.Drawing.THUMBNAIL if query.variant == "thumbnail" else model.Drawing.SPRITESHEET
        # The smallest rendition has every frame that the sheet needs.
        thumbnail = query.variant == "thumbnail"
        asset_id = found.thumbnail_asset_id if thumbnail else found.renditions[-1].asset_id
        drawn = await behind.assets.draw(owner, asset_id, picture)
        return content.served_at_once(request, drawn.content, drawn.content_type)


def _add_models(routes: fastapi.APIRouter, behind: front.Front) -> None:
    @routes.get(MODELS, response_model=wire.ModelList)
    async def list_models() -> fastapi.Response:
        """List the names that `model` can have."""
        data = [wire.model(name) for name in await _models(behind)]
        return answers.answer({"object": "list", "data": data})

    @routes.get(MODELS + "/{model_id:path}", response_model=wire.Model)
    async def retrieve_model(model_id: str) -> fastapi.Response:
        """Read one of them."""
        if model_id not in await _models(behind) and not openai_request.is_free(model_id):
            raise openai_request.unknown_model(model_id)
        return answers.answer(wire.model(model_id))


@contextlib.contextmanager
def _place(behind: front.Front, request: fastapi.Request) -> Generator[None]:
    """Count those who send more than text: their bodies are held in memory, whole."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) <= limits.JSON_LIMIT_BYTES:
        yield
        return
    behind.large_bodies.refuse_if_full()
    with behind.large_bodies.take():
        yield


async def _asked(
    behind: front.Front, request: fastapi.Request, wanted: openai_request.Wanted, key: str | None
) -> generation_service_pb2.GenerationRequest:
    """Return our request, its pictures stored."""

    async def asset_of(reference: openai_request.Reference | None, name: str) -> str:
        if reference is None:
            return ""
        asset = await _asset(behind, front.owner_of(request), reference, name, key)
        if (asset.width, asset.height) != (wanted.width, wanted.height):
            raise wire.Refused(
                "Inpaint image must match the requested width and height: the image has "
                f"{asset.width}x{asset.height}, the video {wanted.width}x{wanted.height}.",
                name,
            )
        return asset.id

    begins = await asset_of(wanted.reference, "input_reference")
    return openai_request.to_request(wanted, begins, await asset_of(wanted.last_frame, "last_frame"))


async def _asset(
    behind: front.Front, owner: model.Owner, reference: openai_request.Reference, name: str, key: str | None
) -> model.Asset:
    """Return the asset that the field `name` is about, stored now if it is none yet."""
    match reference:
        case openai_request.Asset(asset_id):
            try:
                return await behind.assets.find(owner, asset_id)
            except (errors.NotFound, errors.InvalidArgument):
                told = "There is no such file. Upload one at POST /api/v1/assets."
                raise wire.Refused(told, name, "invalid_value") from None
        case openai_request.Picture(data):
            return await _stored(behind, owner, data, key)
        case openai_request.Address(url):
            try:
                data = await behind.web.fetch(url, behind.upload_limit_bytes)
            except errors.InvalidArgument as error:
                raise wire.Refused(f"Invalid value for '{name}': {error.problem}", name, "invalid_value") from error
            openai_request.check_picture(data, name)
            return await _stored(behind, owner, data, key)


async def _stored(behind: front.Front, owner: model.Owner, data: bytes, key: str | None) -> model.Asset:
    async def chunks() -> AsyncGenerator[bytes]:
        yield data

    # Under a key the same picture is the same asset each time, so that the request stays the same, too.
    derived = ids.derived("picture", owner.tenant_id, key, hashlib.sha256(data).hexdigest()) if key else ""
    return await behind.assets.upload_reference(owner, chunks(), reference_id=str(derived))


async def _created(
    behind: front.Front,
    request: fastapi.Request,
    wanted: openai_request.Wanted,
    generation: generation_service_pb2.GenerationRequest,
    key: str | None,
) -> generation_service_pb2.CreateGenerationResponse:
    asked = generation_service_pb2.CreateGenerationRequest(generation=generation, request_id=key or "")
    if not key:
        asked.repeat.body_sha256 = wanted.sha256
        asked.repeat.count = _count(request)
    try:
        return await behind.generations.CreateGeneration(asked)
    except (errors.NoCandidate, errors.InvalidArgument) as error:
        if await _nobody_has(behind, wanted.model, error):
            raise openai_request.unknown_model(wanted.model) from error
        raise


def _count(request: fastapi.Request) -> int:
    """Return how often the SDK says that it has sent this before; whoever says nothing sends it for the first time."""
    text = request.headers.get(COUNT_HEADER, "")
    return min(int(text), 1000) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


async def _nobody_has(behind: front.Front, name: str, error: errors.NoCandidate | errors.InvalidArgument) -> bool:
    """Tell whether a create was refused because of the name of its model."""
    if isinstance(error, errors.InvalidArgument):
        return error.field in ("model", "policy")
    named = openai_request.is_free(name) or openai_request.is_policy(name)
    return not named and name not in await _models(behind)


async def _models(behind: front.Front) -> list[str]:
    """Return the names that can be asked for: a quote names everybody who could be asked, and who not."""
    asked = generation_service_pb2.QuoteGenerationRequest(
        generation=generation_service_pb2.GenerationRequest(prompt="a video")
    )
    try:
        quoted = await behind.generations.QuoteGeneration(asked)
        pairs = {(each.provider, each.model) for shot in quoted.shots for each in shot.route}
    except errors.NoCandidate as error:
        pairs = {(name.partition("/")[0], name.partition("/")[2]) for name in error.metadata if "/" in name}
    names = {name for provider, found in pairs for name in (provider, f"{provider}/{found}")}
    return [*openai_request.HISTORICAL, *sorted(names)]


async def _found(behind: front.Front, video_id: str) -> generation_pb2.Generation:
    generation_id = wire.generation_id(video_id)
    if generation_id is not None:
        with contextlib.suppress(errors.NotFound):
            asked = generation_service_pb2.GetGenerationRequest(generation_id=generation_id)
            found = (await behind.generations.GetGeneration(asked)).generation
            if wire.is_video(found):
                return found
    raise wire.Refused("Video not found", status=404)


def _answer(generation: generation_pb2.Generation, headers: dict[str, str]) -> fastapi.Response:
    video = wire.video(generation)
    polling = {POLL_HEADER: str(wire.poll_after_ms(generation))} if video["status"] in ("queued", "in_progress") else {}
    return answers.answer(video, headers=headers | polling)
