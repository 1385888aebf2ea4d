"""The vendor's book."""

import dataclasses
import pathlib

from reelmesh_simulators import faults, ledger, orders


def job(number: int, prompt: str = "a cat") -> orders.Job:
    order = orders.Order(prompt, "m", 4.0, 320, 180, seed=7, told={"x": 1})
    return orders.Job(f"job-{number}", "key", order, 100.0 + number, orders.Pace(1.0, 1.0), 1_000)


def create(of: orders.Job, answer: str = "accepted") -> ledger.Create:
    return ledger.Create(of.created, of.account, of.order.request, answer, of.job_id)


def test_jobs_outlive_the_process(tmp_path: pathlib.Path) -> None:
    book = ledger.Ledger(tmp_path / "book.sqlite")
    book.note(create(job(1)), job(1))
    book.close()
    again = ledger.Ledger(tmp_path / "book.sqlite")
    assert again.job("job-1") == job(1)
    assert again.creates() == [create(job(1))]
    again.close()


def test_one_request_that_was_made_twice_is_one_line_with_two_jobs() -> None:
    book = ledger.Ledger()
    for number in (1, 2):
        book.note(create(job(number)), job(number))
    book.note(ledger.Create(105.0, "key", "a dog", "busy", None))
    assert book.lines(200.0) == [
        ledger.Line("a cat", 2, ("job-1", "job-2"), 2_000),
        ledger.Line("a dog", 1, (), 0),
    ]


def test_deleted_jobs_are_gone_for_their_owner_and_stay_in_the_book() -> None:
    book = ledger.Ledger()
    book.note(create(job(1)), job(1))
    book.delete("job-1")
    assert book.job("job-1") is None
    assert book.jobs("key") == []
    assert len(book.all_jobs()) == 1


def test_a_job_is_cancelled_once() -> None:
    book = ledger.Ledger()
    book.note(create(job(1)), job(1))
    book.cancel("job-1", 110.0)
    book.cancel("job-1", 120.0)
    found = book.job("job-1")
    assert found is not None
    assert found.cancelled == 110.0


def test_a_restart_forgets_every_job() -> None:
    book = ledger.Ledger()
    book.note(create(job(1)), job(1))
    book.forget_all()
    found = book.job("job-1")
    assert found is not None
    assert found.state(200.0) is orders.State.FORGOTTEN


def test_what_a_rule_laid_upon_a_job_outlives_the_process(tmp_path: pathlib.Path) -> None:
    order = dataclasses.replace(job(1).order, suffers=(faults.Marker(faults.Fault.SLOW, 3.0),))
    made = dataclasses.replace(job(1), order=order, failed_micros=5)
    book = ledger.Ledger(tmp_path / "book.sqlite")
    book.note(create(made), made)
    book.close()
    again = ledger.Ledger(tmp_path / "book.sqlite")
    assert again.job("job-1") == made
    again.close()


def test_the_book_says_with_what_seed_and_webhook_something_was_asked_for() -> None:
    book = ledger.Ledger()
    asked = dataclasses.replace(create(job(1)), model="m", seed=7, webhook_url="https://x.test/hook")
    book.note(asked, job(1))
    assert book.creates() == [asked]


def test_with_slots_every_way_to_a_job_tells_of_its_waiting() -> None:
    book = ledger.Ledger()
    book.slots = 1
    for number in (1, 2):
        book.note(create(job(number)), job(number))
    waiting = dataclasses.replace(job(2), slot_from=job(1).ends)
    assert book.job("job-2") == waiting
    assert book.jobs("key")[1] == waiting
    assert book.all_jobs()[1] == waiting
    book.delete("job-2")
    assert book.job("job-2") is None
    assert len(book.jobs("key")) == 1
