"""Orchestrators that are killed at any moment: every generation ends, and nothing is paid twice."""

import asyncio
import pathlib

import pytest
from reelmesh_kit import bus, chance, clock, process, rpc, sql
from reelmesh_orchestrator.model import card

from tests.support import invariants, orchestrators, record, scripted_worker

SEED = 20261121
SLOTS = 12
QUIET_SECONDS = 90.0


async def put_account(url: str) -> None:
    """Make the account of the scripted provider."""
    account = card.Account(scripted_worker.PROVIDER, scripted_worker.PROVIDER, SLOTS, exclusive=True)
    async with record.opened(url) as kept:
        await kept.write(lambda store: store.put_account(account))


async def kill_at_random(
    fleet: list[orchestrators.Orchestrator], times: int, least_seconds: float, most_seconds: float
) -> None:
    """Kill one after the other and start each again."""
    seeded = chance.SeededChance(SEED)
    for _ in range(times):
        await clock.SystemClock().sleep(seeded.uniform(least_seconds, most_seconds))
        one = fleet[int(seeded.uniform(0, len(fleet)))]
        await one.end()
        await one.start()


async def look_again_and_again(database: sql.Database, seen: list[str]) -> None:
    """Look again and again whether anything is wrong."""
    while True:
        seen += await invariants.always(database)
        await clock.SystemClock().sleep(0.3)


async def until_quiet(database: sql.Database) -> list[str]:
    """Wait until nothing is under way; return what is still wrong when patience ends."""
    wrong: list[str] = []
    for _ in range(int(QUIET_SECONDS / 0.5)):
        wrong = await invariants.quiet(database)
        if not wrong:
            return []
        await clock.SystemClock().sleep(0.5)
    return wrong


async def live_through(
    chassis: process.Chassis, url: str, nats_url: str, fleet: list[orchestrators.Orchestrator], count: int, kills: int
) -> None:
    vendor = scripted_worker.Vendor(busy=0.05, lost_answers=0.05, lost_submits=0.05, deaths=0.03)
    async with (
        record.opened(url) as kept,
        rpc.channel(chassis, orchestrators.target(fleet), timeout_seconds=5.0) as channel,
        bus.connect(chassis, nats_url) as link,
        scripted_worker.Worker(chassis, channel, link, vendor, SEED).running(),
    ):
        user, wrong = orchestrators.User(channel), list[str]()
        watching = asyncio.create_task(look_again_and_again(kept.database, wrong))
        killing = asyncio.create_task(kill_at_random(fleet, kills, 0.3, 2.0))
        made = await asyncio.gather(
            *(user.create(f"request-{number}", seconds=3.0 + 4.0 * (number % 3)) for number in range(count))
        )
        await killing
        left = await until_quiet(kept.database)
        watching.cancel()
        assert not left, "\n".join([*left, *(one.log()[-3000:] for one in fleet)])
        assert not wrong
        ended = [await user.get(one.id) for one in made]
        assert {orchestrators.state(one) for one in ended} == {"COMPLETED"}
        assert all(one.renditions for one in ended)
        assert max(vendor.submits.values()) == 1
        assert len({one.id for one in made}) == count
        again = await user.create("request-0", seconds=3.0)
        assert again.id == made[0].id


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_three_side_by_side_on_postgresql(
    chassis: process.Chassis, postgresql_url: str, nats_server: bus.NatsServer, tmp_path: pathlib.Path
) -> None:
    async with (
        scripted_worker.storage(chassis) as storage,
        orchestrators.running(3, tmp_path, postgresql_url, nats_server.url, STORAGE_ADDRESS=storage) as fleet,
    ):
        await put_account(postgresql_url)
        await live_through(chassis, postgresql_url, nats_server.url, fleet, count=60, kills=12)


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_one_alone_on_sqlite(
    chassis: process.Chassis, nats_server: bus.NatsServer, tmp_path: pathlib.Path
) -> None:
    url = f"sqlite:///{tmp_path / 'orchestrator.db'}"
    async with (
        scripted_worker.storage(chassis) as storage,
        orchestrators.running(1, tmp_path, url, nats_server.url, STORAGE_ADDRESS=storage) as fleet,
    ):
        await put_account(url)
        await live_through(chassis, url, nats_server.url, fleet, count=30, kills=6)
