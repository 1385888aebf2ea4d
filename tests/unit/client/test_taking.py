"""The commands about alternate takes."""

import json

from reelmesh.v1 import generation_pb2

from tests.unit.client.conftest import Run


def _with_takes(served) -> generation_pb2.Generation:
    told = served.add_generation("g", generation_pb2.GENERATION_STATE_CANCELLED)
    told.cancellation.message = "$0.10 is saved; $0.40 is paid all the same"
    ready = told.takes.add(
        number=1, state="TAKE_STATE_READY", whole=True, provider="acme", model="m", cost_micros=400_000
    )
    ready.renditions.add(asset_id="g-take", name="take-720p", content_type="video/mp4")
    told.takes.add(number=2, state="TAKE_STATE_UNUSABLE", message="cannot be decoded")
    served.add_asset("g-take", b"late video")
    return told


def test_takes_are_listed_with_who_made_them_and_what_they_cost(run: Run, served) -> None:
    _with_takes(served)
    lines = run("takes", "g").stdout.splitlines()
    assert lines[1].split() == ["1", "ready", "acme/m", "$0.40", "take-720p"]
    assert "unusable, one shot" in lines[2]
    assert "cannot be decoded" in lines[2]
    assert [each["number"] for each in json.loads(run("takes", "g", "--json").stdout)] == [1, 2]


def test_a_generation_says_that_it_has_takes_and_what_a_cancel_came_to(run: Run, served) -> None:
    _with_takes(served)
    shown = run("get", "g").stdout
    assert "2, 1 to be had in place of what was delivered: reelmesh takes g" in shown
    assert "$0.10 is saved; $0.40 is paid all the same" in shown


def test_without_takes_that_is_said(run: Run, served) -> None:
    served.add_generation("g")
    assert "everything that providers made of it was delivered" in run("takes", "g").stderr


def test_a_take_is_promoted(run: Run, served) -> None:
    _with_takes(served)
    result = run("promote", "g", "1")
    assert result.exit_code == 0
    assert "delivered: video" in result.stdout
    assert [request.take for request in served.requests("promote")] == [1]
    assert "delivered" in run("takes", "g").stdout.splitlines()[1]


def test_the_files_of_a_take_are_downloaded_before_it_is_promoted(run: Run, served, data_folder) -> None:
    _with_takes(served)
    assert run("download", "g", "--take", "1", "-o", "late.mp4").exit_code == 0
    assert (data_folder / "late.mp4").read_bytes() == b"late video"
    refused = run("download", "g", "--take", "2")
    assert (refused.exit_code, "take 2 of generation g has no files" in refused.stderr) == (3, True)
    unknown = run("download", "g", "--take", "7")
    assert (unknown.exit_code, "has no take 7; it has 1, 2" in unknown.stderr) == (3, True)
    assert run("download", "g", "--take", "1", "--all").exit_code == 2
