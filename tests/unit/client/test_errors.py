"""Every published reason has its class, and every answer becomes one."""

import grpc
import grpc.aio
import pytest
from google.rpc import status_pb2
from reelmesh.v1 import error_reason_pb2
from reelmesh_client import errors
from reelmesh_client.commands import outcome

PUBLISHED = [name.removeprefix("ERROR_REASON_") for name, number in error_reason_pb2.ErrorReason.items() if number != 0]


def _failed(code: grpc.StatusCode, *metadata: tuple[str, str | bytes]) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*metadata), details="words")


def test_every_published_reason_has_its_class() -> None:
    assert set(errors.BY_REASON) == set(PUBLISHED)


@pytest.mark.parametrize("kind", sorted(set(errors.BY_REASON.values()), key=lambda each: each.__name__))
def test_every_error_says_what_happened_and_what_to_do(kind: type[errors.ReelmeshError]) -> None:
    assert str(kind()).endswith(".")
    assert kind.hint.endswith((".", "`."))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, errors.Unreachable),
        (grpc.StatusCode.UNAUTHENTICATED, errors.Unauthenticated),
        (grpc.StatusCode.DEADLINE_EXCEEDED, errors.DeadlineExceeded),
        (grpc.StatusCode.UNIMPLEMENTED, errors.Refused),
        (grpc.StatusCode.INTERNAL, errors.ReelmeshError),
    ],
)
def test_an_answer_without_details_is_judged_by_its_code(code, kind) -> None:
    error = errors.from_rpc(_failed(code))
    assert type(error) is kind
    assert error.message == "words"
    assert error.reason == ""


def test_details_that_a_proxy_broke_are_left_aside() -> None:
    error = errors.from_rpc(_failed(grpc.StatusCode.NOT_FOUND, ("grpc-status-details-bin", b"\xff\xff")))
    assert type(error) is errors.NotFound


def test_the_reason_of_another_domain_is_not_ours() -> None:
    status = status_pb2.Status(code=5, message="words")
    information = errors.error_details_pb2.ErrorInfo(reason="COST_LIMIT", domain="example.com")
    status.details.add().Pack(information)
    error = errors.from_rpc(_failed(grpc.StatusCode.NOT_FOUND, ("grpc-status-details-bin", status.SerializeToString())))
    assert type(error) is errors.NotFound


FAILED = "failed to connect to all addresses; last error: "


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (
            f"{FAILED}UNKNOWN: ipv4:127.0.0.1:1: Failed to connect to remote host: Connection refused",
            "nobody answers at 127.0.0.1:1: the connection was refused",
            "reelmesh up",
        ),
        (
            "errors resolving no.invalid:80: [field:hostname lookup error:address lookup failed for no.invalid:80: …]",
            "nobody answers at no.invalid:80: there is no such host",
            "--address",
        ),
        (
            f"{FAILED}UNAUTHENTICATED: ipv4:127.0.0.1:8080: Failed parsing HTTP/2 (Trying an http1.x server)",
            "nobody answers at 127.0.0.1:8080: what listens there does not speak gRPC",
            "the port of gRPC",
        ),
        (
            f"{FAILED}UNKNOWN: ipv6:[::1]:9090: Ssl handshake failed (TSI_PROTOCOL_FAILURE)",
            "nobody answers at [::1]:9090: no encrypted connection can be made",
            "https://",
        ),
        ("Socket closed", "the connection to the mesh broke off", "reelmesh up"),
        ("something new", "something new", "reelmesh up"),
    ],
)
def test_who_does_not_answer_and_why_is_said_in_plain_words(words: str, message: str, hint: str) -> None:
    failed = grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), details=words)
    error = errors.from_rpc(failed)
    assert type(error) is errors.Unreachable
    assert error.message == message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidArgument(), 3),
        (errors.NoCandidate(), 3),
        (errors.Unauthenticated(), 3),
        (errors.UnusableFile(), 6),
        (errors.UnusableAddress(), 2),
        (errors.Unreachable(), 4),
        (errors.QueueFull(), 4),
        (errors.RateLimited(), 4),
        (errors.StorageFull(), 4),
        (errors.DeadlineExceeded(), 4),
        (errors.ReelmeshError(), 1),
        (errors.CorruptDownload(), 1),
    ],
)
def test_exit_codes_are_as_documented(error, code) -> None:
    assert outcome.of(error) == code
