"""Clients that say half of what they should, or what nobody can read: refused in our words, and never for ever."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Awaitable
from typing import Any, TypeVar

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from reelmesh.mesh.v1 import storage_service_pb2
from reelmesh_kit import clock, errors, process, rpc
from reelmesh_kit.rpc import limits, status

from tests.support import tiny_storage

Result = TypeVar("Result")
STAT = f"/{tiny_storage.NAME}/StatAsset"
READ = f"/{tiny_storage.NAME}/ReadAsset"
PUT = f"/{tiny_storage.NAME}/PutAsset"
CHECK = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
# A field of type "string" whose bytes are no UTF-8, a length that goes beyond the end, a wire type that there is not.
UNREADABLE = [b"\x0a\x02\xff\xfe", b"\x0a\x7f", b"\x0f", b"\xff" * 20]


class HurriedClock(clock.SystemClock):
    """Waits a hundredth of what it should, so that patience can be tried."""

    async def wait_for(self, awaitable: Awaitable[Result], timeout_seconds: float) -> Result:
        return await super().wait_for(awaitable, timeout_seconds / 100)


@pytest.fixture
async def channel(chassis: process.Chassis) -> AsyncIterator[grpc.aio.Channel]:
    """Serve to somebody who writes bytes as they like."""
    hurried = dataclasses.replace(chassis, clock=HurriedClock())
    async with (
        tiny_storage.serving(hurried, tiny_storage.TinyStorage()) as target,
        grpc.aio.insecure_channel(target) as plain,
    ):
        yield plain


async def refusal(call: Any) -> tuple[grpc.StatusCode, errors.ReelmeshError]:
    """Return the code of a call that is refused, and the error that it carries."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await (call.read() if hasattr(call, "read") else call)
    return refused.value.code(), status.from_call(STAT, refused.value)


async def silence() -> AsyncIterator[bytes]:
    await asyncio.Event().wait()
    yield b""


async def nothing() -> AsyncIterator[bytes]:
    return
    yield


@pytest.mark.parametrize("content", UNREADABLE)
async def test_a_message_that_cannot_be_read_is_the_callers_mistake(channel: grpc.aio.Channel, content: bytes) -> None:
    for call in (channel.unary_unary(STAT)(content), channel.unary_stream(READ)(content)):
        code, error = await refusal(call)
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert isinstance(error, errors.InvalidArgument)
        assert "cannot be read" in error.message


async def test_so_is_one_in_the_middle_of_a_stream(channel: grpc.aio.Channel) -> None:
    async def contents() -> AsyncIterator[bytes]:
        yield storage_service_pb2.PutAssetRequest(chunk=b"x").SerializeToString()
        yield UNREADABLE[0]

    code, error = await refusal(channel.stream_unary(PUT)(contents()))
    assert (code, type(error)) == (grpc.StatusCode.INVALID_ARGUMENT, errors.InvalidArgument)


async def test_a_call_without_its_message_is_refused(channel: grpc.aio.Channel) -> None:
    code, error = await refusal(channel.stream_unary(STAT)(nothing()))
    assert (code, error.message) == (grpc.StatusCode.INVALID_ARGUMENT, "request: there is none; send one message")


@pytest.mark.parametrize("path", [STAT, CHECK])
async def test_a_call_whose_message_does_not_come_ends_soon(channel: grpc.aio.Channel, path: str) -> None:
    code, error = await refusal(channel.stream_unary(path)(silence()))
    assert code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "Send it at once" in error.message


async def test_unknown_fields_are_left_alone(channel: grpc.aio.Channel) -> None:
    known = storage_service_pb2.StatAssetRequest(asset_id="7").SerializeToString()
    # Field 1000, of type "bytes".
    answer: bytes = await channel.unary_unary(STAT)(known + b"\xc2\x3e\x03abc")
    assert storage_service_pb2.StatAssetResponse.FromString(answer).asset.id == "7"


async def test_a_second_message_is_left_alone(channel: grpc.aio.Channel) -> None:
    async def two() -> AsyncIterator[bytes]:
        yield storage_service_pb2.StatAssetRequest(asset_id="7").SerializeToString()
        yield UNREADABLE[0]

    answer: bytes = await channel.stream_unary(STAT)(two())
    assert storage_service_pb2.StatAssetResponse.FromString(answer).asset.id == "7"


async def test_a_message_that_grows_when_it_is_unpacked_is_too_large(chassis: process.Chassis) -> None:
    servicer = tiny_storage.TinyStorage()
    large = b"\x0a" + b"\x80\x80\x80\x20" + b"\0" * (64 * 1024 * 1024)
    async with (
        tiny_storage.serving(chassis, servicer) as target,
        grpc.aio.insecure_channel(
            target, options=[("grpc.max_send_message_length", -1)], compression=grpc.Compression.Gzip
        ) as plain,
    ):
        code, error = await refusal(plain.unary_unary(STAT)(large))
    assert (code, type(error)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, errors.TooLarge)
    assert servicer.calls == []


async def test_followers_of_health_leave_room_for_calls(channel: grpc.aio.Channel) -> None:
    watch = health_pb2_grpc.HealthStub(channel).Watch
    async with contextlib.AsyncExitStack() as held:
        for number in range(limits.FOLLOWERS_LIMIT):
            call = watch(health_pb2.HealthCheckRequest(service=str(number)))
            held.callback(call.cancel)
            await call.read()
        code, error = await refusal(watch(health_pb2.HealthCheckRequest()))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "follow health" in str(error)
        # Who only asks is answered all the same, and so are calls.
        await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert (await tiny_storage.stub(channel).StatAsset(storage_service_pb2.StatAssetRequest(asset_id="7"))).asset.id


async def test_a_deadline_that_has_passed_is_told_as_such(chassis: process.Chassis) -> None:
    async with tiny_storage.calling(chassis, tiny_storage.TinyStorage()) as stub:
        for seconds in (0.0, -1.0):
            with pytest.raises(errors.DeadlineExceeded):
                await stub.StatAsset(storage_service_pb2.StatAssetRequest(asset_id="7"), timeout=seconds)


async def test_a_server_takes_so_many_calls_at_once_and_no_more(chassis: process.Chassis) -> None:
    go_on = asyncio.Event()

    async def stat(request: Any) -> Any:
        await go_on.wait()
        return storage_service_pb2.StatAssetResponse()

    asked = storage_service_pb2.StatAssetRequest(asset_id="7")
    async with (
        tiny_storage.serving(chassis, tiny_storage.TinyStorage(stat=stat)) as target,
        rpc.channel(chassis, target) as ours,
    ):
        calls = [
            asyncio.ensure_future(tiny_storage.stub(ours).PutAsset(silence_of_messages()))
            for _ in range(limits.CONCURRENT_CALLS_LIMIT + 5)
        ]
        done, waiting = await asyncio.wait(calls, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 5:
            more, waiting = await asyncio.wait(waiting, timeout=20, return_when=asyncio.FIRST_COMPLETED)
            done |= more
        with pytest.raises(errors.Unavailable, match="Try again"):
            await tiny_storage.stub(ours).StatAsset(asked)
        for call in waiting:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        go_on.set()
        while True:
            with contextlib.suppress(errors.Unavailable):
                await tiny_storage.stub(ours).StatAsset(asked)
                break
    assert all(isinstance(call.exception(), errors.Unavailable) for call in done)


async def silence_of_messages() -> AsyncIterator[storage_service_pb2.PutAssetRequest]:
    await asyncio.Event().wait()
    yield storage_service_pb2.PutAssetRequest()
