"""A script reads the same from `--json` as from HTTP."""

import asyncio
import json
import pathlib
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tests.e2e import caller, mesh, standalone

pytestmark = pytest.mark.slow

QUOTE = {"prompt": "a paper boat", "output": {"duration_seconds": 2.0}}


@pytest.fixture
async def one(tmp_path: pathlib.Path) -> AsyncGenerator[mesh.Mesh]:
    async with mesh.up(tmp_path) as opened:
        yield opened


async def _printed(one: mesh.Mesh, *arguments: str) -> Any:
    gateway = one.one("gateway").running
    where = ("--address", f"127.0.0.1:{gateway.grpc_port}", "--api-key", one.key)
    done = await asyncio.to_thread(standalone.run, *arguments, "--json", *where)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def _answered(one: mesh.Mesh, path: str) -> caller.Body:
    return caller.answered(await one.caller.http.get(f"{caller.GENERATIONS}{path}"), 200)


def _unsigned(generation: caller.Body) -> caller.Body:
    """Return a generation without what is signed anew with each answer: how long its URLs hold."""
    for rendition in generation["renditions"]:
        assert rendition.pop("url").startswith("http://127.0.0.1:")
    return generation


async def test_the_command_line_prints_what_http_answers(one: mesh.Mesh) -> None:
    made = await one.caller.made("a paper boat", labels={"made-for": "both"}, seed=7)
    path = f"/{made['id']}"

    assert _unsigned(await _printed(one, "get", made["id"])) == _unsigned(await _answered(one, path))
    assert _unsigned(await _printed(one, "watch", made["id"])) == _unsigned(await _answered(one, path))
    assert await _printed(one, "events", made["id"]) == (await _answered(one, f"{path}/events"))["events"]
    assert await _printed(one, "list", "--label", "made-for=both") == (await _answered(one, ""))["generations"]


async def test_a_printed_plan_is_the_one_that_http_answers(one: mesh.Mesh) -> None:
    answered = caller.answered(await one.caller.http.post("/api/v1/quotes", json=QUOTE), 200)
    printed = await _printed(one, "quote", "a paper boat", "--duration", "2")

    # A quote that is not kept makes up its ids.
    for shot in (*answered["shots"], *printed["shots"]):
        assert shot.pop("id")
    assert printed == answered
