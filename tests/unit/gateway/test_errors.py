"""Errors as HTTP says them."""

import datetime

import pytest
from reelmesh.v1 import error_reason_pb2
from reelmesh_gateway.wire import errors as wire
from reelmesh_json import messages
from reelmesh_kit import errors


def test_each_reason_of_the_contract_has_a_status() -> None:
    words = set(messages.words(error_reason_pb2.ErrorReason.DESCRIPTOR))

    assert {str(reason) for reason in wire.STATUS} == words


def test_only_what_is_not_the_callers_fault_is_a_5xx() -> None:
    ours = {reason for reason, status in wire.STATUS.items() if status >= 500}

    assert ours == {
        errors.Reason.INTERNAL,
        errors.Reason.UNAVAILABLE,
        errors.Reason.QUEUE_FULL,
        errors.Reason.STORAGE_FULL,
        errors.Reason.DEADLINE_EXCEEDED,
    }


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (errors.RateLimited(retry_after=datetime.timedelta(seconds=1.2)), "2"),
        (errors.QueueFull(retry_after=datetime.timedelta(0)), "1"),
        (errors.Unavailable(), "1"),
        (errors.StorageFull(), "1"),
    ],
)
def test_who_shall_come_again_is_told_when_in_whole_seconds(error: errors.ReelmeshError, seconds: str) -> None:
    assert wire.headers(error, wire.STATUS[error.reason]) == {"Retry-After": seconds}


def test_what_repeating_does_not_help_has_no_such_header() -> None:
    assert wire.headers(errors.NotFound(), 404) == {}


def test_several_problems_are_told_together_and_bounded() -> None:
    problems = [{"loc": ("body", f"field{number}"), "msg": "is wrong", "type": "x"} for number in range(50)]

    error = wire.from_validation(problems)

    assert error.field == "field0"
    assert error.message.startswith("field0: is wrong; field1: is wrong; ")
    assert error.message.count("is wrong") == wire.PROBLEMS_LIMIT


def test_a_body_that_is_no_json_is_named_as_the_body() -> None:
    error = wire.from_validation(
        [{"loc": ("body", 3), "msg": "JSON decode error", "type": "json_invalid", "ctx": {"error": "Expecting value"}}]
    )

    assert error.message == "body: is not valid JSON: Expecting value"


def test_a_very_long_field_name_does_not_make_a_very_long_answer() -> None:
    error = wire.from_validation([{"loc": ("body", "x" * 100_000), "msg": "y" * 100_000, "type": "x"}])

    assert len(str(wire.body(error, "id"))) < 3 * wire.MESSAGE_LIMIT_CHARACTERS
