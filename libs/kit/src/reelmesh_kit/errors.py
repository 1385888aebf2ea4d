"""What can go wrong, in our words: each class says whose turn it is, its docstring is its default message."""

import datetime
import enum
import inspect
from collections.abc import Mapping


class Reason(enum.StrEnum):
    """Stable words for errors, the same as `reelmesh.v1.ErrorReason` without its prefix."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    NOT_FOUND = "NOT_FOUND"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    NO_CANDIDATE = "NO_CANDIDATE"
    COST_LIMIT = "COST_LIMIT"
    QUEUE_FULL = "QUEUE_FULL"
    WRONG_STATE = "WRONG_STATE"
    UNRESOLVED_ATTEMPT = "UNRESOLVED_ATTEMPT"
    ASSET_UNUSABLE = "ASSET_UNUSABLE"
    TOO_LARGE = "TOO_LARGE"
    UNAVAILABLE = "UNAVAILABLE"
    STORAGE_FULL = "STORAGE_FULL"
    BROKEN_MEDIA = "BROKEN_MEDIA"
    INTERNAL = "INTERNAL"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    RATE_LIMITED = "RATE_LIMITED"


class ReelmeshError(Exception):
    """Something went wrong."""

    reason: Reason = Reason.INTERNAL

    def __init__(self, message: str | None = None, **metadata: object) -> None:
        """Keep the message (default: the docstring's first line) and the moving parts that it mentions."""
        text = message or (inspect.getdoc(type(self)) or type(self).__name__).splitlines()[0]
        super().__init__(text)
        self.message = text
        self.metadata: Mapping[str, str] = {key: str(value) for key, value in metadata.items()}


class InvalidArgument(ReelmeshError):
    """The request has a field that is missing, malformed or out of range. Correct it and send it again."""

    reason = Reason.INVALID_ARGUMENT

    def __init__(self, field: str, problem: str, **metadata: object) -> None:
        """Name the field (dotted path as in the protos) and say what is wrong with it."""
        super().__init__(f"{field}: {problem}", field=field, **metadata)
        self.field = field
        self.problem = problem


class Unauthenticated(ReelmeshError):
    """No valid API key. Send one as "Authorization: Bearer …" or "X-API-Key"."""

    reason = Reason.UNAUTHENTICATED


class PermissionDenied(ReelmeshError):
    """The API key is valid but lacks the right for this."""

    reason = Reason.PERMISSION_DENIED


class NotFound(ReelmeshError):
    """There is no such resource, or it belongs to somebody else."""

    reason = Reason.NOT_FOUND


class IdempotencyKeyReused(ReelmeshError):
    """This request id was used before with another request. Use a new one."""

    reason = Reason.IDEMPOTENCY_KEY_REUSED


class NoCandidate(ReelmeshError):
    """No live provider can make this. The metadata gives the reason per candidate; ask for something else."""

    reason = Reason.NO_CANDIDATE


class CostLimit(ReelmeshError):
    """Every candidate costs more than max_cost_micros. Raise it or ask for a shorter video."""

    reason = Reason.COST_LIMIT


class WrongState(ReelmeshError):
    """The resource is in a state in which this has no meaning."""

    reason = Reason.WRONG_STATE


class UnresolvedAttempt(ReelmeshError):
    """A paid attempt is still unresolved, a retry could pay twice. Wait until it resolves, or ask the operator."""

    reason = Reason.UNRESOLVED_ATTEMPT


class AssetUnusable(ReelmeshError):
    """A referenced asset is unknown, expired or of the wrong kind. Upload it again."""

    reason = Reason.ASSET_UNUSABLE


class TooLarge(ReelmeshError):
    """What was sent is larger than allowed; the metadata has the limit in bytes."""

    reason = Reason.TOO_LARGE


class BrokenMedia(ReelmeshError):
    """The media is not what it says it is, or is broken. Send an intact file."""

    reason = Reason.BROKEN_MEDIA


class StorageFull(ReelmeshError):
    """Storage has no room left; nothing was stored. Free space and try again."""

    reason = Reason.STORAGE_FULL


class DeadlineExceeded(ReelmeshError):
    """The deadline passed before the answer. What was asked may have happened: repeat it with the same request id."""

    reason = Reason.DEADLINE_EXCEEDED


class RetryableError(ReelmeshError):
    """Try again later; nothing was done."""

    reason = Reason.UNAVAILABLE

    def __init__(
        self, message: str | None = None, retry_after: datetime.timedelta | None = None, **metadata: object
    ) -> None:
        """Say when to try again, if that is known."""
        super().__init__(message, **metadata)
        self.retry_after = retry_after


class Unavailable(RetryableError):
    """A part of the mesh does not answer at the moment. Try again in a moment; nothing was done."""


class QueueFull(RetryableError):
    """Too many generations wait already. Try again later."""

    reason = Reason.QUEUE_FULL


class RateLimited(RetryableError):
    """This API key asks for more than its share at the moment. Try again later; nothing was done."""

    reason = Reason.RATE_LIMITED
