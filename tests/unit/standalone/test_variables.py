"""`reelmesh settings` tells what applies, not what would apply elsewhere."""

import json

import pytest
from click import testing
from reelmesh_client import commands
from reelmesh_standalone.commands import variables

Described = dict[str, dict[str, variables.Variable]]


@pytest.fixture(scope="module")
def described() -> Described:
    return {name: {each.variable: each for each in rows} for name, rows in variables.described().items()}


@pytest.mark.parametrize(
    ("service", "variable", "default"),
    [
        (variables.EVERY_SERVICE, "REELMESH_GRPC_PORT", "0"),
        ("gateway", "REELMESH_GRPC_PORT", "9090"),
        (variables.UP, "REELMESH_GRPC_PORT", "9090"),
        (variables.EVERY_SERVICE, "REELMESH_DRAIN_SECONDS", "10.0"),
        (variables.UP, "REELMESH_DRAIN_SECONDS", "3.0"),
    ],
)
def test_another_default_is_shown_where_it_applies(described, service, variable, default) -> None:
    assert described[service][variable].default == default


def test_what_no_service_changes_stands_once(described) -> None:
    assert [service for service, rows in described.items() if "REELMESH_RPC_TIMEOUT_SECONDS" in rows] == [
        variables.EVERY_SERVICE
    ]


def test_what_has_no_effect_on_a_mesh_of_this_machine_is_said_to_be_set_by_it(described) -> None:
    assert described["storage"]["REELMESH_STORAGE_DATABASE_URL"].set_by_up
    assert "`REELMESH_DATABASE_URL`" in described["storage"]["REELMESH_STORAGE_DATABASE_URL"].in_full
    assert described[variables.EVERY_SERVICE]["REELMESH_NATS_URL"].set_by_up
    assert not described[variables.EVERY_SERVICE]["REELMESH_HOST"].set_by_up
    assert not described["gateway"]["REELMESH_GRPC_PORT"].set_by_up


def test_secrets_are_said_to_be_secret(described) -> None:
    assert "(secret)" in described["storage"]["REELMESH_URL_SECRET"].in_full


def test_the_command_prints_all_of_it() -> None:
    shown = testing.CliRunner().invoke(commands.main, ["settings"])
    assert shown.exit_code == 0
    printed = json.loads(testing.CliRunner().invoke(commands.main, ["settings", "--json"]).stdout)
    for service, rows in printed.items():
        assert service in shown.stdout
        assert all(row["variable"] in shown.stdout for row in rows)
