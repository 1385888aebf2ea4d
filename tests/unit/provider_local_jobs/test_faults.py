"""Markers by which tests ask the local provider to misbehave."""

import pytest
from reelmesh_provider_local import model
from reelmesh_provider_local.model import Fault, Marker


def test_a_prompt_without_markers_stays_as_it_is() -> None:
    assert model.read_markers("  a cat [not a marker] ") == ((), "  a cat [not a marker] ")


@pytest.mark.parametrize(
    ("text", "marker"),
    [
        ("[[drop]]", Marker(Fault.DROP)),
        ("[[busy=7]]", Marker(Fault.BUSY, 7.0)),
        ("[[refuse:2]]", Marker(Fault.REFUSE, 0.0, 2)),
        ("[[ accept-delay=1.5:1 ]]", Marker(Fault.ACCEPT_DELAY, 1.5, 1)),
    ],
)
def test_a_marker_is_read_and_taken_out(text: str, marker: Marker) -> None:
    assert model.read_markers(f"a cat {text}") == ((marker,), "a cat")


def test_an_unknown_name_stays_text() -> None:
    assert model.read_markers("[[explode]] a cat [[fail]]") == ((Marker(Fault.FAIL),), "[[explode]] a cat")


def test_what_is_written_is_read_again() -> None:
    faults = tuple(Marker(fault, number / 2, number or None) for number, fault in enumerate(Fault))
    assert model.read_markers(model.write_markers(faults))[0] == faults


def test_a_fault_with_times_is_suffered_by_the_first_submits_of_a_shot_only() -> None:
    faults = (Marker(Fault.BUSY, 1.0, 2), Marker(Fault.SLOW, 5.0))
    assert [model.amount_of(model.suffered(faults, before), Fault.BUSY) for before in range(4)] == [
        1.0,
        1.0,
        None,
        None,
    ]
    assert model.amount_of(model.suffered(faults, 9), Fault.SLOW) == 5.0
