"""Veo 3.1 on Vertex AI: long-running operations without progress, clips inline or in Cloud Storage, filtered ones.

A job that fails has a google.rpc.Status: `[[fail]]` is code 3, `[[fail=3]]` a prompt that is blocked after it was
taken, `[[fail-inside]]` code 13, `[[fail-inside=8]]` code 8. `[[filter=2]]` withholds two of several clips.
"""

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from starlette import requests, responses, routing

from reelmesh_simulators import orders, serving, vendor
from reelmesh_simulators.dialects import gcs, google, veo_request
from reelmesh_simulators.faults import Fault

NAME = "veo"
VERSIONS = ("v1", "v1beta1")
_MODEL = "projects/{project}/locations/{location}/publishers/google/models/{model}"
_RESPONSE_TYPE = "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse"
_BLOCKED = (
    "The prompt could not be submitted. This prompt contains words that violate Gemini Enterprise Agent Platform's "
    "usage guidelines. If you think this was an error, send feedback. Support codes: 29310472"
)
_WITHHELD = (
    "Gemini Enterprise Agent Platform could not generate videos because the output violated its usage guidelines. "
    "You will not be charged for blocked videos. If you think this was an error, send feedback. "
    "Support codes: 42237218"
)
_INVALID, _EXHAUSTED, _INTERNAL = 3, 8, 13


class Veo:
    """The API, for callers with a token, of any project and location."""

    name = NAME

    def __init__(self, seller: vendor.Vendor, *, models: Collection[str] = tuple(veo_request.PRICES)) -> None:
        """Render for `seller`; what is not among `models` is retired."""
        self._vendor = seller
        self._models = models
        self._storage = gcs.Storage(seller)

    def routes(self) -> Sequence[routing.BaseRoute]:
        """Return what it answers to."""
        verbs = {"predictLongRunning": self._create, "fetchPredictOperation": self._fetch}
        return [
            routing.Route(f"/{version}/{_MODEL}:{verb}", self._answering(answer), methods=["POST"])
            for version in VERSIONS
            for verb, answer in verbs.items()
        ] + list(self._storage.routes())

    def spoilt(self, spoilt: vendor.Spoiled) -> responses.Response:
        """Say in Google's words what went wrong."""
        return google.wait(google.failure(*_SPOILT[spoilt.fault]), spoilt)

    def unknown(self, problem: str) -> responses.Response:
        """Say that there is nothing."""
        return google.failure(404, problem or "Requested entity was not found.")

    def _answering(self, answer: Any) -> Any:
        async def answered(request: requests.Request) -> responses.Response:
            if not google.bearer(request):
                return google.failure(401, google.UNAUTHENTICATED)
            try:
                made: responses.Response = await answer(request)
            except google.Refused as refused:
                return google.failure(refused.status, refused.message)
            return made

        return answered

    async def _create(self, request: requests.Request) -> responses.Response:
        path = request.path_params
        if path["model"] not in self._models:
            raise google.Refused(
                f"Publisher Model `{_MODEL.format(**path)}` was not found or your project does not have access to it. "
                "Please ensure you are using a valid model version.",
                404,
            )
        fields = await google.fields_of(request, veo_request.KNOWN_FIELDS, "")
        order = veo_request.order_of(path["model"], path["location"], fields)
        # Tokens are fresh every hour; whose a job is says the project.
        caller = vendor.Caller(path["project"], request.headers.get("user-agent", ""))
        # Google charges for clips: where none comes, nothing is.
        price = 0 if order.marker(Fault.EMPTY) else veo_request.price_micros(order)
        job = await self._vendor.create(caller, order, str(self._vendor.ids.fresh()), price)
        return responses.JSONResponse({"name": f"{_MODEL.format(**path)}/operations/{job.job_id}"})

    async def _fetch(self, request: requests.Request) -> responses.Response:
        path, fields = request.path_params, await google.fields_of(request, ("operationName",), "")
        name, model = google.text(fields, "operationName"), _MODEL.format(**path)
        if not name.startswith(f"{model}/operations/"):
            raise google.Refused(f"Invalid operationName '{name}': expected {model}/operations/OPERATION_ID.")
        look = await self._vendor.look(path["project"], name.removeprefix(f"{model}/operations/"))
        order = look.job.order
        if (order.model, order.told["location"]) != (path["model"], path["location"]):
            raise vendor.Unknown
        if look.state not in orders.ENDED:
            return responses.JSONResponse({"name": name})
        if look.state is orders.State.FAILED:
            return responses.JSONResponse({"name": name, "done": True, "error": _status(look.job)})
        body = json.dumps({"name": name, "done": True, "response": await self._result(look)}).encode()
        inline = not order.told["storage_uri"]
        truncated = inline and self._vendor.truncated(look.job)
        return serving.Bytes(request, body, "application/json", truncated=truncated)

    async def _result(self, look: vendor.Look) -> Mapping[str, Any]:
        job = look.job
        result: dict[str, Any] = {
            "@type": _RESPONSE_TYPE,
            "raiMediaFilteredCount": job.withheld,
            "raiMediaFilteredReasons": [_WITHHELD] * job.withheld,
        }
        numbers = range(job.made(look.now))
        if job.order.told["storage_uri"]:
            found = [{"gcsUri": gcs.uri_of(job, number)} for number in numbers]
        else:
            contents = [await self._vendor.content(look, number) for number in numbers]
            found = [{"bytesBase64Encoded": base64.b64encode(content).decode()} for content in contents]
        if found:
            result["videos"] = [{**one, "mimeType": "video/mp4"} for one in found]
        return result


def _status(job: orders.Job) -> Mapping[str, Any]:
    if job.may_pass:
        if job.code == _EXHAUSTED:
            return {"code": _EXHAUSTED, "message": "The service is currently at capacity. Please try again later."}
        return {"code": _INTERNAL, "message": "Video generation failed due to an internal error. Please try again."}
    if job.code == _INVALID:
        return {"code": _INVALID, "message": _BLOCKED}
    return {"code": job.code or _INVALID, "message": "Video generation failed: the input could not be processed."}


_QUOTA = "Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model."
_SPOILT: Mapping[Fault, tuple[int, str]] = {
    Fault.BUSY: (429, "Resource exhausted. Please try again later."),
    Fault.POLL_BUSY: (429, "Resource exhausted. Please try again later."),
    Fault.QUOTA: (429, f"{_QUOTA} Please submit a quota increase request."),
    Fault.OVERLOADED: (503, "The service is currently unavailable."),
    Fault.ACCEPT_500: (500, "Internal error encountered."),
    Fault.POLL_500: (500, "Internal error encountered."),
    Fault.UNAUTHORIZED: (401, google.UNAUTHENTICATED),
    Fault.RETIRED: (404, "Publisher Model was not found or your project does not have access to it."),
    Fault.REFUSE: (400, "Request contains an invalid argument."),
    Fault.UNSAFE: (400, _BLOCKED),
    Fault.EXPIRED: (403, "The caller does not have permission."),
    Fault.LOST: (404, "Requested entity was not found."),
}
