"""Callers of the simulated Runway, and requests that it takes."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import runwayml
from reelmesh_kit import clock
from reelmesh_simulators import serving

LONGEST_WAIT_SECONDS = 60.0
HEADERS = {"authorization": "Bearer key_1", "x-runway-version": "2024-11-06"}
PICTURE = "https://pictures.example.com/a.png"
GEN45: Mapping[str, Any] = {"model": "gen4.5", "promptText": "a cat", "ratio": "1280:720", "duration": 2}
TURBO: Mapping[str, Any] = {"model": "gen4_turbo", "promptImage": PICTURE, "ratio": "1280:720"}


def client_of(found: serving.Served, *, retries: int = 0, key: str = "key_1") -> runwayml.AsyncRunwayML:
    """Return the SDK, which calls a simulator."""
    return runwayml.AsyncRunwayML(base_url=found.url, api_key=key, max_retries=retries)


def plain(found: serving.Served) -> httpx.AsyncClient:
    """Return a client that sends what it is told."""
    return httpx.AsyncClient(base_url=found.url, headers=HEADERS, timeout=LONGEST_WAIT_SECONDS)


async def made(client: runwayml.AsyncRunwayML, prompt: str = "a cat") -> Any:
    """Return a task of the cheapest clip, once it has ended."""
    task = await client.text_to_video.create(model="gen4.5", prompt_text=prompt, ratio="1280:720", duration=2)
    return await ended(client, task.id)


async def ended(client: runwayml.AsyncRunwayML, task_id: str) -> Any:
    """Return a task once it has ended."""
    async with asyncio.timeout(LONGEST_WAIT_SECONDS):
        while True:
            task = await client.tasks.retrieve(task_id)
            if task.status in ("SUCCEEDED", "FAILED", "CANCELLED"):
                return task
            await clock.SystemClock().sleep(0.02)


async def bytes_at(url: str) -> httpx.Response:
    """Return what lies at an address."""
    async with httpx.AsyncClient(timeout=LONGEST_WAIT_SECONDS) as client:
        return await client.get(url)


def told(created: object) -> Any:
    """Return what a create answered: the SDK has it, and its types leave out all but the id."""
    return created
