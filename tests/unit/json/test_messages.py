"""Messages as JSON, and back."""

import datetime
import types
import typing
from typing import Any

import pytest
from reelmesh.v1 import generation_pb2
from reelmesh_json import messages


def test_times_are_rfc_3339_in_utc_and_absent_ones_null() -> None:
    event = generation_pb2.GenerationEvent()
    assert messages.to_json(event)["create_time"] is None

    event.create_time.FromDatetime(datetime.datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=datetime.UTC))
    assert messages.to_json(event)["create_time"] == "2026-01-02T03:04:05.600Z"


def test_a_value_of_a_newer_enum_and_a_number_that_json_lacks_do_no_harm() -> None:
    shot = generation_pb2.Shot(duration_seconds=float("inf"))
    shot.MergeFromString(b"\x18\x63")  # state = 99

    assert messages.to_json(shot)["state"] == "UNKNOWN_99"
    assert messages.to_json(shot)["duration_seconds"] is None


def test_a_field_that_the_protos_lack_is_a_fault_of_ours_and_said_so() -> None:
    with pytest.raises(KeyError, match="nothing"):
        messages.fill(generation_pb2.Finding(), {"nothing": 1})


def test_prefixes_of_enums_follow_their_names() -> None:
    named = types.SimpleNamespace(name="AttemptState")

    assert messages.prefix(typing.cast(Any, named)) == "ATTEMPT_STATE_"
