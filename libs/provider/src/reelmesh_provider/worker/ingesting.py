"""Ingesting: a finished clip goes from the provider into storage while it is checked to be a video."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from opentelemetry.trace import SpanKind
from reelmesh_kit import errors as kit_errors
from reelmesh_kit import ids

from reelmesh_provider import crash_points, errors, model, port
from reelmesh_provider.worker.surroundings import Surroundings, span_attributes

# The box type of ISO media (MP4, QuickTime) stands at this offset.
MAGIC = b"ftyp"
MAGIC_OFFSET_BYTES = 4
# What is no video once may be an error page of a proxy; this often in a row it is what the provider has.
FETCHES_OF_WHAT_IS_NO_VIDEO = 3


class NoVideo(kit_errors.ReelmeshError):
    """What came in place of the clip is no MP4."""

    reason = kit_errors.Reason.BROKEN_MEDIA


class TooLong(kit_errors.ReelmeshError):
    """The clip is larger than this worker takes. Raise REELMESH_LARGEST_CLIP_BYTES."""

    reason = kit_errors.Reason.TOO_LARGE


def clip_asset_id(attempt_id: str) -> str:
    """Return the id of an attempt's clip: derived, so that whoever fetches it again stores the same asset."""
    return str(ids.derived(attempt_id, "clip"))


@dataclass
class Ingesting:
    """Takes clips in, a few at once."""

    around: Surroundings
    _no_videos: dict[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.around.limits.fetch_slots)

    async def take_in(self, task: model.Task, job: model.Job, worker_id: str, made: model.Succeeded) -> model.Ending:
        """Fetch, store and measure a clip; returns how the job ended.

        Raises:
            Exception: it did not work this time; nothing is lost, ask the provider again and repeat.
        """
        own = self.around.chassis

        def ending(outcome: model.Outcome, message: str = "") -> model.Ending:
            return model.Ending(task.attempt_id, worker_id, job.job_id, outcome, message, made.cost_micros)

        asset_id = clip_asset_id(task.attempt_id)
        with own.telemetry.span("ingest", parent=task.traceparent, attributes=span_attributes(task)):
            try:
                size_bytes = await self._store(task, job, asset_id)
                crash_points.STORED.passed()
                facts = await self.around.mesh.clips.probe(asset_id, size_bytes)
                crash_points.MEASURED.passed()
            except errors.FetchLost as error:
                return ending(model.Outcome.FETCH_LOST, error.message)
            except (kit_errors.BrokenMedia, TooLong) as error:
                return ending(model.Outcome.BROKEN, error.message)
            except NoVideo as error:
                if not self._hopeless(task.attempt_id):
                    raise
                return ending(model.Outcome.BROKEN, error.message)
        self._no_videos.pop(task.attempt_id, None)
        return model.Ending(
            task.attempt_id,
            worker_id,
            job.job_id,
            model.Outcome.SUCCEEDED,
            message=made.remark,
            cost_micros=made.cost_micros,
            clip_asset_id=asset_id,
            clip=facts,
        )

    def forget(self, attempt_id: str) -> None:
        """Forget what is remembered about an attempt."""
        self._no_videos.pop(attempt_id, None)

    async def _store(self, task: model.Task, job: model.Job, asset_id: str) -> int:
        own = self.around.chassis
        with own.telemetry.span("fetch", kind=SpanKind.CLIENT, attributes=span_attributes(task)) as span:
            span.set_attribute("gen_ai.response.id", job.job_id)
            async with self._slots, self.around.provider.fetch(job) as download:
                chunks = checked(download, self.around.limits.largest_clip_bytes)
                size_bytes = await self.around.mesh.assets.put_clip(task, asset_id, chunks)
            span.set_attribute("reelmesh.clip.bytes", size_bytes)
        self.around.metrics.fetched.labels(self.around.name).inc(size_bytes)
        return size_bytes

    def _hopeless(self, attempt_id: str) -> bool:
        times = self._no_videos.get(attempt_id, 0) + 1
        self._no_videos[attempt_id] = times
        if times < FETCHES_OF_WHAT_IS_NO_VIDEO:
            return False
        del self._no_videos[attempt_id]
        return True


async def checked(download: port.Download, limit_bytes: int) -> AsyncIterator[bytes]:
    """Pass the bytes on as long as they look like a whole MP4 of a sane size.

    Raises:
        NoVideo: they do not begin like one.
        TooLong: more than `limit_bytes`.
        FetchFailed: fewer than the provider announced.
    """
    head = b""
    size_bytes = 0
    async for chunk in download.chunks:
        size_bytes += len(chunk)
        if size_bytes > limit_bytes:
            raise TooLong(limit_bytes=limit_bytes)
        if size_bytes - len(chunk) >= MAGIC_OFFSET_BYTES + len(MAGIC):
            yield chunk
            continue
        head += chunk
        if _begins_like_a_video(head):
            yield head
    if size_bytes < MAGIC_OFFSET_BYTES + len(MAGIC):
        raise NoVideo(f"the provider sent {size_bytes} bytes in place of a clip")
    if download.size_bytes is not None and size_bytes != download.size_bytes:
        raise errors.FetchFailed(f"{size_bytes} bytes came, {download.size_bytes} were announced")


def _begins_like_a_video(head: bytes) -> bool:
    """Return whether enough is known. Raises NoVideo when it is known to be none."""
    if len(head) < MAGIC_OFFSET_BYTES + len(MAGIC):
        return False
    if head[MAGIC_OFFSET_BYTES:][: len(MAGIC)] != MAGIC:
        raise NoVideo(f"the provider sent no MP4; it begins with {head[:16]!r}")
    return True
