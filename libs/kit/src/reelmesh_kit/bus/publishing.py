"""Publishing: to streams, where only the server's acknowledgement counts, and to whoever listens right now."""

import contextlib
from collections.abc import Generator, Mapping

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

    async def publish(self, subject: str, payload: bytes, *, message_id: str, traceparent: str = "") -> None:
        """Store a message in the stream of its subject; see `Bus.publish`."""
        headers = {words.MESSAGE_ID_HEADER: message_id}
        if not traceparent:
            await self.store(subject, payload, headers)
            return
        with self._chassis.telemetry.span(
            conventions.span_name(conventions.SEND, subject),
            kind=trace.SpanKind.PRODUCER,
            parent=traceparent,
            attributes=conventions.message_attributes(conventions.SEND, subject, message_id, len(payload)),
        ):
            headers[words.TRACEPARENT_HEADER] = telemetry.current_traceparent()
            await self.store(subject, payload, headers)

    async def store(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
        """Publish with these headers and wait until the server has the message, at most PUBLISH_TIMEOUT_SECONDS.

        Raises:
            Unavailable: it is not known to be stored; the same message with the same id may be published again.
            TooLarge: the server takes no message of this size.
        """
        stream = streams.of(subject)
        with self._measured(stream), _in_our_words(subject):
            async with self._link.while_up(PUBLISH_TIMEOUT_SECONDS):
                await self._stored(stream, subject, payload, dict(headers))

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

    async def _stored(self, stream: streams.Stream, subject: str, payload: bytes, headers: dict[str, str]) -> None:
        jetstream = self._link.jetstream
        try:
            await jetstream.publish(subject, payload, timeout=PUBLISH_TIMEOUT_SECONDS, headers=headers)
        except nats.js.errors.NoStreamResponseError:
            # The server has lost its memory while the connection stood.
            await self._link.ensure(stream)
            await jetstream.publish(subject, payload, timeout=PUBLISH_TIMEOUT_SECONDS, headers=headers)

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
