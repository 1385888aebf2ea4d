"""vLLM-Omni (0.30.0): the OpenAI dialect by forms alone; failed jobs are HTTP errors; deleting stops the render."""

import re
from collections.abc import Sequence
from typing import Any

from starlette import requests, responses, routing

from reelmesh_simulators import orders, serving, vendor
from reelmesh_simulators.dialects import bodies, openai
from reelmesh_simulators.faults import Fault

NAME = "vllm-omni"
MODEL = "Wan-AI/Wan2.2-T2V-A14B-Diffusers"
DEFAULT_SECONDS = "4"
DEFAULT_SIZE = "832x480"
# A failed job is answered with this status, and its error has it as a code.
FAILED_STATUS = 500
_SECONDS = re.compile(r"[1-9]\d*")


class VLLMOmni:
    """The server."""

    name = NAME

    def __init__(self, seller: vendor.Vendor, *, api_key: str = "") -> None:
        """Render for `seller`; with an `api_key`, for who knows it."""
        self._vendor = seller
        self._api_key = api_key

    def routes(self) -> Sequence[routing.BaseRoute]:
        """Return what it answers to."""
        one = "/v1/videos/{job_id}"
        return [
            routing.Route("/v1/videos", self._answering(self._create), methods=["POST"]),
            routing.Route("/v1/videos", self._answering(self._list), methods=["GET"]),
            routing.Route(one, self._answering(self._get), methods=["GET"]),
            routing.Route(one, self._answering(self._delete), methods=["DELETE"]),
            routing.Route(f"{one}/content", self._answering(self._content), methods=["GET"]),
            routing.Route("/v1/models", self._answering(self._models), methods=["GET"]),
        ]

    def spoilt(self, spoilt: vendor.Spoiled) -> responses.Response:
        """Say in vLLM's words what went wrong."""
        status, message = _SPOILT[spoilt.fault]
        answer = _error(status, message)
        if spoilt.fault in (Fault.BUSY, Fault.POLL_BUSY):
            answer.headers["retry-after"] = f"{spoilt.amount:g}"
        return answer

    def unknown(self, problem: str) -> responses.Response:
        """Say that there is nothing."""
        return _detail(404, "Not Found" if problem else "Video not found")

    def _answering(self, answer: Any) -> Any:
        async def answered(request: requests.Request) -> responses.Response:
            if self._api_key and request.headers.get("authorization") != f"Bearer {self._api_key}":
                return responses.JSONResponse({"error": "Unauthorized"}, 401)
            made: responses.Response = await answer(request)
            return made

        return answered

    async def _create(self, request: requests.Request) -> responses.Response:
        if "form" not in request.headers.get("content-type", ""):
            return _detail(422, [{"loc": ["body", "prompt"], "msg": "Field required", "type": "missing"}])
        fields = await bodies.read(request)
        problem = _problem(fields)
        if problem is not None:
            return problem
        width, height = bodies.size_of(fields.get("size", DEFAULT_SIZE)) or (0, 0)
        seed = fields.get("seed")
        order = orders.Order(
            fields["prompt"],
            MODEL,
            float(fields.get("seconds", DEFAULT_SECONDS)),
            bodies.even(width),
            bodies.even(height),
            audio=fields.get("generate_sound") == "true",
            seed=int(seed) if seed else None,
            told={"negative_prompt": str(fields.get("negative_prompt") or "")},
        )
        caller = vendor.Caller(NAME, request.headers.get("user-agent", ""))
        job = await self._vendor.create(caller, order, f"video_gen_{self._vendor.ids.fresh().hex}", 0)
        return responses.JSONResponse(_shown(vendor.accepted(job, self._vendor.now)))

    async def _get(self, request: requests.Request) -> responses.Response:
        look = await self._vendor.look(NAME, request.path_params["job_id"])
        failed = look.state in (orders.State.FAILED, orders.State.FILTERED)
        return responses.JSONResponse(_shown(look), FAILED_STATUS if failed else 200)

    async def _list(self, request: requests.Request) -> responses.Response:
        looks = self._vendor.listed(NAME)
        try:
            page = openai.page_of(request, looks, _shown) if "limit" in request.query_params else _whole(request, looks)
        except openai.Refused as refused:
            return _detail(422, [{"loc": ["query", refused.param], "msg": refused.message, "type": "value_error"}])
        return responses.JSONResponse(page)

    async def _delete(self, request: requests.Request) -> responses.Response:
        job_id = request.path_params["job_id"]
        self._vendor.cancel(NAME, job_id)
        self._vendor.delete(NAME, job_id)
        return responses.JSONResponse({"id": job_id, "object": "video.deleted", "deleted": True})

    async def _content(self, request: requests.Request) -> responses.Response:
        look = await self._vendor.look(NAME, request.path_params["job_id"])
        if look.state in (orders.State.FAILED, orders.State.FILTERED):
            return _detail(422, "Video generation failed. Check job status for error details.")
        if look.state is not orders.State.SUCCEEDED:
            return _detail(404, "Generation is still in-progress")
        content = await self._vendor.content(look)
        return serving.Bytes(request, content, "video/mp4", truncated=self._vendor.truncated(look.job))

    async def _models(self, request: requests.Request) -> responses.Response:
        del request
        return responses.JSONResponse({"object": "list", "data": [{"id": MODEL, "object": "model"}]})


def _whole(request: requests.Request, looks: Sequence[vendor.Look]) -> dict[str, Any]:
    """Return the whole list: without a limit nothing is left out."""
    data = [_shown(look) for look in (looks if request.query_params.get("order") == "asc" else reversed(looks))]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": False,
    }


def _problem(fields: bodies.Fields) -> responses.Response | None:
    """Return the refusal of a form that is not as it should be."""
    if not fields.get("prompt"):
        return _detail(422, [{"loc": ["body", "prompt"], "msg": "Field required", "type": "missing"}])
    model = fields.get("model")
    if model and model != MODEL:
        return _error(400, f"Model mismatch: request specifies '{model}' but server is running '{MODEL}'.")
    if not _SECONDS.fullmatch(str(fields.get("seconds", DEFAULT_SECONDS))):
        return _pattern("seconds", _SECONDS.pattern)
    if bodies.size_of(str(fields.get("size", DEFAULT_SIZE))) is None:
        return _pattern("size", r"^\d+x\d+$")
    return None


def _pattern(name: str, pattern: str) -> responses.Response:
    problem = {
        "loc": ["body", name],
        "msg": f"String should match pattern '{pattern}'",
        "type": "string_pattern_mismatch",
    }
    return _detail(422, [problem])


def _shown(look: vendor.Look) -> dict[str, Any]:
    order, done = look.job.order, look.state is orders.State.SUCCEEDED
    failed = look.state in (orders.State.FAILED, orders.State.FILTERED)
    return {
        "id": look.job.job_id,
        "object": "video",
        "model": order.model,
        "status": openai.STATUS[look.state],
        "progress": 100 if done else 0,
        "created_at": int(look.job.created),
        "completed_at": int(look.job.ends) if done else None,
        "expires_at": None,
        "prompt": order.prompt,
        "size": f"{order.width}x{order.height}",
        "seconds": f"{order.seconds:g}",
        "remixed_from_video_id": None,
        "error": {"code": FAILED_STATUS, "message": "Engine error: the render failed."} if failed else None,
        "media_type": "video/mp4",
        "file_name": f"{look.job.job_id}.mp4" if done else None,
        "inference_time_s": look.job.pace.render_seconds if done else None,
    }


def _detail(status: int, detail: object) -> responses.Response:
    return responses.JSONResponse({"detail": detail}, status)


def _error(status: int, message: str) -> responses.Response:
    return responses.JSONResponse(
        {"error": {"message": message, "type": "BadRequestError", "param": None, "code": status}}, status
    )


_SPOILT = {
    Fault.BUSY: (429, "Too many requests"),
    Fault.POLL_BUSY: (429, "Too many requests"),
    Fault.QUOTA: (429, "Too many requests"),
    Fault.OVERLOADED: (503, "The video service is not available."),
    Fault.ACCEPT_500: (500, "Internal Server Error"),
    Fault.POLL_500: (500, "Internal Server Error"),
    Fault.UNAUTHORIZED: (401, "Unauthorized"),
    Fault.RETIRED: (404, "The model does not exist."),
    Fault.REFUSE: (400, "The request could not be processed."),
    Fault.UNSAFE: (400, "The prompt was rejected."),
    Fault.EXPIRED: (404, "Generated video file not found on disk"),
    Fault.LOST: (404, "Generated video file not found on disk"),
}
