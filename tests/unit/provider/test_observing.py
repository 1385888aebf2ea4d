"""Accepted jobs are looked at until they end; nothing that fails on the way fails them."""

import dataclasses
from collections import deque

import pytest
from reelmesh_kit import errors as kit_errors
from reelmesh_provider import model, testing
from reelmesh_provider.testing import State
from reelmesh_provider.worker import ingesting


async def accepted(scene, *states: model.JobState, number: int = 1):
    """Return the row and the job of a submit that was accepted; its looks will show `states`."""
    if not scene.worker.may_pull:
        await scene.start()
    before = set(scene.provider.jobs)
    row = await scene.submit(number)
    (job_id,) = set(scene.provider.jobs) - before
    job = scene.provider.jobs[job_id]
    if states:
        job.states = deque(states)
    return row, job


async def test_a_finished_clip_is_stored_measured_and_told(scene) -> None:
    row, job = await accepted(scene, model.Pending(50), model.Succeeded(cost_micros=123))
    await scene.look()
    await scene.look()
    asset_id = ingesting.clip_asset_id(row.task.attempt_id)
    assert scene.assets.clips == {asset_id: job.clip}
    assert row.ending == model.Ending(
        row.task.attempt_id,
        scene.worker.worker_id,
        job.job_id,
        model.Outcome.SUCCEEDED,
        cost_micros=123,
        clip_asset_id=asset_id,
        clip=model.ClipFacts(640, 360, 4.0, len(job.clip)),
    )
    assert scene.observing.watching == ()
    assert scene.worker.idle


async def test_a_clip_fetched_again_is_the_same_asset() -> None:
    assert ingesting.clip_asset_id("a") == ingesting.clip_asset_id("a") != ingesting.clip_asset_id("b")


@pytest.mark.parametrize("by_nudge", [False, True])
async def test_a_job_that_another_attempt_had_claimed_wrongly_is_its_owners_once_that_is_forgotten(
    scene, by_nudge: bool
) -> None:
    row, job = await accepted(scene)
    # A list showed it before its own create was answered, and a search took it for a late twin.
    other = testing.make_task(2)
    scene.observing.watch(other, job.job_id)
    assert [each.job_id for each in scene.observing.jobs_at(other.account_id)] == [job.job_id]
    scene.observing.forget(other.attempt_id)
    assert scene.observing.known_job_ids(row.task.account_id) == {job.job_id}
    job.states = deque([model.Succeeded()])
    if by_nudge:
        assert scene.observing.nudge(model.Nudge(row.task.account_id, job.job_id))
    await scene.look()
    assert row.state is State.ENDED


@pytest.mark.parametrize("outcome", [model.Outcome.FAILED, model.Outcome.FILTERED, model.Outcome.CANCELLED])
async def test_a_verified_negative_is_told_with_its_cost(scene, outcome: model.Outcome) -> None:
    row, _ = await accepted(scene, model.Negative(outcome, "the vendor's sentence", 77))
    await scene.look()
    assert row.ending is not None
    assert (row.ending.outcome, row.ending.message, row.ending.cost_micros) == (outcome, "the vendor's sentence", 77)


async def test_status_outages_fail_nothing_however_long_they_last(scene) -> None:
    row, job = await accepted(scene)
    scene.provider.failing.add("poll")
    for _ in range(50):
        await scene.look(60)
    assert row.state is State.ACCEPTED
    scene.provider.failing.clear()
    job.states = deque([model.Succeeded()])
    await scene.look(120)
    assert row.ending is not None
    assert row.ending.outcome is model.Outcome.SUCCEEDED


async def test_unknown_answers_back_off_and_fail_nothing(scene) -> None:
    row, _ = await accepted(scene, model.Unknown("502 Bad Gateway"))
    for _ in range(20):
        await scene.look(1.0)
    assert row.state is State.ACCEPTED
    assert len(scene.provider.polls) < 8


async def test_a_job_that_the_answer_does_not_mention_is_looked_at_again(scene) -> None:
    row, _ = await accepted(scene)

    async def silent(account_id: str, jobs) -> list[model.Observation]:
        return []

    scene.provider.poll = silent
    await scene.look()
    assert row.task.attempt_id in scene.observing._schedule(row.task.account_id)


async def test_many_jobs_of_an_account_are_one_question(scene) -> None:
    for number in range(1, 6):
        await accepted(scene, number=number)
    scene.provider.polls.clear()
    await scene.look()
    assert [len(asked) for asked in scene.provider.polls] == [5]


async def test_a_job_is_gone_only_as_its_card_says(scene) -> None:
    row, job = await accepted(scene)
    del scene.provider.jobs[job.job_id]
    await scene.look(2)
    await scene.look(4)
    assert row.ending is None
    await scene.look(15)
    assert row.ending is not None
    assert row.ending.outcome is model.Outcome.GONE


async def test_a_job_that_was_missing_for_a_moment_is_not_gone(scene) -> None:
    row, _ = await accepted(scene, model.Missing(), model.Missing(), model.Pending(1), model.Missing(), model.Pending())
    for _ in range(5):
        await scene.look(30)
    assert row.ending is None


async def test_where_the_card_does_not_say_so_a_missing_job_is_watched_on(scene) -> None:
    scene.provider.card = dataclasses.replace(scene.provider.card, gone=None)
    row, _ = await accepted(scene, model.Missing())
    for _ in range(10):
        await scene.look(60)
    assert row.ending is None


async def test_fetching_is_repeated_until_it_works(scene) -> None:
    row, job = await accepted(scene, model.Succeeded())
    scene.provider.failing.add("fetch")
    for _ in range(5):
        await scene.look(120)
    assert row.ending is None
    scene.provider.failing.clear()
    await scene.look(120)
    assert row.ending is not None
    assert list(scene.assets.clips.values()) == [job.clip]


async def test_storage_that_is_away_or_full_fails_nothing(scene) -> None:
    row, _ = await accepted(scene, model.Succeeded())
    scene.assets.errors = [kit_errors.Unavailable(), kit_errors.StorageFull()]
    scene.clips.errors = [kit_errors.Unavailable()]
    for _ in range(4):
        await scene.look(120)
    assert row.ending is not None
    assert row.ending.outcome is model.Outcome.SUCCEEDED


async def test_a_download_that_breaks_off_is_not_taken_for_the_clip(scene) -> None:
    row, job = await accepted(scene, model.Succeeded())
    job.announced_bytes = len(job.clip) + 1
    await scene.look()
    assert scene.assets.clips == {}
    job.announced_bytes = len(job.clip)
    await scene.look(120)
    assert row.ending is not None


async def test_a_clip_that_cannot_be_had_any_more_is_lost_but_billed(scene) -> None:
    row, job = await accepted(scene, model.Succeeded(cost_micros=5))
    scene.provider.lost_clips.add(job.job_id)
    await scene.look()
    assert row.ending is not None
    assert (row.ending.outcome, row.ending.cost_micros) == (model.Outcome.FETCH_LOST, 5)


async def test_a_clip_that_cannot_be_decoded_is_broken(scene) -> None:
    row, _ = await accepted(scene, model.Succeeded())
    scene.clips.errors = [kit_errors.BrokenMedia("no frame can be decoded")]
    await scene.look()
    assert row.ending is not None
    assert (row.ending.outcome, row.ending.message) == (model.Outcome.BROKEN, "no frame can be decoded")


async def test_an_error_page_in_place_of_the_clip_is_fetched_again_before_it_counts(scene) -> None:
    row, job = await accepted(scene, model.Succeeded())
    job.clip = b'{"error": "upstream"}'
    await scene.look(120)
    await scene.look(120)
    assert row.ending is None
    assert scene.assets.clips == {}
    await scene.look(120)
    assert row.ending is not None
    assert row.ending.outcome is model.Outcome.BROKEN


async def test_an_error_page_that_goes_away_was_not_the_clip(scene) -> None:
    row, job = await accepted(scene, model.Succeeded())
    clip, job.clip = job.clip, b"<html>502</html>"
    await scene.look(120)
    job.clip = clip
    await scene.look(120)
    assert row.ending is not None
    assert row.ending.outcome is model.Outcome.SUCCEEDED


async def test_a_clip_larger_than_the_cap_is_not_stored(scene) -> None:
    row, job = await accepted(scene, model.Succeeded())
    object.__setattr__(scene.around.limits, "largest_clip_bytes", len(job.clip) - 1)
    await scene.look()
    assert scene.assets.clips == {}
    assert row.ending is not None
    assert row.ending.outcome is model.Outcome.BROKEN


async def test_an_ending_is_told_until_it_is_acknowledged(scene) -> None:
    row, _ = await accepted(scene, model.Negative(model.Outcome.FAILED, "no"))
    scene.mesh.fail("finish", times=5, after=True)
    await scene.look()
    for _ in range(5):
        await scene.settle()
    assert row.ending is not None
    assert scene.mesh.calls.count("finish") == 6
    assert scene.observing.watching == ()


async def test_a_cancel_order_asks_the_provider_and_watches_on_until_it_ends(scene) -> None:
    row, job = await accepted(scene)
    scene.provider.failing.add("cancel")
    scene.observing.cancel(row.task.attempt_id)
    await scene.look(0)
    assert job.cancelled == 0
    scene.provider.failing.clear()
    await scene.look(120)
    assert job.cancelled == 1
    assert row.ending is not None
    assert row.ending.outcome is model.Outcome.CANCELLED


async def test_a_job_that_succeeds_although_it_was_asked_to_stop_is_taken_in(scene) -> None:
    row, _ = await accepted(scene, model.Succeeded())
    scene.observing.cancel(row.task.attempt_id)
    await scene.look(0)
    assert row.ending is not None
    assert row.ending.outcome is model.Outcome.SUCCEEDED


async def test_the_provider_is_asked_to_stop_once(scene) -> None:
    row, job = await accepted(scene)
    scene.provider.card = dataclasses.replace(scene.provider.card)
    job.states = deque([model.Pending(1)])

    async def ignored(asked: model.Job) -> None:
        job.cancelled += 1

    scene.provider.cancel = ignored
    scene.observing.cancel(row.task.attempt_id)
    for _ in range(4):
        scene.observing.cancel(row.task.attempt_id)
        await scene.look(60)
    assert job.cancelled == 1


async def test_progress_is_told_when_it_changes(scene) -> None:
    row, _ = await accepted(
        scene, model.Pending(10, "queued"), model.Pending(10, "queued"), model.Pending(40), model.Pending(40)
    )
    for _ in range(4):
        await scene.look()
    assert scene.progress.told == [(row.task.attempt_id, 10, "queued"), (row.task.attempt_id, 40, "rendering")]


async def test_looks_grow_rarer_and_obey_the_providers_hint(scene) -> None:
    await accepted(scene, model.Pending(0))
    for _ in range(300):
        await scene.look(0.1)
    grown = len(scene.provider.polls)
    assert 5 <= grown <= 9  # 1, 1.5, 2.25 … 15 s apart within 30 s
    await accepted(scene, model.Pending(0, look_again_after_seconds=25.0), number=2)
    scene.provider.polls.clear()
    for _ in range(400):
        await scene.look(0.1)
    hinted = [asked for asked in scene.provider.polls if list(scene.provider.jobs)[1] in asked]
    assert len(hinted) == 2


async def test_calls_are_spaced_by_the_accounts_share_of_its_rate(scene) -> None:
    scene.mesh.rates = {testing.make_task().account_id: 0.1}
    await accepted(scene, model.Pending(look_again_after_seconds=0.1))
    await scene.look(2.0)
    started = scene.clock.elapsed()
    for _ in range(4):
        await scene.look(1.0)
    assert scene.clock.elapsed() - started == pytest.approx(40.0)


async def test_a_forgotten_attempt_is_looked_at_no_more(scene) -> None:
    row, _ = await accepted(scene)
    scene.observing.forget(row.task.attempt_id)
    await scene.look()
    assert scene.provider.polls == []
    assert row.ending is None


async def test_every_span_of_later_work_stands_below_the_generation(scene) -> None:
    row, _ = await accepted(scene, model.Succeeded())
    await scene.look()
    trace = row.task.traceparent.split("-")[1]
    names = {span.name for span in scene.spans.get_finished_spans()}
    assert {"submit", "poll", "ingest", "fetch", "finish"} <= names
    for span in scene.spans.get_finished_spans():
        assert f"{span.context.trace_id:032x}" == trace
