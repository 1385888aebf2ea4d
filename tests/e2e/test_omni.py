"""Gemini Omni behind a whole mesh, over real HTTP to one that costs nothing: each request is paid at most once.

What it does about answers that are lost is Runway's tale too: nothing can be found.
"""

import dataclasses
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from reelmesh_provider import card_files
from reelmesh_simulators import catalogue, orders, vendor

from tests.e2e import caller as callers
from tests.e2e import mesh as meshes
from tests.support import vendors

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

OUTPUT = {"width": 1280, "height": 720, "duration_seconds": 3}
PRICE_MICROS = 210_000
ACCOUNTS = """
accounts:
  - id: studio
    provider: omni
    endpoint: {url}
    secret: OMNI_KEY
    slots: 100
"""
PACES = (
    "pace = { first_seconds = 10, longest_seconds = 20, growth = 1.2 }",
    "pace = { first_seconds = 0.2, longest_seconds = 1, growth = 1.2 }",
)


@dataclasses.dataclass
class Scene:
    """A mesh, and the Google that it pays."""

    mesh: meshes.Mesh
    vendor: vendor.Vendor


def hurried() -> str:
    """Return the card that is shipped, for a Google that takes a moment."""
    text = card_files.packaged("reelmesh_provider_omni", "omni")
    assert PACES[0] in text
    return text.replace(*PACES)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Scene]:
    folder = tmp_path_factory.mktemp("mesh")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMNI_KEY", "key-1")
        async with vendors.selling(catalogue.DIALECTS["omni"]) as served:
            accounts, card = folder / "accounts.yaml", folder / "card.toml"
            accounts.write_text(ACCOUNTS.format(url=served.url))
            card.write_text(hurried())
            told = {
                "orchestrator": {"accounts_file": accounts},
                "provider-omni": {"accounts_file": accounts, "omni_card_file": card},
            }
            async with meshes.up(folder, meshes.Wanted(told=told, paid=("provider-omni",))) as running:
                yield Scene(running, served.vendor)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("faults", "state", "delivery", "paid"),
    [("", "SUCCEEDED", "VIDEO", PRICE_MICROS), ("[[filter]]", "FAILED", "INFOGRAPHIC", 0)],
)
async def test_a_request_is_paid_once_and_ends_as_designed(
    scene: Scene, faults: str, state: str, delivery: str, paid: int
) -> None:
    film = f"A film {state}"
    admitted = await scene.mesh.caller.create(f"{film} {faults}", OUTPUT, model="omni")
    done = await scene.mesh.caller.ended(admitted["id"], 150.0)
    told = [(event["type"], event["message"]) for event in await scene.mesh.caller.events(done["id"])]
    assert [one["state"] for shot in done["shots"] for one in shot["attempts"]] == [state], told
    assert (done["state"], done["delivery"]) == ("COMPLETED", delivery), told
    assert (done["held_micros"], done["spent_micros"]) == (0, paid), told
    (line,) = [each for each in scene.vendor.ledger.lines(scene.vendor.now) if each.request == film]
    assert (line.creates, line.billed_micros) == (1, paid), told


@pytest.mark.timeout(300)
async def test_what_is_stopped_while_it_runs_is_paid_for(scene: Scene) -> None:
    caller, ledger = scene.mesh.caller, scene.vendor.ledger
    admitted = await caller.create("A film that is stopped [[stall]]", OUTPUT, model="omni")

    def runs() -> bool:
        found = [job for job in ledger.all_jobs() if job.order.request == "A film that is stopped"]
        return bool(found) and scene.vendor.peek(found[0].job_id).state is orders.State.RUNNING

    await callers.until(runs, "Google works at it")
    await caller.happened(admitted["id"], "attempt_accepted")
    await caller.cancel(admitted["id"])
    done = await caller.becomes(admitted["id"], lambda found: not found["held_micros"], "its money is settled")
    told = [(event["type"], event["message"]) for event in await caller.events(done["id"])]
    assert (done["state"], done["spent_micros"]) == ("CANCELLED", PRICE_MICROS), told
