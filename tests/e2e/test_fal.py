"""fal.ai, over real HTTP, with a list that has only what has ended: each request is paid at most once."""

import dataclasses
import pathlib
from collections.abc import AsyncGenerator, Mapping

import pytest
import pytest_asyncio
from reelmesh_provider import card_files
from reelmesh_simulators import catalogue, orders, vendor

from tests.e2e import caller as callers
from tests.e2e import mesh as meshes
from tests.support import vendors

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

MODEL = "fal-ai/veo3.1/fast"
SECONDS = 4
MICROS_PER_SECOND = 150_000
# What the shipped card says, but a vendor that takes a second, not an hour.
HASTE = (
    ("creation_delay_seconds = 120", "creation_delay_seconds = 2"),
    ("listing_delay_seconds = 3900", "listing_delay_seconds = 3"),
    ("times = 10, over_seconds = 3600", "times = 3, over_seconds = 2"),
    ("first_seconds = 3, longest_seconds = 12", "first_seconds = 0.2, longest_seconds = 1"),
    ("polls_per_second = 5", "polls_per_second = 100"),
)
ACCOUNTS = """
accounts:
  - {{id: one, provider: fal, endpoint: '{url}', secret: FAL_KEY, slots: 100}}
"""


@dataclasses.dataclass(frozen=True)
class Tale:
    """What a fault shall lead to: the attempts at the vendor, what it was paid for, and what is delivered."""

    attempts: tuple[str, ...] = ("SUCCEEDED",)
    paid: int = 1
    billed: int = 1
    delivery: str = "VIDEO"


TALES: Mapping[str, Tale] = {
    "": Tale(),
    "[[accept-drop]]": Tale(),
    "[[accept-half]]": Tale(),
    "[[accept-500]]": Tale(),
    "[[accept-busy]]": Tale(),
    "[[accept-garbage]]": Tale(),
    "[[vanish:1]]": Tale(("NEVER_CREATED", "SUCCEEDED")),
    "[[proxy-error:1]]": Tale(("NEVER_CREATED", "SUCCEEDED")),
    "[[busy=0.3:2]]": Tale(("FAILED", "FAILED", "SUCCEEDED")),
    "[[unsafe]]": Tale(("FAILED",), 0, 0, "INFOGRAPHIC"),
    "[[quota]]": Tale(("FAILED",), 0, 0, "INFOGRAPHIC"),
    "[[fail]]": Tale(("FAILED",), 1, 0, "INFOGRAPHIC"),
    "[[fail-inside]]": Tale(("FAILED",), 1, 0, "INFOGRAPHIC"),
    "[[filter]]": Tale(("FAILED",), 1, 0, "INFOGRAPHIC"),
    "[[empty]]": Tale(("FAILED",), 1, 1, "INFOGRAPHIC"),
    "[[poll-500:3]]": Tale(),
    "[[poll-garbage:3]]": Tale(),
    "[[truncate:2]]": Tale(),
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
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAL_KEY", "id:secret")
        async with vendors.selling(catalogue.DIALECTS["fal"], pace=pace) as served:
            told = _told(folder, served.url)
            async with meshes.up(folder, meshes.Wanted(told=told, paid=("provider-fal",))) as running:
                yield Scene(running, served.vendor)


def _told(folder: pathlib.Path, url: str) -> meshes.Told:
    accounts, card = folder / "accounts.yaml", folder / "card.toml"
    accounts.write_text(ACCOUNTS.format(url=url))
    text = card_files.packaged("reelmesh_provider_fal", "fal")
    for slow, quick in HASTE:
        assert slow in text
        text = text.replace(slow, quick)
    card.write_text(text)
    fal = {"accounts_file": accounts, "fal_card_file": card, "submit_timeout_seconds": 5.0, "submit_slots": 50}
    return {"orchestrator": {"accounts_file": accounts, "breaker_failures": 0}, "provider-fal": fal}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admitted(scene: Scene) -> dict[str, str]:
    """Ask for all of them at once; return the generations' ids by their faults."""
    asked = {}
    output = {"duration_seconds": SECONDS, "width": 1280, "height": 720}
    for number, faults in enumerate(TALES):
        body = await scene.mesh.caller.create(f"Film number {number} {faults}", output=output, model=f"fal/{MODEL}")
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
    (line,) = [each for each in scene.vendor.ledger.lines(scene.vendor.now) if each.request == f"Film number {number}"]
    assert len(line.job_ids) == tale.paid, told
    assert (done["held_micros"], done["spent_micros"]) == (0, tale.billed * SECONDS * MICROS_PER_SECOND), told
    assert line.billed_micros == tale.billed * SECONDS * MICROS_PER_SECOND
