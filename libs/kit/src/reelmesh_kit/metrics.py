"""Every metric of the kit, a sentence each; a service lists its own in a file like this and uses the same registry."""

from collections.abc import Mapping

import prometheus_client
from opentelemetry import context, trace
from opentelemetry.trace.propagation import tracecontext
from prometheus_client import process_collector

# From a local call to a deadline; the conventions' advice for call durations.
CALL_BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
# A task goes on for as long as a render does.
TASK_BUCKETS_SECONDS = (0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
_PROPAGATOR = tracecontext.TraceContextTextMapPropagator()


class Metrics:
    """The kit's metrics in one registry. Labels are bounded: methods, consumers and outcomes, never ids or tenants."""

    def __init__(self, registry: prometheus_client.CollectorRegistry) -> None:
        """Register all of them, and those of the operating system's process."""
        process_collector.ProcessCollector(registry=registry)
        self.rpc_server_call_duration = prometheus_client.Histogram(
            "rpc_server_call_duration_seconds",
            "How long calls took that this service answered, by method and the status it gave.",
            ["rpc_method", "rpc_status_code"],
            buckets=CALL_BUCKETS_SECONDS,
            registry=registry,
        )
        self.rpc_client_call_duration = prometheus_client.Histogram(
            "rpc_client_call_duration_seconds",
            "How long calls took that this service made, by method and the status it got.",
            ["rpc_method", "rpc_status_code"],
            buckets=CALL_BUCKETS_SECONDS,
            registry=registry,
        )
        self.rpc_server_calls_open = prometheus_client.Gauge(
            "rpc_server_calls_open",
            "Calls being answered at this moment, by method.",
            ["rpc_method"],
            registry=registry,
        )
        self.bus_publish_duration = prometheus_client.Histogram(
            "bus_publish_duration_seconds",
            "How long the bus took to acknowledge what was published, by stream and outcome (ok, failed).",
            ["stream", "outcome"],
            buckets=CALL_BUCKETS_SECONDS,
            registry=registry,
        )
        self.bus_process_duration = prometheus_client.Histogram(
            "bus_process_duration_seconds",
            "How long one delivery was worked on, by consumer and outcome (done, again, poison, failed).",
            ["consumer", "outcome"],
            buckets=TASK_BUCKETS_SECONDS,
            registry=registry,
        )
        self.bus_redeliveries = prometheus_client.Counter(
            "bus_redeliveries_total",
            "Deliveries that were not the first, by consumer.",
            ["consumer"],
            registry=registry,
        )
        self.bus_dead_letters = prometheus_client.Counter(
            "bus_dead_letters_total",
            "Messages given up and kept as dead letters, by consumer.",
            ["consumer"],
            registry=registry,
        )
        self.bus_notes_dropped = prometheus_client.Counter(
            "bus_notes_dropped_total", "Lossy notes dropped because the listener was too slow.", registry=registry
        )
        self.loop_failures = prometheus_client.Counter(
            "loop_failures_total",
            "Failures of background loops, each followed by a restart, by loop.",
            ["loop"],
            registry=registry,
        )


def observe(histogram: prometheus_client.Histogram, seconds: float, **labels: str) -> None:
    """Observe a duration with the current trace as its exemplar, if that trace is kept."""
    _observe(histogram, seconds, trace.get_current_span().get_span_context(), labels)


def observe_stored(histogram: prometheus_client.Histogram, seconds: float, traceparent: str, **labels: str) -> None:
    """Observe a duration with the trace of a stored context as its exemplar, if that trace is kept."""
    stored = _PROPAGATOR.extract({"traceparent": traceparent}, context=context.Context())
    _observe(histogram, seconds, trace.get_current_span(stored).get_span_context(), labels)


def _observe(
    histogram: prometheus_client.Histogram, seconds: float, identity: trace.SpanContext, labels: Mapping[str, str]
) -> None:
    child = histogram.labels(**labels) if labels else histogram
    if identity.is_valid and identity.trace_flags.sampled:
        child.observe(seconds, {"trace_id": trace.format_trace_id(identity.trace_id)})
    else:
        child.observe(seconds)
