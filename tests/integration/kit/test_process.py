"""The life of a service: ready, signals to real processes, and refusals to start."""

import asyncio
import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

import pytest
from reelmesh_kit import process, settings, telemetry

ROOT = pathlib.Path(__file__).parents[3]
OWN_SETTINGS = settings.ServiceSettings()
PREAMBLE = """
import asyncio, contextlib, signal, sys, os
from reelmesh_kit import admin, process, settings, errors

def tell(line):
    sys.stdout.write(line + "\\n")
    sys.stdout.flush()
"""


@contextlib.asynccontextmanager
async def plain(own_settings: settings.ServiceSettings, own: process.Chassis) -> AsyncGenerator[process.Running]:
    """A service that does nothing."""
    yield process.Running(grpc_port=7, admin_port=8)


async def test_a_service_runs_until_it_is_told_to_stop_and_drains_first() -> None:
    stop, ready, seen = asyncio.Event(), asyncio.Event(), list[object]()

    @contextlib.asynccontextmanager
    async def build(own_settings: settings.ServiceSettings, own: process.Chassis) -> AsyncGenerator[process.Running]:
        yield process.Running(grpc_port=7)
        seen.append(own.health.draining)

    def note(running: process.Running) -> None:
        seen.append(running)
        ready.set()

    task = asyncio.create_task(process.run("media", build, OWN_SETTINGS, on_ready=note, stop=stop))
    await ready.wait()
    stop.set()
    await task
    assert seen == [process.Running(grpc_port=7), True]


async def test_a_service_that_leaves_goes_on_for_as_long_before_it_drains() -> None:
    stop, seen = asyncio.Event(), list[tuple[bool, bool]]()

    @contextlib.asynccontextmanager
    async def build(own_settings: settings.ServiceSettings, own: process.Chassis) -> AsyncGenerator[process.Running]:
        def look() -> None:
            seen.append((own.health.leaving, own.health.draining))

        stop.set()
        # Due before the end of its leaving, and so called before, however slow the machine.
        asyncio.get_running_loop().call_later(0.1, look)
        yield process.Running()
        look()

    await process.run("media", build, settings.ServiceSettings(leave_seconds=0.3), stop=stop)
    assert seen == [(True, False), (True, True)]


async def test_a_service_that_stopped_has_handed_over_its_spans(tmp_path: pathlib.Path) -> None:
    stop, traces = asyncio.Event(), list[str]()

    @contextlib.asynccontextmanager
    async def build(own_settings: settings.ServiceSettings, own: process.Chassis) -> AsyncGenerator[process.Running]:
        yield process.Running()
        with own.telemetry.span("close"):
            traces.append(telemetry.current_ids()[0])

    keeping = settings.ServiceSettings(spans_folder=tmp_path)
    await process.run("media", build, keeping, on_ready=lambda _: stop.set(), stop=stop)
    assert [record.name for record in telemetry.read_trace(tmp_path, traces[0])] == ["close"]


async def test_a_stop_during_the_start_unwinds_what_was_opened() -> None:
    stop, opening, closed = asyncio.Event(), asyncio.Event(), list[str]()

    @contextlib.asynccontextmanager
    async def build(own_settings: settings.ServiceSettings, own: process.Chassis) -> AsyncGenerator[process.Running]:
        try:
            opening.set()
            await asyncio.Event().wait()
            yield process.Running()
        finally:
            closed.append("database")

    task = asyncio.create_task(process.run("media", build, OWN_SETTINGS, stop=stop))
    await opening.wait()
    stop.set()
    await task
    assert closed == ["database"]


async def test_a_cancelled_run_stops_the_service_and_stays_cancelled() -> None:
    ready = asyncio.Event()
    task = asyncio.create_task(process.run("media", plain, OWN_SETTINGS, on_ready=lambda _: ready.set()))
    await ready.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_of_the_start_goes_on_to_the_caller() -> None:
    @contextlib.asynccontextmanager
    async def build(own_settings: settings.ServiceSettings, own: process.Chassis) -> AsyncGenerator[process.Running]:
        raise process.CannotStart("No database.")
        yield process.Running()

    with pytest.raises(process.CannotStart):
        await process.run("media", build, OWN_SETTINGS)


async def test_services_of_one_process_run_side_by_side_under_one_stop() -> None:
    stop, ready = asyncio.Event(), list[process.Running]()

    def note(running: process.Running) -> None:
        ready.append(running)
        if len(ready) == 2:
            stop.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(process.run("media", plain, OWN_SETTINGS, on_ready=note, stop=stop))
        group.create_task(process.run("storage", plain, OWN_SETTINGS, on_ready=note, stop=stop))
    assert len(ready) == 2


def test_the_ready_line_names_the_ports_that_there_are() -> None:
    line = process.ready_line("media", process.Running(grpc_port=4711, admin_port=4712))
    assert line == "ready media grpc_port=4711 admin_port=4712"


@dataclasses.dataclass
class Child:
    """A service as a real process."""

    popen: subprocess.Popen[str]

    def line(self) -> str:
        """Return the next line that it printed."""
        assert self.popen.stdout is not None
        return self.popen.stdout.readline().rstrip()

    def ended(self) -> tuple[int, str, list[dict[str, Any]]]:
        """Return its exit code, what else it printed, and its log, parsed."""
        out, err = self.popen.communicate(timeout=20)
        return self.popen.returncode, out, [json.loads(line) for line in err.splitlines()]


StartChild = Callable[..., Child]


@pytest.fixture
def start(tmp_path: pathlib.Path) -> Iterator[StartChild]:
    """Start Python code as a child process; what still runs at the end is killed."""
    children: list[Child] = []

    def started(code: str, **variables: str) -> Child:
        popen = subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + code],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={"PATH": os.defpath} | variables,
        )
        children.append(Child(popen))
        return children[-1]

    yield started
    for child in children:
        if child.popen.poll() is None:
            child.popen.kill()
        child.popen.communicate()


ORDERLY = """
@contextlib.asynccontextmanager
async def build(own_settings, chassis):
    async with admin.serve(chassis, own_settings.host, own_settings.admin_port) as port:
        yield process.Running(admin_port=port)
        tell("resources closed")

sys.exit(process.main("media", build, settings.ServiceSettings))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_in_order(start: StartChild, number: signal.Signals) -> None:
    child = start(ORDERLY)
    assert child.line().startswith("ready media admin_port=")
    child.popen.send_signal(number)
    code, out, log = child.ended()
    assert (code, out) == (0, "resources closed\n")
    assert [line["message"] for line in log] == [
        "The service is ready.",
        "The service stops.",
        "The service has stopped.",
    ]
    assert {line["service"] for line in log} == {"media"}


FAST = """
@contextlib.asynccontextmanager
async def build(own_settings, chassis):
    import gc
    loop = asyncio.get_running_loop()
    loop.call_later(0.05, lambda: tell(f"frozen {gc.get_freeze_count() > 0}"))
    try:
        child = await asyncio.create_subprocess_exec("true")
        tell(f"{isinstance(loop, asyncio.SelectorEventLoop)} {await child.wait()}")
    except RuntimeError as error:
        tell(f"{isinstance(loop, asyncio.SelectorEventLoop)} {error}")
    yield process.Running()

sys.exit(process.main("media", build, settings.ServiceSettings, starts_processes={}))
"""


@pytest.mark.parametrize(
    ("starts_processes", "told"),
    [
        (False, "False This program has not said that it starts processes: see event_loop.run."),
        (True, "True 0"),
    ],
)
def test_a_process_runs_on_the_quick_loop_unless_it_starts_others_and_leaves_its_start_to_no_garbage_collection(
    start: StartChild, starts_processes: bool, told: str
) -> None:
    child = start(FAST.replace("starts_processes={}", f"starts_processes={starts_processes}"))
    assert child.line() == told
    assert child.line() == "ready media"
    assert child.line() == "frozen True"


STUBBORN = """
@contextlib.asynccontextmanager
async def build(own_settings, chassis):
    yield process.Running()
    tell("closing")
    {hang}

sys.exit(process.main("media", build, settings.ServiceSettings))
"""


@pytest.mark.parametrize(
    "hang", ["await asyncio.Event().wait()", "while True: pass"], ids=["a wait that never ends", "a blocked event loop"]
)
def test_the_second_signal_exits_at_once(start: StartChild, hang: str) -> None:
    child = start(STUBBORN.format(hang=hang))
    assert child.line() == "ready media"
    child.popen.send_signal(signal.SIGTERM)
    assert child.line() == "closing"
    child.popen.send_signal(signal.SIGINT)
    assert child.popen.wait(timeout=20) == process.EXIT_AT_ONCE


COMPANION = """
import subprocess

@contextlib.asynccontextmanager
async def build(own_settings, chassis):
    # It keeps our stdout open for as long as it lives.
    companion = subprocess.Popen(["sleep", "600"], start_new_session=True)
    process.take_along(companion.pid)
    yield process.Running()
    tell("closing")
    await asyncio.Event().wait()

sys.exit(process.main("media", build, settings.ServiceSettings))
"""


def test_the_second_signal_takes_along_who_would_stay_behind(start: StartChild) -> None:
    child = start(COMPANION)
    assert child.line() == "ready media"
    child.popen.send_signal(signal.SIGTERM)
    assert child.line() == "closing"
    child.popen.send_signal(signal.SIGINT)
    child.popen.communicate(timeout=20)
    assert child.popen.returncode == process.EXIT_AT_ONCE


def test_a_signal_during_the_start_ends_the_process(start: StartChild) -> None:
    child = start(
        """
@contextlib.asynccontextmanager
async def build(own_settings, chassis):
    tell("waiting for the database")
    await asyncio.Event().wait()
    yield process.Running()

sys.exit(process.main("media", build, settings.ServiceSettings))
"""
    )
    assert child.line() == "waiting for the database"
    child.popen.send_signal(signal.SIGTERM)
    assert child.ended()[0] == 0


def test_wrong_settings_are_told_without_a_traceback(start: StartChild) -> None:
    child = start(ORDERLY, REELMESH_ADMIN_PORT="many")
    _, err = child.popen.communicate(timeout=20)
    assert child.popen.returncode == process.EXIT_MISCONFIGURED
    assert "REELMESH_ADMIN_PORT: Input should be a valid integer" in err
    assert "Traceback" not in err


FAILING = """
@contextlib.asynccontextmanager
async def build(own_settings, chassis):
    raise {error}
    yield

sys.exit(process.main("media", build, settings.ServiceSettings))
"""


@pytest.mark.parametrize("kind", ["process.CannotStart", "errors.Unavailable"])
def test_what_the_operator_can_mend_is_one_clear_line(start: StartChild, kind: str) -> None:
    code, _, log = start(FAILING.format(error=f"{kind}('Set REELMESH_DATABASE_URL.')")).ended()
    assert code == process.EXIT_FAILED
    assert [line["message"] for line in log] == ["Set REELMESH_DATABASE_URL."]
    assert "exception" not in log[0]


def test_what_nobody_expected_has_its_traceback_in_the_log(start: StartChild) -> None:
    code, _, log = start(FAILING.format(error="ZeroDivisionError('oops')")).ended()
    assert code == process.EXIT_FAILED
    assert log[-1]["exception"].endswith("ZeroDivisionError: oops")


def test_the_last_spans_are_kept_when_the_process_ends(start: StartChild, tmp_path: pathlib.Path) -> None:
    child = start(
        """
@contextlib.asynccontextmanager
async def build(own_settings, chassis):
    yield process.Running()
    with chassis.telemetry.span("close", parent="00-" + "a" * 32 + "-" + "b" * 16 + "-01"):
        pass

sys.exit(process.main("media", build, settings.ServiceSettings))
""",
        REELMESH_SPANS_FOLDER=str(tmp_path / "spans"),
    )
    child.line()
    child.popen.send_signal(signal.SIGTERM)
    assert child.ended()[0] == 0
    assert [record.name for record in telemetry.read_trace(tmp_path / "spans", "a" * 32)] == ["close"]


def test_the_example_of_the_read_me_runs(start: StartChild) -> None:
    readme = (ROOT / "libs" / "kit" / "README.md").read_text()
    child = start(readme.split("```python\n")[1].split("```")[0])
    assert child.line().startswith("ready ticker admin_port=")
    child.popen.send_signal(signal.SIGTERM)
    assert child.ended()[0] == 0
