"""A server that stops under load: whoever asks it too late is answered by another, or hears soon that nobody will."""

import asyncio

from reelmesh.mesh.v1 import storage_service_pb2, storage_service_pb2_grpc
from reelmesh_kit import errors, process, rpc

from tests.support import tiny_storage

ROUNDS = 4
CALLERS = 20
# Longer than callers wait: a call that is never begun would be noticed.
DRAIN_SECONDS = 60.0
PATIENCE_SECONDS = 20.0


async def test_no_call_that_may_be_repeated_fails_while_one_of_two_servers_stops(chassis: process.Chassis) -> None:
    failed: list[str] = []
    services = [tiny_storage.service(tiny_storage.TinyStorage())]
    async with rpc.serve(chassis, services, host="127.0.0.1", port=0) as stays:
        for _ in range(ROUNDS):
            async with rpc.serve(chassis, services, host="127.0.0.1", port=0, drain_seconds=DRAIN_SECONDS) as goes:
                target = f"ipv4:127.0.0.1:{stays},127.0.0.1:{goes}"
                asking = asyncio.create_task(_ask(chassis, target, failed))
                await asyncio.sleep(0.2)  # noqa: TID251 - load on real connections, in real time
            await asking
    assert failed == []


async def _ask(chassis: process.Chassis, target: str, failed: list[str]) -> None:
    async with rpc.channel(chassis, target, timeout_seconds=PATIENCE_SECONDS) as channel:
        storage = storage_service_pb2_grpc.StorageServiceStub(channel)

        async def caller() -> None:
            for _ in range(30):
                try:
                    await storage.StatAsset(storage_service_pb2.StatAssetRequest(asset_id="one"))
                except errors.ReelmeshError as error:
                    failed.append(str(error))
                await asyncio.sleep(0.005)  # noqa: TID251

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
