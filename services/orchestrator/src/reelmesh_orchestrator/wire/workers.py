"""What workers say and are told: verdicts, ends of jobs, cards, steps."""

import datetime
from collections.abc import Mapping
from typing import Any

from reelmesh.mesh.v1 import attempt_service_pb2, pool_service_pb2, step_service_pb2
from reelmesh_kit import errors

from reelmesh_orchestrator.model import attempt, card, draft, facts, generation, step

# Short sides of the rungs that are made, pixels.
RUNGS = (1080, 720, 480)
# Of what a vendor or a worker says in words; the rest is cut off.
MESSAGE_LIMIT_CHARACTERS = 2000


def told(text: str) -> str:
    """Return words from outside as they can be kept: bounded, and without NUL, which no database stores."""
    return text[:MESSAGE_LIMIT_CHARACTERS].replace("\0", "\N{REPLACEMENT CHARACTER}")


def verdict_from_proto(number: attempt_service_pb2.Verdict) -> facts.Verdict:
    """Return how a submit ended."""
    try:
        return facts.Verdict(attempt_service_pb2.Verdict.Name(number).removeprefix("VERDICT_"))
    except ValueError:
        raise errors.InvalidArgument("verdict", "must say how the submit ended") from None


def evidence_from_proto(number: attempt_service_pb2.Evidence) -> facts.Evidence:
    """Return how a job's id was learnt."""
    try:
        return facts.Evidence(number)
    except ValueError:
        raise errors.InvalidArgument("evidence", "must say how the id was learnt") from None


def ended_from_proto(message: attempt_service_pb2.FinishRequest) -> facts.Ended:
    """Return how a job ended."""
    try:
        outcome = facts.Outcome(attempt_service_pb2.Outcome.Name(message.outcome).removeprefix("OUTCOME_"))
    except ValueError:
        raise errors.InvalidArgument("outcome", "must say how the job ended") from None
    if outcome is facts.Outcome.SUCCEEDED and not message.clip_asset_id:
        raise errors.InvalidArgument("clip_asset_id", "must name the stored clip of a job that succeeded")
    return facts.Ended(
        job_id=message.job_id,
        outcome=outcome,
        clip_asset_id=message.clip_asset_id,
        cost_micros=message.cost_micros if message.HasField("cost_micros") else None,
        message=told(message.message),
    )


def card_from_proto(message: pool_service_pb2.ProviderCard) -> card.Card:
    """Return what a provider states about itself.

    Raises:
        errors.InvalidArgument: it has no name, no models, or a date that is none.
    """
    if not message.provider or not message.models:
        raise errors.InvalidArgument("card", "must name the provider and at least one model")
    if message.recovery == pool_service_pb2.RECOVERY_UNSPECIFIED:
        raise errors.InvalidArgument("card.recovery", "must say how a lost job can be found")
    return card.Card(
        provider=message.provider,
        version=message.version,
        models=tuple(_model(model) for model in message.models),
        recovery=card.Recovery(pool_service_pb2.Recovery.Name(message.recovery).removeprefix("RECOVERY_")),
        free=message.free,
        creation_delay_seconds=message.creation_delay_seconds,
        listing_delay_seconds=message.listing_delay_seconds,
        cancellable=message.cancellable,
        polls_per_second=message.polls_per_second,
    )


def _model(message: pool_service_pb2.ModelCard) -> card.ModelCard:
    return card.ModelCard(
        model=message.model,
        shortest_seconds=message.shortest_seconds,
        longest_seconds=message.longest_seconds,
        durations_seconds=tuple(message.durations_seconds),
        sizes=tuple(_size(size) for size in message.sizes),
        largest_pixels=message.largest_pixels,
        reference_images=message.reference_images,
        first_frame=message.first_frame,
        audio=message.audio,
        prices=tuple(
            card.Price(_day("effective_on", price.effective_on), price.micros_per_second, price.micros_per_clip)
            for price in message.prices
        ),
        retires_on=_day("retires_on", message.retires_on) if message.retires_on else None,
        longest_render_seconds=message.longest_render_seconds,
        seconds_per_second=message.seconds_per_second,
        longest_prompt=message.longest_prompt,
        quality=message.quality,
        needs_picture=message.needs_picture,
        last_frame=message.last_frame,
        negative_prompt=message.negative_prompt,
        references_with_frames=message.references_with_frames,
        last_frame_alone=message.last_frame_alone,
    )


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise errors.InvalidArgument("card.models.sizes", f'{text!r} must look like "1280x720"')
    return int(width), int(height)


def _day(field: str, text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise errors.InvalidArgument(f"card.models.{field}", f"{text!r} must be a date like 2026-11-20") from None


def step_work(aggregate: draft.Aggregate, one: step.Step) -> step_service_pb2.StepWork:
    """Return what a media worker has to do."""
    current = aggregate.generation
    work = step_service_pb2.StepWork(
        step_id=str(one.id),
        token=one.token,
        generation_id=str(current.id),
        shot_id=str(one.shot_id or ""),
        tenant_id=current.tenant_id,
        user_id=current.user_id,
    )
    if one.kind is step.StepKind.LAST_FRAME:
        work.last_frame.clip_asset_id = one.clip_asset_ids[0]
    elif one.kind is step.StepKind.INFOGRAPHIC:
        work.infographic.CopyFrom(_infographic(current))
    else:
        work.ladder.CopyFrom(
            step_service_pb2.LadderWork(
                clip_asset_ids=one.clip_asset_ids,
                duration_seconds=_ladder_seconds(aggregate, one),
                audio=current.output.audio,
                rungs=RUNGS,
                label=f"take-{one.ordinal}" if one.kind is step.StepKind.TAKE else "",
            )
        )
    return work


def _infographic(current: generation.Generation) -> step_service_pb2.InfographicWork:
    first = (current.first_frame_asset_id,) if current.first_frame_asset_id else ()
    return step_service_pb2.InfographicWork(
        prompt=current.prompt,
        width=current.output.width,
        height=current.output.height,
        category=current.category,
        reference_asset_ids=(*first, *current.reference_asset_ids),
        seed=current.seed % attempt.SEEDS,
    )


def _ladder_seconds(aggregate: draft.Aggregate, one: step.Step) -> float:
    """Return how long what a ladder makes shall be: the whole, or one shot where a take has no more."""
    take = next((each for each in aggregate.generation.takes if each.number == one.ordinal), None)
    if one.kind is not step.StepKind.TAKE or take is None or take.whole or take.attempt_id is None:
        return aggregate.generation.output.duration_seconds
    return aggregate.shot(aggregate.attempt(take.attempt_id).shot_id).duration_seconds


def _file(made: step_service_pb2.MadeFile) -> Mapping[str, Any]:
    return {
        "asset_id": made.asset_id,
        "name": made.name,
        "width": made.width,
        "height": made.height,
        "duration_seconds": made.duration_seconds,
        "size_bytes": made.size_bytes,
    }


def step_result_from_proto(message: step_service_pb2.FinishStepRequest) -> Mapping[str, Any]:
    """Return the result of a step as it is kept."""
    if message.WhichOneof("result") == "last_frame":
        return {"frame_asset_id": message.last_frame.frame_asset_id}
    if message.WhichOneof("result") == "infographic":
        return {"file": _file(message.infographic.file)}
    done = message.ladder
    return {
        "files": [_file(file) for file in done.files],
        "thumbnail_asset_id": done.thumbnail_asset_id,
        "poster_asset_id": done.poster_asset_id,
        "findings": [
            {
                "kind": finding.kind,
                "start_seconds": finding.start_seconds,
                "end_seconds": finding.end_seconds,
                "message": finding.message,
            }
            for finding in done.findings
        ],
    }
