"""A mesh of fake services in one process: what starts, in what order, and what stops it from starting."""

import contextlib
import os
import pathlib
import socket
from collections.abc import AsyncGenerator, Callable

import pytest
from reelmesh_client import discovery
from reelmesh_kit import process, settings
from reelmesh_standalone import app, parts
from reelmesh_standalone.settings import StandaloneSettings

FAKE = "tests.unit.standalone.fake_service"
FIRST = parts.Part("first", FAKE)
GATEWAY = parts.Part("gateway", FAKE)

Build = Callable[..., contextlib.AbstractAsyncContextManager[process.Running]]


async def _at_once(mesh: discovery.Mesh) -> None:
    assert discovery.read(pathlib.Path(mesh.spans_folder).parent) is None, "it was announced before it was checked"


@pytest.fixture
def shown() -> list[str]:
    return []


@pytest.fixture
async def build(tmp_path: pathlib.Path, shown: list[str]) -> AsyncGenerator[Build]:
    made: list[process.Chassis] = []

    def start(folder: pathlib.Path = tmp_path / "data", **more: int) -> app.Composed:
        told = StandaloneSettings(data_folder=folder, **({"http_port": 0, "grpc_port": 0} | more))
        made.append(process.chassis("standalone", told))
        return app.build(told, made[-1], show=shown.append, check=_at_once, wanted=[FIRST, GATEWAY])

    yield start
    for own in made:
        own.telemetry.shutdown()


async def test_services_start_in_turn_and_learn_each_others_address(build, shown, tmp_path) -> None:
    async with build():
        pass
    names = [line.split()[0] for line in shown]
    assert [name for name in names if name != "warning"] == ["nats-server", "first", "gateway"]
    notes = (tmp_path / "data" / "gateway" / "notes.jsonl").read_text()
    address = next(line.split()[1] for line in shown if line.startswith("first"))
    assert f'"first": "{address}"' in notes


async def test_a_running_mesh_leaves_a_note_and_takes_it_away(build, tmp_path) -> None:
    async with build() as running:
        mesh = discovery.read(tmp_path / "data")
        assert mesh is not None
        assert mesh.grpc == f"127.0.0.1:{running.grpc_port}"
        assert mesh.pid == os.getpid()
        assert pathlib.Path(mesh.spans_folder) == tmp_path / "data" / "spans"
    assert discovery.read(tmp_path / "data") is None


async def test_a_second_mesh_on_the_folder_is_refused(build) -> None:
    async with build():
        with pytest.raises(process.CannotStart, match=f"process {os.getpid()} holds"):
            async with build():
                pass


async def test_it_starts_again_on_the_same_folder(build) -> None:
    for _ in range(2):
        async with build():
            pass


@pytest.mark.parametrize("option", ["http_port", "grpc_port"])
async def test_a_port_in_use_is_named_before_anything_starts(build, shown, option) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(process.CannotStart, match=rf"Port {number} .*--{option.replace('_', '-')}"):
            async with build(**{option: number}):
                pass
    assert shown == []


async def test_a_service_that_cannot_start_stops_those_before_it(build, tmp_path) -> None:
    (tmp_path / "data" / "gateway").mkdir(parents=True)
    (tmp_path / "data" / "gateway" / "broken").touch()
    with pytest.raises(process.CannotStart, match="It is broken"):
        async with build():
            pass
    assert '"at": "stop"' in (tmp_path / "data" / "first" / "notes.jsonl").read_text()
    assert discovery.read(tmp_path / "data") is None


async def test_an_optional_provider_without_its_settings_is_left_out_with_the_reason(tmp_path, shown) -> None:
    told = StandaloneSettings(data_folder=tmp_path, http_port=0, grpc_port=0)
    own = process.chassis("standalone", told)
    demanding = parts.Part("demanding", "tests.unit.standalone.demanding_service", provider=True)
    async with app.build(told, own, show=shown.append, check=_at_once, wanted=[demanding, GATEWAY]):
        pass
    own.telemetry.shutdown()
    (line,) = [each for each in shown if each.startswith("demanding")]
    assert "not started" in line
    assert "REELMESH_DEMANDING_KEY is required: Key at the vendor." in line


async def test_wrong_settings_of_a_service_are_told_before_anything_starts(tmp_path, shown) -> None:
    told = StandaloneSettings(data_folder=tmp_path, http_port=0, grpc_port=0)
    own = process.chassis("standalone", told)
    demanding = parts.Part("demanding", "tests.unit.standalone.demanding_service")
    with pytest.raises(settings.SettingsError, match="REELMESH_DEMANDING_KEY is required: Key at the vendor"):
        async with app.build(told, own, show=shown.append, check=_at_once, wanted=[demanding, GATEWAY]):
            pass
    assert shown == []
    own.telemetry.shutdown()
