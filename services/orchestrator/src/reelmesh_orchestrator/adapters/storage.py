"""Asks the storage service about assets, tells it which ones are in use, and keeps a note there."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

import grpc
from google.protobuf import message as protobuf
from reelmesh.mesh.v1 import record_mark_pb2, storage_service_pb2, storage_service_pb2_grpc, task_pb2
from reelmesh.v1 import asset_pb2
from reelmesh_kit import errors, process

from reelmesh_orchestrator import ports, wire
from reelmesh_orchestrator.model import eras

MARK_NOTE = "record-mark"


class StorageMark:
    """The note on the record, beside the assets: `ports.MarkNote`."""

    def __init__(self, channel: grpc.aio.Channel, logger: logging.Logger) -> None:
        """Take a channel to the storage service."""
        self._stub = storage_service_pb2_grpc.StorageServiceStub(channel)
        self._logger = logger
        self._told = False

    async def read(self) -> eras.Mark | None:
        """Read it. A storage of an older release has no notes: then nothing was noted.

        Raises:
            errors.ReelmeshError: storage does not answer, or what is there is no mark.
        """
        try:
            answer = await self._stub.ReadNote(storage_service_pb2.ReadNoteRequest(name=MARK_NOTE))
        except errors.ReelmeshError as error:
            self._pass_over(error)
            return None
        try:
            return wire.mark_from_proto(record_mark_pb2.RecordMark.FromString(answer.content))
        except (protobuf.DecodeError, errors.InvalidArgument) as error:
            raise errors.Unavailable("the note on the record cannot be read; remove it from the bucket") from error

    async def write(self, mark: eras.Mark) -> None:
        """Write it."""
        content = wire.mark_to_proto(mark).SerializeToString()
        try:
            await self._stub.KeepNote(storage_service_pb2.KeepNoteRequest(name=MARK_NOTE, content=content))
        except errors.ReelmeshError as error:
            self._pass_over(error)

    def _pass_over(self, error: errors.ReelmeshError) -> None:
        cause = error.__cause__
        if not isinstance(cause, grpc.aio.AioRpcError) or cause.code() is not grpc.StatusCode.UNIMPLEMENTED:
            raise error
        if not self._told:
            self._told = True
            self._logger.warning("Storage keeps no notes: a restored record is noticed by what workers know alone.")


class StorageAssets:
    """Assets as the storage service knows them."""

    def __init__(self, channel: grpc.aio.Channel, own: process.Chassis) -> None:
        """Take a channel to the storage service."""
        self._stub = storage_service_pb2_grpc.StorageServiceStub(channel)
        self._own = own

    async def check_references(self, asset_ids: Sequence[str], tenant_id: str) -> None:
        """Make sure that reference images exist, belong to the tenant and are images."""
        await asyncio.gather(*(self._check(asset_id, tenant_id) for asset_id in asset_ids))

    async def keep(self, message: ports.Outgoing) -> None:
        """Make the assets permanent, or let them go, that a recorded message names.

        What should stay and is gone is told to the operator; what should go and is gone is fine.

        Raises:
            errors.Unavailable: storage does not answer; the message waits.
        """
        told = task_pb2.AssetKeep.FromString(message.payload)
        with self._own.telemetry.span("keep", parent=message.traceparent):
            if told.asset_ids:
                await self._keep(told.asset_ids)
            for asset_id in told.discarded_asset_ids:
                request = storage_service_pb2.RemoveAssetRequest(asset_id=asset_id, tenant_id=told.tenant_id)
                with contextlib.suppress(errors.NotFound):
                    await self._stub.RemoveAsset(request)

    async def _keep(self, asset_ids: Sequence[str]) -> None:
        answer = await self._stub.KeepAssets(storage_service_pb2.KeepAssetsRequest(asset_ids=asset_ids))
        if answer.missing_asset_ids:
            missing = list(answer.missing_asset_ids)
            self._own.logger.error("%d assets in use are gone from storage", len(missing), extra={"assets": missing})

    async def _check(self, asset_id: str, tenant_id: str) -> None:
        try:
            request = storage_service_pb2.StatAssetRequest(asset_id=asset_id, tenant_id=tenant_id)
            answer = await self._stub.StatAsset(request)
        except (errors.NotFound, errors.InvalidArgument) as error:
            message = f"there is no asset {asset_id}, or it has expired; upload the image again"
            raise errors.AssetUnusable(message, asset_id=asset_id) from error
        if answer.asset.kind not in (asset_pb2.ASSET_KIND_REFERENCE, asset_pb2.ASSET_KIND_FACE):
            kind = asset_pb2.AssetKind.Name(answer.asset.kind).removeprefix("ASSET_KIND_").lower()
            raise errors.AssetUnusable(f"asset {asset_id} is a {kind}, not a reference image", asset_id=asset_id)
