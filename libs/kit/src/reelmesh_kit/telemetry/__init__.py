"""What a service tells about itself while it runs: spans, span files, logs, and the registry of its metrics."""

from reelmesh_kit.telemetry.logs import configure_logging
from reelmesh_kit.telemetry.span_files import SpanRecord, read_trace
from reelmesh_kit.telemetry.tracing import Telemetry, configure, current_ids, current_traceparent

__all__ = [
    "SpanRecord",
    "Telemetry",
    "configure",
    "configure_logging",
    "current_ids",
    "current_traceparent",
    "read_trace",
]
