"""Each invariant is seen red: rows that break one rule are told apart from rows that keep them all."""

import types
import uuid
from collections.abc import Callable
from typing import Any, cast

import pytest

from tests.support import invariants

GENERATION, SHOT, ATTEMPT = (uuid.UUID(int=number) for number in (1, 2, 3))
ASSET, FILE = str(uuid.UUID(int=4)), str(uuid.UUID(int=5))
JOB = "job-1"


def row(**values: Any) -> Any:
    return types.SimpleNamespace(**values)


def event(sequence: int, type_: str, state: str, message: str = "", **attributes: str) -> Any:
    return row(
        generation_id=GENERATION, sequence=sequence, type=type_, state=state, message=message, attributes=attributes
    )


def finished() -> Any:
    """Return the rows of a generation that has its video."""
    result = {"files": [{"asset_id": FILE}], "thumbnail_asset_id": "", "poster_asset_id": ""}
    return row(
        generations=[
            row(
                id=GENERATION,
                state="COMPLETED",
                sequence=3,
                revision=5,
                run=1,
                delivery="VIDEO",
                result=result,
                takes=[],
                delete_time=None,
            )
        ],
        shots=[row(id=SHOT, generation_id=GENERATION, state="DONE", clip_asset_id=ASSET)],
        attempts=[
            row(
                id=ATTEMPT,
                generation_id=GENERATION,
                shot_id=SHOT,
                account_id="account",
                state="SUCCEEDED",
                ending="",
                held_micros=0,
                spent_micros=70,
                job_id=JOB,
                nonce="n",
                watcher_id="worker",
                clip_asset_id=ASSET,
            )
        ],
        steps=[row(id=uuid.UUID(int=6), state="DONE")],
        events=[
            event(1, "queued", "QUEUED"),
            event(2, "attempt_submitting", "GENERATING", attempt_id=str(ATTEMPT)),
            event(3, "completed", "COMPLETED"),
        ],
        ledger=[
            row(attempt_id=ATTEMPT, kind="HOLD", amount_micros=100),
            row(attempt_id=ATTEMPT, kind="SETTLE", amount_micros=70),
            row(attempt_id=ATTEMPT, kind="RELEASE", amount_micros=30),
        ],
        jobs=[row(job_id=JOB, attempt_id=ATTEMPT)],
        outbox=[],
        accounts=[row(id="account", slots=1)],
        leases=[row(worker_id="worker", active=True)],
    )


def judged(rows: Any) -> list[str]:
    return invariants.wrong_when_quiet(cast("invariants.Snapshot", rows))


def another_attempt(rows: Any, **changes: Any) -> None:
    first = cast("dict[str, Any]", vars(rows.attempts[0]))
    fresh = {"id": uuid.UUID(int=9), "job_id": "", "spent_micros": 0, "state": "PLANNED", "clip_asset_id": ""}
    rows.attempts.append(row(**{**first, **fresh, **changes}))


def add_job(rows: Any, job_id: str) -> None:
    rows.jobs.append(row(job_id=job_id, attempt_id=ATTEMPT))


def takes(rows: Any, *more: dict[str, Any], **changes: Any) -> None:
    """Give the generation a take, and more of them."""
    plain = {
        "state": "READY",
        "attempt_id": str(ATTEMPT),
        "clip_asset_ids": [ASSET],
        "whole": True,
        "promoted": False,
        "result": {"files": [{"asset_id": ASSET}], "thumbnail_asset_id": "", "poster_asset_id": ""},
    }
    rows.generations[0].takes = [
        {**plain, "number": number, **each} for number, each in enumerate((changes, *more), start=1)
    ]


BROKEN: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a gap in the history": (lambda rows: rows.events.pop(1), "the events of generation"),
    "a history against the table": (lambda rows: setattr(rows.events[1], "state", "CANCELLED"), "in its history"),
    "money out of nothing": (lambda rows: rows.ledger.pop(), "its ledger says"),
    "money spent elsewhere": (lambda rows: setattr(rows.attempts[0], "spent_micros", 60), "its ledger says"),
    "a second submit": (
        lambda rows: rows.events.append(event(4, "attempt_submitting", "COMPLETED", attempt_id=str(ATTEMPT))),
        "was submitted 2 times",
    ),
    "a job of two attempts": (lambda rows: another_attempt(rows, job_id=JOB), "belongs to 2 attempts"),
    "a job without a fact": (lambda rows: rows.jobs.clear(), "has 0 rows of facts"),
    "a fact without effect": (lambda rows: add_job(rows, "job-2"), "job job-2 was recorded for attempt"),
    "a generation that goes on": (lambda rows: setattr(rows.generations[0], "state", "GENERATING"), "is GENERATING"),
    "two endings of one run": (lambda rows: setattr(rows.events[1], "type", "failed"), "has ended 2 times in 1 runs"),
    "a video of nothing": (lambda rows: setattr(rows.shots[0], "clip_asset_id", ""), "shots that are not made"),
    "an end that is no end": (lambda rows: setattr(rows.events[0], "state", "CANCELLED"), "in its history"),
    "a picture of nothing": (lambda rows: setattr(rows.generations[0], "delivery", "INFOGRAPHIC"), "and has none"),
    "a clip that nobody has": (
        lambda rows: another_attempt(rows, state="SUCCEEDED", clip_asset_id="clip-2"),
        "is in no video and no take",
    ),
    "a take of nothing": (lambda rows: takes(rows, attempt_id=str(uuid.UUID(int=99))), "is of no attempt"),
    "a take without files": (lambda rows: takes(rows, result={"files": []}), "with the wrong files"),
    "a take of some shots": (lambda rows: takes(rows, clip_asset_ids=[]), "is not whole"),
    "a take that waits": (lambda rows: takes(rows, state="PROCESSING", result={"files": []}), "is not processed"),
    "two takes delivered": (lambda rows: takes(rows, {"promoted": True}, promoted=True), "with 2 takes promoted"),
    "takes that are not numbered": (lambda rows: takes(rows, number=7), "are not numbered"),
    "an attempt that waits": (another_attempt, "is PLANNED"),
    "a step that runs": (lambda rows: setattr(rows.steps[0], "state", "RUNNING"), "is RUNNING"),
    "a message that waits": (lambda rows: rows.outbox.append(row()), "1 messages wait"),
}


def test_rows_that_keep_the_rules_are_not_blamed() -> None:
    assert judged(finished()) == []


@pytest.mark.parametrize("name", BROKEN)
def test_each_broken_rule_is_told(name: str) -> None:
    damage, sentence = BROKEN[name]
    rows = finished()
    damage(rows)
    assert [line for line in judged(rows) if sentence in line], judged(rows)


def test_two_unresolved_attempts_of_a_shot_are_told() -> None:
    rows = finished()
    for number in (10, 11):
        another_attempt(rows, id=uuid.UUID(int=number), state="ACCEPTED", watcher_id="")
    assert [line for line in judged(rows) if "2 unresolved attempts" in line]
    assert [line for line in judged(rows) if "2 attempts in flight and 1 slots" in line]


@pytest.mark.parametrize("type_", ["incident", "recovered"])
def test_an_attempt_that_came_back_is_not_blamed_on_the_one_that_followed(type_: str) -> None:
    rows = finished()
    for number in (10, 11):
        another_attempt(rows, id=uuid.UUID(int=number), state="ACCEPTED", watcher_id="")
    rows.events.append(event(4, type_, "COMPLETED", attempt_id=str(uuid.UUID(int=10))))
    assert not [line for line in judged(rows) if "unresolved attempts" in line]


def test_an_attempt_that_turned_up_again_takes_no_slot_from_anybody() -> None:
    rows = finished()
    for number in (10, 11):
        another_attempt(rows, id=uuid.UUID(int=number), shot_id=uuid.UUID(int=number), state="ACCEPTED", watcher_id="")
    rows.events.append(event(4, "attempt_indeterminate", "COMPLETED", attempt_id=str(uuid.UUID(int=10))))
    assert not [line for line in judged(rows) if "slots" in line]


def test_money_held_for_what_is_resolved_is_told() -> None:
    rows = finished()
    rows.ledger.pop()
    rows.attempts[0].held_micros = 30
    assert [line for line in judged(rows) if "still holds 30" in line]


def test_an_attempt_watched_without_a_lease_is_told() -> None:
    rows = finished()
    another_attempt(rows, state="ACCEPTED")
    rows.leases[0].active = False
    assert [line for line in judged(rows) if "holds no lease" in line]


def test_a_fact_that_the_history_explains_is_not_blamed() -> None:
    rows = finished()
    rows.events.append(event(4, "incident", "COMPLETED", "Job job-2 is claimed by attempt 7 already"))
    rows.generations[0].sequence = 4
    add_job(rows, "job-2")
    assert judged(rows) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"state": "QUEUED", "revision": 6}, "went from COMPLETED to QUEUED", id="after its end"),
        pytest.param({"run": 2}, "changed at revision 5, after 5", id="without a revision"),
        pytest.param({"revision": 6, "sequence": 2}, "counts backwards", id="events forgotten"),
    ],
)
def test_what_may_not_become_of_a_generation_is_told(changes: dict[str, Any], sentence: str) -> None:
    course, rows = invariants.Course(every_commit=True), finished()
    assert course.follow(rows) == []
    rows.generations = [row(**{**vars(rows.generations[0]), **changes})]
    assert [line for line in course.follow(rows) if sentence in line]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"nonce": "m"}, "was begun by n, and then by m", id="begun twice"),
        pytest.param({"spent_micros": 0}, "had spent 70 and now 0", id="money back"),
        pytest.param({"state": "SUBMITTING"}, "went from SUCCEEDED to SUBMITTING", id="submitted again"),
    ],
)
def test_what_may_not_become_of_an_attempt_is_told(changes: dict[str, Any], sentence: str) -> None:
    course, rows = invariants.Course(every_commit=True), finished()
    assert course.follow(rows) == []
    rows.attempts = [row(**{**vars(rows.attempts[0]), **changes})]
    assert [line for line in course.follow(rows) if sentence in line]


def test_moves_between_two_looks_are_many_unless_every_commit_is_seen() -> None:
    for every_commit in (False, True):
        course, rows = invariants.Course(every_commit=every_commit), finished()
        rows.attempts[0].state = "PLANNED"
        assert course.follow(rows) == []
        rows.attempts = [row(**{**vars(rows.attempts[0]), "state": "NEVER_CREATED"})]
        assert bool(course.follow(rows)) is every_commit


def test_what_a_vendor_knows_is_held_against_the_record() -> None:
    rows = finished()
    assert invariants.paid_once({"a": 1}) == invariants.all_claimed(rows, [JOB]) == invariants.one_take(rows) == []
    assert invariants.billed(rows, {JOB: 70}) == []
    assert invariants.paid_once({"a": 2}) == ["attempt a was sent to the vendor 2 times"]
    assert invariants.all_claimed(rows, [JOB, "job-2"]) == ["job job-2 at the vendor belongs to no attempt"]
    assert len(invariants.billed(rows, {JOB: 80})) == 1
    another_attempt(rows, state="SUCCEEDED")
    assert invariants.one_take(rows) == [f"shot {SHOT} was paid for 2 times"]


def stored(asset_id: str, **changes: Any) -> Any:
    whole = {"asset_id": asset_id, "state": "STORED", "kind": "CLIP", "key": asset_id, "generation_id": GENERATION}
    return row(**{**whole, **changes})


@pytest.mark.parametrize(
    ("writes", "keys", "sentence"),
    [
        pytest.param([stored(ASSET)], [ASSET], "is in use and gone", id="gone"),
        pytest.param([stored(ASSET), stored(FILE), stored("x")], [ASSET, FILE, "x"], "has no owner", id="no owner"),
        pytest.param(
            [stored(ASSET), stored(FILE, generation_id=SHOT)], [ASSET, FILE], "belongs to another", id="stolen"
        ),
        pytest.param([stored(ASSET), stored(FILE)], [ASSET, FILE, "x"], "under x are orphaned", id="orphaned"),
        pytest.param([stored(ASSET), stored(FILE)], [ASSET], f"under {FILE} are gone", id="bytes gone"),
    ],
)
def test_assets_that_nobody_owns_or_has_are_told(writes: list[Any], keys: list[str], sentence: str) -> None:
    assert invariants.owned(finished(), [stored(ASSET), stored(FILE)], [ASSET, FILE]) == []
    assert [line for line in invariants.owned(finished(), writes, keys) if sentence in line]
