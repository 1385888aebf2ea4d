"""The composition root: opens resources in order, wires, watches; its unwinding is the shutdown."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from reelmesh_kit import admin, bus, process, rpc

from reelmesh_operator import handlers, metrics, ports, settings, usecases
from reelmesh_operator.adapters import kubernetes, orchestrator
from reelmesh_operator.wire import resource

# What goes out on the bus, which is a reason to look at once.
TASKS = "task.>"


@contextlib.asynccontextmanager
async def build(own: settings.OperatorSettings, chassis: process.Chassis) -> AsyncGenerator[process.Running]:
    """Run the operator until the context is left."""
    access = ports.Access(own.kubernetes_url, own.kubernetes_token_file, own.kubernetes_ca_file)
    wake = asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        admin_port = await stack.enter_async_context(admin.serve(chassis, own.host, own.admin_port))
        cluster = await stack.enter_async_context(kubernetes.connect(access, own.own_namespace))
        channel = await stack.enter_async_context(rpc.channel(chassis, own.orchestrator_address))
        link = await stack.enter_async_context(bus.connect(chassis, own.nats_url, needed=False))
        signals = orchestrator.OrchestratorSignals(channel)
        shown = metrics.Metrics(chassis.telemetry.registry)
        reporter = usecases.Reporter(cluster, shown, chassis.clock, chassis.logger)
        rounds = usecases.Rounds(signals, cluster, shown, chassis.clock, chassis.logger, resource.change, reporter)
        keeper = usecases.Keeping(rounds, cluster, chassis.clock, chassis.logger, resource.read, wake)
        chassis.health.add("rounds", keeper.check)
        watching = handlers.Watching(access, own.own_namespace, wake)
        await stack.enter_async_context(
            process.supervise(chassis, rounds=keeper.run, watch=watching.run, listen=lambda: _listen(link, wake))
        )
        yield process.Running(admin_port=admin_port)


async def _listen(link: bus.Bus, wake: asyncio.Event) -> None:
    async with link.hear(TASKS) as notes:
        async for _ in notes:
            wake.set()
