"""The compose file starts every service there is, with settings that exist, and opens no more than it must."""

import importlib.util
import pathlib
import re
from typing import Any

import pytest
import yaml
from reelmesh_kit import accounts
from reelmesh_standalone import parts

from tests.support import deploying

DEPLOY = pathlib.Path(__file__).parents[3] / "deploy"
TEXT = (DEPLOY / "compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
OURS = {name: each for name, each in COMPOSE["services"].items() if each.get("command", [""])[0] == "python"}


def test_every_service_is_in_it() -> None:
    assert OURS.keys() == {part.name for part in parts.all_parts()}


@pytest.mark.parametrize("service", OURS)
def test_a_service_is_told_what_it_reads_and_nothing_else(service: str) -> None:
    assert set(OURS[service]["environment"]) - deploying.variables_of(OURS[service]["command"][2]) == set()


@pytest.mark.parametrize("service", OURS)
def test_a_service_is_a_package_that_can_be_started(service: str) -> None:
    package = OURS[service]["command"][2]
    assert package == f"reelmesh_{service.replace('-', '_')}"
    assert importlib.util.find_spec(f"{package}.__main__")


@pytest.mark.parametrize("service", OURS)
def test_a_service_can_write_only_where_it_must(service: str) -> None:
    told = OURS[service]
    assert (told["read_only"], told["cap_drop"]) == (True, ["ALL"])
    folders = [volume.split(":")[1] for volume in told.get("volumes", []) if not volume.endswith(":ro")]
    assert folders in ([], ["/var/lib/reelmesh"])


def test_addresses_are_those_of_services_that_serve_there() -> None:
    for told in OURS.values():
        for variable, value in told["environment"].items():
            if variable.endswith("_ADDRESS"):
                _, name, port = re.fullmatch(r"(dns:///)([a-z-]+):(\d+)", value).groups()  # pyright: ignore
                assert OURS[name]["environment"]["REELMESH_GRPC_PORT"] == port


def test_what_is_waited_for_and_mounted_is_there() -> None:
    for name, told in COMPOSE["services"].items():
        assert set(told.get("depends_on", {})) <= COMPOSE["services"].keys(), name
        for volume in told.get("volumes", []):
            source = volume.split(":")[0]
            assert (DEPLOY / source).is_file() if source.startswith("./") else source in COMPOSE["volumes"], volume
    healthy = {
        waited
        for told in COMPOSE["services"].values()
        for waited, how in told.get("depends_on", {}).items()
        if how["condition"] == "service_healthy"
    }
    assert [name for name in healthy if "healthcheck" not in COMPOSE["services"][name]] == []


def test_only_callers_and_who_looks_at_traces_are_let_in_and_from_this_machine() -> None:
    opened = {name: told["ports"] for name, told in COMPOSE["services"].items() if "ports" in told}
    assert opened.keys() == {"gateway", "traces"}
    assert [port for ports in opened.values() for port in ports if not port.startswith("127.0.0.1:")] == []


def test_there_is_no_password_in_it() -> None:
    secrets = {
        (service, variable): value
        for service, told in COMPOSE["services"].items()
        for variable, value in told.get("environment", {}).items()
        if re.search("PASSWORD|SECRET|WEBHOOK_KEY", variable)
    }
    assert len(secrets) > len(OURS) / 2
    assert [where for where, value in secrets.items() if not re.fullmatch(r"\$\{\w+(:-)?\}", value)] == []
    assert "://reelmesh:${REELMESH_PASSWORD:?" in TEXT


def test_its_accounts_can_be_read() -> None:
    assert list(accounts.Book(DEPLOY / "accounts.yaml").accounts) == []


def test_the_collector_hands_on_to_a_server_of_the_mesh() -> None:
    told = yaml.safe_load((DEPLOY / "collector.yaml").read_text())
    assert told["exporters"]["otlp_grpc"]["endpoint"].split(":")[0] in COMPOSE["services"]
