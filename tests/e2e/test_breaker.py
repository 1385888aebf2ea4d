"""A vendor that answers every submit with a 500 is left alone, and tried again; what it was making is fetched."""

import contextlib
import pathlib

import pytest
from reelmesh_simulators import catalogue, faults, orders

from tests.e2e import caller, gpu
from tests.e2e import mesh as meshes
from tests.support import vendors

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

ACCOUNT = """
  - id: {name}
    provider: sora
    endpoint: {url}/v1
    slots: 100
    exclusive: true
"""
SECONDS = 120.0


def told(folder: pathlib.Path, **urls: str) -> meshes.Told:
    accounts, card = folder / "accounts.yaml", folder / "card.toml"
    accounts.write_text("accounts:" + "".join(ACCOUNT.format(name=name, url=url) for name, url in urls.items()))
    card.write_text(gpu.CARD)
    sora = {
        "accounts_file": accounts,
        "sora_profile": "vllm-omni",
        "sora_card_file": card,
        "submit_timeout_seconds": 5.0,
        "submit_slots": 50,
    }
    quick = {"accounts_file": accounts, "breaker_failures": 2, "breaker_open_seconds": 2.0}
    return {"orchestrator": quick, "provider-sora": sora}


def made_at(done: caller.Body) -> list[tuple[str, str]]:
    (shot,) = done["shots"]
    return [(attempt["account_id"], attempt["state"]) for attempt in shot["attempts"]]


@pytest.mark.timeout(300)
async def test_a_vendor_that_fails_is_left_alone_until_a_trial_goes_well(tmp_path: pathlib.Path) -> None:
    pace = orders.Pace(queue_seconds=0.1, render_seconds=0.5)
    async with contextlib.AsyncExitStack() as stack:
        first, second = [
            await stack.enter_async_context(vendors.selling(catalogue.DIALECTS["vllm-omni"], pace=pace))
            for _ in range(2)
        ]
        wanted = meshes.Wanted(told=told(tmp_path, first=first.url, second=second.url), paid=("provider-sora",))
        mesh = await stack.enter_async_context(meshes.up(tmp_path, wanted))
        user = mesh.caller

        async def breaker() -> str:
            accounts = caller.answered(await user.http.get("/api/v1/accounts"), 200)["accounts"]
            (known,) = [model for one in accounts if one["id"] == "first" for model in one["models"]]
            return known["breaker"]

        flying = await user.create("In flight meanwhile [[slow=6]]", model="sora")
        await user.happened(flying["id"], "attempt_accepted")
        rule = faults.Rule(faults.Fault.SERVER_ERROR)
        first.vendor.suffering.rules.append(rule)
        for number in range(2):
            await user.create(f"Lost {number}", model="sora")
        await caller.until(lambda: _is(breaker, "OPEN"), "the breaker has opened", SECONDS)

        quote = caller.answered(
            await user.http.post("/api/v1/quotes", json={"prompt": "a kite", "output": dict(caller.TINY)}), 200
        )
        reasons = {one["account_id"]: one["reason"] for one in quote["shots"][0]["route"]}
        assert ("comes after the others" in reasons["first"]) or (await breaker()) != "OPEN"
        done = await user.made("Made by the next one", model="sora")
        assert made_at(done)[-1] == ("second", "SUCCEEDED")
        ended = await user.ended(flying["id"], SECONDS)
        assert (ended["delivery"], made_at(ended)) == ("VIDEO", [("first", "SUCCEEDED")])

        first.vendor.suffering.rules.remove(rule)

        async def closed() -> bool:
            # A trial is an attempt that somebody wants.
            await user.made("A trial, perhaps", model="sora")
            return await breaker() == "CLOSED"

        await caller.until(closed, "a trial went well", SECONDS)
        events = caller.answered(await user.http.get("/api/v1/health-events"), 200)["events"]
        types = [event["type"] for event in reversed(events)]
        assert (types[0], types[-1]) == ("OPENED", "CLOSED")
        assert "TRIED" in types
        assert made_at(await user.made("As ever", model="sora")) == [("first", "SUCCEEDED")]


async def _is(look, state: str) -> bool:
    return await look() == state
