"""Orphans: what is old, ours and unknown may go; a bucket full of unknown bytes means that the index is wrong."""

import datetime
import uuid

from reelmesh_storage.model import asset, leftovers

NOW = datetime.datetime(2026, 1, 3, tzinfo=datetime.UTC)
OLD = NOW - leftovers.ORPHAN_GRACE
YOUNG = OLD + datetime.timedelta(seconds=1)


def listed(number: int, modified_at: datetime.datetime = OLD) -> leftovers.Listed:
    return leftovers.Listed(f"faces/ada/{uuid.UUID(int=number)}.jpg", 10, modified_at)


def test_old_bytes_that_no_row_knows_are_orphans() -> None:
    page = [listed(1), listed(2, YOUNG), listed(3)]
    verdict = leftovers.judge(page, {page[2].key}, NOW)
    assert verdict == leftovers.Verdict([leftovers.Orphan(page[0].key, asset.Kind.FACE, 10)], alarming=False)


def test_what_is_not_of_our_making_is_left_alone() -> None:
    foreign = leftovers.Listed("faces/ada/portrait.jpg", 10, OLD)
    assert leftovers.judge([foreign], (), NOW) == leftovers.Verdict([], alarming=False)


def test_a_lost_index_does_not_empty_the_bucket() -> None:
    page = [listed(number) for number in range(leftovers.TOLERATED_ORPHANS + 1)]
    assert leftovers.judge(page, (), NOW) == leftovers.Verdict((), alarming=True)


def test_a_few_orphans_in_an_empty_index_are_no_alarm() -> None:
    page = [listed(number) for number in range(leftovers.TOLERATED_ORPHANS)]
    assert len(leftovers.judge(page, (), NOW).removable) == leftovers.TOLERATED_ORPHANS


def test_many_orphans_among_more_known_bytes_are_no_alarm() -> None:
    page = [listed(number) for number in range(100)]
    known = {each.key for each in page[:50]}
    verdict = leftovers.judge(page, known, NOW)
    assert not verdict.alarming
    assert {orphan.key for orphan in verdict.removable} == {each.key for each in page[50:]}
