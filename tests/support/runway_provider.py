"""The provider of Runway at an address, and tasks for it."""

import asyncio
import contextlib
import dataclasses
import pathlib
from collections.abc import AsyncGenerator, Callable

from reelmesh_kit import clock
from reelmesh_provider import gate, model, testing
from reelmesh_provider_runway import provider as runway
from reelmesh_provider_runway import settings

from tests.support import chassis as chassis_support

KEY = "key_of_ours"
LONGEST_WAIT_SECONDS = 60.0
TASK = testing.make_task(
    provider="runway", account_id="one", model="gen4.5", duration_seconds=2.0, width=1280, height=720
)
PRICE_MICROS = 240_000
LARGE = model.Picture("asset", "image/png", bytes(4_000_000))
SMALL = model.Picture("asset", "image/png", b"picture")


async def _leave(nonce: str) -> model.Go | model.Drop:
    return model.Go(30.0)


def open_gate() -> gate.Gate:
    return gate.Gate(clock=clock.SystemClock(), nonce="nonce", ask=_leave)


@contextlib.asynccontextmanager
async def provider_at(
    url: str, folder: pathlib.Path, *, rest: str = "secret: RUNWAY_KEY"
) -> AsyncGenerator[runway.RunwayProvider]:
    """Enter a provider whose one account is at an address."""
    own = chassis_support.make_chassis("provider-runway")
    file = folder / "accounts.yaml"
    file.write_text(f"accounts: [{{id: one, provider: runway, endpoint: '{url}', {rest}}}]")
    told = settings.RunwaySettings.model_construct(accounts_file=file, runway_card_file=None)
    async with runway.RunwayProvider(told, own) as made:
        yield made
    own.telemetry.shutdown()


async def submitted(provider: runway.RunwayProvider, task: model.Task = TASK) -> model.Job:
    accepted = await provider.submit(task, open_gate())
    assert isinstance(accepted, model.Accepted), accepted
    return model.Job(task.attempt_id, task.account_id, task.model, accepted.job_id)


async def state_of(provider: runway.RunwayProvider, job: model.Job) -> model.JobState:
    (seen,) = await provider.poll(job.account_id, [job])
    return seen.state


async def until(
    provider: runway.RunwayProvider, job: model.Job, wanted: Callable[[model.JobState], bool]
) -> model.JobState:
    async with asyncio.timeout(LONGEST_WAIT_SECONDS):
        while not wanted(state := await state_of(provider, job)):
            await clock.SystemClock().sleep(0.02)
    return state


def with_prompt(prompt: str) -> model.Task:
    return dataclasses.replace(TASK, prompt=prompt)
