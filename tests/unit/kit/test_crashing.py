"""Crash points: nothing while nobody asked, a kill at exactly the pass that was asked for, refused when misspelt."""

import asyncio
import json
import os
import pathlib
import signal
import subprocess
import sys
import timeit
from collections.abc import Iterator

import pytest
from reelmesh_kit import bus, crashing, process, settings

# Generous for a busy machine; an idle one needs a tenth of it. A commit takes a hundred times as long.
MOST_SECONDS = 2e-6
PASSES = 20_000

TABLE = crashing.Table("trial")
COMMIT = TABLE.commit("write")
TASKS = TABLE.message("tasks")
MIDDLE = TABLE.point("middle")


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    crashing.arm("")


@pytest.fixture
def died() -> list[tuple[str, int]]:
    return []


def arm(wanted: str, died: list[tuple[str, int]]) -> None:
    crashing.arm(wanted, lambda name, number: died.append((name, number)))


def test_a_table_lists_its_points_in_order() -> None:
    assert TABLE.names == [
        "trial.write.before_commit",
        "trial.write.after_commit",
        "trial.tasks.before_effect",
        "trial.tasks.before_ack",
        "trial.middle",
    ]


@pytest.mark.parametrize("name", ["middle", "Upper", "", "a b"])
def test_a_point_is_declared_once_by_a_plain_name(name: str) -> None:
    with pytest.raises(ValueError, match="declared already, or is no name"):
        TABLE.point(name)


def test_it_costs_nothing_to_speak_of_while_nobody_asked() -> None:
    def act() -> None:
        with COMMIT:
            crashing.at(crashing.BEFORE_COMMIT)

    for work in (MIDDLE.passed, act):
        fastest = min(timeit.repeat(work, number=PASSES, repeat=5)) / PASSES
        print(f"{fastest * 1e9:.0f} ns")
        assert fastest < MOST_SECONDS


def test_the_pass_that_was_asked_for_is_the_last_one(died: list[tuple[str, int]]) -> None:
    arm("trial.middle:3", died)
    for number in range(1, 6):
        MIDDLE.passed()
        assert died == ([] if number < 3 else [("trial.middle", 3)])


def test_of_several_points_the_first_that_is_reached_counts(died: list[tuple[str, int]]) -> None:
    arm("trial.write.after_commit, trial.middle", died)
    MIDDLE.passed()
    assert died == [("trial.middle", 1)]


def test_a_file_says_what_is_waited_for_and_may_change(tmp_path: pathlib.Path, died: list[tuple[str, int]]) -> None:
    file = tmp_path / "points"
    arm(f"@{file}", died)
    MIDDLE.passed()
    _write(file, "trial.middle:2")
    MIDDLE.passed()
    assert died == []
    _write(file, "trial.middle:2, trial.write.after_commit")
    MIDDLE.passed()
    assert died == []
    MIDDLE.passed()
    assert died == [("trial.middle", 2)]
    _write(file, "")
    MIDDLE.passed()
    _write(file, "trial.midle")
    with pytest.raises(crashing.NoSuchPoint):
        MIDDLE.passed()


def _write(file: pathlib.Path, text: str) -> None:
    """Write a file at once, at a time of its own."""
    before = file.stat().st_mtime_ns if file.exists() else 0
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    os.utime(fresh, ns=(before + 1, before + 1))
    fresh.replace(file)


async def test_boundaries_have_the_name_of_what_is_under_way(died: list[tuple[str, int]]) -> None:
    arm("trial.write.before_commit,trial.tasks.before_ack", died)
    with TASKS:
        with COMMIT:
            await asyncio.create_task(_crossing(crashing.BEFORE_COMMIT))
        assert died == [("trial.write.before_commit", 1)]
        crashing.at(crashing.BEFORE_ACK)
    assert died[1:] == [("trial.tasks.before_ack", 1)]
    assert crashing.current() is None


async def _crossing(boundary: str) -> None:
    crashing.at(boundary)


def test_a_boundary_without_a_name_is_told_once(died: list[tuple[str, int]], capfd: pytest.CaptureFixture[str]) -> None:
    arm("trial.middle", died)
    for _ in range(2):
        crashing.at(crashing.AFTER_COMMIT)
    with TASKS:
        crashing.at(crashing.AFTER_COMMIT)
    told = [json.loads(line)["nameless_crash_point"] for line in capfd.readouterr().err.splitlines()]
    assert told == ["after_commit of nothing", "after_commit of trial.tasks"]
    assert died == []


def test_a_point_that_its_service_does_not_have_is_refused() -> None:
    with pytest.raises(crashing.NoSuchPoint, match=r"'trial\.midle'"):
        crashing.arm("trial.midle:2")


def test_points_of_other_services_are_passed_over(died: list[tuple[str, int]]) -> None:
    arm("somebody.else:1", died)
    MIDDLE.passed()
    assert died == []


@pytest.mark.parametrize("text", ["trial", "trial.middle:0", "trial.middle:", "trial.middle,,", "Trial.middle", ","])
def test_what_is_no_list_of_points_is_refused_by_the_settings(text: str) -> None:
    with pytest.raises(ValueError, match="crash_at"):
        settings.ServiceSettings(crash_at=text)


def test_lists_of_points_are_taken_by_the_settings() -> None:
    for text in ("", "trial.middle", " trial.write.after_commit:3 , media.step.made", "@/some/file"):
        assert settings.ServiceSettings(crash_at=text).crash_at == text


async def test_the_bus_passes_before_a_handler_and_before_its_acknowledgement(
    chassis: process.Chassis, mesh_bus: bus.Bus, died: list[tuple[str, int]]
) -> None:
    arm("trial.tasks.before_effect,trial.tasks.before_ack", died)
    order: list[object] = []
    handled = asyncio.Event()

    async def handle(delivery: bus.Delivery) -> bus.Result:
        order.extend([*died, "handled"])
        handled.set()
        return bus.Done()

    with TASKS:
        working = asyncio.create_task(mesh_bus.work("trial", "task.generate.trial", handle, slots=1))
    await mesh_bus.publish("task.generate.trial", b"", message_id="1")
    await chassis.clock.wait_for(handled.wait(), 20)
    while len(died) < 2:
        await chassis.clock.sleep(0.01)
    working.cancel()
    assert order == [("trial.tasks.before_effect", 1), "handled"]
    assert died == [("trial.tasks.before_effect", 1), ("trial.tasks.before_ack", 1)]


SERVICE = """
import contextlib, sys
from reelmesh_kit import crashing, process, settings

POINT = crashing.Table("trial").point("middle")

@contextlib.asynccontextmanager
async def build(own, chassis):
    yield process.Running()
    POINT.passed()
    print("lived on", flush=True)

sys.exit(process.main("trial", build, settings.ServiceSettings))
"""


def _service(crash_at: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SERVICE],
        env={"REELMESH_CRASH_AT": crash_at},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(("crash_at", "code"), [("trial.middle", -signal.SIGKILL), ("trial.middle:2", 0), ("", 0)])
def test_a_process_that_was_told_to_kills_itself_there(crash_at: str, code: int) -> None:
    child = _service(crash_at)
    assert child.stdout is not None
    assert child.stdout.readline().startswith("ready")
    child.send_signal(signal.SIGTERM)
    output, logged = child.communicate(timeout=60)
    assert child.returncode == code
    assert ("lived on" in output) is (code == 0)
    assert ('"crash_point": "trial.middle"' in logged) is (code != 0)


def test_a_process_that_cannot_keep_the_promise_does_not_start() -> None:
    child = _service("trial.midle")
    assert "no crash point 'trial.midle'" in child.communicate(timeout=60)[1]
    assert child.returncode == process.EXIT_MISCONFIGURED
