"""Who settles what is left in doubt: `reelmesh doubts`, with the vendors' consoles to look at."""

import asyncio
import contextlib
import json
from collections.abc import Sequence

from click import testing
from reelmesh_client import client, errors
from reelmesh_client.commands import doubting

from tests.chaos_money import judging
from tests.e2e import mesh as meshes

SEEN = "it stands on the vendor's console"
UNSEEN = "the vendor's console has nothing"
MOST = 10_000


async def listed(mesh: meshes.Mesh) -> Sequence[str]:
    """Return the attempts that `reelmesh doubts list` shows."""
    words = ["list", "--json", "--limit", str(MOST), "--address", _address(mesh), "--api-key", mesh.key]
    shown = await asyncio.to_thread(testing.CliRunner().invoke, doubting.doubts, words)
    assert shown.exit_code == 0, shown.output
    return [str(attempt["attempt_id"]) for attempt in json.loads(shown.stdout)]


async def settle(mesh: meshes.Mesh, doubtful: Sequence[judging.Ending]) -> tuple[int, int]:
    """Settle every attempt in doubt: adopt what the vendor has, write off what it has not; return how many of each."""
    adopted = given_up = 0
    async with client.Client(_address(mesh), mesh.key) as operator:
        for ending in doubtful:
            jobs = sorted(ending.jobs)
            for attempt in ending.in_doubt:
                # What has resolved by itself meanwhile needs nobody.
                with contextlib.suppress(errors.WrongState):
                    if jobs:
                        await operator.adopt_job(attempt.attempt_id, jobs.pop(), SEEN)
                        adopted += 1
                    else:
                        await operator.write_off(attempt.attempt_id, UNSEEN)
                        given_up += 1
    return adopted, given_up


def _address(mesh: meshes.Mesh) -> str:
    return f"127.0.0.1:{mesh.one('gateway').running.grpc_port}"
