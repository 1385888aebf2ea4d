"""The address that vendors are given for what they tell: it is known before the gateway behind it is up."""

import contextlib
from collections.abc import AsyncGenerator

import httpx
from starlette import applications, requests, responses, routing

from tests.support import raw_web

ANSWER_SECONDS = 60.0
# What is told before there is a gateway comes again.
NOBODY_YET = 503


class Relay:
    """Passes everything on.

    Attributes:
        gateway: the address of the gateway, once it is known.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        """Pass it on by `client`."""
        self.gateway = ""
        self._client = client

    async def pass_on(self, request: requests.Request) -> responses.Response:
        """Answer as the gateway does."""
        if not self.gateway:
            return responses.Response(status_code=NOBODY_YET)
        headers = {name: value for name, value in request.headers.items() if name not in ("host", "content-length")}
        body = await request.body()
        answer = await self._client.post(f"{self.gateway}{request.url.path}", content=body, headers=headers)
        return responses.Response(answer.content, answer.status_code)


@contextlib.asynccontextmanager
async def relayed() -> AsyncGenerator[tuple[Relay, str]]:
    """Serve a relay; yield it with its address."""
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as client:
        relay = Relay(client)
        app = applications.Starlette(routes=[routing.Route("/{path:path}", relay.pass_on, methods=["POST"])])
        async with raw_web.serving(app) as root:
            yield relay, root
