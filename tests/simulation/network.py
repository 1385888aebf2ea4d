"""The network between processes: who is reached under which name, and what happens on the way there and back."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from typing import Any

import grpc
from reelmesh_kit import process, rpc
from reelmesh_kit.rpc import calling, connecting, contract, limits

from tests.simulation import answers, calls, dice, faults, hosts, loop

SHORTEST_LATENCY_SECONDS = 0.0002
LONGEST_LATENCY_SECONDS = 0.004
# How much a slow network adds at most to each way.
SLOW_SECONDS = 2.5
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """A process that answers calls."""

    host: hosts.Host
    process: loop.Process
    methods: answers.Methods


@dataclasses.dataclass(frozen=True)
class Trip:
    """One call on its way."""

    caller: hosts.Host
    name: str
    path: str
    request: calls.Requests
    #: Seconds that are left for it when it begins.
    left: float | None

    @property
    def method(self) -> str:
        """The name of the method alone."""
        return self.path.rpartition("/")[2]


class Lines:
    """Connections, and who is to be told when a process at one end is no more."""

    def __init__(self) -> None:
        """Begin with none."""
        self._open: dict[int, tuple[loop.Process, Callable[[], None]]] = {}
        self._number = 0

    @contextlib.contextmanager
    def to(self, end: loop.Process, tell: Callable[[], None]) -> Generator[None]:
        """Keep a line to a process open."""
        self._number += 1
        number = self._number
        self._open[number] = (end, tell)
        try:
            yield
        finally:
            self._open.pop(number, None)

    def cut(self, end: loop.Process) -> None:
        """Break all lines to a process that is no more."""
        for tell in [tell for to, tell in self._open.values() if to is end]:
            tell()


class Network:
    """gRPC between hosts: round robin over replicas, and repetitions where the contract allows them."""

    def __init__(self, weather: faults.Weather, latencies: dice.Dice) -> None:
        """Begin with nobody to reach."""
        self.lines = Lines()
        self._weather = weather
        self._latencies = latencies
        self._endpoints: dict[str, list[Endpoint]] = {}
        self._turns: dict[str, int] = {}
        self._repeatable = frozenset(f"/{service}/{method}" for service, method in contract.idempotent_methods())

    def serve(self, name: str, host: hosts.Host, chassis: process.Chassis, services: Sequence[rpc.Service]) -> None:
        """Let the process of a host answer under a name, beside others."""
        assert host.process is not None
        endpoint = Endpoint(host, host.process, answers.Methods(chassis, services))
        self._endpoints[name] = [*(each for each in self._endpoints.get(name, ()) if each.host is not host), endpoint]

    def channel(
        self, host: hosts.Host, chassis: process.Chassis, name: str, timeout_seconds: float = 10.0
    ) -> rpc.Channel:
        """Return a channel of the kit from a host's process to a name."""
        plain: Any = calls.Plain(self, host, name)
        return rpc.Channel(
            connecting.Wire(lambda _: plain, chassis.clock), calling.Outgoing(chassis, name, timeout_seconds)
        )

    async def carried(self, host: hosts.Host, name: str, path: str, request: calls.Requests, left: float | None) -> Any:
        """Carry a call to somebody who answers it, and the answer back; again where gRPC does so.

        Raises:
            grpc.aio.AioRpcError: it failed.
        """
        trip = Trip(host, name, path, request, left)
        pause = limits.FIRST_RETRY_SECONDS
        tries = limits.RETRY_ATTEMPTS if path in self._repeatable and not request.streams else 1
        while True:
            tries -= 1
            try:
                return await self._once(trip)
            except grpc.aio.AioRpcError as error:
                if error.code() is not UNAVAILABLE or not tries:
                    raise
            await host.clock.sleep(pause)
            pause = min(limits.LONGEST_RETRY_SECONDS, pause * 2)

    async def _once(self, trip: Trip) -> Any:
        """Wait for the answer as the caller; the wire is nature's, so that a frozen caller freezes no server."""
        answer = asyncio.get_running_loop().create_future()
        wire = loop.natural(_put(lambda: self._exchanged(trip), answer))
        assert trip.caller.process is not None
        with self.lines.to(trip.caller.process, lambda: _cancel(wire)):
            try:
                return await answer
            finally:
                # A caller that goes away takes its call along.
                wire.cancel()

    async def _exchanged(self, trip: Trip) -> Any:
        self._weather.passed(trip.method, trip.caller.name)
        await self._latency(trip)
        endpoint = self._reached(trip)
        if not trip.request.streams and self._weather.strikes(faults.Kind.CALL_TWICE, trip.caller.name, trip.method):
            # As a proxy does that repeats: the first answer goes nowhere.
            await _swallowed(self._answered(endpoint, trip))
        result = await self._answered(endpoint, trip)
        self._weather.passed(f"answer of {trip.method}", trip.caller.name)
        await self._latency(trip)
        lost = self._weather.strikes(faults.Kind.ANSWER_LOST, trip.caller.name, trip.method)
        if lost or self._is_cut(trip, endpoint):
            raise failed("the connection broke before the answer came")
        return result

    async def _answered(self, endpoint: Endpoint, trip: Trip) -> Any:
        """Have the other process answer, as long as it lives."""
        outcome = asyncio.get_running_loop().create_future()
        handling = endpoint.process.spawn(
            _put(lambda: endpoint.methods.answered(trip.path, trip.request, trip.left), outcome)
        )
        with self.lines.to(endpoint.process, lambda: _fail(outcome, failed("connection reset"))):
            try:
                return await outcome
            except answers.Aborted as aborted:
                raise aborted.error from None
            finally:
                handling.cancel()

    def _reached(self, trip: Trip) -> Endpoint:
        """Return whose turn it is among those that listen.

        Raises:
            grpc.aio.AioRpcError: nobody does.
        """
        alive = [each for each in self._endpoints.get(trip.name, ()) if each.process.standing is not loop.Standing.DEAD]
        reachable = [each for each in alive if not self._is_cut(trip, each)]
        if not reachable:
            raise failed(f"nobody answers at {trip.name}")
        turn = self._turns[trip.name] = self._turns.get(trip.name, 0) + 1
        return reachable[turn % len(reachable)]

    def _is_cut(self, trip: Trip, endpoint: Endpoint) -> bool:
        return self._weather.during(faults.Kind.CUT, trip.caller.name, endpoint.host.name) is not None

    async def _latency(self, trip: Trip) -> None:
        seconds = self._latencies.uniform(SHORTEST_LATENCY_SECONDS, LONGEST_LATENCY_SECONDS)
        if self._weather.during(faults.Kind.CALL_SLOW, trip.caller.name):
            seconds += self._latencies.uniform(0.0, SLOW_SECONDS)
        await loop.passing(seconds)


def failed(details: str) -> grpc.aio.AioRpcError:
    """Return what gRPC raises for a call that the network failed."""
    return grpc.aio.AioRpcError(UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), details)


async def _put(work: Callable[[], Awaitable[Any]], future: "asyncio.Future[Any]") -> None:
    """Put what comes of work into a future that somebody else waits for."""
    try:
        result = await work()
    except asyncio.CancelledError:
        _fail(future, failed("cancelled"))
        raise
    except (grpc.aio.AioRpcError, answers.Aborted) as error:
        _fail(future, error)
    else:
        if not future.done():
            future.set_result(result)


def _fail(future: "asyncio.Future[Any]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _cancel(task: "asyncio.Task[Any]") -> None:
    task.cancel()


async def _swallowed(work: Coroutine[Any, Any, Any]) -> None:
    with contextlib.suppress(grpc.aio.AioRpcError):
        await work
