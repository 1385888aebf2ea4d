"""`reelmesh accounts` and `reelmesh switch`, and the client's verbs below them, against a fake mesh."""

import json

import grpc
import pytest
from reelmesh.v1 import account_service_pb2

from tests.unit.client import conftest, fake_mesh

Run = conftest.Run
WHY = ("--reason", "it makes cats of dogs")
OPEN, CLOSED = account_service_pb2.BREAKER_STATE_OPEN, account_service_pb2.BREAKER_STATE_CLOSED


def account(**changes: object) -> account_service_pb2.Account:
    models = [
        account_service_pb2.AccountModel(
            model="veo-3.1", breaker=OPEN, trial_time=fake_mesh.at(42), message="5 submits in a row failed: no answer"
        ),
        account_service_pb2.AccountModel(model="veo-fast", breaker=CLOSED, failed_submits=2, retire_date="2027-01-31"),
        account_service_pb2.AccountModel(model="veo-2", breaker=CLOSED, switched_off=True),
    ]
    told = {"id": "gcp-1", "provider": "veo", "slots": 4, "in_flight": 3, "waiting": 7, "enabled": True}
    return account_service_pb2.Account(**(told | {"models": models} | changes))  # type: ignore[arg-type]


def test_accounts_are_a_table_of_models_with_their_health(run: Run, served) -> None:
    served.accounts.append(account())
    result = run("accounts")
    assert result.exit_code == 0
    words = " ".join(result.stdout.split())
    for part in (
        "gcp-1 veo 3 of 4 7 veo-3.1 breaker open, next trial in",
        "5 submits in a row failed: no answer",
        "veo-fast well, 2 submits failed in a row, retires on 2027-01-31",
        "veo-2 switched off",
    ):
        assert part in words
    (told,) = json.loads(run("accounts", "--json").stdout)
    assert [model["breaker"] for model in told["models"]] == ["OPEN", "CLOSED", "CLOSED"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"enabled": False}, "off in accounts.yaml"),
        ({"models": []}, "no worker of its provider has announced itself"),
    ],
)
def test_what_keeps_an_account_from_use_is_said(run: Run, served, changes: dict[str, object], words: str) -> None:
    served.accounts.append(account(**changes))
    assert words in " ".join(run("accounts").stdout.split())


def test_a_switch_is_thrown_and_thrown_back(run: Run, served) -> None:
    result = run("switch", "off", "--provider", "veo", "--model", "veo-3.1", *WHY)
    assert result.exit_code == 0
    assert "off: provider veo, model veo-3.1" in result.stderr
    assert "switch on --provider veo --model veo-3.1 --reason" in result.stderr
    assert "it makes cats of dogs" in run("switch", "list").stdout
    assert len(json.loads(run("switch", "list", "--json").stdout)) == 1
    result = run("switch", "on", "--account", "gcp-1", *WHY)
    assert "! provider veo, model veo-3.1 is still off: it makes cats of dogs" in result.stderr
    result = run("switch", "on", "--provider", "veo", "--model", "veo-3.1", *WHY, "--json")
    assert json.loads(result.stdout) == []
    assert "nothing is switched off" in run("switch", "list").stderr


def test_what_happened_is_told_newest_first(run: Run, served) -> None:
    assert "Nothing has happened yet" in run("switch", "history").stderr
    for number in range(3):
        served.health_events.append(
            account_service_pb2.HealthEvent(
                type=account_service_pb2.HEALTH_EVENT_TYPE_SWITCHED_OFF,
                target=account_service_pb2.SwitchTarget(account_id=f"gcp-{number}"),
                operator="key k",
                message="why",
                create_time=fake_mesh.at(-60),
            )
        )
    result = run("switch", "history", "--limit", "2")
    assert "switched off" in result.stdout
    assert "account gcp-1" in result.stdout
    assert "account gcp-2" not in result.stdout
    assert len(json.loads(run("switch", "history", "--json").stdout)) == 3


def test_a_refusal_says_where_to_look(run: Run, served) -> None:
    refusal = fake_mesh.Refusal(grpc.StatusCode.INVALID_ARGUMENT, "there is no 'voe'", "INVALID_ARGUMENT")
    served.refusals["off"].append(refusal)
    result = run("switch", "off", "--provider", "voe", *WHY)
    assert result.exit_code != 0
    assert "there is no 'voe'" in result.stderr
    assert "reelmesh accounts" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["off", *WHY], "Say what: --provider, --account, --model"),
        (["on", *WHY], "Say what: --provider, --account, --model"),
        (["off", "--provider", "veo"], "Missing option '--reason'"),
        (["history", "--limit", "0"], "0 is not in the range"),
    ],
)
def test_a_wrong_command_line_ends_with_2(run: Run, arguments: list[str], words: str) -> None:
    result = run("switch", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
