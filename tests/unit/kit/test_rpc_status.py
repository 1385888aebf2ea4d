"""Errors survive the wire, whatever they are and whoever sent them."""

import datetime

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from reelmesh.v1 import error_reason_pb2
from reelmesh_kit import errors
from reelmesh_kit.rpc import limits, status

EVERY_ERROR = [
    errors.InvalidArgument("prompt", "must not be empty", limit=5000),
    errors.Unauthenticated(),
    errors.PermissionDenied(),
    errors.NotFound("no generation", generation_id="7"),
    errors.IdempotencyKeyReused(),
    errors.NoCandidate(sora="retired"),
    errors.CostLimit(),
    errors.WrongState(state="DONE"),
    errors.UnresolvedAttempt(),
    errors.AssetUnusable(),
    errors.TooLarge(limit_bytes=1),
    errors.StorageFull(),
    errors.BrokenMedia("Grüße, 世界"),
    errors.Unavailable("away", datetime.timedelta(seconds=2.5)),
    errors.RateLimited(),
    errors.QueueFull(retry_after=datetime.timedelta(seconds=30), waiting=9),
    errors.DeadlineExceeded(),
    errors.ReelmeshError("a fault"),
]


def rpc_error(code: grpc.StatusCode, details: str, *trailing: tuple[str, bytes]) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), details)


def test_every_reason_has_its_error_here_and_its_word_in_the_protos() -> None:
    tested = {error.reason for error in EVERY_ERROR}
    words = {name.removeprefix("ERROR_REASON_") for name in error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name} - {
        "UNSPECIFIED"
    }
    assert tested == set(errors.Reason) == set(status.TABLE)
    assert words == {reason.value for reason in errors.Reason}


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: error.reason)
def test_an_error_comes_back_as_it_was_sent(error: errors.ReelmeshError) -> None:
    received = status.from_status(status.to_status(error))
    assert type(received) is type(error)
    assert (received.message, dict(received.metadata)) == (error.message, dict(error.metadata))


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: error.reason)
def test_a_status_has_the_code_of_the_table_and_names_the_reason_and_our_domain(error: errors.ReelmeshError) -> None:
    sent = status.to_status(error)
    info = error_details_pb2.ErrorInfo()
    sent.details[0].Unpack(info)
    assert sent.code == status.TABLE[error.reason][0].value[0]
    assert (info.reason, info.domain) == (error.reason, "reelmesh.dev")


def test_a_field_and_its_problem_travel_as_a_bad_request() -> None:
    received = status.from_status(status.to_status(errors.InvalidArgument("shots[1].seconds", "must be above 0")))
    assert isinstance(received, errors.InvalidArgument)
    assert (received.field, received.problem) == ("shots[1].seconds", "must be above 0")


def test_when_to_try_again_travels_as_retry_info() -> None:
    received = status.from_status(status.to_status(errors.Unavailable(retry_after=datetime.timedelta(seconds=2.5))))
    assert isinstance(received, errors.Unavailable)
    assert received.retry_after == datetime.timedelta(seconds=2.5)


def test_metadata_may_have_the_names_of_our_parameters() -> None:
    foreign = status.to_status(errors.QueueFull())
    info = error_details_pb2.ErrorInfo(
        reason="QUEUE_FULL", domain="reelmesh.dev", metadata={"message": "m", "retry_after": "r", "field": "f"}
    )
    foreign.details[0].Pack(info)
    received = status.from_status(foreign)
    assert isinstance(received, errors.QueueFull)
    assert received.metadata == {"message": "m", "retry_after": "r", "field": "f"}


def test_a_huge_error_stays_within_what_metadata_may_hold() -> None:
    huge = errors.NoCandidate("界" * 100_000, **{f"provider{number}": "界" * 10_000 for number in range(1000)})
    assert status.to_status(huge).ByteSize() < limits.METADATA_LIMIT_BYTES


@pytest.mark.parametrize(
    ("code", "details", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, "connection refused", errors.Unavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "late", errors.DeadlineExceeded),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "SERVER: Received message larger than max (5 vs. 4)", errors.TooLarge),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "Concurrent RPC limit exceeded!", errors.Unavailable),
        (grpc.StatusCode.CANCELLED, "the server went away", errors.Unavailable),
        (grpc.StatusCode.NOT_FOUND, "", errors.NotFound),
        (grpc.StatusCode.INVALID_ARGUMENT, "bad", errors.InvalidArgument),
        (grpc.StatusCode.UNAUTHENTICATED, "", errors.Unauthenticated),
        (grpc.StatusCode.PERMISSION_DENIED, "", errors.PermissionDenied),
        (grpc.StatusCode.UNIMPLEMENTED, "Method not found!", errors.ReelmeshError),
        (grpc.StatusCode.UNKNOWN, "", errors.ReelmeshError),
    ],
)
def test_a_bare_code_means_what_grpc_means_by_it(
    code: grpc.StatusCode, details: str, kind: type[errors.ReelmeshError]
) -> None:
    received = status.from_call("/package.Service/Method", rpc_error(code, details))
    assert type(received) is kind
    assert "package.Service/Method" in received.message
    assert details in received.message


@pytest.mark.parametrize("value", [b"\xff\xff", status_pb2.Status(code=5, message="no details").SerializeToString()])
def test_details_that_are_not_ours_leave_the_bare_code(value: bytes) -> None:
    received = status.from_call("/s/m", rpc_error(grpc.StatusCode.NOT_FOUND, "gone", (status.DETAILS_KEY, value)))
    assert type(received) is errors.NotFound


def test_a_reason_of_the_future_leaves_the_bare_code() -> None:
    future = status.to_status(errors.NotFound())
    future.details[0].Pack(error_details_pb2.ErrorInfo(reason="MOON_PHASE", domain="reelmesh.dev"))
    trailing = (status.DETAILS_KEY, future.SerializeToString())
    received = status.from_call("/s/m", rpc_error(grpc.StatusCode.UNAVAILABLE, "", trailing))
    assert type(received) is errors.Unavailable
