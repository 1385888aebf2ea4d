"""API keys as texts."""

import datetime
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reelmesh_gateway.model import keys

TEXT = keys.mint(b"\x01" * keys.ID_BYTES, b"\x02" * keys.SECRET_BYTES)


def issued(text: str) -> keys.Key:
    presented = keys.parse(text)
    assert presented is not None
    return keys.Key(
        id=presented.key_id,
        secret_sha256=keys.digest(presented.secret),
        tenant_id="acme",
        scopes=frozenset({keys.Scope.READ}),
        created=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    )


def test_a_key_is_told_by_its_prefix_and_split_into_id_and_secret() -> None:
    presented = keys.parse(TEXT)

    assert TEXT.startswith("rm_010101010101_0202")
    assert presented == keys.Presented("01" * keys.ID_BYTES, "02" * keys.SECRET_BYTES)


def test_one_wrong_character_anywhere_is_noticed_without_looking_the_key_up() -> None:
    for place, character in enumerate(TEXT):
        wrong = "0" if character != "0" else "1"
        assert keys.parse(TEXT[:place] + wrong + TEXT[place + 1 :]) is None


@given(st.text(max_size=40))
def test_any_other_text_is_no_key(text: str) -> None:
    assert keys.parse(text) is None


@pytest.mark.parametrize("text", ["", TEXT[:-1], TEXT + "0", TEXT + "\n", TEXT.upper(), " " + TEXT, TEXT * 9])
def test_what_is_nearly_a_key_is_none(text: str) -> None:
    assert keys.parse(text) is None


def test_only_the_secret_that_was_issued_fits() -> None:
    other = keys.parse(keys.mint(b"\x01" * keys.ID_BYTES, b"\x03" * keys.SECRET_BYTES))
    right = keys.parse(TEXT)
    assert other is not None
    assert right is not None

    assert keys.fits(issued(TEXT), right)
    assert not keys.fits(issued(TEXT), other)
    assert not keys.fits(None, right)


def test_what_is_kept_of_a_secret_is_its_sha256() -> None:
    assert keys.digest("abc") == hashlib.sha256(b"abc").hexdigest()


def test_a_key_is_not_made_of_too_little_entropy() -> None:
    with pytest.raises(ValueError, match="24 bytes"):
        keys.mint(b"\x01" * keys.ID_BYTES, b"short")
