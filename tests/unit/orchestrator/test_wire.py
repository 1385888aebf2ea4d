"""What comes from outside in the messages of workers, as it can be kept."""

import pytest
from reelmesh.mesh.v1 import attempt_service_pb2
from reelmesh.v1 import generation_service_pb2, pool_pb2
from reelmesh_orchestrator import ports, wire
from reelmesh_orchestrator.model import facts, pooling
from reelmesh_orchestrator.wire import pools

from tests.support import orchestrator
from tests.support.orchestrator import Story, admitted, model_card, provider_card

SHORT = orchestrator.provider_card("short", orchestrator.model_card(longest_seconds=5.0))


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("", ""),
        ("no credits left", "no credits left"),
        ("a\0b\0", "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"),
        ("x" * 100_000, "x" * 2000),
    ],
)
def test_words_from_outside_are_bounded_and_without_what_no_database_stores(said: str, kept: str) -> None:
    assert wire.told(said) == kept
    ended = attempt_service_pb2.FinishRequest(outcome=attempt_service_pb2.OUTCOME_FAILED, message=said)
    assert wire.ended_from_proto(ended).message == kept


def test_a_shot_is_told_that_another_goes_on_from_its_last_frame() -> None:
    story = Story(admitted(SHORT, duration_seconds=8.0))
    first = story.dispatched()
    assert wire.generate_task(story.aggregate, first).continued
    story.recorded(first.id)
    story.finished(first.id, facts.Outcome.SUCCEEDED)
    story.step_done({"frame_asset_id": "frame-1"})
    last = wire.generate_task(story.aggregate, story.latest())
    assert (last.first_frame_asset_id, last.continued) == ("frame-1", False)


def test_who_makes_longer_clips_is_asked_for_one_of_those() -> None:
    cheap = provider_card("cheap", model_card(durations_seconds=(6.0,), longest_seconds=6.0, micros_per_second=1_000))
    story = Story(admitted(cheap, provider_card("exact", model_card()), duration_seconds=5.0))
    first = story.dispatched()
    assert (first.provider, first.price_micros) == ("cheap", 6_000)
    assert wire.generate_task(story.aggregate, first).duration_seconds == 6.0
    story.recorded(first.id)
    story.finished(first.id, facts.Outcome.FAILED)
    second = story.dispatched()
    assert (second.provider, wire.generate_task(story.aggregate, second).duration_seconds) == ("exact", 5.0)


def test_the_first_shot_is_told_its_first_frame_and_the_last_one_its_last() -> None:
    asked = {"first_frame_asset_id": "begin", "last_frame_asset_id": "end", "negative_prompt": "rain"}
    story = Story(admitted(SHORT, duration_seconds=8.0, **asked))
    first = story.dispatched()
    told = wire.generate_task(story.aggregate, first)
    assert (told.first_frame_asset_id, told.last_frame_asset_id, told.negative_prompt) == ("begin", "", "rain")
    story.recorded(first.id)
    story.finished(first.id, facts.Outcome.SUCCEEDED)
    story.step_done({"frame_asset_id": "frame-1"})
    told = wire.generate_task(story.aggregate, story.latest())
    assert (told.first_frame_asset_id, told.last_frame_asset_id, told.negative_prompt) == ("frame-1", "end", "rain")


def test_a_generation_shows_what_it_was_asked_with() -> None:
    asked = {"first_frame_asset_id": "begin", "last_frame_asset_id": "end", "negative_prompt": "rain"}
    message = wire.request_from_proto(generation_service_pb2.GenerationRequest(prompt="a", **asked))
    assert {name: getattr(message, name) for name in asked} == asked
    shown = wire.generation_to_proto(admitted(**asked).aggregate)
    assert {name: getattr(shown, name) for name in asked} == asked


def test_a_shot_of_its_own_is_not_continued() -> None:
    story = Story(admitted())
    assert not wire.generate_task(story.aggregate, story.latest()).continued


def test_a_pool_is_told_with_its_work_lane_by_lane_and_its_workers() -> None:
    at_work = ports.AtWork(idle=True, drained=True, load=2)
    seen = ports.SeenPool(
        "provider",
        "veo",
        known=True,
        work=pooling.Work(waiting=5, sendable=4, dispatched=3, submitting=2, watched=1),
        steps={"quick": 7, "ladder": 6},
        workers=[ports.PoolWorker("id", "provider", "veo", "veo-0", cordoned=True, at_work=at_work)],
    )
    worker = pool_pb2.PoolWorker(worker_id="id", name="veo-0", cordoned=True, idle=True, drained=True, load=2)
    assert pools.pool_to_proto(seen) == pool_pb2.Pool(
        kind="provider",
        pool="veo",
        known=True,
        waiting=5,
        sendable=4,
        dispatched=3,
        submitting=2,
        watched=1,
        lanes=[pool_pb2.LaneWork(lane="ladder", steps=6), pool_pb2.LaneWork(lane="quick", steps=7)],
        workers=[worker],
    )
