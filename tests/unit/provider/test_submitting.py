"""From a task to an acknowledged id or a verdict: every row of the table of verdicts that a worker sees."""

import asyncio
import dataclasses
import logging

import pytest
from reelmesh_kit import errors as kit_errors
from reelmesh_provider import model, testing
from reelmesh_provider.testing import State, Step, Way
from reelmesh_provider.worker import submitting


async def test_an_accepted_submit_is_journalled_recorded_and_watched(scene) -> None:
    await scene.start()
    row = await scene.submit()
    (job_id,) = scene.provider.jobs
    assert row.state is State.ACCEPTED
    assert row.job_ids == [job_id]
    assert row.evidence == [model.Evidence.RECORD]
    assert scene.observing.watching == (row.task.attempt_id,)
    assert scene.journal.facts == {}
    assert scene.journal.reserved == set()


async def test_the_message_is_done_as_soon_as_the_attempt_is_submitting(scene) -> None:
    await scene.start()
    scene.mesh.fail("record", times=3)
    row = scene.mesh.dispatch(testing.make_task())
    taken = await scene.worker.take(row.task)
    assert taken is submitting.Taken.DONE
    assert scene.submitting.under(scene.worker.worker_id) == (row.task.attempt_id,)
    await scene.until_idle()


@pytest.mark.parametrize("after", [False, True])
async def test_record_is_repeated_until_it_is_acknowledged(scene, after: bool) -> None:
    await scene.start()
    scene.mesh.fail("record", times=5, after=after)
    row = await scene.submit()
    assert scene.mesh.calls.count("record") == 6
    assert row.job_ids == list(scene.provider.jobs)
    assert scene.journal.facts == {}


async def test_until_it_is_acknowledged_the_id_stays_in_the_journal(scene) -> None:
    await scene.start()
    scene.mesh.fail("record", times=1000)
    row = scene.mesh.dispatch(testing.make_task())
    await scene.worker.take(row.task)
    await scene.settle()
    assert scene.journal.facts[row.task.attempt_id].job_id in scene.provider.jobs
    assert not scene.worker.idle
    await scene.submitting.drain(0.01)
    assert row.task.attempt_id in scene.journal.facts


async def test_a_former_lifes_ids_are_told_before_anything_else(scene) -> None:
    row = scene.mesh.dispatch(testing.make_task())
    row.state = State.INDETERMINATE
    scene.journal.facts[row.task.attempt_id] = model.JobFact(
        row.task.attempt_id, "former", "job-1", model.Evidence.RECORD
    )
    scene.mesh.fail("record", times=2)
    await scene.worker.start()
    assert scene.mesh.calls == ["record", "record", "record", "register"]
    assert row.job_ids == ["job-1"]
    assert scene.journal.facts == {}


async def test_a_cancelled_generation_is_asked_to_stop_right_after_record(scene) -> None:
    await scene.start()
    row = scene.mesh.dispatch(testing.make_task())
    row.cancel = True
    await scene.worker.take(row.task)
    await scene.until_idle()
    await scene.look(0)
    (job,) = scene.provider.jobs.values()
    assert job.cancelled == 1
    assert row.ending is not None
    assert row.ending.outcome is model.Outcome.CANCELLED


@pytest.mark.parametrize("way", [Way.FREEZE_BEFORE_BEGIN, Way.FREEZE_AFTER_HEADERS, Way.FREEZE_BEFORE_LAST_BYTE])
async def test_a_worker_frozen_at_any_point_completes_no_request_after_the_window(scene, way: Way) -> None:
    await scene.start()
    scene.provider.script.append(Step(way, seconds=4.0))
    row = await scene.submit()
    if way is Way.FREEZE_BEFORE_BEGIN:
        assert row.state is State.ACCEPTED  # it froze before it asked: its window had not begun
        return
    assert scene.provider.submits == []
    assert row.declined is not None
    assert row.declined.verdict is model.Verdict.NOT_SENT
    assert row.state is State.DECLINED


@pytest.mark.parametrize("way", [Way.DROP, Way.VANISH])
async def test_a_connection_that_breaks_after_the_last_byte_is_unknown(scene, way: Way) -> None:
    await scene.start()
    scene.provider.script.append(Step(way))
    row = await scene.submit()
    assert row.declined is not None
    assert row.declined.verdict is model.Verdict.UNKNOWN
    assert row.state is State.INDETERMINATE
    assert scene.provider.submits == [row.task.attempt_id]


async def test_an_answer_that_never_comes_is_unknown(scene) -> None:
    await scene.start()
    scene.provider.script.append(Step(Way.HANG, seconds=61))
    row = await scene.submit()
    assert row.declined is not None
    assert row.declined.verdict is model.Verdict.UNKNOWN


@pytest.mark.parametrize(
    "verdict",
    [model.Verdict.REFUSED, model.Verdict.BUSY, model.Verdict.REFUSED_FOR_GOOD, model.Verdict.UNSAFE],
)
async def test_the_providers_own_refusals_are_told_as_they_are(scene, verdict: model.Verdict) -> None:
    await scene.start()
    declined = model.Declined(verdict, "the vendor's sentence", retry_after_seconds=7.0)
    scene.provider.script.append(Step(Way.DECLINE, declined))
    row = await scene.submit()
    assert row.declined == declined
    assert row.begins == 1


async def test_what_is_impossible_is_begun_only_to_be_declined(scene) -> None:
    await scene.start()
    declined = model.Declined(model.Verdict.REFUSED_FOR_GOOD, "no such model")
    scene.provider.script.append(Step(Way.IMPOSSIBLE, declined))
    row = await scene.submit()
    assert row.declined == declined
    assert scene.provider.submits == []


async def test_a_provider_out_of_reach_costs_nothing_and_the_attempt_goes_back(scene) -> None:
    await scene.start()
    scene.provider.script.append(Step(Way.UNREACHABLE))
    row = await scene.submit()
    assert row.state is State.GIVEN_BACK
    assert "no route" in row.given_back
    assert row.begins == 0


async def test_a_begin_whose_answer_is_lost_is_repeated_and_submits_once(scene) -> None:
    await scene.start()
    scene.mesh.fail("begin", times=2, after=True)
    row = await scene.submit()
    assert scene.mesh.calls.count("begin") == 3
    assert row.begins == 1
    assert scene.provider.submits == [row.task.attempt_id]


async def test_a_begin_that_is_never_answered_is_declined_as_not_sent(scene) -> None:
    await scene.start()
    scene.mesh.fail("begin", times=100, after=True)
    row = await scene.submit()
    assert scene.provider.submits == []
    assert row.declined is not None
    assert row.declined.verdict is model.Verdict.NOT_SENT


async def test_no_leave_means_no_request(scene) -> None:
    await scene.start()
    scene.mesh.drop = model.Drop("cancelled")
    row = scene.mesh.dispatch(testing.make_task())
    assert await scene.worker.take(row.task) is submitting.Taken.DONE
    assert scene.provider.submits == []
    assert "decline" not in scene.mesh.calls
    assert scene.journal.reserved == set()


async def test_leave_that_may_come_later_brings_the_message_back(scene) -> None:
    await scene.start()
    scene.mesh.drop = model.Drop("the account is full", come_again=True)
    row = scene.mesh.dispatch(testing.make_task())
    assert await scene.worker.take(row.task) is submitting.Taken.COME_AGAIN


async def test_an_attempt_that_the_orchestrator_does_not_know_is_not_submitted(scene) -> None:
    await scene.start()
    assert await scene.worker.take(testing.make_task()) is submitting.Taken.DONE
    assert scene.provider.submits == []


async def test_the_same_task_delivered_twice_is_submitted_once(scene) -> None:
    await scene.start()
    scene.mesh.fail("record", times=3)
    row = scene.mesh.dispatch(testing.make_task())
    await asyncio.gather(*(scene.worker.take(row.task) for _ in range(3)))
    await scene.until_idle()
    await scene.worker.take(row.task)
    await scene.until_idle()
    assert scene.provider.submits == [row.task.attempt_id]


async def test_pictures_are_read_before_anything_is_asked(scene) -> None:
    await scene.start()
    scene.assets.pictures["ref"] = model.Picture("ref", "image/png", b"png")
    scene.assets.pictures["first"] = model.Picture("first", "image/png", b"png")
    scene.assets.pictures["last"] = model.Picture("last", "image/png", b"gnp")
    seen: list[model.Task] = []
    plain = scene.provider.submit

    async def submit(task: model.Task, gate) -> model.Submitted:
        seen.append(task)
        return await plain(task, gate)

    scene.provider.submit = submit
    await scene.submit(reference_asset_ids=("ref",), first_frame_asset_id="first", last_frame_asset_id="last")
    assert [picture.asset_id for picture in seen[0].references] == ["ref"]
    assert seen[0].first_frame == scene.assets.pictures["first"]
    assert seen[0].last_frame == scene.assets.pictures["last"]


@pytest.mark.parametrize(
    "wish", [{"reference_asset_ids": ("gone",)}, {"first_frame_asset_id": "gone"}, {"last_frame_asset_id": "gone"}]
)
async def test_a_picture_that_is_gone_is_a_refusal_for_good(scene, wish) -> None:
    await scene.start()
    row = await scene.submit(**wish)
    assert row.declined is not None
    assert row.declined.verdict is model.Verdict.REFUSED_FOR_GOOD
    assert scene.provider.submits == []


async def test_storage_that_is_away_gives_the_attempt_back(scene) -> None:
    await scene.start()
    scene.assets.errors = [kit_errors.Unavailable()]
    row = await scene.submit(reference_asset_ids=("ref",))
    assert row.state is State.GIVEN_BACK


async def test_without_room_for_the_id_nothing_is_submitted(scene) -> None:
    await scene.start()
    scene.journal.full = True
    row = await scene.submit()
    assert row.state is State.GIVEN_BACK
    assert scene.provider.submits == []


async def test_a_disk_that_breaks_after_acceptance_does_not_lose_the_id(scene) -> None:
    await scene.start()
    scene.journal.broken = True
    row = await scene.submit()
    assert row.state is State.ACCEPTED


async def test_no_more_submits_are_open_than_there_are_slots(scene) -> None:
    await scene.start()
    scene.mesh.fail("record", times=10_000)
    rows = [scene.mesh.dispatch(testing.make_task(number)) for number in range(1, 5)]
    takers = [asyncio.create_task(scene.worker.take(row.task)) for row in rows]
    await scene.settle()
    assert len(scene.provider.submits) == scene.around.limits.submit_slots
    for taker in takers:
        taker.cancel()
    await scene.submitting.drain(0.01)


async def test_a_cordoned_worker_gives_back_what_it_is_handed(scene) -> None:
    scene.mesh.cordoned = True
    await scene.start()
    row = await scene.submit()
    assert not scene.worker.may_pull
    assert row.state is State.GIVEN_BACK


async def test_a_cordoned_worker_says_that_it_knows_and_lets_go_of_what_it_watches(scene) -> None:
    await scene.start()
    row = await scene.submit()
    await scene.settle()
    assert scene.worker.report().watching == (row.task.attempt_id,)
    scene.mesh.cordoned = True
    await scene.leasing.renew()
    said = scene.worker.report()
    assert (said.cordoned, said.idle, said.watching) == (True, True, ())


async def test_a_cordoned_worker_whose_jobs_die_with_it_stays_until_they_have_ended(scene) -> None:
    await scene.start()
    scene.provider.jobs_end_with_worker = True
    row = await scene.submit()
    await scene.settle()
    scene.mesh.cordoned = True
    await scene.leasing.renew()
    said = scene.worker.report()
    assert (said.cordoned, said.idle, said.watching) == (True, False, (row.task.attempt_id,))


async def test_a_draining_worker_finishes_what_it_began_and_gives_back_the_rest(scene) -> None:
    await scene.start()
    scene.mesh.fail("record", times=3)
    begun = scene.mesh.dispatch(testing.make_task(1))
    await scene.worker.take(begun.task)
    await scene.worker.drain(5.0)
    late = await scene.submit(2)
    assert begun.state is State.ACCEPTED
    assert late.state is State.GIVEN_BACK
    assert "shutting down" in late.given_back
    assert scene.mesh.calls.count("release") == 1
    assert scene.worker.worker_id not in scene.mesh.workers


async def test_a_worker_that_ends_says_what_it_has(scene, caplog) -> None:
    caplog.set_level(logging.INFO)
    await scene.start()
    await scene.submit()
    await scene.settle()
    await scene.worker.drain(5.0)
    (said,) = [record for record in caplog.records if record.message.startswith("Ending")]
    assert said.message == "Ending, with 0 submits open and 1 jobs watched"
    assert (said.submits, said.watched, said.idle) == (0, 1, True)


async def test_a_decline_is_repeated_until_it_is_acknowledged(scene) -> None:
    await scene.start()
    scene.provider.script.append(Step(Way.DECLINE))
    scene.mesh.fail("decline", times=4)
    row = await scene.submit()
    assert row.declined is not None


async def test_the_submit_span_stands_below_the_generation_not_below_the_message(scene) -> None:
    await scene.start()
    with scene.chassis.telemetry.span("process task"):
        row = await scene.submit()
    (span,) = [each for each in scene.spans.get_finished_spans() if each.name == "submit"]
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == row.task.traceparent.split("-")[2]
    assert span.attributes is not None
    assert span.attributes["gen_ai.request.model"] == row.task.model
    assert span.attributes["gen_ai.response.id"] == row.job_ids[0]
    assert row.task.prompt not in str(dict(span.attributes))


async def test_a_submit_is_counted_by_how_it_ended(scene) -> None:
    await scene.start()
    await scene.submit(1)
    scene.provider.script.append(Step(Way.DECLINE, dataclasses.replace(Step().declined, verdict=model.Verdict.BUSY)))
    await scene.submit(2)
    value = scene.chassis.telemetry.registry.get_sample_value
    assert value("provider_submits_total", {"provider": "scripted", "result": "ACCEPTED"}) == 1
    assert value("provider_submits_total", {"provider": "scripted", "result": "BUSY"}) == 1
    assert value("provider_unacknowledged_jobs", {"provider": "scripted"}) == 0
