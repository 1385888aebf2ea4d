"""Every vendor has its own words for whatever can go wrong."""

import pytest
from reelmesh_simulators import catalogue, serving, vendor
from reelmesh_simulators.faults import Fault, Marker

from tests.support import vendors

# What goes wrong after the answer began, or with the job itself, is no answer of its own.
SAID = (
    *(Fault.BUSY, Fault.OVERLOADED, Fault.QUOTA, Fault.REFUSE, Fault.UNSAFE, Fault.RETIRED, Fault.UNAUTHORIZED),
    *(Fault.ACCEPT_500, Fault.POLL_500, Fault.POLL_BUSY, Fault.EXPIRED, Fault.LOST),
)


@pytest.mark.parametrize("name", sorted(catalogue.DIALECTS))
def test_a_dialect_says_what_goes_wrong(name: str) -> None:
    dialect = catalogue.DIALECTS[name](vendors.make_vendor())
    for fault in SAID:
        answer = dialect.spoilt(vendor.Spoiled(Marker(fault, 3.0)))
        assert answer.status_code >= 400, fault
        if fault in (Fault.BUSY, Fault.POLL_BUSY):
            assert answer.headers["retry-after"] == "3"


@pytest.mark.parametrize("name", sorted(catalogue.DIALECTS))
def test_a_dialect_says_that_there_is_nothing(name: str) -> None:
    dialect: serving.Dialect = catalogue.DIALECTS[name](vendors.make_vendor())
    assert dialect.name == name
    assert dialect.unknown("").status_code == dialect.unknown("GET /nowhere").status_code == 404
