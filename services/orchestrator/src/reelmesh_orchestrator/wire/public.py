"""The public contract: requests in, generations and their history out."""

import base64
import binascii
import datetime
import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping

from google.protobuf import timestamp_pb2
from reelmesh.v1 import generation_pb2, generation_service_pb2
from reelmesh_kit import clock, errors

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.model import attempt, cancelling, draft, generation, repeats, request, shot


def request_from_proto(message: generation_service_pb2.GenerationRequest) -> request.Request:
    """Return what a caller asks for, unchecked."""
    output = message.output
    return request.Request(
        prompt=message.prompt,
        output=request.OutputWish(
            duration_seconds=output.duration_seconds,
            aspect_ratio=output.aspect_ratio,
            resolution=output.resolution,
            width=output.width,
            height=output.height,
            frames_per_second=output.frames_per_second,
            audio=output.audio if output.HasField("audio") else None,
        ),
        reference_asset_ids=tuple(message.reference_asset_ids),
        pin=message.model,
        labels=dict(message.labels),
        max_cost_micros=message.max_cost_micros,
        deadline_time=_moment(message.deadline_time) if message.HasField("deadline_time") else None,
        fallback_floor=_delivery(message.fallback_floor),
        seed=message.seed if message.HasField("seed") else None,
        priority=message.priority if message.HasField("priority") else None,
        user_id=message.user_id,
        policy=message.policy,
        category=message.category,
        negative_prompt=message.negative_prompt,
        first_frame_asset_id=message.first_frame_asset_id,
        last_frame_asset_id=message.last_frame_asset_id,
    )


def sending_from_proto(message: generation_service_pb2.CreateGenerationRequest, key_id: str) -> repeats.Sending | None:
    """Return what the client says about repeating a call; None when it says nothing, or has a key for that."""
    if message.request_id or not message.HasField("repeat"):
        return None
    return repeats.Sending(key_id, message.repeat.body_sha256, message.repeat.count)


def _moment(stamp: timestamp_pb2.Timestamp) -> datetime.datetime:
    try:
        return stamp.ToDatetime(tzinfo=clock.UTC)
    except (ValueError, OverflowError):
        raise errors.InvalidArgument("deadline_time", "is not a point in time of this era") from None


def _delivery(number: generation_pb2.Delivery) -> generation.Delivery:
    if number == generation_pb2.DELIVERY_UNSPECIFIED:
        return generation.Delivery.NONE
    try:
        return generation.Delivery(generation_pb2.Delivery.Name(number).removeprefix("DELIVERY_"))
    except ValueError:
        raise errors.InvalidArgument("fallback_floor", "must be VIDEO, INFOGRAPHIC or TEXT") from None


def generation_to_proto(
    aggregate: draft.Aggregate, *, progress_percent: int = 0, queue_position: int = 0, estimated_seconds: float = 0.0
) -> generation_pb2.Generation:
    """Return a generation as its owner sees it."""
    current = aggregate.generation
    output = current.output
    message = generation_pb2.Generation(
        id=str(current.id),
        tenant_id=current.tenant_id,
        user_id=current.user_id,
        state=f"GENERATION_STATE_{current.state}",
        prompt=current.prompt,
        output=generation_pb2.OutputSpec(
            duration_seconds=output.duration_seconds,
            width=output.width,
            height=output.height,
            resolution=min(output.width, output.height),
            frames_per_second=output.frames_per_second,
            audio=output.audio,
        ),
        reference_asset_ids=current.reference_asset_ids,
        model=current.pin,
        labels=current.labels,
        max_cost_micros=current.max_cost_micros,
        fallback_floor=f"DELIVERY_{current.fallback_floor}",
        seed=current.seed,
        priority=current.priority,
        revision=current.revision,
        progress_percent=progress_percent,
        renditions=[_rendition(file) for file in current.result.files],
        delivery=f"DELIVERY_{current.delivery or 'UNSPECIFIED'}",
        thumbnail_asset_id=current.result.thumbnail_asset_id,
        poster_asset_id=current.result.poster_asset_id,
        findings=[_finding(finding) for finding in current.result.findings],
        held_micros=aggregate.held_micros,
        spent_micros=aggregate.spent_micros,
        queue_position=queue_position,
        estimated_seconds=estimated_seconds,
        shots=shots_to_proto(aggregate.shots, aggregate.attempts),
        run=current.run,
        trace_id=_trace_id(current.traceparent),
        text=current.result.text,
        infographic=_still(current.result.infographic) if current.result.infographic else None,
        takes=[_take(take, aggregate) for take in current.takes],
        policy=current.policy,
        category=current.category,
        negative_prompt=current.negative_prompt,
        first_frame_asset_id=current.first_frame_asset_id,
        last_frame_asset_id=current.last_frame_asset_id,
    )
    if current.failure:
        message.failure.CopyFrom(_failure(current.failure.reason, current.failure.message))
    _set_times(message, current)
    _set_cancellation(message, aggregate)
    return message


def _set_cancellation(message: generation_pb2.Generation, aggregate: draft.Aggregate) -> None:
    sums, asked = cancelling.money(aggregate), aggregate.generation.cancel_time
    if sums is None or asked is None:
        return
    told = generation_pb2.Cancellation(
        saved_micros=sums.saved_micros,
        spent_micros=sums.spent_micros,
        unsettled_micros=sums.unsettled_micros,
        message=sums.words,
    )
    told.request_time.FromDatetime(asked)
    message.cancellation.CopyFrom(told)


def _take(take: generation.Take, aggregate: draft.Aggregate) -> generation_pb2.Take:
    made = next((one for one in aggregate.attempts if one.id == take.attempt_id), None)
    message = generation_pb2.Take(
        number=take.number,
        state=f"TAKE_STATE_{take.state}",
        promoted=take.promoted,
        whole=take.whole,
        attempt_id=str(take.attempt_id or ""),
        provider=made.provider if made else "",
        model=made.model if made else "",
        cost_micros=made.spent_micros if made else 0,
        renditions=[_rendition(file) for file in take.result.files],
        thumbnail_asset_id=take.result.thumbnail_asset_id,
        poster_asset_id=take.result.poster_asset_id,
        findings=[_finding(finding) for finding in take.result.findings],
        message=take.message,
    )
    message.create_time.FromDatetime(take.create_time)
    return message


def _still(file: generation.File) -> generation_pb2.Rendition:
    still = _rendition(file)
    still.content_type = "image/png"
    return still


def _set_times(message: generation_pb2.Generation, current: generation.Generation) -> None:
    for field, moment in (
        ("deadline_time", current.deadline_time),
        ("create_time", current.create_time),
        ("update_time", current.update_time),
        ("start_time", current.start_time),
        ("complete_time", current.complete_time),
    ):
        if moment is not None:
            getattr(message, field).FromDatetime(moment)


def _rendition(file: generation.File) -> generation_pb2.Rendition:
    return generation_pb2.Rendition(
        asset_id=file.asset_id,
        name=file.name,
        width=file.width,
        height=file.height,
        duration_seconds=file.duration_seconds,
        size_bytes=file.size_bytes,
        content_type="video/mp4",
    )


def _finding(finding: generation.Finding) -> generation_pb2.Finding:
    return generation_pb2.Finding(
        kind=finding.kind,
        start_seconds=finding.start_seconds,
        end_seconds=finding.end_seconds,
        message=finding.message,
    )


def _failure(reason: str, message: str) -> generation_pb2.Failure:
    return generation_pb2.Failure(reason=reason, message=message)


def _trace_id(traceparent: str) -> str:
    parts = traceparent.split("-")
    return parts[1] if len(parts) == 4 else ""


def shots_to_proto(shots: Iterable[shot.Shot], attempts: Iterable[attempt.Attempt] = ()) -> list[generation_pb2.Shot]:
    """Return shots with their routes and attempts."""
    tried = list(attempts)
    return [
        generation_pb2.Shot(
            id=str(one.id),
            ordinal=one.ordinal,
            state=f"SHOT_STATE_{one.state}",
            duration_seconds=one.duration_seconds,
            continues=one.continues,
            route=[_candidate(candidate) for candidate in one.route],
            attempts=[_attempt(two) for two in tried if two.shot_id == one.id],
        )
        for one in shots
    ]


def _candidate(candidate: shot.Candidate) -> generation_pb2.Candidate:
    return generation_pb2.Candidate(
        account_id=candidate.account_id,
        provider=candidate.provider,
        model=candidate.model,
        price_micros=candidate.price_micros,
        struck=candidate.struck,
        reason=candidate.reason,
    )


def _attempt(one: attempt.Attempt) -> generation_pb2.Attempt:
    message = generation_pb2.Attempt(
        id=str(one.id),
        ordinal=one.ordinal,
        state=f"ATTEMPT_STATE_{one.state}",
        account_id=one.account_id,
        provider=one.provider,
        model=one.model,
        job_id=one.job_id,
        held_micros=one.held_micros,
        spent_micros=one.spent_micros,
        clip_asset_id=one.clip_asset_id,
    )
    if one.ending or one.message:
        message.failure.CopyFrom(_failure(one.ending, one.message))
    message.create_time.FromDatetime(one.create_time)
    if one.submit_time:
        message.submit_time.FromDatetime(one.submit_time)
    if one.complete_time:
        message.complete_time.FromDatetime(one.complete_time)
    return message


def event_to_proto(event: ports.Event) -> generation_pb2.GenerationEvent:
    """Return an event as the generation's owner sees it."""
    message = generation_pb2.GenerationEvent(
        id=str(event.id),
        generation_id=str(event.generation_id),
        sequence=event.sequence,
        type=event.type,
        message=event.message,
        attributes=event.attributes,
        state=f"GENERATION_STATE_{event.state}",
    )
    message.create_time.FromDatetime(event.create_time)
    return message


def filter_from_proto(message: generation_service_pb2.ListGenerationsRequest, tenant_id: str) -> ports.Filter:
    """Return which generations to list."""
    states: list[generation.GenerationState] = []
    for number in message.states:
        try:
            name = generation_pb2.GenerationState.Name(number).removeprefix("GENERATION_STATE_")
            states.append(generation.GenerationState(name))
        except ValueError:
            raise errors.InvalidArgument("states", f"{number} is not a state of a generation") from None
    return ports.Filter(tenant_id, message.user_id, tuple(states), dict(message.labels), message.oldest_first)


def token_of_place(place: ports.Place, wanted: ports.Filter) -> str:
    """Return an opaque token for the page behind a place; it is good for the same filters only."""
    text = json.dumps([place.create_time.isoformat(), str(place.generation_id), _digest(wanted)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_from_token(token: str, wanted: ports.Filter) -> ports.Place | None:
    """Return the place that a token stands for.

    Raises:
        errors.InvalidArgument: it is not one of ours, or was given for other filters.
    """
    if not token:
        return None
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        moment, generation_id, digest = json.loads(text)
        place = ports.Place(datetime.datetime.fromisoformat(moment), uuid.UUID(generation_id))
    except (ValueError, TypeError, binascii.Error, AttributeError):
        raise errors.InvalidArgument("page_token", "is not one that a list has returned") from None
    if digest != _digest(wanted) or place.create_time.tzinfo is None:
        raise errors.InvalidArgument("page_token", "was returned for other filters; begin with the first page")
    return place


def _digest(wanted: ports.Filter) -> str:
    labels: Mapping[str, str] = dict(sorted(wanted.labels.items()))
    text = json.dumps([wanted.tenant_id, wanted.user_id, sorted(wanted.states), labels, wanted.oldest_first])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
