"""LiteLLM's proxy (1.109.1) before OpenAI: long ids in base64, no way to delete, status words of its own."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from starlette import requests, responses, routing
from typing_extensions import override

from reelmesh_simulators import orders, vendor
from reelmesh_simulators.dialects import openai

NAME = "litellm"
_PREFIX = "video_"
_BEHIND = "litellm:custom_llm_provider:openai;model_id:8d0d1e77a2f5/{model};video_id:"


class LiteLLM(openai.OpenAI):
    """The proxy. What lies behind it speaks as OpenAI did."""

    name = NAME

    @override
    def routes(self) -> Sequence[routing.BaseRoute]:
        """Return what it answers to: everything but deleting."""
        one = "/v1/videos/{job_id:path}"
        return [
            routing.Route("/v1/videos", self._answering(self._create), methods=["POST"]),
            routing.Route("/v1/videos", self._answering(self._list), methods=["GET"]),
            routing.Route(f"{one}/content", self._answering(self._behind(self._content)), methods=["GET"]),
            routing.Route(f"{one}/remix", self._answering(self._behind(self._remix)), methods=["POST"]),
            routing.Route(one, self._answering(self._behind(self._get)), methods=["GET"]),
        ]

    def _behind(self, answer: Any) -> Any:
        async def answered(request: requests.Request, caller: vendor.Caller) -> responses.Response:
            request.path_params["job_id"] = behind(request.path_params["job_id"])
            made: responses.Response = await answer(request, caller)
            return made

        return answered

    @override
    def _id_of(self, look: vendor.Look) -> str:
        return before(look.job.job_id, look.job.order.model)

    @override
    def _shown(self, look: vendor.Look) -> dict[str, Any]:
        shown = super()._shown(look)
        if look.state is orders.State.RUNNING:
            shown["status"] = "processing"
        shown["usage"] = {"duration_seconds": look.job.order.seconds}
        return shown


def before(job_id: str, model: str) -> str:
    """Return the proxy's id of a job: standard base64, with `+`, `/` and `=` as they come."""
    return _PREFIX + base64.b64encode((_BEHIND.format(model=model) + job_id).encode()).decode()


def behind(proxy_id: str) -> str:
    """Return the id behind the proxy's.

    Raises:
        vendor.Unknown: it is none of the proxy's.
    """
    try:
        text = base64.b64decode(proxy_id.removeprefix(_PREFIX), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise vendor.Unknown("Video not found") from None
    return text.rpartition(";video_id:")[2]
