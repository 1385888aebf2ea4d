"""The bus as services see it."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import nats.errors
import nats.js.errors

from reelmesh_kit import errors, process, settings
from reelmesh_kit.bus import connection, letters, listening, publishing, streams, words, working

NOTES_LIMIT = 1000
ACK_WAIT_SECONDS = 30.0
MAX_DELIVER = 10
DRAIN_SECONDS = 5.0


@dataclass(frozen=True)
class Depth:
    """How much there is to do for one consumer."""

    pending: int
    """Messages that nobody has taken yet."""
    ack_pending: int
    """Messages that somebody works on, or that wait to come again."""


@contextlib.asynccontextmanager
async def connect(
    chassis: process.Chassis,
    url: str,
    *,
    stream_replicas: int = 1,
    needed: bool = True,
    first_connect_seconds: float = connection.FIRST_CONNECT_SECONDS,
) -> AsyncGenerator["Bus"]:
    """Yield the bus over NATS at `url` (or several, separated by commas).

    Waits a few seconds for the server and goes on without it: it is tried for ever, the streams are made whenever it
    comes (back), and meanwhile the health check "bus" says no and publishing raises Unavailable. The chassis says
    how we prove who we are, and by which certificates; files are read anew for each connection.

    Args:
        chassis: the service's chassis.
        url: such as "nats://127.0.0.1:4222".
        stream_replicas: how many servers of a cluster keep each stream.
        needed: whether the service is not ready without; False for one whose calls can be answered all the same.
        first_connect_seconds: how long to wait for the server.

    Raises:
        CannotStart: the server refuses us, or is not believed; the message says what to do. Later than now that is
            logged and told by the health check, and tried again for ever: credentials are renewed.
    """
    link = connection.Connection(chassis, url, stream_replicas)
    chassis.health.add("bus", link.check, needed=needed)
    try:
        async with process.supervise(chassis, bus_connection=link.keep):
            with contextlib.suppress(TimeoutError):
                await chassis.clock.wait_for(link.wait_decided(), first_connect_seconds)
            if link.refusal:
                raise process.CannotStart(f"NATS at {settings.without_password(url)}: {link.refusal}")
            yield Bus(chassis, link)
    finally:
        chassis.health.remove("bus")


class Bus:
    """Publishes, works and listens. Made by `connect`."""

    def __init__(self, chassis: process.Chassis, link: connection.Connection) -> None:
        """Use `link`."""
        self._chassis = chassis
        self._link = link
        self._publisher = publishing.Publisher(chassis, link)

    async def publish(self, subject: str, payload: bytes, *, message_id: str, traceparent: str = "") -> None:
        """Store a message in the stream of its subject, and wait (at most 5 s) until the server says that it has it.

        Args:
            subject: below "task." or "event.".
            payload: bytes of a protobuf message.
            message_id: a second message with the same id within two minutes is dropped, also when the first was
                worked off meanwhile. Never a serial number: a database made anew would use it again.
            traceparent: of the span, usually stored, that this belongs to; travels with the message.

        Raises:
            Unavailable: disconnected, no answer, or the stream is full. Publish again with the same id.
            TooLarge: the server takes no message of this size.
        """
        await self._publisher.publish(words.Message(subject, payload, message_id, traceparent))

    async def publish_all(self, messages: Sequence[words.Message]) -> Sequence[Exception | None]:
        """Publish messages side by side, as `publish` does each; return for each what went wrong, or None."""
        return await self._publisher.publish_all(messages)

    @property
    def is_up(self) -> bool:
        """Whether there is a connection now, as far as is known."""
        return self._link.is_up

    async def shout(self, subject: str, payload: bytes) -> None:
        """Tell whoever listens at this moment. May be lost; does nothing while disconnected.

        Raises:
            TooLarge: the server takes no message of this size.
        """
        await self._publisher.shout(subject, payload)

    def hear(
        self, subject: str, *, limit: int = NOTES_LIMIT
    ) -> AbstractAsyncContextManager[AsyncIterator[listening.Note]]:
        """Listen to what is shouted on `subject` (may have wildcards); at most `limit` notes wait, the oldest go."""
        return listening.hear(self._chassis, self._link, subject, limit)

    async def work(
        self,
        durable: str,
        subject: str,
        handle: Callable[[words.Delivery], Awaitable[words.Result]],
        *,
        slots: int,
        ack_wait_seconds: float = ACK_WAIT_SECONDS,
        max_deliver: int = MAX_DELIVER,
        drain_seconds: float = DRAIN_SECONDS,
    ) -> None:
        """Work off a subject until cancelled, whatever happens to the server meanwhile.

        Each message is delivered at least once: handlers survive being run twice, and what decides is in SQL. While a
        handler runs, however long, its message is delivered to nobody else. A handler that raises gets the message
        again after 1, 2, 4 … 60 s. When cancelled, nothing new is taken, running handlers have `drain_seconds`, and
        what is not done by then is handed to other workers at once.

        Args:
            durable: name of the consumer, shared by all workers that share the work.
            subject: exact or with wildcards; in the stream of tasks no two consumers may overlap.
            handle: does the work and says how it went.
            slots: how many handlers run at a time.
            ack_wait_seconds: how soon after a worker's death its messages go to others.
            max_deliver: how often a message is delivered before it becomes a dead letter.
            drain_seconds: how long to wait for running handlers when cancelled.
        """
        plan = working.Plan(durable, subject, slots, ack_wait_seconds, max_deliver, drain_seconds)
        await working.Worker(self._chassis, self._link, self._publisher, plan, handle).run()

    async def dead_letters(self, limit: int = 100) -> list[letters.DeadLetter]:
        """Return up to `limit` messages that were given up, the newest first.

        Raises:
            Unavailable: NATS does not answer.
        """
        return await letters.newest(self._link, limit)

    async def depth(self, durable: str, *, stream: streams.Stream = streams.TASKS) -> Depth:
        """Return how much there is to do for a consumer.

        Raises:
            NotFound: nobody has ever worked under this name (since the server lost its memory).
            Unavailable: NATS does not answer.
        """
        try:
            async with self._link.while_up(connection.API_TIMEOUT_SECONDS):
                info = await self._link.jetstream.consumer_info(stream.name, durable)
        except nats.js.errors.NotFoundError as error:
            raise errors.NotFound(f"There is no consumer {durable!r} of the stream {stream.name}.") from error
        except (nats.errors.Error, TimeoutError) as error:
            raise errors.Unavailable(f"The depth of {durable!r} cannot be read at the moment: {error}") from error
        return Depth(pending=info.num_pending or 0, ack_pending=info.num_ack_pending or 0)
