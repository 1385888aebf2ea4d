"""Veo on Vertex AI, over real HTTP to a vendor that costs nothing: what is lost is found by where it landed."""

from collections.abc import AsyncGenerator, Mapping

import pytest
import pytest_asyncio

from tests.e2e import tales
from tests.e2e.tales import Tale, refused

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

OUTPUT = {"duration_seconds": 4, "width": 1280, "height": 720}
PRICE_MICROS = 400_000
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
TALES: Mapping[str, Tale] = {
    "": Tale(),
    "[[accept-drop]]": Tale(),
    "[[accept-500]]": Tale(),
    "[[accept-garbage]]": Tale(),
    "[[forget=0]]": Tale(),
    "[[vanish:1]]": Tale(("NEVER_CREATED", "SUCCEEDED")),
    "[[busy=0.3:1]]": Tale(("FAILED", "SUCCEEDED")),
    "[[unsafe]]": refused(),
    "[[retired]]": refused(),
    "[[fail-inside]]": refused(made=1),
    "[[filter]]": refused(made=1),
    "[[empty]]": refused(made=1),
    "[[poll-500:2]]": Tale(),
    "[[truncate:1]]": Tale(),
    "[[lost]]": refused(made=1, billed=1),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[tales.Scene]:
    secret = ("VEO_TOKEN", "token-1")
    veo = tales.Provider("veo", "veo", ACCOUNTS, CARD, secret, {"submit_timeout_seconds": 5.0})
    async with tales.scene(veo, tmp_path_factory.mktemp("mesh")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked(scene: tales.Scene) -> dict[str, tales.Asked]:
    return await tales.ask(scene, TALES, "veo", OUTPUT)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("faults", TALES)
async def test_a_request_is_paid_once_and_ends_as_designed(
    scene: tales.Scene, asked: dict[str, tales.Asked], faults: str
) -> None:
    found = await tales.check(scene, asked[faults], TALES[faults], PRICE_MICROS)
    assert "incident" not in [type_ for type_, _ in found.told], found.told
