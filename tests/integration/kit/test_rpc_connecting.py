"""Finding a server again, however long it was away, and one whose wire is slow."""

import itertools

from reelmesh.mesh.v1 import storage_service_pb2
from reelmesh_kit import errors, process, rpc

from tests.support import bus_work, names, proxy, tiny_storage

NAME = "storage.mesh.test"
STAT = storage_service_pb2.StatAssetRequest(asset_id="7")
PATIENCE_SECONDS = 20.0
# gRPC alone would look up a name after 1, 2.6, 5.2, 9.3 and 15.8 seconds, with jitter.
AWAY_SECONDS = 8.0
LONGEST_PAUSE_SECONDS = 3.0
CALL_EVERY_SECONDS = 0.2


async def test_a_name_that_nobody_had_for_a_while_is_looked_up_as_often_as_at_first(chassis: process.Chassis) -> None:
    services = [tiny_storage.service(tiny_storage.TinyStorage())]

    async with (
        names.Names().running() as known,
        rpc.serve(chassis, services, host="127.0.0.1", port=0, drain_seconds=1.0) as port,
        rpc.channel(chassis, f"dns://127.0.0.1:{known.port}/{NAME}:{port}", timeout_seconds=1.0) as channel,
    ):
        stub = tiny_storage.stub(channel)

        async def is_answered() -> bool:
            try:
                return (await stub.StatAsset(STAT)).asset.id == "7"
            except errors.ReelmeshError:
                await chassis.clock.sleep(CALL_EVERY_SECONDS)
                return False

        began = chassis.clock.elapsed()
        while chassis.clock.elapsed() - began < AWAY_SECONDS:
            assert not await is_answered()
        known.known.add(NAME)
        back = chassis.clock.elapsed()
        await bus_work.until(chassis.clock, is_answered, PATIENCE_SECONDS)

    assert chassis.clock.elapsed() - back < LONGEST_PAUSE_SECONDS
    assert max(later - earlier for earlier, later in itertools.pairwise(known.asked_at)) < LONGEST_PAUSE_SECONDS


async def test_a_slow_wire_is_connected_to_at_the_first_try(chassis: process.Chassis) -> None:
    async with tiny_storage.serving(chassis, tiny_storage.TinyStorage()) as target:
        slow = proxy.Proxy(int(target.rpartition(":")[2]), delay_seconds=0.5)
        async with slow.running(), rpc.channel(chassis, f"127.0.0.1:{slow.port}") as channel:
            assert (await tiny_storage.stub(channel).StatAsset(STAT)).asset.id == "7"

    assert slow.accepted == 1
