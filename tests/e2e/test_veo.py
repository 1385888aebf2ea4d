"""Veo on Vertex AI, over real HTTP to a vendor that costs nothing: what is lost is found by where it landed."""

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

MICROS_PER_CLIP = 400_000
SECONDS = 4
CARD = """
recovery = "OUTPUT"
creation_delay_seconds = 2
listing_delay_seconds = 1
unfinished_is_unbilled = true
output_grace_seconds = 5
gone = { times = 3, over_seconds = 2 }
pace = { first_seconds = 0.2, longest_seconds = 1, growth = 1.2 }
[[models]]
model = "veo-3.1-fast-generate-001"
shortest_seconds = 4
longest_seconds = 8
durations_seconds = [4, 6, 8]
sizes = ["1280x720", "720x1280"]
first_frame = true
audio = true
seed = true
longest_render_seconds = 10
seconds_per_second = 1
[[models.prices]]
effective_on = 2025-01-01
micros_per_second = 100000
"""
ACCOUNTS = """
accounts:
  - id: films
    provider: veo
    endpoint: {url}
    secret: VEO_TOKEN
    slots: 100
    options:
      project: films
      bucket: clips
      storage_endpoint: {url}
"""
ONE = ("SUCCEEDED",)
TWO = ("NEVER_CREATED", "SUCCEEDED")
REFUSED = ("FAILED",)


@dataclasses.dataclass(frozen=True)
class Tale:
    """What a fault shall lead to: the attempts at the vendor, how many it made, and what is spent and delivered."""

    attempts: tuple[str, ...] = ONE
    made: int = 1
    billed: int = 1
    delivery: str = "VIDEO"


TALES: Mapping[str, Tale] = {
    "": Tale(),
    "[[accept-drop]]": Tale(),
    "[[accept-500]]": Tale(),
    "[[accept-garbage]]": Tale(),
    "[[forget=0]]": Tale(),
    "[[vanish:1]]": Tale(TWO),
    "[[busy=0.3:1]]": Tale(("FAILED", "SUCCEEDED")),
    "[[unsafe]]": Tale(REFUSED, 0, 0, "INFOGRAPHIC"),
    "[[retired]]": Tale(REFUSED, 0, 0, "INFOGRAPHIC"),
    "[[fail-inside]]": Tale(REFUSED, 1, 0, "INFOGRAPHIC"),
    "[[filter]]": Tale(REFUSED, 1, 0, "INFOGRAPHIC"),
    "[[empty]]": Tale(REFUSED, 1, 0, "INFOGRAPHIC"),
    "[[poll-500:2]]": Tale(),
    "[[truncate:1]]": Tale(),
    "[[lost]]": Tale(REFUSED, 1, 1, "INFOGRAPHIC"),
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
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("VEO_TOKEN", "token-1")
        async with vendors.selling(catalogue.DIALECTS["veo"], pace=pace) as served:
            accounts = folder / "accounts.yaml"
            accounts.write_text(ACCOUNTS.format(url=served.url))
            wanted = meshes.Wanted(told=_told(accounts, folder), paid=("provider-veo",))
            async with meshes.up(folder, wanted) as running:
                yield Scene(running, served.vendor)


def _told(accounts: pathlib.Path, folder: pathlib.Path) -> meshes.Told:
    card = folder / "card.toml"
    card.write_text(CARD)
    veo = {"accounts_file": accounts, "veo_card_file": card, "submit_timeout_seconds": 5.0, "submit_slots": 50}
    return {"orchestrator": {"accounts_file": accounts, "breaker_failures": 0}, "provider-veo": veo}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admitted(scene: Scene) -> dict[str, str]:
    """Ask for all of them at once; return the generations' ids by their faults."""
    asked = {}
    output = {"duration_seconds": SECONDS, "width": 1280, "height": 720}
    for number, faults in enumerate(TALES):
        body = await scene.mesh.caller.create(f"Film number {number} {faults}", output=output, model="veo")
        asked[faults] = body["id"]
    return asked


@pytest.mark.timeout(600)
@pytest.mark.parametrize("faults", TALES)
async def test_a_request_is_paid_once_and_ends_as_designed(scene, admitted, faults: str) -> None:
    tale = TALES[faults]
    done = await scene.mesh.caller.ended(admitted[faults], 500.0)
    events = await scene.mesh.caller.events(done["id"])
    told = [(event["type"], event["message"]) for event in events]
    (shot,) = done["shots"]
    assert tuple(attempt["state"] for attempt in callers.sent(shot)) == tale.attempts, told
    assert (done["state"], done["delivery"]) == ("COMPLETED", tale.delivery), told
    number = list(TALES).index(faults)
    lines = scene.vendor.ledger.lines(scene.vendor.now)
    (line,) = [each for each in lines if each.request == f"Film number {number}"]
    assert len(line.job_ids) == tale.made, told
    assert (done["held_micros"], done["spent_micros"]) == (0, tale.billed * MICROS_PER_CLIP), told
    assert not [event for event in events if event["type"] == "incident"], told
