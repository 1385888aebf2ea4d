"""Gemini Omni behind a whole mesh, over real HTTP to one that costs nothing: each request is paid at most once.

What it does about answers that are lost is Runway's tale too: nothing can be found.
"""

from collections.abc import AsyncGenerator, Mapping

import pytest
import pytest_asyncio
from reelmesh_provider import card_files

from tests.e2e import tales
from tests.e2e.tales import Tale, refused

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
TALES: Mapping[str, Tale] = {"": Tale(), "[[filter]]": refused(made=1)}


def hurried() -> str:
    """Return the card that is shipped, for a Google that takes a moment."""
    text = card_files.packaged("reelmesh_provider_omni", "omni")
    assert PACES[0] in text
    return text.replace(*PACES)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[tales.Scene]:
    omni = tales.Provider("omni", "omni", ACCOUNTS, hurried(), ("OMNI_KEY", "key-1"))
    async with tales.scene(omni, tmp_path_factory.mktemp("mesh")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked(scene: tales.Scene) -> dict[str, tales.Asked]:
    return await tales.ask(scene, TALES, "omni", OUTPUT)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("faults", TALES)
async def test_a_request_is_paid_once_and_ends_as_designed(
    scene: tales.Scene, asked: dict[str, tales.Asked], faults: str
) -> None:
    found = await tales.check(scene, asked[faults], TALES[faults], PRICE_MICROS)
    assert found.line.billed_micros == found.generation["spent_micros"]


@pytest.mark.timeout(300)
async def test_what_is_stopped_while_it_runs_is_paid_for(scene: tales.Scene) -> None:
    film = "A film that is stopped"
    admitted = await scene.mesh.caller.create(f"{film} [[stall]]", OUTPUT, model="omni")
    found = await scene.stopped(admitted["id"], film)
    assert found.generation["spent_micros"] == PRICE_MICROS, found.told
