"""Runway behind a whole mesh, over real HTTP to one that costs nothing: each request is paid at most once.

It lists no tasks: what is lost stays unknown, with its money held, and the generation goes on without it.
"""

import dataclasses
import datetime
from collections.abc import AsyncGenerator, Mapping

import pytest
import pytest_asyncio
from reelmesh_kit import clock
from reelmesh_simulators import catalogue, orders, vendor

from tests.e2e import caller as callers
from tests.e2e import mesh as meshes
from tests.support import vendors

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
ONE = ("SUCCEEDED",)


@dataclasses.dataclass(frozen=True)
class Tale:
    """What a fault shall lead to: the attempts, the tasks at Runway, what is paid for, and what is delivered."""

    attempts: tuple[str, ...] = ONE
    made: int = 1
    paid: int = 1
    delivery: str = "VIDEO"


TALES: Mapping[str, Tale] = {
    "": Tale(),
    "[[accept-slow=3]]": Tale(),
    "[[busy=0.3:2]]": Tale(("FAILED", "FAILED", "SUCCEEDED")),
    "[[refuse]]": Tale(("FAILED",), 0, 0, "INFOGRAPHIC"),
    "[[unsafe]]": Tale(("FAILED",), 0, 0, "INFOGRAPHIC"),
    "[[unauthorized]]": Tale(("FAILED",), 0, 0, "INFOGRAPHIC"),
    "[[retired]]": Tale(("FAILED",), 0, 0, "INFOGRAPHIC"),
    "[[quota]]": Tale(("FAILED",), 0, 0, "INFOGRAPHIC"),
    "[[fail]]": Tale(("FAILED",), 1, 0, "INFOGRAPHIC"),
    "[[fail=1]]": Tale(("FAILED",), 1, 1, "INFOGRAPHIC"),
    "[[filter]]": Tale(("FAILED",), 1, 0, "INFOGRAPHIC"),
    "[[empty]]": Tale(("FAILED",), 1, 1, "INFOGRAPHIC"),
    "[[poll-500:3]]": Tale(),
    "[[poll-drop:3]]": Tale(),
    "[[poll-garbage:3]]": Tale(),
    "[[expired:2]]": Tale(),
    "[[truncate:2]]": Tale(),
    "[[no-video]]": Tale(("FAILED",), 1, 1, "INFOGRAPHIC"),
}
LOST = ("[[accept-drop]]", "[[accept-500]]", "[[accept-garbage]]")


@dataclasses.dataclass
class Scene:
    """A mesh, and the Runway that it pays."""

    mesh: meshes.Mesh
    vendor: vendor.Vendor


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Scene]:
    folder = tmp_path_factory.mktemp("mesh")
    pace = orders.Pace(queue_seconds=0.1, render_seconds=0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNWAY_KEY", "key-1")
        async with vendors.selling(catalogue.DIALECTS["runway"], pace=pace) as served:
            accounts, card = folder / "accounts.yaml", folder / "card.toml"
            accounts.write_text(ACCOUNTS.format(url=served.url))
            card.write_text(CARD)
            told = {
                "orchestrator": {"accounts_file": accounts, "breaker_failures": 0},
                "provider-runway": {"accounts_file": accounts, "runway_card_file": card, "submit_slots": 50},
            }
            async with meshes.up(folder, meshes.Wanted(told=told, paid=("provider-runway",))) as running:
                yield Scene(running, served.vendor)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admitted(scene: Scene) -> dict[str, str]:
    """Ask for all of them at once; return the generations' ids by their faults."""
    asked: dict[str, str] = {}
    for faults in (*TALES, *LOST):
        wishes: dict[str, object] = {"model": "runway"}
        if faults in LOST:
            ends = clock.SystemClock().now() + datetime.timedelta(seconds=DEADLINE_SECONDS)
            wishes["deadline_time"] = ends.isoformat()
        asked[faults] = (await scene.mesh.caller.create(f"{film(len(asked))} {faults}", OUTPUT, **wishes))["id"]
    return asked


def film(number: int) -> str:
    return f"Film number {number}"


def line_of(scene: Scene, number: int) -> tuple[int, int]:
    """Return the requests for a film that reached Runway, and the tasks that it made of them."""
    lines = [each for each in scene.vendor.ledger.lines(scene.vendor.now) if each.request == film(number)]
    return sum(each.creates for each in lines), sum(len(each.job_ids) for each in lines)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("faults", TALES)
async def test_a_request_is_paid_once_and_ends_as_designed(scene, admitted, faults: str) -> None:
    tale = TALES[faults]
    done = await scene.mesh.caller.ended(admitted[faults], 150.0)
    told = [(event["type"], event["message"]) for event in await scene.mesh.caller.events(done["id"])]
    (shot,) = done["shots"]
    assert tuple(attempt["state"] for attempt in callers.sent(shot)) == tale.attempts, told
    assert (done["state"], done["delivery"]) == ("COMPLETED", tale.delivery), told
    assert line_of(scene, list(TALES).index(faults)) == (len(tale.attempts), tale.made), told
    assert (done["held_micros"], done["spent_micros"]) == (0, tale.paid * PRICE_MICROS), told
    assert not any("SAFETY" in message for _, message in told)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("faults", LOST)
async def test_a_lost_answer_stays_unknown_with_its_money_held_and_the_deadline_delivers(
    scene, admitted, faults: str
) -> None:
    done = await scene.mesh.caller.ended(admitted[faults], 150.0)
    told = [(event["type"], event["message"]) for event in await scene.mesh.caller.events(done["id"])]
    assert (done["state"], done["failure"]["reason"]) == ("COMPLETED", "DEADLINE"), told
    assert done["delivery"] in ("INFOGRAPHIC", "TEXT"), told
    (shot,) = done["shots"]
    assert [attempt["state"] for attempt in shot["attempts"]] == ["INDETERMINATE"], told
    assert (done["held_micros"], done["spent_micros"]) == (PRICE_MICROS, 0), told
    assert line_of(scene, len(TALES) + LOST.index(faults)) == (1, 1), told


@pytest.mark.timeout(300)
async def test_what_is_stopped_while_it_runs_is_paid_for(scene) -> None:
    caller, ledger = scene.mesh.caller, scene.vendor.ledger
    admitted = await caller.create("A film that is stopped [[stall]]", OUTPUT, model="runway")

    def runs() -> bool:
        found = [job for job in ledger.all_jobs() if job.order.request == "A film that is stopped"]
        return bool(found) and scene.vendor.peek(found[0].job_id).state is orders.State.RUNNING

    await callers.until(runs, "Runway works at it")
    await caller.happened(admitted["id"], "attempt_accepted")
    await caller.cancel(admitted["id"])
    done = await caller.becomes(admitted["id"], lambda found: not found["held_micros"], "its money is settled")
    told = [(event["type"], event["message"]) for event in await caller.events(done["id"])]
    assert (done["state"], done["spent_micros"]) == ("CANCELLED", PRICE_MICROS), told
    (line,) = [each for each in ledger.lines(scene.vendor.now) if each.request == "A film that is stopped"]
    assert (line.creates, line.billed_micros) == (1, PRICE_MICROS), told


@pytest.mark.timeout(300)
async def test_an_operator_who_finds_a_lost_task_on_the_console_has_it_delivered(scene) -> None:
    caller, ledger = scene.mesh.caller, scene.vendor.ledger
    admitted = await caller.create("A film that is found [[accept-drop]]", OUTPUT, model="runway")

    def doubtful(found: callers.Body) -> bool:
        return [one["state"] for shot in found["shots"] for one in shot["attempts"]] == ["INDETERMINATE"]

    lost = await caller.becomes(admitted["id"], doubtful, "nobody knows what became of it")
    (attempt,) = lost["shots"][0]["attempts"]
    (job_id,) = [job.job_id for job in ledger.all_jobs() if job.order.request == "A film that is found"]
    said = {"job_id": job_id, "reason": "it is on the console"}
    callers.answered(await caller.http.post(f"/api/v1/doubtful-attempts/{attempt['id']}/adopt", json=said), 200)
    done = await caller.ended(admitted["id"], 150.0)
    told = [(event["type"], event["message"]) for event in await caller.events(done["id"])]
    assert (done["state"], done["delivery"]) == ("COMPLETED", "VIDEO"), told
    assert (done["held_micros"], done["spent_micros"]) == (0, PRICE_MICROS), told
    (line,) = [each for each in ledger.lines(scene.vendor.now) if each.request == "A film that is found"]
    assert (line.creates, len(line.job_ids)) == (1, 1), told
