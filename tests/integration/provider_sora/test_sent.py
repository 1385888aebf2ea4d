"""What the provider of the OpenAI Videos dialect tells servers beyond OpenAI's words, and makes of theirs."""

import asyncio
import contextlib
import dataclasses
import pathlib
from collections.abc import AsyncGenerator

import pytest
from reelmesh_kit import clock
from reelmesh_provider import downloads, errors, gate, model, testing
from reelmesh_provider_sora import provider as sora
from reelmesh_provider_sora import settings
from reelmesh_simulators import catalogue, vendor

from tests.support import chassis as chassis_support
from tests.support import vendors

TASK = testing.make_task(provider="sora", account_id="one", prompt="a cat", duration_seconds=1.0, width=832, height=480)


async def _leave(nonce: str) -> model.Go | model.Drop:
    del nonce
    return model.Go(30.0)


@contextlib.asynccontextmanager
async def buying(profile: str, folder: pathlib.Path) -> AsyncGenerator[tuple[sora.SoraProvider, vendor.Vendor]]:
    """Yield a provider and the vendor that it buys from."""
    own = chassis_support.make_chassis("provider-sora")
    async with vendors.selling(catalogue.DIALECTS[profile]) as served:
        file = folder / "accounts.yaml"
        file.write_text(f"accounts: [{{id: one, provider: sora, endpoint: '{served.url}/v1'}}]")
        told = settings.SoraSettings.model_construct(
            accounts_file=file, sora_name="sora", sora_profile=profile, sora_card_file=None
        )
        async with sora.SoraProvider(told, own) as provider:
            yield provider, served.vendor
    own.telemetry.shutdown()


async def submitted(provider: sora.SoraProvider, **wishes: str) -> model.Job:
    task = dataclasses.replace(TASK, model=provider.card.models[0].model, **wishes)
    asked = gate.Gate(clock=clock.SystemClock(), nonce="nonce", ask=_leave)
    accepted = await provider.submit(task, asked)
    assert isinstance(accepted, model.Accepted)
    return model.Job(task.attempt_id, task.account_id, task.model, accepted.job_id)


async def succeeded(provider: sora.SoraProvider, job: model.Job) -> None:
    async with asyncio.timeout(60):
        while not isinstance((await provider.poll(job.account_id, [job]))[0].state, model.Succeeded):
            await clock.SystemClock().sleep(0.05)


async def fetched(provider: sora.SoraProvider, job: model.Job) -> bytes:
    async with provider.fetch(job) as download:
        return b"".join([chunk async for chunk in download.chunks])


@pytest.mark.parametrize("profile", ["sglang", "vllm-omni"])
async def test_what_is_not_wanted_is_told_to_servers_that_take_it(tmp_path: pathlib.Path, profile: str) -> None:
    async with buying(profile, tmp_path) as (provider, seller):
        await submitted(provider, negative_prompt="rain")
        (job,) = seller.ledger.all_jobs()
    assert job.order.told["negative_prompt"] == "rain"


async def test_where_a_server_has_no_clip_of_what_it_made_time_and_again_it_is_lost(tmp_path: pathlib.Path) -> None:
    async with buying("sglang", tmp_path) as (provider, _):
        job = await submitted(provider, prompt="a cat [[lost]]")
        await succeeded(provider, job)
        for _ in range(downloads.TRIES_OF_WHAT_IS_NOT_THERE - 1):
            with pytest.raises(errors.FetchFailed):
                await fetched(provider, job)
        with pytest.raises(errors.FetchLost):
            await fetched(provider, job)


async def test_a_clip_that_is_there_later_is_not_lost(tmp_path: pathlib.Path) -> None:
    times = downloads.TRIES_OF_WHAT_IS_NOT_THERE - 1
    async with buying("sglang", tmp_path) as (provider, _):
        job = await submitted(provider, prompt=f"a cat [[lost:{times}]]")
        await succeeded(provider, job)
        for _ in range(times):
            with pytest.raises(errors.FetchFailed):
                await fetched(provider, job)
        assert (await fetched(provider, job))[4:8] == b"ftyp"
