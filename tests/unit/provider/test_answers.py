"""What every dialect begins to read an answer with."""

import pytest
from reelmesh_provider import answers


@pytest.mark.parametrize(
    ("text", "found"), [('{"a": 1}', {"a": 1}), ("[1]", None), ("", None), ("{", None), ("7", None)]
)
def test_only_an_object_is_one(text: str, found: object) -> None:
    assert answers.json_object(text) == found


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("0", 0.0), ("", None), ("soon", None), ("-1", None), ("inf", None)],
)
def test_a_pause_is_a_number_of_seconds(header: str, seconds: float | None) -> None:
    assert answers.retry_after({"retry-after": header}) == seconds
    assert answers.retry_after({}) is None


def test_a_body_is_repeated_only_in_part() -> None:
    assert answers.shown("x" * 1000) == repr("x" * 300)
