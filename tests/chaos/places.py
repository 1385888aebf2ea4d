"""What the mesh stands on, each of which can fail: a bus, a database, a bucket, a disk, clocks and a vendor."""

import asyncio
import contextlib
import dataclasses
import os
import pathlib
import shutil
from collections.abc import AsyncGenerator, Generator, Mapping
from urllib import parse

from reelmesh_kit import bus, process
from reelmesh_storage.model import note

from tests.chaos import vendor
from tests.support import disks, postgresql, proxy, s3

SQLITE, POSTGRESQL = "sqlite", "postgresql"
KINDS = (SQLITE, POSTGRESQL)
MEMORY = "/dev/shm"
# Nothing of it need survive the machine, but what is committed must survive the server.
POSTGRESQL_OPTIONS = (
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=on",
    "shared_buffers=64MB",
    "max_connections=200",
)
DISK_BYTES = 512 * 1024 * 1024
RENDER_SECONDS = 0.4


@dataclasses.dataclass(frozen=True)
class Disk:
    """A small disk of its own, where we may mount one; else a folder that is not to be filled."""

    folder: pathlib.Path
    #: Why it is none.
    absent: str = ""


@dataclasses.dataclass
class Bucket:
    """Where bytes are, and the wire to it if there is one."""

    folder: pathlib.Path
    server: s3.S3Server | None = None
    name: str = ""
    wire: proxy.Proxy | None = None
    #: Why it is no S3.
    absent: str = ""

    def settings(self) -> dict[str, object]:
        """Return what storage is told of it."""
        if self.wire is None:
            return {"backend": "filesystem", "folder": self.folder}
        return {
            "backend": "s3",
            "s3_endpoint": f"http://127.0.0.1:{self.wire.port}",
            "s3_bucket": self.name,
            "s3_access_key_id": s3.ACCESS_KEY_ID,
            "s3_secret_access_key": s3.SECRET_ACCESS_KEY,
        }

    def keys(self) -> list[str]:
        """Return where assets lie in it; notes are none, and have no row."""
        return [key for key in self._everything() if not key.startswith(note.FOLDER)]

    def _everything(self) -> list[str]:
        if self.server is None:
            files = [file for file in self.folder.rglob("*") if file.is_file()]
            names = [str(file.relative_to(self.folder)) for file in files]
            return [name for name in names if not name.startswith(".")]
        pages = self.server.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    def plant(self, key: str, modified: float) -> None:
        """Put bytes there that nobody knows, as old as `modified` says (seconds since 1970)."""
        if self.server is not None:
            self.server.client.put_object(Bucket=self.name, Key=key, Body=b"nobody's")
        file = self.folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        if self.server is None:
            file.write_bytes(b"nobody's")
        os.utime(file, (modified, modified))


@dataclasses.dataclass
class Places:
    """All of it."""

    folder: pathlib.Path
    kind: str
    chassis: process.Chassis
    nats: bus.NatsServer
    vendor: vendor.Vendor
    disk: Disk
    bucket: Bucket
    #: Has the record; another takes its place after a failover.
    postgresql: postgresql.PostgresqlServer | None
    #: Has storage's index: what happens to the record alone leaves it as it is.
    index_server: postgresql.PostgresqlServer | None
    #: Of the databases, by service.
    urls: dict[str, str]
    #: Ends what is started later, before what it stands on.
    closing: contextlib.ExitStack

    @property
    def servers(self) -> list[postgresql.PostgresqlServer]:
        """Every PostgreSQL."""
        return [server for server in (self.postgresql, self.index_server) if server is not None]

    @property
    def replicated(self) -> bool:
        """Whether services that have a database may run side by side."""
        return self.kind == POSTGRESQL

    @property
    def accounts_file(self) -> pathlib.Path:
        """Where the accounts are listed."""
        return self.folder / "accounts.yaml"

    def clock_file(self, member: str) -> pathlib.Path:
        """Return where a process is told how wrong its clock is."""
        return self.folder / "clocks" / member


@contextlib.asynccontextmanager
async def opened(
    folder: pathlib.Path, kind: str, chassis: process.Chassis, seed: int, clips: dict[float, bytes]
) -> AsyncGenerator[Places]:
    """Open everything, below `folder`.

    Raises:
        postgresql.Absent: this machine has no PostgreSQL.
    """
    async with contextlib.AsyncExitStack() as stack:
        disk = stack.enter_context(small_disk(folder / "disk"))
        # Its start takes seconds, and nothing else runs yet.
        server, index_server = _postgresql(stack, kind), _postgresql(stack, kind)
        closing = stack.enter_context(contextlib.ExitStack())
        (folder / "clocks").mkdir()
        yield Places(
            folder=folder,
            kind=kind,
            chassis=chassis,
            nats=await stack.enter_async_context(bus.nats_server(chassis, folder / "nats", sync_interval="2m")),
            vendor=await stack.enter_async_context(vendor.Vendor(chassis.clock, seed, clips, RENDER_SECONDS).serving()),
            disk=disk,
            bucket=await _bucket(stack, folder, kind, disk),
            postgresql=server,
            index_server=index_server,
            urls=await _databases({"orchestrator": server, "storage": index_server}, disk),
            closing=closing,
        )


def _postgresql(stack: contextlib.AsyncExitStack, kind: str) -> postgresql.PostgresqlServer | None:
    if kind == SQLITE:
        return None
    within = MEMORY if pathlib.Path(MEMORY).is_dir() else None
    return stack.enter_context(postgresql.running(POSTGRESQL_OPTIONS, within=within))


async def _databases(servers: Mapping[str, postgresql.PostgresqlServer | None], disk: Disk) -> dict[str, str]:
    urls: dict[str, str] = {}
    for service, server in servers.items():
        urls[service] = f"sqlite:///{disk.folder / service}.sqlite"
        if server is not None:
            await asyncio.to_thread(server.run, f"CREATE DATABASE {service}")
            urls[service] = server.url(service)
    return urls


async def _bucket(stack: contextlib.AsyncExitStack, folder: pathlib.Path, kind: str, disk: Disk) -> Bucket:
    """SQLite goes with a folder; PostgreSQL with an S3 API behind a wire, where there is one."""
    if kind == SQLITE:
        return Bucket(disk.folder / "assets", absent="SQLite goes with a folder")
    home = folder / "versitygw"
    home.mkdir()
    try:
        server = stack.enter_context(s3.versitygw(home))
    except s3.Absent as absent:
        return Bucket(disk.folder / "assets", absent=str(absent))
    name = await asyncio.to_thread(server.make_bucket)
    port = parse.urlsplit(server.endpoint).port
    assert port is not None
    wire = await stack.enter_async_context(proxy.Proxy(port).running())
    return Bucket(home / "data" / name, server, name, wire)


@contextlib.contextmanager
def small_disk(folder: pathlib.Path) -> Generator[Disk]:
    """Yield a small disk at `folder`, if we may mount one; its files are kept beside it in the end."""
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        disk = Disk(folder)
        try:
            stack.enter_context(disks.mounted(folder, DISK_BYTES))
        except disks.Absent as absent:
            disk = Disk(folder, str(absent))
        yield disk
        if not disk.absent:
            shutil.copytree(folder, folder.with_name(f"{folder.name}-kept"))
