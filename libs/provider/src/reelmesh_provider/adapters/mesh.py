"""The mesh by gRPC: orchestrator, storage, media and progress behind the worker's ports."""

import asyncio
from collections.abc import AsyncIterator

import grpc
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
from reelmesh_kit import bus as buses
from reelmesh_kit import errors as kit_errors

from reelmesh_provider import model, wire

# Begin is repeated with the same nonce, so one answer that got lost must not eat the whole window.
BEGIN_TIMEOUT_SECONDS = 2.0
PUT_TIMEOUT_SECONDS = 600.0
READ_TIMEOUT_SECONDS = 60.0
PROBE_TIMEOUT_SECONDS = 120.0
CHUNK_BYTES = 512 * 1024
LARGEST_PICTURE_BYTES = 32 * 1024 * 1024

PutCall = grpc.aio.StreamUnaryCall[storage_service_pb2.PutAssetRequest, storage_service_pb2.PutAssetResponse]


class Orchestrator:
    """The attempt protocol and the lease, as the orchestrator serves them: `ports.Attempts` and `ports.Pool`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Call over `channel`."""
        self._attempts = attempt_service_pb2_grpc.AttemptServiceStub(channel)
        self._pool = pool_service_pb2_grpc.PoolServiceStub(channel)
        self._mark: model.Mark | None = None

    async def begin(self, attempt_id: str, worker_id: str, nonce: str) -> model.Go | model.Drop:
        """Ask for leave to submit, saying what leases have told of the record."""
        request = wire.begin_to(attempt_id, worker_id, nonce, self._mark)
        return wire.leave_of(await self._attempts.Begin(request, timeout=BEGIN_TIMEOUT_SECONDS))

    async def record(self, fact: model.JobFact) -> bool:
        """State that the provider gave an attempt an id."""
        return (await self._attempts.Record(wire.fact_to(fact))).cancel_now

    async def decline(self, attempt_id: str, worker_id: str, nonce: str, declined: model.Declined) -> None:
        """State how a submit ended that yielded no id."""
        await self._attempts.Decline(wire.declined_to(attempt_id, worker_id, nonce, declined))

    async def finish(self, ending: model.Ending) -> None:
        """State that a job ended."""
        await self._attempts.Finish(wire.ending_to(ending))

    async def conclude(self, attempt_id: str, worker_id: str, revision: int, message: str) -> bool:
        """Conclude that an attempt was never created."""
        request = attempt_service_pb2.ConcludeRequest(
            attempt_id=attempt_id, worker_id=worker_id, revision=revision, message=message
        )
        return (await self._attempts.Conclude(request)).accepted

    async def give_back(self, attempt_id: str, worker_id: str, reason: str, *, unreachable: bool = False) -> None:
        """Give an attempt back."""
        await self._attempts.GiveBack(
            attempt_service_pb2.GiveBackRequest(
                attempt_id=attempt_id, worker_id=worker_id, reason=reason, provider_unreachable=unreachable
            )
        )

    async def register(self, card: model.ProviderCard) -> None:
        """State what the provider can do."""
        await self._pool.RegisterCard(pool_service_pb2.RegisterCardRequest(card=wire.card_to(card)))

    async def renew(self, report: model.LeaseReport) -> model.LeaseAnswer:
        """Renew the lease."""
        answer = wire.answer_of(await self._pool.RenewLease(wire.report_to(report)))
        self._mark = answer.mark or report.mark
        return answer

    async def release(self, worker_id: str) -> None:
        """End the lease."""
        await self._pool.ReleaseLease(pool_service_pb2.ReleaseLeaseRequest(worker_id=worker_id))

    async def report_census(self, page: model.CensusPage) -> bool:
        """Tell a part of what an account has."""
        return (await self._pool.ReportCensus(wire.census_to(page))).accepted


class Storage:
    """Pictures in, clips out: `ports.Assets`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Call over `channel`."""
        self._stub = storage_service_pb2_grpc.StorageServiceStub(channel)

    async def read_picture(self, asset_id: str, tenant_id: str) -> model.Picture:
        """Read an image of at most LARGEST_PICTURE_BYTES."""
        request = storage_service_pb2.ReadAssetRequest(asset_id=asset_id, tenant_id=tenant_id)
        content_type = ""
        parts: list[bytes] = []
        size = 0
        async for answer in self._stub.ReadAsset(request, timeout=READ_TIMEOUT_SECONDS):
            if answer.WhichOneof("part") == "asset":
                content_type = answer.asset.content_type
            parts.append(answer.chunk)
            size += len(answer.chunk)
            if size > LARGEST_PICTURE_BYTES:
                raise kit_errors.TooLarge(limit_bytes=LARGEST_PICTURE_BYTES, asset_id=asset_id)
        return wire.picture_of(asset_id, content_type, parts)

    async def put_clip(self, task: model.Task, asset_id: str, chunks: AsyncIterator[bytes]) -> int:
        """Stream a clip in and return its size, bytes."""
        call = self._stub.PutAsset(timeout=PUT_TIMEOUT_SECONDS)
        try:
            await _send(call, storage_service_pb2.PutAssetRequest(header=wire.clip_header(task, asset_id)))
            async for chunk in chunks:
                for start in range(0, len(chunk), CHUNK_BYTES):
                    piece = chunk[start : start + CHUNK_BYTES]
                    await _send(call, storage_service_pb2.PutAssetRequest(chunk=piece))
            await call.done_writing()
            return (await call).asset.size_bytes
        except _EndedEarly:
            # Refused half-way, or stored already: the answer says which.
            return (await call).asset.size_bytes
        finally:
            # A stream that ends without being finished is never published; one that was finished ignores this.
            call.cancel()


class _EndedEarly(Exception):
    """The server ended the call before the stream did."""


async def _send(call: PutCall, part: storage_service_pb2.PutAssetRequest) -> None:
    try:
        await call.write(part)
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
        raise _EndedEarly from error


class Media:
    """Measures clips: `ports.Clips`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Call over `channel`."""
        self._stub = media_service_pb2_grpc.MediaServiceStub(channel)

    async def probe(self, asset_id: str, size_bytes: int) -> model.ClipFacts:
        """Measure a stored clip."""
        request = media_service_pb2.ProbeClipRequest(asset_id=asset_id)
        answer = await self._stub.ProbeClip(request, timeout=PROBE_TIMEOUT_SECONDS)
        return model.ClipFacts(answer.width, answer.height, answer.duration_seconds, size_bytes)


class BusProgress:
    """Shouts progress notes: `ports.Progress`."""

    def __init__(self, bus: buses.Bus) -> None:
        """Shout on `bus`."""
        self._bus = bus

    async def tell(self, task: model.Task, percent: int, activity: str) -> None:
        """Tell it, if anybody listens."""
        await self._bus.shout(f"progress.{task.generation_id}", wire.progress_note(task, percent, activity))
