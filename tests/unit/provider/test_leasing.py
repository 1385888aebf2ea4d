"""One lease: without it nothing is submitted, and only the orchestrator's word ends a life."""

import asyncio

import pytest
from reelmesh_kit import errors as kit_errors
from reelmesh_provider import model, testing
from reelmesh_provider.testing import State, Step, Way
from reelmesh_provider.worker import leasing


async def test_a_worker_pulls_nothing_before_it_holds_a_lease(scene) -> None:
    await scene.worker.start()
    assert not scene.worker.may_pull
    with pytest.raises(kit_errors.Unavailable):
        await scene.worker.check()
    await scene.leasing.renew()
    assert scene.worker.may_pull
    await scene.worker.check()


async def test_it_renews_as_often_as_it_is_told(scene) -> None:
    await scene.worker.start()
    pause = await scene.leasing.renew()
    assert 5.0 * (1 - leasing.JITTER) <= pause <= 5.0


async def test_it_says_what_it_holds(scene) -> None:
    await scene.start()
    row = await scene.submit()
    await scene.leasing.renew()
    report = scene.mesh.reports[-1]
    assert report.pool == "scripted"
    assert report.name == "test-pod"
    assert report.watching == (row.task.attempt_id,)
    assert report.submitting == ()
    assert report.room == scene.around.limits.watch_limit - 1


async def test_a_lease_that_could_not_be_renewed_in_time_stops_submitting_but_not_watching(scene) -> None:
    await scene.start()
    row = await scene.submit()
    scene.mesh.fail("renew", times=1)
    scene.clock.advance(16)
    assert await scene.leasing.renew() == leasing.RETRY_SECONDS
    assert not scene.worker.may_pull
    assert scene.observing.watching == (row.task.attempt_id,)


async def test_after_an_outage_the_same_life_goes_on_if_the_orchestrator_says_so(scene) -> None:
    await scene.start()
    worker_id = scene.worker.worker_id
    scene.mesh.fail("renew", times=3)
    for _ in range(3):
        scene.clock.advance(10)
        await scene.leasing.renew()
    await scene.leasing.renew()
    assert scene.worker.worker_id == worker_id
    assert scene.worker.may_pull


async def test_the_lease_counts_from_before_its_renewal_was_sent(scene) -> None:
    await scene.worker.start()
    plain = scene.mesh.renew

    async def slow(report: model.LeaseReport) -> model.LeaseAnswer:
        answer = await plain(report)
        scene.clock.advance(14)
        return answer

    scene.mesh.renew = slow
    await scene.leasing.renew()
    assert scene.worker.may_pull
    scene.clock.advance(1)
    assert not scene.worker.may_pull


async def test_a_lapsed_worker_comes_back_under_a_new_id_and_gets_its_attempts_again(scene) -> None:
    await scene.start()
    row = await scene.submit()
    former = scene.worker.worker_id
    scene.mesh.lapse(former)
    assert await scene.leasing.renew() == 0.0
    assert scene.worker.worker_id != former
    assert not scene.worker.may_pull
    assert scene.observing.watching == ()
    await scene.leasing.renew()
    assert scene.worker.may_pull
    assert scene.observing.watching == (row.task.attempt_id,)


async def test_a_lease_lost_in_the_middle_of_a_submit_sends_nothing_more(scene) -> None:
    await scene.start()
    plain = scene.mesh.begin

    async def begin(attempt_id: str, worker_id: str, nonce: str) -> model.Go | model.Drop:
        answer = await plain(attempt_id, worker_id, nonce)
        scene.mesh.lapse(worker_id)
        await scene.leasing.renew()
        return answer

    scene.mesh.begin = begin
    row = await scene.submit()
    assert scene.provider.submits == []
    assert row.declined is not None
    assert row.declined.verdict is model.Verdict.NOT_SENT


async def test_a_lease_lost_while_the_answer_is_awaited_still_records_the_id(scene) -> None:
    await scene.start()
    former = scene.worker.worker_id
    plain = scene.provider.submit

    async def submit(task: model.Task, gate) -> model.Submitted:
        answer = await plain(task, gate)
        scene.mesh.lapse(former)
        await scene.leasing.renew()
        return answer

    scene.provider.submit = submit
    row = await scene.submit()
    assert row.state is State.ACCEPTED
    assert row.job_ids == list(scene.provider.jobs)
    assert scene.worker.worker_id != former


async def test_a_lease_lost_before_begin_gives_the_attempt_back(scene) -> None:
    await scene.start()
    scene.provider.script.append(Step(Way.FREEZE_BEFORE_BEGIN, seconds=20))
    row = await scene.submit()
    assert row.begins == 0
    assert row.state is State.GIVEN_BACK


async def test_orders_to_watch_cancel_and_forget_are_obeyed(scene) -> None:
    await scene.start()
    row = scene.mesh.dispatch(testing.make_task())
    job = scene.provider._create(row.task)
    row.state, row.job_ids = State.ACCEPTED, [job.job_id]
    await scene.leasing.renew()
    assert scene.observing.watching == (row.task.attempt_id,)
    row.cancel = True
    await scene.leasing.renew()
    await scene.look(0)
    assert job.cancelled == 1
    row.state = State.ENDED
    await scene.leasing.renew()
    assert scene.observing.watching == ()


async def test_the_card_is_registered_until_it_is_acknowledged(scene) -> None:
    scene.mesh.fail("register", times=3)
    await scene.worker.start()
    assert scene.mesh.cards == [scene.provider.card]


async def test_who_hears_that_another_let_go_asks_soon_and_not_all_the_time(scene) -> None:
    await scene.start()
    renewing = asyncio.create_task(scene.leasing.run())
    await scene.settle()
    asked, since = len(scene.mesh.reports), scene.clock.elapsed()
    for _ in range(10):
        scene.worker.hurry()
    await scene.settle()
    assert len(scene.mesh.reports) == asked + 1, "it was told once"
    least, most = leasing.HURRY_SECONDS
    waited = scene.clock.elapsed() - since
    assert least <= waited <= most, "others that heard it do not all ask in the same moment"
    renewing.cancel()
    await asyncio.gather(renewing, return_exceptions=True)


async def test_what_is_taken_over_is_looked_at_at_once(scene) -> None:
    await scene.start()
    task = testing.make_task()
    scene.worker.obey(model.LeaseAnswer(True, 15.0, 5.0, watch=(model.WatchOrder(task, "job-1"),)))
    assert scene.observing.due(task.account_id, scene.clock.elapsed())
    own = testing.make_task(2)
    scene.observing.forget(task.attempt_id)
    scene.observing.watch(own, "job-2")
    assert not scene.observing.due(own.account_id, scene.clock.elapsed()), "what was just accepted takes a while"
