"""Span files: what a laptop has instead of a collector, one JSON object a line, bounded, readable after any crash.

A span has a line when it begins and one when it has ended: whoever is killed in between leaves the first, so that the
spans of others below it have their parent.
"""

import dataclasses
import io
import json
import logging
import os
import pathlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace import export

# A service keeps two files, the one being written and the one before: at most twice this.
FILE_LIMIT_BYTES = 16 * 1024 * 1024
# A line longer than this is none of ours: attributes are bounded in number and length.
LINE_LIMIT_BYTES = 1024 * 1024
# What a span says of itself from its beginning on, until its end says something else.
NOT_ENDED = "It has not ended: it is under way, or its process was killed."

_log = logging.getLogger("reelmesh.telemetry")


@dataclasses.dataclass(frozen=True)
class SpanRecord:
    """One span, as it stands in a file: as it ended, or else as it began, which NOT_ENDED then says."""

    trace_id: str
    span_id: str
    parent_id: str
    """"" for a root."""
    name: str
    kind: str
    """INTERNAL, SERVER, CLIENT, PRODUCER or CONSUMER."""
    service: str
    start_ns: int
    """Nanoseconds since 1970, by the clock of the machine that ran it."""
    end_ns: int
    status: str
    """UNSET, OK or ERROR."""
    status_message: str = ""
    attributes: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    links: Sequence[str] = ()
    """W3C traceparents."""


class SpanFileExporter(export.SpanExporter):
    """Appends spans to `<folder>/<service>.jsonl`; the file before it is `<service>.1.jsonl`."""

    def __init__(self, folder: pathlib.Path, service: str, *, limit_bytes: int = FILE_LIMIT_BYTES) -> None:
        """Write below `folder`, which is made when the first span ends."""
        self._path = folder / f"{service}.jsonl"
        self._older = folder / f"{service}.1.jsonl"
        self._service = service
        self._limit_bytes = limit_bytes
        self._failing = False
        # Spans begin on the event loop and are exported by a thread.
        self._writing = threading.Lock()

    def export(self, spans: Sequence[sdk.ReadableSpan]) -> export.SpanExportResult:
        """Append `spans` in one write. A full disk costs spans, and one line in the log, but never the service."""
        written = self._write(b"".join(_line(_record(span, self._service)) for span in spans))
        return export.SpanExportResult.SUCCESS if written else export.SpanExportResult.FAILURE

    def note_beginning(self, span: sdk.ReadableSpan) -> None:
        """Append a span that has just begun."""
        self._write(_line(_begun(_record(span, self._service))))

    def _write(self, lines: bytes) -> bool:
        try:
            with self._writing:
                self._append(lines)
        except OSError as error:
            if not self._failing:
                _log.warning("Spans are not kept: %s cannot be written: %s", self._path, error)
            self._failing = True
            return False
        self._failing = False
        return True

    def shutdown(self) -> None:
        """Do nothing: no file stays open between exports."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Do nothing: each export reaches the file at once."""
        del timeout_millis
        return True

    def _append(self, lines: bytes) -> None:
        with self._opened() as file:
            size_bytes = os.fstat(file.fileno()).st_size
            if not size_bytes or size_bytes + len(lines) <= self._limit_bytes:
                file.write(_line_end_if_torn(file, size_bytes) + lines)
                return
        self._path.replace(self._older)
        with self._opened() as file:
            file.write(lines)

    def _opened(self) -> io.FileIO:
        try:
            return io.FileIO(self._path, "a+")
        except FileNotFoundError:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return io.FileIO(self._path, "a+")


class BeginningsProcessor(sdk.SpanProcessor):
    """Has each span noted when it begins; its end is another processor's."""

    def __init__(self, exporter: SpanFileExporter) -> None:
        """Note beginnings in the file of `exporter`."""
        self._exporter = exporter

    def on_start(self, span: sdk.Span, parent_context: otel_context.Context | None = None) -> None:
        """Note it before anybody can be told of it: some 100 microseconds."""
        self._exporter.note_beginning(span)


def read_trace(folder: pathlib.Path, trace_id: str) -> list[SpanRecord]:
    """Return the spans of a trace from all files of `folder`, the earliest first.

    Lines that are torn, by a crash in the middle of a write, are skipped. A span is returned once, as it was written
    last.
    """
    wanted = trace_id.lower()
    found: dict[str, SpanRecord] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for record in _records(path, wanted):
            found[record.span_id] = record
    return sorted(found.values(), key=lambda record: (record.start_ns, record.end_ns))


def _records(path: pathlib.Path, trace_id: str) -> Iterator[SpanRecord]:
    mark = trace_id.encode()
    with path.open("rb") as file:
        while line := file.readline(LINE_LIMIT_BYTES):
            # Parsing is what costs: most lines belong to other traces.
            record = _parsed(line) if mark in line else None
            if record is not None and record.trace_id == trace_id:
                yield record


def _parsed(line: bytes) -> SpanRecord | None:
    try:
        fields = json.loads(line)
        return SpanRecord(**fields)
    except (ValueError, TypeError):
        return None


def _line_end_if_torn(file: io.FileIO, size_bytes: int) -> bytes:
    if size_bytes == 0:
        return b""
    return b"" if os.pread(file.fileno(), 1, size_bytes - 1) == b"\n" else b"\n"


def _line(record: SpanRecord) -> bytes:
    return json.dumps(dataclasses.asdict(record), separators=(",", ":"), default=str).encode() + b"\n"


def _begun(record: SpanRecord) -> SpanRecord:
    return dataclasses.replace(record, end_ns=record.start_ns, status_message=NOT_ENDED)


def _record(span: sdk.ReadableSpan, service: str) -> SpanRecord:
    identity = cast(trace.SpanContext, span.context)
    return SpanRecord(
        trace_id=trace.format_trace_id(identity.trace_id),
        span_id=trace.format_span_id(identity.span_id),
        parent_id=trace.format_span_id(span.parent.span_id) if span.parent else "",
        name=span.name,
        kind=span.kind.name,
        service=service,
        start_ns=span.start_time or 0,
        end_ns=span.end_time or 0,
        status=span.status.status_code.name,
        status_message=span.status.description or "",
        attributes=dict(span.attributes or {}),
        links=tuple(_traceparent(link.context) for link in span.links),
    )


def _traceparent(identity: trace.SpanContext) -> str:
    trace_id, span_id = trace.format_trace_id(identity.trace_id), trace.format_span_id(identity.span_id)
    return f"00-{trace_id}-{span_id}-{identity.trace_flags:02x}"
