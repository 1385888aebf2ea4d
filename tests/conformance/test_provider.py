"""What every provider must do, whatever it speaks: the contracts of `reelmesh_provider.port`, run over each of them.

A provider joins by adding a Subject to `subjects.SUBJECTS`.
"""

import asyncio
import contextlib
import dataclasses
import gc
import io
import pathlib
import re
import threading
from collections.abc import AsyncIterator, Sequence

import httpx
import openai
import pytest
from PIL import Image
from reelmesh_kit import clock
from reelmesh_provider import errors, gate, model, port, testing

from tests.conformance.subjects import SUBJECTS, Subject
from tests.support import chassis as chassis_support

LONGEST_WAIT_SECONDS = 60.0
STEP_SECONDS = 0.1
# What a lost answer looks like, by the library that waits for it.
LOST_ANSWER = (ConnectionError, httpx.TransportError, openai.APIConnectionError)

NO_LIST = "its card says that nothing lost can be found: an operator decides"


@pytest.fixture(params=SUBJECTS)
async def subject(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Subject]:
    for name in ("FAL_KEY", "OMNI_KEY", "RUNWAY_KEY", "SORA_KEY", "VEO_TOKEN"):
        monkeypatch.setenv(name, "key-1")
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


async def listed(provider: port.Provider, account_id: str, tasks: Sequence[model.Task]) -> model.Listing:
    """Read the list; where jobs show by their output alone, as soon as that is there."""
    listing = await provider.find(account_id, tasks)
    async with asyncio.timeout(LONGEST_WAIT_SECONDS):
        while provider.card.recovery is model.Recovery.OUTPUT and len(listing.matches) < len(tasks):
            await clock.SystemClock().sleep(STEP_SECONDS)
            listing = await provider.find(account_id, tasks)
    return listing


def _skip_without_a_list(subject: Subject) -> None:
    if subject.provider.card.recovery is model.Recovery.NONE:
        assert not isinstance(subject.provider, port.Countable), "who can count can find"
        pytest.skip(NO_LIST)


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
    with pytest.raises(LOST_ANSWER):
        await subject.provider.submit(task, leave.gate)
    assert leave.gate.granted
    if subject.provider.card.recovery is model.Recovery.NONE:
        nothing = await subject.provider.find(task.account_id, [task])
        assert (nothing.matches, nothing.complete) == ((), False), "an empty list would be taken for a proof"
        pytest.skip(NO_LIST)
    listing = await listed(subject.provider, task.account_id, [task])
    (match,) = listing.matches
    assert match.attempt_id == task.attempt_id
    assert match.job_id in listing.job_ids
    assert match.fit is subject.fit
    job = model.Job(task.attempt_id, task.account_id, task.model, match.job_id)
    assert isinstance(await until_ended(subject.provider, job), model.Succeeded)


async def test_what_was_never_submitted_is_not_found(subject: Subject) -> None:
    _skip_without_a_list(subject)
    await subject.provider.submit(subject.task, Leave().gate)
    if not subject.lists_prompts and subject.fit is model.Fit.PLAUSIBLE:
        pytest.skip("nothing in its list tells one request from another")
    prompt = f"{subject.task.prompt}, another one"
    other = dataclasses.replace(subject.task, attempt_id=testing.make_task(99).attempt_id, seed=99, prompt=prompt)
    listing = await subject.provider.find(subject.task.account_id, [other])
    assert listing.matches == ()
    assert listing.complete


async def test_each_attempt_is_found_as_itself(subject: Subject) -> None:
    _skip_without_a_list(subject)
    tasks = [
        dataclasses.replace(
            subject.task, attempt_id=each.attempt_id, seed=each.seed, prompt=f"{subject.task.prompt} {each.seed}"
        )
        for each in map(testing.make_task, (1, 2, 3))
    ]
    jobs = {task.attempt_id: job_of(task, await subject.provider.submit(task, Leave().gate)).job_id for task in tasks}
    listing = await listed(subject.provider, subject.task.account_id, tasks)
    found = {(match.attempt_id, match.job_id) for match in listing.matches}
    if subject.fit is model.Fit.PLAUSIBLE and not subject.lists_prompts:
        # Each may be any: the finder adopts none of them but where all are ours.
        assert found == {(attempt_id, job_id) for attempt_id in jobs for job_id in jobs.values()}
    else:
        assert found == set(jobs.items())


async def test_a_census_tells_every_job_and_whose_it_is(subject: Subject) -> None:
    _skip_without_a_list(subject)
    provider = subject.provider
    assert isinstance(provider, port.Countable)
    assert await provider.census(subject.task.account_id, None) == model.Census((), complete=True)
    ended = job_of(subject.task, await provider.submit(subject.task, Leave().gate))
    await until_ended(provider, ended)
    lost = dataclasses.replace(subject.task, attempt_id=testing.make_task(2).attempt_id, seed=2)
    with pytest.raises(LOST_ANSWER):
        await provider.submit(subject.break_answer(lost), Leave().gate)
    await listed(provider, lost.account_id, [lost])
    census = await provider.census(subject.task.account_id, None)
    assert census.complete
    told = {job.job_id: job for job in census.jobs}
    assert len(told) == len(census.jobs) == 2
    assert told[ended.job_id].model == subject.task.model
    if subject.fit is model.Fit.OWN_ID:
        assert told[ended.job_id].attempt_id == subject.task.attempt_id
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


async def test_a_fetch_that_is_cancelled_leaves_no_file_open(subject: Subject) -> None:
    job = job_of(subject.task, await subject.provider.submit(subject.task, Leave().gate))
    await until_ended(subject.provider, job)

    async def fetched() -> None:
        async with subject.provider.fetch(job) as download:
            async for _ in download.chunks:
                pass

    for turns in range(10):
        fetching = asyncio.create_task(fetched())
        for _ in range(turns):
            await clock.SystemClock().sleep(0)
        # While the event loop stands still, what a thread was asked for is done, and nobody has taken it.
        threading.Event().wait(0.005)
        fetching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await fetching
    # What is open and lost would be told as a ResourceWarning, which fails a test.
    gc.collect()


async def test_a_clip_that_never_was_is_lost(subject: Subject) -> None:
    job = model.Job(subject.task.attempt_id, subject.task.account_id, subject.task.model, "no-such-job")
    with pytest.raises(errors.FetchLost):
        async with subject.provider.fetch(job):
            pass


async def test_pictures_are_taken_as_they_come(subject: Subject) -> None:
    if not any(each.first_frame for each in subject.provider.card.models):
        pytest.skip("its card says that it takes no pictures")
    picture = teal()
    task = dataclasses.replace(subject.task, references=(picture,), first_frame=picture)
    job = job_of(task, await subject.provider.submit(task, Leave().gate))
    assert isinstance(await until_ended(subject.provider, job), model.Succeeded)


def teal() -> model.Picture:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(buffer, "PNG")
    return model.Picture("asset", "image/png", buffer.getvalue())


@pytest.mark.parametrize("wish", ["last_frame", "negative_prompt"])
async def test_how_a_clip_ends_and_what_it_should_not_show_is_taken_where_the_card_says_so(
    subject: Subject, wish: str
) -> None:
    (offered,) = [each for each in subject.provider.card.models if each.model == subject.task.model]
    frames = dataclasses.replace(subject.task, first_frame=teal(), last_frame=teal())
    task = frames if wish == "last_frame" else dataclasses.replace(subject.task, negative_prompt="rain")
    leave = Leave()
    answer = await subject.provider.submit(task, leave.gate)
    if getattr(offered, wish):
        assert isinstance(await until_ended(subject.provider, job_of(task, answer)), model.Succeeded)
        return
    assert isinstance(answer, model.Declined)
    assert (answer.verdict, leave.asked) == (model.Verdict.REFUSED_FOR_GOOD, 0)
    assert {"last_frame": "given frame", "negative_prompt": "takes no negative prompt"}[wish] in answer.message
