"""Ports of programs that are started for tests, and cannot pick one themselves."""

import contextlib
import pathlib
import socket
import subprocess
import time

START_TIMEOUT_SECONDS = 15.0
POLL_SECONDS = 0.02


def free() -> int:
    """Return a port of loopback that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_open(port: int, process: subprocess.Popen[bytes], log: pathlib.Path) -> None:
    """Wait, blocking, until a program that was just started takes connections.

    Raises:
        RuntimeError: it does not, or has ended; the message has what it wrote to `log`.
    """
    deadline = time.monotonic() + START_TIMEOUT_SECONDS  # noqa: TID251 - a real process, in real time
    while time.monotonic() < deadline and process.poll() is None:  # noqa: TID251
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return
        time.sleep(POLL_SECONDS)  # noqa: TID251
    raise RuntimeError(f"{process.args} did not start: {log.read_text()[-2000:]}")
