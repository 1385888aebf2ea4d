"""Pools, as operators are told of them, and who decides how many workers there are."""

from reelmesh.v1 import pool_pb2

from reelmesh_orchestrator import ports


def pool_to_proto(seen: ports.SeenPool) -> pool_pb2.Pool:
    """Return a pool with its workers."""
    return pool_pb2.Pool(
        kind=seen.kind,
        pool=seen.pool,
        known=seen.known,
        waiting=seen.work.waiting,
        sendable=seen.work.sendable,
        dispatched=seen.work.dispatched,
        submitting=seen.work.submitting,
        watched=seen.work.watched,
        lanes=[pool_pb2.LaneWork(lane=lane, steps=steps) for lane, steps in sorted(seen.steps.items())],
        workers=map(_worker_to_proto, seen.workers),
    )


def _worker_to_proto(one: ports.PoolWorker) -> pool_pb2.PoolWorker:
    return pool_pb2.PoolWorker(
        worker_id=one.worker_id,
        name=one.name,
        cordoned=one.cordoned,
        idle=one.at_work.idle,
        drained=one.at_work.drained,
        load=one.at_work.load,
    )
