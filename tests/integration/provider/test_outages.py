"""Half an hour in which a vendor answers no question: no job fails by it, and all are known afterwards.

The worker's own loop of turns and the real adapters, over HTTP to simulated vendors, all on one virtual clock.
"""

import contextlib
import dataclasses
import pathlib
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

import pytest
from reelmesh_kit import clock, process
from reelmesh_provider import gate, model, port, testing
from reelmesh_provider_fal import provider as fal
from reelmesh_provider_fal import settings as fal_settings
from reelmesh_provider_runway import provider as runway
from reelmesh_provider_runway import settings as runway_settings
from reelmesh_provider_sora import provider as sora
from reelmesh_provider_sora import settings as sora_settings
from reelmesh_simulators import catalogue, faults, orders, serving, vendor

from tests.support import vendors

OUTAGE_SECONDS = 1800.0
JOBS = 6
RENDER_SECONDS = 300.0
TROUBLES = (faults.Fault.POLL_500, faults.Fault.POLL_DROP, faults.Fault.POLL_BUSY, faults.Fault.POLL_GARBAGE)


def sora_of(profile: str) -> Callable[[process.Chassis, pathlib.Path], port.Provider]:
    def made(own: process.Chassis, file: pathlib.Path) -> port.Provider:
        told = sora_settings.SoraSettings.model_construct(
            accounts_file=file, sora_name="sora", sora_profile=profile, sora_card_file=None
        )
        return sora.SoraProvider(told, own)

    return made


def fal_of(own: process.Chassis, file: pathlib.Path) -> port.Provider:
    told = fal_settings.FalSettings.model_construct(accounts_file=file, fal_card_file=None, fal_forms_file=None)
    return fal.FalProvider(told, own)


def runway_of(own: process.Chassis, file: pathlib.Path) -> port.Provider:
    return runway.RunwayProvider(
        runway_settings.RunwaySettings.model_construct(accounts_file=file, runway_card_file=None), own
    )


@dataclasses.dataclass(frozen=True)
class Dialect:
    """A vendor, who speaks to it, and where its API begins."""

    provider: str
    make: Callable[[process.Chassis, pathlib.Path], port.Provider]
    path: str = ""
    task: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])


DIALECTS: Mapping[str, Dialect] = {
    "openai": Dialect("sora", sora_of("openai"), "/v1", {"model": "sora-2"}),
    "vllm-omni": Dialect("sora", sora_of("vllm-omni"), "/v1"),
    "fal": Dialect("fal", fal_of, "", {"model": "fal-ai/veo3.1/fast"}),
    "runway": Dialect("runway", runway_of, "", {"model": "gen4.5", "duration_seconds": 5.0}),
}


@contextlib.asynccontextmanager
async def watched(scene, name: str, folder: pathlib.Path) -> AsyncGenerator[tuple[Any, vendor.Vendor]]:
    """Yield a worker's scene that watches JOBS jobs at a vendor, by the clock of the scene."""
    dialect = DIALECTS[name]
    seller = vendors.make_vendor(scene.clock, pace=orders.Pace(0.0, RENDER_SECONDS))
    async with serving.serve(catalogue.DIALECTS[name](seller), seller) as served:
        # Who waits to send webhooks would move the clock.
        seller.on_job = None
        file = folder / "accounts.yaml"
        where = f"endpoint: '{served.url}{dialect.path}', secret: KEY"
        file.write_text(f"accounts: [{{id: one, provider: {dialect.provider}, {where}}}]")
        async with dialect.make(scene.chassis, file) as provider:
            around = dataclasses.replace(scene.around, provider=provider)
            values = {each.name: getattr(scene, each.name) for each in dataclasses.fields(scene)}
            scene = type(scene)(**{**values, "around": around})
            await scene.start()
            for number in range(1, JOBS + 1):
                await submitted(scene, provider, number, dialect)
            yield scene, seller
    seller.ledger.close()


async def submitted(scene, provider: port.Provider, number: int, dialect: Dialect) -> None:
    size = {"width": 1280, "height": 720}
    told = {"model": provider.card.models[0].model, **size, **dialect.task}
    task = testing.make_task(number, provider=dialect.provider, account_id="one", **told)

    async def ask(nonce: str) -> model.Go:
        del nonce
        return model.Go(30.0)

    answer = await provider.submit(task, gate.Gate(clock=scene.clock, nonce="nonce", ask=ask))
    assert isinstance(answer, model.Accepted), answer
    row = scene.mesh.dispatch(task)
    row.state, row.job_ids = testing.State.ACCEPTED, [answer.job_id]
    scene.observing.watch(task, answer.job_id)


async def go_on(scene) -> None:
    """Let the time pass until something is due, and do it; what goes on beside it may end in real time."""
    due = scene.observing.next_due("one")
    if due < float("inf"):
        scene.clock.advance(max(0.0, due - scene.clock.elapsed()))
        await scene.rounds.turn("one")
    await clock.SystemClock().sleep(0.01)


@pytest.mark.parametrize("name", DIALECTS)
async def test_half_an_hour_without_answers_fails_no_job_and_all_are_done_after_it(
    scene, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("KEY", "id:secret")
    async with watched(scene, name, tmp_path) as (worker, seller):
        began = worker.clock.elapsed()
        for number, trouble in enumerate(TROUBLES, 1):
            seller.suffering.rules[:] = [faults.Rule(trouble, amount=1.0)]
            while worker.clock.elapsed() - began < OUTAGE_SECONDS * number / len(TROUBLES):
                await go_on(worker)
        # Every job had ended long before, and nobody could know.
        assert {vendor.seen(job, seller.now).state for job in seller.ledger.all_jobs()} == {orders.State.SUCCEEDED}
        rows = worker.mesh.rows.values()
        assert {row.state for row in rows} == {testing.State.ACCEPTED}
        assert sum(seller.asked.get(verb, 0) for verb in ("look", "list")) >= JOBS
        seller.suffering.rules.clear()
        over = worker.clock.elapsed()
        while any(row.state is not testing.State.ENDED for row in rows):
            assert worker.clock.elapsed() - over < 600, "not known ten minutes after the outage"
            await go_on(worker)
        assert [row.ending and row.ending.outcome for row in rows] == [model.Outcome.SUCCEEDED] * JOBS
        assert len(seller.ledger.all_jobs()) == JOBS
