"""What the provider of the OpenAI Videos dialect tells servers beyond OpenAI's own words."""

import dataclasses
import pathlib

import pytest
from reelmesh_kit import clock
from reelmesh_provider import gate, model, testing
from reelmesh_provider_sora import provider as sora
from reelmesh_provider_sora import settings
from reelmesh_simulators import catalogue

from tests.support import chassis as chassis_support
from tests.support import vendors

TASK = testing.make_task(provider="sora", account_id="one", prompt="a cat", duration_seconds=1.0, width=832, height=480)


async def _leave(nonce: str) -> model.Go | model.Drop:
    del nonce
    return model.Go(30.0)


@pytest.mark.parametrize("profile", ["sglang", "vllm-omni"])
async def test_what_is_not_wanted_is_told_to_servers_that_take_it(tmp_path: pathlib.Path, profile: str) -> None:
    own = chassis_support.make_chassis("provider-sora")
    async with vendors.selling(catalogue.DIALECTS[profile]) as served:
        file = tmp_path / "accounts.yaml"
        file.write_text(f"accounts: [{{id: one, provider: sora, endpoint: '{served.url}/v1'}}]")
        told = settings.SoraSettings.model_construct(
            accounts_file=file, sora_name="sora", sora_profile=profile, sora_card_file=None
        )
        async with sora.SoraProvider(told, own) as provider:
            task = dataclasses.replace(TASK, model=provider.card.models[0].model, negative_prompt="rain")
            asked = gate.Gate(clock=clock.SystemClock(), nonce="nonce", ask=_leave)
            assert isinstance(await provider.submit(task, asked), model.Accepted)
        (job,) = served.vendor.ledger.all_jobs()
    own.telemetry.shutdown()
    assert job.order.told["negative_prompt"] == "rain"
