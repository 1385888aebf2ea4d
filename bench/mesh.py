"""A mesh of processes for benchmarks: real nats-server, orchestrator and gateway, and the workers of `bench.worker`."""

import contextlib
import dataclasses
import json
import pathlib
import resource
import tempfile
from collections.abc import AsyncGenerator, Mapping

from reelmesh_kit import bus, process, settings
from reelmesh_orchestrator.model import card
from reelmesh_standalone import parts

from bench import databases, processes
from tests.e2e import mesh
from tests.support import ports, record, scripted_worker

HOST = "127.0.0.1"
KEY_HEADER = "x-api-key"
PATIENCE_SECONDS = 60.0
# What ends a burst is written down after it: the last rows of the outbox, the last spans.
SETTLE_SECONDS = 0.5
COUNTS = "statements.json"
PARTS = {
    "storage": parts.Part("storage", "reelmesh_storage"),
    "orchestrator": parts.Part("orchestrator", "reelmesh_orchestrator"),
    "gateway": parts.Part("gateway", "reelmesh_gateway"),
}
# No limit of ours shall be what is measured.
UNLIMITED: Mapping[str, Mapping[str, object]] = {
    "orchestrator": {
        "most_open_generations": 1_000_000,
        "most_open_generations_in_all": 1_000_000,
        "rpc_timeout_seconds": PATIENCE_SECONDS,
        "submit_within_seconds": PATIENCE_SECONDS,
        "lease_seconds": 2 * PATIENCE_SECONDS,
        "begin_seconds": 2 * PATIENCE_SECONDS,
        "step_seconds": 2 * PATIENCE_SECONDS,
    },
    "worker": {"rpc_timeout_seconds": PATIENCE_SECONDS},
    "gateway": {
        "rpc_timeout_seconds": PATIENCE_SECONDS,
        "creates_per_minute": 100_000.0,
        "creates_burst": 100_000,
        "event_streams_limit": 10_000,
    },
}
ACCOUNT_SLOTS = 1_000


@dataclasses.dataclass(frozen=True)
class Wanted:
    """How the mesh shall run."""

    counted: bool = False
    """Whether the orchestrator runs under `bench.serving`."""
    worker: parts.Part = parts.Part("worker", "bench.worker")
    stores: bool = False
    """Whether storage runs; else the worker is told to be its stand-in."""
    provider: str = scripted_worker.PROVIDER
    account_slots: int = ACCOUNT_SLOTS
    told: Mapping[str, Mapping[str, object]] = dataclasses.field(default_factory=dict[str, Mapping[str, object]])


@dataclasses.dataclass
class Mesh:
    """A running mesh."""

    folder: pathlib.Path
    database: databases.Database
    chassis: process.Chassis
    nats: bus.NatsServer
    link: bus.Bus
    services: dict[str, mesh.Apart]
    key: str

    @property
    def grpc_target(self) -> str:
        """The gateway's gRPC API."""
        return f"{HOST}:{self.services['gateway'].running.grpc_port}"

    @property
    def http_url(self) -> str:
        """The gateway's HTTP API."""
        return f"http://{HOST}:{self.services['gateway'].running.http_port}"

    @property
    def metadata(self) -> tuple[tuple[str, str]]:
        """What gRPC calls carry."""
        return ((KEY_HEADER, self.key),)

    def cpu_seconds(self) -> dict[str, float]:
        """Return the processor time that every process has used so far; "client" is this one."""
        pids = {name: service.pid for name, service in self.services.items()} | {"nats": self.nats.pid}
        if self.database.pid:
            pids["postgresql"] = self.database.pid
        own = resource.getrusage(resource.RUSAGE_SELF)
        return {name: processes.cpu_seconds(pid) for name, pid in pids.items()} | {
            "client": own.ru_utime + own.ru_stime
        }

    def resident_bytes(self) -> dict[str, int]:
        """Return the memory of every service."""
        return {name: processes.resident_bytes(service.pid) for name, service in self.services.items()}

    async def settled_cpu_seconds(self) -> dict[str, float]:
        """Return the same once what is left to do after the last answer is done."""
        await self.chassis.clock.sleep(SETTLE_SECONDS)
        return self.cpu_seconds()

    @property
    def counts_file(self) -> pathlib.Path:
        """Where the orchestrator of a counted mesh writes its counts."""
        return self.folder / COUNTS


@contextlib.asynccontextmanager
async def up(folder: pathlib.Path, database: databases.Database, wanted: Wanted | None = None) -> AsyncGenerator[Mesh]:
    """Run a mesh on a database, with all its other files below `folder`; stop it in reverse order."""
    wanted = wanted or Wanted()
    # The spans of the load generator itself go nowhere, as those of the services do.
    chassis = process.chassis("bench", settings.ServiceSettings())
    async with contextlib.AsyncExitStack() as opened:
        opened.callback(chassis.telemetry.shutdown)
        nats = await opened.enter_async_context(bus.nats_server(chassis, folder / "nats"))
        storage_port = ports.free()
        known: dict[str, object] = {"nats_url": nats.url, "storage_address": f"{HOST}:{storage_port}"}
        services: dict[str, mesh.Apart] = {}
        for name in (*(["storage"] if wanted.stores else []), "orchestrator", "worker", "gateway"):
            part = PARTS.get(name, wanted.worker)
            port = storage_port if name == ("storage" if wanted.stores else "worker") else 0
            values = _values(part, {**known, "database_url": database.url, "grpc_port": port}, folder, wanted)
            services[name] = _service(part, values, folder, wanted)
            opened.push_async_callback(services[name].stop)
            await services[name].start()
            known |= {f"{name}_address": f"{HOST}:{services[name].running.grpc_port}"}
            if name == "orchestrator":
                await _put_account(database.url, wanted)
        link = await opened.enter_async_context(bus.connect(chassis, nats.url))
        key = (folder / "gateway" / "development.key").read_text().strip()
        yield Mesh(folder, database, chassis, nats, link, services, key)


@contextlib.asynccontextmanager
async def on_empty(kind: str, wanted: Wanted | None = None) -> AsyncGenerator[Mesh]:
    """Run a mesh on an empty database of a kind; nothing of it is left afterwards.

    Raises:
        postgresql.Absent: this machine has no PostgreSQL.
    """
    with tempfile.TemporaryDirectory(prefix="reelmesh-bench-") as name:
        folder = pathlib.Path(name)
        with databases.opened(kind, folder) as database:
            async with up(folder, database, wanted) as running:
                yield running


def _values(part: parts.Part, known: Mapping[str, object], folder: pathlib.Path, wanted: Wanted) -> dict[str, object]:
    home = folder / part.name
    home.mkdir(parents=True, exist_ok=True)
    offered: dict[str, object] = {
        "host": HOST,
        "log_level": "WARNING",
        "data_folder": home,
        "folder": home / "assets",
        "http_port": 0,
        "admin_port": 0,
        **known,
        **UNLIMITED.get(part.name, {}),
        **wanted.told.get(part.name, {}),
    }
    return {name: offered[name] for name in part.settings_class().model_fields if name in offered}


def _service(part: parts.Part, values: dict[str, object], folder: pathlib.Path, wanted: Wanted) -> mesh.Apart:
    through: tuple[str, ...] = ()
    if wanted.counted and part.name == "orchestrator":
        through = ("bench.serving", part.package, "--into", str(folder / COUNTS))
    return mesh.Apart(part, values, folder / f"{part.name}.log", through)


async def _put_account(url: str, wanted: Wanted) -> None:
    """Make the account of the provider: those of paid ones are made by operators."""
    account = card.Account(wanted.provider, wanted.provider, wanted.account_slots, exclusive=True)
    async with record.opened(url) as kept:
        await kept.write(lambda store: store.put_account(account))


def read_counts(path: pathlib.Path) -> dict[str, int]:
    """Return what `bench.serving` wrote."""
    counts: dict[str, int] = json.loads(path.read_text())
    return counts
