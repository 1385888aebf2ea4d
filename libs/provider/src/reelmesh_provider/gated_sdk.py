"""The gate under a vendor's SDK that brings httpx2: its requests are sent by `gated_http`, byte for byte.

Needs the extra `reelmesh-provider[sdk]`. A create is sent as

    transport = gated_sdk.GatedTransport(gate)
    async with openai.AsyncOpenAI(max_retries=0, http_client=httpx2.AsyncClient(transport=transport)) as client:
        …

One transport is for one submit. An SDK wraps errors of the network in its own; those of the gate pass as they are.
"""

from collections.abc import AsyncIterator
from typing import cast

import httpx
import httpx2
from typing_extensions import override

from reelmesh_provider import errors, gate, gated_http


class GatedTransport(httpx2.AsyncBaseTransport):
    """`gated_http.GatedTransport` for an httpx2 client, with the gate of one submit."""

    def __init__(self, own: gate.Gate) -> None:
        """Let the one request of a submit pass through its gate."""
        self._gate = own
        self._sent = False
        self._gated = gated_http.GatedTransport()

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request.

        Raises:
            errors.GateMisused: it is not the first one: a submit is one request.
        """
        if self._sent:
            raise errors.GateMisused("This transport has sent its request: a submit is never repeated.")
        self._sent = True
        sent = httpx.Request(
            request.method,
            str(request.url),
            headers=request.headers.raw,
            stream=_Sent(cast(httpx2.AsyncByteStream, request.stream)),
            extensions={**request.extensions, gated_http.GATE: self._gate},
        )
        try:
            answer = await self._gated.handle_async_request(sent)
        except httpx.TransportError as error:
            raise _translated(error, request) from error
        stream = _Answered(cast(httpx.AsyncByteStream, answer.stream), request)
        return httpx2.Response(answer.status_code, headers=answer.headers.raw, stream=stream)

    @override
    async def aclose(self) -> None:
        """Close the connection."""
        await self._gated.aclose()


class _Sent(httpx.AsyncByteStream):
    """The body of a request on its way from httpx2 to httpx."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk

    @override
    async def aclose(self) -> None:
        await self._stream.aclose()


class _Answered(httpx2.AsyncByteStream):
    """The body of an answer on its way back."""

    def __init__(self, stream: httpx.AsyncByteStream, request: httpx2.Request) -> None:
        self._stream = stream
        self._request = request

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                yield chunk
        except httpx.TransportError as error:
            raise _translated(error, self._request) from error

    @override
    async def aclose(self) -> None:
        await self._stream.aclose()


def _translated(error: httpx.TransportError, request: httpx2.Request) -> httpx2.TransportError:
    """Return the error by which the SDK knows the same."""
    kind = getattr(httpx2, type(error).__name__, httpx2.TransportError)
    return cast(httpx2.TransportError, kind(str(error), request=request))
