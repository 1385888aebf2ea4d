"""OpenTelemetry's words for messaging (semantic conventions 1.44, development), kept in this one place."""

from opentelemetry.util import types

from reelmesh_kit.bus import streams

SYSTEM = "messaging.system"
OPERATION_NAME = "messaging.operation.name"
OPERATION_TYPE = "messaging.operation.type"
DESTINATION = "messaging.destination.name"
CONSUMER = "messaging.consumer.group.name"
MESSAGE_ID = "messaging.message.id"
BODY_SIZE = "messaging.message.body.size"
ERROR_TYPE = "error.type"
# Ours: there is no word for it.
DELIVERIES = "reelmesh.message.deliveries"
RESULT = "reelmesh.message.result"

SEND = "send"
PROCESS = "process"


def span_name(operation: str, subject: str) -> str:
    """Return "{operation} {destination}" without ids."""
    return f"{operation} {streams.of(subject).label(subject)}"


def message_attributes(
    operation: str, subject: str, message_id: str, size_bytes: int
) -> dict[str, types.AttributeValue]:
    """Return what a span about one message begins with."""
    return {
        SYSTEM: "nats",
        OPERATION_NAME: operation,
        OPERATION_TYPE: operation,
        DESTINATION: subject,
        MESSAGE_ID: message_id,
        BODY_SIZE: size_bytes,
    }
