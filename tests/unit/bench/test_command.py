"""What the commands of the benchmarks have in common."""

import argparse
import json
import pathlib
import sys

import pytest

from bench import __main__ as everything
from bench import command


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_all_run_until_one_breaks(tmp_path: pathlib.Path) -> None:
    done = tmp_path / "done"
    touch = python(f"import pathlib; pathlib.Path({str(done)!r}).touch()")
    assert everything.run_all([python(""), touch]) == 0
    assert done.exists()
    done.unlink()
    assert everything.run_all([python("raise SystemExit(3)"), touch]) == 3
    assert not done.exists()


def test_every_part_is_a_command() -> None:
    folder = pathlib.Path(everything.__file__).parent
    assert [part for part in everything.PARTS if not (folder / f"{part}.py").exists()] == []


def test_results_go_where_the_command_line_says(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "results.json"
    told = command.parser("what it is").parse_args(["--json", str(path)])
    command.keep("some", told, [{"ms": 1}])
    written = json.loads(path.read_text())["some"]
    assert written["results"] == [{"ms": 1}]
    assert {"cores", "load_average"} <= written["machine"].keys()
    reference = written["machine"]["reference_ms"]
    assert reference > 0
    assert f"the machine: {reference} ms" in capsys.readouterr().out


def test_results_go_where_make_says(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(command.JSON_VARIABLE, str(tmp_path / "results.json"))
    assert command.parser("what it is").parse_args([]).json == tmp_path / "results.json"


def test_nothing_is_written_unless_asked_for(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(command.JSON_VARIABLE, raising=False)
    command.keep("some", command.parser("what it is").parse_args([]), [])
    assert list(tmp_path.iterdir()) == []


def test_a_benchmark_runs_on_the_databases_that_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    async def measure(kind: str, told: argparse.Namespace) -> list[str]:
        measured.append(kind)
        return [told.word]

    monkeypatch.setattr(sys, "argv", ["bench", "--database", "sqlite", "--word", "x"])
    parser = command.parser("what it is")
    parser.add_argument("--word")
    assert command.on_databases("some", parser, measure) == 0
    assert measured == ["sqlite"]


def test_a_benchmark_that_breaks_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def measure(kind: str, told: argparse.Namespace) -> None:
        raise RuntimeError(f"{kind} broke with {told.database}")

    monkeypatch.setattr(sys, "argv", ["bench", "--database", "sqlite"])
    with pytest.raises(RuntimeError, match="sqlite broke"):
        command.on_databases("some", command.parser("what it is"), measure)
