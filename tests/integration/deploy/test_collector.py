"""The shipped configuration in a real collector: which of all traces it keeps, and what it measures of all of them."""

import contextlib
import dataclasses
import hashlib
import pathlib
import subprocess
from collections.abc import Generator, Iterable, Iterator

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2
from prometheus_client import samples
from prometheus_client.openmetrics import parser
from reelmesh_kit import clock, telemetry
from reelmesh_orchestrator.adapters import endings

from tests.cluster import programs
from tests.support import bus_work, otlp, ports, requirements

CONFIG = pathlib.Path(__file__).parents[3] / "deploy" / "collector.yaml"
PATIENCE_SECONDS = 30.0
STOP_TIMEOUT_SECONDS = 10.0
SECOND_NS = 1_000_000_000
# 2026-01-01
BEGAN_NS = 1_767_225_600 * SECOND_NS
OTHERS = 300
OPENMETRICS = {"accept": "application/openmetrics-text; version=1.0.0"}
TIME = clock.SystemClock()


@dataclasses.dataclass
class Collector:
    """A running collector, and what it hands on."""

    target: str
    metrics_url: str
    kept: otlp.Sink

    def send(self, spans: Iterable[trace_pb2.Span]) -> None:
        """Send it spans of one service."""
        service = common_pb2.KeyValue(key="service.name", value=common_pb2.AnyValue(string_value="tests"))
        scoped = trace_pb2.ScopeSpans(spans=spans)
        part = trace_pb2.ResourceSpans(resource=resource_pb2.Resource(attributes=[service]), scope_spans=[scoped])
        with grpc.insecure_channel(self.target) as channel:
            stub = trace_service_pb2_grpc.TraceServiceStub(channel)
            stub.Export(trace_service_pb2.ExportTraceServiceRequest(resource_spans=[part]), timeout=PATIENCE_SECONDS)

    async def samples(self, name: str) -> list[samples.Sample]:
        """Return what it says of a metric now."""
        async with httpx.AsyncClient() as http:
            text = (await http.get(self.metrics_url, headers=OPENMETRICS)).text
        families = parser.text_string_to_metric_families(text)
        return [sample for family in families for sample in family.samples if sample.name == name]


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    try:
        program = programs.find("otelcol")
    except programs.Absent as absent:
        requirements.missing("collector", str(absent))
    with otlp.collecting() as kept, running(program, tmp_path_factory.mktemp("collector"), kept) as made:
        yield made


@contextlib.contextmanager
def running(program: pathlib.Path, folder: pathlib.Path, kept: otlp.Sink) -> Generator[Collector]:
    """Run a collector by what is shipped, but for addresses, and for waits that are as long as a minute there."""
    taking, telling = ports.free(), ports.free()
    told = {
        "receivers::otlp::protocols::grpc::endpoint": f"127.0.0.1:{taking}",
        "exporters::otlp_grpc::endpoint": kept.url.removeprefix("http://"),
        "exporters::prometheus::endpoint": f"127.0.0.1:{telling}",
        "processors::tail_sampling::decision_wait": "1s",
        "connectors::span_metrics::metrics_flush_interval": "2s",
        "service::telemetry::metrics::level": "none",
    }
    words = [f"--config={CONFIG}", *(f"--config=yaml:{key}: {value}" for key, value in told.items())]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, *words], stdout=log, stderr=log)
    try:
        ports.wait_until_open(taking, process, folder / "log")
        yield Collector(f"127.0.0.1:{taking}", f"http://127.0.0.1:{telling}/metrics", kept)
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT_SECONDS)


def trace_id(number: int) -> bytes:
    """Return an id as random ones are, and always the same."""
    return hashlib.sha256(str(number).encode()).digest()[:16]


def span(number: int, name: str, seconds: float = 0.1, **more: object) -> trace_pb2.Span:
    """Return the only span of a trace; more are its attributes, with _ for the dots, and whether it failed."""
    failed = more.pop("failed", False)
    return trace_pb2.Span(
        trace_id=trace_id(number),
        span_id=number.to_bytes(8),
        name=name,
        start_time_unix_nano=BEGAN_NS,
        end_time_unix_nano=BEGAN_NS + int(seconds * SECOND_NS),
        status=trace_pb2.Status(code=trace_pb2.Status.STATUS_CODE_ERROR if failed else trace_pb2.Status.STATUS_CODE_OK),
        attributes=[
            common_pb2.KeyValue(
                key=key,
                value=common_pb2.AnyValue(int_value=value)
                if isinstance(value, int)
                else common_pb2.AnyValue(string_value=str(value)),
            )
            for key, value in more.items()
        ],
    )


async def test_what_matters_is_kept_and_all_is_measured(collector: Collector) -> None:
    collector.send(span(1000 + number, "other") for number in range(OTHERS))
    collector.send(
        [
            span(1, "generation", **{telemetry.GENERATION_ID: "7", endings.STATE: "COMPLETED"}),
            span(2, "failed", failed=True),
            span(3, "slow", seconds=301.0),
            span(4, "expensive", **{endings.COST_MICROS: 1_000_000}),
        ]
    )

    async def are_kept(*names: str) -> bool:
        return set(names) <= {each.name for each in collector.kept.spans()}

    exemplars: set[tuple[str, str]] = set()

    async def are_measured() -> bool:
        buckets = await collector.samples("traces_span_metrics_duration_seconds_bucket")
        # Each is told until the next flush, the first ones before they count.
        exemplars.update(
            (each.labels["span_name"], each.exemplar.labels["trace_id"]) for each in buckets if each.exemplar
        )
        return sum(each.value for each in await collector.samples("traces_span_metrics_calls_total")) == OTHERS + 4

    await bus_work.until(TIME, lambda: are_kept("generation", "failed", "slow", "expensive"), PATIENCE_SECONDS)
    await bus_work.until(TIME, are_measured, PATIENCE_SECONDS)
    # By chance a tenth, and always the same ones.
    others = [each.name for each in collector.kept.spans()].count("other")
    assert OTHERS * 0.05 <= others <= OTHERS * 0.15
    buckets = await collector.samples("traces_span_metrics_duration_seconds_bucket")
    (ended,) = {
        each.labels["reelmesh_generation_state"] for each in buckets if each.labels["span_name"] == "generation"
    }
    assert ended == "COMPLETED"
    assert ("slow", trace_id(3).hex()) in exemplars

    # What comes later of a generation, hours maybe, is kept as its beginning was.
    collector.send([span(1, "later")])
    await bus_work.until(TIME, lambda: are_kept("later"), PATIENCE_SECONDS)
