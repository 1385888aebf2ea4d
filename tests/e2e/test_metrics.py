"""What operators read from a mesh that works."""

import pathlib

import httpx
import pytest

from tests.e2e import caller, mesh

pytestmark = pytest.mark.slow


async def _metrics(replica: mesh.Replica) -> dict[str, float]:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{replica.running.admin_port}/metrics")
    lines = [line for line in answer.text.splitlines() if line.startswith("orchestrator_")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_the_orchestrator_tells_how_much_is_at_work_and_what_waits(tmp_path: pathlib.Path) -> None:
    async with mesh.up(tmp_path) as one:
        replica = one.one("orchestrator")
        made = await one.caller.create("a film that is never finished [[stall]]")

        async def shown() -> bool:
            found = await _metrics(replica)
            unfinished = sum(value for name, value in found.items() if name.startswith("orchestrator_generations"))
            return unfinished == 1 and any(
                value for name, value in found.items() if name.startswith("orchestrator_attempts")
            )

        await caller.until(shown, "its work is counted")
        await one.caller.cancel(made["id"])
        await one.caller.ended(made["id"])

        async def gone() -> bool:
            found = await _metrics(replica)
            return not any(value for name, value in found.items() if name.startswith("orchestrator_generations"))

        await caller.until(gone, "nothing is at work")
        for lane in ("bus", "storage"):
            assert f'orchestrator_outbox_oldest_seconds{{lane="{lane}"}}' in await _metrics(replica)
