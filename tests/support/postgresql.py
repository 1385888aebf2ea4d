"""A private PostgreSQL: its own cluster in a temporary folder, on a free loopback port, gone with the test session."""

import contextlib
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Generator, Iterator, Sequence

import pytest

from tests.support import ports, requirements

USER = "reelmesh"
START_TIMEOUT_SECONDS = 30.0
STOP_TIMEOUT_SECONDS = 10.0
POLL_SECONDS = 0.02
MEMORY_BYTES = 1024**3
PORT_TRIES = 3
TAKE_OVER_SECONDS = 0.5
# PostgreSQL refuses to run as root; these are tried in turn then.
UNPRIVILEGED_USERS = ("postgres", "nobody")
PROGRAMS = ("initdb", "postgres", "psql", "pg_dump", "pg_restore", "pg_basebackup")
INSTALLED = "/usr/lib/postgresql/*/bin"

# A test's data need not survive a power cut.
SPEED = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "shared_buffers=32MB")


class Absent(Exception):
    """This machine has no PostgreSQL that can be run; the message says why."""


class PostgresqlServer:
    """One server process; it can be killed and started again on the same data and port."""

    def __init__(
        self, binaries: pathlib.Path, folder: pathlib.Path, user: str | None, port: int, options: Sequence[str]
    ) -> None:
        """Use a cluster that was made in `folder`; `user` None runs as ourselves."""
        self._binaries = binaries
        self._folder = folder
        self._user = user
        self._port = port
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> pathlib.Path:
        """Return the file that it writes its log to."""
        return self._folder.parent / "log"

    @property
    def pid(self) -> int:
        """Return the id of the process whose children serve the connections."""
        assert self._process is not None, "PostgreSQL does not run"
        return self._process.pid

    @property
    def port(self) -> int:
        """Return where it listens."""
        return self._port

    def dump(self, database: str, file: pathlib.Path) -> None:
        """Write a database, as it is at one moment, to a file, while it is used."""
        self._tool("pg_dump", "--format=custom", "--file", file, self.url(database))

    def restore(self, database: str, file: pathlib.Path) -> None:
        """Put a database back to what it was when it was dumped; who is connected to it is cut off."""
        self.run(f'DROP DATABASE "{database}" WITH (FORCE)')
        self.run(f'CREATE DATABASE "{database}"')
        self._tool("pg_restore", "--exit-on-error", "--dbname", self.url(database), file)

    def standby(self) -> "PostgresqlServer":
        """Make another server that follows this one, and start it on a port of its own."""
        folder = self._folder.with_name("standby") / "data"
        folder.parent.mkdir()
        if self._user is not None:
            shutil.chown(folder.parent, self._user)
        self._tool("pg_basebackup", "-D", folder, "-d", self.url(), "-R", "-X", "stream", "-c", "fast", "--no-sync")
        made = PostgresqlServer(self._binaries, folder, self._user, ports.free(), self._options)
        made.start()
        return made

    def take_over(self, other: "PostgresqlServer") -> None:
        """Become the primary, where `other` listened, as a failover does: what did not reach us is lost."""
        self.stop()
        other.kill()
        self._port = other.port
        self._start_again()
        assert self.run("SELECT pg_promote()").strip() == "t", "the standby was not promoted"

    def _start_again(self) -> None:
        """Start it where somebody has just listened: the place may not be free at once."""
        for attempt in range(PORT_TRIES):
            try:
                self.start()
            except RuntimeError:
                if attempt == PORT_TRIES - 1:
                    raise
                time.sleep(TAKE_OVER_SECONDS)  # noqa: TID251 - a real process, in real time
            else:
                return

    def _tool(self, name: str, *arguments: str | pathlib.Path) -> None:
        command = _as(self._user, self._binaries / name, *arguments)
        subprocess.run(command, capture_output=True, text=True, check=True, cwd=self._folder.parent)

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database of this server, as settings take it."""
        return f"postgresql://{USER}@127.0.0.1:{self._port}/{database}"

    def run(self, statement: str, database: str = "postgres") -> str:
        """Run a statement with psql; return what it prints."""
        arguments = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "-v", "ON_ERROR_STOP=1"]
        command = [self._binaries / "psql", *arguments, "--command", statement, self.url(database)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = (f"port={self._port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", *self._options)
        arguments = [argument for option in options for argument in ("-c", option)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                _as(self._user, self._binaries / "postgres", "-D", self._folder, *arguments),
                cwd=self._folder.parent,
                stdout=log,
                stderr=log,
            )
        self._wait_until_ready(self._process)

    def kill(self) -> None:
        """End it without letting it finish anything, as a crash does (SIGQUIT: its children go with it)."""
        self._end(signal_number=3)

    def stop(self) -> None:
        """End it in good order; open connections are closed."""
        self._end(signal_number=2)

    def _end(self, signal_number: int) -> None:
        if self._process is not None:
            self._process.send_signal(signal_number)
            self._process.wait(STOP_TIMEOUT_SECONDS)
            self._process = None

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS  # noqa: TID251 - a real process, in real time
        while time.monotonic() < deadline:  # noqa: TID251
            if process.poll() is not None:
                break
            with contextlib.suppress(FileNotFoundError, IndexError):
                # The eighth line of its pid file says how far it is: what pg_ctl looks at, too.
                status = (self._folder / "postmaster.pid").read_text().splitlines()
                if status[0] == str(process.pid) and status[7].strip() == "ready":
                    return
            time.sleep(POLL_SECONDS)  # noqa: TID251
        raise RuntimeError(f"PostgreSQL did not start ({process.poll()}): {self.log.read_text()[-2000:]}")


@contextlib.contextmanager
def running(options: Sequence[str], *, within: str | None) -> Generator[PostgresqlServer]:
    """Yield a running server with these options ("fsync=off"), its cluster in a fresh folder below `within`.

    `within` None is the usual place for temporary files.

    Raises:
        Absent: there is no PostgreSQL here.
    """
    binaries = _binaries()
    user = _unprivileged() if os.geteuid() == 0 else None
    folder = pathlib.Path(tempfile.mkdtemp(prefix="reelmesh-postgresql-", dir=within))
    if user is not None:
        shutil.chown(folder, user)
    try:
        server = _started(binaries, folder / "data", user, options)
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """Yield a running server; skip with a reason where there is no PostgreSQL."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(running(SPEED, within=_fast_folder()))
        except Absent as error:
            requirements.missing("postgresql", str(error))
        yield server


@pytest.fixture
def postgresql_url(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """Yield the URL of an empty database of this test's own."""
    name = f"test_{uuid.uuid4().hex}"  # noqa: TID251 - tests share a server
    postgresql_server.run(f'CREATE DATABASE "{name}"')
    yield postgresql_server.url(name)
    postgresql_server.run(f'DROP DATABASE "{name}" WITH (FORCE)')


def _as(user: str | None, *command: str | pathlib.Path) -> list[str | pathlib.Path]:
    """Return what runs a command as another user.

    Not by subprocess itself: it would fork, and what gRPC does at a fork has killed the child before it came to life.
    """
    if user is None:
        return list(command)
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", *command]


def _started(
    binaries: pathlib.Path, folder: pathlib.Path, user: str | None, options: Sequence[str]
) -> PostgresqlServer:
    made = subprocess.run(
        _as(
            user, binaries / "initdb", "-D", folder, "-U", USER, "-E", "UTF8", "--locale=C", "-A", "trust", "--no-sync"
        ),
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise Absent(f"initdb fails: {made.stderr.strip()[-300:]}")
    for attempt in range(PORT_TRIES):
        server = PostgresqlServer(binaries, folder, user, ports.free(), options)
        try:
            server.start()
        except RuntimeError:
            # Somebody may have taken the port between our look and the server's.
            if attempt == PORT_TRIES - 1:
                raise
            continue
        return server
    raise AssertionError("unreachable")


def _binaries() -> pathlib.Path:
    installed = sorted(pathlib.Path("/").glob(INSTALLED.lstrip("/")), key=_version, reverse=True)
    on_path = shutil.which("postgres")
    folders = [pathlib.Path(on_path).resolve().parent, *installed] if on_path else installed
    complete = [folder for folder in folders if all((folder / name).exists() for name in PROGRAMS)]
    if not complete:
        raise Absent(f"{', '.join(PROGRAMS)} are not all on the PATH or in {INSTALLED}")
    return complete[0]


def _version(folder: pathlib.Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdigit() else 0


def _fast_folder() -> str | None:
    """Return memory if there is enough of it (databases are made in a tenth of the time), else None: the usual one."""
    memory = pathlib.Path("/dev/shm")
    enough = memory.is_dir() and shutil.disk_usage(memory).free > MEMORY_BYTES
    return str(memory) if enough else None


def _unprivileged() -> str:
    known = [name for name in UNPRIVILEGED_USERS if _exists(name)]
    if not known:
        raise Absent("we are root, and there is no user postgres or nobody to run it as")
    return known[0]


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
