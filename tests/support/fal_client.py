"""Plain callers of the simulated fal.ai."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
from reelmesh_kit import clock
from reelmesh_simulators import serving

LONGEST_WAIT_SECONDS = 60.0
VEO = "fal-ai/veo3.1/fast"
CAT: Mapping[str, Any] = {"prompt": "a cat", "duration": "4s", "generate_audio": False, "seed": 7}


def client_of(found: serving.Served, key: str = "id:secret") -> httpx.AsyncClient:
    """Return a client of an account."""
    headers = {"authorization": f"Key {key}"}
    return httpx.AsyncClient(base_url=found.url, headers=headers, timeout=LONGEST_WAIT_SECONDS)


async def submitted(client: httpx.AsyncClient, endpoint: str = VEO, **fields: Any) -> dict[str, Any]:
    """Return what a request was answered with that got into the queue: a cat, unless its fields say otherwise."""
    answer = await client.post(f"/{endpoint}", json={**CAT, **fields})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def completed(client: httpx.AsyncClient, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the status of a request once it has ended."""
    async with asyncio.timeout(LONGEST_WAIT_SECONDS):
        while True:
            answer = await client.get(told["status_url"])
            if answer.status_code == 200:
                status: dict[str, Any] = answer.json()
                return status
            await clock.SystemClock().sleep(0.02)


async def result_of(client: httpx.AsyncClient, told: Mapping[str, Any]) -> httpx.Response:
    """Return what a request came to, once it has ended."""
    await completed(client, told)
    return await client.get(told["response_url"])
