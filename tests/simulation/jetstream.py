"""A JetStream server that loses, repeats, delays, reorders and forgets; and the kit's connection to it."""

import asyncio
import contextlib
import dataclasses
import datetime
import types
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import nats.errors
from nats.js import api
from reelmesh_kit import bus, errors, process
from reelmesh_kit.bus import connection, streams, words

from tests.simulation import dice, faults, loop

LONGEST_LATENCY_SECONDS = 0.003


@dataclasses.dataclass
class Stored:
    """A message in the work queue."""

    sequence: int
    subject: str
    data: bytes
    headers: Mapping[str, str]
    #: Virtual time from which on it may be delivered.
    due: float
    deliveries: int = 0


class Server:
    """The one NATS server. It keeps tasks only: events and notes have no consumer that anything depends on."""

    def __init__(self, weather: faults.Weather, latencies: dice.Dice) -> None:
        """Begin empty."""
        self.weather = weather
        self.links: list[Link] = []
        self.dead_letters: list[str] = []
        self._latencies = latencies
        self._tasks: dict[int, Stored] = {}
        self._known: dict[str, float] = {}
        self._sequence = 0
        self._news = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many tasks nobody has acknowledged."""
        return len(self._tasks)

    def forget(self) -> None:
        """Lose everything, as a server does whose disk is gone; connections break and come back."""
        self._tasks.clear()
        self._known.clear()
        for link in self.links:
            link.generation += 1

    async def travel(self) -> None:
        """Let a word travel to the server or back."""
        await loop.passing(self._latencies.uniform(0.0002, LONGEST_LATENCY_SECONDS))

    def store(self, subject: str, data: bytes, headers: Mapping[str, str]) -> None:
        """Take a message in, unless its id is known; then let fate have it."""
        now, id_ = _now(), headers.get(words.MESSAGE_ID_HEADER, "")
        if id_ in self._known and now - self._known[id_] < streams.DUPLICATE_WINDOW_SECONDS:
            return
        self._known[id_] = now
        if streams.of(subject) is streams.DEAD:
            self.dead_letters.append(subject)
        if streams.of(subject) is not streams.TASKS or self.weather.strikes(faults.Kind.MESSAGE_LOST, "bus", subject):
            return
        late = self.weather.strikes(faults.Kind.MESSAGE_LATE, "bus", subject)
        self._add(Stored(0, subject, data, headers, now + (late.seconds if late else 0.0)))
        if twice := self.weather.strikes(faults.Kind.MESSAGE_TWICE, "bus", subject):
            self._add(Stored(0, subject, data, headers, now + self._latencies.uniform(0.0, twice.seconds)))

    def take(self, subject: str, ack_wait_seconds: float) -> Stored | None:
        """Deliver the oldest message that is due; until it is acknowledged or late nobody else gets it."""
        now = _now()
        for stored in self._tasks.values():
            if stored.subject == subject and stored.due <= now:
                stored.deliveries += 1
                stored.due = now + ack_wait_seconds
                return stored
        return None

    def next_due(self, subject: str) -> float:
        """Return when the next message becomes due; infinity if there is none."""
        return min((one.due for one in self._tasks.values() if one.subject == subject), default=float("inf"))

    def acknowledge(self, stored: Stored) -> None:
        """Forget a message that is done."""
        if self.weather.strikes(faults.Kind.ACK_LOST, "bus", stored.subject):
            return
        self._tasks.pop(stored.sequence, None)

    def hand_back(self, stored: Stored, after_seconds: float) -> None:
        """Deliver it again, not before."""
        if stored.sequence in self._tasks:
            stored.due = _now() + after_seconds
            self._tell()

    async def news(self, until: float) -> None:
        """Wait for a message, or until that moment."""
        news = self._news
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await news.wait()

    def _add(self, stored: Stored) -> None:
        self._sequence += 1
        stored.sequence = self._sequence
        self._tasks[stored.sequence] = stored
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class Message:
    """A delivery, as nats-py hands it over."""

    def __init__(self, server: Server, stored: Stored, ack_wait_seconds: float) -> None:
        """Deliver."""
        self.subject = stored.subject
        self.data = stored.data
        self.headers = dict(stored.headers)
        self.metadata = types.SimpleNamespace(
            num_delivered=stored.deliveries,
            stream=streams.TASKS.name,
            sequence=types.SimpleNamespace(stream=stored.sequence),
            timestamp=datetime.datetime.fromtimestamp(0, datetime.UTC),
        )
        self._server = server
        self._stored = stored
        self._ack_wait_seconds = ack_wait_seconds

    async def ack(self) -> None:
        """Say that it is done."""
        await self._server.travel()
        self._server.acknowledge(self._stored)

    async def nak(self, delay: float = 0.0) -> None:
        """Ask for it again."""
        await self._server.travel()
        self._server.hand_back(self._stored, delay)

    async def term(self) -> None:
        """Say that nobody will ever do it."""
        await self.ack()

    async def in_progress(self) -> None:
        """Say that it is being done."""
        await self._server.travel()
        self._server.hand_back(self._stored, self._ack_wait_seconds)


class Pull:
    """A pull subscription."""

    def __init__(self, server: Server, plan: api.ConsumerConfig) -> None:
        """Pull as a consumer says."""
        self._server = server
        self._subject = plan.filter_subject or ""
        self._ack_wait_seconds = plan.ack_wait or 30.0

    async def fetch(self, batch: int, timeout: float) -> list[Message]:
        """Return a message when there is one.

        Raises:
            nats.errors.TimeoutError: there was none.
        """
        assert batch == 1
        until = _now() + timeout
        await self._server.travel()
        while _now() < until:
            if self._server.weather.during(faults.Kind.BUS_AWAY, "bus"):
                await loop.passing(until - _now())
                break
            stored = self._server.take(self._subject, self._ack_wait_seconds)
            if stored is not None:
                # Whoever goes away in between leaves it to the ack wait.
                await self._server.travel()
                return [Message(self._server, stored, self._ack_wait_seconds)]
            await self._server.news(min(until, self._server.next_due(self._subject)))
        raise nats.errors.TimeoutError

    async def unsubscribe(self) -> None:
        """Pull no more."""


class JetStream:
    """What the kit asks of JetStream's context."""

    def __init__(self, server: Server) -> None:
        """Speak to a server."""
        self._server = server
        self._plans: dict[str, api.ConsumerConfig] = {}

    async def publish(self, subject: str, payload: bytes, timeout: float, headers: Mapping[str, str]) -> None:
        """Store a message and wait for the server's word.

        Raises:
            nats.errors.TimeoutError: none came.
        """
        await self._server.travel()
        if self._server.weather.during(faults.Kind.BUS_AWAY, "bus"):
            await loop.passing(timeout)
            raise nats.errors.TimeoutError
        self._server.store(subject, payload, headers)
        if self._server.weather.strikes(faults.Kind.PUBLISH_UNANSWERED, "bus", subject):
            await loop.passing(timeout)
            raise nats.errors.TimeoutError
        await self._server.travel()

    async def publish_async(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> "asyncio.Task[None]":
        """Send a message; return what becomes the server's word."""
        work = self.publish(subject, payload, connection.API_TIMEOUT_SECONDS, headers)
        return asyncio.get_running_loop().create_task(work)

    async def add_consumer(self, stream: str, config: api.ConsumerConfig) -> None:
        """Make a consumer."""
        assert stream == streams.TASKS.name
        self._plans[config.durable_name or ""] = config

    async def pull_subscribe_bind(self, durable: str, stream: str) -> Pull:
        """Subscribe."""
        assert stream == streams.TASKS.name
        return Pull(self._server, self._plans[durable])


class Link:
    """The kit's connection, always there; what hangs is the server behind it."""

    is_up = True

    def __init__(self, server: Server) -> None:
        """Connect."""
        server.links.append(self)
        self.generation = 1
        self.jetstream = JetStream(server)

    @property
    def client(self) -> Any:
        """The plain client, for notes: nobody listens, as is allowed at any time.

        Raises:
            errors.Unavailable: always.
        """
        raise errors.Unavailable("notes go nowhere")

    async def wait_up(self) -> None:
        """Return: it is up."""

    async def ensure(self, stream: streams.Stream) -> None:
        """Make a stream: it is there."""

    @contextlib.asynccontextmanager
    async def while_up(self, timeout_seconds: float) -> AsyncGenerator[None]:
        """Bound a wait for the server."""
        async with asyncio.timeout(timeout_seconds):
            yield

    @contextlib.asynccontextmanager
    async def listening(self, subject: str, listener: connection.Listener) -> AsyncGenerator[None]:
        """Hear nothing."""
        yield


def connected(server: Server, chassis: process.Chassis) -> bus.Bus:
    """Return the kit's bus over a link to a server."""
    link: Any = Link(server)
    return bus.Bus(chassis, link)


def _now() -> float:
    return asyncio.get_running_loop().time()
