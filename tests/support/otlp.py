"""A collector of the OpenTelemetry protocol, as real as its wire: takes spans by gRPC and keeps them."""

import contextlib
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent import futures
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.trace.v1 import trace_pb2
from reelmesh_kit import telemetry
from typing_extensions import override

PATIENCE_SECONDS = 60.0
_KINDS = trace_pb2.Span.SpanKind
_KIND_PREFIX = "SPAN_KIND_"


class Sink(trace_service_pb2_grpc.TraceServiceServicer):
    """What was sent, in the order in which it came."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.url = ""
        self._spans: list[telemetry.SpanRecord] = []
        self._lock = threading.Lock()
        self._came = threading.Condition(self._lock)

    @override
    def Export(
        self, request: trace_service_pb2.ExportTraceServiceRequest, context: Any
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        """Take spans in."""
        del context
        taken = [record for part in request.resource_spans for record in _records(part)]
        with self._lock:
            self._spans += taken
            self._came.notify_all()
        return trace_service_pb2.ExportTraceServiceResponse()

    def spans(self, trace_id: str = "") -> list[telemetry.SpanRecord]:
        """Return the spans of a trace, or all."""
        with self._lock:
            return [span for span in self._spans if trace_id in ("", span.trace_id)]

    def wait_for(self, number: int) -> None:
        """Wait, blocking, until there are so many spans."""
        with self._came:
            assert self._came.wait_for(lambda: len(self._spans) >= number, PATIENCE_SECONDS), self._spans


@contextlib.contextmanager
def collecting() -> Generator[Sink]:
    """Run a collector on a free port of loopback while the body runs."""
    sink = Sink()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2, thread_name_prefix="otlp"))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(sink, server)
    sink.url = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield sink
    finally:
        server.stop(grace=None).wait()


def orphans(spans: Sequence[telemetry.SpanRecord]) -> list[telemetry.SpanRecord]:
    """Return the spans that name a parent which is not there."""
    known = {span.span_id for span in spans}
    return [span for span in spans if span.parent_id and span.parent_id not in known]


def edges(spans: Sequence[telemetry.SpanRecord]) -> set[tuple[str, str]]:
    """Return which service's spans are children of which other's."""
    by_id = {span.span_id: span for span in spans}
    pairs = ((by_id[span.parent_id].service, span.service) for span in spans if span.parent_id in by_id)
    return {(above, below) for above, below in pairs if above != below}


def _records(part: trace_pb2.ResourceSpans) -> Iterable[telemetry.SpanRecord]:
    service = str(_attributes(part.resource.attributes)["service.name"])
    for scope in part.scope_spans:
        for span in scope.spans:
            yield telemetry.SpanRecord(
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                parent_id=span.parent_span_id.hex(),
                name=span.name,
                kind=_KINDS.Name(span.kind).removeprefix(_KIND_PREFIX),
                service=service,
                start_ns=span.start_time_unix_nano,
                end_ns=span.end_time_unix_nano,
                status=trace_pb2.Status.StatusCode.Name(span.status.code).removeprefix("STATUS_CODE_"),
                status_message=span.status.message,
                attributes=_attributes(span.attributes),
                links=tuple(f"00-{link.trace_id.hex()}-{link.span_id.hex()}-01" for link in span.links),
            )


def _attributes(pairs: Iterable[common_pb2.KeyValue]) -> Mapping[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in pairs}
