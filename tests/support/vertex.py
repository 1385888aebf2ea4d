"""Calls to a simulated Veo as a plain HTTP client makes them."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import httpx
from reelmesh_kit import clock
from reelmesh_simulators import serving

LONGEST_WAIT_SECONDS = 60.0
MODEL = "/v1/projects/p/locations/us-central1/publishers/google/models/veo-3.1-generate-001"


@contextlib.asynccontextmanager
async def calling(found: serving.Served) -> AsyncGenerator[httpx.AsyncClient]:
    """Open a client with a token while the context is open."""
    headers = {"authorization": "Bearer token-1"}
    async with httpx.AsyncClient(base_url=found.url, headers=headers, timeout=LONGEST_WAIT_SECONDS) as opened:
        yield opened


async def ordered(client: httpx.AsyncClient, instance: dict[str, Any] | str = "a cat", **parameters: Any) -> Any:
    """Send an order of four seconds; parameters and what the instance has go over that."""
    one = {"prompt": instance} if isinstance(instance, str) else {"prompt": "a cat", **instance}
    body = {"instances": [one], "parameters": {"durationSeconds": 4, **parameters}}
    return await client.post(f"{MODEL}:predictLongRunning", json=body)


async def look(client: httpx.AsyncClient, name: str) -> httpx.Response:
    """Look at an operation once."""
    return await client.post(f"{MODEL}:fetchPredictOperation", json={"operationName": name})


async def made(client: httpx.AsyncClient, prompt: str = "a cat", **parameters: Any) -> dict[str, Any]:
    """Return the operation of an order once it is done."""
    name = (await ordered(client, prompt, **parameters)).json()["name"]
    async with asyncio.timeout(LONGEST_WAIT_SECONDS):
        while not (operation := (await look(client, name)).json()).get("done"):
            await clock.SystemClock().sleep(0.02)
        return operation
