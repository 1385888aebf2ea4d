"""Each promise of `make chaos-money` is seen broken once."""

import dataclasses

import pytest

from tests.chaos_money import judging

GOOD = judging.Ending(
    name="Film number 1",
    vendor="runway",
    dialect="runway",
    fault="accept-drop",
    doubts_allowed=True,
    priced=True,
    told_apart=True,
    bill_known=True,
    state="COMPLETED",
    delivery="VIDEO",
    open_at_the_end=False,
    attempts=[judging.Attempt("a1", "SUCCEEDED", "job-1", 0)],
    spent_micros=400_000,
    jobs=["job-1"],
    billed_micros=400_000,
)
LOST = dataclasses.replace(
    GOOD,
    delivery="TEXT",
    open_at_the_end=True,
    attempts=[judging.Attempt("a1", "INDETERMINATE", "", 400_000)],
    spent_micros=0,
    listed=["a1"],
)


@pytest.mark.parametrize("ending", [GOOD, LOST, dataclasses.replace(LOST, delivery="VIDEO")])
def test_what_was_promised_is_no_trouble(ending: judging.Ending) -> None:
    assert judging.broken([ending]) == []


@pytest.mark.parametrize(
    ("ending", "changes", "told"),
    [
        (GOOD, {"jobs": ["job-1", "job-2"]}, "was paid 2 times"),
        (GOOD, {"state": "FAILED", "delivery": ""}, "ended FAILED"),
        (GOOD, {"delivery": "TEXT"}, "ended COMPLETED TEXT with attempts SUCCEEDED"),
        (GOOD, {"billed_micros": 800_000}, "cost $0.8000 by the vendor's book and $0.4000 by ours"),
        (LOST, {"doubts_allowed": False}, "though the vendor has a list"),
        (LOST, {"attempts": [judging.Attempt("a1", "INDETERMINATE", "", 0)]}, "no money is held"),
        (LOST, {"listed": []}, "no operator is told"),
    ],
)
def test_a_broken_promise_is_told(ending: judging.Ending, changes: dict[str, object], told: str) -> None:
    found = judging.broken([dataclasses.replace(ending, **changes)])
    assert told in found[0]


def test_a_row_is_paid_no_more_often_than_it_has_requests() -> None:
    alike = dataclasses.replace(GOOD, told_apart=False)
    both = [dataclasses.replace(alike, jobs=["job-1", "job-2"]), dataclasses.replace(alike, jobs=[])]
    assert judging.broken(both) == []
    assert judging.broken(both[:1]) == ["runway, accept-drop: 1 requests were paid 2 times"]


def test_who_takes_the_job_of_another_request_is_told() -> None:
    thief = dataclasses.replace(
        GOOD, name="Film number 2", jobs=["job-2"], attempts=[judging.Attempt("a2", "SUCCEEDED", "job-1", 0)]
    )
    assert judging.broken([GOOD, dataclasses.replace(thief, vendor="fal")]) == []
    assert judging.broken([GOOD, thief]) == ["Film number 2 has the job job-1 of Film number 1"]
    alike = [dataclasses.replace(one, told_apart=False) for one in (GOOD, thief)]
    assert (judging.broken(alike), judging.swapped(alike), judging.swapped([GOOD, thief])) == ([], 1, 0)


def test_what_an_operator_leaves_behind_is_told() -> None:
    assert judging.settled([GOOD]) == []
    assert len(judging.settled([LOST])) == 1
    differs = dataclasses.replace(GOOD, spent_micros=0)
    assert len(judging.settled([differs])) == 1
    given_up = [judging.Attempt("a1", judging.WRITTEN_OFF, "", 0)]
    for excused in ({"attempts": given_up}, {"bill_known": False}):
        assert judging.settled([dataclasses.replace(differs, **excused)]) == []


def test_a_row_counts_its_requests() -> None:
    (row,) = judging.rows([GOOD, dataclasses.replace(LOST, jobs=[], billed_micros=0)])
    assert row == judging.Row("runway", "accept-drop", 2, 1, 2, 1, 1, 0.4)


def test_books_that_differ_are_money_that_is_not_reconciled() -> None:
    (row,) = judging.rows([dataclasses.replace(GOOD, spent_micros=0)])
    assert row.unreconciled_usd == 0.4


def test_a_part_of_a_token_is_no_difference_of_books() -> None:
    assert judging.broken([dataclasses.replace(GOOD, spent_micros=GOOD.billed_micros - 3)]) == []
    assert len(judging.broken([dataclasses.replace(GOOD, spent_micros=GOOD.billed_micros - 100)])) == 1


def test_what_vendors_were_to_tell_and_was_not_heard_is_told() -> None:
    markers = ["[[webhook-twice]]", "[[accept-drop]] [[webhook-forged]]", "[[webhook-none]]"]
    assert judging.unheard(markers, {"nudged": 3, "duplicate": 1, "forged": 2}) == []
    # Whoever believes a forged notice counts it as any other.
    (sentence,) = judging.unheard(markers, {"nudged": 5, "duplicate": 1})
    assert "[[webhook-forged]]" in sentence
    assert len(judging.unheard(["[[webhook-late=2]]", "[[accept-slow=3]]"], {})) == 2
