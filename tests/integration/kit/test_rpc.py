"""Calls over real gRPC: errors in our words, streams, bounds, health and reflection."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from reelmesh.mesh.v1 import storage_service_pb2
from reelmesh_kit import errors, process, rpc
from reelmesh_kit.rpc import limits, status

from tests.support import tiny_storage

STAT = storage_service_pb2.StatAssetRequest(asset_id="7")
READ = storage_service_pb2.ReadAssetRequest(asset_id="7")
Stoppable = tuple[str, Callable[[], None]]
TOO_MUCH = b"x" * (limits.MESSAGE_LIMIT_BYTES + 1)


def raising(error: Exception) -> tiny_storage.TinyStorage:
    async def stat(request: Any) -> Any:
        raise error

    return tiny_storage.TinyStorage(stat=stat)


def chunk(data: bytes) -> storage_service_pb2.ReadAssetResponse:
    return storage_service_pb2.ReadAssetResponse(chunk=data)


async def chunks(*data: bytes) -> AsyncIterator[storage_service_pb2.PutAssetRequest]:
    for each in data:
        yield storage_service_pb2.PutAssetRequest(chunk=each)


async def test_a_call_is_answered(chassis: process.Chassis) -> None:
    async with tiny_storage.calling(chassis, tiny_storage.TinyStorage()) as stub:
        assert (await stub.StatAsset(STAT)).asset.id == "7"


@pytest.mark.parametrize("reason", list(errors.Reason))
async def test_an_error_that_a_server_raises_is_raised_at_the_caller(
    chassis: process.Chassis, reason: errors.Reason
) -> None:
    code, kind = status.TABLE[reason]
    error = kind("prompt", "is empty") if kind is errors.InvalidArgument else kind("as it was said", place="7")
    async with tiny_storage.serving(chassis, raising(error)) as target:
        async with rpc.channel(chassis, target) as channel:
            with pytest.raises(kind) as raised:
                await tiny_storage.stub(channel).StatAsset(STAT)
        async with grpc.aio.insecure_channel(target) as foreign:
            with pytest.raises(grpc.aio.AioRpcError) as seen:
                await tiny_storage.stub(foreign).StatAsset(STAT)
    assert type(raised.value) is kind
    assert raised.value.message == error.message
    assert raised.value.metadata == error.metadata
    assert (seen.value.code(), seen.value.details()) == (code, error.message)


async def test_a_fault_says_where_to_look_and_nothing_of_itself(
    chassis: process.Chassis, caplog: pytest.LogCaptureFixture
) -> None:
    async with tiny_storage.calling(chassis, raising(ValueError("the secret"))) as stub:
        with caplog.at_level(logging.ERROR), pytest.raises(errors.ReelmeshError) as raised:
            await stub.StatAsset(STAT)
    assert raised.value.reason is errors.Reason.INTERNAL
    assert "the secret" not in raised.value.message
    assert raised.value.metadata["trace_id"] in raised.value.message
    assert any(record.exc_info and "the secret" in str(record.exc_info[1]) for record in caplog.records)


async def test_what_the_servicer_does_not_have_is_a_fault(chassis: process.Chassis) -> None:
    async with tiny_storage.calling(chassis, tiny_storage.TinyStorage()) as stub:
        with pytest.raises(errors.ReelmeshError) as raised:
            await stub.GetStatistics(storage_service_pb2.GetStatisticsRequest())
    assert raised.value.reason is errors.Reason.INTERNAL


async def test_nobody_there_is_unavailable_and_said_soon(chassis: process.Chassis) -> None:
    async with rpc.channel(chassis, "127.0.0.1:1") as channel:
        began = chassis.clock.elapsed()
        with pytest.raises(errors.Unavailable):
            await tiny_storage.stub(channel).StatAsset(STAT)
    assert chassis.clock.elapsed() - began < 5.0


async def test_a_stream_is_sent_whole(chassis: process.Chassis) -> None:
    async with tiny_storage.calling(chassis, tiny_storage.TinyStorage()) as stub:
        answer = await stub.PutAsset(chunks(b"one", b"three"))
    assert answer.asset.size_bytes == 8


async def test_a_stream_is_sent_by_writing_too(chassis: process.Chassis) -> None:
    async with tiny_storage.calling(chassis, tiny_storage.TinyStorage()) as stub:
        call = stub.PutAsset()
        await call.write(storage_service_pb2.PutAssetRequest(chunk=b"one"))
        await call.done_writing()
        assert (await call).asset.size_bytes == 3


async def test_an_error_in_the_middle_of_an_upload_is_raised(chassis: process.Chassis) -> None:
    async def put(requests: AsyncIterator[Any]) -> Any:
        async for _ in requests:
            raise errors.StorageFull

    async with tiny_storage.calling(chassis, tiny_storage.TinyStorage(put=put)) as stub:
        with pytest.raises(errors.StorageFull):
            await stub.PutAsset(chunks(*[b"x" * 1000] * 50))


async def test_who_is_refused_in_the_middle_of_sending_hears_why_whatever_its_library(chassis: process.Chassis) -> None:
    async def put(requests: AsyncIterator[Any]) -> Any:
        async for _ in requests:
            raise errors.StorageFull("no room for more")

    async with tiny_storage.serving(chassis, tiny_storage.TinyStorage(put=put)) as target:
        for megabytes in (1, 4, 12) * 5:
            content = [b"x" * 1024 * 1024] * megabytes
            async with grpc.aio.insecure_channel(target) as foreign:
                with pytest.raises(grpc.aio.AioRpcError) as seen:
                    await tiny_storage.stub(foreign).PutAsset(chunks(*content))
            assert (seen.value.code(), seen.value.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "no room for more")


async def test_we_hear_why_we_were_refused_also_when_nobody_takes_what_we_still_send(chassis: process.Chassis) -> None:
    async def put(requests: AsyncIterator[Any]) -> Any:
        async for _ in requests:
            raise errors.StorageFull("no room for more")

    async def without_end() -> AsyncIterator[storage_service_pb2.PutAssetRequest]:
        while True:
            yield storage_service_pb2.PutAssetRequest(chunk=b"x" * 1024 * 1024)

    async with tiny_storage.calling(chassis, tiny_storage.TinyStorage(put=put)) as stub:
        for _ in range(20):
            with pytest.raises(errors.StorageFull, match="no room for more"):
                await stub.PutAsset(without_end())


async def test_a_stream_arrives_in_order_and_ends(chassis: process.Chassis) -> None:
    async def read(request: Any) -> AsyncIterator[Any]:
        for data in (b"a", b"b", b"c"):
            yield chunk(data)

    async with tiny_storage.calling(chassis, tiny_storage.TinyStorage(read=read)) as stub:
        assert [response.chunk async for response in stub.ReadAsset(READ)] == [b"a", b"b", b"c"]
        call = stub.ReadAsset(READ)
        assert (await call.read()).chunk == b"a"  # type: ignore[union-attr]
        assert [(await call.read()).chunk, (await call.read()).chunk] == [b"b", b"c"]  # type: ignore[union-attr]
        assert await call.read() is grpc.aio.EOF


async def test_an_error_in_the_middle_of_a_stream_comes_after_what_was_sent(chassis: process.Chassis) -> None:
    async def read(request: Any) -> AsyncIterator[Any]:
        yield chunk(b"a")
        raise errors.NotFound("swept away")

    async with tiny_storage.calling(chassis, tiny_storage.TinyStorage(read=read)) as stub:
        responses = aiter(stub.ReadAsset(READ))
        assert (await anext(responses)).chunk == b"a"
        with pytest.raises(errors.NotFound, match="swept away"):
            await anext(responses)


async def test_a_stream_that_the_caller_leaves_is_closed_at_the_server(chassis: process.Chassis) -> None:
    closed = asyncio.Event()
    tasks: list[Any] = []

    async def read(request: Any) -> AsyncIterator[Any]:
        tasks.append(asyncio.current_task())
        try:
            while True:
                yield chunk(b"x" * 1000)
        finally:
            tasks.append(asyncio.current_task())
            closed.set()

    async with tiny_storage.calling(chassis, tiny_storage.TinyStorage(read=read)) as stub:
        call = stub.ReadAsset(READ)
        await call.read()
        call.cancel()
        await asyncio.wait_for(closed.wait(), 2.0)
    # By the call itself, not by whoever collects the garbage: what it holds is given back in its own context.
    assert tasks[0] is tasks[1]


async def test_a_call_that_is_cancelled_is_cancelled_at_the_server(chassis: process.Chassis) -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def stat(request: Any) -> Any:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with tiny_storage.calling(chassis, tiny_storage.TinyStorage(stat=stat)) as stub:
        calling = asyncio.ensure_future(stub.StatAsset(STAT))
        await begun.wait()
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        await asyncio.wait_for(cancelled.wait(), 2.0)


async def test_a_message_above_the_limit_is_too_large_whoever_sends_it(chassis: process.Chassis) -> None:
    async def stat(request: Any) -> Any:
        response = storage_service_pb2.StatAssetResponse()
        response.asset.id = TOO_MUCH.decode()
        return response

    async with tiny_storage.calling(chassis, tiny_storage.TinyStorage(stat=stat)) as stub:
        with pytest.raises(errors.TooLarge):
            await stub.StatAsset(storage_service_pb2.StatAssetRequest(asset_id=TOO_MUCH.decode()))
        with pytest.raises(errors.TooLarge):
            await stub.StatAsset(STAT)


async def test_a_server_refuses_a_message_above_the_limit_from_a_foreign_client(chassis: process.Chassis) -> None:
    servicer = tiny_storage.TinyStorage()
    async with (
        tiny_storage.serving(chassis, servicer) as target,
        grpc.aio.insecure_channel(target, options=[("grpc.max_send_message_length", -1)]) as foreign,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as seen:
            await tiny_storage.stub(foreign).StatAsset(storage_service_pb2.StatAssetRequest(asset_id=TOO_MUCH.decode()))
    assert seen.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert servicer.calls == []


async def test_health_and_reflection_answer_to_anybody(chassis: process.Chassis) -> None:
    async with (
        tiny_storage.serving(chassis, tiny_storage.TinyStorage()) as target,
        grpc.aio.insecure_channel(target) as foreign,
    ):
        health = health_pb2_grpc.HealthStub(foreign)
        for name in ("", tiny_storage.NAME):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        reflection = reflection_pb2_grpc.ServerReflectionStub(foreign).ServerReflectionInfo(
            iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        )
        listed = [service.name async for answer in reflection for service in answer.list_services_response.service]
    assert tiny_storage.NAME in listed
    assert "grpc.health.v1.Health" in listed


async def test_a_port_in_use_is_an_error_that_says_so(chassis: process.Chassis) -> None:
    async with rpc.serve(chassis, [], host="127.0.0.1", port=0) as port:
        with pytest.raises(process.CannotStart, match=str(port)):
            async with rpc.serve(chassis, [], host="127.0.0.1", port=port):
                pytest.fail("two servers share a port")


@contextlib.asynccontextmanager
async def stoppable(chassis: process.Chassis, servicer: tiny_storage.TinyStorage) -> AsyncIterator[Stoppable]:
    """Serve as a task that a test stops while calls run."""
    stop = asyncio.Event()
    bound: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def serve() -> None:
        async with tiny_storage.serving(chassis, servicer) as target:
            bound.set_result(target)
            await stop.wait()

    serving = asyncio.create_task(serve())
    yield await bound, stop.set
    stop.set()
    await serving


async def test_a_server_that_stops_lets_a_running_call_finish_and_takes_no_other(chassis: process.Chassis) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def stat(request: Any) -> Any:
        begun.set()
        await go_on.wait()
        return storage_service_pb2.StatAssetResponse()

    async with (
        stoppable(chassis, tiny_storage.TinyStorage(stat=stat)) as (target, stop),
        rpc.channel(chassis, target) as channel,
        rpc.channel(chassis, target) as other,
    ):
        running = asyncio.ensure_future(tiny_storage.stub(channel).StatAsset(STAT))
        await begun.wait()
        stop()
        await chassis.clock.sleep(0.1)
        with pytest.raises(errors.Unavailable):
            await tiny_storage.stub(other).PutAsset(chunks(b"x"))
        go_on.set()
        assert await running == storage_service_pb2.StatAssetResponse()


async def test_a_call_that_outlives_the_drain_is_unavailable(chassis: process.Chassis) -> None:
    begun = asyncio.Event()

    async def put(requests: Any) -> Any:
        begun.set()
        await asyncio.Event().wait()

    async with (
        stoppable(chassis, tiny_storage.TinyStorage(put=put)) as (target, stop),
        rpc.channel(chassis, target) as channel,
    ):
        running = asyncio.ensure_future(tiny_storage.stub(channel).PutAsset(chunks(b"x")))
        await begun.wait()
        stop()
        with pytest.raises(errors.Unavailable):
            await running
