"""The benchmarks run: a small one of those that need a whole mesh of processes."""

import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_jobs_are_measured_process_by_process_beside_stored_ones(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "results.json"
    sizes = ["--stored", "60", "--jobs", "5", "--runs", "1", "--concurrency", "4"]
    command = [sys.executable, "-m", "bench.jobs", "--database", "sqlite", *sizes, "--json", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(path.read_text())["jobs"]["results"]["sqlite"]
    (size,) = result["sizes"]
    assert size["stored"] >= 60
    assert size["jobs_per_second"] > 0
    each = size["cpu_ms_per_job"]
    assert {"orchestrator", "gateway", "worker", "nats", "client"} < each.keys()
    assert each["all"] >= each["orchestrator"] > 0
    # Five steps: create, begin, record, finish, process; each changes something, and none without a commit.
    assert result["sql_per_job"]["statements"] >= 5
    assert 0 < result["sql_per_job"]["writing transactions"] <= result["sql_per_job"]["pieces of work"]
