"""`reelmesh recover`, and the client's verbs below it, against a fake mesh."""

import asyncio
import json
import os
import signal

import grpc
import pytest
from click import testing
from reelmesh.v1 import recovery_service_pb2
from reelmesh_client import commands, errors, recovering

from tests.unit.client import conftest, fake_mesh, test_interrupting

Run = conftest.Run
STATES = recovery_service_pb2.RecoveryState
CENSUS = recovery_service_pb2.CensusState


def report(state: str, **accounts: str) -> recovery_service_pb2.RecoveryReport:
    """Return a report with accounts in states."""
    made = recovery_service_pb2.RecoveryReport(
        era_id="0190c2a8-0000-7000-8000-000000000002",
        number=2,
        state=STATES.Value(f"RECOVERY_STATE_{state}"),
        reason="the database was put back",
        begin_time=fake_mesh.at(0),
        head_time=fake_mesh.at(-60),
        adopted=3,
        freed=2,
        accounts=[
            recovery_service_pb2.AccountCensus(
                account_id=name, provider=name, state=CENSUS.Value(f"CENSUS_STATE_{told}"), message=f"{name} is {told}"
            )
            for name, told in accounts.items()
        ],
    )
    if state == "STANDING":
        made.end_time.CopyFrom(fake_mesh.at(12.5))
    return made


@pytest.mark.parametrize("verb", [["recover"], ["recover", "status"]])
def test_the_status_has_a_table_of_accounts(run: Run, served, verb: list[str]) -> None:
    served.reports.append(report("STANDING", sora="ANSWERED", veo="RELEASED"))
    result = run(*verb)
    assert result.exit_code == 0
    assert "standing, it is over" in result.stdout
    assert "12.5 s" in result.stdout
    assert "2025-12-31 23:59:00 UTC" in result.stdout
    assert "3 jobs found their attempts" in result.stdout
    rows = [line.split() for line in result.stdout.splitlines() if line.startswith(("account", "sora", "veo"))]
    assert [row[:3] for row in rows] == [
        ["account", "provider", "state"],
        ["sora", "sora", "answered"],
        ["veo", "veo", "released"],
    ]
    assert result.stderr == ""


def test_what_waits_for_an_operator_is_said_with_the_command_for_it(run: Run, served, data_folder) -> None:
    parked = report("LOOKING", sora="PARKED", veo="ASKED")
    parked.orphans = True
    served.reports.append(parked)
    result = run("recover")
    assert result.exit_code == 0
    assert "sora is PARKED" in result.stdout
    assert f"reelmesh recover release sora --data {data_folder}" in result.stderr
    assert f"reelmesh recover orphans --data {data_folder}" in result.stderr
    assert f"reelmesh recover status --data {data_folder} --wait" in result.stderr


def test_a_record_that_never_went_back_is_told_so(run: Run) -> None:
    result = run("recover")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "never went back" in result.stderr
    as_json = run("recover", "--json")
    assert (as_json.exit_code, json.loads(as_json.stdout)) == (0, {"recovery": None})


def test_the_status_as_json_is_what_http_answers(run: Run, served) -> None:
    served.reports.append(report("STANDING", sora="ANSWERED"))
    told = json.loads(run("recover", "--json").stdout)["recovery"]
    assert (told["state"], told["adopted"], told["accounts"][0]["state"]) == ("STANDING", 3, "ANSWERED")


def test_waiting_follows_it_until_it_is_over(run: Run, served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovering, "LOOK_SECONDS", 0.01)
    served.reports.extend(
        [
            report("LOOKING", sora="ASKED"),
            report("LOOKING", sora="ASKED"),
            report("MATCHING", sora="ANSWERED"),
            report("STANDING", sora="ANSWERED"),
        ]
    )
    result = run("recover", "--wait", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["recovery"]["state"] == "STANDING"
    told = [line.partition(":")[0] for line in result.stderr.splitlines()]
    assert told == ["looking", "matching", "standing"]
    assert "0 of 1 accounts looked through" in result.stderr


def test_waiting_for_nothing_ends_at_once(run: Run) -> None:
    result = run("recover", "status", "--wait")
    assert result.exit_code == 0
    assert "never went back" in result.stderr


def test_it_is_started_with_a_reason(run: Run, served) -> None:
    served.reports.append(report("LOOKING", sora="ASKED"))
    result = run("recover", "start", "--reason", "the machine was put back")
    assert result.exit_code == 0
    assert [each.reason for each in served.requests("start_recovery")] == ["the machine was put back"]
    assert "looking, accounts are looked through; nothing is submitted" in result.stdout


def test_it_is_started_and_followed(run: Run, served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovering, "LOOK_SECONDS", 0.01)
    served.reports.extend([report("LOOKING"), report("LOOKING"), report("STANDING")])
    result = run("recover", "start", "--wait")
    assert result.exit_code == 0
    assert "standing, it is over" in result.stdout


def orphan(number: int) -> recovery_service_pb2.Orphan:
    """Return a job of nobody."""
    return recovery_service_pb2.Orphan(
        account_id="sora", provider="sora", job_id=f"job-{number}", model="m-1", find_time=fake_mesh.at(0)
    )


def test_orphans_are_listed_page_by_page(run: Run, served) -> None:
    served.orphans = [orphan(number) for number in range(1500)]
    result = run("recover", "orphans", "--limit", "1200", "--json")
    assert result.exit_code == 0
    assert [each["job_id"] for each in json.loads(result.stdout)] == [f"job-{number}" for number in range(1200)]
    assert [each.page_size for each in served.requests("orphans")] == [1000, 200]
    table = run("recover", "orphans").stdout.splitlines()
    assert table[0].split()[:3] == ["account", "job", "model"]
    assert table[1].split()[:3] == ["sora", "job-0", "m-1"]
    assert len(table) == 101


def test_no_orphans_are_told_so(run: Run) -> None:
    result = run("recover", "orphans")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "None" in result.stderr
    assert json.loads(run("recover", "orphans", "--json").stdout) == []


def test_an_account_is_released(run: Run, served) -> None:
    served.reports.append(report("STANDING", sora="RELEASED"))
    result = run("recover", "release", "sora", "--reason", "ada has looked")
    assert result.exit_code == 0
    (asked,) = served.requests("release")
    assert (asked.account_id, asked.reason) == ("sora", "ada has looked")
    assert "released" in result.stdout


@pytest.mark.parametrize(("code", "reason"), [("NOT_FOUND", "NOT_FOUND"), ("FAILED_PRECONDITION", "WRONG_STATE")])
def test_an_account_that_cannot_be_released_ends_with_3_and_says_what_to_do(
    run: Run, served, code: str, reason: str
) -> None:
    served.refusals["release"].append(fake_mesh.Refusal(grpc.StatusCode[code], "sora is not parked", reason))
    result = run("recover", "release", "sora")
    assert result.exit_code == 3
    assert "sora is not parked" in result.stderr
    assert "reelmesh recover" in result.stderr
    assert "shows the accounts" in result.stderr


@pytest.mark.parametrize("verb", [[], ["start"], ["orphans"], ["release", "sora"]])
def test_a_key_without_the_scope_ends_with_3(run: Run, served, verb: list[str]) -> None:
    method = {"start": "start_recovery", "orphans": "orphans", "release": "release"}.get(*verb[:1] or [""], "recovery")
    refusal = fake_mesh.Refusal(
        grpc.StatusCode.PERMISSION_DENIED, 'the key lacks the scope "admin"', "PERMISSION_DENIED", {"scope": "admin"}
    )
    served.refusals[method].append(refusal)
    result = run("recover", *verb)
    assert result.exit_code == 3
    assert 'lacks the scope "admin"' in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["release"], "Missing argument 'ACCOUNT'"),
        (["again"], "No such command 'again'"),
        (["orphans", "--limit", "0"], "0 is not in the range"),
        (["--limit", "3"], "No such option"),
    ],
)
def test_a_wrong_command_line_ends_with_2(run: Run, arguments: list[str], words: str) -> None:
    result = run("recover", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_lists_the_verbs(flag: str) -> None:
    result = testing.CliRunner().invoke(commands.main, ["recover", flag])
    assert result.exit_code == 0
    for verb in ("status", "start", "orphans", "release", "Exit codes"):
        assert verb in result.stdout


async def test_a_mesh_that_is_away_for_a_while_is_looked_for(mesh, client) -> None:
    mesh.reports.append(report("STANDING"))
    mesh.refusals["recovery"].extend([fake_mesh.BUSY] * 8)
    lost: list[errors.ReelmeshError] = []
    seen = [each async for each in client.follow_recovery(on_lost=lost.append)]
    assert [each.number for each in seen] == [2]
    assert [type(each) for each in lost] == [errors.Unavailable]


async def test_a_mesh_that_stays_away_is_given_up(mesh, client) -> None:
    mesh.refusals["recovery"].extend([fake_mesh.BUSY] * 400)
    with pytest.raises(errors.Unavailable):
        _ = [each async for each in client.follow_recovery(patience_seconds=10)]


async def test_a_refusal_ends_the_following(mesh, client) -> None:
    mesh.refusals["recovery"].append(fake_mesh.Refusal(grpc.StatusCode.PERMISSION_DENIED, "no", "PERMISSION_DENIED"))
    with pytest.raises(errors.PermissionDenied):
        _ = [each async for each in client.follow_recovery()]


data_folder_of_the_loop = test_interrupting.data_folder


async def test_ctrl_c_says_that_it_goes_on_and_how_to_follow_it(mesh, data_folder_of_the_loop) -> None:
    mesh.reports.append(report("LOOKING", sora="ASKED"))
    process = await asyncio.create_subprocess_exec(
        *test_interrupting.COMMAND,
        *("recover", "--wait", "--data", str(data_folder_of_the_loop)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    while b"looking" not in (line := await process.stderr.readline()):
        assert line
    os.kill(process.pid, signal.SIGINT)
    _, error = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 130
    assert "goes on without you" in error.decode()
    assert f"reelmesh recover status --data {data_folder_of_the_loop} --wait" in error.decode()
    assert "Traceback" not in error.decode()
