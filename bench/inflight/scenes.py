"""What runs while generations are in flight: a vendor, one worker, a NATS, a gateway for webhooks, and a mesh."""

import asyncio
import contextlib
import dataclasses
import os
import pathlib
import sys
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import httpx
import yaml
from reelmesh.mesh.v1 import storage_service_pb2
from reelmesh_kit import bus, process, webhooks
from reelmesh_provider import model, testing
from reelmesh_standalone import parts
from typing_extensions import override

from bench.inflight import vendor
from tests.e2e import mesh as meshes
from tests.support import fake_orchestrator

HOST = "127.0.0.1"
ACCOUNTS = 5
WEBHOOK_KEY = "the key of the benchmark"
STOP_SECONDS = 30.0
MOST_WATCHED = 10_000


@dataclasses.dataclass(frozen=True)
class Scene:
    """One way of knowing that jobs have ended.

    Attributes:
        polls_per_second: at each of ACCOUNTS accounts.
    """

    name: str
    provider: str
    dialect: str
    model: str
    polls_per_second: float
    webhooks: bool
    p99_aim_seconds: float


SCENES: Mapping[str, Scene] = {
    scene.name: scene
    for scene in (
        Scene("polling", "sora", "openai", "sora-2", 2.0, webhooks=False, p99_aim_seconds=15.0),
        Scene("webhooks", "fal", "fal", "fal-ai/veo3.1/fast", 10.0, webhooks=True, p99_aim_seconds=1.0),
        Scene("webhooks-openai", "sora", "openai", "sora-2", 2.0, webhooks=True, p99_aim_seconds=1.0),
    )
}


class Mesh(testing.MemoryMesh):
    """The orchestrator that the worker knows; it notes when it was told of each end."""

    def __init__(self, now: Any, **told: Any) -> None:
        """Tell the time by `now`, as seconds since 1970."""
        super().__init__(**told)
        self._now = now
        self.known: dict[str, float] = {}

    @override
    async def finish(self, ending: model.Ending) -> None:
        """Note the time."""
        await super().finish(ending)
        # As the vendor calls it: fal.ai puts the application before it.
        self.known.setdefault(ending.job_id.rpartition("/")[2], self._now())

    @property
    def accepted(self) -> int:
        """How many have an id."""
        return sum(bool(row.job_ids) for row in self.rows.values())


class Frugal(fake_orchestrator.Storage):
    """Keeps no clip."""

    @override
    async def PutAsset(self, request_iterator: Any, context: Any) -> storage_service_pb2.PutAssetResponse:
        answer = await super().PutAsset(request_iterator, context)
        self._mesh.clips.clear()
        self._mesh.headers.clear()
        return answer


@dataclasses.dataclass
class Running:
    """What runs."""

    scene: Scene
    own: process.Chassis
    mesh: Mesh
    link: bus.Bus
    worker: meshes.Apart
    vendor_url: str

    async def ledger(self) -> dict[str, Any]:
        """Return the vendor's book."""
        async with httpx.AsyncClient(timeout=60.0) as client:
            found: dict[str, Any] = (await client.get(f"{self.vendor_url}/_sim/ledger")).json()
            return found


@contextlib.asynccontextmanager
async def running(scene: Scene, folder: pathlib.Path, own: process.Chassis) -> AsyncGenerator[Running]:
    """Run a scene, with its files below `folder`."""
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        nats = await enter(bus.nats_server(own, folder / "nats"))
        mesh = Mesh(lambda: own.clock.now().timestamp(), submit_within_seconds=30.0, lease_seconds=60.0)
        served = fake_orchestrator.FakeMesh(attempts=mesh)
        await enter(fake_orchestrator.serve(own, served, storage=Frugal(served)))  # pyright: ignore[reportAbstractUsage]
        file = folder / "accounts.yaml"
        gateway_url = ""
        known: dict[str, object] = {"nats_url": nats.url, "accounts_file": file, "webhook_key": WEBHOOK_KEY}
        _write(file, scene, "http://127.0.0.1:1")
        if scene.webhooks:
            gateway = await _service(stack, "gateway", "reelmesh_gateway", folder, known)
            gateway_url = f"http://{HOST}:{gateway.running.http_port}"
        # A vendor with webhooks of a whole project has one account here.
        hook = gateway_url + webhooks.path(WEBHOOK_KEY, "account-0") if scene.webhooks else ""
        vendor_url = await enter(_vendor(scene, hook, folder / "vendor.log"))
        _write(file, scene, vendor_url)
        addresses = {f"{name}_address": served.address for name in ("orchestrator", "storage", "media")}
        mesh.rates = dict.fromkeys(_ids(scene), scene.polls_per_second * ACCOUNTS / len(_ids(scene)))
        limits = {"watch_limit": MOST_WATCHED, "submit_slots": 32, "fetch_slots": 8}
        told = {**known, **addresses, **limits, "public_url": gateway_url or "http://127.0.0.1:1"}
        package = f"reelmesh_provider_{scene.provider}"
        worker = await _service(stack, f"provider-{scene.provider}", package, folder, told)
        link = await enter(bus.connect(own, nats.url))
        yield Running(scene, own, mesh, link, worker, vendor_url)


def task(scene: Scene, number: int, ends_in_seconds: float) -> model.Task:
    """Return a task whose job ends so soon after it was accepted."""
    ids = _ids(scene)
    return testing.make_task(
        number,
        provider=scene.provider,
        account_id=ids[number % len(ids)],
        model=scene.model,
        prompt=f"a lighthouse, number {number} [[slow={ends_in_seconds:.2f}]]",
        width=1280,
        height=720,
    )


def _ids(scene: Scene) -> list[str]:
    shared = scene.webhooks and scene.dialect == "openai"
    return ["account-0"] if shared else [f"account-{number}" for number in range(ACCOUNTS)]


def _write(file: pathlib.Path, scene: Scene, vendor_url: str) -> None:
    """List the accounts, each with a key of its own."""
    accounts: list[dict[str, Any]] = []
    for number, account_id in enumerate(_ids(scene)):
        os.environ[f"BENCH_KEY_{number}"] = f"id:{account_id}"  # noqa: TID251 - what the worker inherits
        account: dict[str, Any] = {"id": account_id, "provider": scene.provider, "secret": f"BENCH_KEY_{number}"}
        account["endpoint"] = f"{vendor_url}/v1" if scene.dialect == "openai" else vendor_url
        if scene.webhooks and scene.dialect == "fal":
            account["webhooks"] = {"signed": "fal", "keys": f"{vendor_url}/.well-known/jwks.json"}
        elif scene.webhooks:
            os.environ["BENCH_WEBHOOK_SECRET"] = vendor.SECRET.decode()  # noqa: TID251 - what the gateway inherits
            account["webhooks"] = {"signed": "standard", "secret": "BENCH_WEBHOOK_SECRET"}
        accounts.append(account)
    file.write_text(yaml.safe_dump({"accounts": accounts}))


async def _service(
    stack: contextlib.AsyncExitStack, name: str, package: str, folder: pathlib.Path, known: Mapping[str, object]
) -> meshes.Apart:
    part = parts.Part(name, package)
    home = folder / name
    home.mkdir()
    ports = {"http_port": 0, "grpc_port": 0, "admin_port": 0}
    offered = {"host": HOST, "log_level": "WARNING", "data_folder": home, **ports, **known}
    values = {field: offered[field] for field in part.settings_class().model_fields if field in offered}
    service = meshes.Apart(part, values, folder / f"{name}.log")
    stack.push_async_callback(service.stop)
    await service.start()
    return service


@contextlib.asynccontextmanager
async def _vendor(scene: Scene, webhook_url: str, log: pathlib.Path) -> AsyncGenerator[str]:
    command = ["-m", "bench.inflight.vendor", scene.dialect]
    if webhook_url and scene.dialect == "openai":
        command += ["--webhook-url", webhook_url]
    with log.open("ab") as errors:
        child = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=errors
        )
    try:
        assert child.stdout is not None
        line = (await asyncio.wait_for(child.stdout.readline(), STOP_SECONDS)).decode()
        if not line.startswith("ready "):
            raise RuntimeError(f"the vendor did not start: {log}")
        yield line.removeprefix("ready ").strip()
    finally:
        child.terminate()
        await asyncio.wait_for(child.communicate(), STOP_SECONDS)
