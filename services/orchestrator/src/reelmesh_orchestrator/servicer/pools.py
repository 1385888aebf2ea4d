"""PoolService, for workers of all kinds."""

from typing import Any

import grpc
from reelmesh.mesh.v1 import pool_service_pb2, pool_service_pb2_grpc

from reelmesh_orchestrator import wire
from reelmesh_orchestrator.usecases import pools

Context = grpc.aio.ServicerContext[Any, Any]


class PoolServicer(pool_service_pb2_grpc.PoolServiceServicer):
    """Translates; decides nothing."""

    def __init__(self, verbs: pools.Pools, *, lease_seconds: float, renew_seconds: float) -> None:
        """Take the verbs, how long a lease holds, and how often it is to be renewed."""
        self._verbs = verbs
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
                step_tokens=frozenset(request.step_tokens),
                room=request.room,
            )
        )
        answer = pool_service_pb2.RenewLeaseResponse(
            held=orders.held,
            watch=[wire.watch_order(charge) for charge in orders.watch],
            find=[_find_order(search) for search in orders.find],
            cancel=orders.cancel,
            forget=orders.forget,
            rates=dict(orders.rates),
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


def _find_order(search: pools.Search) -> pool_service_pb2.FindOrder:
    aggregate = search.charge.aggregate
    order = pool_service_pb2.FindOrder(
        task=wire.generate_task(aggregate, aggregate.attempt(search.charge.attempt_id)),
        revision=aggregate.generation.revision,
        exclusive=search.exclusive,
        rivals=search.rivals,
        claimed_job_ids=search.claimed_job_ids,
    )
    order.wait.FromMicroseconds(round(search.wait_seconds * 1e6))
    return order
