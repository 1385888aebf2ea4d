"""What the command line takes from the environment, and from `.env` as services do."""

import pathlib

import pytest
from reelmesh_client import settings
from reelmesh_standalone import settings as standalone_settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_file_says_what_the_environment_does_not(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("REELMESH_DATA_FOLDER=/written\nREELMESH_API_KEY='written'\n# REELMESH_ADDRESS=x\n")
    monkeypatch.setenv("REELMESH_API_KEY", "set")
    assert settings.load() == settings.Settings("", "set", pathlib.Path("/written"))


def test_an_empty_variable_counts_as_unset(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("REELMESH_ADDRESS=\nREELMESH_API_KEY=written\n")
    monkeypatch.setenv("REELMESH_API_KEY", "")
    assert settings.load().api_key == "written"
    assert settings.load().address == ""


@pytest.mark.parametrize("variables", [{}, {"REELMESH_DATA_FOLDER": "/set"}, {"XDG_DATA_HOME": "/elsewhere"}])
@pytest.mark.parametrize("written", ["", "REELMESH_DATA_FOLDER=/written\n"])
def test_commands_look_for_the_mesh_where_it_is_started(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], written: str
) -> None:
    (tmp_path / ".env").write_text(written)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    started = standalone_settings.StandaloneSettings()
    assert settings.load().data_folder == started.data_folder.expanduser()
