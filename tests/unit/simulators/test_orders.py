"""What becomes of a job with time."""

import dataclasses

import pytest
from reelmesh_simulators import faults, orders

PACE = orders.Pace(queue_seconds=10.0, render_seconds=20.0)
State = orders.State


def job(prompt: str = "a cat", **changes: object) -> orders.Job:
    order = orders.Order(prompt, "m", 4.0, 320, 180)
    return orders.Job("j", "a", order, 100.0, PACE, 4_000_000, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("prompt", "at", "state", "percent"),
    [
        ("a cat", 100.0, State.QUEUED, 0),
        ("a cat", 109.9, State.QUEUED, 0),
        ("a cat", 110.0, State.RUNNING, 0),
        ("a cat", 120.0, State.RUNNING, 50),
        ("a cat", 129.99, State.RUNNING, 99),
        ("a cat", 130.0, State.SUCCEEDED, 100),
        ("a cat [[queue=5]]", 114.0, State.QUEUED, 0),
        ("a cat [[slow=20]]", 130.0, State.RUNNING, 50),
        ("a cat [[stall]]", 1e9, State.RUNNING, 50),
        ("a cat [[fail]]", 130.0, State.FAILED, 100),
        ("a cat [[fail-inside]]", 130.0, State.FAILED, 100),
        ("a cat [[filter]]", 130.0, State.FILTERED, 100),
        ("a cat [[forget=15]]", 114.9, State.RUNNING, 24),
        ("a cat [[forget=15]]", 115.0, State.FORGOTTEN, 100),
    ],
)
def test_a_job_goes_its_way(prompt: str, at: float, state: State, percent: int) -> None:
    assert (job(prompt).state(at), job(prompt).percent(at)) == (state, percent)


def test_a_cancel_ends_it_at_any_time() -> None:
    assert job(cancelled=105.0).state(105.0) is State.CANCELLED


@pytest.mark.parametrize(
    ("made", "at", "bill"),
    [
        (job(), 129.0, 0),
        (job(), 130.0, 4_000_000),
        (job("x [[fail]]"), 130.0, 0),
        (job("x [[filter]]"), 130.0, 0),
        (job(cancelled=105.0), 200.0, 0),
        (job(cancelled=115.0), 200.0, 4_000_000),
        (job("x [[stall]]"), 1e9, 0),
    ],
)
def test_clips_and_renders_that_were_stopped_are_billed(made: orders.Job, at: float, bill: int) -> None:
    assert made.bill_micros(at) == bill


def test_a_request_is_its_prompt_without_markers() -> None:
    assert job("a cat [[slow=2]] on a mat [[stall:3]]").order.request == "a cat on a mat"


def account_of(job: orders.Job) -> str:
    return job.account


def at(created: float, prompt: str = "a cat", **changes: object) -> orders.Job:
    return dataclasses.replace(job(prompt, **changes), job_id=f"j{created:g}", created=created)


def test_only_so_many_run_at_a_time_and_the_others_wait_in_turn() -> None:
    placed = orders.scheduled([at(100.0), at(101.0), at(102.0)], 2, account_of)
    assert [one.starts for one in placed] == [110.0, 111.0, 130.0]
    assert [one.ready for one in placed] == [110.0, 111.0, 112.0]


def test_a_job_that_was_stopped_leaves_its_place_to_the_next() -> None:
    stopped, unbegun = at(100.0, cancelled=115.0), at(101.0, cancelled=102.0)
    placed = orders.scheduled([stopped, unbegun, at(102.0)], 1, account_of)
    assert placed[2].starts == 115.0


def test_a_job_that_stalls_keeps_its_place() -> None:
    last = orders.scheduled([at(100.0, "a cat [[stall]]"), at(101.0)], 1, account_of)[1]
    assert (last.state(1e9), last.percent(1e9), last.bill_micros(1e9)) == (State.QUEUED, 0, 0)


def test_groups_do_not_wait_for_each_other() -> None:
    placed = orders.scheduled([at(100.0), at(101.0)], 1, lambda one: one.job_id)
    assert [one.starts for one in placed] == [110.0, 111.0]


def test_a_doomed_job_fails_and_may_cost_something() -> None:
    order = orders.Order("a cat", "m", 4.0, 320, 180, doomed=True)
    doomed = orders.Job("j", "a", order, 100.0, PACE, 4_000_000, 7)
    assert (doomed.state(130.0), doomed.bill_micros(129.0), doomed.bill_micros(130.0)) == (State.FAILED, 0, 7)


def test_a_rule_may_lay_a_fault_upon_a_job() -> None:
    order = orders.Order("a cat", "m", 4.0, 320, 180, suffers=(faults.Marker(faults.Fault.FAIL, 2.0),))
    assert orders.Job("j", "a", order, 100.0, PACE).state(130.0) is State.FAILED
    assert order.marker(faults.Fault.FAIL) == faults.Marker(faults.Fault.FAIL, 2.0)
    assert order.marker(faults.Fault.SLOW) is None
