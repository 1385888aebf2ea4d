"""After the record went back: what a worker has seen is said, what an account has is told, and nothing is begun."""

import dataclasses
import datetime

import pytest
from reelmesh_kit import clock
from reelmesh_provider import model, testing
from reelmesh_provider.model import cards
from reelmesh_provider.worker import counting

from tests.support.worker_scene import Scene

ERA, NEXT = "era-1", "era-2"
MARK = model.Mark(ERA, 7, "event-7")
SINCE = datetime.datetime(2026, 11, 21, tzinfo=clock.UTC)
ORDER = model.CensusOrder(NEXT, testing.make_task().account_id, SINCE, 61.0)


async def ordered(scene: Scene, *orders: model.CensusOrder) -> None:
    """Let the record go back; the worker learns it by its lease."""
    scene.mesh.mark, scene.mesh.recovering = model.Mark(NEXT, 3, "event-3"), True
    scene.mesh.census = orders or (ORDER,)
    await scene.leasing.renew()


async def told(scene: Scene) -> list[model.ListedJob]:
    """Let time pass until everything is told; return it."""
    while not (scene.mesh.pages and scene.mesh.pages[-1].last):
        scene.clock.advance(1.0)
        await scene.settle()
    return [job for page in scene.mesh.pages for job in page.jobs]


async def test_what_was_seen_of_the_record_is_said_with_every_renewal_and_on_disk(scene: Scene) -> None:
    await scene.start()
    assert scene.mesh.reports[-1].mark is None
    scene.mesh.mark = MARK
    await scene.leasing.renew()
    await scene.leasing.renew()
    assert scene.mesh.reports[-1].mark == MARK
    assert scene.journal.remembered == model.Remembered(MARK, "")


async def test_the_next_life_says_it_from_its_first_word_on(scene: Scene) -> None:
    scene.journal.remembered = model.Remembered(MARK, ERA)
    await scene.start()
    assert (scene.mesh.reports[0].mark, scene.mesh.reports[0].counted_era_id) == (MARK, ERA)


async def test_a_disk_that_cannot_remember_keeps_nobody_from_working(scene: Scene) -> None:
    scene.journal.broken = True
    scene.mesh.mark = MARK
    await scene.start()
    assert scene.lease.held


async def test_a_lease_that_lapsed_forgets_nothing_of_the_record(scene: Scene) -> None:
    scene.mesh.mark = MARK
    await scene.start()
    scene.mesh.lapse(scene.worker.worker_id)
    await scene.leasing.renew()
    await scene.leasing.renew()
    assert scene.mesh.reports[-1].mark == MARK


async def test_nothing_is_pulled_nor_begun_while_lost_jobs_are_looked_for(scene: Scene) -> None:
    await scene.start()
    assert scene.worker.may_pull
    await ordered(scene)
    assert not scene.worker.may_pull
    row = scene.mesh.dispatch(testing.make_task(9))
    await scene.worker.take(row.task)
    await scene.until_idle()
    assert row.begins == 0
    assert scene.provider.submits == []
    scene.mesh.recovering = False
    await scene.leasing.renew()
    assert scene.worker.may_pull


async def test_the_list_the_journal_and_what_is_watched_are_told(scene: Scene) -> None:
    await scene.start()
    accepted = (await scene.submit(1)).job_ids[0]
    step = testing.Step(testing.Way.DROP)
    scene.provider.script.append(step)
    await scene.submit(2)
    await ordered(scene)
    jobs = await told(scene)
    task = testing.make_task(1)
    recorded = model.ListedJob(accepted, task.attempt_id, None, task.model, "", model.Evidence.RECORD)
    watched = model.ListedJob(accepted, task.attempt_id, model=task.model)
    assert jobs[:2] == [recorded, watched]
    assert [job.attempt_id for job in jobs[2:]] == [testing.make_task(2).attempt_id]
    assert len(jobs) == len(set(jobs))
    at_once, page = scene.mesh.pages
    assert (at_once.jobs, at_once.last, at_once.complete) == ((recorded, watched), False, False)
    assert (page.era_id, page.account_id, page.last, page.complete, page.message) == (
        NEXT,
        task.account_id,
        True,
        True,
        "",
    )
    assert scene.provider.censuses == [SINCE]


async def test_what_is_known_is_told_at_once_whether_the_list_can_be_read_or_not(scene: Scene) -> None:
    await scene.start()
    accepted = (await scene.submit(1)).job_ids[0]
    scene.provider.failing.add("census")
    await ordered(scene)
    await scene.settle()
    (page,) = scene.mesh.pages
    assert ({job.job_id for job in page.jobs}, page.last, page.complete) == ({accepted}, False, False)
    # What is accepted while the list waits is told with it, and what was told is not told twice.
    scene.mesh.recovering = False
    await scene.leasing.renew()
    later = (await scene.submit(2)).job_ids[0]
    scene.provider.failing.clear()
    jobs = await told(scene)
    assert len(jobs) == len(set(jobs))
    assert {job.job_id for job in jobs} == {accepted, later}


async def test_a_record_that_went_back_once_more_is_told_nothing_of_the_era_before(scene: Scene) -> None:
    await scene.start()
    await scene.submit(1)
    await ordered(scene)
    scene.mesh.mark = model.Mark("era-3")
    while "report_census" not in scene.mesh.calls:
        scene.clock.advance(1.0)
        await scene.settle()
    scene.clock.advance(1000.0)
    await scene.settle()
    assert (scene.mesh.pages, scene.provider.censuses) == ([], [])


@pytest.mark.parametrize(
    ("recovery", "seconds"),
    [
        (model.Recovery.LISTING, ORDER.wait_seconds),
        # An output shows once it is made.
        (model.Recovery.OUTPUT, 600 + cards.OUTPUT_GRACE_SECONDS),
    ],
)
async def test_the_list_is_read_no_sooner_than_what_was_submitted_before_must_be_in_it(
    scene: Scene, recovery: model.Recovery, seconds: float
) -> None:
    card = dataclasses.replace(scene.provider.card, recovery=recovery)
    assert card.longest_render_seconds == 600
    scene.provider.card = card
    await scene.start()
    began = scene.clock.elapsed()
    seen: list[float] = []
    plain = scene.provider.census

    async def census(account_id: str, since: datetime.datetime | None) -> model.Census:
        seen.append(scene.clock.elapsed())
        return await plain(account_id, since)

    scene.provider.census = census
    await ordered(scene)
    await told(scene)
    assert seen[0] - began >= seconds


async def test_an_output_is_no_second_job_of_an_attempt_whose_job_is_known(scene: Scene) -> None:
    scene.provider.card = dataclasses.replace(scene.provider.card, recovery=model.Recovery.OUTPUT)
    await scene.start()
    accepted = (await scene.submit(1)).job_ids[0]
    plain = scene.provider.census
    outputs = tuple(
        model.ListedJob(f"gs://clips/{number}", testing.make_task(number).attempt_id, model="m") for number in (1, 2)
    )

    async def census(account_id: str, since: datetime.datetime | None) -> model.Census:
        return dataclasses.replace(await plain(account_id, since), jobs=outputs)

    scene.provider.census = census
    await ordered(scene)
    assert {job.job_id for job in await told(scene)} == {accepted, "gs://clips/2"}


async def test_an_order_that_is_repeated_is_worked_off_once_and_then_said_to_be(scene: Scene) -> None:
    await scene.start()
    await ordered(scene)
    await scene.leasing.renew()
    await told(scene)
    await scene.settle()
    await scene.leasing.renew()
    assert scene.mesh.reports[-1].counted_era_id == ""
    await scene.leasing.renew()
    assert scene.mesh.reports[-1].counted_era_id == NEXT
    assert len(scene.mesh.pages) == 1
    assert scene.journal.remembered.counted_era_id == NEXT


async def test_a_list_that_cannot_be_read_is_read_again(scene: Scene) -> None:
    await scene.start()
    scene.provider.failing.add("census")
    await ordered(scene)
    scene.clock.advance(ORDER.wait_seconds)
    await scene.settle()
    assert scene.mesh.pages == []
    scene.provider.failing.clear()
    await told(scene)
    assert len(scene.provider.censuses) >= 2


async def test_many_jobs_are_told_in_pages_of_which_the_last_says_so(scene: Scene) -> None:
    await scene.start()
    for number in range(counting.JOBS_PER_PAGE + 1):
        task = testing.make_task(number)
        scene.provider.jobs[f"job-{number}"] = testing.ScriptedJob(f"job-{number}", task)
    await ordered(scene)
    await told(scene)
    assert [(len(page.jobs), page.last, page.complete) for page in scene.mesh.pages] == [
        (counting.JOBS_PER_PAGE, False, False),
        (1, True, True),
    ]


async def test_what_is_not_acknowledged_is_told_again(scene: Scene) -> None:
    await scene.start()
    scene.mesh.fail("report_census", times=3)
    scene.mesh.fail("report_census", after=True)
    await ordered(scene)
    await told(scene)
    assert scene.mesh.calls.count("report_census") == 5


async def test_a_provider_that_cannot_be_searched_says_so_and_tells_what_the_journal_has(scene: Scene) -> None:
    scene.provider.card = dataclasses.replace(scene.provider.card, recovery=model.Recovery.NONE)
    await scene.start()
    await scene.submit(1)
    await ordered(scene)
    jobs = await told(scene)
    assert {job.evidence for job in jobs} == {model.Evidence.RECORD, model.Evidence.ADOPTION}
    assert scene.provider.censuses == []
    page = scene.mesh.pages[-1]
    assert not page.complete
    assert "no list" in page.message


async def test_a_list_that_does_not_reach_back_says_so(scene: Scene) -> None:
    await scene.start()
    scene.provider.lists_completely = False
    await ordered(scene)
    await told(scene)
    assert "does not reach back" in scene.mesh.pages[-1].message


async def test_a_new_era_begins_everything_anew(scene: Scene) -> None:
    scene.mesh.mark = MARK
    await scene.start()
    step = testing.Step(testing.Way.VANISH)
    scene.provider.script.append(step)
    row = await scene.submit(3)
    await scene.leasing.renew()
    assert scene.finding.finding == (row.task.attempt_id,)
    cards = len(scene.mesh.cards)
    scene.clock.advance(30.0)
    row.state = testing.State.DISPATCHED
    await ordered(scene)
    await scene.settle()
    # Time that was counted before the record went back is none.
    assert scene.finding.finding == ()
    assert len(scene.mesh.cards) == cards + 1
    await told(scene)
    scene.mesh.pages.clear()
    scene.mesh.mark, scene.mesh.census = model.Mark("era-3"), (dataclasses.replace(ORDER, era_id="era-3"),)
    await scene.leasing.renew()
    await told(scene)
    assert {page.era_id for page in scene.mesh.pages} == {"era-3"}


async def test_who_asks_no_more_is_told_no_more(scene: Scene) -> None:
    await scene.start()
    await ordered(scene)
    scene.mesh.mark = model.Mark("era-3")
    while "report_census" not in scene.mesh.calls:
        scene.clock.advance(1.0)
        await scene.settle()
    assert scene.mesh.pages == []


@pytest.mark.parametrize("hidden", [False, True])
async def test_jobs_are_known_by_the_seed_where_their_tag_is_hidden(scene: Scene, hidden: bool) -> None:
    await scene.start()
    scene.provider.hides_tags = hidden
    task = testing.make_task(1)
    scene.provider.jobs["job"] = testing.ScriptedJob("job", task)
    await ordered(scene)
    (job,) = await told(scene)
    assert (job.attempt_id, job.seed) == (("", task.seed) if hidden else (task.attempt_id, None))
