"""The durable list of jobs and submits."""

import dataclasses
import pathlib

import pytest
from reelmesh_kit import process
from reelmesh_provider_local import jobs, model
from reelmesh_provider_local.model import Fault, Marker, State

JOB = model.Job("local-1", "attempt-1", "shot-1", 2**32 - 1, "local-1", "{}", faults=(Marker(Fault.SLOW, 2.0),))


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "list" / "jobs.sqlite"


@pytest.fixture
def listed(path: pathlib.Path):
    opened = jobs.Jobs.open_at(path)
    yield opened
    opened.close()


def test_a_job_is_kept_with_everything_it_was_created_with(listed: jobs.Jobs) -> None:
    listed.create(JOB)
    assert listed.get(["local-1", "unknown"]) == {"local-1": JOB}


def test_it_is_there_after_a_restart(listed: jobs.Jobs, path: pathlib.Path) -> None:
    listed.create(JOB)
    listed.move("local-1", State.RENDERING)
    again = jobs.Jobs.open_at(path)
    assert [job.job_id for job in again.unfinished()] == ["local-1"]
    again.close()


def test_every_submit_is_counted_whether_it_made_a_job_or_not(listed: jobs.Jobs) -> None:
    listed.create(JOB)
    listed.count_submit("attempt-2", "shot-1", 5, "BUSY")
    listed.count_submit("attempt-3", "shot-2", 6, "REFUSED")
    assert listed.submits() == 3
    assert listed.submits(tag="attempt-1") == 1
    assert listed.submits(shot_id="shot-1") == 2
    assert listed.submits(tag="attempt-1", shot_id="shot-2") == 0


def test_a_submit_that_vanished_is_a_try_of_its_shot_but_no_submit(listed: jobs.Jobs) -> None:
    listed.count_submit("attempt-1", "shot-1", 5, jobs.VANISHED)
    assert listed.submits() == 0
    assert listed.tries("shot-1") == 1
    assert listed.tries("shot-2") == 0


def test_the_same_job_is_never_created_twice(listed: jobs.Jobs) -> None:
    listed.create(JOB)
    with pytest.raises(Exception, match="UNIQUE"):
        listed.create(JOB)
    assert listed.submits() == 1


@pytest.mark.parametrize("ended", [State.SUCCEEDED, State.FAILED, State.FILTERED, State.CANCELLED])
@pytest.mark.parametrize("later", list(State))
def test_a_job_that_ended_never_changes_again(listed: jobs.Jobs, ended: State, later: State) -> None:
    listed.create(JOB)
    assert listed.move("local-1", ended, message="why", size_bytes=7, now=1.0)
    assert not listed.move("local-1", later)
    assert listed.get(["local-1"])["local-1"] == dataclasses.replace(JOB, state=ended, message="why", size_bytes=7)


def test_an_unknown_job_is_not_moved(listed: jobs.Jobs) -> None:
    assert not listed.move("unknown", State.RENDERING)


def test_the_list_shows_the_newest_oldest_first(listed: jobs.Jobs) -> None:
    for number in range(5):
        listed.create(dataclasses.replace(JOB, job_id=f"local-{number}"))
    assert [job.job_id for job in listed.newest()] == [f"local-{number}" for number in range(5)]


def test_old_jobs_can_be_forgotten_but_their_submits_stay_counted(listed: jobs.Jobs) -> None:
    listed.create(JOB)
    listed.create(dataclasses.replace(JOB, job_id="local-2"))
    listed.move("local-1", State.SUCCEEDED, now=100.0)
    assert listed.ended_before(100.0) == []
    assert listed.ended_before(101.0) == ["local-1"]
    listed.remove(["local-1"])
    assert set(listed.get(["local-1", "local-2"])) == {"local-2"}
    assert listed.submits() == 2


def test_a_file_that_is_no_job_list_is_explained(path: pathlib.Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(process.CannotStart, match="Move it away"):
        jobs.Jobs.open_at(path)
