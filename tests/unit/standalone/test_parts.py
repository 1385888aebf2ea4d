"""Which services make a mesh, and what each is told."""

import pathlib

import pytest
from reelmesh_kit import process
from reelmesh_standalone import layout, parts

from tests.unit.standalone.fake_service import settings as fake_settings

FAKE = parts.Part("fake", "tests.unit.standalone.fake_service")


@pytest.fixture
def wiring(tmp_path: pathlib.Path) -> parts.Wiring:
    return parts.Wiring(layout.Layout(tmp_path), nats_url="nats://127.0.0.1:1", log_level="INFO", drain_seconds=1)


def test_those_that_others_call_start_first_and_the_gateway_last() -> None:
    names = [part.name for part in parts.all_parts()]
    assert names[:3] == ["storage", "orchestrator", "media"]
    assert names[-1] == "gateway"
    assert "provider-local" in names


def test_the_local_provider_is_never_optional() -> None:
    local = next(part for part in parts.all_parts() if part.name == "provider-local")
    assert local.provider
    assert not local.optional
    assert parts.Part("provider-x", "reelmesh_provider_x", provider=True).optional


def test_a_service_is_told_what_its_settings_have_room_for(wiring, tmp_path) -> None:
    told = wiring.values(FAKE, {})
    assert told["data_folder"] == tmp_path / "fake"
    assert told["spans_folder"] == tmp_path / "spans"
    assert told["nats_url"] == "nats://127.0.0.1:1"
    assert told["grpc_port"] == 0
    assert "database_url" not in told
    assert "first_address" not in told


def test_addresses_are_learnt_from_bound_ports(wiring) -> None:
    wiring.learn(parts.Part("first", "x"), process.Running(grpc_port=4711))
    wiring.learn(parts.Part("portless", "x"), process.Running(admin_port=1))
    assert wiring.values(FAKE, {})["first_address"] == "127.0.0.1:4711"


def test_what_is_given_outranks_what_is_known(wiring) -> None:
    assert wiring.values(FAKE, {"grpc_port": 9090, "host": "0.0.0.0"})["grpc_port"] == 9090  # noqa: S104 - not bound


def test_a_providers_folder_is_the_one_that_it_shares(wiring, tmp_path) -> None:
    provider = parts.Part("fake", "tests.unit.standalone.fake_service", provider=True)
    assert wiring.values(provider, {})["data_folder"] == tmp_path


def test_the_one_class_of_settings_is_found() -> None:
    assert FAKE.settings_class() is fake_settings.FakeSettings


def test_what_a_mesh_sets_itself_is_known_by_name() -> None:
    known = {part.name: parts.set_by_mesh(part) for part in parts.all_parts()}
    # Nothing is secured within one machine, whatever the environment says of other meshes.
    secured = {"tls_certificate_file", "tls_key_file", "tls_ca_file", "tls_client_ca_file"}
    secured |= {"nats_user", "nats_password", "nats_token", "nats_credentials_file", "nats_nkey_file"}
    secured |= {"nats_ca_file", "nats_certificate_file", "nats_key_file", "nats_tls_first"}
    everywhere = {"nats_url", "spans_folder", "admin_port", *secured}
    assert known["gateway"] == everywhere | {
        "data_folder", "orchestrator_address", "storage_address", "media_address",
        "public_certificate_file", "public_key_file",
    }  # fmt: skip
    assert {"folder", "database_url", "host", "grpc_port"} <= known["storage"]
    assert all(everywhere <= names for names in known.values())
    assert not any({"log_level", "drain_seconds"} & names for names in known.values())
