"""Ids that callers write: one spelling, refused in one way."""

import uuid

import pytest
from reelmesh_kit import ids

PLAIN = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.mark.parametrize("text", [PLAIN, PLAIN.upper(), "00000000-0000-0000-0000-000000000000"])
def test_a_uuid_is_read(text: str) -> None:
    assert ids.read(text) == uuid.UUID(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        PLAIN.replace("-", ""),
        PLAIN[:-1],
        PLAIN + "0",
        PLAIN + "\n",
        f" {PLAIN}",
        f"{{{PLAIN}}}",
        f"urn:uuid:{PLAIN}",
        PLAIN.replace("a", "\N{FULLWIDTH LATIN SMALL LETTER A}"),
        PLAIN.replace("5", "\N{ARABIC-INDIC DIGIT FIVE}"),
        PLAIN.replace("0", "\0"),
    ],
)
def test_any_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a UUID"):
        ids.read(text)


def test_a_refusal_repeats_no_more_than_is_of_use() -> None:
    with pytest.raises(ValueError, match="must be a UUID") as refused:
        ids.read("x" * 100_000)
    assert len(str(refused.value)) < 300
