"""Links: what we signed is read, whatever was changed is not."""

import base64
import datetime
import hmac
import uuid

import hypothesis
import pytest
from hypothesis import strategies
from reelmesh_storage.model import link

SECRET = b"s" * link.SECRET_BYTES
NOW = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
LINK = link.Link(uuid.UUID(int=5), NOW)


def test_a_token_says_what_was_signed() -> None:
    token = link.token(LINK, SECRET)
    assert link.read(token, SECRET) == LINK
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@hypothesis.given(place=strategies.integers(0, len(link.token(LINK, SECRET)) - 1), put=strategies.characters())
def test_a_token_changed_in_any_place_is_refused(place: int, put: str) -> None:
    token = link.token(LINK, SECRET)
    changed = token[:place] + put + token[place + 1 :]
    assert link.read(changed, SECRET) == (LINK if changed == token else None)


@pytest.mark.parametrize("text", ["", "a", "é", "=" * 10, "A" * 76, "A" * 100_000, "../../etc/passwd"])
def test_what_is_no_token_is_refused(text: str) -> None:
    assert link.read(text, SECRET) is None


def test_a_token_of_another_secret_is_refused() -> None:
    assert link.read(link.token(LINK, b"other"), SECRET) is None


def test_a_shortened_or_lengthened_token_is_refused() -> None:
    token = link.token(LINK, SECRET)
    for changed in (token[:-1], token[:-4], token + "AAAA", token + "=", token + "===="):
        assert link.read(changed, SECRET) is None


def test_a_token_of_a_version_to_come_is_refused_although_we_signed_it() -> None:
    says = bytearray(base64.urlsafe_b64decode(link.token(LINK, SECRET))[:25])
    says[0] = 2
    forged = bytes(says) + hmac.digest(SECRET, bytes(says), "sha256")
    assert link.read(base64.urlsafe_b64encode(forged).decode(), SECRET) is None


def test_a_link_ends_with_its_asset_at_the_latest() -> None:
    hour = datetime.timedelta(hours=1)
    assert link.expiry(NOW, hour, None) == NOW + hour
    assert link.expiry(NOW, hour, NOW + hour / 2) == NOW + hour / 2
    assert link.expiry(NOW, hour, NOW + 2 * hour) == NOW + hour
