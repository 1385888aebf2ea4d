"""What keeps a mesh from starting is explained in a sentence, with what to do."""

import pathlib
import re
import socket

import pytest

from tests.e2e import standalone

pytestmark = pytest.mark.slow

FREE = ("--http-port", "0", "--grpc-port", "0")
# JetStream writes each stream down when it is made: a machine whose disk is busy for seconds says so, rightly.
SLOW_DISK = "The streams cannot be made yet: TimeoutError"


def test_a_second_mesh_on_the_same_folder_names_the_first(tmp_path: pathlib.Path) -> None:
    with standalone.up(tmp_path / "data") as first:
        second = standalone.run("up", *FREE, folder=tmp_path / "data")
        assert second.returncode == 1
        assert f"process {first.process.pid} holds" in second.stderr
        assert "--data" in second.stderr
        assert standalone.run("list", folder=tmp_path / "data").returncode == 0


def test_a_port_in_use_is_named_with_its_option(tmp_path: pathlib.Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        refused = standalone.run("up", "--http-port", str(number), "--grpc-port", "0", folder=tmp_path / "data")
    assert refused.returncode == 1
    assert f"Port {number}" in refused.stderr
    assert "--http-port" in refused.stderr


@pytest.mark.parametrize("options", [(), ("--processes",)])
def test_a_start_that_goes_well_and_another_on_the_same_folder_warn_of_nothing(
    tmp_path: pathlib.Path, options: tuple[str, ...]
) -> None:
    for _ in range(2):
        with standalone.up(tmp_path / "data", *options) as mesh:
            assert mesh.stop() == 0
        warnings = re.findall(r"^(?:warning|error|critical) .*", mesh.output(), re.MULTILINE)
        assert [line for line in warnings if not line.endswith(SLOW_DISK)] == []


@pytest.mark.parametrize("options", [(), ("--processes",)])
@pytest.mark.parametrize("service", ["orchestrator", "storage"])
def test_a_corrupt_database_is_named(tmp_path: pathlib.Path, service: str, options: tuple[str, ...]) -> None:
    file = tmp_path / "data" / service / f"{service}.sqlite"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"this is no database" * 1000)
    refused = standalone.run("up", *FREE, *options, folder=tmp_path / "data")
    assert refused.returncode == 1
    assert str(file) in refused.stderr
    assert "Put a backup in its place" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_folder_that_cannot_be_used_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    refused = standalone.run("up", *FREE, folder=tmp_path / "file" / "data")
    assert refused.returncode == 1
    assert "--data" in refused.stderr


@pytest.mark.parametrize("options", [(), ("--processes",)])
def test_a_wrong_setting_of_a_service_is_named_without_starting_anything(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    (tmp_path / ".env").write_text("REELMESH_LOCAL_RENDER_PROCESSES=few\n")
    monkeypatch.chdir(tmp_path)
    refused = standalone.run("up", *FREE, *options, folder=tmp_path / "data")
    assert refused.returncode == 2
    assert "REELMESH_LOCAL_RENDER_PROCESSES: Input should be a valid integer" in refused.stderr
    assert "nats-server" not in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_mesh_whose_development_key_was_replaced_starts_and_says_what_commands_need(tmp_path: pathlib.Path) -> None:
    with standalone.up(tmp_path / "data"):
        pass
    (tmp_path / "data" / "gateway" / "development.key").write_text("revoked\n")
    with standalone.up(tmp_path / "data") as mesh:
        assert "warning" in mesh.output()
        assert "development.key holds no key that is valid" in mesh.output()
        assert "--api-key" in mesh.output()
        refused = standalone.run("list", folder=tmp_path / "data")
    assert refused.returncode == 3
    assert "--api-key" in refused.stderr


def test_settings_of_every_service_are_listed_and_described() -> None:
    listed = standalone.run("settings")
    assert listed.returncode == 0
    for words in ("REELMESH_NATS_URL", "REELMESH_HTTP_PORT", "orchestrator", "storage", "media", "provider-local"):
        assert words in listed.stdout


def test_doctor_finds_nothing_bad_on_a_running_mesh(tmp_path: pathlib.Path) -> None:
    with standalone.up(tmp_path / "data"):
        found = standalone.run("doctor", folder=tmp_path / "data")
    assert found.returncode == 0, found.stdout
    assert "serves" in found.stdout
    assert "is healthy" in found.stdout
