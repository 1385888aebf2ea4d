"""`reelmesh demo` does what the README promises."""

import json
import pathlib
import subprocess

import pytest
from reelmesh_kit import telemetry
from reelmesh_standalone import checking, waterfall

from tests.e2e import standalone

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def done(folder: pathlib.Path) -> subprocess.CompletedProcess[str]:
    return standalone.run("demo", "-o", str(folder / "out"), folder=folder / "data")


@pytest.fixture(scope="module")
def last(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_its_last_line_says_what_was_made_within_a_minute(last) -> None:
    assert set(last) == {"generation", "video", "renditions", "thumbnail", "seconds"}
    assert last["seconds"] <= 60
    assert last["video"] == last["renditions"][0]
    assert len({pathlib.Path(last[name]).parent for name in ("video", "thumbnail")}) == 1


def test_the_video_is_h264_and_aac_and_as_long_as_asked(last) -> None:
    checking.check(pathlib.Path(last["video"]), duration_seconds=6.0, width=1280, height=720)


def test_each_rendition_can_be_played(last) -> None:
    for path in last["renditions"]:
        facts = checking.read(pathlib.Path(path))
        assert (facts.video_codec, facts.audio_codec) == ("h264", "aac")
        assert facts.duration_seconds == pytest.approx(6.0, abs=checking.TOLERANCE_SECONDS)
    assert pathlib.Path(last["thumbnail"]).read_bytes().startswith(b"\xff\xd8")


def test_the_stages_and_the_trace_are_shown(done) -> None:
    for word in ("queued", "generating", "processing", "completed", "spans", "send task.generate.local"):
        assert word in done.stdout


def test_the_trace_is_one_tree_through_every_service(last, done, folder) -> None:
    trace_id = next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("trace "))
    found = waterfall.build(telemetry.read_trace(folder / "data" / "spans", trace_id))
    assert {"gateway", "orchestrator", "provider-local", "storage", "media"} <= set(found.services)
    assert found.orphans == 0
    assert sum(not line.guides for line in found.lines) == 1
    assert {"PRODUCER", "CONSUMER"} <= {line.kind for line in found.lines}
    assert not any(line.failed for line in found.lines)


def test_the_trace_can_be_shown_later_without_a_mesh(done, folder) -> None:
    trace_id = next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("trace "))
    shown = standalone.run("trace", trace_id, folder=folder / "data")
    assert shown.returncode == 0
    assert "provider-local" in shown.stdout
    assert standalone.run("trace", "0" * 32, folder=folder / "data").returncode == 3
