"""Providers that are paid, over real HTTP to vendors that cost nothing: each request is paid at most once."""

import dataclasses
import pathlib
from collections.abc import AsyncGenerator, Mapping

import pytest
import pytest_asyncio
from reelmesh_simulators import catalogue, orders, vendor

from tests.e2e import caller as callers
from tests.e2e import mesh as meshes
from tests.support import vendors

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

MICROS_PER_SECOND = 100_000
CARD = """
recovery = "LISTING"
creation_delay_seconds = 2
listing_delay_seconds = 1
cancellable = true
gone = { times = 3, over_seconds = 2 }
pace = { first_seconds = 0.2, longest_seconds = 1, growth = 1.2 }
[[models]]
model = "Wan-AI/Wan2.2-T2V-A14B-Diffusers"
shortest_seconds = 1
longest_seconds = 5
largest_pixels = 2000000
seed = true
longest_prompt = 10000
longest_render_seconds = 60
seconds_per_second = 1
[[models.prices]]
effective_on = 2025-01-01
micros_per_second = 100000
"""
ACCOUNTS = """
accounts:
  - id: gpu
    provider: sora
    endpoint: {url}/v1
    slots: 100
    exclusive: true
"""
ONE = ("SUCCEEDED",)


@dataclasses.dataclass(frozen=True)
class Tale:
    """What a fault shall lead to: the attempts at the vendor, what it was paid for, and what is delivered."""

    attempts: tuple[str, ...] = ONE
    paid: int = 1
    billed: int = 1
    delivery: str = "VIDEO"


TALES: Mapping[str, Tale] = {
    "": Tale(),
    "[[accept-drop]]": Tale(),
    "[[accept-half]]": Tale(),
    "[[accept-500]]": Tale(),
    "[[accept-502]]": Tale(),
    "[[accept-busy]]": Tale(),
    "[[accept-garbage]]": Tale(),
    "[[accept-slow=30]]": Tale(),
    "[[vanish:1]]": Tale(("NEVER_CREATED", "SUCCEEDED")),
    "[[server-error:1]]": Tale(("NEVER_CREATED", "SUCCEEDED")),
    "[[proxy-error:1]]": Tale(("NEVER_CREATED", "SUCCEEDED")),
    "[[busy=0.3:2]]": Tale(("FAILED", "FAILED", "SUCCEEDED")),
    "[[overloaded:1]]": Tale(("FAILED", "SUCCEEDED")),
    "[[refuse]]": Tale(("FAILED",), 0, 0, "INFOGRAPHIC"),
    "[[unsafe]]": Tale(("FAILED",), 0, 0, "INFOGRAPHIC"),
    "[[unauthorized]]": Tale(("FAILED",), 0, 0, "INFOGRAPHIC"),
    "[[retired]]": Tale(("FAILED",), 0, 0, "INFOGRAPHIC"),
    "[[fail]]": Tale(("FAILED",), 1, 0, "INFOGRAPHIC"),
    "[[poll-500:3]]": Tale(),
    "[[poll-drop:3]]": Tale(),
    "[[poll-garbage:3]]": Tale(),
    "[[poll-busy=1:3]]": Tale(),
    "[[truncate:2]]": Tale(),
    "[[no-video:2]]": Tale(),
    "[[no-video]]": Tale(("FAILED",), 1, 1, "INFOGRAPHIC"),
    "[[slow=3]]": Tale(),
}


@dataclasses.dataclass
class Scene:
    """A mesh, and the vendor that it pays."""

    mesh: meshes.Mesh
    vendor: vendor.Vendor


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Scene]:
    folder = tmp_path_factory.mktemp("mesh")
    pace = orders.Pace(queue_seconds=0.1, render_seconds=0.5)
    async with vendors.selling(catalogue.DIALECTS["vllm-omni"], pace=pace) as served:
        accounts = folder / "accounts.yaml"
        accounts.write_text(ACCOUNTS.format(url=served.url))
        yield_to = _told(accounts, folder)
        async with meshes.up(folder, meshes.Wanted(told=yield_to, paid=("provider-sora",))) as running:
            yield Scene(running, served.vendor)


def _told(accounts: pathlib.Path, folder: pathlib.Path) -> meshes.Told:
    card = folder / "card.toml"
    card.write_text(CARD)
    sora = {
        "accounts_file": accounts,
        "sora_profile": "vllm-omni",
        "sora_card_file": card,
        "submit_timeout_seconds": 5.0,
        "submit_slots": 50,
    }
    return {"orchestrator": {"accounts_file": accounts, "breaker_failures": 0}, "provider-sora": sora}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admitted(scene: Scene) -> dict[str, str]:
    """Ask for all of them at once; return the generations' ids by their faults."""
    asked = {}
    for number, faults in enumerate(TALES):
        asked[faults] = (await scene.mesh.caller.create(f"Film number {number} {faults}", model="sora"))["id"]
    return asked


@pytest.mark.timeout(300)
@pytest.mark.parametrize("faults", TALES)
async def test_a_request_is_paid_once_and_ends_as_designed(scene, admitted, faults: str) -> None:
    tale = TALES[faults]
    done = await scene.mesh.caller.ended(admitted[faults])
    events = await scene.mesh.caller.events(done["id"])
    told = [(event["type"], event["message"]) for event in events]
    (shot,) = done["shots"]
    assert tuple(attempt["state"] for attempt in callers.sent(shot)) == tale.attempts, told
    assert (done["state"], done["delivery"]) == ("COMPLETED", tale.delivery), told
    number = list(TALES).index(faults)
    (line,) = [each for each in scene.vendor.ledger.lines(scene.vendor.now) if each.request == f"Film number {number}"]
    assert (len(line.job_ids), line.billed_micros) == (tale.paid, 0), told
    assert (done["held_micros"], done["spent_micros"]) == (0, tale.billed * MICROS_PER_SECOND), told
