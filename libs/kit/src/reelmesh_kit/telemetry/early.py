"""Tells of spans that are open for long before they end, so that whoever is killed leaves no orphans behind.

A span is exported when it has ended, and never if its process is killed before. Then the spans below it, in this
process and in others, name a parent that nobody has. So a span that is still open after a moment is exported as it is,
once, with GOES_ON; when it ends, what is left of it is exported as a child of it, with REST and all that it came to.
"""

import dataclasses
import threading
from collections.abc import Mapping
from typing import Self

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace import id_generator
from opentelemetry.util.types import AttributeValue

from reelmesh_kit import clock

AFTER_SECONDS = 1.0
LOOK_EVERY_SECONDS = 0.25
# Further ones are exported when they end, like everywhere else.
WATCHED_SPANS_LIMIT = 8192
# True at a span that had not ended when it was told.
GOES_ON = "reelmesh.span.goes_on"
# True at a span that is what was left of its parent, which has the same name.
REST = "reelmesh.span.rest"

_IDS = id_generator.RandomIdGenerator()
_NANOSECONDS = 1_000_000_000


@dataclasses.dataclass
class _Open:
    span: sdk.Span
    began: float
    attributes: Mapping[str, AttributeValue]
    """Those that it began with: later ones come with its rest."""
    told_ns: int = 0
    """When it was told to go on, nanoseconds since 1970; 0 while it was not."""


class TellingEarly(sdk.SpanProcessor):
    """Passes spans on to another processor: when they end, or some time before."""

    def __init__(
        self,
        told: sdk.SpanProcessor,
        time: clock.Clock,
        *,
        after_seconds: float = AFTER_SECONDS,
        watched_spans_limit: int = WATCHED_SPANS_LIMIT,
    ) -> None:
        """Pass on to `told`; a span that is open for `after_seconds` is passed on as it is."""
        self._watched_spans_limit = watched_spans_limit
        self._told = told
        self._clock = time
        self._after_seconds = after_seconds
        self._open: dict[int, _Open] = {}
        # Spans begin and end on the event loop, and are looked at by a thread.
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._looking: threading.Thread | None = None

    def look(self) -> Self:
        """Look at what is open again and again, from a thread, until the shutdown."""
        self._looking = threading.Thread(target=self._look, name="spans that go on", daemon=True)
        self._looking.start()
        return self

    def on_start(self, span: sdk.Span, parent_context: otel_context.Context | None = None) -> None:
        """Watch a span that has begun."""
        self._told.on_start(span, parent_context)
        begun = _Open(span, self._clock.elapsed(), dict(span.attributes or {}))
        with self._lock:
            if len(self._open) < self._watched_spans_limit:
                self._open[_context(span).span_id] = begun

    def on_end(self, span: sdk.ReadableSpan) -> None:
        """Pass on a span that has ended, or what is left of it."""
        with self._lock:
            begun = self._open.pop(_context(span).span_id, None)
        self._told.on_end(_rest(span, begun.told_ns) if begun and begun.told_ns else span)

    def tell(self, *, after_seconds: float | None = None) -> None:
        """Pass on what is open for as long, and was not passed on yet."""
        after = self._after_seconds if after_seconds is None else after_seconds
        now = self._clock.elapsed()
        with self._lock:
            due = [one for one in self._open.values() if not one.told_ns and now - one.began >= after]
            for one in due:
                one.told_ns = (one.span.start_time or 0) + int((now - one.began) * _NANOSECONDS)
        for one in due:
            self._told.on_end(_so_far(one))

    def shutdown(self) -> None:
        """Pass on what is open, and end."""
        self._stopped.set()
        if self._looking is not None:
            self._looking.join()
        self.tell(after_seconds=0.0)
        self._told.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Have all that was passed on handed over."""
        return self._told.force_flush(timeout_millis)

    def _look(self) -> None:
        while not self._stopped.wait(LOOK_EVERY_SECONDS):
            self.tell()


def _context(span: sdk.ReadableSpan) -> trace.SpanContext:
    return span.context or trace.INVALID_SPAN_CONTEXT


def _so_far(begun: _Open) -> sdk.ReadableSpan:
    return _changed(begun.span, end_time=begun.told_ns, attributes={**begun.attributes, GOES_ON: True})


def _rest(span: sdk.ReadableSpan, told_ns: int) -> sdk.ReadableSpan:
    above = _context(span)
    own = trace.SpanContext(
        above.trace_id, _IDS.generate_span_id(), is_remote=False, trace_flags=above.trace_flags,
        trace_state=above.trace_state,
    )  # fmt: skip
    return _changed(
        span,
        context=own,
        parent=above,
        # Whoever pairs the two sides of a call has had its two spans.
        kind=trace.SpanKind.INTERNAL,
        start_time=told_ns,
        end_time=max(span.end_time or 0, told_ns),
        attributes={**(span.attributes or {}), REST: True},
        events=span.events,
        links=(),
        status=span.status,
    )


def _changed(span: sdk.ReadableSpan, **changes: object) -> sdk.ReadableSpan:
    """Return a copy of a span that may be open."""
    known: dict[str, object] = {
        "context": span.context,
        "parent": span.parent,
        "kind": span.kind,
        "start_time": span.start_time,
        "links": span.links,
    }
    return sdk.ReadableSpan(
        name=span.name,
        resource=span.resource,
        instrumentation_scope=span.instrumentation_scope,
        **{**known, **changes},  # pyright: ignore[reportArgumentType]
    )
