"""Runway's provider against a simulated Runway: what is asked, what it costs, what is stopped, fetched and lost."""

import dataclasses
import pathlib
from collections.abc import AsyncIterator

import pytest
from reelmesh_provider import downloads, errors, model
from reelmesh_provider_runway import provider as runway
from reelmesh_simulators import orders, serving, vendor
from reelmesh_simulators.dialects import runway as dialect

from tests.support import vendors
from tests.support.runway_provider import (
    KEY,
    LARGE,
    PRICE_MICROS,
    SMALL,
    TASK,
    open_gate,
    provider_at,
    state_of,
    submitted,
    until,
    with_prompt,
)


@pytest.fixture
async def served() -> AsyncIterator[serving.Served]:
    async with vendors.selling(dialect.Runway) as found:
        yield found


@pytest.fixture
async def provider(served: serving.Served, tmp_path: pathlib.Path) -> AsyncIterator[runway.RunwayProvider]:
    async with provider_at(served.url, tmp_path) as made:
        yield made


def billed(seller: vendor.Vendor) -> int:
    return sum(line.billed_micros for line in seller.ledger.lines(seller.now))


async def test_what_runway_is_asked_is_what_the_task_says(served, provider) -> None:
    await submitted(provider)
    (create,) = served.vendor.ledger.creates()
    (job,) = served.vendor.ledger.all_jobs()
    assert (create.account, create.model, create.seed) == (KEY, "gen4.5", TASK.seed)
    assert (job.order.seconds, job.order.width, job.order.height) == (2.0, 1280, 720)


@pytest.mark.parametrize("sound", [True, False])
async def test_sound_costs_what_was_asked_for(served, provider, sound: bool) -> None:
    task = dataclasses.replace(TASK, model="veo3.1", duration_seconds=4.0, audio=sound)
    job = await submitted(provider, task)
    ended = await until(provider, job, lambda state: isinstance(state, model.Succeeded))
    assert ended == model.Succeeded(1_600_000 if sound else 800_000)


@pytest.mark.parametrize("picture", [SMALL, LARGE])
async def test_pictures_of_any_size_are_started_from(served, provider, picture: model.Picture) -> None:
    task = dataclasses.replace(TASK, model="gen4_turbo", first_frame=picture, width=960, height=960)
    await until(provider, await submitted(provider, task), lambda state: isinstance(state, model.Succeeded))
    assert len(served.vendor.ledger.creates()) == 1


@pytest.mark.parametrize("end", [SMALL, LARGE])
async def test_a_clip_is_asked_for_that_ends_on_a_frame_and_without_what_is_not_wanted(
    served, provider, end: model.Picture
) -> None:
    task = dataclasses.replace(TASK, model="veo3.1", duration_seconds=4.0, first_frame=SMALL, last_frame=end)
    await submitted(provider, dataclasses.replace(task, negative_prompt="rain"))
    (job,) = served.vendor.ledger.all_jobs()
    assert (job.order.told["frames"], job.order.told["negative_prompt"]) == (["first", "last"], "rain")


@pytest.mark.parametrize("marker", ["[[accept-500]]", "[[accept-502]]", "[[accept-busy]]", "[[accept-garbage]]"])
async def test_an_answer_that_says_nothing_is_unknown_and_one_request_was_sent(served, provider, marker: str) -> None:
    answer = await provider.submit(with_prompt(f"a cat {marker}"), open_gate())
    assert isinstance(answer, model.Declined)
    assert answer.verdict is model.Verdict.UNKNOWN
    assert len(served.vendor.ledger.creates()) == len(served.vendor.ledger.all_jobs()) == 1


@pytest.mark.parametrize(
    ("marker", "outcome"),
    [
        ("[[fail]]", model.Outcome.REFUSED),
        ("[[fail=1]]", model.Outcome.FILTERED),
        ("[[fail=2]]", model.Outcome.FILTERED),
        ("[[fail=3]]", model.Outcome.FAILED),
        ("[[fail-inside]]", model.Outcome.FAILED),
        ("[[filter]]", model.Outcome.FILTERED),
        ("[[empty]]", model.Outcome.FAILED),
    ],
)
async def test_a_failure_costs_what_runway_keeps(served, provider, marker: str, outcome: model.Outcome) -> None:
    job = await submitted(provider, with_prompt(f"a cat {marker}"))
    state = await until(provider, job, lambda state: isinstance(state, model.Negative))
    assert isinstance(state, model.Negative)
    assert (state.outcome, state.cost_micros) == (outcome, billed(served.vendor))
    assert "SAFETY" not in state.message


async def test_what_is_stopped_while_it_runs_is_paid(served, provider) -> None:
    job = await submitted(provider, with_prompt("a cat [[stall]]"))
    await until(provider, job, lambda state: isinstance(state, model.Pending) and state.activity != "queued")
    await provider.cancel(job)
    state = await state_of(provider, job)
    assert isinstance(state, model.Negative)
    assert (state.outcome, state.cost_micros) == (model.Outcome.CANCELLED, PRICE_MICROS)
    assert billed(served.vendor) == PRICE_MICROS


async def test_what_is_stopped_while_it_waits_is_not(served, provider) -> None:
    job = await submitted(provider, with_prompt("a cat [[queue=3600]]"))
    await provider.cancel(job)
    state = await state_of(provider, job)
    assert isinstance(state, model.Negative)
    assert (state.outcome, state.cost_micros) == (model.Outcome.CANCELLED, 0)
    assert billed(served.vendor) == 0


async def test_a_stop_that_cannot_be_asked_for_is_asked_for_again(served, provider) -> None:
    job = await submitted(provider, with_prompt("a cat [[stall]] [[poll-500:1]]"))
    with pytest.raises(errors.Unreachable):
        await provider.cancel(job)
    await provider.cancel(job)
    assert isinstance(await state_of(provider, job), model.Negative)


async def test_a_task_that_somebody_else_deleted_is_missing(served, provider) -> None:
    job = await submitted(provider)
    served.vendor.delete(KEY, job.job_id)
    assert isinstance(await state_of(provider, job), model.Missing)


async def test_an_address_that_has_expired_is_asked_for_anew(tmp_path: pathlib.Path) -> None:
    async with (
        vendors.selling(dialect.Runway) as served,
        provider_at(served.url, tmp_path) as provider,
    ):
        job = await submitted(provider, with_prompt("a cat [[expired:1]]"))
        await until(provider, job, lambda state: isinstance(state, model.Succeeded))
        with pytest.raises(downloads.Expired):
            async with provider.fetch(job):
                pass
        async with provider.fetch(job) as download:
            clip = b"".join([chunk async for chunk in download.chunks])
        assert clip[4:8] == b"ftyp"


async def fetched(provider: runway.RunwayProvider, job: model.Job) -> bytes:
    async with provider.fetch(job) as download:
        return b"".join([chunk async for chunk in download.chunks])


async def test_where_nothing_lies_time_and_again_the_clip_is_lost(provider) -> None:
    job = await submitted(provider, with_prompt("a cat [[lost]]"))
    await until(provider, job, lambda state: isinstance(state, model.Succeeded))
    for _ in range(downloads.TRIES_OF_WHAT_IS_NOT_THERE - 1):
        with pytest.raises(downloads.NotThere):
            await fetched(provider, job)
    with pytest.raises(errors.FetchLost):
        await fetched(provider, job)


async def test_what_was_not_there_for_a_while_is_not_lost(provider) -> None:
    times = downloads.TRIES_OF_WHAT_IS_NOT_THERE - 1
    job = await submitted(provider, with_prompt(f"a cat [[lost:{times}]]"))
    await until(provider, job, lambda state: isinstance(state, model.Succeeded))
    for _ in range(times):
        with pytest.raises(downloads.NotThere):
            await fetched(provider, job)
    assert (await fetched(provider, job))[4:8] == b"ftyp"


async def test_an_address_that_has_expired_is_never_a_loss(provider) -> None:
    job = await submitted(provider, with_prompt("a cat [[expired]]"))
    await until(provider, job, lambda state: isinstance(state, model.Succeeded))
    for _ in range(downloads.TRIES_OF_WHAT_IS_NOT_THERE + 1):
        with pytest.raises(downloads.Expired):
            await fetched(provider, job)


async def test_the_cap_of_a_day_is_no_reason_to_wait_for_a_day(tmp_path: pathlib.Path) -> None:
    async with (
        vendors.selling(lambda seller: dialect.Runway(seller, daily_cap=1)) as served,
        provider_at(served.url, tmp_path) as provider,
    ):
        await submitted(provider)
        answer = await provider.submit(TASK, open_gate())
        assert isinstance(answer, model.Declined)
        assert answer.verdict is model.Verdict.REFUSED


async def test_what_is_above_the_tier_waits_there(tmp_path: pathlib.Path) -> None:
    pace = orders.Pace(queue_seconds=0.0, render_seconds=0.1)
    async with (
        vendors.selling(dialect.Runway, pace=pace) as served,
        provider_at(served.url, tmp_path) as provider,
    ):
        served.vendor.ledger.slots = 1
        busy, waiting = [await submitted(provider, with_prompt("a cat [[stall]]")) for _ in range(2)]
        await until(provider, busy, lambda state: isinstance(state, model.Pending) and state.activity != "queued")
        assert await state_of(provider, waiting) == model.Pending(0, "queued")


async def test_without_a_key_nothing_is_asked(served: serving.Served, tmp_path: pathlib.Path) -> None:
    async with provider_at(served.url, tmp_path, rest="slots: 1") as provider:
        own = open_gate()
        answer = await provider.submit(TASK, own)
    assert isinstance(answer, model.Declined)
    assert (answer.verdict, own.asked) == (model.Verdict.REFUSED_FOR_GOOD, False)
    assert "names no secret" in answer.message
