"""What has been decided is counted: how generations and attempts ended, why attempts were made, and what they cost."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping

import prometheus_client
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import export
from opentelemetry.sdk.trace.export import in_memory_span_exporter
from prometheus_client import exposition
from reelmesh_kit import telemetry
from reelmesh_orchestrator import metrics
from reelmesh_orchestrator.adapters import endings
from reelmesh_orchestrator.model import attempt, draft, facts, generation, verbs
from reelmesh_orchestrator.ports import counting

from tests.support import orchestrator as scene

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"


class Counted:
    """A story of which each decision is noted when it is on disk."""

    def __init__(self, begun: draft.Draft, also: counting.OnDecided = counting.nobody) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        self._decisions = metrics.Decisions(self.registry)
        self._also = also
        begun.put_generation(dataclasses.replace(begun.generation, traceparent=TRACEPARENT))
        self.story = scene.Story(begun)
        self._seen = len(begun.effects)
        self._note(counting.Decided(None, begun.aggregate, begun.effects))

    def then(self, step: Callable[[scene.Story], object]) -> None:
        before = self.story.aggregate
        step(self.story)
        effects = self.story.effects[self._seen :]
        self._seen = len(self.story.effects)
        self._note(counting.Decided(before, self.story.aggregate, effects))

    def _note(self, decided: counting.Decided) -> None:
        self._decisions.note(decided)
        self._also(decided)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

    def of_paid(self, name: str, **labels: str) -> float | None:
        return self.value(name, provider="paid", account_id="paid", model="m-1", **labels)


def _made(counted: Counted) -> None:
    counted.then(lambda story: story.dispatched())
    counted.then(lambda story: story.decided(lambda going: facts.begin(going, story.latest().id, scene.WORKER, "n")))
    counted.then(lambda story: story.recorded(story.latest().id))
    counted.then(lambda story: story.passed(7))
    counted.then(lambda story: story.finished(story.latest().id, facts.Outcome.SUCCEEDED))
    counted.then(lambda story: story.step_done(scene.LADDER))


@pytest.fixture
def counted() -> Counted:
    return Counted(scene.admitted(scene.PAID, scene.OTHER))


def test_a_generation_counts_when_it_ends_and_once(counted: Counted) -> None:
    assert counted.value("video_generation_total", state="COMPLETED", delivery="VIDEO") is None
    _made(counted)
    ended: Mapping[str, str] = {"state": "COMPLETED", "delivery": "VIDEO"}
    assert counted.value("video_generation_total", **ended) == 1
    assert counted.value("video_generation_duration_seconds_count", **ended) == 1
    assert counted.value("video_generation_duration_seconds_sum", **ended) == 7
    counted.then(lambda story: story.decided(verbs.delete))
    assert counted.value("video_generation_total", **ended) == 1


def test_durations_lead_to_the_trace_of_the_generation(counted: Counted) -> None:
    _made(counted)
    encode, _ = exposition.choose_encoder("application/openmetrics-text; version=1.0.0")
    lines = encode(counted.registry).decode().splitlines()
    for name in (
        "video_generation_duration_seconds",
        "orchestrator_attempt_wait_seconds",
        "orchestrator_attempt_duration_seconds",
    ):
        assert [line for line in lines if line.startswith(f"{name}_bucket") and f'{{trace_id="{TRACE_ID}"}}' in line]


def test_what_was_paid_is_counted_in_dollars_where_it_was_paid(counted: Counted) -> None:
    _made(counted)
    assert counted.of_paid("orchestrator_cost_dollars_total") == pytest.approx(0.8)
    assert counted.of_paid("orchestrator_attempts_resolved_total", state="SUCCEEDED") == 1


def test_a_refusal_that_goes_elsewhere_is_a_fallback_and_one_that_is_repeated_is_not(counted: Counted) -> None:
    counted.then(lambda story: story.submitting())
    counted.then(lambda story: story.declined(facts.Verdict.REFUSED_FOR_GOOD))
    assert counted.value("video_generation_attempts_total", provider="paid", model="m-1", why="first") == 1
    assert counted.value("video_generation_attempts_total", provider="other", model="m-1", why="fallback") == 1
    assert counted.of_paid("orchestrator_attempts_resolved_total", state="FAILED") == 1
    busy = Counted(scene.admitted(scene.PAID))
    busy.then(lambda story: story.submitting())
    busy.then(lambda story: story.declined(facts.Verdict.BUSY))
    assert busy.value("video_generation_attempts_total", provider="paid", model="m-1", why="again") == 1


def test_a_video_that_was_given_up_is_an_event_and_an_end_without_a_video() -> None:
    alone = Counted(scene.admitted(scene.PAID, fallback_floor=generation.Delivery.TEXT))
    alone.then(lambda story: story.submitting())
    alone.then(lambda story: story.declined(facts.Verdict.REFUSED_FOR_GOOD))
    assert alone.value("orchestrator_events_total", type="falling_back") == 1
    alone.then(lambda story: story.step_done(scene.DRAWN))
    assert alone.value("video_generation_total", state="COMPLETED", delivery="INFOGRAPHIC") == 1


def test_doubt_counts_each_time_that_it_comes(counted: Counted) -> None:
    counted.then(lambda story: story.submitting())
    counted.then(lambda story: story.decided(lambda going: facts.doubt(going, story.latest().id, "silence")))
    assert counted.story.latest().state is attempt.AttemptState.INDETERMINATE
    assert counted.of_paid("orchestrator_attempts_indeterminate_total") == 1


def test_images_are_counted_when_a_generation_is_admitted() -> None:
    given = scene.admitted(scene.PAID, reference_asset_ids=("a", "b"), first_frame_asset_id="c")
    assert Counted(given).value("video_generation_images_sum") == 3


@pytest.fixture
def memory() -> in_memory_span_exporter.InMemorySpanExporter:
    return in_memory_span_exporter.InMemorySpanExporter()


@pytest.fixture
def ended(memory: in_memory_span_exporter.InMemorySpanExporter) -> Iterator[endings.Endings]:
    told = telemetry.Telemetry("orchestrator", [export.SimpleSpanProcessor(memory)])
    yield endings.Endings(told)
    told.shutdown()


def test_a_generation_that_has_ended_is_a_span_with_what_it_came_to(ended, memory) -> None:
    counted = Counted(scene.admitted(scene.PAID), also=ended.note)
    assert not memory.get_finished_spans()
    _made(counted)
    (span,) = memory.get_finished_spans()
    assert (span.name, span.status.status_code) == ("generation", trace.StatusCode.UNSET)
    assert span.end_time - span.start_time == 7_000_000_000
    assert trace.format_trace_id(span.context.trace_id) == TRACE_ID
    assert dict(span.attributes) == {
        telemetry.GENERATION_ID: str(scene.GENERATION_ID),
        endings.STATE: "COMPLETED",
        endings.RUN: 1,
        endings.DELIVERY: "VIDEO",
        endings.ATTEMPTS: 1,
        endings.COST_MICROS: 800_000,
    }


def test_a_generation_without_its_video_is_a_failed_span_and_so_is_each_run_of_it(ended, memory) -> None:
    alone = Counted(scene.admitted(scene.PAID, fallback_floor=scene.VIDEO_FLOOR), also=ended.note)
    for run in (1, 2):
        alone.then(lambda story: story.submitting(f"n{story.aggregate.generation.run}"))
        alone.then(
            lambda story: story.declined(facts.Verdict.REFUSED_FOR_GOOD, nonce=f"n{story.aggregate.generation.run}")
        )
        span = memory.get_finished_spans()[-1]
        assert span.status.status_code is trace.StatusCode.ERROR
        assert (span.attributes["error.type"], span.attributes[endings.RUN]) == ("ALL_CANDIDATES_FAILED", run)
        alone.then(lambda story: story.passed(3600))
        alone.then(lambda story: story.decided(lambda going: verbs.retry(going, scene.POLICY)))
    assert len(memory.get_finished_spans()) == 2
    # The hour before the retry is not a part of it.
    assert memory.get_finished_spans()[-1].end_time - memory.get_finished_spans()[-1].start_time == 0
    assert alone.value("video_generation_duration_seconds_count", state="FAILED", delivery="") == 1
