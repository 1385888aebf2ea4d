"""What travels with a call from service to service: trace, deadline, caller; and which calls are repeated."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace.export import in_memory_span_exporter
from reelmesh.mesh.v1 import pool_service_pb2, pool_service_pb2_grpc, storage_service_pb2
from reelmesh_kit import errors, process, rpc

from tests.support import tiny_storage

Spans = in_memory_span_exporter.InMemorySpanExporter
STAT = storage_service_pb2.StatAssetRequest(asset_id="7")
READ = storage_service_pb2.ReadAssetRequest(asset_id="7")
# gRPC sends a timeout with two digits, rounded up.
ROUNDING = 1.02
TIMEOUT_SECONDS = 0.1
STAT_NAME = "reelmesh.mesh.v1.StorageService/StatAsset"


async def span_of(spans: Spans, kind: trace.SpanKind) -> sdk.ReadableSpan:
    """Return the one span of a kind; a server's may end a moment after its client's."""
    for _ in range(100):
        found = [span for span in spans.get_finished_spans() if span.kind is kind]
        if found:
            (span,) = found
            return span
        await _moment()
    raise AssertionError(f"no span of kind {kind}")


async def test_the_servers_span_is_a_child_of_the_clients(chassis: process.Chassis, spans: Spans) -> None:
    async with tiny_storage.calling(chassis, tiny_storage.TinyStorage()) as stub:
        with chassis.telemetry.span("work") as work:
            await stub.StatAsset(STAT)
    client, server = await span_of(spans, trace.SpanKind.CLIENT), await span_of(spans, trace.SpanKind.SERVER)
    assert client.parent is not None
    assert server.parent is not None
    assert client.parent.span_id == work.get_span_context().span_id
    assert server.parent.span_id == client.context.span_id
    assert server.context.trace_id == work.get_span_context().trace_id


async def test_spans_are_named_and_described_by_the_conventions(chassis: process.Chassis, spans: Spans) -> None:
    async with (
        tiny_storage.serving(chassis, tiny_storage.TinyStorage()) as target,
        rpc.channel(chassis, target) as channel,
    ):
        await tiny_storage.stub(channel).StatAsset(STAT)
    client, server = await span_of(spans, trace.SpanKind.CLIENT), await span_of(spans, trace.SpanKind.SERVER)
    common = {"rpc.system.name": "grpc", "rpc.method": STAT_NAME, "rpc.status_code": "OK"}
    host, port = target.split(":")
    assert (client.name, server.name) == (STAT_NAME, STAT_NAME)
    assert dict(server.attributes or {}) == common
    assert dict(client.attributes or {}) == {**common, "server.address": host, "server.port": int(port)}


@pytest.mark.parametrize(
    ("error", "word", "fault"),
    [
        (errors.NotFound(), "NOT_FOUND", False),
        (errors.Unavailable(), "UNAVAILABLE", True),
        (ValueError(), "INTERNAL", True),
    ],
)
async def test_a_server_span_has_failed_only_when_the_server_has(
    chassis: process.Chassis, spans: Spans, error: Exception, word: str, fault: bool
) -> None:
    async def put(requests: Any) -> Any:
        raise error

    async with tiny_storage.calling(chassis, tiny_storage.TinyStorage(put=put)) as stub:
        with pytest.raises(errors.ReelmeshError):
            await stub.PutAsset(iter([]))
    client, server = await span_of(spans, trace.SpanKind.CLIENT), await span_of(spans, trace.SpanKind.SERVER)
    for span in (client, server):
        assert span.attributes is not None
        assert span.attributes["rpc.status_code"] == word
    assert client.status.status_code is trace.StatusCode.ERROR
    assert (server.status.status_code is trace.StatusCode.ERROR) is fault
    assert ("error.type" in (server.attributes or {})) is fault


async def test_a_stream_left_early_ends_its_spans_as_cancelled(chassis: process.Chassis, spans: Spans) -> None:
    async def read(request: Any) -> AsyncIterator[Any]:
        while True:
            yield storage_service_pb2.ReadAssetResponse(chunk=b"x" * 1000)

    async with tiny_storage.calling(chassis, tiny_storage.TinyStorage(read=read)) as stub:
        async with contextlib.aclosing(aiter(stub.ReadAsset(READ))) as responses:  # type: ignore[type-var]
            async for _ in responses:
                break
        client, server = await span_of(spans, trace.SpanKind.CLIENT), await span_of(spans, trace.SpanKind.SERVER)
    for span in (client, server):
        assert span.attributes is not None
        assert span.attributes["rpc.status_code"] == "CANCELLED"


async def test_calls_are_measured_on_both_sides_with_the_trace_as_exemplar(chassis: process.Chassis) -> None:
    async with tiny_storage.calling(chassis, tiny_storage.TinyStorage()) as stub:
        await stub.StatAsset(STAT)
    # A server that has ended has measured all that it answered.
    labels = {"rpc_method": STAT_NAME, "rpc_status_code": "OK"}
    for side in ("client", "server"):
        assert chassis.telemetry.registry.get_sample_value(f"rpc_{side}_call_duration_seconds_count", labels) == 1
    exemplars = [
        sample.exemplar
        for family in chassis.telemetry.registry.collect()
        if family.name == "rpc_client_call_duration_seconds"
        for sample in family.samples
        if sample.exemplar
    ]
    assert len(exemplars) == 1


async def test_a_call_has_a_deadline_although_nobody_named_one(chassis: process.Chassis) -> None:
    servicer = tiny_storage.TinyStorage()
    async with tiny_storage.calling(chassis, servicer, timeout_seconds=7.0) as stub:
        await stub.StatAsset(STAT)
        assert 6.0 < servicer.left_seconds <= 7.0 * ROUNDING


async def test_a_server_that_is_too_slow_exceeds_the_deadline(chassis: process.Chassis) -> None:
    cancelled = asyncio.Event()

    async def stat(request: Any) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with tiny_storage.calling(chassis, tiny_storage.TinyStorage(stat=stat), timeout_seconds=1.0) as stub:
        with pytest.raises(errors.DeadlineExceeded):
            await stub.StatAsset(STAT)
        await asyncio.wait_for(cancelled.wait(), 2.0)


async def test_a_server_calls_on_within_the_time_that_its_caller_left_it(chassis: process.Chassis) -> None:
    inner = tiny_storage.TinyStorage()
    async with chain(chassis, inner) as stub:
        await stub.StatAsset(STAT, timeout=5.0)
    assert 0.0 < inner.left_seconds <= 5.0 * ROUNDING


async def test_a_stream_has_no_deadline_unless_its_caller_has_one(chassis: process.Chassis) -> None:
    servicer = tiny_storage.TinyStorage()
    async with tiny_storage.calling(chassis, servicer) as stub:
        assert [response async for response in stub.ReadAsset(READ)] == []
        assert servicer.left_seconds is None
        assert [response async for response in stub.ReadAsset(READ, timeout=3.0)] == []
        assert servicer.left_seconds <= 3.0 * ROUNDING


async def test_a_server_that_has_no_time_left_calls_nobody(chassis: process.Chassis) -> None:
    inner = tiny_storage.TinyStorage()
    seen: asyncio.Queue[Exception] = asyncio.Queue()

    async with tiny_storage.calling(chassis, inner) as inner_stub:

        async def late(request: Any) -> Any:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            # Its caller, whose time began before, has given it up; here some may be left.
            await chassis.clock.sleep(TIMEOUT_SECONDS)
            try:
                await inner_stub.StatAsset(request)
            except errors.DeadlineExceeded as error:
                seen.put_nowait(error)
                raise

        async with tiny_storage.calling(chassis, tiny_storage.TinyStorage(stat=late)) as stub:
            with pytest.raises(errors.DeadlineExceeded):
                await stub.StatAsset(STAT, timeout=TIMEOUT_SECONDS)
            await asyncio.wait_for(seen.get(), 5.0)
    assert inner.calls == []


async def test_the_caller_is_known_at_the_end_of_the_chain(chassis: process.Chassis) -> None:
    who = rpc.Caller("acme", "jörg", "key-1", admin=True)
    seen: list[rpc.Caller] = []

    async def stat(request: Any) -> Any:
        seen.append(rpc.caller())
        return storage_service_pb2.StatAssetResponse()

    async with chain(chassis, tiny_storage.TinyStorage(stat=stat)) as stub:
        with rpc.acting_as(who):
            await stub.StatAsset(STAT)
    assert seen == [who]


async def test_a_call_on_nobodys_behalf_is_unauthenticated_where_somebody_is_needed(chassis: process.Chassis) -> None:
    async def stat(request: Any) -> Any:
        return rpc.caller()

    with rpc.acting_as(rpc.Caller("whoever started the server")):
        serving = tiny_storage.calling(chassis, tiny_storage.TinyStorage(stat=stat))
        stub = await serving.__aenter__()
    with pytest.raises(errors.Unauthenticated):
        await stub.StatAsset(STAT)
    await serving.__aexit__(None, None, None)


async def test_unavailable_is_repeated_where_the_protos_allow_it(chassis: process.Chassis) -> None:
    servicer = tiny_storage.TinyStorage(stat=failing_first(2))
    async with tiny_storage.calling(chassis, servicer) as stub:
        await stub.StatAsset(STAT)
    assert servicer.calls == ["StatAsset"] * 3


async def test_repeating_ends_after_a_few_times(chassis: process.Chassis) -> None:
    servicer = tiny_storage.TinyStorage(stat=failing_first(1000))
    async with tiny_storage.calling(chassis, servicer) as stub:
        with pytest.raises(errors.Unavailable):
            await stub.StatAsset(STAT)
    assert servicer.calls == ["StatAsset"] * 4


@pytest.mark.parametrize("error", [errors.NotFound(), errors.StorageFull(), errors.QueueFull()])
async def test_other_errors_are_never_repeated(chassis: process.Chassis, error: errors.ReelmeshError) -> None:
    async def stat(request: Any) -> Any:
        raise error

    servicer = tiny_storage.TinyStorage(stat=stat)
    async with tiny_storage.calling(chassis, servicer) as stub:
        with pytest.raises(type(error)):
            await stub.StatAsset(STAT)
    assert servicer.calls == ["StatAsset"]


class Pool(pool_service_pb2_grpc.PoolServiceServicer):
    """Fails each renewal, which the protos do not call idempotent."""

    def __init__(self) -> None:
        self.renewals = 0

    async def RegisterCard(self, request: Any, context: Any) -> Any:  # noqa: N802
        raise NotImplementedError

    async def RenewLease(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.renewals += 1
        raise errors.Unavailable

    async def ReleaseLease(self, request: Any, context: Any) -> Any:  # noqa: N802
        raise NotImplementedError


async def test_a_method_that_is_not_idempotent_is_called_once(chassis: process.Chassis) -> None:
    pool = Pool()
    served = rpc.service("reelmesh.mesh.v1.PoolService", pool_service_pb2_grpc.add_PoolServiceServicer_to_server, pool)
    async with (
        rpc.serve(chassis, [served], host="127.0.0.1", port=0) as port,
        rpc.channel(chassis, f"127.0.0.1:{port}") as channel,
    ):
        with pytest.raises(errors.Unavailable):
            await pool_service_pb2_grpc.PoolServiceStub(channel).RenewLease(pool_service_pb2.RenewLeaseRequest())
    assert pool.renewals == 1


def failing_first(times: int) -> Any:
    failures = iter(range(times))

    async def stat(request: Any) -> Any:
        if next(failures, None) is not None:
            raise errors.Unavailable
        return storage_service_pb2.StatAssetResponse()

    return stat


@contextlib.asynccontextmanager
async def chain(chassis: process.Chassis, inner: tiny_storage.TinyStorage) -> AsyncIterator[Any]:
    """Serve a service that passes each StatAsset on to `inner`; yield a stub for the outer one."""
    async with tiny_storage.calling(chassis, inner) as inner_stub:

        async def passed_on(request: Any) -> Any:
            return await inner_stub.StatAsset(request)

        async with tiny_storage.calling(chassis, tiny_storage.TinyStorage(stat=passed_on)) as stub:
            yield stub


async def _moment() -> None:
    """Let the other side finish."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), 0.02)
