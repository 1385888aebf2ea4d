"""Where a command finds its mesh and its key."""

import pathlib

import pytest
from reelmesh_client import discovery, errors


@pytest.fixture
def mesh(tmp_path: pathlib.Path) -> discovery.Mesh:
    (tmp_path / "key").write_text("local-key\n")
    return discovery.Mesh("127.0.0.1:9090", "http://127.0.0.1:8080", str(tmp_path / "key"), str(tmp_path), 1)


def test_the_mesh_on_the_data_folder_is_found_with_its_key(tmp_path, mesh) -> None:
    discovery.write(tmp_path, mesh)
    assert discovery.read(tmp_path) == mesh
    assert discovery.locate("", "", tmp_path) == discovery.Target("127.0.0.1:9090", "local-key")


def test_a_given_key_outranks_the_one_that_lies_there(tmp_path, mesh) -> None:
    discovery.write(tmp_path, mesh)
    assert discovery.locate("", "mine", tmp_path).api_key == "mine"


def test_the_local_key_is_not_shown_to_another_mesh(tmp_path, mesh) -> None:
    discovery.write(tmp_path, mesh)
    with pytest.raises(errors.Unauthenticated, match=r"no API key for the mesh at example\.com:443"):
        discovery.locate("example.com:443", "", tmp_path)


def test_a_named_mesh_needs_no_data_folder(tmp_path) -> None:
    found = discovery.locate("example.com:443", "key", tmp_path / "none")
    assert found == discovery.Target("example.com:443", "key")


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"grpc": "x"}', '{"unknown": 1}'])
def test_without_a_readable_note_no_mesh_runs_there(tmp_path, content) -> None:
    if content is not None:
        (tmp_path / discovery.MESH_FILE).write_text(content)
    with pytest.raises(errors.Unreachable, match="no mesh runs on"):
        discovery.locate("", "key", tmp_path)


def test_a_note_that_was_removed_is_gone(tmp_path, mesh) -> None:
    discovery.write(tmp_path, mesh)
    discovery.remove(tmp_path)
    discovery.remove(tmp_path)
    assert discovery.read(tmp_path) is None


def test_a_missing_key_file_is_named(tmp_path, mesh) -> None:
    discovery.write(tmp_path, mesh)
    pathlib.Path(mesh.key_file).unlink()
    with pytest.raises(errors.Unauthenticated, match=mesh.key_file):
        discovery.locate("", "", tmp_path)
