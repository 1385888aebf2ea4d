"""Gemini Omni by the Interactions API: videos made at once or in the background, inline or as files, errors in words.

A clip that is withheld, as one that is empty, comes as an interaction that completed without a video. There is no list.
By Vertex AI, under a project and a location, callers have tokens, and clips go to Cloud Storage instead of files.
"""

import base64
import dataclasses
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from starlette import requests, responses, routing

from reelmesh_simulators import orders, serving, vendor, webhooks
from reelmesh_simulators.dialects import bodies, gcs, google, google_signing, omni_request
from reelmesh_simulators.faults import Fault

NAME = "omni"
VERSIONS = ("v1", "v1beta")
VERTEX = ("v1", "v1beta1")
_PROJECT = "projects/{project}/locations/{location}"
INLINE_LIMIT_BYTES = 4_000_000
FILE_KEPT_SECONDS = 48 * 3600
# How often a caller who waits for a clip is looked after, at least.
LONGEST_NAP_SECONDS = 1.0
_TOKENS_PER_SECOND = 5_792
_ID_PREFIX = "v1_"
_STATUS = {
    orders.State.QUEUED: "queued",
    orders.State.RUNNING: "in_progress",
    orders.State.SUCCEEDED: "completed",
    orders.State.FILTERED: "completed",
    orders.State.FAILED: "failed",
    orders.State.CANCELLED: "cancelled",
}
_EVENTS = {
    orders.State.SUCCEEDED: "interaction.completed",
    orders.State.FILTERED: "interaction.completed",
    orders.State.FAILED: "interaction.failed",
    orders.State.CANCELLED: "interaction.cancelled",
}
_WITH_OUTPUT = (orders.State.SUCCEEDED, orders.State.FILTERED)
_ISSUER = "https://generativelanguage.googleapis.com"
TOKEN_SECONDS = 300


class Omni:
    """The API, for callers with a key."""

    name = NAME

    def __init__(
        self,
        seller: vendor.Vendor,
        *,
        models: Collection[str] = tuple(omni_request.PRICES),
        inline_limit_bytes: int = INLINE_LIMIT_BYTES,
        processing_seconds: float = 0.3,
        webhook_url: str = "",
        webhook_secret: bytes = b"secret",
    ) -> None:
        """Render for `seller`.

        Args:
            seller: who keeps the books.
            models: what is served; anything else is retired.
            inline_limit_bytes: larger clips come as files, even to who asks for them inline.
            processing_seconds: how long a file is not ready after its clip was made.
            webhook_url: where the project is told of ends, unless a request names its own; empty for nowhere.
            webhook_secret: signs what the project is told, by the Standard Webhooks scheme. What a request asked for
                is signed by a JSON Web Token.
        """
        self._vendor = seller
        self._models = models
        self._inline_limit_bytes = inline_limit_bytes
        self._processing_seconds = processing_seconds
        self._webhook_url = webhook_url
        self._webhook_secret = webhook_secret
        self._signer, self._forger = google_signing.Signer(), google_signing.Signer()

    def routes(self) -> Sequence[routing.BaseRoute]:
        """Return what it answers to."""
        found: list[routing.BaseRoute] = [
            *gcs.Storage(self._vendor).routes(),
            routing.Route("/.well-known/jwks.json", self._keys, methods=["GET"]),
        ]
        for version in VERSIONS:
            file = f"/{version}/files/{{file_id}}"
            found += [
                routing.Route(f"{file}:download", self._of_files(self._download), methods=["GET"]),
                routing.Route(file, self._of_files(self._file), methods=["GET"]),
            ]
        for base in (*VERSIONS, *(f"{version}/{_PROJECT}" for version in VERTEX)):
            every = f"/{base}/interactions"
            one = f"{every}/{{job_id}}"
            found += [
                routing.Route(every, self._answering(self._create), methods=["POST"]),
                routing.Route(every, self._answering(_no_list), methods=["GET"]),
                routing.Route(f"{one}/cancel", self._answering(self._cancel), methods=["POST"]),
                routing.Route(one, self._answering(self._get), methods=["GET"]),
                routing.Route(one, self._answering(self._delete), methods=["DELETE"]),
            ]
        return found

    def spoilt(self, spoilt: vendor.Spoiled) -> responses.Response:
        """Say in Google's words what went wrong."""
        return google.wait(failure(*_SPOILT[spoilt.fault]), spoilt)

    def unknown(self, problem: str) -> responses.Response:
        """Say that there is nothing."""
        return failure(404, "not_found", problem or "The requested resource was not found.")

    def notice(self, look: vendor.Look, *, forged: bool) -> webhooks.Notice | None:
        """Return the event of an interaction that ended."""
        job, told = look.job, look.job.order.told
        event_id, url = f"evt_{job.job_id}", job.order.webhook_url or self._webhook_url
        if not url or look.state not in _EVENTS:
            return None
        data = {"id": job.job_id}
        if look.state is orders.State.FAILED:
            error = _error(job)
            data |= {"error_code": error["code"], "error_message": error["message"]}
        event = {"type": _EVENTS[look.state], "version": "v1", "timestamp": google.time_of(look.now), "data": data}
        if url == self._webhook_url:
            body = json.dumps(event).encode()
            secret = b"somebody else's" if forged else self._webhook_secret
            return webhooks.Notice(url, webhooks.standard(secret, event_id, look.now, body), body)
        event["user_metadata"] = told["user_metadata"]
        first, *others = [self._by_token(to, event_id, look.now, event, forged=forged) for to in (url, *told["also"])]
        return dataclasses.replace(first, also=tuple(others))

    def _by_token(
        self, url: str, event_id: str, now: float, event: Mapping[str, Any], *, forged: bool
    ) -> webhooks.Notice:
        claims = {"iss": _ISSUER, "aud": url, "iat": int(now), "exp": int(now) + TOKEN_SECONDS, **event}
        signer = self._forger if forged else self._signer
        headers = {
            "content-type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now)),
            "webhook-signature": signer.token(claims, self._signer.key_id),
        }
        return webhooks.Notice(url, headers, json.dumps(event).encode())

    def _answering(self, answer: Any) -> Any:
        async def answered(request: requests.Request) -> responses.Response:
            account = _account(request)
            if not account:
                return failure(*_SPOILT[Fault.UNAUTHORIZED])
            try:
                made: responses.Response = await answer(request, account)
            except google.Refused as refused:
                return failure(refused.status, refused.code, refused.message)
            return made

        return answered

    def _of_files(self, answer: Any) -> Any:
        """Return what answers about files: their API has numbers for codes, and never says that there is none."""

        async def answered(request: requests.Request) -> responses.Response:
            key, file_id = request.headers.get("x-goog-api-key", ""), request.path_params["file_id"]
            if not key:
                return google.failure(403, "Method doesn't allow unregistered callers.")
            missing = google.failure(
                403, f"You do not have permission to access the File {file_id} or it may not exist."
            )
            job = self._vendor.ledger.job(f"{_ID_PREFIX}{file_id}")
            look = vendor.seen(job, self._vendor.now) if job and job.account == key else None
            if look is None or not look.job.made(look.now) or look.now > look.job.ends + FILE_KEPT_SECONDS:
                return missing
            try:
                made: responses.Response = await answer(request, look)
            except vendor.Spoiled as spoilt:
                if spoilt.fault in (Fault.LOST, Fault.EXPIRED):
                    return missing
                raise
            return made

        return answered

    async def _keys(self, request: requests.Request) -> responses.Response:
        del request
        return responses.JSONResponse(self._signer.key_set())

    # --- the verbs

    async def _create(self, request: requests.Request, account: str) -> responses.Response:
        fields = await google.fields_of(request, omni_request.KNOWN_FIELDS, "parameter_unknown")
        model = google.text(fields, "model")
        if not model:
            raise google.Refused("The 'model' is required.")
        if model not in self._models:
            raise google.Refused(f"The model '{model}' was not found.", 404, "model_not_found")
        order = omni_request.order_of(model, fields, vertex="project" in request.path_params)
        self._check_previous(order, account)
        job = await self._vendor.create(
            vendor.Caller(account, request.headers.get("user-agent", "")),
            order,
            f"{_ID_PREFIX}{self._vendor.ids.fresh().hex}",
            round(omni_request.micros_per_second(order) * order.seconds),
        )
        look = vendor.accepted(job, self._vendor.now)
        if not order.told["background"]:
            look = await self._ended(request, look)
        return await self._shown(request, look, as_file=order.told["delivery"] == "uri")

    def _check_previous(self, order: orders.Order, account: str) -> None:
        previous = order.told["previous_interaction_id"]
        if not previous:
            return
        job = self._vendor.ledger.job(previous)
        if job is None or job.account != account or not job.order.told["store"]:
            raise google.Refused(f"The previous interaction '{previous}' was not found.", 404, "not_found")
        if not job.made(self._vendor.now):
            raise google.Refused(f"The previous interaction '{previous}' has no video.", 400, "failed_precondition")

    async def _ended(self, request: requests.Request, look: vendor.Look) -> vendor.Look:
        """Wait for the end of a job, as long as its caller does."""
        while look.state not in orders.ENDED and not await request.is_disconnected():
            await self._vendor.clock.sleep(min(max(look.job.ends - look.now, 0.01), LONGEST_NAP_SECONDS))
            job = self._vendor.ledger.job(look.job.job_id)
            if job is None:
                raise vendor.Unknown
            look = vendor.seen(job, self._vendor.now)
        if look.state is orders.State.FORGOTTEN:
            raise vendor.Unknown
        return look

    async def _get(self, request: requests.Request, account: str) -> responses.Response:
        if request.query_params.get("stream", "false") != "false":
            raise google.Refused("Streaming is not supported here.")
        look = await self._vendor.look(account, request.path_params["job_id"])
        if not look.job.order.told["store"]:
            raise vendor.Unknown
        # What delivery was asked for holds for the answer to the create alone.
        return await self._shown(request, look, as_file=False)

    async def _cancel(self, request: requests.Request, account: str) -> responses.Response:
        return await self._shown(request, self._vendor.cancel(account, request.path_params["job_id"]), as_file=True)

    async def _delete(self, request: requests.Request, account: str) -> responses.Response:
        self._vendor.delete(account, request.path_params["job_id"])
        return responses.JSONResponse({})

    async def _file(self, request: requests.Request, look: vendor.Look) -> responses.Response:
        job, content = look.job, await vendor.made_of(look.job)
        url = _file_url(request, job)
        digest = hashlib.sha256(content).hexdigest().encode()
        return responses.JSONResponse(
            {
                "name": f"files/{_file_id(job)}",
                "mimeType": "video/mp4",
                "sizeBytes": str(len(content)),
                "createTime": google.time_of(job.ends),
                "updateTime": google.time_of(job.ends),
                "expirationTime": google.time_of(job.ends + FILE_KEPT_SECONDS),
                "sha256Hash": base64.b64encode(digest).decode(),
                "uri": url,
                "downloadUri": f"{url}:download?alt=media",
                "state": "ACTIVE" if self._is_active(look) else "PROCESSING",
                "source": "GENERATED",
                "videoMetadata": {"videoDuration": f"{job.order.seconds:g}s"},
            }
        )

    async def _download(self, request: requests.Request, look: vendor.Look) -> responses.Response:
        if not self._is_active(look):
            message = f"The File {_file_id(look.job)} is not in an ACTIVE state and usage is not allowed."
            return google.failure(400, message, "FAILED_PRECONDITION")
        content = await self._vendor.content(look)
        return serving.Bytes(request, content, "video/mp4", truncated=self._vendor.truncated(look.job))

    def _is_active(self, look: vendor.Look) -> bool:
        return look.now >= look.job.ends + self._processing_seconds

    # --- what is shown

    async def _shown(self, request: requests.Request, look: vendor.Look, *, as_file: bool) -> responses.Response:
        job, order = look.job, look.job.order
        content = await self._output(request, look, as_file=as_file)
        shown = {
            "id": job.job_id,
            "status": _STATUS[look.state],
            "model": order.model,
            "created": google.time_of(job.created),
            "updated": google.time_of(min(look.now, job.ends)),
            "labels": dict(order.labels),
            "steps": [{"type": "model_output", "content": content}] if look.state in _WITH_OUTPUT else [],
            "errors": [_error(job)] if look.state is orders.State.FAILED else [],
            "usage": _usage(look),
        }
        if order.told["previous_interaction_id"]:
            shown["previous_interaction_id"] = order.told["previous_interaction_id"]
        inline = any("data" in one for one in content)
        truncated = inline and self._vendor.truncated(job)
        return serving.Bytes(request, json.dumps(shown).encode(), "application/json", truncated=truncated)

    async def _output(self, request: requests.Request, look: vendor.Look, *, as_file: bool) -> list[Mapping[str, Any]]:
        """Return the video of an interaction, as a file where it is too large or asked to be; nothing without one.

        Bytes that are gone were in a file: what an interaction itself has goes with it alone.
        """
        job = look.job
        if look.state is not orders.State.SUCCEEDED or not job.made(look.now):
            return []
        if job.order.told["storage_uri"]:
            return [{"type": "video", "mime_type": "video/mp4", "uri": gcs.uri_of(job, 0)}]
        file = {"type": "video", "mime_type": "video/mp4", "uri": f"{_file_url(request, job)}:download?alt=media"}
        too_large = len(await vendor.made_of(job)) > self._inline_limit_bytes
        if not job.order.told["vertex"] and (as_file or too_large):
            return [file]
        try:
            content = await self._vendor.content(look)
        except vendor.Spoiled as spoilt:
            if job.order.told["vertex"] or spoilt.fault not in (Fault.LOST, Fault.EXPIRED):
                raise
            return [file]
        return [{"type": "video", "mime_type": "video/mp4", "data": base64.b64encode(content).decode()}]


def _account(request: requests.Request) -> str:
    """Return whose key or project it is that asks; empty for nobody's."""
    project = request.path_params.get("project")
    if project is None:
        return request.headers.get("x-goog-api-key", "")
    return f"projects/{project}" if google.bearer(request) else ""


async def _no_list(request: requests.Request, account: str) -> responses.Response:
    del request, account
    raise vendor.Unknown


def failure(status: int, code: str, message: str) -> responses.JSONResponse:
    """Return an error of the Interactions API: its codes are words."""
    return responses.JSONResponse({"error": {"code": code, "message": message}}, status)


def _file_id(job: orders.Job) -> str:
    return job.job_id.removeprefix(_ID_PREFIX)


def _file_url(request: requests.Request, job: orders.Job) -> str:
    return f"{request.base_url}{request.url.path.split('/')[1]}/files/{_file_id(job)}"


def _error(job: orders.Job) -> bodies.Fields:
    if job.may_pass:
        return {"code": "internal", "message": "The video could not be generated. Please try again."}
    return {"code": "invalid_request", "message": "The video could not be generated from this input."}


def _usage(look: vendor.Look) -> Mapping[str, Any]:
    """Return the tokens of an interaction, which are what is billed: how many a second has is known for 720p."""
    order = look.job.order
    seconds = look.job.bill_micros(look.now) / omni_request.PRICES[order.model]["720p"]
    output = round(_TOKENS_PER_SECOND * seconds)
    return {
        "total_input_tokens": len(order.prompt.split()),
        "total_output_tokens": output,
        "total_tokens": len(order.prompt.split()) + output,
        "output_tokens_by_modality": [{"modality": "video", "tokens": output}] if output else [],
    }


# Of these codes the vendor publishes all but those of 500 and 503, as far as could be seen.
_SPOILT: Mapping[Fault, tuple[int, str, str]] = {
    Fault.BUSY: (429, "rate_limit_exceeded", "You exceeded the rate limit. Please retry later."),
    Fault.POLL_BUSY: (429, "rate_limit_exceeded", "You exceeded the rate limit. Please retry later."),
    Fault.QUOTA: (402, "payment_required", "Your prepaid credits are depleted. Please add credits to continue."),
    Fault.OVERLOADED: (503, "unavailable", "The model is overloaded. Please try again later."),
    Fault.ACCEPT_500: (500, "internal", "An internal error has occurred. Please retry."),
    Fault.POLL_500: (500, "internal", "An internal error has occurred. Please retry."),
    Fault.UNAUTHORIZED: (401, "authentication", "The API key is missing or invalid."),
    Fault.RETIRED: (404, "model_not_found", "The model was not found. It may have been shut down."),
    Fault.REFUSE: (400, "invalid_request", "The request contains an invalid argument."),
    Fault.UNSAFE: (400, "invalid_request", "The prompt was blocked: it violates our usage policies."),
    Fault.EXPIRED: (404, "not_found", "The output has expired."),
    Fault.LOST: (404, "not_found", "The output was not found."),
}
