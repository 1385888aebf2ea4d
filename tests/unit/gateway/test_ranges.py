"""Which bytes answer a request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reelmesh_gateway.model import ranges

TAG = '"abc"'


def choose(header: str = "", size_bytes: int = 100, **conditions: str) -> ranges.Choice:
    return ranges.choose(ranges.Conditions(range=header, **conditions), size_bytes, TAG)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-9", ranges.Part(0, 10)),
        ("bytes=90-", ranges.Part(90, 10)),
        ("bytes=90-1000", ranges.Part(90, 10)),
        ("bytes=-10", ranges.Part(90, 10)),
        ("bytes=-1000", ranges.Part(0, 100)),
        ("bytes=99-99", ranges.Part(99, 1)),
        ("BYTES= 0-9 ", ranges.Part(0, 10)),
        ("bytes=100-", ranges.Outside()),
        ("bytes=-0", ranges.Outside()),
        ("bytes=200-300", ranges.Outside()),
    ],
)
def test_one_range_is_cut_to_what_there_is(header: str, expected: ranges.Choice) -> None:
    assert choose(header) == expected


@pytest.mark.parametrize(
    "header", ["", "bytes=", "bytes=-", "bytes=9-5", "bytes=a-b", "items=0-9", "bytes=0-1,5-6", "bytes=0-" + "9" * 30]
)
def test_what_is_no_single_range_of_bytes_gets_the_whole_file(header: str) -> None:
    assert choose(header) == ranges.Whole()


def test_an_empty_file_has_nothing_within_any_range() -> None:
    assert choose("bytes=0-", 0) == ranges.Outside()
    assert choose("bytes=-5", 0) == ranges.Outside()
    assert choose("", 0) == ranges.Whole()


@pytest.mark.parametrize("known", [TAG, f'"x", {TAG}', f"W/{TAG}", "*"])
def test_bytes_that_the_caller_has_are_not_sent_again(known: str) -> None:
    assert choose("bytes=0-9", if_none_match=known) == ranges.Unchanged()


def test_a_range_of_a_file_that_changed_gets_the_whole_file() -> None:
    assert choose("bytes=0-9", if_range='"old"') == ranges.Whole()
    assert choose("bytes=0-9", if_range=f"W/{TAG}") == ranges.Whole()
    assert choose("bytes=0-9", if_range=TAG) == ranges.Part(0, 10)


@given(st.text(max_size=40), st.integers(0, 10_000))
def test_no_header_leads_outside_of_the_file(header: str, size_bytes: int) -> None:
    for tried in (header, "bytes=" + header):
        choice = choose(tried, size_bytes)
        if isinstance(choice, ranges.Part):
            assert 0 <= choice.offset < choice.offset + choice.length <= size_bytes
