"""The command line as a user runs it, against a fake mesh."""

import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import click
import grpc
import pytest
from click import testing
from reelmesh.v1 import generation_pb2
from reelmesh_client import commands

from tests.unit.client import conftest, fake_mesh

Run = conftest.Run


def _will_complete(served: fake_mesh.FakeMesh, generation_id: str = "generation-1") -> None:
    done = fake_mesh.FakeMesh.add_generation(served, generation_id)
    served.streams.append([fake_mesh.event(1, "created"), fake_mesh.progress(40), fake_mesh.ended(done)])


def test_generate_shows_the_stages_and_keeps_the_file(run: Run, served, data_folder) -> None:
    _will_complete(served)
    result = run("generate", "a paper boat", "-o", str(data_folder / "boat.mp4"), "--duration", "6")
    assert result.exit_code == 0
    assert "it is created" in result.stderr
    assert "boat.mp4" in result.stderr
    assert "720p" in result.stdout
    assert (data_folder / "boat.mp4").read_bytes() == served.assets["generation-1-720p"][1]


def test_generate_says_that_it_waits_for_a_full_queue(run: Run, served) -> None:
    refused = fake_mesh.Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "no room", "QUEUE_FULL", retry_after_seconds=0.01)
    served.refusals["create"].append(refused)
    _will_complete(served)
    result = run("generate", "a paper boat")
    assert result.exit_code == 0
    assert "The queue is full: no room. Asking again in 0 s" in result.stderr
    assert len(served.requests("create")) == 2


def test_generate_ends_with_4_while_the_queue_stays_full(run: Run, served) -> None:
    refused = fake_mesh.Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "no room", "QUEUE_FULL", retry_after_seconds=300)
    served.refusals["create"].append(refused)
    result = run("generate", "a paper boat")
    assert result.exit_code == 4
    assert "no room" in result.stderr
    assert "Try again later" in result.stderr


def test_generate_passes_every_option_on(run: Run, served, data_folder) -> None:
    (data_folder / "boat.png").write_bytes(b"png")
    result = run(
        *("generate", "a paper boat", "--no-watch", "--image", "boat.png", "--duration", "6.5", "--aspect", "9:16"),
        *("--resolution", "480", "--seed", "7", "--model", "local/cards", "--label", "team=a", "--label", "x=y=z"),
        *("--first-frame", "boat.png", "--last-frame", "boat.png", "--negative-prompt", "rain"),
        *("--max-cost", "1.25", "--deadline", "60", "--floor", "video", "--silent"),
    )
    assert result.exit_code == 0
    (request,) = served.requests("create")
    wanted = request.generation
    assert wanted.output.duration_seconds == 6.5
    assert (wanted.output.aspect_ratio, wanted.output.resolution, wanted.output.audio) == ("9:16", 480, False)
    assert (wanted.seed, wanted.model, dict(wanted.labels)) == (7, "local/cards", {"team": "a", "x": "y=z"})
    assert wanted.max_cost_micros == 1_250_000
    assert wanted.fallback_floor == generation_pb2.DELIVERY_VIDEO
    assert wanted.HasField("deadline_time")
    assert list(wanted.reference_asset_ids) == ["upload-1"]
    assert (wanted.first_frame_asset_id, wanted.last_frame_asset_id) == ("upload-2", "upload-3")
    assert wanted.negative_prompt == "rain"


def test_generate_without_watching_says_how_to_watch(run: Run, served, data_folder) -> None:
    result = run("generate", "a paper boat", "--no-watch")
    assert result.exit_code == 0
    assert f"reelmesh watch generation-1 --data {data_folder}" in result.stderr


def test_generate_takes_its_prompt_from_stdin(run: Run, served) -> None:
    result = run("generate", "-", "--no-watch", input="a boat\n")
    assert result.exit_code == 0
    assert served.requests("create")[0].generation.prompt == "a boat"


def test_json_goes_alone_to_stdout(run: Run, served) -> None:
    _will_complete(served)
    result = run("generate", "a paper boat", "--json")
    printed = json.loads(result.stdout)
    assert printed["id"] == "generation-1"
    assert (printed["state"], printed["spent_micros"], printed["failure"]) == ("COMPLETED", 0, None)


def test_a_folder_as_output_gets_a_named_file(run: Run, served, data_folder) -> None:
    _will_complete(served)
    assert run("generate", "a paper boat", "-o", ".").exit_code == 0
    assert (data_folder / "generation-1.mp4").exists()


@pytest.mark.parametrize("command", ["generate", "watch"])
def test_an_end_without_a_video_has_its_own_exit_code(run: Run, served, command) -> None:
    failed = served.add_generation("generation-1", generation_pb2.GENERATION_STATE_FAILED)
    failed.failure.reason, failed.failure.message = "DEADLINE", "the deadline passed"
    failed.complete_time.CopyFrom(fake_mesh.at(3))
    served.streams.append([fake_mesh.ended(failed)])
    result = run(command, "a paper boat" if command == "generate" else "generation-1")
    assert result.exit_code == 5
    assert "DEADLINE: the deadline passed" in result.stdout


def test_a_refusal_says_why_and_what_to_do(run: Run, served) -> None:
    served.refusals["create"].append(
        fake_mesh.Refusal(
            grpc.StatusCode.FAILED_PRECONDITION, "nobody can make this", "NO_CANDIDATE", metadata={"veo": "too long"}
        )
    )
    result = run("generate", "a paper boat")
    assert result.exit_code == 3
    assert "nobody can make this" in result.stderr
    assert "veo: too long" in result.stderr
    assert "→ Ask for another length" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["generate"], "Missing argument 'PROMPT'"),
        (["generate", "x", "--duration", "0"], "--duration"),
        (["generate", "x", "--max-cost", "much"], "not an amount of dollars"),
        (["generate", "x", "--max-cost", "0.0000001"], "six decimals"),
        (["generate", "x", "--max-cost", "-1"], "above zero"),
        (["generate", "x", "--max-cost", "NaN"], "not an amount"),
        (["generate", "x", "--label", "word"], "key=value"),
        (["generate", "x", "--image", "none.png"], "none.png"),
        (["generate", "x", "--no-watch", "-o", "a.mp4"], "-o needs the end"),
        (["generate", "x", "-o", "-"], "stdout gets the generation"),
        (["download", "g", "--all", "-o", "-"], "--all needs a folder"),
        (["list", "--address", "nowhere", "--api-key", "k"], "not like"),
        (["list", "--limit", "0"], "--limit"),
        (["list", "--state", "odd"], "odd"),
        (["download", "g", "--all", "--rendition", "480p"], "--all goes with neither"),
        (["promote", "g", "0"], "N"),
    ],
)
def test_wrong_usage_is_explained_before_anything_is_asked(run: Run, served, arguments, words) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert served.calls == []


def test_without_a_mesh_it_says_how_to_start_one(tmp_path) -> None:
    result = testing.CliRunner().invoke(commands.main, ["list", "--data", str(tmp_path)])
    assert result.exit_code == 4
    assert "no mesh runs on" in result.stderr
    assert "reelmesh up" in result.stderr


def test_address_and_key_come_from_the_environment(served, tmp_path) -> None:
    environment = {"REELMESH_ADDRESS": served.address, "REELMESH_API_KEY": fake_mesh.KEY}
    result = testing.CliRunner(env=environment).invoke(commands.main, ["list", "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == []


def test_a_data_folder_on_the_command_line_outranks_the_environment(served, data_folder) -> None:
    runner = testing.CliRunner(env={"REELMESH_ADDRESS": "127.0.0.1:1"})
    assert runner.invoke(commands.main, ["list", "--data", str(data_folder)]).exit_code == 0


def test_get_shows_a_generation(run: Run, served) -> None:
    served.add_generation("g")
    result = run("get", "g")
    assert result.exit_code == 0
    assert "a paper boat" in result.stdout
    assert "took" in result.stdout
    assert "reelmesh download g" in result.stderr


def test_last_is_the_newest(run: Run, served) -> None:
    served.add_generation("newest")
    served.add_generation("older")
    assert "newest" in run("get", "last").stdout


def test_last_of_none_is_refused(run: Run) -> None:
    result = run("get", "last")
    assert result.exit_code == 3
    assert "no generation yet" in result.stderr


def test_list_passes_its_filters_on(run: Run, served) -> None:
    served.add_generation("g")
    result = run("list", "--state", "failed", "--state", "queued", "--label", "a=b", "--limit", "7")
    assert "g" in result.stdout
    (request,) = served.requests("list")
    assert list(request.states) == [generation_pb2.GENERATION_STATE_FAILED, generation_pb2.GENERATION_STATE_QUEUED]
    assert dict(request.labels) == {"a": "b"}
    assert request.page_size == 7


def test_an_empty_list_says_how_to_make_one(run: Run) -> None:
    result = run("list")
    assert result.exit_code == 0
    assert "reelmesh generate" in result.stderr


def test_cancel_shows_how_it_stands(run: Run, served) -> None:
    served.add_generation("g", generation_pb2.GENERATION_STATE_QUEUED)
    assert "cancelled" in run("cancel", "g").stdout


def test_retry_watches_only_what_comes_after(run: Run, served) -> None:
    served.add_generation("g", generation_pb2.GENERATION_STATE_FAILED)
    served.events["g"] = [fake_mesh.event(1).event, fake_mesh.event(2).event]
    served.streams.append([fake_mesh.event(3, "retried"), fake_mesh.ended(served.add_generation("g"))])
    result = run("retry", "g")
    assert result.exit_code == 0
    assert served.requests("watch")[0].after_sequence == 2
    assert "retried" in result.stderr


def test_events_are_lines_with_their_time(run: Run, served) -> None:
    served.events["g"] = [fake_mesh.event(1, "created").event, fake_mesh.event(3, "queued").event]
    result = run("events", "g")
    assert result.stdout.splitlines()[1].split()[:2] == ["2.0", "s"]
    assert "it is queued" in result.stdout


def test_text_of_a_server_cannot_command_the_terminal(run: Run, served) -> None:
    served.events["g"] = [fake_mesh.event(1, message="\x1b[2Jgone [bold]really[/bold]").event]
    result = run("events", "g")
    assert "\x1b" not in result.stdout
    assert "[bold]really[/bold]" in result.stdout


def test_quote_shows_candidates_and_price(run: Run) -> None:
    result = run("quote", "a paper boat")
    assert "local/cards" in result.stdout
    assert "no key" in result.stdout
    assert "$1.25" in result.stdout


def test_download_keeps_the_named_rendition(run: Run, served, data_folder) -> None:
    served.add_generation("g")
    assert run("download", "g", "--rendition", "480p", "-o", "small.mp4").exit_code == 0
    assert (data_folder / "small.mp4").read_bytes() == served.assets["g-480p"][1]


def test_download_all_lists_the_files(run: Run, served, data_folder) -> None:
    served.add_generation("g")
    result = run("download", "g", "--all", "-o", "out")
    assert result.stdout.split() == ["out/g-720p.mp4", "out/g-480p.mp4", "out/g-thumbnail.jpg"]


def test_a_file_that_cannot_be_written_is_told_before_anything_is_made(run: Run, served, data_folder) -> None:
    result = run("generate", "a paper boat", "-o", "key/boat.mp4")
    assert result.exit_code == 6
    assert "key is no folder" in result.stderr
    assert served.calls == []


def test_a_video_that_was_made_but_not_stored_stays_in_the_mesh_and_is_said_to(run: Run, served, data_folder) -> None:
    _will_complete(served)
    served.refusals["download"].extend([fake_mesh.Refusal(grpc.StatusCode.INTERNAL, "a fault", "INTERNAL")] * 9)
    result = run("generate", "a paper boat", "-o", "boat.mp4")
    assert result.exit_code == 1
    assert "The video is made" in result.stderr
    assert f"reelmesh download generation-1 -o video.mp4 --data {data_folder}" in result.stderr


def test_a_download_to_stdout_is_the_file_and_nothing_else(run: Run, served) -> None:
    served.add_generation("g")
    result = run("download", "g", "-o", "-")
    assert result.exit_code == 0
    assert result.stdout_bytes == served.assets["g-720p"][1]
    assert result.stderr == ""


def test_a_mesh_that_goes_away_while_it_is_watched_is_said_to_be_looked_for(run: Run, served) -> None:
    cut = fake_mesh.Refusal(grpc.StatusCode.UNAVAILABLE, "Socket closed")
    done = served.add_generation("g")
    served.streams.extend([[fake_mesh.event(1), cut], [cut], [fake_mesh.ended(done)]])
    result = run("watch", "g")
    assert result.exit_code == 0
    assert result.stderr.count("broke off; trying again") == 1


def test_words_in_place_of_a_video_are_shown(run: Run, served) -> None:
    told = served.add_generation("g", generation_pb2.GENERATION_STATE_COMPLETED)
    told.delivery, told.text = generation_pb2.DELIVERY_TEXT, "A boat of paper, in words."
    assert "A boat of paper, in words." in run("get", "g").stdout


def test_a_still_picture_in_place_of_a_video_is_shown_and_can_be_had(run: Run, served, data_folder) -> None:
    told = served.add_generation("g", generation_pb2.GENERATION_STATE_COMPLETED)
    told.delivery = generation_pb2.DELIVERY_INFOGRAPHIC
    del told.renditions[:]
    told.infographic.CopyFrom(
        generation_pb2.Rendition(
            asset_id="g-still", name="infographic", width=1280, height=720, content_type="image/png"
        )
    )
    served.add_asset("g-still", b"a picture", "image/png")
    shown = run("get", "g")
    assert "delivered: infographic" in shown.stdout
    assert "g-still" in shown.stdout
    assert "download g -o infographic.png" in shown.stderr
    assert run("download", "g").exit_code == 0
    assert (data_folder / "g.png").read_bytes() == b"a picture"
    assert "out/g-infographic.png" in run("download", "g", "--all", "-o", "out").stdout


def _in_ascii(served: fake_mesh.FakeMesh, *arguments: str, stdout: object = subprocess.PIPE) -> subprocess.Popen[str]:
    where = ("--address", served.address, "--api-key", fake_mesh.KEY)
    return subprocess.Popen(
        [sys.executable, "-c", "from reelmesh_client import entry; entry.main()", *arguments, *where],
        stdout=stdout,  # pyright: ignore[reportArgumentType] - a file or PIPE
        stderr=subprocess.PIPE,
        env={"PYTHONIOENCODING": "ascii"},
        text=True,
    )


def test_a_terminal_that_lacks_letters_shows_others_and_json_escapes_them(served) -> None:
    served.add_generation("g").prompt = "灯台 🚢"
    shown, _ = _in_ascii(served, "list").communicate(timeout=60)
    assert "?? ?" in shown
    printed, _ = _in_ascii(served, "list", "--json").communicate(timeout=60)
    assert json.loads(printed)[0]["prompt"] == "灯台 🚢"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_output_that_finds_no_room_is_told_in_a_sentence(served, options) -> None:
    served.add_generation("g")
    with pathlib.Path("/dev/full").open("w") as full:
        command = _in_ascii(served, "list", *options, stdout=full)
        _, error = command.communicate(timeout=60)
    assert command.returncode == 6
    assert "cannot write: No space left on device" in error
    assert "Traceback" not in error


def test_download_of_nothing_is_refused(run: Run, served) -> None:
    served.add_generation("g", generation_pb2.GENERATION_STATE_QUEUED)
    result = run("download", "g")
    assert result.exit_code == 3
    assert "no files" in result.stderr


def test_help_names_every_command_and_the_exit_codes() -> None:
    result = testing.CliRunner().invoke(commands.main, ["--help"])
    for command in (
        "generate",
        "get",
        "list",
        "watch",
        "cancel",
        "retry",
        "events",
        "quote",
        "download",
        "takes",
        "promote",
    ):
        assert f"  {command} " in result.output
    assert "Exit codes" in result.output


def test_a_command_of_a_broken_package_explains_itself() -> None:
    entry = commands.importlib.metadata.EntryPoint("odd", "no_such_package.commands:odd", commands.GROUP)
    result = testing.CliRunner().invoke(commands._loaded(entry), [])
    assert result.exit_code == 1
    assert "no_such_package" in result.output


def _groups(command: click.Command, named: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words that lead to each command that has others, whichever package brings it."""
    if isinstance(command, click.Group):
        yield named
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _groups(below, (*named, name))


@pytest.mark.parametrize("named", list(_groups(commands.main)), ids=" ".join)
def test_each_command_says_what_it_does_within_a_line(named: tuple[str, ...]) -> None:
    result = testing.CliRunner().invoke(commands.main, [*named, "--help"], terminal_width=80)
    _, _, below = result.stdout.partition("Commands:\n")
    assert below
    assert [line for line in below.splitlines() if line.endswith("...")] == []
