"""A server of OpenAI's dialect, over real HTTP, that costs nothing: each request is paid at most once."""

from collections.abc import AsyncGenerator, Mapping

import pytest
import pytest_asyncio

from tests.e2e import gpu, tales
from tests.e2e.tales import Tale, refused

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

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
    "[[refuse]]": refused(),
    "[[unsafe]]": refused(),
    "[[unauthorized]]": refused(),
    "[[retired]]": refused(),
    "[[fail]]": refused(made=1),
    "[[poll-500:3]]": Tale(),
    "[[poll-drop:3]]": Tale(),
    "[[poll-garbage:3]]": Tale(),
    "[[poll-busy=1:3]]": Tale(),
    "[[truncate:2]]": Tale(),
    "[[no-video:2]]": Tale(),
    "[[no-video]]": refused(made=1, billed=1),
    "[[slow=3]]": Tale(),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[tales.Scene]:
    told = {"sora_profile": "vllm-omni", "submit_timeout_seconds": 5.0}
    sora = tales.Provider("sora", "vllm-omni", gpu.ACCOUNTS, gpu.CARD, told=told)
    async with tales.scene(sora, tmp_path_factory.mktemp("mesh")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked(scene: tales.Scene) -> dict[str, tales.Asked]:
    return await tales.ask(scene, TALES, "sora")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("faults", TALES)
async def test_a_request_is_paid_once_and_ends_as_designed(
    scene: tales.Scene, asked: dict[str, tales.Asked], faults: str
) -> None:
    found = await tales.check(scene, asked[faults], TALES[faults], gpu.PRICE_MICROS)
    assert found.line.billed_micros == 0, "a server of one's own bills nothing"
