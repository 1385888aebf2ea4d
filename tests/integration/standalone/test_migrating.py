"""`reelmesh migrate` brings schemas up to date before anything else runs."""

import pathlib

import click.testing
import pytest
import sqlalchemy
from reelmesh_client.commands import outcome
from reelmesh_standalone.commands import doors

VARIABLE = "REELMESH_DATABASE_URL"


def called(url: str | None) -> click.testing.Result:
    return click.testing.CliRunner(env={VARIABLE: url} if url else {}).invoke(doors.migrate)


def test_every_schema_is_made_and_a_second_run_changes_nothing(postgresql_url: str) -> None:
    first, second = called(postgresql_url), called(postgresql_url)
    assert (first.exit_code, second.exit_code) == (0, 0), first.output
    assert first.stdout == second.stdout
    assert [line.split(":")[0] for line in first.stdout.splitlines()] == ["storage", "orchestrator"]


def test_a_file_will_do(tmp_path: pathlib.Path) -> None:
    storage = tmp_path / "storage.db"
    assert called(f"sqlite:///{storage}").exit_code == 0
    engine = sqlalchemy.create_engine(f"sqlite:///{storage}")
    try:
        assert sqlalchemy.inspect(engine).has_table("reelmesh_storage_version")
    finally:
        engine.dispose()


def test_a_database_of_a_newer_release_is_left_alone(tmp_path: pathlib.Path) -> None:
    url = f"sqlite:///{tmp_path / 'newer.db'}"
    assert called(url).exit_code == 0
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE reelmesh_storage_version SET version_num = '9999'"))
    engine.dispose()
    result = called(url)
    assert result.exit_code == outcome.Exit.REFUSED
    assert "newer release" in result.stderr


def test_without_a_database_it_says_what_to_set(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = called(None)
    assert result.exit_code == outcome.Exit.USAGE
    assert VARIABLE in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_settings_that_are_wrong_are_explained() -> None:
    runner = click.testing.CliRunner(env={"REELMESH_LOG_LEVEL": "loud"})
    result = runner.invoke(doors.migrate)
    assert result.exit_code == outcome.Exit.USAGE
    assert "REELMESH_LOG_LEVEL" in result.stderr


def test_a_database_that_does_not_answer_is_named() -> None:
    result = called("postgresql://nobody@127.0.0.1:1/nowhere")
    assert result.exit_code == outcome.Exit.UNREACHABLE
    assert "127.0.0.1:1" in result.stderr
