"""Publishing: to streams, where only the server's acknowledgement counts, and to whoever listens right now."""

import asyncio
import contextlib
from collections.abc import Generator, Mapping, Sequence

import nats.errors
import nats.js.errors
from opentelemetry import trace

from reelmesh_kit import errors, metrics, process, telemetry
from reelmesh_kit.bus import connection, conventions, streams, words

PUBLISH_TIMEOUT_SECONDS = 5.0


class Publisher:
    """Publishes over a connection."""

    def __init__(self, chassis: process.Chassis, link: connection.Connection) -> None:
        """Publish over `link`."""
        self._chassis = chassis
        self._link = link

    async def publish(self, message: words.Message) -> None:
        """Store a message in the stream of its subject; see `Bus.publish`."""
        headers = {words.MESSAGE_ID_HEADER: message.message_id}
        if not _is_span(message):
            if message.traceparent:
                headers[words.TRACEPARENT_HEADER] = message.traceparent
            await self.store(message.subject, message.payload, headers)
            return
        size = len(message.payload)
        with self._chassis.telemetry.span(
            conventions.span_name(conventions.SEND, message.subject),
            kind=trace.SpanKind.PRODUCER,
            parent=message.traceparent,
            attributes=conventions.message_attributes(conventions.SEND, message.subject, message.message_id, size),
        ):
            headers[words.TRACEPARENT_HEADER] = telemetry.current_traceparent()
            await self.store(message.subject, message.payload, headers)

    async def publish_all(self, messages: Sequence[words.Message]) -> Sequence[Exception | None]:
        """Publish messages side by side; return for each what went wrong, or None."""
        return await asyncio.gather(*(self._tried(message) for message in messages))

    async def _tried(self, message: words.Message) -> Exception | None:
        try:
            await self.publish(message)
        except errors.ReelmeshError as error:
            return error
        return None

    async def store(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
        """Publish with these headers and wait until the server has the message, at most PUBLISH_TIMEOUT_SECONDS.

        Raises:
            Unavailable: it is not known to be stored; the same message with the same id may be published again.
            TooLarge: the server takes no message of this size.
        """
        stream = streams.of(subject)
        with self._measured(stream), _in_our_words(subject):
            async with self._link.while_up(PUBLISH_TIMEOUT_SECONDS):
                try:
                    await self._stored(subject, payload, headers)
                except nats.js.errors.NoStreamResponseError:
                    # The server has lost its memory while the connection stood.
                    await self._link.ensure(stream)
                    await self._stored(subject, payload, headers)

    async def shout(self, subject: str, payload: bytes) -> None:
        """Publish to whoever listens; nothing happens while disconnected."""
        if not self._link.is_up:
            return
        try:
            await self._link.client.publish(subject, payload)
        except nats.errors.MaxPayloadError as error:
            raise errors.TooLarge(f"A note on {subject} is larger than NATS takes.") from error
        except (nats.errors.Error, errors.Unavailable) as error:
            self._chassis.logger.debug("A note on %s was lost: %s", subject, error)

    async def _stored(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
        # Not `publish_async`: of its client 2.16, an answer that refuses is lost in the callback that should tell it.
        await self._link.jetstream.publish(subject, payload, timeout=PUBLISH_TIMEOUT_SECONDS, headers=dict(headers))

    @contextlib.contextmanager
    def _measured(self, stream: streams.Stream) -> Generator[None]:
        began = self._chassis.clock.elapsed()
        outcome = "failed"
        try:
            yield
            outcome = "ok"
        finally:
            seconds = self._chassis.clock.elapsed() - began
            histogram = self._chassis.telemetry.metrics.bus_publish_duration
            metrics.observe(histogram, seconds, stream=stream.name, outcome=outcome)


def _is_span(message: words.Message) -> bool:
    return bool(message.traceparent) and streams.of(message.subject).few_subjects


@contextlib.contextmanager
def _in_our_words(subject: str) -> Generator[None]:
    try:
        yield
    except nats.errors.MaxPayloadError as error:
        raise errors.TooLarge(f"A message on {subject} is larger than NATS takes.") from error
    except nats.errors.BadSubjectError as error:
        raise errors.InvalidArgument("subject", f"{subject!r} is no subject to publish on") from error
    except (nats.errors.Error, TimeoutError, OSError) as error:
        raise errors.Unavailable(
            f"NATS did not store the message on {subject}: {str(error) or type(error).__name__}. "
            "Publish it again with the same id."
        ) from error
