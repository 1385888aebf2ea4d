"""A provider that does not stop: what it makes too late is kept, paid once, and delivered when its owner says so."""

import datetime
from collections.abc import AsyncGenerator

import httpx
import pytest
import pytest_asyncio
from reelmesh_kit import clock
from reelmesh_simulators import catalogue, orders

from tests.e2e import caller as callers
from tests.e2e import films, gpu
from tests.e2e import mesh as meshes
from tests.support import vendors

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

PRICE_MICROS = gpu.PRICE_MICROS
# It renders for so long whatever it is asked meanwhile.
SLOW_SECONDS = 6


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[meshes.Mesh]:
    folder = tmp_path_factory.mktemp("mesh")
    pace = orders.Pace(queue_seconds=0.1, render_seconds=0.5)
    async with vendors.selling(catalogue.DIALECTS["vllm-omni"], pace=pace) as served:
        accounts, card = folder / "accounts.yaml", folder / "card.toml"
        accounts.write_text(gpu.ACCOUNTS.format(url=served.url))
        card.write_text(gpu.CARD.replace("cancellable = true", "cancellable = false"))
        sora = {"accounts_file": accounts, "sora_profile": "vllm-omni", "sora_card_file": card}
        told: meshes.Told = {"orchestrator": {"accounts_file": accounts}, "provider-sora": sora}
        async with meshes.up(folder, meshes.Wanted(told=told, paid=("provider-sora",))) as running:
            yield running


async def _ready(mesh: meshes.Mesh, generation_id: str) -> callers.Body:
    return await mesh.caller.becomes(
        generation_id, lambda seen: [each["state"] for each in seen["takes"]] == ["READY"], "the late clip is ready"
    )


async def _is_video(url: str) -> None:
    async with httpx.AsyncClient() as stranger:
        answer = await stranger.get(url)
    assert len(films.frames(answer.content)) > 5


async def test_a_video_that_comes_after_the_deadline_is_a_take_that_can_be_delivered(mesh) -> None:
    deadline = clock.SystemClock().now() + datetime.timedelta(seconds=3)
    admitted = await mesh.caller.create(
        f"A late owl [[slow={SLOW_SECONDS}]]", model="sora", deadline_time=deadline.isoformat()
    )
    done = await mesh.caller.ended(admitted["id"])
    assert (done["state"], done["failure"]["reason"], done["takes"]) == ("COMPLETED", "DEADLINE", [])
    shown = done["delivery"]
    assert shown in ("INFOGRAPHIC", "TEXT")
    assert (done["held_micros"], done["spent_micros"]) == (PRICE_MICROS, 0), "it may still be paid"

    late = await _ready(mesh, done["id"])
    (take,) = late["takes"]
    assert (late["delivery"], late["held_micros"], late["spent_micros"]) == (shown, 0, PRICE_MICROS)
    assert (take["whole"], take["promoted"], take["cost_micros"]) == (True, False, PRICE_MICROS)
    await _is_video(take["renditions"][0]["url"])

    path = f"{callers.GENERATIONS}/{done['id']}/takes/1/promote"
    promoted = callers.answered(await mesh.caller.http.post(path), 200)
    again = callers.answered(await mesh.caller.http.post(path), 200)
    assert (promoted["state"], promoted["delivery"], promoted["failure"]) == ("COMPLETED", "VIDEO", None)
    assert (again["revision"], again["spent_micros"]) == (promoted["revision"], PRICE_MICROS)
    await _is_video(promoted["renditions"][0]["url"])
    story = await mesh.caller.story(done["id"])
    assert [story.count(type_) for type_ in ("late_success", "take_ready", "take_promoted")] == [1, 1, 1]

    owned = [each["asset_id"] for each in promoted["renditions"]] + [promoted["thumbnail_asset_id"]]
    owned += [attempt["clip_asset_id"] for shot in promoted["shots"] for attempt in shot["attempts"]]
    assert (await mesh.caller.http.delete(f"{callers.GENERATIONS}/{done['id']}")).status_code == 204
    for asset_id in owned:

        async def gone(asset_id: str = asset_id) -> bool:
            return (await mesh.caller.http.get(f"{callers.ASSETS}/{asset_id}")).status_code == 404

        await callers.until(gone, "its bytes are gone")


async def test_a_cancel_that_comes_too_late_says_what_is_paid_all_the_same(mesh) -> None:
    admitted = await mesh.caller.create(f"A stubborn goat [[slow={SLOW_SECONDS}]]", model="sora")
    await mesh.caller.happened(admitted["id"], "attempt_accepted")
    asked = await mesh.caller.cancel(admitted["id"])
    money = asked["cancellation"]
    assert (money["saved_micros"], money["spent_micros"], money["unsettled_micros"]) == (0, 0, PRICE_MICROS)
    assert "$0.10 is open until providers say" in money["message"]

    late = await _ready(mesh, admitted["id"])
    money = late["cancellation"]
    assert (late["state"], late["delivery"]) == ("CANCELLED", None)
    assert (money["saved_micros"], money["spent_micros"], money["unsettled_micros"]) == (0, PRICE_MICROS, 0)
    assert money["message"] == "$0.00 is saved; $0.10 is paid all the same"
    (told,) = [each for each in await mesh.caller.events(late["id"]) if each["type"] == "cancelled"]
    assert told["attributes"]["spent_micros"] == str(PRICE_MICROS)
