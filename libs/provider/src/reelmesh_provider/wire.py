"""Translation between the mesh's protobuf messages and our words; pure."""

import datetime
from collections.abc import Sequence

from google.protobuf import duration_pb2, message
from reelmesh.mesh.v1 import (
    attempt_service_pb2,
    pool_service_pb2,
    record_mark_pb2,
    storage_service_pb2,
    task_pb2,
)
from reelmesh.v1 import asset_pb2
from reelmesh_kit import errors as kit_errors

from reelmesh_provider import model

VIDEO_TYPE = "video/mp4"
WORKER_KIND = "provider"


def task_from(payload: bytes) -> model.Task:
    """Read a task message.

    Raises:
        InvalidArgument: it is no task, or lacks what no task can do without.
    """
    task = task_pb2.GenerateTask()
    try:
        task.ParseFromString(payload)
    except message.DecodeError as error:
        raise kit_errors.InvalidArgument("payload", "is no GenerateTask message") from error
    for field in ("attempt_id", "generation_id", "tenant_id", "account_id", "model"):
        if not getattr(task, field):
            raise kit_errors.InvalidArgument(field, "is empty")
    return task_of(task)


def nudge_from(payload: bytes) -> model.Nudge:
    """Read a nudge.

    Raises:
        InvalidArgument: it is none, or does not say of which job.
    """
    nudge = task_pb2.JobNudge()
    try:
        nudge.ParseFromString(payload)
    except message.DecodeError as error:
        raise kit_errors.InvalidArgument("payload", "is no JobNudge message") from error
    if not nudge.account_id or not (nudge.vendor_job_id or nudge.attempt_id):
        raise kit_errors.InvalidArgument("payload", "names no account, or no job")
    return model.Nudge(nudge.account_id, nudge.vendor_job_id, nudge.attempt_id)


def task_of(task: task_pb2.GenerateTask) -> model.Task:
    """Translate a task."""
    return model.Task(
        attempt_id=task.attempt_id,
        generation_id=task.generation_id,
        shot_id=task.shot_id,
        tenant_id=task.tenant_id,
        user_id=task.user_id,
        provider=task.provider,
        account_id=task.account_id,
        model=task.model,
        prompt=task.prompt,
        duration_seconds=task.duration_seconds,
        width=task.width,
        height=task.height,
        frames_per_second=task.frames_per_second,
        audio=task.audio,
        seed=task.seed,
        seed_is_users=task.seed_is_users,
        reference_asset_ids=tuple(task.reference_asset_ids),
        first_frame_asset_id=task.first_frame_asset_id,
        continued=task.continued,
        price_micros=task.price_micros,
        traceparent=task.traceparent,
        last_frame_asset_id=task.last_frame_asset_id,
        negative_prompt=task.negative_prompt,
    )


def task_to(task: model.Task) -> task_pb2.GenerateTask:
    """Translate a task back: for tests and simulators that play the orchestrator."""
    return task_pb2.GenerateTask(
        attempt_id=task.attempt_id,
        generation_id=task.generation_id,
        shot_id=task.shot_id,
        tenant_id=task.tenant_id,
        user_id=task.user_id,
        provider=task.provider,
        account_id=task.account_id,
        model=task.model,
        prompt=task.prompt,
        duration_seconds=task.duration_seconds,
        width=task.width,
        height=task.height,
        frames_per_second=task.frames_per_second,
        audio=task.audio,
        seed=task.seed,
        seed_is_users=task.seed_is_users,
        reference_asset_ids=task.reference_asset_ids,
        first_frame_asset_id=task.first_frame_asset_id,
        continued=task.continued,
        price_micros=task.price_micros,
        traceparent=task.traceparent,
        last_frame_asset_id=task.last_frame_asset_id,
        negative_prompt=task.negative_prompt,
    )


def card_to(card: model.ProviderCard) -> pool_service_pb2.ProviderCard:
    """Translate a card."""
    return pool_service_pb2.ProviderCard(
        provider=card.provider,
        version=card.version,
        models=[_model_to(each) for each in card.models],
        recovery=f"RECOVERY_{card.recovery}",
        free=card.free,
        creation_delay_seconds=card.creation_delay_seconds,
        listing_delay_seconds=card.listing_delay_seconds,
        cancellable=card.cancellable,
        polls_per_second=card.polls_per_second,
    )


def _model_to(card: model.ModelCard) -> pool_service_pb2.ModelCard:
    return pool_service_pb2.ModelCard(
        model=card.model,
        shortest_seconds=card.shortest_seconds,
        longest_seconds=card.longest_seconds,
        durations_seconds=card.durations_seconds,
        sizes=card.sizes,
        largest_pixels=card.largest_pixels,
        reference_images=card.reference_images,
        first_frame=card.first_frame,
        audio=card.audio,
        seed=card.seed,
        prices=[_price_to(price) for price in card.prices],
        retires_on=card.retires_on.isoformat() if card.retires_on else "",
        longest_render_seconds=card.longest_render_seconds,
        seconds_per_second=card.seconds_per_second,
        longest_prompt=card.longest_prompt,
        quality=card.quality,
        needs_picture=card.needs_picture,
        last_frame=card.last_frame,
        negative_prompt=card.negative_prompt,
        references_with_frames=card.references_with_frames,
        last_frame_alone=card.last_frame_alone,
    )


def _price_to(price: model.Price) -> pool_service_pb2.Price:
    return pool_service_pb2.Price(
        effective_on=price.effective_on.isoformat(),
        micros_per_second=price.micros_per_second,
        micros_per_clip=price.micros_per_clip,
    )


def leave_of(answer: attempt_service_pb2.BeginResponse) -> model.Go | model.Drop:
    """Translate the answer to Begin; one that says nothing is no leave."""
    if answer.WhichOneof("answer") == "go":
        return model.Go(_seconds(answer.go.submit_within))
    return model.Drop(answer.drop.reason or "no leave was given", answer.drop.come_again)


def mark_to(mark: model.Mark | None) -> record_mark_pb2.RecordMark:
    """Translate what was seen of the record; an empty message when that is nothing."""
    if mark is None:
        return record_mark_pb2.RecordMark()
    return record_mark_pb2.RecordMark(era_id=mark.era_id, position=mark.position, event_id=mark.event_id)


def _mark_of(mark: record_mark_pb2.RecordMark) -> model.Mark | None:
    return model.Mark(mark.era_id, mark.position, mark.event_id) if mark.era_id else None


def begin_to(attempt_id: str, worker_id: str, nonce: str, mark: model.Mark | None) -> attempt_service_pb2.BeginRequest:
    """Translate the question for leave."""
    return attempt_service_pb2.BeginRequest(attempt_id=attempt_id, worker_id=worker_id, nonce=nonce, mark=mark_to(mark))


def fact_to(fact: model.JobFact) -> attempt_service_pb2.RecordRequest:
    """Translate the fact that a job has an id."""
    return attempt_service_pb2.RecordRequest(
        attempt_id=fact.attempt_id,
        worker_id=fact.worker_id,
        job_id=fact.job_id,
        evidence=f"EVIDENCE_{fact.evidence}",
        project=fact.project,
        account_id=fact.account_id,
        model=fact.model,
    )


def declined_to(
    attempt_id: str, worker_id: str, nonce: str, declined: model.Declined
) -> attempt_service_pb2.DeclineRequest:
    """Translate how a submit ended that yielded no id."""
    request = attempt_service_pb2.DeclineRequest(
        attempt_id=attempt_id,
        worker_id=worker_id,
        nonce=nonce,
        verdict=f"VERDICT_{declined.verdict}",
        message=declined.message,
    )
    if declined.retry_after_seconds is not None:
        request.retry_after.CopyFrom(duration_to(declined.retry_after_seconds))
    return request


def ending_to(ending: model.Ending) -> attempt_service_pb2.FinishRequest:
    """Translate how a job ended."""
    request = attempt_service_pb2.FinishRequest(
        attempt_id=ending.attempt_id,
        worker_id=ending.worker_id,
        job_id=ending.job_id,
        outcome=f"OUTCOME_{ending.outcome}",
        clip_asset_id=ending.clip_asset_id,
        cost_micros=ending.cost_micros,
        message=ending.message,
    )
    if ending.clip is not None:
        request.clip.CopyFrom(
            attempt_service_pb2.ClipFacts(
                width=ending.clip.width,
                height=ending.clip.height,
                duration_seconds=ending.clip.duration_seconds,
                size_bytes=ending.clip.size_bytes,
            )
        )
    return request


def report_to(report: model.LeaseReport) -> pool_service_pb2.RenewLeaseRequest:
    """Translate what a worker holds."""
    return pool_service_pb2.RenewLeaseRequest(
        worker_id=report.worker_id,
        kind=WORKER_KIND,
        pool=report.pool,
        name=report.name,
        submitting=report.submitting,
        watching=report.watching,
        finding=report.finding,
        room=report.room,
        mark=mark_to(report.mark),
        counted_era_id=report.counted_era_id,
        cordoned=report.cordoned,
        idle=report.idle,
    )


def answer_of(answer: pool_service_pb2.RenewLeaseResponse) -> model.LeaseAnswer:
    """Translate what a worker must know."""
    return model.LeaseAnswer(
        held=answer.held,
        lease_seconds=_seconds(answer.lease),
        renew_every_seconds=_seconds(answer.renew_every),
        watch=tuple(model.WatchOrder(task_of(o.task), o.job_id, o.cancel) for o in answer.watch),
        find=tuple(_find_of(o) for o in answer.find),
        cancel=tuple(answer.cancel),
        forget=tuple(answer.forget),
        cordoned=answer.cordoned,
        rates=dict(answer.rates),
        mark=_mark_of(answer.mark),
        recovering=answer.recovering,
        census=tuple(_census_of(o) for o in answer.census),
    )


def _census_of(order: pool_service_pb2.CensusOrder) -> model.CensusOrder:
    since = order.since.ToDatetime(datetime.UTC) if order.HasField("since") else None
    return model.CensusOrder(order.era_id, order.account_id, since, _seconds(order.wait))


def census_to(page: model.CensusPage) -> pool_service_pb2.ReportCensusRequest:
    """Translate a part of what an account has."""
    return pool_service_pb2.ReportCensusRequest(
        worker_id=page.worker_id,
        era_id=page.era_id,
        account_id=page.account_id,
        jobs=[
            pool_service_pb2.ListedJob(
                job_id=job.job_id,
                attempt_id=job.attempt_id,
                seed=job.seed,
                model=job.model,
                project=job.project,
                evidence=f"EVIDENCE_{job.evidence}",
            )
            for job in page.jobs
        ],
        last=page.last,
        complete=page.complete,
        message=page.message,
    )


def _find_of(order: pool_service_pb2.FindOrder) -> model.FindOrder:
    return model.FindOrder(
        task=task_of(order.task),
        revision=order.revision,
        wait_seconds=_seconds(order.wait),
        exclusive=order.exclusive,
        rivals=max(1, order.rivals),
        claimed_job_ids=frozenset(order.claimed_job_ids),
    )


def clip_header(task: model.Task, asset_id: str) -> storage_service_pb2.PutHeader:
    """Describe the clip of an attempt to storage: provisional, until the transition that uses it keeps it."""
    return storage_service_pb2.PutHeader(
        asset_id=asset_id,
        tenant_id=task.tenant_id,
        user_id=task.user_id,
        kind=asset_pb2.ASSET_KIND_CLIP,
        content_type=VIDEO_TYPE,
        generation_id=task.generation_id,
        name=task.attempt_id,
    )


def progress_note(task: model.Task, percent: int, activity: str) -> bytes:
    """Make the message that tells watchers how far a clip is."""
    return task_pb2.ProgressNote(
        generation_id=task.generation_id, shot_id=task.shot_id, progress_percent=percent, activity=activity
    ).SerializeToString()


def picture_of(asset_id: str, content_type: str, parts: Sequence[bytes]) -> model.Picture:
    """Join the pieces of a picture."""
    return model.Picture(asset_id, content_type, b"".join(parts))


def duration_to(seconds: float) -> duration_pb2.Duration:
    """Translate seconds."""
    duration = duration_pb2.Duration()
    duration.FromTimedelta(datetime.timedelta(seconds=seconds))
    return duration


def _seconds(duration: duration_pb2.Duration) -> float:
    return duration.ToTimedelta().total_seconds()
