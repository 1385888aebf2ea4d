"""The mesh that bad input is thrown at: real services, each a process of its own, and what must hold afterwards."""

import contextlib
import dataclasses
import io
import pathlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

import grpc
import httpx
import PIL.Image
from google.rpc import error_details_pb2, status_pb2
from reelmesh.mesh.v1 import pool_service_pb2, pool_service_pb2_grpc
from reelmesh.v1 import generation_service_pb2, generation_service_pb2_grpc

from tests.e2e import caller as callers
from tests.e2e import mesh as meshes
from tests.support import scripted_worker

GENERATIONS = "/api/v1/generations"
ASSETS = "/api/v1/assets"
# What the gateway's process may have grown by since it was warm, however much was thrown at it: half of it by the
# largest image that it takes in, and not again by the next.
GROWTH_LIMIT_BYTES = 64 * 1024 * 1024
PATIENCE_SECONDS = 20.0
# The first test of a run waits for the mesh, too, on a machine that is busy with other things.
TEST_SECONDS = 400
UPLOAD_SECONDS = 15.0
# Longer than httpx keeps a connection: who sends on one that is being closed sees a request fail.
KEEP_ALIVE_SECONDS = 12
ALL = ("storage-0", "orchestrator-0", "media-0", "gateway-0")
# Nobody works here: what is admitted waits, and is not sent out again and again.
TOLD: Mapping[str, Mapping[str, object]] = {
    "orchestrator": {"begin_seconds": 3600.0, "lease_seconds": 15.0, "sweep_seconds": 1.0},
    "gateway": {"upload_timeout_seconds": UPLOAD_SECONDS, "keep_alive_seconds": KEEP_ALIVE_SECONDS},
}
_PAGE_BYTES = 4096


@dataclasses.dataclass(frozen=True)
class Refusal:
    """What a gRPC call was told."""

    code: grpc.StatusCode
    reason: str
    """Of the ErrorInfo; "" where there is none, as gRPC itself refused."""
    message: str


def refusal(error: grpc.aio.AioRpcError) -> Refusal:
    """Return what an error of gRPC carries."""
    info = error_details_pb2.ErrorInfo()
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin" and isinstance(value, bytes):
            status_pb2.Status.FromString(value).details[0].Unpack(info)
    return Refusal(error.code(), info.reason, error.details() or "")


@dataclasses.dataclass
class Corpus:
    """A gateway before a real mesh, and a caller with a key."""

    mesh: meshes.Mesh
    http: httpx.AsyncClient
    channel: grpc.aio.Channel
    warm_bytes: int = 0
    made: str = ""
    """A generation of ours."""

    @property
    def metadata(self) -> tuple[tuple[str, str]]:
        """What gRPC calls carry."""
        return self.mesh.metadata

    @property
    def url(self) -> str:
        """Where HTTP is served."""
        return f"http://127.0.0.1:{self.mesh.one('gateway').running.http_port}"

    @property
    def grpc_target(self) -> str:
        """Where gRPC is served."""
        return f"127.0.0.1:{self.mesh.one('gateway').running.grpc_port}"

    @property
    def generations(self) -> Any:
        """The stub of GenerationService."""
        return generation_service_pb2_grpc.GenerationServiceStub(self.channel)

    def memory_bytes(self) -> int:
        """Return what the gateway's process has in memory."""
        resident = pathlib.Path(f"/proc/{self.mesh.apart('gateway').pid}/statm").read_text().split()[1]
        return int(resident) * _PAGE_BYTES

    async def until(self, look: Callable[[], Awaitable[int]], expected: int) -> None:
        """Wait until something is as expected."""

        async def like() -> bool:
            return await look() == expected

        await callers.until(like, f"it is {expected}", PATIENCE_SECONDS)

    async def restart(self) -> None:
        """Run the gateway as a new process, on the same ports."""
        gateway = self.mesh.apart("gateway")
        await gateway.stop()
        await gateway.start()
        await self.warm_up()

    async def answers(self) -> None:
        """Assert that a good request is answered at both doors."""
        listed = await self.http.get(GENERATIONS, params={"page_size": 1})
        assert listed.status_code == 200, listed.text
        asked = generation_service_pb2.ListGenerationsRequest(page_size=1)
        await self.generations.ListGenerations(asked, metadata=self.metadata, timeout=PATIENCE_SECONDS)

    async def still_well(self) -> None:
        """Assert that good requests are answered, and that the memory is as it was."""
        await self.answers()
        grown_bytes = self.memory_bytes() - self.warm_bytes
        assert grown_bytes <= GROWTH_LIMIT_BYTES, f"the gateway has grown by {grown_bytes / 2**20:.1f} MiB"

    async def uploaded(self) -> str:
        """Upload a good image; return its id."""
        image = io.BytesIO()
        PIL.Image.new("RGB", (64, 48), "teal").save(image, format="PNG")
        answer = await self.http.post(ASSETS, content=image.getvalue(), headers={"content-type": "image/png"})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def warm_up(self) -> None:
        """Use what there is once, so that whatever grows later does so for what it is sent."""
        for number in range(30):
            body = {"prompt": f"a boat {number}", "request_id": f"warm-{number}"}
            made = await self.http.post(GENERATIONS, json=body)
            assert made.status_code == 202, made.text
            self.made = made.json()["id"]
            await self.http.get("/openapi.json")
            await self.http.get("/metrics")
        await self.uploaded()
        self.warm_bytes = self.memory_bytes()
        await self.still_well()


@contextlib.asynccontextmanager
async def up(folder: pathlib.Path, databases: Mapping[str, str]) -> AsyncGenerator[Corpus]:
    """Run the mesh on these databases, by service; without any, on SQLite."""
    told = {service: dict(values) for service, values in TOLD.items()}
    for service, url in databases.items():
        told.setdefault(service, {})["database_url"] = url
    wanted = meshes.Wanted(workers=0, told=told, apart=frozenset(ALL))
    async with meshes.up(folder, wanted) as mesh:
        await _offer(mesh)
        client = httpx.AsyncClient(
            base_url=mesh.caller.http.base_url, headers={meshes.KEY_HEADER: mesh.key}, timeout=PATIENCE_SECONDS
        )
        async with client, grpc.aio.insecure_channel(mesh_target(mesh), options=UNBOUNDED) as channel:
            corpus = Corpus(mesh, client, channel)
            await corpus.warm_up()
            yield corpus


# A client that minds no limit of its own.
UNBOUNDED = [("grpc.max_send_message_length", -1), ("grpc.max_metadata_size", 16 * 1024 * 1024)]


def mesh_target(mesh: meshes.Mesh) -> str:
    """Return gRPC's name of the gateway."""
    return f"127.0.0.1:{mesh.one('gateway').running.grpc_port}"


async def _offer(mesh: meshes.Mesh) -> None:
    """Put a provider on offer that takes every request and makes nothing."""
    orchestrator = grpc.aio.insecure_channel(f"127.0.0.1:{mesh.one('orchestrator').running.grpc_port}")
    async with orchestrator as channel:
        pools = pool_service_pb2_grpc.PoolServiceStub(channel)
        card = scripted_worker.card(free=True, longest_seconds=60.0)
        await pools.RegisterCard(pool_service_pb2.RegisterCardRequest(card=card))
