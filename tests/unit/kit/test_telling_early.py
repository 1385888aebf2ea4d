"""Spans that are open for long are told before they end: once, with the rest below them."""

import contextlib
import dataclasses
import pathlib
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence

import pytest
from opentelemetry import trace
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace import export
from opentelemetry.sdk.trace.export import in_memory_span_exporter
from reelmesh_kit import clock, telemetry
from reelmesh_kit.telemetry import early

from tests.support import otlp


@dataclasses.dataclass
class Scene:
    """A telemetry that tells early, on a clock that tests move."""

    telemetry: telemetry.Telemetry
    early: early.TellingEarly
    clock: clock.ManualClock
    memory: in_memory_span_exporter.InMemorySpanExporter

    def told(self) -> Sequence[sdk.ReadableSpan]:
        return self.memory.get_finished_spans()

    def passed(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.early.tell()


@pytest.fixture
def scene() -> Iterator[Scene]:
    memory = in_memory_span_exporter.InMemorySpanExporter()
    time = clock.ManualClock()
    telling = early.TellingEarly(export.SimpleSpanProcessor(memory), time, after_seconds=1.0, watched_spans_limit=2)
    made = telemetry.Telemetry("media", [telling])
    yield Scene(made, telling, time, memory)
    made.shutdown()


def _ids(span: sdk.ReadableSpan) -> tuple[int, int]:
    assert span.context is not None
    return span.context.trace_id, span.context.span_id


def test_a_short_span_is_told_as_it_ended(scene: Scene) -> None:
    with scene.telemetry.span("probe", kind=trace.SpanKind.CLIENT) as span:
        scene.passed(0.9)
        span.set_attribute("size", 3)
    (told,) = scene.told()
    assert dict(told.attributes or {}) == {"size": 3}
    assert told.kind is trace.SpanKind.CLIENT


def test_a_long_span_is_told_while_it_is_open_and_only_once(scene: Scene) -> None:
    with scene.telemetry.span("submit", kind=trace.SpanKind.CLIENT, attributes={"try": 1}) as span:
        scene.passed(1.0)
        scene.passed(5.0)
        (told,) = scene.told()
        assert _ids(told) == (span.get_span_context().trace_id, span.get_span_context().span_id)
        assert dict(told.attributes or {}) == {"try": 1, early.GOES_ON: True}
        assert (told.name, told.kind, told.parent) == ("submit", trace.SpanKind.CLIENT, None)
        assert told.start_time is not None
        assert told.end_time == told.start_time + 1_000_000_000


def test_the_rest_of_a_long_span_is_a_child_of_it_with_all_that_it_came_to(scene: Scene) -> None:
    with contextlib.suppress(ValueError), scene.telemetry.span("submit", kind=trace.SpanKind.CLIENT) as span:
        scene.passed(1.0)
        span.set_attribute("job", "7")
        raise ValueError("no answer")
    begun, rest = scene.told()
    assert rest.parent == begun.context
    assert _ids(rest) != _ids(begun)
    assert (rest.name, rest.kind, rest.start_time) == ("submit", trace.SpanKind.INTERNAL, begun.end_time)
    assert rest.start_time is not None
    assert (rest.end_time or 0) >= rest.start_time
    assert dict(rest.attributes or {}) == {"job": "7", "error.type": "ValueError", early.REST: True}
    assert [event.name for event in rest.events] == ["exception"]
    assert (begun.status.status_code, rest.status.status_code) == (trace.StatusCode.UNSET, trace.StatusCode.ERROR)


def test_what_is_open_when_a_service_ends_is_told(scene: Scene) -> None:
    span = scene.telemetry.span("watch")
    with span:
        scene.telemetry.shutdown()
        (told,) = scene.told()
        assert early.GOES_ON in (told.attributes or {})


def test_a_span_that_is_not_kept_is_not_told(scene: Scene) -> None:
    with scene.telemetry.span("get", ratio=0.0):
        scene.passed(9.0)
    assert not scene.told()


def test_more_spans_than_are_watched_are_told_when_they_end(scene: Scene) -> None:
    with scene.telemetry.span("one"), scene.telemetry.span("two"), scene.telemetry.span("beyond"):
        scene.passed(2.0)
        assert [span.name for span in scene.told()] == ["one", "two"]
    assert [span.name for span in scene.told()] == ["one", "two", "beyond", "two", "one"]


def test_whoever_is_killed_has_told_the_collector_what_it_was_at(tmp_path: pathlib.Path) -> None:
    program = tmp_path / "victim.py"
    program.write_text(
        textwrap.dedent("""
            import sys, threading
            from reelmesh_kit import settings, telemetry
            told = telemetry.configure("victim", settings.ServiceSettings(otlp_endpoint=sys.argv[1]))
            with told.span("submit"):
                with told.span("begin"):
                    pass
                print("open", flush=True)
                threading.Event().wait()
        """)
    )
    with otlp.collecting() as sink:
        command = [sys.executable, str(program), sink.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:
            assert victim.stdout is not None
            assert victim.stdout.readline() == "open\n"
            sink.wait_for(2)
            victim.kill()
        spans = sink.spans()
        assert not otlp.orphans(spans)
        (open_,) = [span for span in spans if span.name == "submit"]
        assert early.GOES_ON in open_.attributes
