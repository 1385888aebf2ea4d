"""Any number of everything side by side on PostgreSQL: the work is shared, done once, and outlives who does it."""

import asyncio
import uuid
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from tests.e2e import caller as callers
from tests.e2e import mesh as meshes
from tests.support import postgresql

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

GENERATIONS = 12
MOST_GENERATIONS = 30
SMALL = {"width": 320, "height": 180, "duration_seconds": 1}
# The third of each is a process of its own, to be killed.
MORTAL = 2


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(
    postgresql_server: postgresql.PostgresqlServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[meshes.Mesh]:
    names = {service: f"{service}_{uuid.uuid4().hex}" for service in ("orchestrator", "storage")}  # noqa: TID251
    for name in names.values():
        postgresql_server.run(f'CREATE DATABASE "{name}"')
    told: dict[str, dict[str, object]] = {
        service: {"database_url": postgresql_server.url(name)} for service, name in names.items()
    }
    told["orchestrator"]["free_account_slots"] = 6
    # Each asks for one task at a time, so that they take turns.
    told[meshes.WORKER] = {"submit_slots": 1}
    wanted = meshes.Wanted(
        orchestrators=3,
        gateways=2,
        workers=3,
        media=2,
        told=told,
        apart=frozenset({f"orchestrator-{MORTAL}", f"{meshes.WORKER}-{MORTAL}"}),
    )
    async with meshes.up(tmp_path_factory.mktemp("mesh"), wanted) as running:
        yield running
    for name in names.values():
        postgresql_server.run(f'DROP DATABASE "{name}" WITH (FORCE)')


async def _asked(mesh: meshes.Mesh, prompt: str, count: int) -> list[callers.Body]:
    """Ask at both gateways at once."""
    return list(
        await asyncio.gather(
            *(
                mesh.callers[number % 2].create(f"{prompt} {number}", SMALL, labels={"number": str(number)})
                for number in range(count)
            )
        )
    )


async def _made(mesh: meshes.Mesh, asked: list[callers.Body]) -> list[callers.Body]:
    """Wait at the other gateway until all are videos, each attempt submitted once at most."""
    done = [await mesh.callers[(number + 1) % 2].ended(each["id"], 90) for number, each in enumerate(asked)]
    for each in done:
        events = await mesh.caller.events(each["id"])
        assert (each["state"], each["delivery"]) == ("COMPLETED", "VIDEO"), (each, events)
        assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
        assert [event["type"] for event in events].count("completed") == 1
        attempts = [attempt["state"] for shot in each["shots"] for attempt in shot["attempts"]]
        assert attempts.count("SUCCEEDED") == 1, attempts
        submits = mesh.submits(each)
        assert all(len(results) == 1 for results in submits.values()), submits
    return done


def _workers_that_made(mesh: meshes.Mesh, done: list[callers.Body]) -> set[int]:
    return {number for each in done for number in range(3) if mesh.jobs_at(number, each)}


async def test_the_work_is_shared_and_everything_is_made_once(mesh) -> None:
    asked = await _asked(mesh, "A fleet", GENERATIONS)
    done = await _made(mesh, asked)
    assert all(len(mesh.submits(each)) == 1 for each in done)
    assert _workers_that_made(mesh, done) == {0, 1, 2}


async def test_a_worker_and_an_orchestrator_are_killed_in_the_middle_and_everything_is_made(mesh) -> None:
    asked = await _asked(mesh, "A convoy [[slow=0.5]]", GENERATIONS // 2)

    def under_way() -> list[str]:
        return [each["id"] for each in asked if {"QUEUED", "RENDERING"} & set(mesh.jobs_at(MORTAL, each).values())]

    while not under_way():
        assert len(asked) < MOST_GENERATIONS, "the worker never got anything to do"
        asked.append(await mesh.caller.create("One more [[slow=0.5]]", SMALL))
        await callers.until(lambda: mesh.jobs(asked[-1]), "somebody is at it")
    await mesh.apart(meshes.WORKER, MORTAL).kill()
    await mesh.apart("orchestrator", MORTAL).kill()
    orphaned = under_way()
    assert orphaned
    done = await _made(mesh, asked)
    for each in done:
        if each["id"] in orphaned:
            assert len(each["shots"][0]["attempts"]) > 1, "somebody else made what went with the worker"
