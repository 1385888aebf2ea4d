"""OpenTelemetry's words for remote calls (semantic conventions 1.44, release candidate), kept in this one place."""

import grpc
from opentelemetry.util import types

SYSTEM = "rpc.system.name"
METHOD = "rpc.method"
STATUS_CODE = "rpc.status_code"
ERROR_TYPE = "error.type"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
TRACEPARENT_KEY = "traceparent"

# On a server these are faults; all other codes are answers that a caller has earned.
SERVER_FAULTS = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)

# Services that callers from outside may call, and how their methods are named that only read.
PUBLIC = "reelmesh.v1."
_READING = ("Get", "List", "Watch", "Download", "Quote")


def is_read(path: str) -> bool:
    """Tell whether a method only reads, by its name."""
    return path.rpartition("/")[2].startswith(_READING)


def call_attributes(path: str) -> dict[str, types.AttributeValue]:
    """Return what a span of a call begins with; `path` is gRPC's "/package.Service/Method"."""
    return {SYSTEM: "grpc", METHOD: method_name(path)}


def peer_attributes(target: str) -> dict[str, types.AttributeValue]:
    """Return the attributes that name the server of a gRPC target such as "storage:7000" or "dns:///storage:7000"."""
    host, _, port = target.rpartition("/")[2].rpartition(":")
    return {SERVER_ADDRESS: host, SERVER_PORT: int(port)} if host and port.isdigit() else {SERVER_ADDRESS: target}


def method_name(path: str) -> str:
    """Return "package.Service/Method" for gRPC's path."""
    return path.removeprefix("/")
