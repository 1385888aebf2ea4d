"""What can go wrong when talking to a mesh: one class per reason of the published ErrorReason."""

import dataclasses
import inspect
import re
from collections.abc import Mapping, Sequence

import grpc
import grpc.aio
from google.protobuf import any_pb2
from google.protobuf import message as protobuf
from google.rpc import error_details_pb2, status_pb2

# The domain of the ErrorInfo in every answer of a mesh.
DOMAIN = "reelmesh.dev"
# Where gRPC carries a google.rpc.Status.
_STATUS_KEY = "grpc-status-details-bin"


@dataclasses.dataclass(frozen=True)
class FieldProblem:
    """A field of the request (dotted path as in the protos) and what is wrong with it."""

    field: str
    problem: str


class ReelmeshError(Exception):
    """The mesh refused or failed. `hint` says what to do next."""

    hint: str = "Try again; if it stays, look into the mesh's logs."

    def __init__(
        self,
        message: str = "",
        *,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        fields: Sequence[FieldProblem] = (),
        retry_after_seconds: float | None = None,
        hint: str = "",
    ) -> None:
        """Keep the server's words.

        Args:
            message: a sentence for people; default: the first line of the class's docstring.
            reason: stable word, a name of `reelmesh.v1.ErrorReason` without its prefix; "" when the server gave none.
            metadata: the moving parts that the message mentions.
            fields: what is wrong with which field of the request.
            retry_after_seconds: when to try again, if the server said so.
            hint: what to do next; default: the class's.
        """
        text = message or (inspect.getdoc(type(self)) or type(self).__name__).splitlines()[0]
        super().__init__(text)
        self.message = text
        self.reason = reason
        self.metadata = dict(metadata or {})
        self.fields = tuple(fields)
        self.retry_after_seconds = retry_after_seconds
        self.hint = hint or type(self).hint

    def about(self, subject: str) -> None:
        """Say which of several things it is about."""
        self.message = f"{subject}: {self.message}"
        self.args = (self.message,)


class Refused(ReelmeshError):
    """The mesh refused the request; the same request would be refused again."""

    hint = "Correct the request and send it again."


class InvalidArgument(Refused):
    """A field of the request is missing, malformed or out of range."""


class Unauthenticated(Refused):
    """There is no valid API key with the call."""

    hint = "Give a valid key: --api-key, or REELMESH_API_KEY."


class PermissionDenied(Refused):
    """The API key is valid but lacks the right for this."""

    hint = "Use a key with that right, or ask the operator."


class NotFound(Refused):
    """There is no such resource, or it belongs to somebody else."""

    hint = "Check the id; `reelmesh list` shows yours."


class IdempotencyKeyReused(Refused):
    """The request id was used before with another request."""

    hint = "Use a new request id."


class NoCandidate(Refused):
    """No live provider can make what is asked."""

    hint = "Ask for another length, size or model; `reelmesh quote` shows why each candidate was struck."


class CostLimit(Refused):
    """Every candidate costs more than the request allows."""

    hint = "Raise the limit or ask for a shorter video; `reelmesh quote` shows the price."


class WrongState(Refused):
    """The generation is in a state in which this has no meaning."""

    hint = "`reelmesh get ID` shows where it stands."


class UnresolvedAttempt(Refused):
    """A paid attempt is still unresolved, a retry could pay twice."""

    hint = "Wait until it resolves, or ask the operator; `reelmesh events ID` shows it."


class AssetUnusable(Refused):
    """A referenced asset is unknown, expired or of the wrong kind."""

    hint = "Upload the image again."


class TooLarge(Refused):
    """What was sent is larger than allowed."""

    hint = "Send something smaller."


class BrokenMedia(Refused):
    """The media is not what it says it is, or is broken."""

    hint = "Send an intact JPEG, PNG or WebP image."


class StorageFull(ReelmeshError):
    """The mesh's storage has no room left; nothing was stored."""

    hint = "Free space in the data folder or bucket, then try again."


class QueueFull(ReelmeshError):
    """Too many generations wait already."""

    hint = "Try again later, or cancel what is not needed any more: `reelmesh list` shows yours."


class RateLimited(ReelmeshError):
    """The API key asks too often."""

    hint = "Wait a moment, then ask less often."


class Unavailable(ReelmeshError):
    """A part of the mesh does not answer at the moment."""

    hint = "Try again in a moment; `reelmesh doctor` shows what is not well."


class Unreachable(Unavailable):
    """Nobody answers at the mesh's address."""

    hint = "Start one with `reelmesh up`, or name the right address: --address or REELMESH_ADDRESS."


class DeadlineExceeded(ReelmeshError):
    """The answer did not come in time. What was asked may have happened."""

    hint = "`reelmesh list` shows whether it happened; repeat a create only with the same request id."


class CorruptDownload(ReelmeshError):
    """The downloaded bytes are not those that the mesh stored."""

    hint = "Download it again; if it stays, the stored file is damaged."


class UnusableFile(ReelmeshError):
    """A local file cannot be read or written."""

    hint = "Name another file."


class UnusableAddress(ReelmeshError):
    """The address of a mesh is not like "host:port" or "https://host:port"."""

    hint = "Name it like 127.0.0.1:9090, or https://video.example.com."


BY_REASON: Mapping[str, type[ReelmeshError]] = {
    "INVALID_ARGUMENT": InvalidArgument,
    "UNAUTHENTICATED": Unauthenticated,
    "NOT_FOUND": NotFound,
    "IDEMPOTENCY_KEY_REUSED": IdempotencyKeyReused,
    "NO_CANDIDATE": NoCandidate,
    "COST_LIMIT": CostLimit,
    "QUEUE_FULL": QueueFull,
    "RATE_LIMITED": RateLimited,
    "WRONG_STATE": WrongState,
    "UNRESOLVED_ATTEMPT": UnresolvedAttempt,
    "ASSET_UNUSABLE": AssetUnusable,
    "TOO_LARGE": TooLarge,
    "UNAVAILABLE": Unavailable,
    "STORAGE_FULL": StorageFull,
    "BROKEN_MEDIA": BrokenMedia,
    "INTERNAL": ReelmeshError,
    "DEADLINE_EXCEEDED": DeadlineExceeded,
    "PERMISSION_DENIED": PermissionDenied,
}

# For answers without an ErrorInfo: a proxy in between, or no server at all. CANCELLED and UNKNOWN are what a call sees
# whose server stops under it.
_BY_CODE: Mapping[grpc.StatusCode, type[ReelmeshError]] = {
    grpc.StatusCode.UNAVAILABLE: Unreachable,
    grpc.StatusCode.CANCELLED: Unavailable,
    grpc.StatusCode.UNKNOWN: Unavailable,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.UNIMPLEMENTED: Refused,
}


# What gRPC says about a server that is not there, and what that means to people.
_AT = re.compile(r"(?:ipv[46]|unix):(\S+?): ")
_RESOLVING = re.compile(r"errors resolving (\S+?): ")
_SILENCES = (
    (re.compile(r"Connection refused"), "the connection was refused", ""),
    (re.compile(r"lookup failed|not found|NXDOMAIN|[Nn]ame resolution"), "there is no such host", ""),
    (
        re.compile(r"http1\.x server|Failed parsing HTTP/2"),
        "what listens there does not speak gRPC",
        "Name the port of gRPC: `reelmesh up` listens on 9090 for gRPC, and on 8080 for HTTP.",
    ),
    (
        re.compile(r"[Hh]andshake failed|WRONG_VERSION|CERTIFICATE"),
        "no encrypted connection can be made",
        "Name it with https:// only if it has a certificate that this machine trusts.",
    ),
    (re.compile(r"unreachable|No route|[Tt]imed out|[Tt]imeout"), "there is no way to it", ""),
)
_BROKEN_OFF = re.compile(r"Socket closed|Connection reset|Broken pipe|keepalive|ping timeout|GOAWAY|FD [Ss]hutdown")


def from_rpc(error: grpc.aio.AioRpcError) -> ReelmeshError:
    """Return our error for a failed call: by the reason of its ErrorInfo, else by its status code."""
    details = _Details.read(error)
    kind = BY_REASON.get(details.reason) or _BY_CODE.get(error.code(), ReelmeshError)
    if kind is Unreachable:
        return _unreachable(error.details() or "")
    return kind(
        error.details() or "",
        reason=details.reason,
        metadata=details.metadata,
        fields=details.fields,
        retry_after_seconds=details.retry_after_seconds,
    )


def _unreachable(words: str) -> Unreachable:
    """Return who does not answer and why, from gRPC's words; those that are not known stay as they are."""
    place = _AT.search(words) or _RESOLVING.search(words)
    for known, means, hint in _SILENCES:
        if place is not None and known.search(words):
            return Unreachable(f"nobody answers at {place[1]}: {means}", hint=hint)
    return Unreachable("the connection to the mesh broke off" if _BROKEN_OFF.search(words) else words)


@dataclasses.dataclass
class _Details:
    reason: str = ""
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    fields: tuple[FieldProblem, ...] = ()
    retry_after_seconds: float | None = None

    @classmethod
    def read(cls, error: grpc.aio.AioRpcError) -> "_Details":
        found = cls()
        for key, value in error.trailing_metadata():
            if key == _STATUS_KEY and isinstance(value, bytes):
                try:
                    status = status_pb2.Status.FromString(value)
                except protobuf.DecodeError:  # a proxy changed it: the plain status code must do
                    continue
                for detail in status.details:
                    found._take(detail)
        return found

    def _take(self, detail: any_pb2.Any) -> None:
        information = error_details_pb2.ErrorInfo()
        bad_request = error_details_pb2.BadRequest()
        retry = error_details_pb2.RetryInfo()
        if detail.Unpack(information) and information.domain == DOMAIN:
            self.reason, self.metadata = information.reason, dict(information.metadata)
        elif detail.Unpack(bad_request):
            self.fields = tuple(FieldProblem(each.field, each.description) for each in bad_request.field_violations)
        elif detail.Unpack(retry):
            self.retry_after_seconds = retry.retry_delay.ToTimedelta().total_seconds()
