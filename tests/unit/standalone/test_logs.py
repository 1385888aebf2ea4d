"""Log lines of all services land in bounded files, and what needs eyes on the terminal."""

import json
import pathlib

import pytest
from reelmesh_kit import clock
from reelmesh_standalone import logs


@pytest.fixture
def shown() -> list[str]:
    return []


@pytest.fixture
def kept(tmp_path: pathlib.Path, shown: list[str]) -> logs.Logs:
    return logs.Logs(tmp_path / "logs", shown.append, clock.ManualClock(), limit_bytes=500)


def _line(**fields: str) -> str:
    return json.dumps({"level": "INFO", "service": "storage", "message": "words"} | fields)


def _read(path: pathlib.Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_lands_in_the_file_of_its_service(kept, tmp_path, shown) -> None:
    kept.take(_line())
    assert _read(tmp_path / "logs" / "storage.jsonl")[0]["message"] == "words"
    assert shown == []


@pytest.mark.parametrize("level", ["WARNING", "ERROR", "CRITICAL"])
def test_what_needs_eyes_is_shown(kept, shown, level) -> None:
    kept.take(_line(level=level))
    assert shown == [f"{level.lower()} storage: words"]


@pytest.mark.parametrize("line", ["Traceback (most recent call last):", "[1]", '{"torn'])
def test_what_is_no_json_object_is_kept_as_an_error(kept, shown, line) -> None:
    kept.take(line, "media")
    (found,) = _read(kept.path("media"))
    assert (found["message"], found["level"], found["service"]) == (line, "ERROR", "media")
    assert shown == [f"error media: {line}"]


def test_a_file_has_a_bound_and_one_before_it(kept, tmp_path) -> None:
    for number in range(100):
        kept.take(_line(message=f"line {number}"))
    sizes = [path.stat().st_size for path in (tmp_path / "logs").iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= 500
    assert _read(kept.path("storage"))[-1]["message"] == "line 99"


def test_a_service_s_name_cannot_lead_elsewhere(kept, tmp_path) -> None:
    kept.take(_line(service="../evil"))
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["___evil.jsonl"]


def test_a_folder_that_cannot_be_written_is_said_once_and_costs_no_service(tmp_path, shown) -> None:
    (tmp_path / "file").write_text("")
    kept = logs.Logs(tmp_path / "file", shown.append, clock.ManualClock())
    kept.take(_line())
    kept.take(_line())
    assert len(shown) == 1
    assert "cannot be written" in shown[0]


def test_a_stream_hands_on_whole_lines(kept) -> None:
    stream = logs.Stream(kept)
    line = _line(message="in pieces")
    stream.write(line[:10])
    stream.write(line[10:])
    assert not kept.path("storage").exists()
    stream.write("\n" + _line(message="second") + "\n")
    assert [each["message"] for each in _read(kept.path("storage"))] == ["in pieces", "second"]
