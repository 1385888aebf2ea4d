"""What every provider must do, whatever it speaks: the contracts of `reelmesh_provider.port`, run over each of them.

A provider joins by adding a Subject to SUBJECTS.
"""

import contextlib
import dataclasses
import io
import pathlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from PIL import Image
from reelmesh_kit import clock, process
from reelmesh_provider import errors, gate, model, port, testing
from reelmesh_provider_local import provider as local
from reelmesh_provider_local import settings as local_settings
from reelmesh_provider_local import wire as local_wire

from tests.support import chassis as chassis_support

LONGEST_WAIT_SECONDS = 60.0
STEP_SECONDS = 0.1


@dataclasses.dataclass
class Subject:
    """A provider under test and what the tests must know to drive it.

    Attributes:
        task: a task that it can make in a moment.
        creations: how many jobs were created for an attempt, as the vendor counts.
        break_answer: let the answer to the next submit be lost after the job was created.
        keep_busy: let the next job not end by itself.
    """

    provider: port.Provider
    task: model.Task
    creations: Callable[[str], Awaitable[int]]
    break_answer: Callable[[model.Task], model.Task]
    keep_busy: Callable[[model.Task], model.Task]


@contextlib.asynccontextmanager
async def scripted(own: process.Chassis, folder: pathlib.Path) -> AsyncIterator[Subject]:
    del folder
    provider = testing.ScriptedProvider(own.clock, own.ids)
    provider.finished_at_once = True

    async def creations(attempt_id: str) -> int:
        return sum(job.task.attempt_id == attempt_id for job in provider.jobs.values())

    def break_answer(task: model.Task) -> model.Task:
        provider.script.append(testing.Step(testing.Way.DROP))
        return task

    def keep_busy(task: model.Task) -> model.Task:
        provider.finished_at_once = False
        return task

    async with provider:
        yield Subject(provider, testing.make_task(), creations, break_answer, keep_busy)


@contextlib.asynccontextmanager
async def rendering(own: process.Chassis, folder: pathlib.Path) -> AsyncIterator[Subject]:
    told = local_settings.LocalSettings.model_construct(data_folder=folder, local_faults_in_prompts=True)

    def asking(marker: str) -> Callable[[model.Task], model.Task]:
        return lambda task: dataclasses.replace(task, prompt=f"{task.prompt} {marker}")

    async with local.LocalProvider(told, own) as provider:

        async def creations(attempt_id: str) -> int:
            return len((await provider.find("local", [testing.make_task(attempt_id=attempt_id)])).matches)

        yield Subject(
            provider,
            testing.make_task(
                provider=local_wire.PROVIDER, account_id="local", model=local_wire.MODEL, duration_seconds=1.0,
                width=160, height=90,
            ),
            creations,
            break_answer=asking("[[drop]]"),
            keep_busy=asking("[[stall]]"),
        )  # fmt: skip


SUBJECTS = {"scripted": scripted, "local": rendering}


@pytest.fixture(params=SUBJECTS)
async def subject(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> AsyncIterator[Subject]:
    own = chassis_support.make_chassis(f"provider-{request.param}")
    async with SUBJECTS[request.param](own, tmp_path) as made:
        yield made
    own.telemetry.shutdown()


class Leave:
    """An orchestrator that answers as told, and the gate that asks it."""

    def __init__(self, answer: model.Go | model.Drop = model.Go(30.0), time: clock.Clock | None = None) -> None:  # noqa: B008
        self.asked = 0
        self._answer = answer
        self.gate = gate.Gate(clock=time or clock.SystemClock(), nonce="nonce", ask=self._ask)

    async def _ask(self, nonce: str) -> model.Go | model.Drop:
        self.asked += 1
        return self._answer


def job_of(task: model.Task, accepted: model.Submitted) -> model.Job:
    assert isinstance(accepted, model.Accepted)
    return model.Job(task.attempt_id, task.account_id, task.model, accepted.job_id)


async def until_ended(provider: port.Provider, job: model.Job) -> model.JobState:
    time = clock.SystemClock()
    ends = time.elapsed() + LONGEST_WAIT_SECONDS
    while time.elapsed() < ends:
        (seen,) = await provider.poll(job.account_id, [job])
        assert seen.job_id == job.job_id
        if not isinstance(seen.state, model.Pending | model.Unknown):
            return seen.state
        await time.sleep(STEP_SECONDS)
    raise AssertionError(f"the job did not end within {LONGEST_WAIT_SECONDS} s")


async def test_the_card_is_whole_and_always_the_same(subject: Subject) -> None:
    card = subject.provider.card
    assert card == subject.provider.card
    assert re.fullmatch(r"[a-z0-9-]+", card.provider)
    assert card.version
    assert card.models
    for each in card.models:
        assert 0 < each.shortest_seconds <= each.longest_seconds
        assert each.prices
        assert each.sizes or each.largest_pixels
        assert each.longest_render_seconds > 0
        assert all(price.micros_per_second >= 0 and price.micros_per_clip >= 0 for price in each.prices)
        assert not card.free or not any(price.micros_per_second or price.micros_per_clip for price in each.prices)


async def test_a_submit_leads_to_a_clip(subject: Subject) -> None:
    leave = Leave()
    accepted = await subject.provider.submit(subject.task, leave.gate)
    assert leave.asked == 1
    job = job_of(subject.task, accepted)
    assert isinstance(await until_ended(subject.provider, job), model.Succeeded)
    async with subject.provider.fetch(job) as download:
        clip = b"".join([chunk async for chunk in download.chunks])
    assert clip[4:8] == b"ftyp"
    assert download.size_bytes in (None, len(clip))


async def test_without_leave_nothing_is_created(subject: Subject) -> None:
    leave = Leave(model.Drop("cancelled"))
    with pytest.raises(errors.Dropped):
        await subject.provider.submit(subject.task, leave.gate)
    assert await subject.creations(subject.task.attempt_id) == 0


async def test_after_the_window_nothing_is_created(subject: Subject) -> None:
    class Stepping(clock.SystemClock):
        """Lets more time pass than the window has, right after leave was read."""

        reads = 0

        def elapsed(self) -> float:
            self.reads += 1
            return 0.0 if self.reads <= 2 else 100.0

    leave = Leave(model.Go(1.0), Stepping())
    with pytest.raises(errors.WindowPassed):
        await subject.provider.submit(subject.task, leave.gate)
    assert leave.gate.granted
    assert await subject.creations(subject.task.attempt_id) == 0


async def test_what_is_impossible_is_declined_and_not_created(subject: Subject) -> None:
    if isinstance(subject.provider, testing.ScriptedProvider):
        declined = model.Declined(model.Verdict.REFUSED_FOR_GOOD, "no such model")
        subject.provider.script.append(testing.Step(testing.Way.IMPOSSIBLE, declined))
    answer = await subject.provider.submit(dataclasses.replace(subject.task, model="no-such-model"), Leave().gate)
    assert isinstance(answer, model.Declined)
    assert answer.verdict is model.Verdict.REFUSED_FOR_GOOD
    assert answer.message
    assert await subject.creations(subject.task.attempt_id) == 0


async def test_a_lost_answer_raises_and_the_job_is_found(subject: Subject) -> None:
    task = subject.break_answer(subject.task)
    leave = Leave()
    with pytest.raises(ConnectionError):
        await subject.provider.submit(task, leave.gate)
    assert leave.gate.granted
    assert subject.provider.card.recovery is not model.Recovery.NONE
    listing = await subject.provider.find(task.account_id, [task])
    (match,) = listing.matches
    assert match.attempt_id == task.attempt_id
    assert match.job_id in listing.job_ids
    assert match.fit >= model.Fit.DISCRIMINATED
    job = model.Job(task.attempt_id, task.account_id, task.model, match.job_id)
    assert isinstance(await until_ended(subject.provider, job), model.Succeeded)


async def test_what_was_never_submitted_is_not_found(subject: Subject) -> None:
    await subject.provider.submit(subject.task, Leave().gate)
    other = dataclasses.replace(subject.task, attempt_id=testing.make_task(99).attempt_id, seed=99)
    listing = await subject.provider.find(subject.task.account_id, [other])
    assert listing.matches == ()
    assert listing.complete


async def test_each_attempt_is_found_as_itself(subject: Subject) -> None:
    tasks = [
        dataclasses.replace(subject.task, attempt_id=each.attempt_id, seed=each.seed)
        for each in map(testing.make_task, (1, 2, 3))
    ]
    jobs = {task.attempt_id: job_of(task, await subject.provider.submit(task, Leave().gate)).job_id for task in tasks}
    listing = await subject.provider.find(subject.task.account_id, tasks)
    assert {match.attempt_id: match.job_id for match in listing.matches} == jobs


async def test_a_census_tells_every_job_and_whose_it_is(subject: Subject) -> None:
    provider = subject.provider
    assert isinstance(provider, port.Countable)
    assert provider.card.recovery is not model.Recovery.NONE
    assert await provider.census(subject.task.account_id, None) == model.Census((), complete=True)
    ended = job_of(subject.task, await provider.submit(subject.task, Leave().gate))
    await until_ended(provider, ended)
    lost = dataclasses.replace(subject.task, attempt_id=testing.make_task(2).attempt_id, seed=2)
    with pytest.raises(ConnectionError):
        await provider.submit(subject.break_answer(lost), Leave().gate)
    census = await provider.census(subject.task.account_id, None)
    assert census.complete
    told = {job.job_id: job for job in census.jobs}
    assert len(told) == len(census.jobs) == 2
    assert (told[ended.job_id].attempt_id, told[ended.job_id].model) == (subject.task.attempt_id, subject.task.model)
    assert {job.attempt_id for job in census.jobs} == {subject.task.attempt_id, lost.attempt_id}


async def test_many_jobs_are_answered_each_for_itself(subject: Subject) -> None:
    tasks = [dataclasses.replace(subject.task, attempt_id=testing.make_task(n).attempt_id) for n in range(1, 4)]
    jobs = [job_of(task, await subject.provider.submit(task, Leave().gate)) for task in tasks]
    seen = await subject.provider.poll(subject.task.account_id, jobs)
    assert sorted(each.job_id for each in seen) == sorted(job.job_id for job in jobs)


async def test_an_unknown_id_is_no_verdict(subject: Subject) -> None:
    job = model.Job(subject.task.attempt_id, subject.task.account_id, subject.task.model, "no-such-job")
    for seen in await subject.provider.poll(job.account_id, [job]):
        assert isinstance(seen.state, model.Missing | model.Unknown)


async def test_a_cancelled_job_ends_as_cancelled_and_may_be_cancelled_again(subject: Subject) -> None:
    if not subject.provider.card.cancellable:
        pytest.skip("its card says that jobs cannot be cancelled")
    task = subject.keep_busy(subject.task)
    job = job_of(task, await subject.provider.submit(task, Leave().gate))
    await subject.provider.cancel(job)
    state = await until_ended(subject.provider, job)
    assert isinstance(state, model.Negative)
    assert state.outcome is model.Outcome.CANCELLED
    await subject.provider.cancel(job)
    assert await until_ended(subject.provider, job) == state


async def test_cancelling_a_finished_job_is_no_error_and_takes_nothing_away(subject: Subject) -> None:
    job = job_of(subject.task, await subject.provider.submit(subject.task, Leave().gate))
    await until_ended(subject.provider, job)
    await subject.provider.cancel(job)
    assert isinstance(await until_ended(subject.provider, job), model.Succeeded)


async def test_a_fetch_may_be_left_half_way_and_begun_again(subject: Subject) -> None:
    job = job_of(subject.task, await subject.provider.submit(subject.task, Leave().gate))
    await until_ended(subject.provider, job)
    clips = []
    async with subject.provider.fetch(job) as download:
        await anext(aiter(download.chunks))
    for _ in range(2):
        async with subject.provider.fetch(job) as download:
            clips.append(b"".join([chunk async for chunk in download.chunks]))
    assert clips[0] == clips[1]


async def test_a_clip_that_never_was_is_lost(subject: Subject) -> None:
    job = model.Job(subject.task.attempt_id, subject.task.account_id, subject.task.model, "no-such-job")
    with pytest.raises(errors.FetchLost):
        async with subject.provider.fetch(job):
            pass


async def test_pictures_are_taken_as_they_come(subject: Subject) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(buffer, "PNG")
    picture = model.Picture("asset", "image/png", buffer.getvalue())
    task = dataclasses.replace(subject.task, references=(picture,), first_frame=picture)
    job = job_of(task, await subject.provider.submit(task, Leave().gate))
    assert isinstance(await until_ended(subject.provider, job), model.Succeeded)
