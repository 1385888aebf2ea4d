"""What travels on NATS."""

import re
import uuid
from collections.abc import Iterable

from reelmesh.mesh.v1 import pool_service_pb2, task_pb2

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.model import attempt, draft, shot

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


def subject_token(text: str) -> str:
    """Return text as one token of a subject: dots, wildcards and spaces are spelled as `=` and their code in hex."""
    return _UNSAFE.sub(lambda match: f"={ord(match[0]):x}=", text) or "="


def generate_task(aggregate: draft.Aggregate, one: attempt.Attempt) -> task_pb2.GenerateTask:
    """Return everything that a provider's worker needs to make an attempt."""
    current = aggregate.generation
    of = aggregate.shot(one.shot_id)
    return task_pb2.GenerateTask(
        attempt_id=str(one.id),
        generation_id=str(current.id),
        shot_id=str(of.id),
        tenant_id=current.tenant_id,
        user_id=current.user_id,
        provider=one.provider,
        account_id=one.account_id,
        model=one.model,
        prompt=of.prompt,
        duration_seconds=_clip_seconds(of, one),
        width=current.output.width,
        height=current.output.height,
        frames_per_second=current.output.frames_per_second,
        audio=current.output.audio,
        seed=_seed(aggregate, of, one),
        seed_is_users=current.seed_is_users,
        reference_asset_ids=current.reference_asset_ids,
        first_frame_asset_id=of.first_frame_asset_id,
        price_micros=one.price_micros,
        traceparent=current.traceparent,
        continued=any(each.continues and each.ordinal == of.ordinal + 1 for each in aggregate.shots),
        last_frame_asset_id=current.last_frame_asset_id if of.ordinal == len(aggregate.shots) - 1 else "",
        negative_prompt=current.negative_prompt,
    )


def _clip_seconds(of: shot.Shot, one: attempt.Attempt) -> float:
    """Return how long a clip is asked for: the shot's length, or what the candidate makes in its place."""
    for candidate in of.route:
        if (candidate.account_id, candidate.model) == (one.account_id, one.model):
            return candidate.duration_seconds or of.duration_seconds
    return of.duration_seconds


def _seed(aggregate: draft.Aggregate, of: shot.Shot, one: attempt.Attempt) -> int:
    """Return the user's seed, told apart by shot; else one derived from the attempt: a lost job is known by it."""
    if aggregate.generation.seed_is_users:
        return (aggregate.generation.seed + of.ordinal) % attempt.SEEDS
    return attempt.seed_of(one.id)


def watch_order(charge: ports.Charge) -> pool_service_pb2.WatchOrder:
    """Return everything that a worker needs to observe an accepted attempt."""
    one = charge.aggregate.attempt(charge.attempt_id)
    return pool_service_pb2.WatchOrder(
        task=generate_task(charge.aggregate, one), job_id=one.job_id, cancel=one.cancel_wanted
    )


def media_task(aggregate: draft.Aggregate, step_id: uuid.UUID) -> task_pb2.MediaTask:
    """Return the message that says which step to take."""
    current = aggregate.generation
    return task_pb2.MediaTask(step_id=str(step_id), generation_id=str(current.id), traceparent=current.traceparent)


def asset_keep(asset_ids: Iterable[str]) -> task_pb2.AssetKeep:
    """Return the message that makes assets permanent."""
    return task_pb2.AssetKeep(asset_ids=asset_ids)


def asset_discard(asset_ids: Iterable[str], tenant_id: str) -> task_pb2.AssetKeep:
    """Return the message that lets assets go."""
    return task_pb2.AssetKeep(discarded_asset_ids=asset_ids, tenant_id=tenant_id)


def event_message(recorded: ports.Event) -> task_pb2.MeshEvent:
    """Return an event as other services see it."""
    message = task_pb2.MeshEvent(
        id=str(recorded.id),
        position=recorded.position,
        tenant_id=recorded.tenant_id,
        generation_id=str(recorded.generation_id),
        sequence=recorded.sequence,
        type=recorded.type,
        message=recorded.message,
        attributes=recorded.attributes,
        state=recorded.state,
        traceparent=recorded.traceparent,
    )
    message.create_time.FromDatetime(recorded.create_time)
    return message
