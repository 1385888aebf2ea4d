"""A provider that misbehaves in every way it can: each attempt is submitted once at most, and all ends as designed."""

import dataclasses
from collections.abc import AsyncGenerator, Mapping

import pytest
import pytest_asyncio

from tests.e2e import caller as callers
from tests.e2e import mesh as meshes

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@dataclasses.dataclass(frozen=True)
class Tale:
    """What a fault shall lead to."""

    attempts: tuple[str, ...]
    """States of the attempts, oldest first."""
    told: tuple[str, ...] = ()
    """Types of events that come in this order, among others."""
    delivery: str = "VIDEO"
    jobs: int = 1
    """Jobs that the provider has made."""
    words: str = ""
    """What the failure of the first attempt speaks of."""


LOST = "attempt_indeterminate"
REFUSED = "attempt_refused"
TALES: Mapping[str, Tale] = {
    "[[slow=0.5]]": Tale(("SUCCEEDED",), ("attempt_accepted", "attempt_succeeded", "completed")),
    "[[accept-delay=1]]": Tale(("SUCCEEDED",), ("attempt_submitting", "attempt_accepted", "completed")),
    # The answer to the submit does not come in time: the job is found, and the clip is that of the first submit.
    "[[accept-delay=30]]": Tale(("SUCCEEDED",), (LOST, "attempt_accepted", "attempt_succeeded", "completed")),
    "[[drop]]": Tale(("SUCCEEDED",), (LOST, "attempt_accepted", "attempt_succeeded", "completed")),
    "[[vanish:1]]": Tale(
        ("NEVER_CREATED", "SUCCEEDED"), (LOST, "attempt_never_created", "attempt_planned", "completed")
    ),
    "[[busy=0.5:1]]": Tale(("FAILED", "SUCCEEDED"), (REFUSED, "attempt_planned", "completed"), words="busy"),
    "[[busy=0.2:5]]": Tale(("FAILED",) * 5 + ("SUCCEEDED",), (REFUSED,) * 5 + ("completed",), words="busy"),
    "[[refuse:1]]": Tale(("FAILED", "SUCCEEDED"), (REFUSED, "attempt_planned", "completed"), words="refuse"),
    "[[refuse-for-good]]": Tale(("FAILED",), (REFUSED, "completed"), "INFOGRAPHIC", 0, words="refuse-for-good"),
    "[[unsafe]]": Tale(("FAILED",), (REFUSED, "completed"), "INFOGRAPHIC", 0, words="unsafe"),
    "[[fail]]": Tale(("FAILED",), ("attempt_accepted", "attempt_failed", "completed"), "INFOGRAPHIC", words="FAILED"),
    "[[filter]]": Tale(
        ("FAILED",), ("attempt_accepted", "attempt_failed", "completed"), "INFOGRAPHIC", words="FILTERED"
    ),
    "[[fetch-fails=2]]": Tale(("SUCCEEDED",), ("attempt_succeeded", "completed")),
    "[[fetch-lost]]": Tale(("FAILED",), ("attempt_failed", "completed"), "INFOGRAPHIC", words="clip"),
    "[[no-video]]": Tale(("FAILED",), ("attempt_failed", "completed"), "INFOGRAPHIC", words="MP4"),
    "[[corrupt]]": Tale(("FAILED",), ("attempt_failed", "completed"), "INFOGRAPHIC"),
    "[[drop]][[fetch-fails=1]][[slow=0.5]]": Tale(("SUCCEEDED",), (LOST, "attempt_accepted", "completed")),
    "[[busy=0.3:1]][[drop:2]]": Tale(("FAILED", "SUCCEEDED"), (REFUSED, LOST, "attempt_accepted", "completed")),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[meshes.Mesh]:
    told = {"orchestrator": {"free_account_slots": 50}, meshes.WORKER: {"submit_slots": 50}}
    async with meshes.up(tmp_path_factory.mktemp("mesh"), meshes.Wanted(told=told)) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admitted(mesh: meshes.Mesh) -> dict[str, str]:
    """Ask for all of them at once; return the generations' ids by their faults."""
    return {faults: (await mesh.caller.create(f"A test of patience {faults}"))["id"] for faults in TALES}


@pytest.mark.parametrize("faults", TALES)
async def test_it_ends_as_designed_and_no_attempt_was_submitted_twice(mesh, admitted, faults: str) -> None:
    tale = TALES[faults]
    done = await mesh.caller.ended(admitted[faults])
    events = await mesh.caller.events(done["id"])
    assert (done["state"], done["delivery"]) == ("COMPLETED", tale.delivery), events
    (shot,) = done["shots"]
    attempts = callers.sent(shot)
    assert tuple(attempt["state"] for attempt in attempts) == tale.attempts, events
    _in_order(tale.told, [event["type"] for event in events])
    submits = mesh.submits(done)
    assert set(submits) <= {attempt["id"] for attempt in attempts}
    assert all(len(results) == 1 for results in submits.values()), submits
    assert sum(results == ["created"] for results in submits.values()) == tale.jobs
    if tale.words:
        assert tale.words in attempts[0]["failure"]["message"]
    assert (done["held_micros"], done["spent_micros"]) == (0, 0)
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))


def _in_order(wanted: tuple[str, ...], told: list[str]) -> None:
    rest = iter(told)
    assert all(type_ in rest for type_ in wanted), (wanted, told)
