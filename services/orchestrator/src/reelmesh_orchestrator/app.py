"""The composition root: opens resources in order, wires, serves; its unwinding is the shutdown."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence

from reelmesh.mesh.v1 import (
    attempt_service_pb2,
    attempt_service_pb2_grpc,
    event_service_pb2,
    event_service_pb2_grpc,
    pool_service_pb2,
    pool_service_pb2_grpc,
    step_service_pb2,
    step_service_pb2_grpc,
)
from reelmesh.v1 import (
    account_service_pb2,
    account_service_pb2_grpc,
    generation_service_pb2,
    generation_service_pb2_grpc,
    reconciliation_service_pb2,
    reconciliation_service_pb2_grpc,
    recovery_service_pb2,
    recovery_service_pb2_grpc,
)
from reelmesh_kit import admin, bus, process, rpc, sql

from reelmesh_orchestrator import metrics, ports, settings
from reelmesh_orchestrator.adapters import account_file, endings, outbox, policy_file, progress, storage
from reelmesh_orchestrator.adapters.sql import counting as sql_counting
from reelmesh_orchestrator.adapters.sql import record
from reelmesh_orchestrator.model import advancing, breaker
from reelmesh_orchestrator.ports import counting as counting_ports
from reelmesh_orchestrator.servicer import accounts as accounts_edge
from reelmesh_orchestrator.servicer import attempts as attempts_edge
from reelmesh_orchestrator.servicer import events as events_edge
from reelmesh_orchestrator.servicer import generations as generations_edge
from reelmesh_orchestrator.servicer import pools as pools_edge
from reelmesh_orchestrator.servicer import reconciliation as reconciliation_edge
from reelmesh_orchestrator.servicer import recovery as recovery_edge
from reelmesh_orchestrator.servicer import steps as steps_edge
from reelmesh_orchestrator.usecases import (
    accounts,
    attempts,
    counting,
    crowding,
    dispatching,
    generations,
    looking,
    loops,
    pools,
    pulsing,
    reconciling,
    recovering,
    steps,
    sweeping,
    switching,
    vouching,
    watching,
    writing_off,
)


@contextlib.asynccontextmanager
async def build(own: settings.OrchestratorSettings, chassis: process.Chassis) -> AsyncGenerator[process.Running]:
    """Run the orchestrator until the context is left."""
    async with contextlib.AsyncExitStack() as stack:
        admin_port = await stack.enter_async_context(admin.serve(chassis, own.host, own.admin_port))
        database = await stack.enter_async_context(
            sql.open_database(own.database_url, chassis.clock, migrations="reelmesh_orchestrator")
        )
        shown = metrics.Metrics(chassis.telemetry.registry)
        shown.limit(own.most_open_generations_in_all)
        counted = counting.Counting(sql_counting.SqlCounts(database), shown, chassis.clock)
        await stack.enter_async_context(process.supervise(chassis, count=counted.run))
        link = await stack.enter_async_context(bus.connect(chassis, own.nats_url, needed=False))
        channel = await stack.enter_async_context(rpc.channel(chassis, own.storage_address))
        services = [
            *await stack.enter_async_context(at_work(own, chassis, database, link, channel, _noting(chassis))),
            rpc.health_service(chassis),
        ]
        grpc_port = await stack.enter_async_context(
            rpc.serve(chassis, services, host=own.host, port=own.grpc_port, drain_seconds=own.drain_seconds)
        )
        yield process.Running(grpc_port=grpc_port, admin_port=admin_port)


@contextlib.asynccontextmanager
async def at_work(
    own: settings.OrchestratorSettings,
    chassis: process.Chassis,
    database: sql.Database,
    link: bus.Bus,
    channel: rpc.Channel,
    on_decided: counting_ports.OnDecided,
) -> AsyncGenerator[Sequence[rpc.Service]]:
    """Run everything between the resources that are open and the doors; yield the services behind those.

    Args:
        own: the settings.
        chassis: the process's chassis.
        database: the record, with its schema up to date.
        link: the bus.
        channel: to the storage service.
        on_decided: called with each decision that is on disk.
    """
    policy = _policy(own)
    wake = asyncio.Event()
    assets = storage.StorageAssets(channel, chassis)
    to_bus = outbox.Outbox(outbox.Lane.BUS, outbox.over(link), chassis.clock, chassis.logger)
    to_storage = outbox.Outbox(outbox.Lane.STORAGE, outbox.one_by_one(assets.keep), chassis.clock, chassis.logger)

    def on_outgoing(outgoing: Sequence[ports.Outgoing]) -> None:
        to_bus.offer(outgoing)
        to_storage.offer(outgoing)
        wake.set()

    kept = record.SqlRecord(database, chassis.ids, on_outgoing, on_decided)
    chassis.health.add("database", lambda: _answers(kept))
    seen = vouching.Seen()
    vouch = _vouching(own, chassis, kept, storage.StorageMark(channel, chassis.logger), seen)
    lost = _recovering(own, chassis, kept, policy)
    chassis.health.add("record", lost.check, needed=False)
    file = account_file.AccountFile(own.accounts_file, chassis.logger)
    listed = accounts.Accounts(kept, file, chassis.clock)
    protocol = attempts.Attempts(kept, policy, seen)
    board = progress.Progress(link)
    crowded = crowding.Crowding(kept, chassis.clock, limit=own.most_open_generations_in_all)
    routes = policy_file.read(own.policies_file)
    verbs = generations.Generations(
        kept, assets, board, chassis.ids, policy, crowded, routes, most_open=own.most_open_generations
    )
    background = loops.Loops(chassis.clock, wake)
    pulse = pulsing.Pulse(kept, chassis.clock, lambda: chassis.health.draining)
    patience = _patience(own)
    async with process.supervise(
        chassis,
        send_to_bus=lambda: to_bus.send_new(database),
        send_left_over_to_bus=lambda: to_bus.send_left_over(database),
        send_to_storage=lambda: to_storage.send_new(database),
        send_left_over_to_storage=lambda: to_storage.send_left_over(database),
        progress=board.listen,
        dispatch=lambda: background.dispatch(dispatching.Dispatcher(kept, policy)),
        # A new one after each failure: what nobody could look at for a while has not been silent for so long.
        sweep=lambda: background.sweep(sweeping.Sweeper(kept, chassis.clock, policy, patience), own.sweep_seconds),
        vouch=vouch.run,
        list_accounts=listed.run,
        write_off=writing_off.WritingOff(kept, protocol, file, chassis.clock).run,
        recover=lambda: lost.run(own.sweep_seconds),
        count_open=crowded.run,
        pulse=pulse.run,
    ):
        watcher = watching.Watching(
            verbs, board, pulse, lambda: chassis.health.draining, followers_limit=own.followers_limit
        )
        looked = looking.Looking(kept, policy.breakers.trials)
        callers = _for_callers(kept, verbs, watcher, lost, reconciling.Reconciling(kept, protocol), looked)
        yield [*callers, *_for_workers(own, chassis, kept, policy, seen, lost, protocol)]


def _noting(chassis: process.Chassis) -> counting_ports.OnDecided:
    decisions, ended = metrics.Decisions(chassis.telemetry.registry), endings.Endings(chassis.telemetry)

    def note(decided: counting_ports.Decided) -> None:
        decisions.note(decided)
        ended.note(decided)

    return note


def _policy(own: settings.OrchestratorSettings) -> advancing.Policy:
    thresholds = breaker.Thresholds(
        failures=own.breaker_failures,
        open_seconds=own.breaker_open_seconds,
        longest_open_seconds=own.breaker_longest_open_seconds,
        trials=own.breaker_trials,
        patience_seconds=own.breaker_patience_seconds,
    )
    return advancing.Policy(cancel_grace_seconds=own.cancel_grace_seconds, breakers=thresholds)


def _vouching(
    own: settings.OrchestratorSettings,
    chassis: process.Chassis,
    kept: ports.Record,
    note: ports.MarkNote,
    seen: vouching.Seen,
) -> vouching.Vouching:
    return vouching.Vouching(
        kept, note, seen, chassis.clock, chassis.logger, every_seconds=own.note_seconds, restored=own.restored
    )


def _recovering(
    own: settings.OrchestratorSettings, chassis: process.Chassis, kept: ports.Record, policy: advancing.Policy
) -> recovering.Recovering:
    return recovering.Recovering(
        kept,
        policy,
        chassis.clock,
        submit_within_seconds=own.submit_within_seconds,
        patience_seconds=own.census_patience_seconds,
    )


def _patience(own: settings.OrchestratorSettings) -> sweeping.Patience:
    return sweeping.Patience(
        lease_seconds=own.lease_seconds,
        submit_seconds=own.submit_within_seconds + own.request_timeout_seconds,
        begin_seconds=own.begin_seconds,
        step_seconds=own.step_seconds,
        events_days=own.events_days,
    )


def _for_callers(
    kept: ports.Record,
    verbs: generations.Generations,
    watcher: watching.Watching,
    lost: recovering.Recovering,
    doubts: reconciling.Reconciling,
    looked: looking.Looking,
) -> Sequence[rpc.Service]:
    return [
        rpc.service(
            generation_service_pb2.DESCRIPTOR.services_by_name["GenerationService"].full_name,
            generation_service_pb2_grpc.add_GenerationServiceServicer_to_server,
            generations_edge.GenerationServicer(verbs, watcher),
        ),
        rpc.service(
            event_service_pb2.DESCRIPTOR.services_by_name["EventService"].full_name,
            event_service_pb2_grpc.add_EventServiceServicer_to_server,
            events_edge.EventServicer(kept),
        ),
        rpc.service(
            recovery_service_pb2.DESCRIPTOR.services_by_name["RecoveryService"].full_name,
            recovery_service_pb2_grpc.add_RecoveryServiceServicer_to_server,
            recovery_edge.RecoveryServicer(lost),
        ),
        rpc.service(
            reconciliation_service_pb2.DESCRIPTOR.services_by_name["ReconciliationService"].full_name,
            reconciliation_service_pb2_grpc.add_ReconciliationServiceServicer_to_server,
            reconciliation_edge.ReconciliationServicer(doubts),
        ),
        rpc.service(
            account_service_pb2.DESCRIPTOR.services_by_name["AccountService"].full_name,
            account_service_pb2_grpc.add_AccountServiceServicer_to_server,
            accounts_edge.AccountServicer(switching.Switching(kept), looked),
        ),
    ]


def _for_workers(
    own: settings.OrchestratorSettings,
    chassis: process.Chassis,
    kept: ports.Record,
    policy: advancing.Policy,
    seen: vouching.Seen,
    lost: recovering.Recovering,
    protocol: attempts.Attempts,
) -> Sequence[rpc.Service]:
    pool_verbs = pools.Pools(
        kept,
        policy,
        seen,
        submit_within_seconds=own.submit_within_seconds,
        step_grace_seconds=2 * own.renew_seconds,
        free_slots=own.free_account_slots,
    )
    return [
        rpc.service(
            attempt_service_pb2.DESCRIPTOR.services_by_name["AttemptService"].full_name,
            attempt_service_pb2_grpc.add_AttemptServiceServicer_to_server,
            attempts_edge.AttemptServicer(protocol, submit_within_seconds=own.submit_within_seconds),
        ),
        rpc.service(
            pool_service_pb2.DESCRIPTOR.services_by_name["PoolService"].full_name,
            pool_service_pb2_grpc.add_PoolServiceServicer_to_server,
            pools_edge.PoolServicer(
                pool_verbs,
                lost,
                looking.Looking(kept, policy.breakers.trials),
                lease_seconds=own.lease_seconds,
                renew_seconds=own.renew_seconds,
            ),
        ),
        rpc.service(
            step_service_pb2.DESCRIPTOR.services_by_name["StepService"].full_name,
            step_service_pb2_grpc.add_StepServiceServicer_to_server,
            steps_edge.StepServicer(steps.Steps(kept, chassis.ids, policy)),
        ),
    ]


async def _answers(kept: ports.Record) -> None:
    await kept.read(lambda store: store.now)
