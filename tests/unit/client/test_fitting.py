"""Everything that is shown fits the terminal, and nothing that is asked for is cut off."""

import datetime
import io

import pytest
import rich.console
import rich.text
from reelmesh.v1 import generation_pb2, generation_service_pb2
from reelmesh_client.commands import fitting, following, showing

from tests.unit.client import fake_mesh

NOW = datetime.datetime(2026, 1, 1, 0, 1, tzinfo=datetime.UTC)
IDS = ["36537528-01d2-5ccf-aad0-a9f28ba812b2", "cee35027-1497-5535-9f74-3820fe9e69dc"]
WIDTHS = [40, 80, 200]


def terminal(width: int) -> rich.console.Console:
    return rich.console.Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)


def lines_of(console: rich.console.Console) -> list[str]:
    """Return the lines that a terminal shows; all of them fit."""
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert [line for line in lines if rich.text.Text(line).cell_len > console.width] == []
    return lines


def shown(what: rich.console.RenderableType, width: int) -> list[str]:
    console = terminal(width)
    console.print(what)
    return lines_of(console)


@pytest.fixture
def generation() -> generation_pb2.Generation:
    made = fake_mesh.FakeMesh().add_generation(IDS[0])
    made.prompt = "灯台 🚢 " * 20
    return made


@pytest.mark.parametrize("width", WIDTHS)
def test_a_list_has_ids_states_and_ages_at_every_width(generation, width) -> None:
    other = fake_mesh.FakeMesh().add_generation(IDS[1], generation_pb2.GENERATION_STATE_FAILED)
    text = "\n".join(shown(showing.generations([generation, other], NOW), width))
    for words in (*IDS, "completed", "failed", "1 min", "$0.00", "灯台"):
        assert words in text


@pytest.mark.parametrize("width", WIDTHS)
def test_a_generation_has_all_of_its_files_at_every_width(generation, width) -> None:
    flat = "".join(line.strip() for line in shown(showing.generation(generation), width))
    for words in (IDS[0], "completed", "720p", "1280x720", f"{IDS[0]}-480p", "thumbnail"):
        assert words in flat


def test_a_wide_list_is_one_line_each_with_its_prompt_cut(generation) -> None:
    heading, line = shown(showing.generations([generation], NOW), 80)
    assert heading.split() == ["generation", "state", "age", "cost", "prompt"]
    assert line.endswith("…")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_plan_has_its_candidates_and_reasons_at_every_width(width) -> None:
    why = "the model ends on 2026-09-24 and nobody has put another in its place"
    route = [generation_pb2.Candidate(provider="local", model="cards", reason=why)]
    plan = generation_service_pb2.QuoteGenerationResponse(shots=[generation_pb2.Shot(route=route)])
    text = " ".join(" ".join(shown(showing.quote(plan), width)).split())
    assert "local/cards" in text
    assert why in text


@pytest.mark.parametrize("width", WIDTHS)
def test_an_event_is_wrapped_below_itself(width) -> None:
    message = "local accepted it as local-dc0b317f-eda4-41c2-b28b-f6d250f0b1a3 after two tries"
    console = terminal(width)
    showing.print_event(console, fake_mesh.event(3, message=message).event, 3.0)
    lines = lines_of(console)
    assert "".join(lines).replace(" ", "").endswith(message.replace(" ", ""))
    assert [line for line in lines[1:] if not line.startswith("    ")] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_the_bar_of_a_generation_fits(width) -> None:
    with following.Follower(terminal(width)) as follower:
        follower.saw(fake_mesh.progress(40, "rendering shot 1 of 2"))
        (line,) = shown(vars(follower)["_bar"], width)
    assert "40 %" in line
    assert "0:00:0" in line
    assert "rendering" in line


def test_columns_keep_to_their_sides() -> None:
    rows = fitting.Rows(("name", "size", "why"), [("a", "1", "x"), ("bbbbbb", "100", "y")], right=(1,))
    assert shown(rows, 80) == ["name    size  why", "a          1  x", "bbbbbb   100  y"]


def test_no_line_ends_in_blanks() -> None:
    rows = fitting.Rows(("name", "why"), [("a", ""), ("b", "one two three " * 10)])
    assert [line for line in shown(rows, 60) if line != line.rstrip()] == []


def test_no_rows_are_a_heading() -> None:
    assert shown(fitting.Rows(("name", "why"), []), 80) == ["name  why"]
