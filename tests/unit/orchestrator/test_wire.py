"""What comes from outside in the messages of workers, as it can be kept."""

import pytest
from reelmesh.mesh.v1 import attempt_service_pb2
from reelmesh_orchestrator import wire


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("", ""),
        ("no credits left", "no credits left"),
        ("a\0b\0", "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"),
        ("x" * 100_000, "x" * 2000),
    ],
)
def test_words_from_outside_are_bounded_and_without_what_no_database_stores(said: str, kept: str) -> None:
    assert wire.told(said) == kept
    ended = attempt_service_pb2.FinishRequest(outcome=attempt_service_pb2.OUTCOME_FAILED, message=said)
    assert wire.ended_from_proto(ended).message == kept
