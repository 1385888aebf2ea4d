"""Errors in our words ↔ google.rpc.Status: the one table, read in both directions."""

from collections.abc import Mapping

import grpc
from google.protobuf import any_pb2, message
from google.rpc import error_details_pb2, status_pb2

from reelmesh_kit import errors

DOMAIN = "reelmesh.dev"
DETAILS_KEY = "grpc-status-details-bin"

# Together they stay below limits.METADATA_LIMIT_BYTES.
MESSAGE_LIMIT_CHARACTERS = 2000
METADATA_VALUE_LIMIT_CHARACTERS = 500
METADATA_ENTRIES_LIMIT = 32

_Code = grpc.StatusCode
_Reason = errors.Reason

TABLE: Mapping[errors.Reason, tuple[grpc.StatusCode, type[errors.ReelmeshError]]] = {
    _Reason.INVALID_ARGUMENT: (_Code.INVALID_ARGUMENT, errors.InvalidArgument),
    _Reason.UNAUTHENTICATED: (_Code.UNAUTHENTICATED, errors.Unauthenticated),
    _Reason.PERMISSION_DENIED: (_Code.PERMISSION_DENIED, errors.PermissionDenied),
    _Reason.NOT_FOUND: (_Code.NOT_FOUND, errors.NotFound),
    _Reason.IDEMPOTENCY_KEY_REUSED: (_Code.ALREADY_EXISTS, errors.IdempotencyKeyReused),
    _Reason.NO_CANDIDATE: (_Code.FAILED_PRECONDITION, errors.NoCandidate),
    _Reason.COST_LIMIT: (_Code.FAILED_PRECONDITION, errors.CostLimit),
    _Reason.WRONG_STATE: (_Code.FAILED_PRECONDITION, errors.WrongState),
    _Reason.UNRESOLVED_ATTEMPT: (_Code.FAILED_PRECONDITION, errors.UnresolvedAttempt),
    _Reason.ASSET_UNUSABLE: (_Code.FAILED_PRECONDITION, errors.AssetUnusable),
    _Reason.BROKEN_MEDIA: (_Code.INVALID_ARGUMENT, errors.BrokenMedia),
    _Reason.TOO_LARGE: (_Code.RESOURCE_EXHAUSTED, errors.TooLarge),
    _Reason.STORAGE_FULL: (_Code.RESOURCE_EXHAUSTED, errors.StorageFull),
    _Reason.QUEUE_FULL: (_Code.RESOURCE_EXHAUSTED, errors.QueueFull),
    _Reason.RATE_LIMITED: (_Code.RESOURCE_EXHAUSTED, errors.RateLimited),
    _Reason.UNAVAILABLE: (_Code.UNAVAILABLE, errors.Unavailable),
    _Reason.DEADLINE_EXCEEDED: (_Code.DEADLINE_EXCEEDED, errors.DeadlineExceeded),
    _Reason.INTERNAL: (_Code.INTERNAL, errors.ReelmeshError),
}

# What a bare code of gRPC itself, of a proxy, or of a server that is not ours means. All others are faults.
BARE_CODES: Mapping[grpc.StatusCode, errors.Reason] = {
    _Code.INVALID_ARGUMENT: _Reason.INVALID_ARGUMENT,
    _Code.UNAUTHENTICATED: _Reason.UNAUTHENTICATED,
    _Code.PERMISSION_DENIED: _Reason.PERMISSION_DENIED,
    _Code.NOT_FOUND: _Reason.NOT_FOUND,
    _Code.UNAVAILABLE: _Reason.UNAVAILABLE,
    _Code.CANCELLED: _Reason.UNAVAILABLE,  # by the server, as it shuts down; our own arrives as CancelledError
    _Code.RESOURCE_EXHAUSTED: _Reason.UNAVAILABLE,
    _Code.DEADLINE_EXCEEDED: _Reason.DEADLINE_EXCEEDED,
}

# gRPC refuses a large message with the code of an exhausted quota; only its words tell.
_TOO_LARGE_WORDS = "larger than max"


def code_of(error: errors.ReelmeshError) -> grpc.StatusCode:
    """Return gRPC's code for an error."""
    return TABLE[error.reason][0]


def to_status(error: errors.ReelmeshError) -> status_pb2.Status:
    """Return what travels: code, message, ErrorInfo, and BadRequest or RetryInfo where they say more."""
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=_bounded(error.metadata))
    details: list[message.Message] = [info]
    if isinstance(error, errors.InvalidArgument):
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=error.field[:METADATA_VALUE_LIMIT_CHARACTERS], description=error.problem[:MESSAGE_LIMIT_CHARACTERS]
        )
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if isinstance(error, errors.RetryableError) and error.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromTimedelta(error.retry_after)
        details.append(retry)
    number: int = code_of(error).value[0]
    return status_pb2.Status(
        code=number, message=error.message[:MESSAGE_LIMIT_CHARACTERS], details=[_packed(each) for each in details]
    )


def from_status(status: status_pb2.Status) -> errors.ReelmeshError | None:
    """Return the error that a status carries; None when it has no ErrorInfo of ours."""
    info = error_details_pb2.ErrorInfo()
    if not _unpack(status, info) or info.domain != DOMAIN or info.reason not in errors.Reason.__members__:
        return None
    error = _made(TABLE[errors.Reason(info.reason)][1], status)
    # Not by the constructor: foreign keys could have the names of its parameters.
    error.metadata = dict(info.metadata)
    return error


def from_call(path: str, error: grpc.aio.AioRpcError) -> errors.ReelmeshError:
    """Return the error in our words for a call that failed; `path` is gRPC's name of the method."""
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            carried = _parsed(value)
            if carried is not None:
                return carried
    return _from_bare_code(path, error.code(), error.details() or "")


def _from_bare_code(path: str, code: grpc.StatusCode, details: str) -> errors.ReelmeshError:
    text = f"{path.removeprefix('/')} answered {code.name}: {details}"[:MESSAGE_LIMIT_CHARACTERS]
    if code is _Code.RESOURCE_EXHAUSTED and _TOO_LARGE_WORDS in details:
        return errors.TooLarge(f"{text}. Send large content in chunks.")
    reason = BARE_CODES.get(code, _Reason.INTERNAL)
    if reason is _Reason.INVALID_ARGUMENT:
        return errors.InvalidArgument("request", text)
    if reason is _Reason.UNAVAILABLE:
        # Whether anything was done is not known here: the connection may have broken after the request left.
        return errors.Unavailable(f"{text}. Try again in a moment, with the same request id.")
    if reason is _Reason.DEADLINE_EXCEEDED:
        return errors.DeadlineExceeded(f"{text}. It may have happened: repeat it with the same request id.")
    return TABLE[reason][1](text)


def _made(kind: type[errors.ReelmeshError], status: status_pb2.Status) -> errors.ReelmeshError:
    if issubclass(kind, errors.InvalidArgument):
        request = error_details_pb2.BadRequest()
        if _unpack(status, request) and request.field_violations:
            violation = request.field_violations[0]
            return kind(violation.field, violation.description)
        return kind("request", status.message)
    if issubclass(kind, errors.RetryableError):
        retry = error_details_pb2.RetryInfo()
        known = _unpack(status, retry)
        return kind(status.message, retry.retry_delay.ToTimedelta() if known else None)
    return kind(status.message)


def _parsed(value: bytes) -> errors.ReelmeshError | None:
    try:
        return from_status(status_pb2.Status.FromString(value))
    except message.DecodeError:
        # Not from us; the bare code is still an answer.
        return None


def _bounded(metadata: Mapping[str, str]) -> dict[str, str]:
    entries = list(metadata.items())[:METADATA_ENTRIES_LIMIT]
    return {key: value[:METADATA_VALUE_LIMIT_CHARACTERS] for key, value in entries}


def _packed(detail: message.Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed


def _unpack(status: status_pb2.Status, into: message.Message) -> bool:
    return any(each.Unpack(into) for each in status.details)
