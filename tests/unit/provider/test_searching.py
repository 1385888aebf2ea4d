"""The loop of finding: orders become adoptions or conclusions, never a second submit."""

import dataclasses

import pytest
from reelmesh_kit import errors as kit_errors
from reelmesh_provider import model, testing
from reelmesh_provider.model import finding
from reelmesh_provider.testing import Row, State, Step, Way
from reelmesh_provider.worker import finding as loop


@pytest.fixture
def trusting(scene):
    """Let the scripted list vouch for itself, as a list of our own does."""
    plain = scene.provider.find

    async def find(account_id: str, tasks) -> model.Listing:
        return dataclasses.replace(await plain(account_id, tasks), trusted_when_empty=True)

    scene.provider.find = find
    return scene


async def lost(scene, way: Way, number: int = 1, **changes: object) -> Row:
    """Return the row of a submit whose answer was lost, as an order of its worker."""
    if not scene.worker.may_pull:
        await scene.start()
    scene.provider.script.append(Step(way))
    row = await scene.submit(number)
    for name, value in changes.items():
        setattr(row, name, value)
    await scene.leasing.renew()
    return row


async def test_a_job_whose_id_was_lost_is_adopted_and_ends_like_any_other(scene) -> None:
    scene.provider.finished_at_once = True
    row = await lost(scene, Way.DROP)
    await scene.look(0)
    assert row.evidence == [model.Evidence.ADOPTION]
    assert row.job_ids == list(scene.provider.jobs)
    assert scene.finding.finding == ()
    await scene.look()
    assert row.ending is not None
    assert row.ending.outcome is model.Outcome.SUCCEEDED
    assert scene.provider.submits == [row.task.attempt_id]


async def test_a_job_that_appears_late_in_the_list_is_adopted_then(scene) -> None:
    row = await lost(scene, Way.DROP)
    (job,) = scene.provider.jobs.values()
    job.listed = False
    await scene.look(0)
    assert row.state is State.INDETERMINATE
    job.listed = True
    await scene.look(4)
    assert row.state is State.ACCEPTED


async def test_what_was_never_created_is_concluded_after_the_wait_and_two_lists(trusting) -> None:
    row = await lost(trusting, Way.VANISH)
    seen = []
    for _ in range(4):
        await trusting.look(4)
        seen.append(row.state)
    assert seen == [State.INDETERMINATE, State.INDETERMINATE, State.NEVER_CREATED, State.NEVER_CREATED]
    assert trusting.mesh.calls.count("conclude") == 1
    await trusting.leasing.renew()
    assert trusting.finding.finding == ()


async def test_the_wait_counts_from_when_this_finder_first_saw_the_order(trusting) -> None:
    await trusting.start()
    trusting.provider.script.append(Step(Way.VANISH))
    row = await trusting.submit()
    trusting.clock.advance(3600)
    await trusting.leasing.renew()
    await trusting.look(0)
    await trusting.look(2)
    assert row.state is State.INDETERMINATE


async def test_a_list_that_cannot_be_read_concludes_nothing(trusting) -> None:
    row = await lost(trusting, Way.VANISH)
    trusting.provider.failing.add("find")
    for _ in range(10):
        await trusting.look(60)
    assert row.state is State.INDETERMINATE
    assert trusting.provider.finds >= 5


async def test_an_incomplete_list_concludes_nothing(trusting) -> None:
    row = await lost(trusting, Way.VANISH)
    trusting.provider.lists_completely = False
    for _ in range(10):
        await trusting.look(60)
    assert row.state is State.INDETERMINATE


async def test_a_list_in_which_nothing_is_known_to_be_ours_concludes_nothing(scene) -> None:
    row = await lost(scene, Way.VANISH)
    for _ in range(10):
        await scene.look(60)
    assert row.state is State.INDETERMINATE
    row.claimed_job_ids = frozenset({scene.provider._create(dataclasses.replace(row.task, attempt_id="other")).job_id})
    await scene.leasing.renew()
    for _ in range(3):
        await scene.look(60)
    assert row.state is State.NEVER_CREATED


async def test_a_conclusion_under_an_old_revision_is_refused_and_drawn_anew(trusting) -> None:
    row = await lost(trusting, Way.VANISH)
    row.revision += 1
    for _ in range(4):
        await trusting.look(10)
    assert row.state is State.INDETERMINATE
    await trusting.leasing.renew()
    for _ in range(3):
        await trusting.look(30)
    assert row.state is State.NEVER_CREATED


async def test_two_lost_attempts_with_tags_each_get_their_own_job(scene) -> None:
    first = await lost(scene, Way.DROP, 1)
    second = await lost(scene, Way.DROP, 2)
    await scene.look(0)
    jobs = {job.task.attempt_id: job_id for job_id, job in scene.provider.jobs.items()}
    assert first.job_ids == [jobs[first.task.attempt_id]]
    assert second.job_ids == [jobs[second.task.attempt_id]]


async def test_two_lost_attempts_of_the_same_seed_share_two_jobs_between_them(scene) -> None:
    scene.provider.hides_tags = True
    await scene.start()
    rows = []
    for number in (1, 2):
        scene.provider.script.append(Step(Way.DROP))
        rows.append(await scene.submit(number, seed=7))
        rows[-1].rivals = 2
    await scene.leasing.renew()
    await scene.look(0)
    assert sorted(row.job_ids[0] for row in rows) == sorted(scene.provider.jobs)


async def test_more_jobs_than_attempts_they_fit_are_left_to_the_operator(scene) -> None:
    scene.provider.hides_tags = True
    row = await lost(scene, Way.DROP)
    scene.provider._create(dataclasses.replace(row.task, attempt_id="a stranger with the same seed"))
    for _ in range(5):
        await scene.look(60)
    assert row.state is State.INDETERMINATE
    assert row.job_ids == []


async def test_a_users_seed_tells_nothing_apart(scene) -> None:
    scene.provider.hides_tags = True
    await scene.start()
    scene.provider.script.append(Step(Way.DROP))
    row = await scene.submit(1, seed_is_users=True)
    await scene.leasing.renew()
    await scene.look(0)
    assert row.state is State.INDETERMINATE
    row.exclusive = True
    await scene.leasing.renew()
    await scene.look(10)
    assert row.state is State.ACCEPTED


async def test_an_adoption_that_is_not_acknowledged_is_made_again(scene) -> None:
    row = await lost(scene, Way.DROP)
    scene.mesh.fail("record", times=1000, error=kit_errors.Unavailable())
    await scene.look(0)
    assert row.job_ids == []
    scene.mesh._faults.clear()
    await scene.look(60)
    assert row.state is State.ACCEPTED


async def test_a_late_twin_is_adopted_even_after_the_conclusion(trusting) -> None:
    row = await lost(trusting, Way.DROP)
    (job,) = trusting.provider.jobs.values()
    job.listed = False
    for _ in range(3):
        await trusting.look(10)
    assert row.state is State.NEVER_CREATED
    job.listed = True
    await trusting.look(60)
    assert row.job_ids == [job.job_id]


async def test_looking_for_a_late_twin_ends(trusting) -> None:
    row = await lost(trusting, Way.VANISH)
    for _ in range(3):
        await trusting.look(10)
    assert trusting.finding.finding == (row.task.attempt_id,)
    await trusting.look(loop.LOOK_ON_SECONDS + 1)
    assert trusting.finding.finding == ()
    assert trusting.finding.accounts == ()


async def test_the_lists_observations_spare_polls(scene) -> None:
    row = await lost(scene, Way.VANISH)
    watched = await scene.submit(2)
    plain = scene.provider.find
    job_id = watched.job_ids[0]

    async def find(account_id: str, tasks) -> model.Listing:
        seen = (model.Observation(job_id, model.Negative(model.Outcome.FAILED, "listed as failed")),)
        return dataclasses.replace(await plain(account_id, tasks), observations=seen)

    scene.provider.find = find
    scene.provider.polls.clear()
    await scene.look()
    assert watched.ending is not None
    assert scene.provider.polls == []
    assert row.state is State.INDETERMINATE


async def test_an_attempt_whose_request_is_still_open_here_is_not_searched_for(scene) -> None:
    await scene.start()
    scene.mesh.fail("record", times=1000)
    row = scene.mesh.dispatch(testing.make_task())
    await scene.worker.take(row.task)
    scene.mesh.make_indeterminate(row)
    await scene.leasing.renew()
    assert scene.finding.finding == ()
    await scene.submitting.drain(0.01)
    await scene.leasing.renew()
    assert scene.finding.finding == (row.task.attempt_id,)


async def test_a_list_is_read_as_soon_as_it_counts(trusting) -> None:
    row = await lost(trusting, Way.VANISH, wait_seconds=20.0)
    await trusting.leasing.renew()
    account = trusting.finding._accounts[row.task.account_id]
    for _ in range(8):
        await trusting.look(max(0.0, account.due - trusting.clock.elapsed()))
        if row.state is State.NEVER_CREATED:
            break
    assert row.state is State.NEVER_CREATED
    assert trusting.clock.elapsed() < 20 + 40


def test_the_finder_counts_lists_as_the_model_says() -> None:
    assert finding.CLEAN_LISTS == 2
