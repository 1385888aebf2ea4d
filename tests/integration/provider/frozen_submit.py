"""A process that sends one create and stops itself (SIGSTOP) right after its headers have left.

Arguments: url, size of the body in bytes, "gated" or "headers-only" (what naive code checks). Prints one word: how the
submit ended.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping

import httpx
from reelmesh_kit import clock
from reelmesh_provider import errors, gate, gated_http, model

WINDOW_SECONDS = 0.5


async def main(url: str, size_bytes: int, kind: str) -> str:
    """Send it."""
    own = gate.Gate(clock=clock.SystemClock(), nonce="nonce", ask=_go)

    async def trace(name: str, info: Mapping[str, object]) -> None:
        if kind == "headers-only" and name == "http11.send_request_headers.started":
            await own.begin()
            own.check()
        if name == "http11.send_request_headers.complete":
            os.kill(os.getpid(), signal.SIGSTOP)

    extensions: dict[str, object] = {"trace": trace}
    if kind == "gated":
        extensions[gated_http.GATE] = own
    async with httpx.AsyncClient(transport=gated_http.GatedTransport()) as client:
        try:
            await client.post(url, content=b"x" * size_bytes, extensions=extensions)
        except errors.WindowPassed:
            return "window-passed"
        except httpx.HTTPError as error:
            return type(error).__name__
    return "created"


async def _go(nonce: str) -> model.Go:
    return model.Go(WINDOW_SECONDS)


if __name__ == "__main__":
    print(asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
