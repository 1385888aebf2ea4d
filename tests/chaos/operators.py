"""Somebody who looks at the vendor's console, says what became of attempts in doubt, and turns switches."""

import collections
import itertools
import zlib

import grpc
from reelmesh.mesh.v1 import pool_service_pb2, pool_service_pb2_grpc
from reelmesh.v1 import (
    account_service_pb2,
    account_service_pb2_grpc,
    reconciliation_service_pb2,
    reconciliation_service_pb2_grpc,
)
from reelmesh_kit import errors, process, rpc

from tests.chaos import mesh, vendor

CALL_SECONDS = 5.0
ROUND_SECONDS = 0.2
# A switch is turned off and on again, and a worker cordoned, once in so many rounds.
DRILL_EVERY = 5
CORDON_SECONDS = 1
# What the rest comes to, the workers find out by themselves.
SHARE = 0.6


class Operator:
    """Looks again and again."""

    def __init__(
        self, own: process.Chassis, target: str, console: vendor.Vendor, said: collections.Counter[str]
    ) -> None:
        """Call the orchestrators at `target`, knowing what the vendor knows.

        Args:
            own: what processes have.
            target: gRPC's name of the orchestrators.
            console: the vendor.
            said: counts what was said and taken, by verb, and what was refused, by reason.
        """
        self._own = own
        self._target = target
        self._console = console
        self._said = said

    async def run(self) -> None:
        """Look, until cancelled; the orchestrators may be away."""
        who = rpc.Caller("operators", key_id="chaos", admin=True)
        async with rpc.channel(self._own, self._target, timeout_seconds=CALL_SECONDS) as channel:
            stub = reconciliation_service_pb2_grpc.ReconciliationServiceStub(channel)
            switches = account_service_pb2_grpc.AccountServiceStub(channel)
            pools = pool_service_pb2_grpc.PoolServiceStub(channel)
            for number in itertools.count():
                try:
                    with rpc.acting_as(who):
                        await self._look(stub)
                        if number % DRILL_EVERY == 0:
                            await self._switch(switches)
                            await self._cordon(pools)
                except (errors.ReelmeshError, grpc.aio.AioRpcError) as error:
                    self._said[type(error).__name__] += 1
                await self._own.clock.sleep(ROUND_SECONDS)

    async def _look(self, stub: "reconciliation_service_pb2_grpc.ReconciliationServiceAsyncStub") -> None:
        listed = await stub.ListDoubtfulAttempts(reconciliation_service_pb2.ListDoubtfulAttemptsRequest())
        for one in listed.attempts:
            if zlib.crc32(one.attempt_id.encode()) % 100 < 100 * SHARE:
                try:
                    await self._say(stub, one.attempt_id)
                except errors.WrongState:
                    # Another was quicker: a worker that found the job, or concluded that there is none.
                    self._said["too late"] += 1

    async def _say(
        self, stub: "reconciliation_service_pb2_grpc.ReconciliationServiceAsyncStub", attempt_id: str
    ) -> None:
        job_ids = [job.job_id for job in self._console.jobs.values() if job.tag == attempt_id]
        if job_ids:
            asked = reconciliation_service_pb2.AdoptJobRequest(
                attempt_id=attempt_id, job_id=job_ids[0], reason="it is on the console"
            )
            await stub.AdoptJob(asked)
            self._said["adopted"] += 1
        elif attempt_id in self._console.broken:
            await stub.ResubmitAttempt(
                reconciliation_service_pb2.ResubmitAttemptRequest(attempt_id=attempt_id, reason="it never got through")
            )
            self._said["resubmitted"] += 1

    async def _switch(self, stub: "account_service_pb2_grpc.AccountServiceAsyncStub") -> None:
        """Turn an account off and on again that nobody works for, so that nothing waits for it."""
        target = account_service_pb2.SwitchTarget(account_id=mesh.NOBODYS)
        await stub.SwitchOff(account_service_pb2.SwitchOffRequest(target=target, reason="a fire drill"))
        await stub.SwitchOn(account_service_pb2.SwitchOnRequest(target=target, reason="it is over"))
        self._said["switched"] += 1

    async def _cordon(self, stub: "pool_service_pb2_grpc.PoolServiceAsyncStub") -> None:
        """Cordon a worker that there is not."""
        asked = pool_service_pb2.CordonWorkersRequest(kind="provider", pool=mesh.NOBODYS, names=[mesh.NOBODYS])
        asked.hold.FromSeconds(CORDON_SECONDS)
        await stub.CordonWorkers(asked)
        self._said["cordoned"] += 1
