"""Runway behind a whole mesh, over real HTTP to one that costs nothing: each request is paid at most once.

It lists no tasks: what is lost stays unknown, with its money held, and the generation goes on without it.
"""

import datetime
from collections.abc import AsyncGenerator, Mapping

import pytest
import pytest_asyncio
from reelmesh_kit import clock

from tests.e2e import caller as callers
from tests.e2e import tales
from tests.e2e.tales import Tale, refused

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

OUTPUT = {"width": 1280, "height": 720, "duration_seconds": 2}
PRICE_MICROS = 240_000
DEADLINE_SECONDS = 30.0
CARD = """
recovery = "NONE"
cancellable = true
gone = { times = 3, over_seconds = 2 }
pace = { first_seconds = 0.2, longest_seconds = 1, growth = 1.2 }
[[models]]
model = "gen4.5"
shortest_seconds = 2
longest_seconds = 10
durations_seconds = [2, 5, 10]
sizes = ["1280x720", "720x1280"]
seed = true
longest_prompt = 1000
longest_render_seconds = 60
seconds_per_second = 1
[[models.prices]]
effective_on = 2025-01-01
micros_per_second = 120000
"""
ACCOUNTS = """
accounts:
  - id: studio
    provider: runway
    endpoint: {url}
    secret: RUNWAY_KEY
    slots: 100
"""
TALES: Mapping[str, Tale] = {
    "": Tale(),
    "[[accept-slow=3]]": Tale(),
    "[[busy=0.3:2]]": Tale(("FAILED", "FAILED", "SUCCEEDED")),
    "[[refuse]]": refused(),
    "[[unsafe]]": refused(),
    "[[unauthorized]]": refused(),
    "[[retired]]": refused(),
    "[[quota]]": refused(),
    "[[fail]]": refused(made=1),
    "[[fail=1]]": refused(made=1, billed=1),
    "[[filter]]": refused(made=1),
    "[[empty]]": refused(made=1, billed=1),
    "[[poll-500:3]]": Tale(),
    "[[poll-drop:3]]": Tale(),
    "[[poll-garbage:3]]": Tale(),
    "[[expired:2]]": Tale(),
    "[[truncate:2]]": Tale(),
    "[[no-video]]": refused(made=1, billed=1),
}
LOST = ("[[accept-drop]]", "[[accept-500]]", "[[accept-garbage]]")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[tales.Scene]:
    runway = tales.Provider("runway", "runway", ACCOUNTS, CARD, ("RUNWAY_KEY", "key-1"))
    async with tales.scene(runway, tmp_path_factory.mktemp("mesh")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked(scene: tales.Scene) -> dict[str, tales.Asked]:
    return await tales.ask(scene, TALES, "runway", OUTPUT)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("faults", TALES)
async def test_a_request_is_paid_once_and_ends_as_designed(
    scene: tales.Scene, asked: dict[str, tales.Asked], faults: str
) -> None:
    tale = TALES[faults]
    found = await tales.check(scene, asked[faults], tale, PRICE_MICROS)
    assert found.line.creates == len(tale.attempts), found.told
    assert not any("SAFETY" in message for _, message in found.told)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("faults", LOST)
async def test_a_lost_answer_stays_unknown_with_its_money_held_and_the_deadline_delivers(
    scene: tales.Scene, faults: str
) -> None:
    film = f"A film that is lost by {faults[2:-2]}"
    ends = clock.SystemClock().now() + datetime.timedelta(seconds=DEADLINE_SECONDS)
    admitted = await scene.mesh.caller.create(
        f"{film} {faults}", OUTPUT, model="runway", deadline_time=ends.isoformat()
    )
    found = await scene.ended(admitted["id"], film)
    done = found.generation
    assert (done["state"], done["failure"]["reason"]) == ("COMPLETED", "DEADLINE"), found.told
    assert done["delivery"] in ("INFOGRAPHIC", "TEXT"), found.told
    assert found.attempts == ("INDETERMINATE",), found.told
    assert (done["held_micros"], done["spent_micros"]) == (PRICE_MICROS, 0), found.told
    assert (found.line.creates, len(found.line.job_ids)) == (1, 1), found.told


@pytest.mark.timeout(300)
async def test_what_is_stopped_while_it_runs_is_paid_for(scene: tales.Scene) -> None:
    film = "A film that is stopped"
    admitted = await scene.mesh.caller.create(f"{film} [[stall]]", OUTPUT, model="runway")
    found = await scene.stopped(admitted["id"], film)
    assert found.generation["spent_micros"] == PRICE_MICROS, found.told
    assert (found.line.creates, found.line.billed_micros) == (1, PRICE_MICROS), found.told


@pytest.mark.timeout(300)
async def test_an_operator_who_finds_a_lost_task_on_the_console_has_it_delivered(scene: tales.Scene) -> None:
    caller, ledger = scene.mesh.caller, scene.vendor.ledger
    admitted = await caller.create("A film that is found [[accept-drop]]", OUTPUT, model="runway")

    def doubtful(found: callers.Body) -> bool:
        return [one["state"] for shot in found["shots"] for one in shot["attempts"]] == ["INDETERMINATE"]

    lost = await caller.becomes(admitted["id"], doubtful, "nobody knows what became of it")
    (attempt,) = lost["shots"][0]["attempts"]
    (job_id,) = [job.job_id for job in ledger.all_jobs() if job.order.request == "A film that is found"]
    said = {"job_id": job_id, "reason": "it is on the console"}
    callers.answered(await caller.http.post(f"/api/v1/doubtful-attempts/{attempt['id']}/adopt", json=said), 200)
    found = await scene.ended(admitted["id"], "A film that is found")
    done = found.generation
    assert (done["state"], done["delivery"]) == ("COMPLETED", "VIDEO"), found.told
    assert (done["held_micros"], done["spent_micros"]) == (0, PRICE_MICROS), found.told
    assert (found.line.creates, len(found.line.job_ids)) == (1, 1), found.told
