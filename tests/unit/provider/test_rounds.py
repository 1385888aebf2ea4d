"""The loop over all accounts: asleep while nothing is due, awake at once when somebody nudges."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncGenerator, Sequence

from reelmesh_kit import clock
from reelmesh_provider import model, pacing, testing

from tests.support import chassis as chassis_support


class CountingClock(clock.SystemClock):
    """The machine's clock, which counts how often somebody waits a bounded time."""

    def __init__(self) -> None:
        self.waits = 0

    async def sleep(self, seconds: float) -> None:
        self.waits += 1
        await super().sleep(seconds)

    async def wait_for(self, awaitable, timeout_seconds: float):
        self.waits += 1
        return await super().wait_for(awaitable, timeout_seconds)


class PacedProvider(testing.ScriptedProvider):
    """Looks at each job by itself, and takes a turn before each."""

    turns = pacing.Turns()

    async def poll(self, account_id: str, jobs: Sequence[model.Job]) -> Sequence[model.Observation]:
        for _ in jobs:
            await self.turns.wait(account_id)
        return await super().poll(account_id, jobs)


class WideProvider(testing.ScriptedProvider):
    """Looks at all jobs side by side, and takes a turn before each."""

    def __init__(self, *told) -> None:
        super().__init__(*told)
        self.turns = pacing.Turns()
        self.looked: list[str] = []

    async def poll(self, account_id: str, jobs: Sequence[model.Job]) -> Sequence[model.Observation]:
        async def look(job: model.Job) -> None:
            await self.turns.wait(account_id)
            self.looked.append(job.job_id)

        await asyncio.gather(*map(look, jobs))
        return await super().poll(account_id, jobs)


class ToldProvider(testing.ScriptedProvider):
    """Is told of ends, by ids that lack the vendor's prefix."""

    def job_told(self, task: model.Task, vendor_job_id: str) -> str:
        del task
        return f"job-{vendor_job_id}"


@contextlib.asynccontextmanager
async def rounds(scene) -> AsyncGenerator[None]:
    """Run the loop on a real clock while the context is open."""
    running = asyncio.create_task(scene.worker.observe())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait({running})


async def pause(seconds: float) -> None:
    await clock.SystemClock().sleep(seconds)


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await pause(0.01)


def on_a_real_clock(scene, provider_kind: type[testing.ScriptedProvider] = testing.ScriptedProvider):
    """Return a scene whose worker lives by the machine's clock."""
    time = CountingClock()
    own = chassis_support.make_chassis("provider-scripted", time=time)
    provider = provider_kind(time, own.ids)
    around = dataclasses.replace(scene.around, chassis=own, provider=provider)
    return type(scene)(
        time, own, provider, scene.mesh, scene.assets, scene.clips, scene.progress, scene.journal, around, scene.spans
    )


def slow(provider: testing.ScriptedProvider) -> None:
    """Let looks be an hour apart."""
    provider.card = dataclasses.replace(
        provider.card, pace=model.Pace(first_seconds=3600, longest_seconds=3600), polls_per_second=0
    )


async def accepted(scene, number: int = 1) -> testing.Row:
    row = scene.mesh.dispatch(testing.make_task(number))
    await scene.worker.take(row.task)
    await until(lambda: scene.submitting.idle)
    return row


def nudge(row: testing.Row, *, tagged: bool = True) -> model.Nudge:
    attempt_id = row.task.attempt_id if tagged else ""
    return model.Nudge(row.task.account_id, row.job_ids[0] if row.job_ids else "", attempt_id)


async def test_nobody_wakes_while_nothing_is_due(scene) -> None:
    scene = on_a_real_clock(scene)
    slow(scene.provider)
    await scene.start()
    async with rounds(scene):
        await accepted(scene)
        await pause(0.2)
        before = scene.clock.waits
        await pause(1.0)
        assert scene.clock.waits == before


async def test_a_job_becomes_due_by_itself(scene) -> None:
    scene = on_a_real_clock(scene)
    scene.provider.card = dataclasses.replace(scene.provider.card, pace=model.Pace(first_seconds=0.1))
    scene.provider.finished_at_once = True
    await scene.start()
    async with rounds(scene):
        row = await accepted(scene)
        await until(lambda: row.state is testing.State.ENDED)


async def test_a_nudge_has_the_job_looked_at_at_once_by_attempt_or_by_job(scene) -> None:
    scene = on_a_real_clock(scene)
    slow(scene.provider)
    scene.provider.finished_at_once = True
    await scene.start()
    async with rounds(scene):
        first, second = await accepted(scene, 1), await accepted(scene, 2)
        await pause(0.1)
        assert not scene.provider.polls
        scene.worker.nudge(nudge(first))
        await until(lambda: first.state is testing.State.ENDED)
        assert scene.provider.polls == [(first.job_ids[0],)]
        scene.worker.nudge(nudge(second, tagged=False))
        await until(lambda: second.state is testing.State.ENDED)


async def test_what_somebody_nudged_about_waits_for_no_routine_that_has_only_begun(scene) -> None:
    scene = on_a_real_clock(scene, WideProvider)
    provider = scene.provider
    provider.card = dataclasses.replace(
        provider.card, pace=model.Pace(first_seconds=0.3, longest_seconds=3600, growth=3600)
    )
    scene.mesh.rates = {testing.make_task().account_id: 5.0}
    await scene.start()
    async with rounds(scene):
        rows = [await accepted(scene, number) for number in range(1, 11)]
        provider.card = dataclasses.replace(provider.card, pace=model.Pace(first_seconds=3600, longest_seconds=3600))
        last = await accepted(scene, 11)
        await until(lambda: len(provider.looked) >= 2)
        scene.worker.nudge(nudge(last))
        begun = len(provider.looked)
        await until(lambda: len(provider.looked) >= len(rows))
    # Of those side by side one at most had a place already.
    assert last.job_ids[0] in provider.looked[: begun + 2]


async def test_a_nudge_is_not_believed_the_job_is_asked_for(scene) -> None:
    scene = on_a_real_clock(scene)
    slow(scene.provider)
    await scene.start()
    async with rounds(scene):
        row = await accepted(scene)
        for _ in range(3):
            scene.worker.nudge(nudge(row))
            await pause(0.05)
        await until(lambda: scene.provider.polls)
        assert row.state is testing.State.ACCEPTED


async def test_a_nudge_by_another_account_is_nobodys(scene) -> None:
    await scene.start()
    row = await scene.submit()
    scene.worker.nudge(dataclasses.replace(nudge(row), account_id="another"))
    assert not scene.observing.is_nudged(row.task.account_id)


async def test_a_nudge_that_comes_before_the_id_is_kept_for_a_while(scene) -> None:
    scene.provider.finished_at_once = True
    await scene.start()
    for number, tagged, late in ((1, True, 0), (2, True, 601), (3, False, 0)):
        row = scene.mesh.dispatch(testing.make_task(number))
        row.job_ids = ["job-early"]
        scene.worker.nudge(nudge(row, tagged=tagged))
        scene.clock.advance(late)
        scene.observing.watch(row.task, "job-early")
        assert scene.observing.is_nudged(row.task.account_id) is not bool(late)
        scene.observing.forget(row.task.attempt_id)


async def test_what_is_searched_for_is_adopted_by_what_the_vendor_tells(scene) -> None:
    scene = on_a_real_clock(scene, ToldProvider)
    scene.provider.script.append(testing.Step(testing.Way.DROP))
    scene.provider.failing.add("find")
    await scene.start()
    row = await accepted(scene)
    assert row.state is testing.State.INDETERMINATE
    job_id = next(iter(scene.provider.jobs))
    async with rounds(scene):
        # Said before the order to search came, and once more.
        told = model.Nudge(row.task.account_id, job_id.removeprefix("job-"), row.task.attempt_id)
        scene.worker.nudge(told)
        await scene.leasing.renew()
        scene.worker.nudge(told)
        await until(lambda: row.state is testing.State.ACCEPTED)
    assert row.job_ids == [job_id]
    assert row.evidence == [model.Evidence.WEBHOOK]


async def test_what_the_account_does_not_know_is_not_adopted_whoever_says_so(scene) -> None:
    scene = on_a_real_clock(scene, ToldProvider)
    scene.provider.script.append(testing.Step(testing.Way.VANISH))
    await scene.start()
    row = await accepted(scene)
    async with rounds(scene):
        await scene.leasing.renew()
        scene.worker.nudge(model.Nudge(row.task.account_id, "somebody-elses", row.task.attempt_id))
        await until(lambda: scene.provider.polls)
        await pause(0.05)
    assert scene.provider.polls == [("job-somebody-elses",)]
    assert row.state is testing.State.INDETERMINATE
    assert not row.job_ids


async def test_a_provider_that_takes_turns_is_spaced_by_request_and_asked_about_few_jobs(scene) -> None:
    provider = PacedProvider(scene.clock, scene.chassis.ids)
    scene = type(scene)(
        **{**{f.name: getattr(scene, f.name) for f in dataclasses.fields(scene)}, "provider": provider,
           "around": dataclasses.replace(scene.around, provider=provider)}
    )  # fmt: skip
    scene.mesh.rates = {testing.make_task().account_id: 2.0}
    await scene.start()
    for number in range(1, 11):
        await scene.submit(number)
    scene.clock.advance(20)
    before = scene.clock.elapsed()
    await scene.rounds.turn(testing.make_task().account_id)
    assert len(provider.polls[-1]) == 4
    assert scene.clock.elapsed() - before >= 1.5
