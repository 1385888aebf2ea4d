"""How processes come to be: started as a cluster starts them, or forked from one that has imported everything."""

import asyncio
import contextlib
import json
import os
import pathlib
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Protocol

ROOT = pathlib.Path(__file__).parents[2]
READY = b"ready "
LOOK_SECONDS = 0.05
IMPORT_SECONDS = 120.0


class Life:
    """One process, from its birth to its end."""

    def __init__(self, pid: int, output: pathlib.Path) -> None:
        """Be the process `pid`, which says to the file `output` when it serves."""
        self.pid = pid
        self._output = output
        self._served = False
        self._code: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._code.done()

    @property
    def serving(self) -> bool:
        """Whether it has said that it is ready, and has not ended."""
        self._served = self._served or self._output.read_bytes().startswith(READY)
        return self._served and not self.over

    async def ended(self) -> int:
        """Wait for its end; return its exit code, as of `subprocess`."""
        return await asyncio.shield(self._code)

    def end(self, code: int) -> None:
        """Note its end."""
        if not self._code.done():
            self._code.set_result(code)


class Births(Protocol):
    """A way to start processes."""

    async def start(self, name: str, package: str, environment: Mapping[str, str], log: pathlib.Path) -> Life:
        """Run a package as a process in the folder of its log."""
        ...


class Executed:
    """Processes as a cluster starts them: a Python of their own each."""

    def __init__(self) -> None:
        """Know nobody yet."""
        self._waits: set[asyncio.Task[None]] = set()

    async def start(self, name: str, package: str, environment: Mapping[str, str], log: pathlib.Path) -> Life:
        """Run `python -m package`."""
        output = _output(log, name)
        with log.open("ab") as errors, output.open("wb") as told:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", package),
                cwd=log.parent,
                env=at_home(environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=told,
                stderr=errors,
                start_new_session=True,
            )
        life = Life(child.pid, output)
        wait = asyncio.create_task(_wait(child, life))
        self._waits.add(wait)
        wait.add_done_callback(self._waits.discard)
        return life


class Nursery:
    """Processes forked from one that has imported everything; see `nursery`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Order from `process`."""
        self._process = process
        self._lives: dict[int, Life] = {}
        self._awaited: dict[str, tuple[asyncio.Future[Life], pathlib.Path]] = {}

    async def start(self, name: str, package: str, environment: Mapping[str, str], log: pathlib.Path) -> Life:
        """Have a child become the package."""
        output = _output(log, name)
        order = {
            "name": name,
            "package": package,
            "environment": at_home(environment),
            "folder": str(log.parent),
            "output": str(output),
            "log": str(log),
        }
        born: asyncio.Future[Life] = asyncio.get_running_loop().create_future()
        self._awaited[name] = born, output
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return await born

    async def listen(self) -> None:
        """Hear who was born and who has ended, for as long as the nursery runs."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            if "code" in said:
                self._lives.pop(said["pid"]).end(said["code"])
            elif "pid" in said:
                born, output = self._awaited.pop(said["name"])
                self._lives[said["pid"]] = Life(said["pid"], output)
                born.set_result(self._lives[said["pid"]])


@contextlib.asynccontextmanager
async def nursery(packages: Sequence[str], log: pathlib.Path) -> AsyncGenerator[Nursery]:
    """Yield a nursery that has imported `packages`; its children end with it."""
    inherited = dict(os.environ)  # noqa: TID251 - a child needs PATH and the like
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.chaos.nursery", *packages),
            cwd=ROOT,
            env=at_home(inherited),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    async with asyncio.timeout(IMPORT_SECONDS):
        if not await process.stdout.readline():
            raise RuntimeError(f"the nursery does not start, see {log}")
    made = Nursery(process)
    listening = asyncio.create_task(made.listen())
    try:
        yield made
    finally:
        process.stdin.close()
        await process.wait()
        await listening


def at_home(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process that finds the packages of the tests."""
    path = os.pathsep.join(filter(None, (str(ROOT), environment.get("PYTHONPATH"))))
    return {**environment, "PYTHONPATH": path}


def _output(log: pathlib.Path, name: str) -> pathlib.Path:
    """Return the file that tells when a process serves: empty, for it does not yet."""
    output = log.parent / f"{name}.out"
    output.write_bytes(b"")
    return output


async def _wait(child: asyncio.subprocess.Process, life: Life) -> None:
    life.end(await child.wait())
