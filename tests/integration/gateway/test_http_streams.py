"""Following a generation over HTTP: server-sent events."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from reelmesh.v1 import generation_pb2
from reelmesh_kit import errors

from tests.integration.gateway import conftest, fake_mesh

ROOT = "/api/v1/generations"
Event = tuple[str, int | None, Any]


async def events(answer: httpx.Response) -> AsyncGenerator[Event]:
    """Yield (name, id, data) of each event, ("", None, text) of each comment."""
    name, identity = "", None
    async for line in answer.aiter_lines():
        key, _, value = line.partition(": ")
        if line.startswith(":"):
            yield "", None, value
        elif key == "event":
            name = value
        elif key == "id":
            identity = int(value)
        elif key == "data":
            yield name, identity, json.loads(value)
            name, identity = "", None


async def create(client: httpx.AsyncClient) -> str:
    return (await client.post(ROOT, json={"prompt": "a"})).json()["id"]


async def test_a_stream_tells_events_by_sequence_then_progress_then_the_end(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh
) -> None:
    generation_id = await create(client)
    seen: list[tuple[str, int | None]] = []
    last: Any = None

    async with client.stream("GET", f"{ROOT}/{generation_id}/watch") as answer:
        async for name, identity, data in events(answer):
            seen.append((name, identity))
            if name == "event" and data["type"] == "created":
                await mesh.orchestrator.report(generation_id, 40)
            if name == "progress":
                assert data == {"progress_percent": 40, "activity": "busy"}
                await mesh.orchestrator.complete(generation_id)
            last = data

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert seen == [("event", 1), ("progress", None), ("event", 2), ("ended", None)]
    assert last["state"] == "COMPLETED"


@pytest.mark.parametrize("how", ["header", "query"])
async def test_a_stream_goes_on_after_the_last_event_that_was_seen(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh, how: str
) -> None:
    generation_id = await create(client)
    await mesh.orchestrator.happen(generation_id, "attempt_accepted", generation_pb2.GENERATION_STATE_GENERATING)
    await mesh.orchestrator.complete(generation_id)
    asked: dict[str, Any] = (
        {"headers": {"Last-Event-ID": "2"}, "params": {"after_sequence": 0}}
        if how == "header"
        else {"params": {"after_sequence": 2}}
    )

    async with client.stream("GET", f"{ROOT}/{generation_id}/watch", **asked) as answer:
        seen = [(name, identity) async for name, identity, _ in events(answer)]

    assert seen == [("event", 3), ("ended", None)]


async def test_events_are_followed_when_the_caller_accepts_a_stream(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh
) -> None:
    generation_id = await create(client)
    await mesh.orchestrator.complete(generation_id)

    async with client.stream(
        "GET", f"{ROOT}/{generation_id}/events", headers={"Accept": "text/event-stream"}
    ) as answer:
        seen = [name async for name, _, _ in events(answer)]

    assert seen == ["event", "event", "ended"]


async def test_a_stream_that_breaks_behind_the_gateway_goes_on_without_gap_or_repetition(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh
) -> None:
    generation_id = await create(client)
    for _ in range(4):
        await mesh.orchestrator.happen(generation_id, "moved", generation_pb2.GENERATION_STATE_GENERATING)
    await mesh.orchestrator.complete(generation_id)
    mesh.orchestrator.watch_breaks_after = 2

    async with client.stream("GET", f"{ROOT}/{generation_id}/watch") as answer:
        seen = [identity async for name, identity, _ in events(answer) if name == "event"]

    assert seen == [1, 2, 3, 4, 5, 6]
    assert mesh.orchestrator.watches > 1


async def test_a_stream_that_cannot_go_on_says_why(client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh) -> None:
    generation_id = await create(client)
    last: Any = None

    async with client.stream("GET", f"{ROOT}/{generation_id}/watch") as answer:
        async for name, _, data in events(answer):
            if name == "event":
                mesh.orchestrator.refuse_with = errors.NotFound()
                mesh.orchestrator.watch_breaks_after = 1
                await mesh.orchestrator.report(generation_id, 1)
            last = (name, data)

    assert last[0] == "error"
    assert last[1]["error"]["reason"] == "NOT_FOUND"
    assert last[1]["error"]["request_id"] == answer.headers["x-request-id"]


async def test_a_silent_stream_is_kept_open_by_comments(open_gateway: conftest.Open) -> None:
    async with open_gateway(heartbeat_seconds=0.05) as gateway, gateway.client() as client:
        generation_id = await create(client)
        async with client.stream("GET", f"{ROOT}/{generation_id}/watch") as answer:
            seen = events(answer)
            names = [(await anext(seen))[0] for _ in range(3)]
            await seen.aclose()

    assert names == ["event", "", ""]


async def test_a_caller_who_leaves_ends_the_watch_behind_the_gateway(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh
) -> None:
    generation_id = await create(client)
    async with client.stream("GET", f"{ROOT}/{generation_id}/watch") as answer:
        seen = events(answer)
        await anext(seen)
        assert mesh.orchestrator.watching == 1
        await seen.aclose()

    await fake_mesh.until(lambda: not mesh.orchestrator.watching)


async def test_one_stream_too_many_is_refused_and_there_is_room_when_one_ends(
    open_gateway: conftest.Open, mesh: fake_mesh.FakeMesh
) -> None:
    async with open_gateway(event_streams_limit=1) as gateway, gateway.client() as client:
        path = f"{ROOT}/{await create(client)}/watch"
        async with client.stream("GET", path) as first:
            await anext(first.aiter_lines())
            refused = await client.get(path)
        await fake_mesh.until(lambda: not mesh.orchestrator.watching)
        async with client.stream("GET", path) as again:
            status = again.status_code

    assert (refused.status_code, status) == (429, 200)
    assert refused.headers["retry-after"] == "10"


async def test_open_streams_end_when_the_gateway_stops(open_gateway: conftest.Open) -> None:
    async with open_gateway(drain_seconds=30.0) as gateway:
        client = gateway.client()
        stream = client.stream("GET", f"{ROOT}/{await create(client)}/watch")
        answer = await stream.__aenter__()
        lines = answer.aiter_lines()
        while "created" not in await anext(lines):
            continue
        began = asyncio.get_running_loop().time()
    took_seconds = asyncio.get_running_loop().time() - began
    rest = [each async for each in lines]
    await client.aclose()

    assert took_seconds < 5
    assert not any("error" in each for each in rest)


async def test_a_last_event_id_that_is_no_number_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{ROOT}/{await create(client)}/watch", headers={"Last-Event-ID": "x"})

    assert answer.status_code == 400
    assert answer.json()["error"]["metadata"]["field"] == "Last-Event-ID"
