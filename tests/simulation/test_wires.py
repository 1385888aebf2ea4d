"""What the simulated databases, buses and networks do to those who rely on them."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import sqlalchemy as sa
from reelmesh_kit import bus, errors, sql
from reelmesh_orchestrator.adapters.sql import tables

from tests.simulation import databases, dice, faults, history, hosts, jetstream, loop, network
from tests.simulation.faults import Fault, Kind

ROW = {"id": "a", "provider": "p", "slots": 1, "exclusive": True, "enabled": True}


def lived(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run work on a virtual loop."""
    running = loop.VirtualLoop()
    try:
        return running.run_until_complete(work())
    finally:
        running.end()


def weather(*drawn: Fault) -> faults.Weather:
    """Return the weather of these faults, on the running loop's clock."""
    now = asyncio.get_running_loop().time
    return faults.Weather(drawn, now, history.History(now))


async def written(kind: Kind | None) -> tuple[type[Exception] | None, int, int]:
    """Write a row in such weather; return what was raised, how often it was told, and how many rows there are."""
    told: list[str] = []
    drawn = [Fault(kind, 0.0, "record", seconds=5.0 if kind is Kind.DATABASE_AWAY else 0.0)] if kind else []
    inner = databases.InLoop(databases.emptied("reelmesh_orchestrator"), hosts.HostClock())
    afar = databases.Faulty("record", inner, weather(*drawn), dice.Dice(0))

    def work(transaction: sql.Transaction) -> None:
        transaction.after_commit(lambda: told.append("committed"))
        transaction.execute(tables.ACCOUNTS.insert().values(ROW))

    raised: type[Exception] | None = None
    try:
        await afar.write(work)
    except errors.ReelmeshError as error:
        raised = type(error)
    rows = inner.look(lambda transaction: transaction.rows(sa.select(tables.ACCOUNTS)))
    await inner.close()
    return raised, len(told), len(rows)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        pytest.param(None, (None, 1, 1), id="fair"),
        pytest.param(Kind.COMMIT_UNTOLD, (sql.AmbiguousCommit, 0, 1), id="committed, nobody knows"),
        pytest.param(Kind.COMMIT_LOST, (sql.AmbiguousCommit, 0, 0), id="not committed, nobody knows"),
        pytest.param(Kind.WORK_AGAIN, (None, 1, 1), id="run twice"),
        pytest.param(Kind.DATABASE_AWAY, (errors.Unavailable, 0, 0), id="away"),
    ],
)
def test_commits_end_as_the_weather_says(kind: Kind | None, outcome: tuple[Any, int, int]) -> None:
    assert lived(lambda: written(kind)) == outcome


async def handled(*drawn: Fault, seconds: float = 60.0) -> list[tuple[str, int]]:
    """Publish two tasks in such weather; return what a worker of the kit was given, with the delivery's number."""
    given: list[tuple[str, int]] = []
    server = jetstream.Server(weather(*drawn), dice.Dice(0))
    chassis = hosts.plain_chassis("worker", hosts.HostClock(), hosts.Watchdog(history.History(lambda: 0.0), tell=False))
    link = jetstream.connected(server, chassis)

    async def handle(delivery: bus.Delivery) -> bus.Result:
        given.append((delivery.payload.decode(), delivery.deliveries))
        return bus.Done()

    async def forget() -> None:
        await loop.passing(0.5)
        if any(fault.kind is Kind.BUS_FORGETS for fault in drawn):
            server.forget()

    for name in ("one", "two"):
        await link.publish("task.media.quick", name.encode(), message_id=name)
        await link.publish("task.media.quick", name.encode(), message_id=name)
    await forget()
    process = loop.Process("worker")
    process.spawn(link.work("d", "task.media.quick", handle, slots=1, ack_wait_seconds=5.0))
    await loop.passing(seconds)
    return given


@pytest.mark.parametrize(
    ("drawn", "given"),
    [
        pytest.param([], [("one", 1), ("two", 1)], id="fair"),
        pytest.param([Fault(Kind.MESSAGE_LOST, 0.0, "bus")], [("two", 1)], id="lost"),
        pytest.param([Fault(Kind.MESSAGE_LATE, 0.0, "bus", 9.0)], [("two", 1), ("one", 1)], id="late"),
        pytest.param([Fault(Kind.MESSAGE_TWICE, 0.0, "bus", 0.1)], [("one", 1), ("one", 1), ("two", 1)], id="twice"),
        pytest.param([Fault(Kind.ACK_LOST, 0.0, "bus")], [("one", 1), ("two", 1), ("one", 2)], id="ack lost"),
        pytest.param([Fault(Kind.BUS_FORGETS, 0.0)], [], id="forgotten"),
    ],
)
def test_messages_come_as_the_weather_says(drawn: list[Fault], given: list[tuple[str, int]]) -> None:
    assert lived(lambda: handled(*drawn)) == given


def test_a_call_to_nobody_fails_and_says_so() -> None:
    async def call() -> None:
        wires = network.Network(weather(), dice.Dice(0))
        trip = network.Trip(host(), "nobody", "/service/Method", network.calls.Requests(()), 1.0)
        with pytest.raises(network.grpc.aio.AioRpcError) as failed:
            await wires._exchanged(trip)
        assert failed.value.code() is network.UNAVAILABLE

    lived(call)


def host() -> hosts.Host:
    """Return a machine on which nothing runs."""

    async def nothing(_: hosts.Host, __: Any) -> None:
        return

    log = history.History(lambda: 0.0)
    return hosts.Host("host", dice.Dice(0), log, hosts.Watchdog(log, tell=False), nothing)
