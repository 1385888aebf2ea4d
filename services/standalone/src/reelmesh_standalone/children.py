"""Services as child processes: each started, watched, started again when it dies, stopped in turn."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Mapping

from reelmesh_kit import process

from reelmesh_standalone import logs, parts, ports, settings

START_TIMEOUT_SECONDS = 60.0
# Beyond the time that open calls may take.
STOP_GRACE_SECONDS = 10.0
FIRST_RESTART_SECONDS = 0.5
LONGEST_RESTART_SECONDS = 30.0
# A service that ran this long had recovered: its next end is a first one again.
STEADY_AFTER_SECONDS = 60.0
# Longest line that a service may print; longer ones are cut.
LINE_LIMIT_BYTES = 256 * 1024

_NAME_WIDTH = 16


class Child:
    """One service's process, and whichever takes its place after it dies."""

    def __init__(
        self,
        part: parts.Part,
        values: Mapping[str, object],
        own: process.Chassis,
        kept: logs.Logs,
        show: Callable[[str], None],
    ) -> None:
        """Prepare; nothing runs yet. `values` are its settings by name."""
        self._part = part
        self._environment = settings.child_environment(part.settings_class(), values)
        self._own = own
        self._kept = kept
        self._show = show
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._ready = asyncio.Event()
        self._last_line = ""

    async def start(self) -> None:
        """Start it; `serving` tells when it serves."""
        self._ready.clear()
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "reelmesh_standalone.guard", self._part.package),
            # Held open by us; it closes when we are gone, see guard.
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
            limit=LINE_LIMIT_BYTES,
            # Ctrl-C in a terminal is for us: services stop in turn.
            start_new_session=True,
        )
        self._process = child
        if child.stdout is None or child.stderr is None:
            raise RuntimeError("the child was started without pipes")
        self._readers = [
            asyncio.create_task(self._read(child.stdout, self._said)),
            asyncio.create_task(self._read(child.stderr, self._logged)),
        ]
        self._show(f"{self._part.name:<{_NAME_WIDTH}} pid {child.pid}")

    async def serving(self) -> None:
        """Return once it serves for the first time.

        Raises:
            process.CannotStart: it ended instead, or is not ready in time.
        """
        child = self._process
        if child is None:
            raise RuntimeError(f"{self._part.name} was never started")
        waits = [asyncio.create_task(self._ready.wait()), asyncio.create_task(child.wait())]
        try:
            await asyncio.wait(waits, timeout=START_TIMEOUT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self._ready.is_set():
            return
        problem = f"was not ready within {START_TIMEOUT_SECONDS:.0f} s"
        if child.returncode is not None:
            await self._read_to_the_end()
            problem = _how(child.returncode)
        raise process.CannotStart(
            f"{self._part.name} {problem}. {self._last_line or 'It said nothing.'} "
            f"Its log: {self._kept.path(self._part.name)}"
        )

    async def keep(self) -> None:
        """Start it again whenever it ends; until cancelled."""
        failures = 0
        while True:
            began = self._own.clock.elapsed()
            code = await self._ended()
            failures = 1 if self._own.clock.elapsed() - began > STEADY_AFTER_SECONDS else failures + 1
            pause = min(LONGEST_RESTART_SECONDS, FIRST_RESTART_SECONDS * 2.0 ** min(failures - 1, 10))
            self._own.logger.warning("%s %s; it is started again in %.1f s.", self._part.name, _how(code), pause)
            await self._own.clock.sleep(pause)
            await self.start()

    async def stop(self, within_seconds: float) -> None:
        """Ask it to end, and end it if it does not."""
        child = self._process
        if child is None:
            return
        for ask, patience_seconds in ((child.terminate, within_seconds), (child.kill, within_seconds)):
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    ask()
                with contextlib.suppress(TimeoutError):
                    await self._own.clock.wait_for(child.wait(), patience_seconds)
        await self._read_to_the_end()

    async def _ended(self) -> int:
        if self._process is None:
            raise RuntimeError(f"{self._part.name} was never started")
        code = await self._process.wait()
        await self._read_to_the_end()
        return code

    async def _read_to_the_end(self) -> None:
        # A grandchild may hold the pipes open: not for ever.
        await asyncio.wait(self._readers, timeout=1.0)
        for reader in self._readers:
            reader.cancel()

    async def _read(self, stream: asyncio.StreamReader, take: Callable[[str], None]) -> None:
        while True:
            try:
                line = await stream.readline()
            except ValueError:  # longer than the limit: readline has dropped it
                continue
            if not line:
                return
            take(line.decode(errors="replace").rstrip("\n"))

    def _said(self, line: str) -> None:
        if line.startswith("ready "):
            self._ready.set()
        elif line:
            self._kept.take(line, self._part.name)

    def _logged(self, line: str) -> None:
        self._last_line = logs.message(line)
        self._kept.take(line, self._part.name)


class Children:
    """Runs each service as a child process: an `app.Starter`. All start at once, for their ports are chosen before."""

    def __init__(self, own: process.Chassis, kept: logs.Logs, show: Callable[[str], None]) -> None:
        """Share the mesh's chassis, its logs, and the terminal."""
        self._own = own
        self._kept = kept
        self._show = show
        self._settled = asyncio.Event()
        self._started: list[Child] = []

    @contextlib.asynccontextmanager
    async def start(self, part: parts.Part, values: Mapping[str, object]) -> AsyncGenerator[process.Running]:
        """Run a service as a child, on ports that stay the same when it is started again."""
        fixed = dict(values)
        for name, port in zip(_PORTS, ports.free(len(_PORTS)), strict=True):
            if fixed.get(name) == 0:
                fixed[name] = port
        child = Child(part, fixed, self._own, self._kept, self._show)
        stop_seconds = float(str(values.get("drain_seconds", 0))) + STOP_GRACE_SECONDS

        async def keep() -> None:
            await self._settled.wait()
            await child.keep()

        try:
            await child.start()
            self._started.append(child)
            async with process.supervise(self._own, critical=(), **{part.name: keep}):
                yield process.Running(**{name: int(str(fixed[name])) for name in _PORTS if name in fixed})
        finally:
            await child.stop(stop_seconds)

    async def settled(self) -> None:
        """Return once every child serves; from then on those that end are started again.

        Raises:
            process.CannotStart: one of them does not.
        """
        waits = [asyncio.create_task(child.serving()) for child in self._started]
        try:
            # Not in turn: one may wait for another that has failed.
            await asyncio.gather(*waits)
        finally:
            for wait in waits:
                wait.cancel()
        self._settled.set()


_PORTS = ("grpc_port", "http_port", "admin_port")


def _how(code: int) -> str:
    """Return how a process ended, from its exit code."""
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
