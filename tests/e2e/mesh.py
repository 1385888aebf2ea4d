"""A whole mesh on loopback: the real services through their composition roots, as many of each as wanted.

They run in this process, each with a chassis of its own, or, where a test wants to kill them, as processes of their
own. Leases are short, so that whatever dies is missed within seconds.
"""

import asyncio
import contextlib
import dataclasses
import pathlib
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Protocol

import grpc
import httpx
from reelmesh_kit import bus, process, telemetry
from reelmesh_standalone import layout, parts, settings

from tests.e2e import caller as callers
from tests.support import chassis as chassis_support

START_SECONDS = 180.0
STOP_SECONDS = 30.0
WORKER = "provider-local"
TIERS = ("storage", "orchestrator", "media", WORKER, "gateway")
KEY_HEADER = "x-api-key"

# Short leases and windows, yet long enough for a machine that is busy with other tests.
PATIENCE: Mapping[str, Mapping[str, object]] = {
    "orchestrator": {
        "lease_seconds": 3.0,
        "renew_seconds": 0.5,
        "begin_seconds": 4.0,
        "step_seconds": 15.0,
        "sweep_seconds": 0.2,
        "request_timeout_seconds": 5.0,
        "cancel_grace_seconds": 10.0,
        "free_account_slots": 4,
    },
    "gateway": {"creates_per_minute": 10_000.0, "creates_burst": 1000, "heartbeat_seconds": 1.0},
    WORKER: {"local_faults_in_prompts": True, "submit_timeout_seconds": 5.0},
}
Told = Mapping[str, Mapping[str, object]]


@dataclasses.dataclass(frozen=True)
class Wanted:
    """How many of each service, and what they are told beyond PATIENCE: all of a service, or one ("media-1")."""

    orchestrators: int = 1
    gateways: int = 1
    workers: int = 1
    media: int = 1
    told: Told = dataclasses.field(default_factory=dict[str, Mapping[str, object]])
    paid: tuple[str, ...] = ()
    """Providers beside the local one, such as "provider-sora": one worker for each time that it stands there."""
    apart: frozenset[str] = frozenset()
    """Which run as processes of their own, so that they can be killed, such as "provider-local-2"."""

    def count(self, service: str) -> int:
        """Return how many of a service there shall be."""
        counts = {"orchestrator": self.orchestrators, "gateway": self.gateways, WORKER: self.workers}
        counts |= {"media": self.media, **{name: self.paid.count(name) for name in self.paid}}
        return counts.get(service, 1)


class Replica(Protocol):
    """One service."""

    service: str
    running: process.Running
    values: dict[str, object]

    async def start(self) -> None:
        """Start it, on the ports that it had before if it ran before; return once it serves."""
        ...

    async def stop(self) -> None:
        """Stop it in good order, if it runs."""
        ...


class Within:
    """A service in this process."""

    def __init__(self, part: parts.Part, values: dict[str, object]) -> None:
        """Prepare to run `part` told `values`."""
        self.service = part.name
        self.running = process.Running()
        self._part = part
        self.values = values
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it."""
        self._stop = asyncio.Event()
        ready: asyncio.Future[process.Running] = asyncio.get_running_loop().create_future()
        told = settings.tell(self._part.settings_class(), {**self.values, **_ports(self.running)})
        life = process.run(self.service, self._part.build(), told, on_ready=ready.set_result, stop=self._stop)
        self._task = asyncio.create_task(life, name=f"{self.service} of the mesh")
        await asyncio.wait({self._task, ready}, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            self._task.cancel()
            await self._task
        self.running = ready.result()

    async def stop(self) -> None:
        """Leave its build context."""
        if self._task is not None:
            self._stop.set()
            task, self._task = self._task, None
            await asyncio.wait_for(task, STOP_SECONDS)


class Apart:
    """A service as a process of its own."""

    def __init__(
        self, part: parts.Part, values: dict[str, object], log: pathlib.Path, through: Sequence[str] = ()
    ) -> None:
        """Prepare to run `part` told `values`; its output goes to the file `log`.

        `through` is what Python runs instead of the package: a module, with its arguments, that runs it in turn.
        """
        self.service = part.name
        self._command = ("-m", *(through or (part.package,)))
        self.running = process.Running()
        self._part = part
        self.values = values
        self._log = log
        self._child: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it."""
        environment = settings.child_environment(self._part.settings_class(), {**self.values, **_ports(self.running)})
        with self._log.open("ab") as log:
            self._child = await asyncio.create_subprocess_exec(
                *(sys.executable, *self._command),
                env=environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._child.stdout is not None
        line = (await asyncio.wait_for(self._child.stdout.readline(), START_SECONDS)).decode()
        assert line.startswith("ready "), f"{self.service} did not start: {self._log.read_text()[-2000:]}"
        self.running = process.Running(**{name: int(port) for name, port in re.findall(r"(\w+_port)=(\d+)", line)})

    @property
    def pid(self) -> int:
        """Return the id of the process as it runs now."""
        assert self._child is not None, f"{self.service} does not run"
        return self._child.pid

    async def stop(self) -> None:
        """Send SIGTERM."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """Send SIGKILL: it finishes nothing and says nothing."""
        await self._end(signal.SIGKILL)

    async def dead(self) -> None:
        """Wait until it has died, as by a crash point."""
        if self._child is not None:
            await self._child.wait()

    async def _end(self, number: signal.Signals) -> None:
        if self._child is not None:
            child, self._child = self._child, None
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(number)
            await asyncio.wait_for(child.communicate(), STOP_SECONDS)


@dataclasses.dataclass
class Mesh:
    """A running mesh, and the ways in."""

    folder: pathlib.Path
    replicas: dict[str, list[Replica]]
    key: str
    callers: list[callers.Caller]
    channel: grpc.aio.Channel

    @property
    def caller(self) -> callers.Caller:
        """Who calls the first gateway by HTTP, with a key."""
        return self.callers[0]

    @property
    def metadata(self) -> tuple[tuple[str, str]]:
        """What calls of `channel`, the public gRPC of the first gateway, carry."""
        return ((KEY_HEADER, self.key),)

    def one(self, service: str) -> Replica:
        """Return the first of a service."""
        return self.replicas[service][0]

    def apart(self, service: str, number: int = 0) -> Apart:
        """Return a service that is a process of its own."""
        found = self.replicas[service][number]
        assert isinstance(found, Apart)
        return found

    def worker_folder(self, number: int) -> pathlib.Path:
        """Return where a worker keeps its list of jobs."""
        return self.folder / f"{WORKER}-{number}" / WORKER

    def submits(self, generation: Mapping[str, Any]) -> dict[str, list[str]]:
        """Return, by attempt of a generation, what came of each submit that any worker's provider was ever given."""
        shots = {shot["id"] for shot in generation["shots"]}
        found: dict[str, list[str]] = {}
        for number in range(len(self.replicas[WORKER])):
            for tag, shot_id, result in _rows(self.worker_folder(number), "SELECT tag, shot_id, result FROM submits"):
                if shot_id in shots:
                    found.setdefault(tag, []).append(result)
        return found

    def jobs(self, generation: Mapping[str, Any]) -> dict[str, str]:
        """Return the states of the jobs that were made for a generation, by attempt."""
        found: dict[str, str] = {}
        for number in range(len(self.replicas[WORKER])):
            found |= self.jobs_at(number, generation)
        return found

    def jobs_at(self, number: int, generation: Mapping[str, Any]) -> dict[str, str]:
        """Return the states of the jobs that one worker's provider made for a generation, by attempt."""
        shots = {shot["id"] for shot in generation["shots"]}
        rows = _rows(self.worker_folder(number), "SELECT tag, shot_id, state FROM jobs")
        return {tag: state for tag, shot_id, state in rows if shot_id in shots}

    def spans(self, trace_id: str) -> list[telemetry.SpanRecord]:
        """Return the spans of a trace that are on disk so far."""
        return telemetry.read_trace(self.folder / "spans", trace_id)


@contextlib.asynccontextmanager
async def up(folder: pathlib.Path, wanted: Wanted | None = None) -> AsyncGenerator[Mesh]:
    """Run a mesh with all its files below `folder`; stop it in reverse order."""
    wanted = wanted or Wanted()
    known = {part.name: part for part in parts.all_parts()}
    own = chassis_support.make_chassis("mesh")
    async with contextlib.AsyncExitStack() as opened:
        opened.callback(own.telemetry.shutdown)
        server = await opened.enter_async_context(bus.nats_server(own, folder / "nats", sync_interval="2m"))
        addresses: dict[str, object] = {"nats_url": server.url}
        replicas: dict[str, list[Replica]] = {}
        for service in dict.fromkeys((*TIERS[:-1], *wanted.paid, TIERS[-1])):
            tier = [
                _replica(known[service], number, folder, addresses, wanted) for number in range(wanted.count(service))
            ]
            opened.push_async_callback(_stop, tier)
            # Side by side, as a cluster starts them.
            await asyncio.gather(*(replica.start() for replica in tier))
            replicas[service] = tier
            addresses |= _addresses(service, tier)
        key = (folder / "gateway-0" / "development.key").read_text().strip()
        yield await _opened(opened, folder, replicas, key)


async def _opened(
    opened: contextlib.AsyncExitStack, folder: pathlib.Path, replicas: dict[str, list[Replica]], key: str
) -> Mesh:
    gateways = [replica.running for replica in replicas["gateway"]]
    clients = [
        await opened.enter_async_context(
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{gateway.http_port}", headers={KEY_HEADER: key}, timeout=START_SECONDS
            )
        )
        for gateway in gateways
    ]
    channel = await opened.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{gateways[0].grpc_port}"))
    made = Mesh(folder, replicas, key, [callers.Caller(client) for client in clients], channel)
    for replica in (each for tier in replicas.values() for each in tier):
        await callers.until(lambda each=replica: is_ready(each), f"{replica.service} is ready", START_SECONDS)
    return made


async def is_ready(replica: Replica) -> bool:
    """Tell whether a service says that it is ready, by its admin port."""
    async with httpx.AsyncClient(timeout=START_SECONDS) as client:
        answer = await client.get(f"http://127.0.0.1:{replica.running.admin_port}/ready")
    return answer.status_code == 200


def _replica(
    part: parts.Part, number: int, folder: pathlib.Path, addresses: Mapping[str, object], wanted: Wanted
) -> Replica:
    where = layout.Layout(folder)
    # Gateways share their one file, the API keys; everybody else has a folder to itself.
    home = folder / f"{part.name}-{0 if part.name == 'gateway' else number}"
    offered: dict[str, object] = {
        "host": "127.0.0.1",
        "spans_folder": where.spans_folder,
        "trace_reads_ratio": 0.0,
        "drain_seconds": 2.0,
        "data_folder": home,
        "database_url": f"sqlite:///{home / part.name}.sqlite",
        "folder": home / "assets",
        "scratch_folder": home / "scratch",
        "worker_name": f"{part.name}-{number}",
        "http_port": 0,
        "grpc_port": 0,
        "admin_port": 0,
        **addresses,
        **PATIENCE.get(part.name, {}),
        **wanted.told.get(part.name, {}),
        **wanted.told.get(f"{part.name}-{number}", {}),
    }
    values = {name: offered[name] for name in part.settings_class().model_fields if name in offered}
    if f"{part.name}-{number}" in wanted.apart:
        return Apart(part, values, folder / f"{part.name}-{number}.log")
    home.mkdir(parents=True, exist_ok=True)
    return Within(part, values)


def _addresses(service: str, tier: Sequence[Replica]) -> dict[str, object]:
    targets = [f"127.0.0.1:{replica.running.grpc_port}" for replica in tier if replica.running.grpc_port]
    return {f"{service}_address": f"ipv4:{','.join(targets)}"} if targets else {}


def _ports(running: process.Running) -> dict[str, object]:
    return {name: port for name, port in dataclasses.asdict(running).items() if port}


async def _stop(tier: Sequence[Replica]) -> None:
    await asyncio.gather(*(replica.stop() for replica in tier))


def _rows(folder: pathlib.Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(f"file:{folder / 'jobs.sqlite'}?mode=ro", uri=True, timeout=5.0)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()
