"""PoolService, for workers of all kinds."""

from typing import Any

import grpc
from reelmesh.mesh.v1 import pool_service_pb2, pool_service_pb2_grpc

from reelmesh_orchestrator import wire
from reelmesh_orchestrator.usecases import looking, pools, recovering
from reelmesh_orchestrator.wire import pools as pools_wire

Context = grpc.aio.ServicerContext[Any, Any]


class PoolServicer(pool_service_pb2_grpc.PoolServiceServicer):
    """Translates; decides nothing."""

    def __init__(
        self,
        verbs: pools.Pools,
        lost: recovering.Recovering,
        seen: looking.Looking,
        *,
        lease_seconds: float,
        renew_seconds: float,
    ) -> None:
        """Take the verbs, those for lost jobs and on pools, how long a lease holds, how often it is to be renewed."""
        self._verbs = verbs
        self._seen = seen
        self._lost = lost
        self._lease_seconds = lease_seconds
        self._renew_seconds = renew_seconds

    async def RegisterCard(  # noqa: N802
        self, request: pool_service_pb2.RegisterCardRequest, context: Context
    ) -> pool_service_pb2.RegisterCardResponse:
        """Keep what a provider states about itself."""
        await self._verbs.register_card(wire.card_from_proto(request.card))
        return pool_service_pb2.RegisterCardResponse()

    async def RenewLease(  # noqa: N802
        self, request: pool_service_pb2.RenewLeaseRequest, context: Context
    ) -> pool_service_pb2.RenewLeaseResponse:
        """Renew a lease and say what the worker must know."""
        orders = await self._verbs.renew(
            pools.Renewal(
                worker_id=request.worker_id,
                kind=request.kind,
                pool=request.pool,
                name=request.name,
                holding=frozenset([*request.watching, *request.finding]),
                looking=frozenset(request.finding) - frozenset(request.watching),
                step_tokens=frozenset(request.step_tokens),
                room=request.room,
                mark=wire.mark_from_proto(request.mark),
                counted_era=request.counted_era_id,
                cordoned=request.cordoned,
                idle=request.idle,
                load=len(request.submitting) + len(request.step_tokens),
            )
        )
        answer = pool_service_pb2.RenewLeaseResponse(
            held=orders.held,
            watch=[wire.watch_order(charge) for charge in orders.watch],
            find=[_find_order(search) for search in orders.find],
            cancel=orders.cancel,
            forget=orders.forget,
            rates=dict(orders.rates),
            mark=wire.mark_to_proto(orders.mark),
            recovering=orders.recovering,
            cordoned=orders.cordoned,
            census=[_census_order(order) for order in orders.census],
        )
        answer.lease.FromMicroseconds(round(self._lease_seconds * 1e6))
        answer.renew_every.FromMicroseconds(round(self._renew_seconds * 1e6))
        return answer

    async def ReleaseLease(  # noqa: N802
        self, request: pool_service_pb2.ReleaseLeaseRequest, context: Context
    ) -> pool_service_pb2.ReleaseLeaseResponse:
        """End a lease."""
        await self._verbs.release(request.worker_id)
        return pool_service_pb2.ReleaseLeaseResponse()

    async def ReportCensus(  # noqa: N802
        self, request: pool_service_pb2.ReportCensusRequest, context: Context
    ) -> pool_service_pb2.ReportCensusResponse:
        """Take what an account has."""
        accepted = await self._lost.report(
            recovering.Report(
                era_id=request.era_id,
                account_id=request.account_id,
                jobs=[wire.found_from_proto(job, request.account_id) for job in request.jobs],
                last=request.last,
                complete=request.complete,
                message=request.message,
            )
        )
        return pool_service_pb2.ReportCensusResponse(accepted=accepted)

    async def ListPools(  # noqa: N802
        self, request: pool_service_pb2.ListPoolsRequest, context: Context
    ) -> pool_service_pb2.ListPoolsResponse:
        """Tell of all pools."""
        return pool_service_pb2.ListPoolsResponse(pools=map(pools_wire.pool_to_proto, await self._seen.pools()))

    async def CordonWorkers(  # noqa: N802
        self, request: pool_service_pb2.CordonWorkersRequest, context: Context
    ) -> pool_service_pb2.CordonWorkersResponse:
        """Say who takes no new work."""
        hold_seconds = request.hold.ToMicroseconds() / 1e6
        await self._seen.cordon(request.kind, request.pool, request.names, hold_seconds)
        return pool_service_pb2.CordonWorkersResponse()


def _find_order(search: pools.Search) -> pool_service_pb2.FindOrder:
    aggregate = search.charge.aggregate
    order = pool_service_pb2.FindOrder(
        task=wire.generate_task(aggregate, aggregate.attempt(search.charge.attempt_id)),
        revision=search.fence,
        exclusive=search.exclusive,
        rivals=search.rivals,
        claimed_job_ids=search.claimed_job_ids,
    )
    order.wait.FromMicroseconds(round(search.wait_seconds * 1e6))
    return order


def _census_order(asked: pools.CensusOrder) -> pool_service_pb2.CensusOrder:
    order = pool_service_pb2.CensusOrder(era_id=str(asked.era_id), account_id=asked.account_id)
    if asked.since is not None:
        order.since.FromDatetime(asked.since)
    order.wait.FromMicroseconds(round(asked.wait_seconds * 1e6))
    return order
