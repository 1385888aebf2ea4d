"""Spans: one provider per service, parents that are stored contexts, and the samplers' one rule."""

import asyncio
import contextlib
import datetime
import re
from collections.abc import Generator, Mapping, Sequence

import prometheus_client
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk import resources
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace import export, sampling
from opentelemetry.trace import propagation
from opentelemetry.trace.propagation import tracecontext
from opentelemetry.util.types import Attributes, AttributeValue

from reelmesh_kit import clock, metrics, settings
from reelmesh_kit.telemetry import early, span_files

EXPORT_EVERY_MILLISECONDS = 250
EXPORT_TIMEOUT_SECONDS = 5.0
WAITING_SPANS_LIMIT = 8192
SPANS_PER_EXPORT = 512
ATTRIBUTE_LENGTH_LIMIT_CHARACTERS = 1024
STACKTRACE_LIMIT_EVENTS = 32
# The attribute by which spans say which generation they are about.
GENERATION_ID = "reelmesh.generation.id"

_PROPAGATOR = tracecontext.TraceContextTextMapPropagator()
_TRACEPARENT = re.compile(r"(00-[0-9a-f]{32}-[0-9a-f]{16}-)([0-9a-f]{2})")
_SAMPLED = 1
_NANOSECONDS_PER_MICROSECOND = 1000
_RATIO = otel_context.create_key("reelmesh-sampling-ratio")


class Telemetry:
    """The spans and metrics of one service.

    Each service has its own provider and registry, for standalone runs many services in one process; the global
    provider of OpenTelemetry is left alone.
    """

    def __init__(self, service: str, processors: Sequence[sdk.SpanProcessor] = (), *, reads_ratio: float = 1.0) -> None:
        """Send ended spans to `processors`; `reads_ratio` is for those who trace reads, see `span`."""
        self.service = service
        self.reads_ratio = reads_ratio
        self.registry = prometheus_client.CollectorRegistry()
        self.metrics = metrics.Metrics(self.registry)
        self._provider = sdk.TracerProvider(
            sampler=sampling.ParentBased(_RootSampler()),
            resource=resources.Resource.create({"service.name": service, "service.namespace": "reelmesh"}),
            span_limits=sdk.SpanLimits(
                max_attribute_length=ATTRIBUTE_LENGTH_LIMIT_CHARACTERS, max_events=STACKTRACE_LIMIT_EVENTS
            ),
        )
        for processor in processors:
            self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("reelmesh_kit")

    @contextlib.contextmanager
    def span(
        self,
        name: str,
        *,
        kind: trace.SpanKind = trace.SpanKind.INTERNAL,
        parent: str | None = None,
        links: Sequence[str] = (),
        attributes: Mapping[str, AttributeValue] | None = None,
        ratio: float = 1.0,
        record_errors: bool = True,
    ) -> Generator[trace.Span]:
        """Open a span for the body of the `with` and make it current there.

        Args:
            name: low cardinality: no ids in it.
            kind: the side of a call that this is.
            parent: a W3C traceparent from a row or a message; "" or a malformed one makes a root. None continues the
                span that is current here. Work that outlives its asker takes the stored context, never the open span:
                a process that is killed exports nothing, and its children would be orphans.
            links: traceparents of what led here without being the parent; malformed ones are left out.
            attributes: never prompts or secrets.
            ratio: the share of spans kept if this is a root; any other span follows its root. Generations keep 1.
            record_errors: whether an exception marks the span as failed; edges that classify errors say no.
        """
        given = otel_context.get_current() if parent is None else _stored(parent)
        span = self._tracer.start_span(
            name,
            context=otel_context.set_value(_RATIO, ratio, given),
            kind=kind,
            links=_links(links),
            attributes=attributes,
        )
        within = propagation.set_span_in_context(span, given)
        token = otel_context.attach(within)
        try:
            yield span
        except asyncio.CancelledError:
            span.set_attribute("error.type", "CancelledError")
            raise
        except Exception as error:
            if record_errors:
                _record(span, error)
            raise
        finally:
            # An abandoned generator is closed by whoever finds it, in another context: there is nothing to detach.
            if otel_context.get_current() is within:
                otel_context.detach(token)
            span.end()

    def tell(
        self,
        name: str,
        *,
        parent: str,
        began: datetime.datetime,
        ended: datetime.datetime,
        attributes: Mapping[str, AttributeValue],
        error: str = "",
    ) -> None:
        """Tell of something that is over and was never a span while it went on, such as what outlives any process.

        Args:
            name: low cardinality.
            parent: the stored context that it is below; with "" nothing is told.
            began: by the clock of whoever recorded it.
            ended: likewise; not before `began`.
            attributes: never prompts or secrets.
            error: the reason if it went badly: its span has failed then.
        """
        if not parent:
            return
        span = self._tracer.start_span(
            name, context=_stored(parent), attributes=attributes, start_time=_nanoseconds(began)
        )
        if error:
            span.set_attribute("error.type", error)
            span.set_status(trace.Status(trace.StatusCode.ERROR))
        span.end(_nanoseconds(ended))

    def flush(self) -> None:
        """Hand over all ended spans now. Blocks."""
        self._provider.force_flush()

    def shutdown(self) -> None:
        """Hand over all ended spans and stop exporting. Blocks for some seconds if the collector does not answer."""
        self._provider.shutdown()


def configure(
    service: str, service_settings: settings.ServiceSettings, *, exporter: export.SpanExporter | None = None
) -> Telemetry:
    """Make the telemetry that the settings ask for.

    Args:
        service: the service's name, such as "orchestrator".
        service_settings: decides about the collector, the span files and the share of reads.
        exporter: gets each span as soon as it ends, in addition; for tests, an in-memory one.
    """
    processors: list[sdk.SpanProcessor] = []
    if exporter is not None:
        processors.append(export.SimpleSpanProcessor(exporter))
    if service_settings.spans_folder is not None:
        kept = span_files.SpanFileExporter(service_settings.spans_folder, service)
        processors += [span_files.BeginningsProcessor(kept), _batched(kept)]
    if service_settings.otlp_endpoint is not None:
        collected = _batched(_collector(service_settings.otlp_endpoint))
        processors.append(early.TellingEarly(collected, clock.SystemClock()).look())
    return Telemetry(service, processors, reads_ratio=service_settings.trace_reads_ratio)


def _collector(endpoint: str) -> export.SpanExporter:
    # Who has no collector does not wait for what speaks to one.
    from opentelemetry.exporter.otlp.proto.grpc import trace_exporter

    return trace_exporter.OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_TIMEOUT_SECONDS)


def current_traceparent() -> str:
    """Return the W3C traceparent of the current span, "" outside of one: what goes into a row or a message."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent", "")


def always_kept(traceparent: str) -> str:
    """Return a W3C traceparent with the flag that has it kept; what is none is returned as it is.

    For what may begin or change a generation: it is traced whatever its caller samples.
    """
    found = _TRACEPARENT.fullmatch(traceparent)
    return f"{found[1]}{int(found[2], 16) | _SAMPLED:02x}" if found else traceparent


def describe(attributes: Mapping[str, AttributeValue]) -> None:
    """Add attributes to the span that is current."""
    trace.get_current_span().set_attributes(attributes)


def current_ids() -> tuple[str, str]:
    """Return the trace id and the span id of the current span in hex, ("", "") outside of one."""
    identity = trace.get_current_span().get_span_context()
    if not identity.is_valid:
        return "", ""
    return trace.format_trace_id(identity.trace_id), trace.format_span_id(identity.span_id)


class _RootSampler(sampling.Sampler):
    """Keeps the share of roots that whoever opens one asks for, decided by the trace id."""

    def should_sample(
        self,
        parent_context: otel_context.Context | None,
        trace_id: int,
        name: str,
        kind: trace.SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[trace.Link] | None = None,
        trace_state: trace.TraceState | None = None,
    ) -> sampling.SamplingResult:
        """Decide about a root; `ParentBased` asks for no other span."""
        ratio = otel_context.get_value(_RATIO, parent_context)
        by_share = sampling.TraceIdRatioBased(ratio if isinstance(ratio, int | float) else 1.0)
        return by_share.should_sample(parent_context, trace_id, name, kind, attributes, links)

    def get_description(self) -> str:
        """Name the sampler."""
        return "ReelmeshRootSampler"


def _batched(exporter: export.SpanExporter) -> sdk.SpanProcessor:
    return export.BatchSpanProcessor(
        exporter,
        max_queue_size=WAITING_SPANS_LIMIT,
        schedule_delay_millis=EXPORT_EVERY_MILLISECONDS,
        max_export_batch_size=SPANS_PER_EXPORT,
    )


def _stored(traceparent: str) -> otel_context.Context:
    return _PROPAGATOR.extract({"traceparent": traceparent}, context=otel_context.Context())


def _nanoseconds(moment: datetime.datetime) -> int:
    since = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return since // datetime.timedelta(microseconds=1) * _NANOSECONDS_PER_MICROSECOND


def _links(traceparents: Sequence[str]) -> list[trace.Link]:
    identities = (trace.get_current_span(_stored(each)).get_span_context() for each in traceparents)
    return [trace.Link(identity) for identity in identities if identity.is_valid]


def _record(span: trace.Span, error: Exception) -> None:
    span.record_exception(error)
    span.set_attribute("error.type", type(error).__name__)
    span.set_status(trace.Status(trace.StatusCode.ERROR, f"{type(error).__name__}: {error}"))
