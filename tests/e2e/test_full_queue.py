"""What is full says so and loses nothing: the queue, by HTTP and by gRPC, and the stream of tasks on the bus."""

import asyncio
import contextlib
import math
import pathlib
import sqlite3
from collections.abc import AsyncGenerator

import grpc
import grpc.aio
import nats
import pytest
import reelmesh_client
from reelmesh.v1 import generation_pb2, generation_service_pb2, generation_service_pb2_grpc
from reelmesh_client import errors, machine, retrying
from reelmesh_kit.bus import streams

from tests.e2e import caller as callers
from tests.e2e import mesh

pytestmark = pytest.mark.slow

LIMIT = 2
SMALLER_THAN_A_TASK_BYTES = 64
# A render that goes on until it is cancelled.
ENDLESS = "a paper boat [[stall]]"


class Hasty(machine.SystemMachine):
    """Waits less than it is asked to, for a test that shall not take so long."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(min(seconds, callers.LOOK_SECONDS))


@pytest.fixture
async def full(tmp_path: pathlib.Path) -> AsyncGenerator[mesh.Mesh]:
    """Yield a mesh that takes two generations and has them."""
    told = {"orchestrator": {"most_open_generations_in_all": LIMIT}}
    async with mesh.up(tmp_path, mesh.Wanted(told=told)) as running:
        for number in range(LIMIT):
            await running.caller.create(ENDLESS, request_id=f"taken-{number}")
        yield running


async def test_a_full_mesh_refuses_by_http_and_grpc_with_a_time_to_come_back(full: mesh.Mesh) -> None:
    body = {"prompt": ENDLESS, "output": dict(callers.TINY), "request_id": "one-more"}
    answer = await full.caller.http.post(callers.GENERATIONS, json=body)
    message = callers.refused(answer, 503, "QUEUE_FULL")
    assert f"of all tenants as may be ({LIMIT})" in message
    assert answer.json()["error"]["metadata"] == {"limit": str(LIMIT), "scope": "mesh"}
    assert 1 <= int(answer.headers["retry-after"]) <= 60

    stub = generation_service_pb2_grpc.GenerationServiceStub(full.channel)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.CreateGeneration(_request("one-more"), metadata=full.metadata)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    details = errors.from_rpc(refused.value)
    assert details.reason == "QUEUE_FULL"
    assert details.retry_after_seconds is not None
    assert 1 <= details.retry_after_seconds <= 60


async def test_what_was_admitted_is_answered_again_by_a_full_mesh(full: mesh.Mesh) -> None:
    again = await full.caller.create(ENDLESS, request_id="taken-0")
    assert again["id"] in {each["id"] for each in await _listed(full)}
    stub = generation_service_pb2_grpc.GenerationServiceStub(full.channel)
    answer = await stub.CreateGeneration(_request("taken-0"), metadata=full.metadata)
    assert answer.replayed
    assert answer.generation.id == again["id"]


async def test_a_client_waits_until_there_is_room(full: mesh.Mesh) -> None:
    waits: list[float] = []
    waiting = asyncio.Event()

    def on_full(_: errors.QueueFull, seconds: float) -> None:
        waits.append(seconds)
        waiting.set()

    address = f"127.0.0.1:{full.one('gateway').running.grpc_port}"
    patient = retrying.Backoff(full_patience_seconds=math.inf)
    async with reelmesh_client.Client(address, full.key, backoff=patient, device=Hasty(), on_full=on_full) as client:
        wanted = asyncio.create_task(client.create("a paper boat", resolution=480, duration_seconds=1))
        await asyncio.wait_for(waiting.wait(), callers.PATIENCE_SECONDS)
        taken = (await _listed(full))[0]["id"]
        await full.caller.cancel(taken)
        created = await asyncio.wait_for(wanted, callers.PATIENCE_SECONDS)
    assert min(waits) >= 1
    assert created.id != taken


async def test_a_full_stream_of_tasks_holds_up_and_loses_nothing(tmp_path: pathlib.Path) -> None:
    async with mesh.up(tmp_path) as running:
        url = str(running.one("orchestrator").values["nats_url"])
        connection = await nats.connect(url)
        try:
            jetstream = connection.jetstream()
            declared = streams.TASKS.config(1)
            await jetstream.update_stream(declared.evolve(max_bytes=SMALLER_THAN_A_TASK_BYTES))
            admitted = [await running.caller.create(f"a paper boat, {number}") for number in range(3)]
            await callers.until(lambda: _tasks_in_sql(tmp_path), "tasks wait in the outbox")
            for each in admitted:
                assert (await running.caller.get(each["id"]))["state"] == "QUEUED"
            await jetstream.update_stream(declared)
        finally:
            await connection.close()
        for each in admitted:
            made = await running.caller.ended(each["id"])
            assert (made["state"], made["delivery"]) == ("COMPLETED", "VIDEO")
            assert [len(submits) for submits in running.submits(made).values()] == [1]
        await callers.until(lambda: not _tasks_in_sql(tmp_path), "no task is left in the outbox")


def _tasks_in_sql(folder: pathlib.Path) -> int:
    """Return how many tasks stand in the orchestrator's outbox."""
    path = folder / "orchestrator-0" / "orchestrator.sqlite"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)) as connection:
        return connection.execute("SELECT count(*) FROM outbox WHERE subject LIKE 'task.%'").fetchone()[0]


async def _listed(running: mesh.Mesh) -> list[callers.Body]:
    return callers.answered(await running.caller.http.get(callers.GENERATIONS), 200)["generations"]


def _request(request_id: str) -> generation_service_pb2.CreateGenerationRequest:
    wish = generation_service_pb2.GenerationRequest(
        prompt=ENDLESS, output=generation_pb2.OutputSpec(width=160, height=90, duration_seconds=1)
    )
    return generation_service_pb2.CreateGenerationRequest(generation=wish, request_id=request_id)
