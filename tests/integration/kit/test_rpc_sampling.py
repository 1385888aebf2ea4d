"""Which calls are traced: what may begin or change a generation, whatever its caller samples; reads by share."""

import contextlib
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import export
from opentelemetry.sdk.trace.export import in_memory_span_exporter
from reelmesh.mesh.v1 import storage_service_pb2
from reelmesh.v1 import generation_service_pb2, generation_service_pb2_grpc
from reelmesh_kit import process, rpc, telemetry
from typing_extensions import override

from tests.support import chassis as chassis_support
from tests.support import tiny_storage

STAT = storage_service_pb2.StatAssetRequest(asset_id="7")
UNSAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
SERVICE = generation_service_pb2.DESCRIPTOR.services_by_name["GenerationService"]


class Generations(generation_service_pb2_grpc.GenerationServiceServicer):
    """Answers without doing anything; keeps whether each call was traced."""

    def __init__(self) -> None:
        self.traced: list[bool] = []

    def _note(self) -> None:
        self.traced.append(trace.get_current_span().is_recording())

    @override
    async def CreateGeneration(self, request: Any, context: Any) -> Any:
        self._note()
        return generation_service_pb2.CreateGenerationResponse()

    @override
    async def GetGeneration(self, request: Any, context: Any) -> Any:
        self._note()
        return generation_service_pb2.GetGenerationResponse()


@pytest.fixture
def spans() -> in_memory_span_exporter.InMemorySpanExporter:
    return in_memory_span_exporter.InMemorySpanExporter()


@pytest.fixture
def chassis(spans: in_memory_span_exporter.InMemorySpanExporter) -> Iterator[process.Chassis]:
    """Return a chassis that keeps no trace begun by a read."""
    made = chassis_support.make_chassis("test")
    own = telemetry.Telemetry("test", [export.SimpleSpanProcessor(spans)], reads_ratio=0.0)
    yield process.Chassis(**{**vars(made), "telemetry": own})
    own.shutdown()
    made.telemetry.shutdown()


@contextlib.asynccontextmanager
async def served(chassis: process.Chassis) -> AsyncGenerator[tuple[Generations, Any]]:
    servicer = Generations()
    add = generation_service_pb2_grpc.add_GenerationServiceServicer_to_server
    async with (
        rpc.serve(chassis, [rpc.service(SERVICE, add, servicer)], host="127.0.0.1", port=0) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield servicer, generation_service_pb2_grpc.GenerationServiceStub(channel)


@pytest.mark.parametrize("metadata", [(), (("traceparent", UNSAMPLED),)], ids=["none", "unsampled"])
async def test_a_create_is_traced_whatever_its_caller_samples_and_a_read_is_not(
    chassis: process.Chassis, metadata: tuple[tuple[str, str], ...]
) -> None:
    async with served(chassis) as (servicer, stub):
        await stub.CreateGeneration(generation_service_pb2.CreateGenerationRequest(), metadata=metadata)
        await stub.GetGeneration(generation_service_pb2.GetGenerationRequest(), metadata=metadata)
    assert servicer.traced == [True, False]


async def test_a_read_within_a_trace_that_is_kept_is_traced(chassis: process.Chassis) -> None:
    kept = telemetry.always_kept(UNSAMPLED)
    async with served(chassis) as (servicer, stub):
        await stub.GetGeneration(generation_service_pb2.GetGenerationRequest(), metadata=(("traceparent", kept),))
    assert servicer.traced == [True]


async def test_calls_that_nothing_asked_for_are_traced_by_the_share_of_reads_on_both_sides(
    chassis: process.Chassis, spans: in_memory_span_exporter.InMemorySpanExporter
) -> None:
    async with tiny_storage.calling(chassis, tiny_storage.TinyStorage()) as stub:
        await stub.StatAsset(STAT)
        with chassis.telemetry.span("work"):
            await stub.StatAsset(STAT)
    names = {(span.name, span.kind) for span in spans.get_finished_spans()}
    assert len(spans.get_finished_spans()) == 3
    stat = "reelmesh.mesh.v1.StorageService/StatAsset"
    assert names == {(stat, trace.SpanKind.CLIENT), (stat, trace.SpanKind.SERVER), ("work", trace.SpanKind.INTERNAL)}
