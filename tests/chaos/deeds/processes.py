"""What happens to processes: killed, frozen past their lease and thawed, replaced, robbed of their children."""

import contextlib
import os
import pathlib
import signal
from collections.abc import Sequence

from reelmesh_orchestrator import crash_points

from tests.chaos import fleet
from tests.chaos.deeds import scenes

# Longer than a lease holds, and than any call waits.
FROZEN_SECONDS = 2 * fleet.LEASE_SECONDS
# Longer than a submit may take, with time to notice that it took longer.
SUBMIT_FROZEN_SECONDS = 2.5 * fleet.LEASE_SECONDS
# What the engine's processes are started as; other children of media are not ours to kill.
ENGINE = "spawn_main"
# How long somebody is waited for who is in the middle of a submit.
SUBMIT_PATIENCE_SECONDS = 5.0
LOOK_SECONDS = 0.02


def killed(service: str) -> scenes.Deed:
    """Kill a process."""

    async def act(scene: scenes.Scene) -> float:
        scene.one_of(service).send(signal.SIGKILL)
        return scene.time.elapsed()

    return scenes.Deed("SIGKILL", service, act)


def all_killed(services: Sequence[str]) -> scenes.Deed:
    """Kill everybody at once, as a machine that goes down."""

    async def act(scene: scenes.Scene) -> float:
        for member in scene.fleet.members:
            member.send(signal.SIGKILL)
        now = scene.time.elapsed()
        await scene.fleet.well()
        return now

    return scenes.Deed("SIGKILL of all at once", f"{len(services)} services", act)


def frozen(service: str) -> scenes.Deed:
    """Freeze a process past its lease, and thaw it: it wakes as a zombie, in the middle of whatever it was at."""

    async def act(scene: scenes.Scene) -> float:
        member = scene.one_of(service)
        began = scene.time.elapsed()
        member.send(signal.SIGSTOP)
        try:
            await scene.time.sleep(FROZEN_SECONDS)
        finally:
            member.send(signal.SIGCONT)
        # Others are to go on without it; where there are none it has to come back first.
        return began if len(scene.fleet.of(service)) > 1 else scene.time.elapsed()

    return scenes.Deed(f"SIGSTOP for {FROZEN_SECONDS:.0f} s", service, act)


def frozen_in_submit() -> scenes.Deed:
    """Freeze all workers while one waits for what the vendor says to an order: nobody hears of it any more."""

    async def act(scene: scenes.Scene) -> float:
        ends = scene.time.elapsed() + SUBMIT_PATIENCE_SECONDS
        while not scene.stands_on.vendor.slow and scene.time.elapsed() < ends:
            await scene.time.sleep(LOOK_SECONDS)
        workers = scene.fleet.of(fleet.WORKER)
        for member in workers:
            member.send(signal.SIGSTOP)
        try:
            await scene.time.sleep(SUBMIT_FROZEN_SECONDS)
        finally:
            for member in workers:
                member.send(signal.SIGCONT)
        return scene.time.elapsed()

    what = f"SIGSTOP in a submit for {SUBMIT_FROZEN_SECONDS:g} s"
    return scenes.Deed(what, f"every {fleet.WORKER}", act, brings=scenes.points_of(crash_points.DOUBT))


def replaced(service: str) -> scenes.Deed:
    """Ask a process to end in good order, as an upgrade does."""

    async def act(scene: scenes.Scene) -> float:
        now = scene.time.elapsed()
        await scene.fleet.replace(scene.one_of(service))
        return now

    return scenes.Deed("SIGTERM", service, act)


def encoders_killed() -> scenes.Deed:
    """Kill the processes in which media decodes and encodes."""

    async def act(scene: scenes.Scene) -> float:
        for member in scene.fleet.of("media"):
            for pid in _engines(member.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        return scene.time.elapsed()

    return scenes.Deed("SIGKILL", "media's encoders", act, brings=scenes.points_of(crash_points.FAIL_STEP))


def _engines(pid: int) -> list[int]:
    """Return the engine's processes of a media process, as /proc lists them."""
    found: list[int] = []
    for children in pathlib.Path(f"/proc/{pid}/task").glob("*/children") if pid else ():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found += [int(child) for child in children.read_text().split()]
    return [child for child in found if ENGINE in _command(child)]


def _command(pid: int) -> str:
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""
