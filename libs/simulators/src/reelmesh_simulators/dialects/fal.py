"""fal.ai's queue: many models behind one way to ask for them, with webhooks and a list that echoes what was asked.

Written from fal's documentation. How a request fails is told by the amount: `[[fail]]` 422 file_download_error,
`[[fail=1]]` 422 with a plain text, `[[fail=2]]` 422 image_too_small, `[[fail=3]]` 422 image_load_error;
`[[fail-inside]]` 503 runner_disconnected, `[[fail-inside=1]]` 504 request_timeout, `[[fail-inside=2]]` 500 that may be
tried again. All of fal's hosts are this one address: the queue, the platform API under /v1, the keys of webhooks under
/.well-known, files under /files.
"""

import dataclasses
import hashlib
import json
import math
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any, cast

from starlette import requests, responses, routing

from reelmesh_simulators import orders, serving, vendor, webhooks
from reelmesh_simulators.dialects import bodies, fal_list, fal_models, fal_signing, fal_words, shapes
from reelmesh_simulators.faults import Fault

NAME = "fal"
SHORTEST_TIMEOUT_SECONDS = 0.1
_FILE = "output.mp4"


class Refused(Exception):
    """The request does not get into the queue."""

    def __init__(self, failure: fal_words.Failure) -> None:
        """Refuse it with this."""
        super().__init__(failure.error)
        self.failure = failure


class Fal:
    """The queue and what belongs to it."""

    name = NAME

    def __init__(
        self,
        seller: vendor.Vendor,
        *,
        models: Mapping[str, fal_models.Model] = fal_models.MODELS,
        lists_unfinished: bool = False,
    ) -> None:
        """Sell by `seller`, whose ledger's slots are an account's requests in progress; more wait in the queue.

        Args:
            seller: who keeps the books.
            models: what is served, by its endpoint.
            lists_unfinished: the list has requests that have not ended. Nothing is published about that, and who
                counts on it may take a request for lost that is only under way.
        """
        self._vendor = seller
        self._models = models
        self._lists_unfinished = lists_unfinished

    def routes(self) -> Sequence[routing.BaseRoute]:
        """Return what it answers to."""
        one = "/{owner}/{app}/requests/{request_id}"
        return [
            routing.Route("/.well-known/jwks.json", self._keys, methods=["GET"]),
            routing.Route("/files/{request_id}/" + _FILE, self._file, methods=["GET"]),
            routing.Route("/v1/models/requests/by-endpoint", self._answering(self._list), methods=["GET"]),
            routing.Route(f"{one}/status", self._answering(self._status), methods=["GET"]),
            routing.Route(f"{one}/cancel", self._answering(self._cancel), methods=["PUT"]),
            routing.Route(one, self._answering(self._result), methods=["GET"]),
            routing.Route("/{endpoint:path}", self._answering(self._submit), methods=["POST"]),
        ]

    def spoilt(self, spoilt: vendor.Spoiled) -> responses.Response:
        """Say in fal's words what went wrong."""
        answer = fal_words.spoilt(spoilt.fault).response()
        if spoilt.fault in (Fault.BUSY, Fault.POLL_BUSY):
            answer.headers["retry-after"] = f"{spoilt.amount:g}"
        return answer

    def unknown(self, problem: str) -> responses.Response:
        """Say that there is nothing."""
        return responses.JSONResponse({"detail": "Not Found" if problem else "Request not found"}, 404)

    def notice(self, look: vendor.Look, *, forged: bool) -> webhooks.Notice | None:
        """Return what is told of a request that ended."""
        job = look.job
        if not job.order.webhook_url:
            return None
        failure = fal_words.failure_of(look)
        told: dict[str, Any] = {"request_id": job.job_id, "gateway_request_id": job.job_id}
        if failure:
            told |= {"status": "ERROR", "error": failure.error, "payload": failure.body}
        else:
            told |= {"status": "OK", "payload": self._payload(look, job.order.told["base_url"], size=None)}
        body = json.dumps(told).encode()
        headers = fal_signing.headers(job.job_id, job.account, self._vendor.now, body, forged=forged)
        return webhooks.Notice(job.order.webhook_url, headers, body)

    def _answering(self, answer: Any) -> Any:
        async def answered(request: requests.Request) -> responses.Response:
            kind, _, key = request.headers.get("authorization", "").partition(" ")
            if kind.lower() != "key" or not key:
                return fal_words.spoilt(Fault.UNAUTHORIZED).response()
            caller = vendor.Caller(key, request.headers.get("user-agent", ""))
            try:
                made: responses.Response = await answer(request, caller)
            except Refused as refused:
                return refused.failure.response()
            except fal_list.Refused as refused:
                return refused.response()
            return made

        return answered

    # --- the queue

    async def _submit(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        endpoint = request.path_params["endpoint"]
        model = self._models.get(endpoint)
        if model is None:
            text = f'Application "{endpoint}" not found'
            raise Refused(fal_words.Failure(404, {"detail": text}, text, ""))
        fields = await serving.body_of(request)
        if not isinstance(fields, dict):
            raise _malformed("The body is no JSON object.")
        order = self._order(request, endpoint, model, cast(bodies.Fields, fields))
        price = 0 if order.doomed else order.told["price_micros"]
        job = await self._vendor.create(caller, order, str(self._vendor.ids.fresh()), price)
        look = vendor.seen(job, self._vendor.now)
        shown = {
            **self._shown(look, str(request.base_url)),
            "status": "IN_QUEUE",
            "queue_position": self._position(look),
        }
        return _named(job, responses.JSONResponse(shown))

    def _order(
        self, request: requests.Request, endpoint: str, model: fal_models.Model, fields: bodies.Fields
    ) -> orders.Order:
        problems = shapes.problems(fields, model.shape, strict=False)
        made = fal_models.made_of(model, {} if problems else fields)
        prompt, seed = fields.get("prompt"), fields.get("seed")
        order = orders.Order(
            prompt=prompt if isinstance(prompt, str) else "",
            model=endpoint,
            seconds=made.seconds,
            width=made.width,
            height=made.height,
            audio=made.audio,
            seed=seed if isinstance(seed, int) else None,
            webhook_url=_webhook(request),
            told={
                "input": fields,
                "details": [fal_words.of_input(problem) for problem in problems],
                "price_micros": made.price_micros,
                "seeded": "seed" in model.shape,
                "base_url": str(request.base_url),
                "stored": request.headers.get("x-fal-store-io") != "0",
                "kept_seconds": _kept_seconds(request),
                "late": False,
            },
        )
        late = self._waits(order) > _start_timeout(request)
        return dataclasses.replace(order, told={**order.told, "late": late}, doomed=late or bool(problems))

    def _waits(self, order: orders.Order) -> float:
        queue = order.marker(Fault.QUEUE)
        return self._vendor.pace.queue_seconds + (queue.amount if queue else 0.0)

    async def _status(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        look = await self._look(request, caller)
        shown = self._shown(look, str(request.base_url))
        logs = _logs(look) if request.query_params.get("logs") in ("1", "true") else None
        if look.state is orders.State.QUEUED:
            shown |= {"status": "IN_QUEUE", "queue_position": self._position(look)}
        elif look.state is orders.State.RUNNING:
            shown |= {"status": "IN_PROGRESS", "logs": logs}
        else:
            shown |= {"status": "COMPLETED", "logs": logs, "metrics": {"inference_time": _inference_seconds(look)}}
            failure = fal_words.failure_of(look)
            if failure:
                shown |= {"error": failure.error, "error_type": failure.error_type}
        return _named(look.job, responses.JSONResponse(shown, 200 if shown["status"] == "COMPLETED" else 202))

    async def _result(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        look = await self._look(request, caller)
        if look.state not in orders.ENDED:
            return _named(look.job, responses.JSONResponse({"detail": "Request is still in progress"}, 400))
        failure = fal_words.failure_of(look)
        if failure:
            return _named(look.job, failure.response())
        size = None if look.job.empty else len(await vendor.made_of(look.job))
        return _named(look.job, responses.JSONResponse(self._payload(look, str(request.base_url), size=size)))

    async def _cancel(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        try:
            look = self._own(request, caller, self._vendor.peek(request.path_params["request_id"]))
        except vendor.Unknown:
            return responses.JSONResponse({"status": "NOT_FOUND"}, 404)
        if look.state in orders.ENDED:
            return responses.JSONResponse({"status": "ALREADY_COMPLETED"}, 400)
        self._vendor.cancel(caller.account, look.job.job_id)
        return responses.JSONResponse({"status": "CANCELLATION_REQUESTED"}, 202)

    async def _look(self, request: requests.Request, caller: vendor.Caller) -> vendor.Look:
        look = await self._vendor.look(caller.account, request.path_params["request_id"])
        return self._own(request, caller, look)

    def _own(self, request: requests.Request, caller: vendor.Caller, look: vendor.Look) -> vendor.Look:
        app = f"{request.path_params['owner']}/{request.path_params['app']}"
        if _app_of(look.job) != app or look.job.account != caller.account:
            raise vendor.Unknown
        return look

    # --- what is shown

    def _shown(self, look: vendor.Look, base_url: str) -> dict[str, Any]:
        """Return a request and its addresses, which have only the first two segments of its endpoint."""
        url = f"{base_url}{_app_of(look.job)}/requests/{look.job.job_id}"
        urls = {"response_url": url, "status_url": f"{url}/status", "cancel_url": f"{url}/cancel"}
        return {"request_id": look.job.job_id, **urls}

    def _payload(self, look: vendor.Look, base_url: str, *, size: int | None) -> dict[str, Any]:
        job = look.job
        video = {"url": f"{base_url}files/{job.job_id}/{_FILE}", "content_type": "video/mp4", "file_name": _FILE}
        measured = video if size is None else {**video, "file_size": size}
        payload: dict[str, Any] = {"video": None if job.empty else measured}
        return {**payload, "seed": _seed(job)} if job.order.told["seeded"] else payload

    def _position(self, look: vendor.Look) -> int:
        """Return how many requests of the account are before this one in the queue."""
        jobs = self._vendor.ledger.jobs(look.job.account)
        ahead = (job for job in jobs if job.created < look.job.created and job.job_id != look.job.job_id)
        return sum(job.state(look.now) is orders.State.QUEUED for job in ahead)

    async def _list(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        query = fal_list.read(request, self._vendor.now)
        looks = [
            look for look in self._vendor.listed(caller.account) if self._lists_unfinished or look.state in orders.ENDED
        ]
        results = [self._output(look, str(request.base_url)) for look in looks]
        return responses.JSONResponse(fal_list.page_of(query, looks, results))

    def _output(self, look: vendor.Look, base_url: str) -> Any:
        if look.state not in orders.ENDED:
            return None
        failure = fal_words.failure_of(look)
        return failure.body if failure else self._payload(look, base_url, size=None)

    async def _file(self, request: requests.Request) -> responses.Response:
        look = self._vendor.peek(request.path_params["request_id"])
        kept = look.job.order.told["kept_seconds"]
        if look.state is not orders.State.SUCCEEDED or (kept is not None and look.now >= look.job.ends + kept):
            return fal_words.spoilt(Fault.LOST).response()
        if request.method == "HEAD":
            return serving.Bytes(request, await vendor.made_of(look.job), "video/mp4")
        content = await self._vendor.content(look)
        return serving.Bytes(request, content, "video/mp4", truncated=self._vendor.truncated(look.job))

    async def _keys(self, request: requests.Request) -> responses.Response:
        del request
        return responses.JSONResponse(fal_signing.keys())


def _app_of(job: orders.Job) -> str:
    return "/".join(job.order.model.split("/")[:2])


def _named(job: orders.Job, answer: responses.Response) -> responses.Response:
    answer.headers["x-fal-request-id"] = job.job_id
    return answer


def _seed(job: orders.Job) -> int:
    """Return the seed that was asked for, or else the one that the model chose."""
    if job.order.seed is not None:
        return job.order.seed
    return int.from_bytes(hashlib.sha256(job.job_id.encode()).digest()[:4])


def _logs(look: vendor.Look) -> list[dict[str, str]]:
    at = fal_list.stamp(look.job.starts)
    return [{"message": f"Generating: {look.percent}%", "level": "INFO", "source": "USER", "timestamp": at}]


def _inference_seconds(look: vendor.Look) -> float | None:
    job = look.job
    ended = job.ends if job.cancelled is None else job.cancelled
    return round(ended - job.starts, 3) if ended >= job.starts else None


def _malformed(text: str) -> Refused:
    return Refused(fal_words.of_the_machines(400, "bad_request", text))


def _webhook(request: requests.Request) -> str:
    url = request.query_params.get("fal_webhook", "")
    parts = urllib.parse.urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.netloc):
        raise _malformed("fal_webhook: must be an address.")
    return url


def _start_timeout(request: requests.Request) -> float:
    """Return how long the caller lets its request wait for a runner."""
    told = request.headers.get("x-fal-request-start-timeout") or request.headers.get("x-fal-request-timeout")
    if told is None:
        return math.inf
    try:
        seconds = float(told)
    except ValueError:
        seconds = 0.0
    if not seconds > SHORTEST_TIMEOUT_SECONDS:
        raise _malformed(f"X-Fal-Request-Timeout: must be more than {SHORTEST_TIMEOUT_SECONDS} seconds.")
    return seconds


def _kept_seconds(request: requests.Request) -> float | None:
    """Return how long the caller wants its files kept; None for ever."""
    told = request.headers.get("x-fal-object-lifecycle-preference")
    if told is None:
        return None
    try:
        kept = json.loads(told)["expiration_duration_seconds"]
        return None if kept is None else float(kept)
    except (ValueError, KeyError, TypeError):
        raise _malformed("X-Fal-Object-Lifecycle-Preference: must be JSON with expiration_duration_seconds.") from None
