"""Turns effects into the messages that the outbox holds."""

import uuid

from reelmesh_orchestrator import ports, wire
from reelmesh_orchestrator.adapters.sql import rows
from reelmesh_orchestrator.model import draft, step

LANES = {
    step.StepKind.LAST_FRAME: "quick",
    step.StepKind.INFOGRAPHIC: "quick",
    step.StepKind.LADDER: "ladder",
    step.StepKind.TAKE: "ladder",
}


def event(columns: rows.Columns) -> ports.Outgoing:
    """Return the message for an event; its id is the event's."""
    recorded = ports.Event(position=0, **columns)
    subject = f"event.{wire.subject_token(recorded.tenant_id)}.{recorded.generation_id}.{recorded.type}"
    payload = wire.event_message(recorded).SerializeToString()
    return ports.Outgoing(recorded.id, subject, payload, recorded.traceparent)


def command(
    message_id: uuid.UUID,
    final: draft.Aggregate,
    effect: draft.SendStep | draft.SendAttempt | draft.KeepAssets | draft.DiscardAssets,
) -> ports.Outgoing:
    """Return the message for a command."""
    traceparent = final.generation.traceparent
    if isinstance(effect, draft.SendAttempt):
        one = final.attempt(effect.attempt_id)
        payload = wire.generate_task(final, one).SerializeToString()
        return ports.Outgoing(message_id, f"task.generate.{one.provider}", payload, traceparent)
    if isinstance(effect, draft.SendStep):
        lane = LANES[final.step(effect.step_id).kind]
        payload = wire.media_task(final, effect.step_id).SerializeToString()
        return ports.Outgoing(message_id, f"task.media.{lane}", payload, traceparent)
    if isinstance(effect, draft.DiscardAssets):
        told = wire.asset_discard(effect.asset_ids, final.generation.tenant_id)
    else:
        told = wire.asset_keep(effect.asset_ids)
    return ports.Outgoing(message_id, ports.KEEP, told.SerializeToString(), traceparent)
