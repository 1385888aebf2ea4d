"""The client's verbs against a fake mesh over real gRPC."""

import asyncio
import pathlib
import socket

import grpc
import pytest
import reelmesh_client
from reelmesh.v1 import generation_pb2
from reelmesh_client import errors, machine, retrying

from tests.support import proxy
from tests.unit.client import fake_mesh

QUEUED = generation_pb2.GENERATION_STATE_QUEUED


async def test_a_create_carries_the_options_and_the_key(client, mesh) -> None:
    generation = await client.create(
        "a paper boat", duration_seconds=6, aspect_ratio="9:16", labels={"a": "b"}, seed=0, audio=False
    )
    (request,) = mesh.requests("create")
    assert generation.id == "generation-1"
    assert request.generation.prompt == "a paper boat"
    assert request.generation.output.duration_seconds == 6
    assert request.generation.output.aspect_ratio == "9:16"
    assert request.generation.output.HasField("audio")
    assert not request.generation.output.audio
    assert request.generation.HasField("seed")
    assert dict(request.generation.labels) == {"a": "b"}


async def test_what_is_not_asked_for_is_left_to_the_mesh(client, mesh) -> None:
    await client.create("a paper boat")
    (request,) = mesh.requests("create")
    assert not request.generation.HasField("seed")
    assert not request.generation.HasField("output")
    assert not request.generation.HasField("deadline_time")


async def test_a_mesh_far_away_is_connected_to_at_the_first_try(mesh) -> None:
    far = proxy.Proxy(int(mesh.address.rpartition(":")[2]), delay_seconds=0.5)
    async with far.running(), reelmesh_client.Client(f"127.0.0.1:{far.port}", fake_mesh.KEY) as client:
        await client.create("a paper boat")
    assert (far.accepted, len(mesh.requests("create"))) == (1, 1)


@pytest.mark.parametrize("lost", [fake_mesh.BUSY, fake_mesh.LOST])
async def test_a_create_whose_answer_is_lost_is_repeated_and_makes_one_generation(client, mesh, lost) -> None:
    mesh.lost_answers["create"].extend([lost, lost])
    generation = await client.create("a paper boat")
    sent = mesh.requests("create")
    assert [each.request_id for each in sent] == [sent[0].request_id] * 3
    assert list(mesh.generations) == [generation.id]


async def test_two_creates_have_two_request_ids(client, mesh) -> None:
    first, second = await client.create("a"), await client.create("a")
    assert first.id != second.id


async def test_the_callers_request_id_is_used(client, mesh) -> None:
    first = await client.create("a", request_id="order-7")
    second = await client.create("a", request_id="order-7")
    assert first.id == second.id
    assert mesh.requests("create")[0].request_id == "order-7"


async def test_images_are_uploaded_before_the_create(client, mesh, tmp_path: pathlib.Path) -> None:
    image = tmp_path / "boat.png"
    image.write_bytes(b"p" * 600_000)
    await client.create("a paper boat", images=[image, b"bytes"], reference_asset_ids=["old"])
    (request,) = mesh.requests("create")
    assert list(request.generation.reference_asset_ids) == ["old", "upload-1", "upload-2"]
    assert [len(content) for _, content in mesh.requests("upload")] == [600_000, 5]


async def test_frames_are_uploaded_or_named(client, mesh) -> None:
    await client.create("a paper boat", first_frame=b"first", last_frame_asset_id="old", negative_prompt="rain")
    (request,) = mesh.requests("create")
    asked = request.generation
    assert (asked.first_frame_asset_id, asked.last_frame_asset_id) == ("upload-1", "old")
    assert asked.negative_prompt == "rain"


async def test_an_image_that_cannot_be_read_is_refused_before_anything_is_asked(client, mesh, tmp_path) -> None:
    with pytest.raises(errors.UnusableFile, match="No such file"):
        await client.create("a paper boat", images=[tmp_path / "none.png"])
    assert mesh.calls == []


async def test_reads_are_repeated_with_growing_waits_until_the_tries_are_used_up(client, mesh, device) -> None:
    mesh.refusals["get"].extend([fake_mesh.BUSY] * 10)
    with pytest.raises(errors.Unavailable, match="orchestrator"):
        await client.get("g")
    assert len(mesh.requests("get")) == retrying.Backoff().tries
    assert device.slept_seconds == [0.2, 0.4, 0.8, 1.6, 3.2]


async def test_the_wait_that_the_mesh_asks_for_is_kept(client, mesh, device) -> None:
    mesh.add_generation("g")
    mesh.refusals["get"].append(
        fake_mesh.Refusal(grpc.StatusCode.UNAVAILABLE, "soon", "UNAVAILABLE", retry_after_seconds=1.5)
    )
    await client.get("g")
    assert device.slept_seconds == [1.5]


def _full(retry_after_seconds: float | None = 20.0) -> fake_mesh.Refusal:
    return fake_mesh.Refusal(
        grpc.StatusCode.RESOURCE_EXHAUSTED, "no room", "QUEUE_FULL", retry_after_seconds=retry_after_seconds
    )


async def test_a_create_waits_for_a_full_queue_as_long_as_it_is_asked_to_and_a_bit(mesh, device) -> None:
    told: list[float] = []
    mesh.refusals["create"].extend([_full(20.0), _full(8.0)])
    async with reelmesh_client.Client(
        mesh.address, fake_mesh.KEY, device=device, on_full=lambda _, seconds: told.append(seconds)
    ) as client:
        await client.create("a paper boat")
    assert told == device.slept_seconds == [25.0, 10.0]
    assert len({request.request_id for request in mesh.requests("create")}) == 1


async def test_patience_with_a_full_queue_ends(client, mesh, device) -> None:
    mesh.refusals["create"].extend([_full(40.0)] * 10)
    with pytest.raises(errors.QueueFull, match="no room") as caught:
        await client.create("a paper boat")
    assert caught.value.retry_after_seconds == 40.0
    assert sum(device.slept_seconds) <= retrying.Backoff().full_patience_seconds
    assert len(mesh.requests("create")) == 3


async def test_without_patience_a_full_queue_is_told_at_once(mesh, device) -> None:
    mesh.refusals["create"].append(_full(None))
    impatient = retrying.Backoff(full_patience_seconds=0)
    async with reelmesh_client.Client(mesh.address, fake_mesh.KEY, backoff=impatient, device=device) as client:
        with pytest.raises(errors.QueueFull):
            await client.create("a paper boat")
    assert device.slept_seconds == []


async def test_a_full_queue_that_does_not_say_when_is_asked_with_growing_waits(client, mesh, device) -> None:
    mesh.refusals["create"].extend([_full(None)] * 3)
    await client.create("a paper boat")
    assert device.slept_seconds == pytest.approx([0.25, 0.5, 1.0])


async def test_a_retry_waits_for_a_full_queue_for_nothing_was_done(client, mesh, device) -> None:
    mesh.add_generation("g", generation_pb2.GENERATION_STATE_FAILED)
    mesh.refusals["retry"].append(_full(4.0))
    await client.retry("g")
    assert device.slept_seconds == [5.0]


async def test_a_retry_of_a_generation_is_sent_once(client, mesh) -> None:
    mesh.add_generation("g", generation_pb2.GENERATION_STATE_FAILED)
    mesh.refusals["retry"].append(fake_mesh.BUSY)
    with pytest.raises(errors.Unavailable):
        await client.retry("g")
    assert len(mesh.requests("retry")) == 1


async def test_a_promotion_is_repeated(client, mesh) -> None:
    mesh.add_generation("g").takes.add(number=1)
    mesh.refusals["promote"].append(fake_mesh.BUSY)
    assert (await client.promote("g", 1)).takes[0].promoted
    assert [request.take for request in mesh.requests("promote")] == [1, 1]


async def test_a_cancel_is_repeated(client, mesh) -> None:
    mesh.add_generation("g", QUEUED)
    mesh.refusals["cancel"].append(fake_mesh.BUSY)
    assert (await client.cancel("g")).state == generation_pb2.GENERATION_STATE_CANCELLED


async def test_a_refusal_is_raised_at_once_with_all_that_was_said(client, mesh, device) -> None:
    mesh.refusals["create"].append(
        fake_mesh.Refusal(
            grpc.StatusCode.INVALID_ARGUMENT,
            "generation.prompt: is empty",
            "INVALID_ARGUMENT",
            metadata={"field": "generation.prompt"},
            fields={"generation.prompt": "is empty"},
        )
    )
    with pytest.raises(errors.InvalidArgument) as caught:
        await client.create("")
    assert caught.value.reason == "INVALID_ARGUMENT"
    assert caught.value.metadata == {"field": "generation.prompt"}
    assert caught.value.fields == (errors.FieldProblem("generation.prompt", "is empty"),)
    assert device.slept_seconds == []


async def test_a_wrong_key_is_unauthenticated(mesh) -> None:
    async with reelmesh_client.Client(mesh.address, "wrong") as client:
        with pytest.raises(errors.Unauthenticated, match="no valid API key"):
            await client.get("g")


async def test_nobody_at_the_address_is_unreachable(device: machine.ManualMachine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with reelmesh_client.Client(
        f"127.0.0.1:{port}", "k", backoff=retrying.Backoff(tries=2), device=device
    ) as client:
        with pytest.raises(
            errors.Unreachable, match=f"^nobody answers at 127.0.0.1:{port}: the connection was refused$"
        ):
            await client.get("g")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "http://",
        "a/b",
        "https://host:1/path",
        "host",
        "host:",
        ":9090",
        "host:http",
        "host:0",
        "host:65536",
        "[::1]",
    ],
)
async def test_a_malformed_address_is_refused(address: str) -> None:
    with pytest.raises(errors.UnusableAddress, match="host:port"):
        async with reelmesh_client.Client(address, "k"):
            pass


@pytest.mark.parametrize(
    "address", ["host:1", "http://host:1/", "[::1]:9090", "https://host", "https://[::1]", "dns:///host:1", "unix:/x/y"]
)
async def test_an_address_may_be_written_in_several_ways(address: str) -> None:
    async with reelmesh_client.Client(address, "k"):
        pass


@pytest.mark.parametrize("name", ["Client", "Options"])
def test_the_package_has_what_it_promises(name: str) -> None:
    assert name in reelmesh_client.__all__
    assert getattr(reelmesh_client, name).__name__ == name


def test_the_package_has_nothing_else() -> None:
    with pytest.raises(AttributeError, match="Nothing"):
        _ = reelmesh_client.Nothing


async def test_a_client_that_is_not_open_says_so() -> None:
    with pytest.raises(errors.ReelmeshError, match="async with"):
        await reelmesh_client.Client("127.0.0.1:1", "k").get("g")


async def test_lists_are_read_page_by_page_up_to_the_limit(client, mesh) -> None:
    for number in range(230):
        mesh.add_generation(f"g{number}", QUEUED)
    found = [each.id async for each in client.list(limit=205)]
    assert found == [f"g{number}" for number in range(205)]
    assert [each.page_size for each in mesh.requests("list")] == [100, 100, 5]


async def test_a_list_ends_where_the_generations_do(client, mesh) -> None:
    mesh.add_generation("g", QUEUED)
    assert [each.id async for each in client.list(limit=50)] == ["g"]


async def test_events_are_read_page_by_page(client, mesh) -> None:
    mesh.events["g"] = [fake_mesh.event(number).event for number in range(1, 1203)]
    found = [each.sequence async for each in client.events("g", after_sequence=1)]
    assert found == list(range(2, 1203))
    assert len(mesh.requests("events")) == 2


async def test_a_quote_asks_for_the_same_request(client, mesh) -> None:
    answer = await client.quote("a paper boat", model="local")
    assert answer.price_micros == 1_250_000
    assert mesh.requests("quote")[0].generation.model == "local"


async def test_create_and_wait_returns_the_generation_as_it_ended(client, mesh) -> None:
    done = generation_pb2.Generation(id="generation-1", state=generation_pb2.GENERATION_STATE_COMPLETED)
    mesh.streams.append([fake_mesh.event(1), fake_mesh.progress(50), fake_mesh.ended(done)])
    seen = []
    generation = await client.create_and_wait("a paper boat", on_seen=seen.append)
    assert generation.state == generation_pb2.GENERATION_STATE_COMPLETED
    assert [each.WhichOneof("seen") for each in seen] == ["event", "progress", "ended"]


async def test_leaving_a_client_ends_its_calls(mesh) -> None:
    mesh.add_generation("g", QUEUED)
    async with reelmesh_client.Client(mesh.address, fake_mesh.KEY) as client:
        stream = client.watch("g")
        mesh.streams.append([fake_mesh.event(1), fake_mesh.event(2)])
        first = await asyncio.wait_for(anext(stream), 5)
        await stream.aclose()
    assert first.event.sequence == 1


async def test_deleting_an_asset_twice_is_harmless(client, mesh) -> None:
    mesh.add_asset("a", b"bytes")
    mesh.refusals["delete"].append(fake_mesh.BUSY)
    await client.delete_asset("a")
    assert mesh.assets == {}
