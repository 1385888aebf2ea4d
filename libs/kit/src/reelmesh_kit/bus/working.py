"""Working off a stream: a fixed number of slots, each of which takes a message, handles it and says how it went.

Only pull consumers; each request is for one message and holds a free slot, so that nothing waits unseen in a client.
`max_deliver` is ours and not JetStream's: a message over JetStream's limit stays in a work queue for ever, undelivered
and unlisted; here it becomes a dead letter, whoever died over it.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

import nats.errors
from nats.aio import msg as nats_msg
from nats.js import JetStreamContext, api

from reelmesh_kit import errors, process
from reelmesh_kit.bus import connection, handling, publishing, streams, words

# After a restart of the server a pull request hangs until it ends by itself, so it is short.
PULL_SECONDS = 2.0
# A request of each is all that an idle worker costs. The second one asks while the first one's message is handed on.
PULLERS = 2
FIRST_RETRY_SECONDS = 0.2
LONGEST_RETRY_SECONDS = 5.0
# Of all workers of one consumer together; messages that wait for `Again` count.
ACK_PENDING_LIMIT = 4096
PULLS_LIMIT = 4096
UNLIMITED = -1

Handle = Callable[[words.Delivery], Awaitable[words.Result]]


@dataclass(frozen=True)
class Plan:
    """How to work off a subject."""

    durable: str
    subject: str
    slots: int
    ack_wait_seconds: float
    max_deliver: int
    drain_seconds: float

    def __post_init__(self) -> None:
        """Refuse what cannot work; a subject that no stream holds, too."""
        streams.of(self.subject)
        if self.slots < 1 or self.max_deliver < 1 or self.ack_wait_seconds <= 0:
            raise ValueError("slots and max_deliver are at least 1, ack_wait_seconds is above 0.")

    @property
    def stream(self) -> streams.Stream:
        """The stream that holds the subject."""
        return streams.of(self.subject)

    def consumer(self) -> api.ConsumerConfig:
        """Return what the server is told. No `backoff`: it would silently replace `ack_wait`."""
        return api.ConsumerConfig(
            name=self.durable,
            durable_name=self.durable,
            filter_subject=self.subject,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=self.ack_wait_seconds,
            max_deliver=UNLIMITED,
            max_ack_pending=ACK_PENDING_LIMIT,
            max_waiting=PULLS_LIMIT,
        )


class Worker:
    """Works off one plan until cancelled."""

    def __init__(
        self,
        chassis: process.Chassis,
        link: connection.Connection,
        publisher: publishing.Publisher,
        plan: Plan,
        handle: Handle,
    ) -> None:
        """Pull over `link` and give what comes to `handle`."""
        self._chassis = chassis
        self._link = link
        self._plan = plan
        self._handling = handling.Handling(
            chassis, publisher, plan.durable, plan.ack_wait_seconds, plan.max_deliver, handle
        )
        self._free = asyncio.Semaphore(plan.slots)
        self._handlers: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Work until cancelled; then handlers have `drain_seconds` to finish, and what is not done is handed back."""
        try:
            async with asyncio.TaskGroup() as pullers:
                for number in range(min(self._plan.slots, PULLERS)):
                    pullers.create_task(self._pull(), name=f"{self._plan.durable} puller {number}")
        finally:
            await self._drain()

    async def _pull(self) -> None:
        failures = 0
        while True:
            connection.stop_if_asked()
            await self._link.wait_up()
            try:
                async with self._pulling() as pull:
                    failures = 0
                    await self._fill_slots(pull)
            except (nats.errors.Error, errors.Unavailable, TimeoutError) as error:
                failures += 1
                self._chassis.logger.debug("%s: no messages can be had: %s", self._plan.durable, error)
                await self._chassis.clock.sleep(self._pause_seconds(failures))

    async def _fill_slots(self, pull: JetStreamContext.PullSubscription) -> None:
        """Take a message for each slot that gets free; return when the connection came up anew."""
        generation = self._link.generation
        while self._link.generation == generation:
            connection.stop_if_asked()
            await self._free.acquire()
            try:
                message = await self._next(pull)
            except BaseException:
                self._free.release()
                raise
            if message is None:
                self._free.release()
                connection.stop_if_asked()
                await self._link.wait_up()
            else:
                self._handle(message)

    async def _next(self, pull: JetStreamContext.PullSubscription) -> nats_msg.Msg | None:
        """Return a message, or None where there is nothing to do, or nobody there."""
        try:
            async with self._link.while_up(2 * PULL_SECONDS):
                (message,) = await pull.fetch(1, timeout=PULL_SECONDS)
        except TimeoutError:
            return None
        if connection.asked_to_stop():
            await message.nak()
            return None
        return message

    def _handle(self, message: nats_msg.Msg) -> None:
        # A task of its own at once: whoever cancels the puller from here on finds it among those that are drained.
        handler = asyncio.create_task(self._handling.run(message))
        self._handlers.add(handler)
        handler.add_done_callback(self._let_go)

    def _let_go(self, handler: asyncio.Task[None]) -> None:
        self._handlers.discard(handler)
        self._free.release()
        if not handler.cancelled() and (error := handler.exception()) is not None:
            self._chassis.logger.error(
                "%s: a message was not settled and comes again", self._plan.durable, exc_info=error
            )

    async def _drain(self) -> None:
        """Let handlers finish, for a while; a second cancellation ends the while."""
        handlers = set(self._handlers)
        if not handlers:
            return
        try:
            await asyncio.wait(handlers, timeout=self._plan.drain_seconds)
        finally:
            for handler in handlers:
                handler.cancel()
            await asyncio.wait(handlers)

    @contextlib.asynccontextmanager
    async def _pulling(self) -> AsyncGenerator[JetStreamContext.PullSubscription]:
        """Make the stream and the consumer if need be, and subscribe."""
        await self._link.ensure(self._plan.stream)
        async with self._link.while_up(connection.API_TIMEOUT_SECONDS):
            jetstream = self._link.jetstream
            await jetstream.add_consumer(self._plan.stream.name, self._plan.consumer())
            pull = await jetstream.pull_subscribe_bind(self._plan.durable, self._plan.stream.name)
        try:
            yield pull
        finally:
            with contextlib.suppress(nats.errors.Error):
                await pull.unsubscribe()

    def _pause_seconds(self, failures: int) -> float:
        doubled = FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, 10)
        return self._chassis.chance.uniform(0.8, 1.2) * min(doubled, LONGEST_RETRY_SECONDS)
