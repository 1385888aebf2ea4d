"""An orchestrator, storage and media for workers to talk to over real gRPC: memory behind the published contracts."""

import contextlib
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

from reelmesh.mesh.v1 import (
    attempt_service_pb2,
    attempt_service_pb2_grpc,
    media_service_pb2,
    media_service_pb2_grpc,
    pool_service_pb2,
    pool_service_pb2_grpc,
    storage_service_pb2,
    storage_service_pb2_grpc,
)
from reelmesh_kit import errors, process, rpc
from reelmesh_provider import model, testing, wire


def service_name(module: Any, name: str) -> str:
    """Return the full name of a service of a generated module."""
    return module.DESCRIPTOR.services_by_name[name].full_name


@dataclasses.dataclass
class FakeMesh:
    """What the fakes remember, and where they serve."""

    attempts: testing.MemoryMesh = dataclasses.field(default_factory=testing.MemoryMesh)
    pictures: dict[str, model.Picture] = dataclasses.field(default_factory=dict[str, model.Picture])
    clips: dict[str, bytes] = dataclasses.field(default_factory=dict[str, bytes])
    headers: dict[str, storage_service_pb2.PutHeader] = dataclasses.field(default_factory=dict)
    broken_clips: set[str] = dataclasses.field(default_factory=set[str])
    address: str = ""


@contextlib.asynccontextmanager
async def serve(
    own: process.Chassis, mesh: FakeMesh, *, port: int = 0, storage: "Storage | None" = None
) -> AsyncIterator[FakeMesh]:
    """Serve all the fakes on one loopback port, with another storage if one is given; the mesh's address is set."""
    services = [
        rpc.service(
            service_name(attempt_service_pb2, "AttemptService"),
            attempt_service_pb2_grpc.add_AttemptServiceServicer_to_server,
            Attempts(mesh.attempts),
        ),
        rpc.service(
            service_name(pool_service_pb2, "PoolService"),
            pool_service_pb2_grpc.add_PoolServiceServicer_to_server,
            Pool(mesh.attempts),
        ),
        rpc.service(
            service_name(storage_service_pb2, "StorageService"),
            storage_service_pb2_grpc.add_StorageServiceServicer_to_server,
            storage or Storage(mesh),
        ),
        rpc.service(
            service_name(media_service_pb2, "MediaService"),
            media_service_pb2_grpc.add_MediaServiceServicer_to_server,
            Media(mesh),
        ),
    ]
    async with rpc.serve(own, services, host="127.0.0.1", port=port, drain_seconds=0.2) as bound:
        mesh.address = f"127.0.0.1:{bound}"
        yield mesh


class Attempts(attempt_service_pb2_grpc.AttemptServiceServicer):
    """The attempt protocol over a MemoryMesh."""

    def __init__(self, mesh: testing.MemoryMesh) -> None:
        self._mesh = mesh

    async def Begin(self, request: Any, context: Any) -> attempt_service_pb2.BeginResponse:  # noqa: N802
        leave = await self._mesh.begin(request.attempt_id, request.worker_id, request.nonce)
        answer = attempt_service_pb2.BeginResponse()
        if isinstance(leave, model.Go):
            answer.go.submit_within.CopyFrom(wire.duration_to(leave.submit_within_seconds))
        else:
            answer.drop.reason, answer.drop.come_again = leave.reason, leave.come_again
        return answer

    async def Record(self, request: Any, context: Any) -> attempt_service_pb2.RecordResponse:  # noqa: N802
        evidence = model.Evidence(attempt_service_pb2.Evidence.Name(request.evidence).removeprefix("EVIDENCE_"))
        fact = model.JobFact(request.attempt_id, request.worker_id, request.job_id, evidence, request.project)
        return attempt_service_pb2.RecordResponse(cancel_now=await self._mesh.record(fact))

    async def Decline(self, request: Any, context: Any) -> attempt_service_pb2.DeclineResponse:  # noqa: N802
        verdict = model.Verdict(attempt_service_pb2.Verdict.Name(request.verdict).removeprefix("VERDICT_"))
        retry = request.retry_after.ToTimedelta().total_seconds() if request.HasField("retry_after") else None
        await self._mesh.decline(
            request.attempt_id, request.worker_id, request.nonce, model.Declined(verdict, request.message, retry)
        )
        return attempt_service_pb2.DeclineResponse()

    async def Finish(self, request: Any, context: Any) -> attempt_service_pb2.FinishResponse:  # noqa: N802
        clip = request.clip
        facts = model.ClipFacts(clip.width, clip.height, clip.duration_seconds, clip.size_bytes)
        ending = model.Ending(
            request.attempt_id,
            request.worker_id,
            request.job_id,
            model.Outcome(attempt_service_pb2.Outcome.Name(request.outcome).removeprefix("OUTCOME_")),
            request.message,
            request.cost_micros if request.HasField("cost_micros") else None,
            request.clip_asset_id,
            facts if request.HasField("clip") else None,
        )
        await self._mesh.finish(ending)
        return attempt_service_pb2.FinishResponse()

    async def Conclude(self, request: Any, context: Any) -> attempt_service_pb2.ConcludeResponse:  # noqa: N802
        accepted = await self._mesh.conclude(request.attempt_id, request.worker_id, request.revision, request.message)
        return attempt_service_pb2.ConcludeResponse(accepted=accepted)

    async def GiveBack(self, request: Any, context: Any) -> attempt_service_pb2.GiveBackResponse:  # noqa: N802
        await self._mesh.give_back(
            request.attempt_id, request.worker_id, request.reason, unreachable=request.provider_unreachable
        )
        return attempt_service_pb2.GiveBackResponse()


class Pool(pool_service_pb2_grpc.PoolServiceServicer):
    """Leases over a MemoryMesh."""

    def __init__(self, mesh: testing.MemoryMesh) -> None:
        self._mesh = mesh
        self.cards: list[pool_service_pb2.ProviderCard] = []

    async def RegisterCard(self, request: Any, context: Any) -> pool_service_pb2.RegisterCardResponse:  # noqa: N802
        self.cards.append(request.card)
        await self._mesh.register(request.card)
        return pool_service_pb2.RegisterCardResponse()

    async def RenewLease(self, request: Any, context: Any) -> pool_service_pb2.RenewLeaseResponse:  # noqa: N802
        report = model.LeaseReport(
            request.worker_id,
            request.pool,
            request.name,
            tuple(request.submitting),
            tuple(request.watching),
            tuple(request.finding),
            request.room,
        )
        return _answer(await self._mesh.renew(report))

    async def ReleaseLease(self, request: Any, context: Any) -> pool_service_pb2.ReleaseLeaseResponse:  # noqa: N802
        await self._mesh.release(request.worker_id)
        return pool_service_pb2.ReleaseLeaseResponse()


class Storage(storage_service_pb2_grpc.StorageServiceServicer):
    """PutAsset and ReadAsset in memory."""

    def __init__(self, mesh: FakeMesh) -> None:
        self._mesh = mesh

    async def PutAsset(self, request_iterator: Any, context: Any) -> storage_service_pb2.PutAssetResponse:  # noqa: N802
        header: storage_service_pb2.PutHeader | None = None
        content = b""
        async for part in request_iterator:
            if part.WhichOneof("part") == "header":
                header = part.header
            content += part.chunk
        if header is None:
            raise errors.InvalidArgument("header", "must come first")
        self._mesh.headers[header.asset_id] = header
        self._mesh.clips[header.asset_id] = content
        answer = storage_service_pb2.PutAssetResponse()
        answer.asset.id, answer.asset.size_bytes = header.asset_id, len(content)
        return answer

    async def ReadAsset(  # noqa: N802
        self, request: Any, context: Any
    ) -> AsyncIterator[storage_service_pb2.ReadAssetResponse]:
        picture = self._mesh.pictures.get(request.asset_id)
        if picture is None:
            raise errors.NotFound(f"There is no asset {request.asset_id}.")
        first = storage_service_pb2.ReadAssetResponse()
        first.asset.id, first.asset.content_type = picture.asset_id, picture.content_type
        yield first
        yield storage_service_pb2.ReadAssetResponse(chunk=picture.data)


class Media(media_service_pb2_grpc.MediaServiceServicer):
    """ProbeClip that finds every clip whole, unless told otherwise."""

    def __init__(self, mesh: FakeMesh) -> None:
        self._mesh = mesh

    async def ProbeClip(self, request: Any, context: Any) -> media_service_pb2.ProbeClipResponse:  # noqa: N802
        if request.asset_id in self._mesh.broken_clips:
            raise errors.BrokenMedia("no frame can be decoded")
        return media_service_pb2.ProbeClipResponse(width=160, height=90, duration_seconds=1.0, audio=True)


def _answer(answer: model.LeaseAnswer) -> pool_service_pb2.RenewLeaseResponse:
    return pool_service_pb2.RenewLeaseResponse(
        held=answer.held,
        lease=wire.duration_to(answer.lease_seconds),
        renew_every=wire.duration_to(answer.renew_every_seconds),
        watch=[
            pool_service_pb2.WatchOrder(task=wire.task_to(order.task), job_id=order.job_id, cancel=order.cancel)
            for order in answer.watch
        ],
        find=[
            pool_service_pb2.FindOrder(
                task=wire.task_to(order.task),
                revision=order.revision,
                wait=wire.duration_to(order.wait_seconds),
                exclusive=order.exclusive,
                rivals=order.rivals,
                claimed_job_ids=order.claimed_job_ids,
            )
            for order in answer.find
        ],
        cancel=answer.cancel,
        forget=answer.forget,
        cordoned=answer.cordoned,
        rates=answer.rates,
    )
