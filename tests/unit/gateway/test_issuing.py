"""Issuing keys: what is kept of them, what is told of them, and what is noted."""

import datetime

import pytest
from reelmesh_gateway.model import keys
from reelmesh_gateway.usecases import issuing
from reelmesh_kit import chance, clock, errors

from tests.unit.gateway import fakes

NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
BOTH = [keys.Scope.READ, keys.Scope.WRITE]


@pytest.fixture
def ring() -> fakes.FakeKeys:
    return fakes.FakeKeys()


@pytest.fixture
def audit(ring: fakes.FakeKeys) -> fakes.FakeAudit:
    return fakes.FakeAudit(ring)


@pytest.fixture
def issuer(ring: fakes.FakeKeys, audit: fakes.FakeAudit) -> issuing.Issuing:
    return issuing.Issuing(ring, audit, clock.ManualClock(NOON), chance.SeededChance())


def test_a_key_that_was_issued_lets_its_tenant_in_and_is_kept_without_its_secret(issuer, ring) -> None:
    issued = issuer.add("acme", BOTH, "ci")
    presented = keys.parse(issued.text)
    assert presented is not None
    kept = ring.find(presented.key_id)
    assert keys.fits(kept, presented)
    assert (kept.tenant_id, kept.scopes, kept.name, kept.created) == ("acme", frozenset(BOTH), "ci", NOON)
    assert presented.secret not in str(vars(kept))


def test_no_two_keys_are_alike(issuer) -> None:
    assert issuer.add("acme", BOTH).text != issuer.add("acme", BOTH).text
    assert len(issuer.listed()) == 2


@pytest.mark.parametrize("tenant", ["", " acme", "ac\nme", "a" * 129])
def test_a_tenant_that_cannot_be_told_apart_is_refused_and_nothing_noted(issuer, audit, tenant) -> None:
    with pytest.raises(errors.InvalidArgument, match="tenant"):
        issuer.add(tenant, BOTH)
    assert (audit.notes, issuer.listed()) == ([], [])


def test_a_key_for_nothing_is_refused(issuer) -> None:
    with pytest.raises(errors.InvalidArgument, match="scope"):
        issuer.add("acme", [])


@pytest.mark.parametrize("whole", [False, True])
def test_a_revoked_key_is_gone(issuer, ring, whole) -> None:
    other, issued = issuer.add("other", BOTH), issuer.add("acme", BOTH)
    assert issuer.revoke(issued.text if whole else issued.key.id) == issued.key
    assert list(ring.issued) == [other.key.id]


@pytest.mark.parametrize("key_id", ["", "nobody", "rm_garbled"])
def test_what_is_no_key_cannot_be_revoked(issuer, audit, key_id) -> None:
    with pytest.raises(errors.NotFound):
        issuer.revoke(key_id)
    assert audit.notes == []


def test_every_change_is_noted_before_it_is_made(issuer, audit) -> None:
    issued = issuer.add("acme", BOTH)
    issuer.revoke(issued.key.id)
    assert audit.notes == [("add", issued.key.id, 0), ("revoke", issued.key.id, 1)]
