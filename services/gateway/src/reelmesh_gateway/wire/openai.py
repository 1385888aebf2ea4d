"""OpenAI's Videos dialect, outward: videos, pages, models and errors as its SDK reads them."""

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pydantic
from google.protobuf import timestamp_pb2
from reelmesh.v1 import generation_pb2
from reelmesh_kit import errors

from reelmesh_gateway.wire import bodies
from reelmesh_gateway.wire import errors as wire_errors

ROOT = "/v1"
# What marks generations that were asked for at this door, and what their model was called.
DOOR_LABEL, DOOR = "door", "v1-videos"
MODEL_LABEL = "door-model"
LARGEST_PAGE = 100
DEFAULT_PAGE = 20
# How soon a client is asked to look again: a tenth of the time that it may take, between these.
SHORTEST_POLL_MS = 500
LONGEST_POLL_MS = 5000

_ID = re.compile(r"video_([0-9a-f]{32})")
_S = generation_pb2
_STATUS: Mapping[int, str] = {
    _S.GENERATION_STATE_PENDING: "queued",
    _S.GENERATION_STATE_QUEUED: "queued",
    _S.GENERATION_STATE_GENERATING: "in_progress",
    _S.GENERATION_STATE_PROCESSING: "in_progress",
    _S.GENERATION_STATE_CANCELLING: "in_progress",
    _S.GENERATION_STATE_COMPLETED: "completed",
}
_FAILED = "failed"
# Codes of this dialect for how a video failed; ours stay ours.
_CODES: Mapping[int, str] = {
    _S.GENERATION_STATE_REJECTED: "moderation_blocked",
    _S.GENERATION_STATE_CANCELLED: "video_cancelled",
    _S.GENERATION_STATE_EXPIRED: "video_deadline_exceeded",
}
_FAILURE = "video_generation_failed"

_INVALID, _SERVER = "invalid_request_error", "server_error"
_TYPES: Mapping[int, str] = {401: _INVALID, 403: "permission_error", 408: _INVALID, 429: "rate_limit_error"}
_Reason = errors.Reason
_ERROR_CODES: Mapping[errors.Reason, str] = {
    _Reason.INVALID_ARGUMENT: "invalid_value",
    _Reason.NO_CANDIDATE: "invalid_value",
    _Reason.COST_LIMIT: "invalid_value",
    _Reason.ASSET_UNUSABLE: "invalid_value",
    _Reason.BROKEN_MEDIA: "invalid_image",
    _Reason.UNAUTHENTICATED: "invalid_api_key",
    _Reason.PERMISSION_DENIED: "insufficient_permissions",
    _Reason.TOO_LARGE: "request_too_large",
    _Reason.IDEMPOTENCY_KEY_REUSED: "idempotency_key_reused",
    _Reason.RATE_LIMITED: "rate_limit_exceeded",
}
# Our fields by the names that this dialect has for them.
_PARAMS: Mapping[str, str] = {
    "prompt": "prompt",
    "output": "size",
    "output.duration_seconds": "seconds",
    "output.width": "size",
    "output.height": "size",
    "model": "model",
    "policy": "model",
    "reference_asset_ids": "input_reference",
    "first_frame_asset_id": "input_reference",
    "last_frame_asset_id": "last_frame",
    "after_generation_id": "after",
    "request_id": "Idempotency-Key",
}
_ABOUT_PICTURES = (_Reason.ASSET_UNUSABLE, _Reason.BROKEN_MEDIA)


class VideoError(bodies.Body):
    """Why a video failed."""

    code: str
    """A word of this dialect, such as "video_generation_failed" or "moderation_blocked"."""
    message: str
    """A sentence."""


class Video(bodies.Body):
    """A video, as OpenAI's API shows one."""

    id: str
    """"video_" and 32 hex digits."""
    object: Literal["video"]
    """What this is."""
    model: str
    """As it was asked for."""
    status: Literal["queued", "in_progress", "completed", "failed"]
    """Where it stands."""
    progress: int
    """0 to 100."""
    created_at: int
    """Unix seconds."""
    completed_at: int | None
    """Unix seconds; null unless completed."""
    expires_at: int | None
    """Always null: a video stays until it is deleted."""
    prompt: str
    """What it should show."""
    size: str
    """Pixels, as "720x1280"."""
    seconds: str
    """Length."""
    quality: Literal["standard"]
    """Always so."""
    remixed_from_video_id: str | None
    """Always null."""
    error: VideoError | None
    """Why it failed."""


class VideoList(bodies.Body):
    """A page of videos."""

    object: Literal["list"]
    """What this is."""
    data: list[Video]
    """In the order asked for."""
    first_id: str | None
    """Of this page."""
    last_id: str | None
    """Of this page: `after` for the next."""
    has_more: bool
    """Whether there is a next page."""


class VideoDeleted(bodies.Body):
    """A video is gone."""

    id: str
    """Which."""
    object: Literal["video.deleted"]
    """What this is."""
    deleted: Literal[True]
    """That it is gone."""


class Model(bodies.Body):
    """A model that can be asked for."""

    id: str
    """Its name."""
    object: Literal["model"]
    """What this is."""
    created: int
    """Always 0: nobody says."""
    owned_by: str
    """The provider."""


class ModelList(bodies.Body):
    """The models that can be asked for."""

    object: Literal["list"]
    """What this is."""
    data: list[Model]
    """By name."""


class ErrorDetail(bodies.Body):
    """Why a call was refused."""

    message: str
    """A sentence that says what happened and what to do."""
    type: str
    """Kind of error, such as "invalid_request_error"."""
    param: str | None
    """The field that is wrong."""
    code: str | None
    """A stable word."""


class ErrorBody(bodies.Body):
    """The body of every answer below /v1 that is not a success."""

    error: ErrorDetail
    """Why."""


class ListVideosQuery(bodies.Query):
    """Says which page."""

    model_config = pydantic.ConfigDict(extra="ignore")

    after: str | None = None
    """Id of the last video of the page before."""
    limit: int = pydantic.Field(default=DEFAULT_PAGE, ge=0, le=LARGEST_PAGE)
    """Most to return."""
    order: Literal["asc", "desc"] = "desc"
    """Oldest or newest first."""

    @pydantic.model_validator(mode="before")
    @classmethod
    def _known_fields_only(cls, given: object) -> object:
        # Clients of this dialect may say more than we know.
        return given


class ContentQuery(ListVideosQuery):
    """Says which file of a video."""

    variant: Literal["video", "thumbnail", "spritesheet"] = "video"
    """MP4, WebP or JPEG."""


class Refused(wire_errors.Refused):
    """A refusal in the words of this dialect."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        """Refuse because of the field `param`."""
        super().__init__(status, errors.ReelmeshError(message))
        self.message = message
        self.param = param
        self.code = code


RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "The request was refused, in OpenAI's words."},
    "5XX": {"model": ErrorBody, "description": "Something is wrong on our side; try again."},
}


def owns(path: str) -> bool:
    """Tell whether what is answered at a path speaks this dialect, errors included."""
    return path == ROOT or path.startswith(ROOT + "/")


def error_body(error: errors.ReelmeshError, status: int, refused: wire_errors.Refused | None = None) -> dict[str, Any]:
    """Return the JSON of an error."""
    message, param, code = error.message, None, _ERROR_CODES.get(error.reason)
    if isinstance(refused, Refused):
        message, param, code = refused.message, refused.param, refused.code
    elif isinstance(error, errors.InvalidArgument):
        param = _PARAMS.get(error.field, error.field)
        message = f"Invalid value for '{param}': {error.problem}"
    elif error.reason in _ABOUT_PICTURES:
        param = "input_reference"
    kind = _TYPES.get(status, _INVALID if status < 500 else _SERVER)
    told = message[: wire_errors.MESSAGE_LIMIT_CHARACTERS]
    return {"error": {"message": told, "type": kind, "param": param, "code": code}}


def generation_id(video_id: str) -> str | None:
    """Return the id of the generation that a video is; None where it can be none."""
    found = _ID.fullmatch(video_id)
    return str(uuid.UUID(found[1])) if found else None


def video_id(generation: generation_pb2.Generation) -> str:
    """Return the id under which this dialect knows a generation."""
    return f"video_{uuid.UUID(generation.id).hex}"


def is_video(generation: generation_pb2.Generation) -> bool:
    """Tell whether a generation was asked for at this door: others may end with words, or a still."""
    floor = generation.fallback_floor == generation_pb2.DELIVERY_VIDEO
    return floor and generation.labels.get(DOOR_LABEL) == DOOR


def video(generation: generation_pb2.Generation) -> dict[str, Any]:
    """Return the JSON of a video."""
    status = _STATUS.get(generation.state, _FAILED)
    completed = status == "completed"
    output = generation.output
    percent = 100 if completed else 0 if status == _FAILED else min(generation.progress_percent, 99)
    return {
        "id": video_id(generation),
        "object": "video",
        "model": generation.labels.get(MODEL_LABEL, ""),
        "status": status,
        "progress": percent,
        "created_at": _seconds(generation.create_time),
        "completed_at": _seconds(generation.complete_time) if completed else None,
        "expires_at": None,
        "prompt": generation.prompt,
        "size": f"{output.width}x{output.height}",
        "seconds": f"{output.duration_seconds:g}",
        "quality": "standard",
        "remixed_from_video_id": None,
        "error": _error(generation) if status == _FAILED else None,
    }


def page(generations: Sequence[generation_pb2.Generation], *, has_more: bool) -> dict[str, Any]:
    """Return the JSON of a page of videos."""
    data = [video(each) for each in generations]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": has_more,
    }


def model(name: str) -> dict[str, Any]:
    """Return the JSON of a model."""
    provider = name.partition("/")[0]
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "reelmesh" if provider.startswith("sora-") else provider,
    }


def poll_after_ms(generation: generation_pb2.Generation) -> int:
    """Return how long a client may wait before it looks again, milliseconds."""
    return min(max(round(generation.estimated_seconds * 100), SHORTEST_POLL_MS), LONGEST_POLL_MS)


def _error(generation: generation_pb2.Generation) -> dict[str, str]:
    message = generation.failure.message or "The video could not be generated."
    return {"code": _CODES.get(generation.state, _FAILURE), "message": message}


def _seconds(moment: timestamp_pb2.Timestamp) -> int:
    return moment.seconds
