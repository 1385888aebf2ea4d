"""What the kit tells beside the spans of work under way: what is over, contexts that are stored, and who is kept."""

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import export
from opentelemetry.sdk.trace.export import in_memory_span_exporter
from prometheus_client import exposition
from reelmesh_kit import metrics, telemetry

TRACE = "0af7651916cd43dd8448eb211c80319c"
STORED = f"00-{TRACE}-b7ad6b7169203331-01"


class Told:
    """A telemetry together with the spans that have ended."""

    def __init__(self) -> None:
        self._memory = in_memory_span_exporter.InMemorySpanExporter()
        self.telemetry = telemetry.Telemetry("media", [export.SimpleSpanProcessor(self._memory)])

    @property
    def spans(self) -> dict[str, Any]:
        return {span.name: span for span in self._memory.get_finished_spans()}


@pytest.fixture
def told() -> Iterator[Told]:
    made = Told()
    yield made
    made.telemetry.shutdown()


def test_what_is_over_is_told_as_a_span_of_its_length_below_a_stored_context(told: Told) -> None:
    began = datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.UTC)
    ended = began + datetime.timedelta(hours=2, microseconds=7)
    told.telemetry.tell("generation", parent=STORED, began=began, ended=ended, attributes={"run": 1}, error="TOO_LATE")
    span = told.spans["generation"]
    assert trace.format_span_id(span.parent.span_id) == "b7ad6b7169203331"
    assert span.end_time - span.start_time == 7_200_000_007_000
    assert span.start_time == began.timestamp() * 1e9
    assert dict(span.attributes) == {"run": 1, "error.type": "TOO_LATE"}
    assert span.status.status_code is trace.StatusCode.ERROR


def test_nothing_is_told_below_no_context(told: Told) -> None:
    now = datetime.datetime(2026, 11, 20, tzinfo=datetime.UTC)
    told.telemetry.tell("generation", parent="", began=now, ended=now, attributes={})
    assert told.spans == {}


def test_a_context_that_its_caller_did_not_sample_can_be_kept() -> None:
    assert telemetry.always_kept(f"{STORED[:-2]}00") == STORED
    assert telemetry.always_kept(STORED) == STORED
    assert telemetry.always_kept("nonsense") == "nonsense"


def test_attributes_are_added_to_the_span_that_is_current(told: Told) -> None:
    telemetry.describe({"lost": 1})
    with told.telemetry.span("create"):
        telemetry.describe({telemetry.GENERATION_ID: "7"})
    assert dict(told.spans["create"].attributes) == {telemetry.GENERATION_ID: "7"}


def test_an_exemplar_of_a_stored_context_leads_there_if_it_is_kept(told: Told) -> None:
    histogram = told.telemetry.metrics.bus_publish_duration
    metrics.observe_stored(histogram, 0.02, STORED, stream="KEPT", outcome="ok")
    metrics.observe_stored(histogram, 0.02, f"{STORED[:-2]}00", stream="LEFT", outcome="ok")
    metrics.observe_stored(histogram, 0.02, "", stream="NONE", outcome="ok")
    encode, _ = exposition.choose_encoder("application/openmetrics-text; version=1.0.0")
    exposed = encode(told.telemetry.registry).decode()
    assert [line for line in exposed.splitlines() if TRACE in line and 'stream="KEPT"' in line]
    assert exposed.count(TRACE) == 1
