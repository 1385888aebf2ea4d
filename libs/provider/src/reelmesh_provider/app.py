"""The composition root that all provider services share: what a worker needs is opened in order and unwound again."""

import contextlib
import socket
from collections.abc import AsyncGenerator

from reelmesh_kit import admin, bus, process, rpc

from reelmesh_provider import consumer, metrics, port, settings
from reelmesh_provider.adapters import journal, mesh
from reelmesh_provider.worker import Limits, Mesh, Surroundings, Worker

JOURNAL_FOLDER = "journal"


@contextlib.asynccontextmanager
async def serve_provider(
    provider: port.Provider, told: settings.ProviderSettings, own: process.Chassis
) -> AsyncGenerator[process.Running]:
    """Serve `provider` until the end of the block: the whole of a provider service's `build`.

    On the way out nothing more is begun, open submits are finished within `told.drain_seconds`, and the lease is ended.
    """
    folder = told.data_folder / own.service
    async with contextlib.AsyncExitStack() as opened:
        enter = opened.enter_async_context
        admin_port = await enter(admin.serve(own, told.host, told.admin_port))
        pages = await enter(journal.open_journal(folder / JOURNAL_FOLDER))
        orchestrator = mesh.Orchestrator(await enter(_channel(own, told, told.orchestrator_address)))
        around = Surroundings(
            chassis=own,
            provider=await enter(provider),
            mesh=Mesh(
                attempts=orchestrator,
                pool=orchestrator,
                assets=mesh.Storage(await enter(_channel(own, told, told.storage_address))),
                clips=mesh.Media(await enter(_channel(own, told, told.media_address))),
                progress=mesh.BusProgress(connected := await enter(bus.connect(own, told.nats_url))),
                journal=pages,
            ),
            limits=_limits(told),
            metrics=metrics.Metrics(own.telemetry.registry),
        )
        worker = Worker(around, told.worker_name or socket.gethostname())
        own.health.add("lease", worker.check)
        pulling = consumer.Consumer(own, connected, worker, provider=around.name, slots=told.submit_slots)
        heirs = consumer.Heirs(connected, worker, provider=around.name)
        listening = consumer.Listener(own, connected, worker, provider=around.name)
        await enter(
            process.supervise(
                own,
                start=worker.start,
                lease=worker.lease,
                observe=worker.observe,
                consume=pulling.run,
                listen=listening.run,
                inherit=heirs.run,
            )
        )
        opened.push_async_callback(heirs.leave, told.drain_seconds)
        yield process.Running(admin_port=admin_port)


def _channel(
    own: process.Chassis, told: settings.ProviderSettings, target: str
) -> contextlib.AbstractAsyncContextManager[rpc.Channel]:
    return rpc.channel(own, target, timeout_seconds=told.rpc_timeout_seconds)


def _limits(told: settings.ProviderSettings) -> Limits:
    return Limits(
        submit_slots=told.submit_slots,
        submit_timeout_seconds=told.submit_timeout_seconds,
        watch_limit=told.watch_limit,
        fetch_slots=told.fetch_slots,
        largest_clip_bytes=told.largest_clip_bytes,
    )
