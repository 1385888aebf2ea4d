"""What ends a submit or a fetch early, in words that a provider may raise and the worker understands."""

from reelmesh_kit import errors


class Dropped(errors.ReelmeshError):
    """No leave to submit was given. Do not send; the attempt is somebody else's business."""

    reason = errors.Reason.WRONG_STATE

    def __init__(self, why: str, *, come_again: bool = False) -> None:
        """Keep why, and whether the same attempt may be begun later."""
        super().__init__(why, come_again=come_again)
        self.come_again = come_again


class WindowPassed(errors.ReelmeshError):
    """The time to submit is over before the last byte left. Close the connection; nothing was created."""

    reason = errors.Reason.DEADLINE_EXCEEDED


class GateMisused(errors.ReelmeshError):
    """A submit used its gate against the contract: begin once, then check before everything that is written."""


class Unreachable(errors.RetryableError):
    """The provider could not be reached; no byte of the request left. Try again later."""


class FetchFailed(errors.RetryableError):
    """The bytes of a finished clip did not come this time. Fetch again."""


class FetchLost(errors.ReelmeshError):
    """The clip was made, but its bytes cannot be had any more. Count it as billed."""

    reason = errors.Reason.ASSET_UNUSABLE


class JournalInUse(errors.ReelmeshError):
    """Another worker uses this journal folder. Give each worker its own data_folder."""

    reason = errors.Reason.WRONG_STATE
