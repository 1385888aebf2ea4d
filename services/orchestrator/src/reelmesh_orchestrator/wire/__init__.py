"""Pure translation between the messages of the protos and our words."""

from reelmesh_orchestrator.wire.doubts import doubt_to_proto, doubts_from_token, token_of_doubts
from reelmesh_orchestrator.wire.public import (
    event_to_proto,
    filter_from_proto,
    generation_to_proto,
    place_from_token,
    request_from_proto,
    sending_from_proto,
    shots_to_proto,
    token_of_place,
)
from reelmesh_orchestrator.wire.recovery import (
    found_from_proto,
    mark_from_proto,
    mark_to_proto,
    orphan_to_proto,
    orphans_from_token,
    report_to_proto,
    token_of_orphans,
)
from reelmesh_orchestrator.wire.tasks import (
    asset_keep,
    event_message,
    generate_task,
    media_task,
    subject_token,
    watch_order,
)
from reelmesh_orchestrator.wire.workers import (
    card_from_proto,
    ended_from_proto,
    evidence_from_proto,
    step_result_from_proto,
    step_work,
    told,
    verdict_from_proto,
)

__all__ = [
    "asset_keep",
    "card_from_proto",
    "doubt_to_proto",
    "doubts_from_token",
    "ended_from_proto",
    "event_message",
    "event_to_proto",
    "evidence_from_proto",
    "filter_from_proto",
    "found_from_proto",
    "generate_task",
    "generation_to_proto",
    "mark_from_proto",
    "mark_to_proto",
    "media_task",
    "orphan_to_proto",
    "orphans_from_token",
    "place_from_token",
    "report_to_proto",
    "request_from_proto",
    "sending_from_proto",
    "shots_to_proto",
    "step_result_from_proto",
    "step_work",
    "subject_token",
    "token_of_doubts",
    "token_of_orphans",
    "token_of_place",
    "told",
    "verdict_from_proto",
    "watch_order",
]
