"""A proxy before gateways of ours that drops answers to creates, as often as it is told."""

import contextlib
from collections.abc import AsyncGenerator, Sequence

import httpx
from starlette import applications, requests, responses, routing

from tests.support import raw_web

ANSWER_SECONDS = 120.0
REPEATS_HEADER = "x-stainless-retry-count"


class Wire:
    """Takes requests to the gateways, by turns, and drops answers to creates.

    Attributes:
        drops: how many answers are still dropped, whoever asks.
        drops_of_each: of each body so many answers are dropped.
        counts: which repetition each create said that it was.
    """

    def __init__(self, upstreams: Sequence[str], client: httpx.AsyncClient) -> None:
        """Pass requests on to `upstreams`, addresses without a path."""
        self.drops = 0
        self.drops_of_each = 0
        self.counts: list[str] = []
        self._upstreams = upstreams
        self._client = client
        self._turn = 0

    async def pass_on(self, request: requests.Request) -> responses.Response:
        """Answer as a gateway does, or not at all."""
        headers = {name: value for name, value in request.headers.items() if name not in ("host", "content-length")}
        creating = request.method == "POST"
        upstream = self._upstreams[self._turn % len(self._upstreams)]
        self._turn += creating
        repeat = request.headers.get(REPEATS_HEADER, "")
        if creating:
            self.counts.append(repeat)
        answer = await self._client.request(
            request.method,
            f"{upstream}{request.url.path}?{request.url.query}",
            headers=headers,
            content=await request.body(),
        )
        if creating and (self.drops or int(repeat or 0) < self.drops_of_each):
            self.drops = max(0, self.drops - 1)
            return raw_web.HangUp()
        return responses.Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))


@contextlib.asynccontextmanager
async def wired(upstreams: Sequence[str]) -> AsyncGenerator[tuple[Wire, str]]:
    """Serve a wire before gateways; yield it with its address."""
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as client:
        wire = Wire(upstreams, client)
        app = applications.Starlette(routes=[routing.Route("/{path:path}", wire.pass_on, methods=["GET", "POST"])])
        async with raw_web.serving(app) as root:
            yield wire, root
