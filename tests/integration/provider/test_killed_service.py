"""provider-local killed with SIGKILL at the worst moments: a real process, real gRPC, real NATS, real files."""

import asyncio
import contextlib
import os
import pathlib
import signal
import sys
from collections.abc import AsyncIterator

from reelmesh_kit import process
from reelmesh_provider import model
from reelmesh_provider.testing import State
from reelmesh_provider_local import jobs
from reelmesh_provider_local import settings as local_settings

from tests.integration.provider.conftest import dispatch, local_task, until
from tests.support import requirements

pytestmark = requirements.LINUX


@contextlib.asynccontextmanager
async def service(told: local_settings.LocalSettings) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run provider-local as a process of its own; killed at the end if it still runs."""
    names = (
        "orchestrator_address", "storage_address", "media_address", "nats_url", "data_folder",
        "local_faults_in_prompts", "drain_seconds",
    )  # fmt: skip
    environment = {f"REELMESH_{name.upper()}": str(getattr(told, name)) for name in names}
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "reelmesh_provider_local",
        env={"PATH": "/usr/bin:/bin", **environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def kill(child: asyncio.subprocess.Process) -> None:
    os.kill(child.pid, signal.SIGKILL)
    await child.wait()


def children_of(pid: int) -> list[int]:
    return [int(each) for each in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def runs(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def journal_holds_a_fact(told: local_settings.LocalSettings) -> bool:
    folder = told.data_folder / "provider-local" / "journal"
    return any(page.read_bytes()[:1] != b"\x00" for page in folder.glob("*.page"))


def submits(told: local_settings.LocalSettings) -> int:
    listed = jobs.Jobs.open_at(told.data_folder / "provider-local" / "jobs.sqlite")
    try:
        return listed.submits()
    finally:
        listed.close()


async def test_killed_between_acceptance_and_record_it_tells_the_id_when_it_comes_back(
    chassis: process.Chassis, mesh, mesh_bus, told
) -> None:
    mesh.attempts.fail("record", times=1_000)
    async with service(told) as child:
        row = await dispatch(mesh_bus, mesh, local_task())
        await until(chassis, lambda: journal_holds_a_fact(told) and "record" in mesh.attempts.calls)
        await kill(child)
    assert row.state is State.SUBMITTING
    mesh.attempts.lapse(row.worker_id)
    assert row.state is State.INDETERMINATE
    mesh.attempts._faults.clear()
    mesh.attempts.calls.clear()
    async with service(told):
        await until(chassis, lambda: row.state is State.ENDED)
    assert mesh.attempts.calls[:2] == ["record", "register"]
    assert row.evidence == [model.Evidence.RECORD]
    assert row.ending is not None
    assert row.ending.outcome is model.Outcome.SUCCEEDED
    assert submits(told) == 1
    assert not journal_holds_a_fact(told)


async def test_killed_before_the_id_came_its_job_is_found_when_it_comes_back(
    chassis: process.Chassis, mesh, mesh_bus, told
) -> None:
    async with service(told) as child:
        row = await dispatch(mesh_bus, mesh, local_task(prompt="a cat [[accept-delay=60]]"))
        await until(chassis, lambda: row.state is State.SUBMITTING and submits(told) == 1)
        await kill(child)
    mesh.attempts.lapse(row.worker_id)
    async with service(told):
        await until(chassis, lambda: row.state is State.ENDED)
    assert row.evidence == [model.Evidence.ADOPTION]
    assert submits(told) == 1


async def test_killed_while_it_renders_its_renderers_die_with_it_and_the_job_is_rendered_again(
    chassis: process.Chassis, mesh, mesh_bus, told
) -> None:
    async with service(told) as child:
        row = await dispatch(mesh_bus, mesh, local_task(duration_seconds=4.0, width=640, height=360))
        await until(chassis, lambda: row.state is State.ACCEPTED)
        renderers = children_of(child.pid)
        assert renderers
        await kill(child)
        await until(chassis, lambda: not any(runs(pid) for pid in renderers))
    mesh.attempts.lapse(row.worker_id)
    async with service(told):
        await until(chassis, lambda: row.state is State.ENDED)
    assert row.ending is not None
    assert row.ending.outcome is model.Outcome.SUCCEEDED
    assert submits(told) == 1


async def test_asked_to_stop_it_ends_its_lease_and_exits_in_order(
    chassis: process.Chassis, mesh, mesh_bus, told
) -> None:
    async with service(told) as child:
        row = await dispatch(mesh_bus, mesh, local_task(prompt="a cat [[stall]]"))
        await until(chassis, lambda: row.state is State.ACCEPTED)
        child.send_signal(signal.SIGTERM)
        assert await chassis.clock.wait_for(child.wait(), 15) == 0
    assert "release" in mesh.attempts.calls
    assert row.worker_id == ""
