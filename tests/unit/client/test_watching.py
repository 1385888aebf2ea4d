"""A watch survives what happens to streams."""

import grpc
import pytest
from reelmesh.v1 import generation_pb2
from reelmesh_client import errors

from tests.unit.client import fake_mesh

CUT = fake_mesh.Refusal(grpc.StatusCode.UNAVAILABLE, "Socket closed")
STOPPED = fake_mesh.Refusal(grpc.StatusCode.CANCELLED, "the server stops")


@pytest.fixture
def ended(mesh):
    return fake_mesh.ended(mesh.add_generation("g"))


async def _sequences(stream) -> list[int]:
    return [each.event.sequence async for each in stream if each.HasField("event")]


@pytest.mark.parametrize("cut", [CUT, STOPPED, fake_mesh.BUSY])
async def test_a_stream_that_breaks_off_goes_on_after_the_last_event(client, mesh, ended, cut) -> None:
    mesh.streams.append([fake_mesh.event(1), fake_mesh.event(2), cut])
    mesh.streams.append([fake_mesh.event(3), ended])
    assert await _sequences(client.watch("g")) == [1, 2, 3]
    assert [each.after_sequence for each in mesh.requests("watch")] == [0, 2]


async def test_a_stream_that_ends_without_the_end_goes_on(client, mesh, ended) -> None:
    mesh.streams.append([fake_mesh.event(1)])
    mesh.streams.append([fake_mesh.event(2), ended])
    assert await _sequences(client.watch("g")) == [1, 2]


async def test_an_event_that_was_seen_is_not_seen_again(client, mesh, ended) -> None:
    mesh.streams.append([fake_mesh.event(1), CUT])
    mesh.streams.append([fake_mesh.event(1), fake_mesh.event(2), ended])
    assert await _sequences(client.watch("g")) == [1, 2]


async def test_it_begins_where_it_is_told(client, mesh, ended) -> None:
    mesh.streams.append([ended])
    await _sequences(client.watch("g", after_sequence=7))
    assert mesh.requests("watch")[0].after_sequence == 7


async def test_it_ends_with_the_generation(client, mesh, ended) -> None:
    mesh.streams.append([ended, fake_mesh.event(9)])
    seen = [each async for each in client.watch("g")]
    assert [each.WhichOneof("seen") for each in seen] == ["ended"]
    assert seen[0].ended.state == generation_pb2.GENERATION_STATE_COMPLETED


async def test_a_refusal_ends_it_at_once(client, mesh) -> None:
    with pytest.raises(errors.NotFound):
        await _sequences(client.watch("unknown"))
    assert len(mesh.requests("watch")) == 1


async def test_patience_ends_where_nobody_answers(client, mesh, device) -> None:
    mesh.add_generation("g")
    mesh.refusals["watch"].extend([CUT] * 100)
    with pytest.raises(errors.Unreachable, match="broke off"):
        await _sequences(client.watch("g", patience_seconds=60))
    assert 60 <= device.elapsed() < 70


async def test_patience_ends_where_streams_end_without_an_end(client, mesh) -> None:
    mesh.add_generation("g")
    with pytest.raises(errors.Unavailable, match="without saying how"):
        await _sequences(client.watch("g", patience_seconds=10))


async def test_an_answer_renews_patience(client, mesh, ended, device) -> None:
    for sequence in range(1, 30):
        mesh.streams.append([fake_mesh.event(sequence), CUT])
    mesh.streams.append([ended])
    assert await _sequences(client.watch("g", patience_seconds=1)) == list(range(1, 30))
    assert max(device.slept_seconds) == 0.2


async def test_each_loss_is_told_and_an_end_is_none(client, mesh, ended) -> None:
    mesh.streams.append([fake_mesh.event(1), CUT])
    mesh.streams.append([fake_mesh.event(2)])
    mesh.streams.append([ended])
    lost: list[errors.ReelmeshError] = []
    await _sequences(client.watch("g", on_lost=lost.append))
    assert [type(each) for each in lost] == [errors.Unreachable, errors.Unavailable]
