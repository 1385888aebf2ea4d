"""fal.ai, over real HTTP, with a list that has only what has ended: each request is paid at most once."""

from collections.abc import AsyncGenerator, Mapping

import pytest
import pytest_asyncio
from reelmesh_provider import card_files

from tests.e2e import tales
from tests.e2e.tales import Tale, refused

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

MODEL = "fal-ai/veo3.1/fast"
OUTPUT = {"duration_seconds": 4, "width": 1280, "height": 720}
PRICE_MICROS = 600_000
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
    "[[unsafe]]": refused(),
    "[[quota]]": refused(),
    "[[fail]]": refused(made=1),
    "[[fail-inside]]": refused(made=1),
    "[[filter]]": refused(made=1),
    "[[empty]]": refused(made=1, billed=1),
    "[[poll-500:3]]": Tale(),
    "[[poll-garbage:3]]": Tale(),
    "[[truncate:2]]": Tale(),
}


def _card() -> str:
    text = card_files.packaged("reelmesh_provider_fal", "fal")
    for slow, quick in HASTE:
        assert slow in text
        text = text.replace(slow, quick)
    return text


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[tales.Scene]:
    secret = ("FAL_KEY", "id:secret")
    fal = tales.Provider("fal", "fal", ACCOUNTS, _card(), secret, {"submit_timeout_seconds": 5.0})
    async with tales.scene(fal, tmp_path_factory.mktemp("mesh")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked(scene: tales.Scene) -> dict[str, tales.Asked]:
    return await tales.ask(scene, TALES, f"fal/{MODEL}", OUTPUT)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("faults", TALES)
async def test_a_request_is_paid_once_and_ends_as_designed(
    scene: tales.Scene, asked: dict[str, tales.Asked], faults: str
) -> None:
    found = await tales.check(scene, asked[faults], TALES[faults], PRICE_MICROS)
    assert found.line.billed_micros == found.generation["spent_micros"]
