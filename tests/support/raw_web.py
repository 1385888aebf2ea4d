"""Small servers by HTTP on a loopback port, for what lies outside of a mesh."""

import contextlib
from collections.abc import AsyncGenerator

from reelmesh_kit import web
from starlette import applications, responses, types


class HangUp(responses.Response):
    """An answer that never comes: the connection breaks instead."""

    async def __call__(self, scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
        """Announce more than is sent, so that the server closes."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
        raise ConnectionError("dropped, as asked")


@contextlib.asynccontextmanager
async def serving(app: applications.Starlette) -> AsyncGenerator[str]:
    """Serve until the body ends; yield the address."""
    async with web.serve(app, "127.0.0.1", 0, variable="none") as port:
        yield f"http://127.0.0.1:{port}"
