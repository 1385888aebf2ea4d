"""OpenAI's Videos API as it was until 2026-09-24, and as other servers speak it.

Written from the published specification and the recorded requests of the openai SDK; nobody can ask the original
any more. `retired` answers as after the end.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from starlette import requests, responses, routing
from typing_extensions import override

from reelmesh_simulators import orders, serving, vendor, webhooks
from reelmesh_simulators.dialects import bodies, posters
from reelmesh_simulators.faults import Fault

NAME = "openai"
SIZES = ("720x1280", "1280x720", "1024x1792", "1792x1024")
PRO_SIZES = (*SIZES, "1080x1920", "1920x1080")
SECONDS = ("4", "8", "12")
LONG_SECONDS = (*SECONDS, "16", "20")
PICTURES = ("image/jpeg", "image/png", "image/webp")
LONGEST_PROMPT = 32_000
LARGEST_PAGE = 100
DEFAULT_PAGE = 20
KEPT_SECONDS = 3600
# Micro-dollars for each second, by model and the longer side.
_PRICES = {"sora-2": {0: 100_000}, "sora-2-pro": {0: 300_000, 1792: 500_000, 1920: 700_000}}

STATUS = {
    orders.State.QUEUED: "queued",
    orders.State.RUNNING: "in_progress",
    orders.State.SUCCEEDED: "completed",
    orders.State.FAILED: "failed",
    orders.State.FILTERED: "failed",
    orders.State.CANCELLED: "failed",
}


class Refused(Exception):
    """The request is not as it should be, and what about it is not."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        """Refuse a request because of one of its fields."""
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.status = status


def failure(status: int, message: str, code: str | None, kind: str, param: str | None = None) -> responses.Response:
    """Return an error in OpenAI's envelope."""
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return responses.JSONResponse(body, status)


class OpenAI:
    """The original."""

    name = NAME
    models: Sequence[str] = tuple(_PRICES)

    def __init__(
        self, seller: vendor.Vendor, *, retired: bool = False, webhook_url: str = "", webhook_secret: bytes = b"secret"
    ) -> None:
        """Sell by `seller`; once `retired`, nothing. The project's webhook, if it has one, is signed by its secret."""
        self._vendor = seller
        self._retired = retired
        self._webhook_url = webhook_url
        self._webhook_secret = webhook_secret

    def routes(self) -> Sequence[routing.BaseRoute]:
        """Return what it answers to."""
        one = "/v1/videos/{job_id}"
        return [
            routing.Route("/v1/videos", self._answering(self._create), methods=["POST"]),
            routing.Route("/v1/videos", self._answering(self._list), methods=["GET"]),
            routing.Route("/v1/videos/edits", self._answering(self._edit), methods=["POST"]),
            routing.Route("/v1/videos/extensions", self._answering(self._extend), methods=["POST"]),
            routing.Route(one, self._answering(self._get), methods=["GET"]),
            routing.Route(one, self._answering(self._delete), methods=["DELETE"]),
            routing.Route(f"{one}/content", self._answering(self._content), methods=["GET"]),
            routing.Route(f"{one}/remix", self._answering(self._remix), methods=["POST"]),
        ]

    def spoilt(self, spoilt: vendor.Spoiled) -> responses.Response:
        """Say in OpenAI's words what went wrong."""
        answer = _SPOILT[spoilt.fault]
        response = failure(*answer)
        if spoilt.fault in (Fault.BUSY, Fault.POLL_BUSY):
            response.headers["retry-after"] = f"{spoilt.amount:g}"
        return response

    def unknown(self, problem: str) -> responses.Response:
        """Say that there is nothing."""
        return failure(404, problem or "Video not found", None, "invalid_request_error")

    def notice(self, look: vendor.Look, *, forged: bool) -> webhooks.Notice | None:
        """Return the event of a job that ended."""
        if not self._webhook_url:
            return None
        kind = "video.completed" if look.state is orders.State.SUCCEEDED else "video.failed"
        event_id = f"evt_{look.job.job_id}"
        event = {"id": event_id, "object": "event", "created_at": int(look.now), "type": kind}
        body = json.dumps({**event, "data": {"id": self._id_of(look)}}).encode()
        secret = b"somebody else's" if forged else self._webhook_secret
        return webhooks.Notice(self._webhook_url, webhooks.standard(secret, event_id, look.now, body), body)

    def _answering(self, answer: Any) -> Any:
        async def answered(request: requests.Request) -> responses.Response:
            if self._retired:
                return failure(404, "The Videos API has been shut down.", "model_not_found", "invalid_request_error")
            caller = self.caller(request)
            if not caller.account:
                return failure(401, "Incorrect API key provided.", "invalid_api_key", "invalid_request_error")
            try:
                made: responses.Response = await answer(request, caller)
            except Refused as refused:
                return failure(refused.status, refused.message, refused.code, "invalid_request_error", refused.param)
            return made

        return answered

    def caller(self, request: requests.Request) -> vendor.Caller:
        """Return who asks; no account means that the key is missing."""
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        repeats = request.headers.get("x-stainless-retry-count", "0")
        return vendor.Caller(
            key if kind.lower() == "bearer" else "",
            request.headers.get("user-agent", ""),
            int(repeats) if repeats.isdigit() else 0,
        )

    # --- the verbs

    async def _create(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        fields = await self._fields(request)
        prompt, model = _prompt(fields), fields.get("model", "sora-2")
        if model not in _PRICES:
            raise Refused(f"The model '{model}' does not exist.", "model", "model_not_found", 404)
        seconds = _seconds(fields.get("seconds", "4"), LONG_SECONDS)
        size = fields.get("size", "720x1280")
        allowed = PRO_SIZES if model == "sora-2-pro" else SIZES
        if size not in allowed:
            raise Refused(f"Invalid value: '{size}'. Supported values are: {_words(allowed)}.", "size", "invalid_value")
        _check_reference(fields, size)
        return await self._ordered(caller, prompt, model, seconds, size, {})

    async def _remix(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        source = await self._vendor.look(caller.account, request.path_params["job_id"])
        return await self._anew(caller, source, _prompt(await self._fields(request)), source.job.order.seconds)

    async def _edit(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        fields = await self._fields(request)
        source = await self._vendor.look(caller.account, _video_id(fields))
        return await self._anew(caller, source, _prompt(fields), source.job.order.seconds)

    async def _extend(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        fields = await self._fields(request)
        source = await self._vendor.look(caller.account, _video_id(fields))
        return await self._anew(caller, source, _prompt(fields), _seconds(fields.get("seconds"), LONG_SECONDS))

    async def _anew(
        self, caller: vendor.Caller, source: vendor.Look, prompt: str, seconds: float
    ) -> responses.Response:
        if source.state is not orders.State.SUCCEEDED:
            raise Refused("The source video is not completed.", "video")
        order = source.job.order
        told = {"remixed_from_video_id": source.job.job_id}
        return await self._ordered(caller, prompt, order.model, seconds, f"{order.width}x{order.height}", told)

    async def _ordered(
        self, caller: vendor.Caller, prompt: str, model: str, seconds: float, size: str, told: Mapping[str, Any]
    ) -> responses.Response:
        width, height = bodies.size_of(size) or (0, 0)
        order = orders.Order(prompt, model, seconds, width, height, told=told)
        job = await self._vendor.create(
            caller, order, f"video_{self._vendor.ids.fresh().hex}", price_micros(model, seconds, max(width, height))
        )
        return responses.JSONResponse(self._shown(vendor.accepted(job, self._vendor.now)))

    async def _get(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        look = await self._vendor.look(caller.account, request.path_params["job_id"])
        return responses.JSONResponse(self._shown(look))

    async def _list(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        return responses.JSONResponse(page_of(request, self._vendor.listed(caller.account), self._shown, self._id_of))

    async def _delete(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        job_id = request.path_params["job_id"]
        look = await self._vendor.look(caller.account, job_id)
        if look.state not in orders.ENDED:
            raise Refused("Only completed or failed videos can be deleted.")
        self._vendor.delete(caller.account, job_id)
        return responses.JSONResponse({"id": job_id, "object": "video.deleted", "deleted": True})

    async def _content(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        look = await self._vendor.look(caller.account, request.path_params["job_id"])
        if look.state is not orders.State.SUCCEEDED:
            raise Refused("Video is not ready yet, use GET /v1/videos/{video_id} to check status.", status=404)
        variant = request.query_params.get("variant", "video")
        content = await self._vendor.content(look)
        if variant == "video":
            truncated = self._vendor.truncated(look.job)
            return serving.Bytes(request, content, "video/mp4", truncated=truncated)
        if variant not in posters.KINDS:
            raise Refused(f"Invalid value: '{variant}'.", "variant", "invalid_value")
        return responses.Response(posters.picture(content, variant), media_type=posters.KINDS[variant])

    async def _fields(self, request: requests.Request) -> bodies.Fields:
        try:
            return await bodies.read(request)
        except bodies.Unreadable as error:
            raise Refused(f"We could not parse the body of your request: {error}") from error

    def _id_of(self, look: vendor.Look) -> str:
        """Return what this server calls a job."""
        return look.job.job_id

    def _shown(self, look: vendor.Look) -> dict[str, Any]:
        """Return a job as this server shows it."""
        order, ended = look.job.order, look.state in orders.ENDED
        succeeded = look.state is orders.State.SUCCEEDED
        return {
            "id": self._id_of(look),
            "object": "video",
            "model": order.model,
            "status": STATUS[look.state],
            "progress": look.percent if not ended or succeeded else 0,
            "created_at": int(look.job.created),
            "completed_at": int(look.job.ends) if succeeded else None,
            "expires_at": int(look.job.ends) + KEPT_SECONDS if succeeded else None,
            "prompt": order.prompt,
            "size": f"{order.width}x{order.height}",
            "seconds": f"{order.seconds:g}",
            "remixed_from_video_id": order.told.get("remixed_from_video_id"),
            "quality": "standard",
            "error": error_of(look),
        }


class Retired(OpenAI):
    """The original after its end."""

    name = "openai-retired"

    @override
    def __init__(self, seller: vendor.Vendor) -> None:
        """Sell nothing."""
        super().__init__(seller, retired=True)


def error_of(look: vendor.Look) -> dict[str, Any] | None:
    """Return why a job failed, in OpenAI's words; None where it did not."""
    if look.state is orders.State.FILTERED:
        return {"code": "moderation_blocked", "message": "Your request was blocked by our moderation system."}
    if look.state is orders.State.FAILED:
        code = "internal_error" if look.job.may_pass else "video_generation_failed"
        return {"code": code, "message": "The video could not be generated."}
    return None


def price_micros(model: str, seconds: float, longer_side: int) -> int:
    """Return what a clip costs, micro-dollars."""
    steps = _PRICES[model]
    return round(steps[max(side for side in steps if side <= longer_side)] * seconds)


def page_of(
    request: requests.Request,
    looks: Sequence[vendor.Look],
    shown: Callable[[vendor.Look], dict[str, Any]],
    named: Callable[[vendor.Look], str] = lambda look: look.job.job_id,
) -> dict[str, Any]:
    """Return a page of the list, as `after`, `limit` and `order` of the address ask for.

    Raises:
        Refused: they cannot be read.
    """
    asked = request.query_params
    limit = asked.get("limit", str(DEFAULT_PAGE))
    if not limit.isdigit() or int(limit) > LARGEST_PAGE:
        raise Refused(f"Invalid 'limit': expected 0 to {LARGEST_PAGE}.", "limit")
    if asked.get("order", "desc") not in ("asc", "desc"):
        raise Refused("Invalid 'order': expected 'asc' or 'desc'.", "order")
    data = list(looks if asked.get("order") == "asc" else reversed(looks))
    after = asked.get("after")
    if after is not None:
        ids = list(map(named, data))
        data = data[ids.index(after) + 1 :] if after in ids else []
    page, rest = [shown(look) for look in data[: int(limit)]], data[int(limit) :]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": bool(rest),
    }


def _prompt(fields: bodies.Fields) -> str:
    prompt = fields.get("prompt")
    if not isinstance(prompt, str) or not prompt:
        raise Refused("Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter")
    if len(prompt) > LONGEST_PROMPT:
        raise Refused(
            f"'prompt' is too long: at most {LONGEST_PROMPT} characters.", "prompt", "string_above_max_length"
        )
    return prompt


def _seconds(value: Any, allowed: Sequence[str]) -> float:
    if not isinstance(value, str):
        kind = "an integer" if isinstance(value, int) else "something else"
        expected = _words(SECONDS)
        raise Refused(
            f"Invalid type for 'seconds': expected one of {expected}, but got {kind} instead.",
            "seconds",
            "invalid_type",
        )
    if value not in allowed:
        raise Refused(f"Invalid value: '{value}'. Supported values are: {_words(allowed)}.", "seconds", "invalid_value")
    return float(value)


def _check_reference(fields: bodies.Fields, size: str) -> None:
    reference = fields.get("input_reference")
    if reference is None:
        return
    if isinstance(reference, str):
        message = "Invalid type for 'input_reference': expected a file, but got a string instead."
        raise Refused(message, "input_reference", "invalid_type")
    if isinstance(reference, Mapping):
        named = cast(bodies.Fields, reference)
        url = named.get("image_url")
        if len(named) != 1 or not (isinstance(url, str) or isinstance(named.get("file_id"), str)):
            raise Refused("'input_reference' has exactly one of 'file_id' and 'image_url'.", "input_reference")
        reference = bodies.file_of(url) if isinstance(url, str) else None
    if not isinstance(reference, bodies.File):
        return
    if reference.content_type not in PICTURES:
        raise Refused("Unsupported mimetype for 'input_reference'.", "input_reference", "unsupported_mimetype")
    if posters.size_of(reference.data) != bodies.size_of(size):
        raise Refused("Inpaint image must match the requested width and height", "input_reference")


def _video_id(fields: bodies.Fields) -> str:
    video = fields.get("video")
    found = cast(bodies.Fields, video).get("id") if isinstance(video, Mapping) else fields.get("video[id]")
    if not isinstance(found, str):
        raise Refused("Missing required parameter: 'video'.", "video", "missing_required_parameter")
    return found


def _words(values: Sequence[str]) -> str:
    quoted = [f"'{value}'" for value in values]
    return ", ".join(quoted[:-1]) + f", or {quoted[-1]}"


_INVALID, _SERVER = "invalid_request_error", "server_error"
_SPOILT: Mapping[Fault, tuple[int, str, str | None, str]] = {
    Fault.BUSY: (429, "Too many running tasks", "rate_limit_exceeded", "rate_limit_error"),
    Fault.POLL_BUSY: (429, "Rate limit reached", "rate_limit_exceeded", "rate_limit_error"),
    Fault.QUOTA: (429, "You exceeded your current quota.", "insufficient_quota", "insufficient_quota"),
    Fault.OVERLOADED: (503, "The server is overloaded. Try again later.", None, _SERVER),
    Fault.ACCEPT_500: (500, "The server had an error while processing your request.", None, _SERVER),
    Fault.POLL_500: (500, "The server had an error while processing your request.", None, _SERVER),
    Fault.UNAUTHORIZED: (401, "Incorrect API key provided.", "invalid_api_key", _INVALID),
    Fault.RETIRED: (404, "The model does not exist or you do not have access to it.", "model_not_found", _INVALID),
    Fault.REFUSE: (400, "The request cannot be processed.", "invalid_value", _INVALID),
    Fault.UNSAFE: (400, "Your request was blocked by our moderation system.", "moderation_blocked", _INVALID),
    Fault.EXPIRED: (404, "The video has expired.", None, _INVALID),
    Fault.LOST: (404, "The video content is not available.", None, _INVALID),
}
