"""`reelmesh-sim` as it is started: it says where it answers, and its book outlives it."""

import asyncio
import contextlib
import os
import pathlib
import signal
import sys
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from reelmesh_kit import clock

from tests.support import requirements

LONGEST_WAIT_SECONDS = 60.0
MODEL = "projects/p/locations/us-central1/publishers/google/models/veo-3.1-lite-generate-001"
ORDER = {"instances": [{"prompt": "a cat"}], "parameters": {"durationSeconds": 4, "storageUri": "gs://films/a/"}}


@contextlib.asynccontextmanager
async def started(name: str, *options: str) -> AsyncGenerator[tuple[asyncio.subprocess.Process, httpx.AsyncClient]]:
    """Run a vendor until the context is left, unless it was ended before."""
    command = pathlib.Path(sys.executable).with_name("reelmesh-sim")
    process = await asyncio.create_subprocess_exec(command, name, *options, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            ready, told, url = (await process.stdout.readline()).decode().split()
        assert (ready, told) == ("ready", name)
        headers = {"authorization": "Bearer token-1", "x-goog-api-key": "key-1"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=LONGEST_WAIT_SECONDS) as client:
            yield process, client
    finally:
        if process.returncode is None:
            os.kill(process.pid, signal.SIGTERM)
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            await process.communicate()


async def objects(client: httpx.AsyncClient) -> list[Any]:
    return (await client.get("/storage/v1/b/films/o", params={"prefix": "a/"})).json().get("items", [])


async def test_what_a_killed_vendor_made_is_found_by_the_next(tmp_path: pathlib.Path) -> None:
    options = ("--ledger", str(tmp_path / "veo.sqlite"), "--queue-seconds", "0", "--render-seconds", "0.1")
    async with started("veo", *options) as (process, client):
        assert (await client.post(f"/v1/{MODEL}:predictLongRunning", json=ORDER)).status_code == 200
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    async with started("veo", *options) as (process, client):
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            while not (found := await objects(client)):
                await clock.SystemClock().sleep(0.05)
        assert (await client.get(found[0]["mediaLink"])).content[4:8] == b"ftyp"
        assert (await client.get("/_sim/ledger")).json()["billed_micros"] == 4 * 50_000


@pytest.mark.parametrize("name", ["veo", "omni"])
async def test_a_vendor_ends_when_it_is_told_to(name: str) -> None:
    async with started(name) as (process, client):
        assert (await client.get("/_sim/ledger")).json()["paid"] == 0
    assert process.returncode == 0


@requirements.LINUX
async def test_a_vendor_answers_at_the_address_that_it_is_given() -> None:
    async with started("sglang", "--host", "127.0.0.2") as (_, client):
        assert client.base_url.host == "127.0.0.2"
        assert (await client.get("/_sim/ledger")).json()["paid"] == 0
