"""The composition root: opens resources in order, wires, serves; its unwinding is the shutdown."""

import contextlib
import functools
import shutil
import socket
from collections.abc import AsyncGenerator, Collection

from reelmesh.mesh.v1 import media_service_pb2, media_service_pb2_grpc, task_pb2
from reelmesh_kit import admin, bus, process, rpc

from reelmesh_media import consumer, crash_points, servicer, settings
from reelmesh_media.adapters import engine, orchestrator, storage
from reelmesh_media.engine import processes
from reelmesh_media.model import lanes
from reelmesh_media.usecases import performing, pictures, references

# When a lease is renewed again that could not be, seconds.
RENEW_AGAIN_SECONDS = 1.0


@contextlib.asynccontextmanager
async def build(own: settings.MediaSettings, chassis: process.Chassis) -> AsyncGenerator[process.Running]:
    """Run the media service until the context is left."""
    shutil.rmtree(own.scratch_folder, ignore_errors=True)
    own.scratch_folder.mkdir(parents=True)
    quick, ladder = lanes.quick_lane(processes.cores()), lanes.ladder_lane(processes.cores())
    async with contextlib.AsyncExitStack() as stack:
        admin_port = await stack.enter_async_context(admin.serve(chassis, own.host, own.admin_port))
        link = await stack.enter_async_context(bus.connect(chassis, own.nats_url, needed=False))
        to_storage = await stack.enter_async_context(rpc.channel(chassis, own.storage_address))
        to_orchestrator = await stack.enter_async_context(rpc.channel(chassis, own.orchestrator_address))
        pixels = engine.ProcessEngine(
            await stack.enter_async_context(processes.Processes(quick, chassis.clock)),
            await stack.enter_async_context(processes.Processes(ladder, chassis.clock)),
        )
        assets = storage.StorageAssets(to_storage)
        lease = orchestrator.OrchestratorLease(to_orchestrator, chassis.ids, own.worker_name or socket.gethostname())
        performer = performing.Performing(assets, pixels, functools.partial(_shout, link), own.scratch_folder)
        steps = consumer.StepConsumer(
            orchestrator.OrchestratorSteps(to_orchestrator),
            performer,
            lambda: lease.worker_id,
            chassis.clock,
            lambda: lease.cordoned,
            functools.partial(_leave, lease, chassis),
        )
        await _renew(lease, steps, chassis)
        stack.push_async_callback(_release, lease)
        await stack.enter_async_context(process.supervise(chassis, lease=lambda: _keep(lease, steps, chassis)))
        verbs = references.References(assets, pixels, own.scratch_folder)
        service = rpc.service(
            media_service_pb2.DESCRIPTOR.services_by_name["MediaService"].full_name,
            media_service_pb2_grpc.add_MediaServiceServicer_to_server,
            servicer.MediaServicer(verbs, pictures.Pictures(assets, pixels, own.scratch_folder)),
        )
        services = [service, rpc.health_service(chassis)]
        grpc_port = await stack.enter_async_context(
            rpc.serve(chassis, services, host=own.host, port=own.grpc_port, drain_seconds=own.drain_seconds)
        )
        # Last, so that the first thing that a stop does is to take no more; all lanes end what they have side by side.
        await stack.enter_async_context(
            process.supervise(
                chassis,
                steps_quick=functools.partial(_work, link, quick, steps, own.lanes),
                steps_ladder=functools.partial(_work, link, ladder, steps, own.lanes),
            )
        )
        yield process.Running(grpc_port=grpc_port, admin_port=admin_port)


async def _work(link: bus.Bus, lane: lanes.Lane, steps: consumer.StepConsumer, chosen: Collection[str]) -> None:
    if lane.name not in chosen:
        return
    with crash_points.LANES[lane.name]:
        await link.work(f"media-{lane.name}", f"task.media.{lane.name}", steps.handle, slots=lane.workers)


async def _keep(lease: orchestrator.OrchestratorLease, steps: consumer.StepConsumer, chassis: process.Chassis) -> None:
    while True:
        await chassis.clock.sleep(await _renew(lease, steps, chassis))


async def _renew(
    lease: orchestrator.OrchestratorLease, steps: consumer.StepConsumer, chassis: process.Chassis
) -> float:
    """Renew the lease; return after how many seconds to do so again, soon when the orchestrator is away."""
    try:
        pause_seconds = await lease.renew(steps.tokens, idle=steps.idle)
    except consumer.PASSING as error:
        chassis.logger.info("The lease could not be renewed: %s", error.message)
        return RENEW_AGAIN_SECONDS
    crash_points.LEASE_RENEWED.passed()
    return pause_seconds


async def _leave(lease: orchestrator.OrchestratorLease, chassis: process.Chassis) -> None:
    if chassis.health.draining:
        await _release(lease)


async def _release(lease: orchestrator.OrchestratorLease) -> None:
    with contextlib.suppress(*consumer.PASSING):  # it lapses by itself
        await lease.release()


async def _shout(link: bus.Bus, generation_id: str, shot_id: str, percent: int, activity: str) -> None:
    note = task_pb2.ProgressNote(
        generation_id=generation_id, shot_id=shot_id, progress_percent=percent, activity=activity
    )
    await link.shout(f"progress.{generation_id}", note.SerializeToString())
