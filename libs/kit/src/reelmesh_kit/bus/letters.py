"""Dead letters: messages given up, kept with the reason for thirty days."""

import contextlib
import datetime
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import nats.errors
import nats.js.errors
from nats.js import JetStreamContext, api

from reelmesh_kit import errors
from reelmesh_kit.bus import connection, publishing, streams, words

REASON_HEADER = "Reelmesh-Reason"
CONSUMER_HEADER = "Reelmesh-Consumer"
DELIVERIES_HEADER = "Reelmesh-Deliveries"
ORIGINAL_ID_HEADER = "Reelmesh-Message-Id"
REASON_LIMIT_CHARACTERS = 500
# Letters that were removed leave holes in the sequence; so many are stepped over.
HOLES_LIMIT = 1000
READ_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class DeadLetter:
    """A message that was given up."""

    sequence: int
    """Its place in the stream of dead letters."""
    subject: str
    """Where it was published at first."""
    payload: bytes
    message_id: str
    consumer: str
    """Who gave it up."""
    reason: str
    deliveries: int
    died_at: datetime.datetime
    traceparent: str


def headers_of(delivery: words.Delivery, consumer: str, reason: str, letter_id: str) -> dict[str, str]:
    """Return the headers of a new dead letter; `letter_id` makes writing it twice harmless."""
    headers = {
        words.MESSAGE_ID_HEADER: letter_id,
        # Headers are one line of ASCII.
        REASON_HEADER: urllib.parse.quote(reason[:REASON_LIMIT_CHARACTERS], safe=" ,;:'()[]"),
        CONSUMER_HEADER: consumer,
        DELIVERIES_HEADER: str(delivery.deliveries),
        ORIGINAL_ID_HEADER: delivery.message_id,
    }
    if delivery.traceparent:
        headers[words.TRACEPARENT_HEADER] = delivery.traceparent
    return {key: value for key, value in headers.items() if value}


async def bury(
    publisher: publishing.Publisher, delivery: words.Delivery, consumer: str, reason: str, letter_id: str
) -> None:
    """Store a dead letter.

    Raises:
        Unavailable: it is not known to be stored.
    """
    headers = headers_of(delivery, consumer, reason, letter_id)
    await publisher.store(f"{streams.DEAD.prefix}.{delivery.subject}", delivery.payload, headers)


async def newest(link: connection.Connection, limit: int) -> list[DeadLetter]:
    """Return up to `limit` dead letters, the newest first.

    Raises:
        Unavailable: NATS does not answer.
    """
    try:
        async with link.while_up(READ_TIMEOUT_SECONDS):
            return await _newest(link.jetstream, limit)
    except nats.js.errors.NotFoundError:
        # The server has lost the stream; it is being made anew, and is empty.
        return []
    except (nats.errors.Error, TimeoutError) as error:
        raise errors.Unavailable(f"The dead letters cannot be read at the moment: {error}") from error


async def _newest(jetstream: JetStreamContext, limit: int) -> list[DeadLetter]:
    found: list[DeadLetter] = []
    state = (await jetstream.stream_info(streams.DEAD.name)).state
    lowest = max(state.first_seq, state.last_seq - limit - HOLES_LIMIT + 1, 1)
    for sequence in range(state.last_seq, lowest - 1, -1):
        if len(found) == limit:
            break
        with contextlib.suppress(nats.js.errors.NotFoundError):
            found.append(_read(await jetstream.get_msg(streams.DEAD.name, sequence)))
    return found


def _read(message: api.RawStreamMsg) -> DeadLetter:
    headers = cast("Mapping[str, str]", message.headers or {})  # pyright: ignore[reportUnknownMemberType]
    if message.time is None or message.seq is None:
        raise ValueError("JetStream sent a message without its time or sequence.")
    return DeadLetter(
        sequence=message.seq,
        subject=(message.subject or "").removeprefix(f"{streams.DEAD.prefix}."),
        payload=message.data or b"",
        message_id=headers.get(ORIGINAL_ID_HEADER, ""),
        consumer=headers.get(CONSUMER_HEADER, ""),
        reason=urllib.parse.unquote(headers.get(REASON_HEADER, "")),
        deliveries=int(headers.get(DELIVERIES_HEADER, "0")),
        died_at=message.time,
        traceparent=headers.get(words.TRACEPARENT_HEADER, ""),
    )
