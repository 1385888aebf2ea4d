"""A process stopped right after its headers and thawed after the window completes no request: a real one, stopped."""

import asyncio
import os
import pathlib
import signal
import sys

import pytest
from reelmesh_kit import clock

from tests.support import raw_http_server, requirements

SCRIPT = pathlib.Path(__file__).with_name("frozen_submit.py")
FROZEN_SECONDS = 0.8  # the window is 0.5


async def freeze_in_the_middle(url: str, size_bytes: int, kind: str) -> str:
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), url, str(size_bytes), kind, stdout=asyncio.subprocess.PIPE
    )
    try:
        time = clock.SystemClock()
        while not _is_stopped(child.pid):
            await time.sleep(0.01)
        await time.sleep(FROZEN_SECONDS)
        os.kill(child.pid, signal.SIGCONT)
        out, _ = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return out.decode().strip()


def _is_stopped(pid: int) -> bool:
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"


@requirements.LINUX
@pytest.mark.parametrize("size_bytes", [1, 2_000, 4_000_000])
async def test_a_frozen_process_completes_no_request_once_thawed(size_bytes: int) -> None:
    async with raw_http_server.counting_server() as server:
        assert await freeze_in_the_middle(server.url, size_bytes, "gated") == "window-passed"
        assert len(server.headers) == 1
        assert server.bodies == []


@requirements.LINUX
async def test_checking_the_headers_alone_would_not_be_enough() -> None:
    async with raw_http_server.counting_server() as server:
        assert await freeze_in_the_middle(server.url, 2_000, "headers-only") == "created"
        assert len(server.bodies) == 1
