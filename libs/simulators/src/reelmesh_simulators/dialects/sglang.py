"""SGLang's diffusion server (0.5.23): the OpenAI dialect with ids, errors and lists of its own, jobs in memory."""

from collections.abc import Sequence
from typing import Any

from starlette import requests, responses, routing

from reelmesh_simulators import orders, serving, vendor
from reelmesh_simulators.dialects import bodies, openai
from reelmesh_simulators.faults import Fault

NAME = "sglang"
MODEL = "Wan-AI/Wan2.2-TI2V-5B-Diffusers"
FRAMES_PER_SECOND = 24
DEFAULT_SECONDS = 4
DEFAULT_SIZE = (1280, 704)
# Everybody is the same caller: this server asks for no key.
EVERYBODY = "sglang"


class _Detail(Exception):
    """An answer in FastAPI's shape."""

    def __init__(self, status: int, detail: object) -> None:
        super().__init__(str(detail))
        self.response = responses.JSONResponse({"detail": detail}, status)


class SGLang:
    """The server."""

    name = NAME

    def __init__(
        self, seller: vendor.Vendor, *, cloud_url: str = "", publishes: bool = True, warm: bool = True
    ) -> None:
        """Render for `seller`.

        Args:
            seller: who keeps the books.
            cloud_url: where results are put instead of being served; empty for nowhere.
            publishes: with a place for results; without one each job fails at its end.
            warm: past the warm-up, before which requests to make something are refused.
        """
        self._vendor = seller
        self._cloud_url = cloud_url
        self._publishes = publishes
        self._warm = warm

    def routes(self) -> Sequence[routing.BaseRoute]:
        """Return what it answers to."""
        one = "/v1/videos/{job_id}"
        return [
            routing.Route("/v1/videos", _answering(self._create), methods=["POST"]),
            routing.Route("/v1/videos", _answering(self._list), methods=["GET"]),
            routing.Route(one, _answering(self._get), methods=["GET"]),
            routing.Route(one, _answering(self._delete), methods=["DELETE"]),
            routing.Route(f"{one}/content", _answering(self._content), methods=["GET"]),
            routing.Route("/v1/models", _answering(self._models), methods=["GET"]),
            routing.Route("/liveness", _answering(self._alive), methods=["GET"]),
            routing.Route("/health", _answering(self._health), methods=["GET"]),
            routing.Route("/model_info", _answering(self._about), methods=["GET"]),
        ]

    def spoilt(self, spoilt: vendor.Spoiled) -> responses.Response:
        """Say in this server's words what went wrong."""
        if spoilt.fault is Fault.OVERLOADED:
            return responses.JSONResponse({"error": "Scheduler is not ready"}, 503)
        status, detail = _SPOILT[spoilt.fault]
        answer = responses.JSONResponse({"detail": detail}, status)
        if spoilt.fault in (Fault.BUSY, Fault.POLL_BUSY):
            answer.headers["retry-after"] = f"{spoilt.amount:g}"
        return answer

    def unknown(self, problem: str) -> responses.Response:
        """Say that there is nothing."""
        return responses.JSONResponse({"detail": "Not Found" if problem else "Video not found"}, 404)

    async def _create(self, request: requests.Request) -> responses.Response:
        if not self._warm:
            return responses.JSONResponse({"error": "Server is warming up"}, 503)
        try:
            fields = await bodies.read(request)
        except bodies.Unreadable as error:
            raise _Detail(400, f"Invalid request body: {error}") from error
        order = _order(fields)
        job_id = str(self._vendor.ids.fresh())
        caller = vendor.Caller(EVERYBODY, request.headers.get("user-agent", ""))
        job = await self._vendor.create(caller, order, job_id, 0)
        return responses.JSONResponse(self._shown(vendor.accepted(job, self._vendor.now)))

    async def _get(self, request: requests.Request) -> responses.Response:
        look = await self._vendor.look(EVERYBODY, request.path_params["job_id"])
        return responses.JSONResponse(self._shown(look))

    async def _list(self, request: requests.Request) -> responses.Response:
        try:
            page = openai.page_of(request, self._vendor.listed(EVERYBODY), self._shown)
        except openai.Refused as refused:
            raise _Detail(
                422, [{"loc": ["query", refused.param], "msg": refused.message, "type": "value_error"}]
            ) from None
        return responses.JSONResponse(page)

    async def _delete(self, request: requests.Request) -> responses.Response:
        # The job is forgotten; the render goes on to its end.
        look = self._vendor.delete(EVERYBODY, request.path_params["job_id"])
        return responses.JSONResponse({**self._shown(look), "status": "deleted"})

    async def _content(self, request: requests.Request) -> responses.Response:
        look = await self._vendor.look(EVERYBODY, request.path_params["job_id"])
        variant = request.query_params.get("variant", "0")
        if not variant.isdigit() or int(variant) > 0:
            raise _Detail(404, f"Video variant {variant} not found")
        if look.state is not orders.State.SUCCEEDED or not self._publishes:
            raise _Detail(404, "Generation is still in-progress")
        if self._cloud_url:
            url = self._url(look)
            raise _Detail(400, f"Video has been uploaded to cloud storage. Please use the cloud URL: {url}")
        content = await self._vendor.content(look)
        return serving.Bytes(request, content, "video/mp4", truncated=self._vendor.truncated(look.job))

    async def _models(self, request: requests.Request) -> responses.Response:
        del request
        return responses.JSONResponse({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    async def _alive(self, request: requests.Request) -> responses.Response:
        del request
        return responses.Response(status_code=200)

    async def _health(self, request: requests.Request) -> responses.Response:
        del request
        return responses.JSONResponse({"status": "ok"}) if self._warm else responses.Response(status_code=503)

    async def _about(self, request: requests.Request) -> responses.Response:
        del request
        return responses.JSONResponse(
            {"model_path": MODEL, "supported_task_types": ["TI2V"], "output_types": ["video"]}
        )

    def _url(self, look: vendor.Look) -> str | None:
        return f"{self._cloud_url}/{look.job.job_id}.mp4" if self._cloud_url else None

    def _shown(self, look: vendor.Look) -> dict[str, Any]:
        order = look.job.order
        state, error = look.state, None
        if state in (orders.State.FAILED, orders.State.FILTERED):
            error = {"message": "Video generation failed: the scheduler gave up."}
        if state is orders.State.SUCCEEDED and not self._publishes:
            state, error = orders.State.FAILED, {"message": _NOWHERE}
        done = state is orders.State.SUCCEEDED
        return {
            "id": look.job.job_id,
            "object": "video",
            "model": order.model,
            "status": openai.STATUS[state],
            "progress": look.percent if done or look.state not in orders.ENDED else min(look.percent, 99),
            "created_at": int(look.job.created),
            "size": f"{order.width}x{order.height}",
            "seconds": str(round(order.seconds)),
            "quality": "standard",
            "url": self._url(look) if done else None,
            "urls": None,
            "remixed_from_video_id": None,
            "completed_at": int(look.job.ends) if done else None,
            "expires_at": None,
            "error": error,
            "file_path": f"/outputs/{look.job.job_id}.mp4" if done and not self._cloud_url else None,
            "file_paths": None,
            "num_outputs": 1,
            "peak_memory_mb": 21504.0 if done else None,
            "inference_time_s": look.job.pace.render_seconds if done else None,
        }


def _answering(answer: Any) -> Any:
    async def answered(request: requests.Request) -> responses.Response:
        try:
            made: responses.Response = await answer(request)
        except _Detail as detail:
            return detail.response
        return made

    return answered


def _order(fields: bodies.Fields) -> orders.Order:
    """Return what is asked for: frames decide, then seconds; sizes in steps of 16."""
    prompt = fields.get("prompt")
    if not isinstance(prompt, str) or not prompt:
        raise _Detail(400, "prompt is required")
    size = fields.get("size")
    asked = bodies.size_of(size) if isinstance(size, str) else None
    width, height = asked or (_number(fields, "width", DEFAULT_SIZE[0]), _number(fields, "height", DEFAULT_SIZE[1]))
    rate = _number(fields, "fps", FRAMES_PER_SECOND)
    frames = _number(fields, "num_frames", _number(fields, "seconds", DEFAULT_SECONDS) * rate + 1)
    seed = fields.get("seed")
    return orders.Order(
        prompt,
        MODEL,
        frames / rate,
        width - width % 16,
        height - height % 16,
        audio=False,
        seed=None if seed is None else _number(fields, "seed", 0),
        told={"negative_prompt": str(fields.get("negative_prompt") or "")},
    )


def _number(fields: bodies.Fields, name: str, default: int) -> int:
    value = fields.get(name, default)
    try:
        return int(value)
    except (ValueError, TypeError):
        problem = {"loc": ["body", name], "msg": "Input should be a valid integer", "type": "int_parsing"}
        raise _Detail(422, [problem]) from None


_NOWHERE = (
    "Video output could not be published: no output_path is configured and cloud storage upload is disabled or failed."
)
_SPOILT = {
    Fault.BUSY: (429, "Too many requests"),
    Fault.POLL_BUSY: (429, "Too many requests"),
    Fault.QUOTA: (429, "Too many requests"),
    Fault.ACCEPT_500: (500, "Internal Server Error"),
    Fault.POLL_500: (500, "Internal Server Error"),
    Fault.UNAUTHORIZED: (401, "Unauthorized"),
    Fault.RETIRED: (404, "Not Found"),
    Fault.REFUSE: (400, "Failed to process image"),
    Fault.UNSAFE: (400, "Prompt rejected by policy"),
    Fault.EXPIRED: (404, "Video not found"),
    Fault.LOST: (404, "Video not found"),
}
