"""Pure translation between the messages of the protos and our words."""

import datetime

from reelmesh.mesh.v1 import media_service_pb2, step_service_pb2, storage_service_pb2
from reelmesh.v1 import asset_pb2
from reelmesh_kit import errors

from reelmesh_media.model import sheets, steps, video


def work_from_proto(message: step_service_pb2.StepWork) -> steps.Work:
    """Return a run of a step."""
    return steps.Work(
        step_id=message.step_id,
        token=message.token,
        generation_id=message.generation_id,
        shot_id=message.shot_id,
        owner=steps.Owner(message.tenant_id, message.user_id),
        what=_what(message),
    )


def _what(message: step_service_pb2.StepWork) -> steps.LastFrame | steps.Ladder | steps.Infographic:
    kind = message.WhichOneof("kind")
    if kind == "last_frame":
        return steps.LastFrame(message.last_frame.clip_asset_id)
    if kind == "infographic":
        drawing = message.infographic
        return steps.Infographic(
            prompt=drawing.prompt,
            width=drawing.width,
            height=drawing.height,
            category=drawing.category,
            reference_asset_ids=tuple(drawing.reference_asset_ids),
            seed=drawing.seed,
        )
    return steps.Ladder(
        clip_asset_ids=tuple(message.ladder.clip_asset_ids),
        duration_seconds=message.ladder.duration_seconds,
        audio=message.ladder.audio,
        rungs=tuple(message.ladder.rungs),
        label=message.ladder.label,
    )


def finish_to_proto(work: steps.Work, worker_id: str, result: steps.Result) -> step_service_pb2.FinishStepRequest:
    """Return how a run ended."""
    message = step_service_pb2.FinishStepRequest(step_id=work.step_id, token=work.token, worker_id=worker_id)
    match result:
        case steps.FrameTaken():
            message.last_frame.frame_asset_id = result.frame_asset_id
        case steps.LadderMade():
            message.ladder.CopyFrom(_ladder(result))
        case steps.PictureDrawn():
            file = message.infographic.file
            file.asset_id, file.name, file.size_bytes = result.asset_id, "infographic", result.size_bytes
            file.width, file.height = result.width, result.height
        case steps.Failed():
            message.failed.message = result.message
            message.failed.retryable = result.retryable
            message.failed.broken_clip_asset_id = result.broken_clip_asset_id
    return message


def _ladder(result: steps.LadderMade) -> step_service_pb2.LadderDone:
    return step_service_pb2.LadderDone(
        files=[
            step_service_pb2.MadeFile(
                asset_id=made.asset_id,
                name=made.name,
                width=made.width,
                height=made.height,
                duration_seconds=made.duration_seconds,
                size_bytes=made.size_bytes,
            )
            for made in result.renditions
        ],
        thumbnail_asset_id=result.thumbnail_asset_id,
        poster_asset_id=result.poster_asset_id,
        findings=[
            step_service_pb2.MadeFinding(
                kind=one.kind, start_seconds=one.start_seconds, end_seconds=one.end_seconds, message=one.message
            )
            for one in result.noticed
        ],
    )


def put_header(upload: steps.Upload, size_bytes: int) -> storage_service_pb2.PutHeader:
    """Return what is said about a file when it is stored."""
    return storage_service_pb2.PutHeader(
        asset_id=upload.asset_id,
        tenant_id=upload.owner.tenant_id,
        user_id=upload.owner.user_id,
        kind=f"ASSET_KIND_{upload.kind}",
        content_type=upload.content_type,
        generation_id=upload.generation_id,
        name=upload.name,
        width=upload.width,
        height=upload.height,
        duration_seconds=upload.duration_seconds,
        expected_size_bytes=size_bytes,
    )


def stored_from_proto(upload: steps.Upload, message: asset_pb2.Asset) -> steps.Stored:
    """Return what storage says of a file that was stored."""
    return steps.Stored(
        upload=upload,
        size_bytes=message.size_bytes,
        sha256=message.sha256,
        create_time=message.create_time.ToDatetime(datetime.UTC),
        expire_time=message.expire_time.ToDatetime(datetime.UTC) if message.HasField("expire_time") else None,
    )


def stored_to_proto(stored: steps.Stored) -> asset_pb2.Asset:
    """Return what is known about a file that was stored."""
    upload = stored.upload
    return asset_pb2.Asset(
        id=upload.asset_id,
        tenant_id=upload.owner.tenant_id,
        user_id=upload.owner.user_id,
        kind=f"ASSET_KIND_{upload.kind}",
        content_type=upload.content_type,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        width=upload.width,
        height=upload.height,
        create_time=stored.create_time,
        expire_time=stored.expire_time,
    )


def picture_kind_from_proto(number: int) -> sheets.Kind:
    """Return what is to be drawn.

    Raises:
        errors.InvalidArgument: nobody knows it.
    """
    try:
        return sheets.Kind(media_service_pb2.PictureKind.Name(number).removeprefix("PICTURE_KIND_"))
    except ValueError:
        raise errors.InvalidArgument("kind", "must be THUMBNAIL or SPRITESHEET") from None


def probe_to_proto(facts: video.MediaFacts) -> media_service_pb2.ProbeClipResponse:
    """Return what a clip is."""
    return media_service_pb2.ProbeClipResponse(
        width=facts.video.shown.width,
        height=facts.video.shown.height,
        duration_seconds=float(facts.duration_seconds),
        audio=facts.audio is not None,
    )
