"""Runs the `reelmesh` command as a user does, in processes of their own."""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator

from reelmesh_client import discovery

COMMAND = str(pathlib.Path(sys.executable).with_name("reelmesh"))
START_TIMEOUT_SECONDS = 90.0
STOP_TIMEOUT_SECONDS = 60.0
_LOOK_SECONDS = 0.05


@dataclasses.dataclass
class Up:
    """A running `reelmesh up`."""

    process: subprocess.Popen[bytes]
    folder: pathlib.Path
    output_file: pathlib.Path

    def output(self) -> str:
        """Return what it has printed so far."""
        return self.output_file.read_text()

    def mesh(self) -> discovery.Mesh:
        """Return its note."""
        mesh = discovery.read(self.folder)
        assert mesh is not None, self.output()
        return mesh

    def key(self) -> str:
        """Return its API key."""
        return pathlib.Path(self.mesh().key_file).read_text().strip()

    def pid(self, service: str) -> int:
        """Return the latest process of a service, as it was printed."""
        found = re.findall(rf"^{service}\s.*pid (\d+)", self.output(), re.MULTILINE)
        assert found, self.output()
        return int(found[-1])

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_TIMEOUT_SECONDS)


@contextlib.contextmanager
def up(folder: pathlib.Path, *options: str) -> Generator[Up]:
    """Run `reelmesh up` on free ports; yield it once it serves, and stop it if it still runs."""
    output_file = folder.with_suffix(".out")
    arguments = ["--data", str(folder), "--http-port", "0", "--grpc-port", "0", *options]
    # The note of a mesh that was killed is no sign of this one.
    discovery.remove(folder)
    with output_file.open("ab") as output:
        process = subprocess.Popen(
            [COMMAND, "up", *arguments], stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    started = Up(process, folder, output_file)
    try:
        until(lambda: discovery.read(folder) or process.poll() is not None, START_TIMEOUT_SECONDS, "it serves", started)
        assert process.poll() is None, started.output()
        yield started
    finally:
        if process.poll() is None:
            started.stop()


def until(condition: Callable[[], object], seconds: float, what: str, mesh: Up) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds  # noqa: TID251 - real processes have real time
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}\n{mesh.output()}"  # noqa: TID251
        time.sleep(_LOOK_SECONDS)  # noqa: TID251


def run(*arguments: str, folder: pathlib.Path | None = None, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    data = ["--data", str(folder)] if folder else []
    return subprocess.run(
        [COMMAND, *arguments, *data], capture_output=True, text=True, timeout=seconds, check=False, env=environment()
    )


def environment() -> dict[str, str]:
    """Return this environment without anything that would lead a command elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("REELMESH_")}  # noqa: TID251


def generation(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """Return the generation that a command printed as JSON."""
    assert done.stdout, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found
