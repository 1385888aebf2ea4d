"""Other clients of storage: who stores the same twice at once, hangs up in the middle, or never comes back."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator

import grpc
from reelmesh.mesh.v1 import storage_service_pb2, storage_service_pb2_grpc
from reelmesh.v1 import asset_pb2
from reelmesh_kit import chance, clock, errors, ids, process, rpc

TENANT = "chores"
CALL_SECONDS = 5.0
# Who hangs up does so at some time while it stores, or when it is about to be done: of the time that it takes.
HANG_UP_SHARES = (0.0, 1.5)
ABOUT_THE_END_SHARES = (0.8, 1.3)
ROUND_SECONDS = 0.5
SMALL = b"x" * 2000
# Large enough that a client may be gone before all of it is stored.
LARGE_CHUNKS = 8
CHUNK = b"y" * 256 * 1024


class Chores:
    """Goes round and round."""

    def __init__(self, own: process.Chassis, target: str, seeded: chance.Chance) -> None:
        """Call storage at `target`."""
        self._own = own
        self._target = target
        self._seeded = seeded
        self._ids = ids.RandomIds()

    async def run(self) -> None:
        """Do everything again and again, until cancelled; storage may be away, or full."""
        async with rpc.channel(self._own, self._target, timeout_seconds=CALL_SECONDS) as channel:
            stub = storage_service_pb2_grpc.StorageServiceStub(channel)
            while True:
                for chore in (self._twins, self._given_up, self._short_lived, self._removed):
                    with contextlib.suppress(errors.ReelmeshError, grpc.aio.AioRpcError):
                        await chore(stub)
                await self._own.clock.sleep(ROUND_SECONDS)

    async def _twins(self, stub: "storage_service_pb2_grpc.StorageServiceAsyncStub") -> None:
        """Store the same asset three times at once, and once more."""
        header = self._header(lifetime_seconds=20)
        puts = [stub.PutAsset(_parts(header, [SMALL])) for _ in range(3)]
        await asyncio.gather(*puts, return_exceptions=True)
        await stub.PutAsset(_parts(header, [SMALL]))

    async def _given_up(self, stub: "storage_service_pb2_grpc.StorageServiceAsyncStub") -> None:
        """Begin to store, and hang up: in the middle, or when everything is sent and storage makes it known."""
        large = [CHUNK] * LARGE_CHUNKS
        began = self._own.clock.elapsed()
        await stub.PutAsset(_parts(self._header(lifetime_seconds=1), large))
        whole_seconds = self._own.clock.elapsed() - began
        for chunks, shares in (([CHUNK], HANG_UP_SHARES), ([SMALL], HANG_UP_SHARES), (large, ABOUT_THE_END_SHARES)):
            # The disk is small.
            call = stub.PutAsset(_parts(self._header(lifetime_seconds=1), chunks, endless=chunks == [CHUNK]))
            waiting = asyncio.ensure_future(_ended(call))
            await asyncio.wait({waiting}, timeout=whole_seconds * self._seeded.uniform(*shares))
            call.cancel()
            # Not awaited itself: a cancellation of ours would end in it, and be lost.
            await asyncio.wait({waiting})

    async def _short_lived(self, stub: "storage_service_pb2_grpc.StorageServiceAsyncStub") -> None:
        """Store what expires before anybody comes back for it."""
        await stub.PutAsset(_parts(self._header(lifetime_seconds=1), [SMALL]))

    async def _removed(self, stub: "storage_service_pb2_grpc.StorageServiceAsyncStub") -> None:
        """Store, and remove."""
        header = self._header(lifetime_seconds=20)
        await stub.PutAsset(_parts(header, [SMALL]))
        await stub.RemoveAsset(storage_service_pb2.RemoveAssetRequest(asset_id=header.asset_id, tenant_id=TENANT))

    def _header(self, lifetime_seconds: int) -> storage_service_pb2.PutHeader:
        header = storage_service_pb2.PutHeader(
            asset_id=str(self._ids.fresh()),
            tenant_id=TENANT,
            kind=asset_pb2.ASSET_KIND_REFERENCE,
            content_type="image/png",
        )
        header.expires_after.FromSeconds(lifetime_seconds)
        return header


async def _ended(call: object) -> None:
    with contextlib.suppress(errors.ReelmeshError, grpc.aio.AioRpcError, asyncio.CancelledError):
        await call  # pyright: ignore[reportGeneralTypeIssues] - a call is awaitable


async def _parts(
    header: storage_service_pb2.PutHeader, chunks: list[bytes], *, endless: bool = False
) -> AsyncIterator[storage_service_pb2.PutAssetRequest]:
    yield storage_service_pb2.PutAssetRequest(header=header)
    for chunk in chunks:
        yield storage_service_pb2.PutAssetRequest(chunk=chunk)
    if endless:
        await clock.SystemClock().sleep(CALL_SECONDS)


def orphan_key() -> str:
    """Return a key as storage would have made it, of bytes that nobody knows."""
    return f"faces/nobody/{uuid.uuid4()}.jpg"  # noqa: TID251 - any will do
