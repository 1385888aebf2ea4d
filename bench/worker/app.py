"""The composition root of the workers."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Any

from reelmesh_kit import bus, process, rpc
from typing_extensions import override

from bench.worker import settings
from tests.support import scripted_worker


class Instant(scripted_worker.Worker):
    """Workers whose vendor is done with a job in the moment in which it takes it."""

    @override
    async def _record(self, attempt_id: str, job_id: str, evidence: Any) -> None:
        await super()._record(attempt_id, job_id, evidence)
        await self._finish(attempt_id, job_id, stopped=False)


@contextlib.asynccontextmanager
async def build(own: settings.WorkerSettings, chassis: process.Chassis) -> AsyncGenerator[process.Running]:
    """Run the workers until the context is left."""
    async with contextlib.AsyncExitStack() as stack:
        storage = await stack.enter_async_context(scripted_worker.storage(chassis, own.grpc_port))
        channel = await stack.enter_async_context(rpc.channel(chassis, own.orchestrator_address))
        link = await stack.enter_async_context(bus.connect(chassis, own.nats_url))
        kind = Instant if own.finishes else scripted_worker.Worker
        worker = kind(chassis, channel, link, scripted_worker.Vendor(), slots=own.slots)
        worker.observes = False
        worker.renew_seconds = own.renew_seconds
        await stack.enter_async_context(worker.running())
        yield process.Running(grpc_port=int(storage.rpartition(":")[2]))
