"""`reelmesh doubts`, and the client's verbs below it, against a fake mesh."""

import json
import uuid

import grpc
import pytest
from reelmesh.v1 import generation_pb2, reconciliation_service_pb2

from tests.unit.client import conftest, fake_mesh

Run = conftest.Run
WHY = ("--reason", "seen on the console")


def doubt(number: int) -> reconciliation_service_pb2.DoubtfulAttempt:
    return reconciliation_service_pb2.DoubtfulAttempt(
        attempt_id=str(uuid.UUID(int=number)),
        generation_id=str(uuid.UUID(int=100 + number)),
        account_id="runway-1",
        model="gen4.5",
        state=generation_pb2.ATTEMPT_STATE_INDETERMINATE,
        held_micros=600_000,
        submit_time=fake_mesh.at(-3600),
        message="no answer came",
    )


ONE = str(uuid.UUID(int=1))


def test_attempts_in_doubt_are_a_table(run: Run, served) -> None:
    served.doubts.extend([doubt(1), doubt(2)])
    result = run("doubts", "list")
    assert result.exit_code == 0
    (line,) = [line for line in result.stdout.splitlines() if ONE in line]
    assert "runway-1" in line
    assert "$0.6000" in line


def test_they_are_json_where_that_is_asked_for(run: Run, served) -> None:
    served.doubts.extend([doubt(number) for number in range(1, 4)])
    told = json.loads(run("doubts", "list", "--json", "--limit", "2").stdout)
    assert [each["attempt_id"] for each in told] == [str(uuid.UUID(int=number)) for number in (1, 2)]
    assert told[0]["state"] == "INDETERMINATE"


def test_none_says_so(run: Run, served) -> None:
    result = run("doubts", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "it is known what became of it" in result.stderr


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        (["adopt", ONE, "job-1"], "accepted: because seen on the console"),
        (["resubmit", ONE], "written off: because seen on the console"),
        (["write-off", ONE], "written off: because seen on the console"),
    ],
)
def test_what_an_operator_says_is_passed_on(run: Run, served, verb: list[str], words: str) -> None:
    served.doubts.append(doubt(1))
    result = run("doubts", *verb, *WHY)
    assert result.exit_code == 0
    assert words in result.stderr
    assert f"reelmesh events {uuid.UUID(int=101)}" in result.stderr
    (said,) = served.said
    assert (said.attempt_id, said.reason) == (ONE, "seen on the console")
    assert getattr(said, "job_id", "job-1") == "job-1"
    told = json.loads(run("doubts", *verb, *WHY, "--json").stdout)
    assert told["attempt_id"] == ONE


@pytest.mark.parametrize("verb", [["adopt", ONE, "job-1"], ["resubmit", ONE], ["write-off", ONE]])
def test_a_refusal_says_where_to_look(run: Run, served, verb: list[str]) -> None:
    refusal = fake_mesh.Refusal(grpc.StatusCode.FAILED_PRECONDITION, "the attempt is ACCEPTED", "WRONG_STATE")
    served.refusals[verb[0].replace("-", "_")].append(refusal)
    result = run("doubts", *verb, *WHY)
    assert result.exit_code != 0
    assert "the attempt is ACCEPTED" in result.stderr
    assert "doubts list" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["adopt", ONE], "Missing argument 'JOB'"),
        (["resubmit", ONE], "Missing option '--reason'"),
        (["write-off"], "Missing argument 'ATTEMPT'"),
        (["list", "--limit", "0"], "0 is not in the range"),
    ],
)
def test_a_wrong_command_line_ends_with_2(run: Run, arguments: list[str], words: str) -> None:
    result = run("doubts", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
