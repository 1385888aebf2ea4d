"""A job survives whatever dies under it, and is made once."""

import collections
import json
import os
import pathlib
import signal
import subprocess
from collections.abc import Generator

import pytest

from tests.e2e import standalone

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SERVICES = ("nats-server", "storage", "orchestrator", "media", "provider-local", "gateway")
JOB_TIMEOUT_SECONDS = 150.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("mesh") / "data"


@pytest.fixture(scope="module")
def mesh(folder: pathlib.Path) -> Generator[standalone.Up]:
    with standalone.up(folder, "--processes") as started:
        yield started


def _begin(folder: pathlib.Path, prompt: str) -> str:
    created = standalone.run("generate", prompt, "--duration", "4", "--no-watch", "--json", folder=folder)
    assert created.returncode == 0, created.stderr
    return str(standalone.generation(created)["id"])


def _events(folder: pathlib.Path, generation_id: str) -> collections.Counter[str]:
    listed = standalone.run("events", generation_id, "--json", folder=folder)
    return collections.Counter(each["type"] for each in json.loads(listed.stdout or "[]"))


def _watched(folder: pathlib.Path, generation_id: str) -> subprocess.CompletedProcess[str]:
    return standalone.run("watch", generation_id, "--json", folder=folder, seconds=JOB_TIMEOUT_SECONDS)


def _made_once(folder: pathlib.Path, generation_id: str) -> None:
    done = _watched(folder, generation_id)
    assert done.returncode == 0, done.stderr
    assert standalone.generation(done)["delivery"] == "VIDEO"
    events = _events(folder, generation_id)
    assert events["completed"] == 1, events
    attempts = [attempt for shot in standalone.generation(done)["shots"] for attempt in shot["attempts"]]
    assert sum(attempt["state"] == "SUCCEEDED" for attempt in attempts) == 1, attempts


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_is_killed_in_the_middle_of_a_job_comes_back_and_the_job_completes(
    mesh, folder, service
) -> None:
    generation_id = _begin(folder, f"A clock tower, {service}")
    standalone.until(lambda: _events(folder, generation_id).total() >= 5, 60, "the job is under way", mesh)
    before = mesh.pid(service)
    os.kill(before, signal.SIGKILL)
    _made_once(folder, generation_id)
    if service != "nats-server":
        standalone.until(lambda: mesh.pid(service) != before, 60, f"{service} is started again", mesh)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_mesh_that_ends_in_the_middle_of_a_job_goes_on_with_it_when_started_again(tmp_path, number) -> None:
    folder = tmp_path / "data"
    with standalone.up(folder) as mesh:
        generation_id = _begin(folder, "A ferry at dawn")
        standalone.until(lambda: _events(folder, generation_id).total() >= 5, 60, "the job is under way", mesh)
        code = mesh.stop(number)
        assert code == (-number if number == signal.SIGKILL else 0)
        assert "Traceback" not in mesh.output()
    with standalone.up(folder):
        _made_once(folder, generation_id)
