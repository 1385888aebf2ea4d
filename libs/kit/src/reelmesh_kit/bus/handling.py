"""Handling one message: span, signs of life, the handler, and telling the server how it went."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable

import nats.errors
from nats.aio import msg as nats_msg
from opentelemetry import trace

from reelmesh_kit import crashing, errors, metrics, process
from reelmesh_kit.bus import conventions, letters, publishing, words

SIGNS_OF_LIFE_PER_ACK_WAIT = 3
# After a handler failed: 1, 2, 4 … 60 s.
FIRST_AGAIN_SECONDS = 1.0
LONGEST_AGAIN_SECONDS = 60.0
# After a dead letter could not be stored.
BURY_AGAIN_SECONDS = 5.0

Handle = Callable[[words.Delivery], Awaitable[words.Result]]


class Handling:
    """How the messages of one consumer are handled."""

    def __init__(
        self,
        chassis: process.Chassis,
        publisher: publishing.Publisher,
        consumer: str,
        ack_wait_seconds: float,
        max_deliver: int,
        handle: Handle,
    ) -> None:
        """Give messages to `handle`, at most `max_deliver` times each; dead letters go to `publisher`."""
        self._chassis = chassis
        self._publisher = publisher
        self._consumer = consumer
        self._life_every_seconds = ack_wait_seconds / SIGNS_OF_LIFE_PER_ACK_WAIT
        self._max_deliver = max_deliver
        self._handle = handle

    async def run(self, message: nats_msg.Msg) -> None:
        """Handle a message and settle it. Being cancelled hands it back at once."""
        delivery = _delivery(message)
        if delivery.deliveries > 1:
            self._chassis.telemetry.metrics.bus_redeliveries.labels(self._consumer).inc()
        with self._chassis.telemetry.span(
            conventions.span_name(conventions.PROCESS, delivery.subject),
            kind=trace.SpanKind.CONSUMER,
            parent=delivery.traceparent,
            links=[delivery.traceparent] if delivery.traceparent else [],
            attributes={
                **conventions.message_attributes(
                    conventions.PROCESS, delivery.subject, delivery.message_id, len(delivery.payload)
                ),
                conventions.CONSUMER: self._consumer,
                conventions.DELIVERIES: delivery.deliveries,
            },
        ) as span:
            began = self._chassis.clock.elapsed()
            result, outcome = await self._result(delivery, message, span)
            span.set_attribute(conventions.RESULT, outcome)
            seconds = self._chassis.clock.elapsed() - began
            histogram = self._chassis.telemetry.metrics.bus_process_duration
            metrics.observe(histogram, seconds, consumer=self._consumer, outcome=outcome)
            await self._settle(delivery, message, result)

    async def _result(
        self, delivery: words.Delivery, message: nats_msg.Msg, span: trace.Span
    ) -> tuple[words.Result, str]:
        if delivery.deliveries > self._max_deliver:
            # Each worker that took it died before it could say anything, or could not store the dead letter.
            return words.Poison(
                f"Delivered {self._max_deliver} times and never settled: did workers die over it?"
            ), "poison"
        try:
            async with self._signs_of_life(message):
                crashing.at(crashing.BEFORE_EFFECT)
                result = await self._handle(delivery)
        except asyncio.CancelledError:
            await self._tell(message.nak)
            raise
        except Exception as error:
            self._chassis.logger.exception("The handler of %s failed.", self._consumer)
            span.record_exception(error)
            span.set_attribute(conventions.ERROR_TYPE, type(error).__name__)
            span.set_status(trace.Status(trace.StatusCode.ERROR))
            pause = min(LONGEST_AGAIN_SECONDS, FIRST_AGAIN_SECONDS * 2.0 ** min(delivery.deliveries - 1, 10))
            return self._limited(delivery, words.Again(pause), f"{type(error).__name__}: {error}"), "failed"
        return self._limited(delivery, result, "not done by then"), type(result).__name__.lower()

    def _limited(self, delivery: words.Delivery, result: words.Result, why: str) -> words.Result:
        if isinstance(result, words.Again) and delivery.deliveries >= self._max_deliver:
            return words.Poison(f"Given up after {delivery.deliveries} deliveries: {why}")
        return result

    async def _settle(self, delivery: words.Delivery, message: nats_msg.Msg, result: words.Result) -> None:
        crashing.at(crashing.BEFORE_ACK)
        match result:
            case words.Done():
                await self._tell(message.ack)
            case words.Again(after_seconds):
                await self._tell(lambda: message.nak(delay=after_seconds))
            case words.Poison(reason):
                await self._bury(delivery, message, reason)

    async def _bury(self, delivery: words.Delivery, message: nats_msg.Msg, reason: str) -> None:
        """Keep it as a dead letter, and only then end it."""
        self._chassis.logger.error(
            "%s gives up a message on %s: %s",
            self._consumer,
            delivery.subject,
            reason,
            extra={"message_id": delivery.message_id, "deliveries": delivery.deliveries},
        )
        try:
            await letters.bury(self._publisher, delivery, self._consumer, reason, _letter_id(message))
        except errors.Unavailable as error:
            self._chassis.logger.warning("The dead letter could not be stored and comes again: %s", error)
            await self._tell(lambda: message.nak(delay=BURY_AGAIN_SECONDS))
            return
        self._chassis.telemetry.metrics.bus_dead_letters.labels(self._consumer).inc()
        await self._tell(message.term)

    async def _tell(self, word: Callable[[], Awaitable[None]]) -> None:
        """Send an acknowledgement. One that is lost is harmless: the message comes again."""
        try:
            await word()
        except nats.errors.Error as error:
            self._chassis.logger.warning("%s: an acknowledgement was lost: %s", self._consumer, error)

    @contextlib.asynccontextmanager
    async def _signs_of_life(self, message: nats_msg.Msg) -> AsyncGenerator[None]:
        """Keep the message ours while the body runs, from a task of its own."""

        async def beat() -> None:
            while True:
                await self._chassis.clock.sleep(self._life_every_seconds)
                await self._tell(message.in_progress)

        beating = asyncio.create_task(beat())
        try:
            yield
        finally:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating


def _delivery(message: nats_msg.Msg) -> words.Delivery:
    headers = dict(message.headers or {})
    return words.Delivery(
        subject=message.subject,
        payload=message.data,
        headers=headers,
        deliveries=message.metadata.num_delivered,
        message_id=headers.get(words.MESSAGE_ID_HEADER, ""),
        sign_of_life=message.in_progress,
    )


def _letter_id(message: nats_msg.Msg) -> str:
    """Return an id that this stored message alone has: sequences begin anew after the server lost its memory."""
    place = message.metadata
    return f"{place.stream}.{place.sequence.stream}.{place.timestamp.timestamp()}"
