"""A media service over real gRPC, NATS and storage; only the orchestrator is a book in memory."""

import contextlib
import dataclasses
import pathlib
import uuid
from collections.abc import AsyncGenerator, AsyncIterator

import grpc
import pytest
from reelmesh.mesh.v1 import (
    pool_service_pb2,
    pool_service_pb2_grpc,
    step_service_pb2,
    step_service_pb2_grpc,
    storage_service_pb2,
    storage_service_pb2_grpc,
)
from reelmesh.v1 import asset_pb2
from reelmesh_kit import bus, errors, process, rpc
from reelmesh_media import app as media_app
from reelmesh_media import settings as media_settings
from reelmesh_storage import app as storage_app
from reelmesh_storage import settings as storage_settings

from tests.support import chassis as chassis_support


class Book(step_service_pb2_grpc.StepServiceServicer, pool_service_pb2_grpc.PoolServiceServicer):
    """Hands out the steps that a test wrote, and keeps what comes of them."""

    def __init__(self) -> None:
        self.works: dict[str, step_service_pb2.StepWork] = {}
        self.results: dict[str, step_service_pb2.FinishStepRequest] = {}
        self.begun: list[str] = []
        self.renewals: list[pool_service_pb2.RenewLeaseRequest] = []
        self.released: list[str] = []
        self.lapsed: set[str] = set()
        #: How often the end of a step is not taken, nor a renewal, as by an orchestrator that is away.
        self.away_for_results, self.away_for_renewals = 0, 0

    async def BeginStep(  # noqa: N802
        self, request: step_service_pb2.BeginStepRequest, context: object
    ) -> step_service_pb2.BeginStepResponse:
        self.begun.append(request.step_id)
        if request.step_id not in self.works:
            return step_service_pb2.BeginStepResponse(drop=step_service_pb2.StepDrop(reason="there is no such step"))
        return step_service_pb2.BeginStepResponse(work=self.works[request.step_id])

    async def FinishStep(  # noqa: N802
        self, request: step_service_pb2.FinishStepRequest, context: object
    ) -> step_service_pb2.FinishStepResponse:
        if self.away_for_results:
            self.away_for_results -= 1
            raise errors.DeadlineExceeded
        self.results[request.step_id] = request
        return step_service_pb2.FinishStepResponse(accepted=True)

    async def RenewLease(  # noqa: N802
        self, request: pool_service_pb2.RenewLeaseRequest, context: object
    ) -> pool_service_pb2.RenewLeaseResponse:
        self.renewals.append(request)
        if self.away_for_renewals:
            self.away_for_renewals -= 1
            raise errors.DeadlineExceeded
        answer = pool_service_pb2.RenewLeaseResponse(held=request.worker_id not in self.lapsed)
        answer.renew_every.FromMilliseconds(100)
        return answer

    async def ReleaseLease(  # noqa: N802
        self, request: pool_service_pb2.ReleaseLeaseRequest, context: object
    ) -> pool_service_pb2.ReleaseLeaseResponse:
        self.released.append(request.worker_id)
        return pool_service_pb2.ReleaseLeaseResponse()


@dataclasses.dataclass
class Mesh:
    """Everything that a test of media touches."""

    book: Book
    bus: bus.Bus
    storage: "storage_service_pb2_grpc.StorageServiceAsyncStub"
    media: grpc.aio.Channel
    chassis: process.Chassis

    async def put(self, content: bytes, kind: asset_pb2.AssetKind = asset_pb2.ASSET_KIND_CLIP) -> str:
        """Store bytes and return their asset's id."""
        asset_id = str(self.chassis.ids.fresh())

        async def parts() -> AsyncIterator[storage_service_pb2.PutAssetRequest]:
            header = storage_service_pb2.PutHeader(
                asset_id=asset_id,
                tenant_id="tenant",
                user_id="user",
                kind=kind,
                content_type="application/octet-stream",
                generation_id=str(uuid.UUID(int=1)),
            )
            yield storage_service_pb2.PutAssetRequest(header=header)
            yield storage_service_pb2.PutAssetRequest(chunk=content)

        await self.storage.PutAsset(parts())
        return asset_id

    async def read(self, asset_id: str) -> tuple[asset_pb2.Asset, bytes]:
        """Return an asset and its bytes."""
        known, content = asset_pb2.Asset(), b""
        async for part in self.storage.ReadAsset(storage_service_pb2.ReadAssetRequest(asset_id=asset_id)):
            if part.WhichOneof("part") == "asset":
                known = part.asset
            else:
                content += part.chunk
        return known, content


@contextlib.asynccontextmanager
async def book_server(chassis: process.Chassis, book: Book) -> AsyncGenerator[str]:
    """Serve the book as the orchestrator would."""
    services = [
        rpc.service("reelmesh.mesh.v1.StepService", step_service_pb2_grpc.add_StepServiceServicer_to_server, book),
        rpc.service("reelmesh.mesh.v1.PoolService", pool_service_pb2_grpc.add_PoolServiceServicer_to_server, book),
    ]
    async with rpc.serve(chassis, services, host="127.0.0.1", port=0, drain_seconds=0.1) as port:
        yield f"127.0.0.1:{port}"


def own(stack: contextlib.AsyncExitStack, service: str) -> process.Chassis:
    """Return a chassis for a service."""
    made = chassis_support.make_chassis(service)
    stack.callback(made.telemetry.shutdown)
    return made


@pytest.fixture
async def mesh(
    chassis: process.Chassis, nats_server: bus.NatsServer, mesh_bus: bus.Bus, tmp_path: pathlib.Path
) -> AsyncIterator[Mesh]:
    """Yield a running media service with everything around it."""
    book = Book()
    async with contextlib.AsyncExitStack() as stack:
        orchestrator = await stack.enter_async_context(book_server(chassis, book))
        store = await stack.enter_async_context(
            storage_app.build(
                storage_settings.StorageSettings(
                    nats_url=nats_server.url,
                    database_url=f"sqlite:///{tmp_path / 'storage.db'}",
                    folder=tmp_path / "assets",
                ),
                own(stack, "storage"),
            )
        )
        media = await stack.enter_async_context(
            media_app.build(
                media_settings.MediaSettings(
                    nats_url=nats_server.url,
                    orchestrator_address=orchestrator,
                    storage_address=f"127.0.0.1:{store.grpc_port}",
                    scratch_folder=tmp_path / "scratch",
                ),
                own(stack, "media"),
            )
        )
        to_storage = await stack.enter_async_context(rpc.channel(chassis, f"127.0.0.1:{store.grpc_port}"))
        to_media = await stack.enter_async_context(
            rpc.channel(chassis, f"127.0.0.1:{media.grpc_port}", timeout_seconds=60)
        )
        stub = storage_service_pb2_grpc.StorageServiceStub(to_storage)
        yield Mesh(book, mesh_bus, stub, to_media, chassis)
