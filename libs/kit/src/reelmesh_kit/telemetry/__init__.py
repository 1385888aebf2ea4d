"""What a service tells about itself while it runs: spans, span files, logs, and the registry of its metrics."""

from reelmesh_kit.telemetry.logs import configure_logging
from reelmesh_kit.telemetry.span_files import SpanRecord, read_trace
from reelmesh_kit.telemetry.tracing import (
    GENERATION_ID,
    Telemetry,
    always_kept,
    configure,
    current_ids,
    current_traceparent,
    describe,
)

__all__ = [
    "GENERATION_ID",
    "SpanRecord",
    "Telemetry",
    "always_kept",
    "configure",
    "configure_logging",
    "current_ids",
    "current_traceparent",
    "describe",
    "read_trace",
]
