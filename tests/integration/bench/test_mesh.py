"""The mesh of the benchmarks, with a storage of its own."""

import asyncio

from bench import databases, load, memory, mesh

PATIENCE_SECONDS = 20.0


async def test_a_mesh_knows_nothing_of_the_one_before_it() -> None:
    # What one leaves where the next begins would be taken for a record that went back: nothing is submitted then.
    for _ in range(2):
        async with (
            mesh.on_empty(databases.SQLITE, memory.ENDLESS) as running,
            load.driver(running, until="attempt_accepted") as driver,
            asyncio.timeout(PATIENCE_SECONDS),
        ):
            await driver.burst(1)
