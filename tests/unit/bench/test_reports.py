"""What benchmarks print and write."""

import json
import pathlib

from bench import reports


def test_a_table_has_names_to_the_left_and_numbers_to_the_right() -> None:
    rows = [{"process": "gateway", "ms": 1.5, "calls": 3}, {"process": "nats", "ms": None, "calls": 12}]
    assert reports.table(rows).splitlines() == [
        "process    ms  calls",
        "gateway  1.50      3",
        "nats        -     12",
    ]


def test_a_table_may_name_its_columns() -> None:
    assert reports.table([{"a": 1, "b": 2}, {"c": 3}], ["c", "a"]).splitlines() == ["c  a", "-  1", "3  -"]


def test_results_are_written_beside_those_of_other_benchmarks(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "results.json"
    reports.write_json(path, "jobs", {"rate": 1})
    reports.write_json(path, "create", {"p50_ms": 2})
    reports.write_json(path, "jobs", {"rate": 3})
    written = json.loads(path.read_text())
    assert {name: written[name]["results"] for name in written} == {"jobs": {"rate": 3}, "create": {"p50_ms": 2}}
    assert written["jobs"]["machine"]["cores"] >= 1
