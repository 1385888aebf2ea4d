"""Looks into running Python processes with py-spy, from outside: their stacks, a hundred times a second."""

import asyncio
import contextlib
import dataclasses
import pathlib
import shutil
import signal
import sysconfig
from collections.abc import AsyncGenerator, Mapping, Sequence

from reelmesh_kit import clock

from bench import hops, processes

PROGRAM = "py-spy"
SAMPLES_PER_SECOND = 100
LONGEST_SECONDS = 3600
STOP_SECONDS = 60.0
# Until it has found out about its process.
BEGIN_SECONDS = 1.0


class CannotSample(Exception):
    """py-spy is missing or may not look into other processes; the message says what it said."""


@dataclasses.dataclass
class Seen:
    """What was seen of one process."""

    samples: Sequence[hops.Sample] = ()
    thread_seconds: Mapping[int, float] = dataclasses.field(default_factory=dict[int, float])


@contextlib.asynccontextmanager
async def sampled(pids: Mapping[str, int], folder: pathlib.Path) -> AsyncGenerator[dict[str, Seen]]:
    """Sample processes while the body runs, by files in `folder`; what was seen is in the result after that.

    Raises:
        CannotSample: see there.
    """
    program = shutil.which(PROGRAM) or shutil.which(PROGRAM, path=sysconfig.get_path("scripts"))
    if program is None:
        raise CannotSample("py-spy is not installed: pip install py-spy")
    found = {name: Seen() for name in pids}
    samplers = {name: await _start(program, pid, folder / f"{name}.raw") for name, pid in pids.items()}
    await clock.SystemClock().sleep(BEGIN_SECONDS)
    before = {name: processes.thread_seconds(pid) for name, pid in pids.items()}
    try:
        yield found
        for name, pid in pids.items():
            used = processes.thread_seconds(pid)
            found[name].thread_seconds = {one: used[one] - before[name].get(one, 0.0) for one in used}
    finally:
        said = {name: await _stop(sampler) for name, sampler in samplers.items()}
    for name, seen in found.items():
        seen.samples = _read(folder / f"{name}.raw", said[name])


async def _start(program: str, pid: int, output: pathlib.Path) -> asyncio.subprocess.Process:
    options = ["--rate", str(SAMPLES_PER_SECOND), "--duration", str(LONGEST_SECONDS), "--format", "raw"]
    return await asyncio.create_subprocess_exec(
        *(program, "record", "--pid", str(pid), "--output", str(output), *options),
        *("--threads", "--function", "--full-filenames", "--nonblocking"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def _stop(sampler: asyncio.subprocess.Process) -> str:
    """End it as Ctrl-C does: it writes what it has. Return what it said."""
    with contextlib.suppress(ProcessLookupError):
        sampler.send_signal(signal.SIGINT)
    said, _ = await asyncio.wait_for(sampler.communicate(), STOP_SECONDS)
    return said.decode(errors="replace")


def _read(path: pathlib.Path, said: str) -> list[hops.Sample]:
    if not path.exists():
        raise CannotSample(f"py-spy has seen nothing: {said.strip()[-500:]}")
    return hops.parse(path.read_text())
