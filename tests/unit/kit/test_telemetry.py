"""Telemetry: whose child a span is, what a span file survives, and which trace a log line belongs to."""

import asyncio
import contextlib
import contextvars
import io
import json
import logging
import os
import pathlib
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import prometheus_client
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import export
from opentelemetry.sdk.trace.export import in_memory_span_exporter
from prometheus_client import exposition
from reelmesh_kit import errors, metrics, settings, telemetry
from reelmesh_kit.telemetry import span_files

TRACE = "0af7651916cd43dd8448eb211c80319c"
STORED = f"00-{TRACE}-b7ad6b7169203331-01"


class Told:
    """A telemetry together with the spans that have ended."""

    def __init__(self, **own: Any) -> None:
        self._memory = in_memory_span_exporter.InMemorySpanExporter()
        self.telemetry = telemetry.Telemetry("media", [export.SimpleSpanProcessor(self._memory)], **own)

    @property
    def spans(self) -> dict[str, Any]:
        return {span.name: span for span in self._memory.get_finished_spans()}


@pytest.fixture
def told() -> Iterator[Told]:
    made = Told()
    yield made
    made.telemetry.shutdown()


def test_a_span_outside_of_any_is_a_root(told: Told) -> None:
    with told.telemetry.span("render"):
        pass
    assert told.spans["render"].parent is None
    assert told.spans["render"].resource.attributes["service.name"] == "media"


def test_a_span_within_another_is_its_child(told: Told) -> None:
    with told.telemetry.span("outer") as outer, told.telemetry.span("inner"):
        pass
    assert told.spans["inner"].parent.span_id == outer.get_span_context().span_id


def test_a_stored_context_is_the_parent_even_if_another_span_is_open(told: Told) -> None:
    with told.telemetry.span("open elsewhere"), told.telemetry.span("process", parent=STORED):
        pass
    parent = told.spans["process"].parent
    assert (trace.format_trace_id(parent.trace_id), trace.format_span_id(parent.span_id)) == (TRACE, "b7ad6b7169203331")


@pytest.mark.parametrize("absent", ["", "00-zz-b7ad6b7169203331-01", "nonsense"])
def test_without_a_usable_stored_context_the_span_is_a_root(told: Told, absent: str) -> None:
    with told.telemetry.span("open elsewhere"), told.telemetry.span("process", parent=absent):
        pass
    assert told.spans["process"].parent is None


def test_the_traceparent_leads_from_one_service_to_the_next(told: Told) -> None:
    other = Told()
    with told.telemetry.span("publish") as publish:
        carried = telemetry.current_traceparent()
    with other.telemetry.span("process", parent=carried):
        pass
    assert other.spans["process"].parent.span_id == publish.get_span_context().span_id
    other.telemetry.shutdown()


def test_outside_of_a_span_there_is_no_traceparent(told: Told) -> None:
    with told.telemetry.span("before"):
        pass
    assert telemetry.current_traceparent() == ""
    assert telemetry.current_ids() == ("", "")


def test_links_are_kept_and_malformed_ones_left_out(told: Told) -> None:
    with told.telemetry.span("attempt 2", links=[STORED, "", "nonsense"]):
        pass
    linked = [trace.format_trace_id(link.context.trace_id) for link in told.spans["attempt 2"].links]
    assert linked == [TRACE]


def test_an_error_marks_the_span_and_goes_on(told: Told) -> None:
    with pytest.raises(errors.NotFound), told.telemetry.span("get"):
        raise errors.NotFound("no such asset")
    span = told.spans["get"]
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.attributes["error.type"] == "NotFound"
    assert span.events[0].name == "exception"


def test_an_edge_that_classifies_errors_itself_gets_no_mark(told: Told) -> None:
    with pytest.raises(errors.NotFound), told.telemetry.span("get", record_errors=False):
        raise errors.NotFound
    assert told.spans["get"].status.status_code is trace.StatusCode.UNSET


async def test_a_cancelled_span_says_so_but_is_no_error(told: Told) -> None:
    started = asyncio.Event()

    async def work() -> None:
        with told.telemetry.span("work"):
            started.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await started.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert told.spans["work"].attributes["error.type"] == "CancelledError"
    assert told.spans["work"].status.status_code is trace.StatusCode.UNSET


async def test_an_abandoned_generator_ends_its_span_in_peace(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    async def stream() -> AsyncGenerator[int]:
        with told.telemetry.span("stream"):
            yield 1
            yield 2

    generator = stream()
    await contextvars.copy_context().run(lambda: asyncio.create_task(anext(generator)))  # pyright: ignore[reportArgumentType, reportUnknownLambdaType]
    await generator.aclose()
    assert "stream" in told.spans
    assert caplog.records == []


def test_generations_are_always_kept_and_reads_by_their_share(told: Told) -> None:
    for _ in range(50):
        with told.telemetry.span("create"):
            pass
        with told.telemetry.span("get", ratio=0.0), told.telemetry.span("select"):
            pass
    assert set(told.spans) == {"create"}


def test_a_read_within_a_kept_trace_is_kept(told: Told) -> None:
    with told.telemetry.span("get", parent=STORED, ratio=0.0):
        pass
    assert "get" in told.spans


def test_the_share_of_reads_comes_from_the_settings() -> None:
    assert telemetry.configure("media", settings.ServiceSettings(trace_reads_ratio=0.25)).reads_ratio == 0.25


def test_the_global_provider_is_left_alone(told: Told) -> None:
    with trace.get_tracer("somebody").start_as_current_span("theirs") as span:
        assert not span.get_span_context().is_valid
    assert told.spans == {}


def kept(folder: pathlib.Path, service: str = "media") -> telemetry.Telemetry:
    return telemetry.configure(service, settings.ServiceSettings(spans_folder=folder))


def test_a_trace_is_read_back_across_services_in_order(tmp_path: pathlib.Path) -> None:
    gateway, media = kept(tmp_path, "gateway"), kept(tmp_path, "media")
    with gateway.span("POST /generations", kind=trace.SpanKind.SERVER, attributes={"http.status": 201}):
        carried = telemetry.current_traceparent()
        trace_id, root_id = telemetry.current_ids()
    with contextlib.suppress(ValueError), media.span("probe", parent=carried, links=[STORED]):
        raise ValueError("no moov atom")
    with media.span("of another trace"):
        pass
    gateway.shutdown()
    media.shutdown()
    root, probe = telemetry.read_trace(tmp_path, trace_id.upper())
    assert (root.name, root.service, root.kind, root.parent_id) == ("POST /generations", "gateway", "SERVER", "")
    assert root.attributes == {"http.status": 201}
    assert root.start_ns <= root.end_ns <= probe.end_ns
    assert (probe.service, probe.parent_id, probe.status) == ("media", root_id, "ERROR")
    assert probe.status_message == "ValueError: no moov atom"
    assert list(probe.links) == [STORED]


async def test_spans_reach_the_file_without_being_asked_for(tmp_path: pathlib.Path) -> None:
    made = kept(tmp_path)
    with made.span("render"):
        trace_id, _ = telemetry.current_ids()
    async with asyncio.timeout(5):
        while not telemetry.read_trace(tmp_path, trace_id):
            await asyncio.to_thread(os.sched_yield)
    made.shutdown()


def test_a_line_torn_by_a_crash_costs_only_itself(tmp_path: pathlib.Path) -> None:
    for name in ("first", "second", "third"):
        made = kept(tmp_path)
        with made.span(name, parent=STORED):
            pass
        made.shutdown()
        if name == "second":
            path = tmp_path / "media.jsonl"
            os.truncate(path, path.stat().st_size - 40)
    found = {record.name: record.status_message for record in telemetry.read_trace(tmp_path, TRACE)}
    assert found == {"first": "", "second": span_files.NOT_ENDED, "third": ""}


def test_a_span_that_is_open_is_in_the_file_already_so_that_none_is_an_orphan_if_we_are_killed(
    tmp_path: pathlib.Path,
) -> None:
    made = kept(tmp_path)
    with made.span("submit", parent=STORED, attributes={"try": 1}):
        (begun,) = telemetry.read_trace(tmp_path, TRACE)
    made.shutdown()
    (ended,) = telemetry.read_trace(tmp_path, TRACE)
    assert begun.span_id == ended.span_id
    assert (begun.name, begun.parent_id, begun.attributes) == ("submit", "b7ad6b7169203331", {"try": 1})
    assert (begun.start_ns, begun.end_ns) == (ended.start_ns, ended.start_ns)
    assert (begun.status, begun.status_message, ended.status_message) == ("UNSET", span_files.NOT_ENDED, "")


@pytest.mark.parametrize(
    "line", ["", "null", "[]", "{}", f'{{"trace_id": "{TRACE}"}}', f'"{TRACE}"', f"\x00\xff{TRACE}"]
)
def test_lines_that_are_no_spans_are_skipped(tmp_path: pathlib.Path, line: str) -> None:
    (tmp_path / "media.jsonl").write_text(line + "\n")
    assert telemetry.read_trace(tmp_path, TRACE) == []


def test_a_folder_that_is_not_there_has_no_spans(tmp_path: pathlib.Path) -> None:
    assert telemetry.read_trace(tmp_path / "none", TRACE) == []


def test_files_are_bounded_and_the_newest_spans_stay(tmp_path: pathlib.Path) -> None:
    limit_bytes = 4000
    exporter = span_files.SpanFileExporter(tmp_path, "media", limit_bytes=limit_bytes)
    made = telemetry.Telemetry("media", [export.SimpleSpanProcessor(exporter)])
    for number in range(100):
        with made.span(f"span {number}", parent=STORED):
            pass
    made.shutdown()
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(sizes) == {"media.jsonl", "media.1.jsonl"}
    assert max(sizes.values()) <= limit_bytes
    names = [record.name for record in telemetry.read_trace(tmp_path, TRACE)]
    assert names == [f"span {number}" for number in range(100 - len(names), 100)]


def test_a_folder_that_cannot_be_written_is_told_once_and_hurts_nobody(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    made = telemetry.Telemetry("media", [export.SimpleSpanProcessor(span_files.SpanFileExporter(blocked, "media"))])
    for _ in range(3):
        with made.span("render"):
            pass
    made.shutdown()
    assert [record.getMessage() for record in caplog.records if "Spans are not kept" in record.getMessage()] != []
    assert len(caplog.records) == 1


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The log as a stream; what the tests configure is undone after."""
    root, names = logging.getLogger(), ("uvicorn", "uvicorn.access", "nats", "alembic")
    before = (root.level, list(root.handlers))
    stream = io.StringIO()
    yield stream
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    for name in names:
        logging.getLogger(name).setLevel(logging.NOTSET)


def parsed(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_log_line_is_json_with_its_service_its_trace_and_its_fields(told: Told, lines: io.StringIO) -> None:
    telemetry.configure_logging("INFO", stream=lines)
    with told.telemetry.span("render"):
        trace_id, span_id = telemetry.current_ids()
        logging.getLogger("reelmesh.media.engine").info("Rendered\n%s", "“frames”", extra={"frames": 48})
    (line,) = parsed(lines)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "INFO",
        "service": "media",
        "logger": "reelmesh.media.engine",
        "message": "Rendered\n“frames”",
        "trace_id": trace_id,
        "span_id": span_id,
        "frames": 48,
    }


def test_a_log_line_outside_of_a_span_has_no_trace(lines: io.StringIO) -> None:
    telemetry.configure_logging("INFO", stream=lines)
    logging.getLogger("reelmesh.media").info("Here.")
    assert "trace_id" not in parsed(lines)[0]


def test_an_exception_is_one_line_with_its_traceback(lines: io.StringIO) -> None:
    telemetry.configure_logging("INFO", stream=lines)
    try:
        int("no moov atom")
    except ValueError:
        logging.getLogger("reelmesh.media").exception("Broken.")
    (line,) = parsed(lines)
    assert line["exception"].endswith("'no moov atom'")


def test_an_extra_field_hides_none_of_ours(lines: io.StringIO) -> None:
    telemetry.configure_logging("INFO", stream=lines)
    logging.getLogger("reelmesh.media").info("Here.", extra={"service": "elsewhere", "path": pathlib.Path("a")})
    (line,) = parsed(lines)
    assert (line["service"], line["path"]) == ("media", "a")


def test_configuring_twice_writes_each_line_once(lines: io.StringIO) -> None:
    telemetry.configure_logging("DEBUG", stream=lines)
    telemetry.configure_logging("INFO", stream=lines)
    logging.getLogger("reelmesh.media").info("Once.")
    assert len(parsed(lines)) == 1


def test_libraries_speak_through_the_same_log_and_only_if_it_matters(lines: io.StringIO) -> None:
    own = logging.StreamHandler(io.StringIO())
    logging.getLogger("uvicorn").addHandler(own)
    telemetry.configure_logging("INFO", service="media", stream=lines)
    for name in ("uvicorn.access", "uvicorn", "nats.aio.client", "alembic.runtime"):
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning("matters")
    assert [(line["message"], line["service"]) for line in parsed(lines)] == [("matters", "media")] * 4
    assert own not in logging.getLogger("uvicorn").handlers


def test_a_terminal_gets_text(lines: io.StringIO) -> None:
    telemetry.configure_logging("INFO", json=False, stream=lines)
    logging.getLogger("reelmesh.media").warning("Slow.", extra={"frames": 3})
    assert lines.getvalue().rstrip().endswith("WARNING media: Slow. frames=3")


def exposed(made: telemetry.Telemetry) -> str:
    encode, _ = exposition.choose_encoder("application/openmetrics-text; version=1.0.0")
    return encode(made.registry).decode()


def test_a_duration_carries_its_trace_as_exemplar(told: Told) -> None:
    with told.telemetry.span("call"):
        trace_id, _ = telemetry.current_ids()
        metrics.observe(told.telemetry.metrics.rpc_server_call_duration, 0.02, rpc_method="a/B", rpc_status_code="OK")
    text = exposed(told.telemetry)
    assert f'# {{trace_id="{trace_id}"}} 0.02' in text


def test_a_duration_of_a_trace_that_is_not_kept_has_no_exemplar(told: Told) -> None:
    with told.telemetry.span("call", ratio=0.0):
        metrics.observe(told.telemetry.metrics.bus_publish_duration, 0.02, stream="TASKS", outcome="ok")
    text = exposed(told.telemetry)
    assert 'bus_publish_duration_seconds_count{outcome="ok",stream="TASKS"} 1.0' in text
    assert "trace_id" not in text


def test_services_of_one_process_count_apart(told: Told) -> None:
    other = telemetry.Telemetry("storage")
    told.telemetry.metrics.loop_failures.labels("sweep").inc()
    assert b'loop="sweep"' not in prometheus_client.generate_latest(other.registry)
