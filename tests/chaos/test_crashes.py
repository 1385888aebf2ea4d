"""Where processes are told to die, and no longer."""

import pathlib

import pytest
from reelmesh_kit import chance

from tests.chaos import crashes


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a.start.registered:1", ""),
        ("a.start.registered:1,a.put.begin:2", "a.put.begin:2"),
        ("a.put.begin:2", "a.put.begin:2"),
        ("", ""),
    ],
)
def test_who_has_died_at_a_point_is_not_told_to_die_there_when_it_starts_again(
    tmp_path: pathlib.Path, before: str, after: str
) -> None:
    file = tmp_path / "crash"
    file.write_text(before)
    crashes.disarm(file, "a.start.registered")
    assert file.read_text() == after


def test_a_process_that_is_told_nothing_stays_so(tmp_path: pathlib.Path) -> None:
    crashes.disarm(tmp_path / "none", "a.start.registered")
    assert not (tmp_path / "none").exists()


def test_what_was_waited_for_long_enough_is_waited_for_in_the_pauses_too() -> None:
    names = ["orchestrator.create.before_commit", "orchestrator.expire.after_commit"]
    points = crashes.Points(names, chance.SeededChance(1))
    for _ in range(20):
        points.told(names)
    assert points.seldom("orchestrator") == []
    points.waited(names[1:], crashes.SELDOM_AFTER_SECONDS + 1)
    assert points.seldom("orchestrator") == names[1:]


def test_a_life_that_begins_after_a_death_is_told_of_the_point_that_it_alone_passes() -> None:
    begins, before = "provider.start.replayed", "provider.submit.journalled"
    points = crashes.Points([begins, before], chance.SeededChance(1))
    assert points.seldom("provider-chaos") == []
    assert begins + ":1" in points.told([begins, before]).split(",")
    points.visit(before, "provider-chaos-0")
    assert points.seldom("provider-chaos") == [begins]
    assert points.told(points.seldom("provider-chaos")) == f"{begins}:1,{before}:1"
    points.visit(begins, "provider-chaos-0")
    assert points.told(points.seldom("provider-chaos")) == ""
