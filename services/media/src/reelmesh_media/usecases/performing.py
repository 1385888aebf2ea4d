"""Performs steps: fetches the clips, works on them, stores what comes of it."""

import asyncio
import contextlib
import pathlib
import shutil
import tempfile
from collections.abc import Generator

from reelmesh_kit import errors

from reelmesh_media import crash_points, ports
from reelmesh_media.model import findings, infographics, ladder, refusals, steps, video

# A progress note is shouted at most when the share has grown by this much.
PROGRESS_STEP_PERCENT = 5
_SOUND_FINDINGS = frozenset({findings.FindingKind.NO_AUDIO, findings.FindingKind.SILENT})


@contextlib.contextmanager
def scratch(folder: pathlib.Path) -> Generator[pathlib.Path]:
    """Give a folder that is gone afterwards, whatever happened in it.

    Raises:
        errors.StorageFull: its disk has no room for it, or for what was written into it.
    """
    with _room():
        made = pathlib.Path(tempfile.mkdtemp(dir=folder))
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def _room() -> Generator[None]:
    try:
        yield
    except refusals.OutputDiskFull as error:
        raise errors.StorageFull(str(error)) from error
    except OSError as error:
        if error.errno not in refusals.OUT_OF_ROOM:
            raise
        raise errors.StorageFull("the disk that media works on has no room left; free space and try again") from error


class Performing:
    """Performs one run of a step."""

    def __init__(self, assets: ports.Assets, engine: ports.Engine, shout: ports.Shout, folder: pathlib.Path) -> None:
        """Take the ports and the folder that scratch folders are made in."""
        self._assets = assets
        self._engine = engine
        self._shout = shout
        self._folder = folder

    async def perform(self, work: steps.Work) -> steps.Result:
        """Do what the step says; whatever cannot be done is a result as well.

        Raises:
            errors.RetryableError: another service does not answer at the moment.
            errors.StorageFull: there is no room, to work in or for the result, at the moment.
        """
        with scratch(self._folder) as folder:
            try:
                if isinstance(work.what, steps.LastFrame):
                    return await self._take_frame(work, work.what, folder)
                if isinstance(work.what, steps.Infographic):
                    return await self._draw(work, work.what, folder)
                return await self._make_ladder(work, work.what, folder)
            except refusals.OutputDiskFull:
                raise
            except refusals.MediaError as error:
                return steps.Failed(str(error), error.retryable)
            except errors.NotFound as error:
                return steps.Failed(f"a clip is gone: {error.message}", retryable=False)

    async def _take_frame(self, work: steps.Work, what: steps.LastFrame, folder: pathlib.Path) -> steps.Result:
        clip, out = folder / "clip", folder / "frame.png"
        await self._assets.download(what.clip_asset_id, clip)
        made = await self._engine.last_frame(clip, out)
        crash_points.STEP_MADE.passed()
        frame_asset_id = work.asset_id("frame")
        await self._upload(work, made.path, steps.Kind.FRAME, frame_asset_id, width=made.width, height=made.height)
        return steps.FrameTaken(frame_asset_id)

    async def _draw(self, work: steps.Work, what: steps.Infographic, folder: pathlib.Path) -> steps.Result:
        images: list[pathlib.Path] = []
        for position, asset_id in enumerate(what.reference_asset_ids):
            image = folder / f"image-{position}"
            with contextlib.suppress(errors.NotFound):  # it has expired: the words will do
                await self._assets.download(asset_id, image)
                images.append(image)
        request = infographics.InfographicRequest(
            what.prompt, what.category, video.Size(what.width, what.height), what.seed, tuple(images)
        )
        made = await self._engine.infographic(request, folder / "infographic.png")
        crash_points.STEP_MADE.passed()
        asset_id = work.asset_id("infographic")
        await self._upload(work, made.path, steps.Kind.INFOGRAPHIC, asset_id, width=made.width, height=made.height)
        return steps.PictureDrawn(asset_id, made.width, made.height, made.size_bytes)

    async def _make_ladder(self, work: steps.Work, what: steps.Ladder, folder: pathlib.Path) -> steps.Result:
        clips = [folder / f"clip-{position}" for position in range(len(what.clip_asset_ids))]
        for asset_id, clip in zip(what.clip_asset_ids, clips, strict=True):
            await self._assets.download(asset_id, clip)
            try:
                await self._engine.probe(clip)
            except refusals.VideoRefused as error:
                return steps.Failed(str(error), retryable=False, broken_clip_asset_id=asset_id)
        results = folder / "results"
        results.mkdir()
        request = ladder.LadderRequest(tuple(clips), results, what.duration_seconds, what.rungs)
        made = await self._engine.ladder(request, self._progress(work))
        crash_points.STEP_MADE.passed()
        return await self._store(work, what, made)

    async def _store(self, work: steps.Work, what: steps.Ladder, made: ladder.LadderResult) -> steps.Result:
        renditions: list[steps.MadeRendition] = []
        prefix = f"{what.label}-" if what.label else ""
        for rendition in made.renditions:
            file = rendition.file
            stored = steps.MadeRendition(
                asset_id=work.asset_id(rendition.label),
                name=rendition.label,
                width=file.width,
                height=file.height,
                duration_seconds=rendition.duration_seconds,
                size_bytes=file.size_bytes,
            )
            await self._upload(
                work,
                file.path,
                steps.Kind.RENDITION,
                stored.asset_id,
                # The first is the video itself and needs no further name.
                name=prefix + rendition.label if renditions else what.label,
                width=file.width,
                height=file.height,
                duration_seconds=rendition.duration_seconds,
            )
            renditions.append(stored)
        thumbnail, poster = work.asset_id("thumbnail"), work.asset_id("poster")
        for asset_id, kind, still in (
            (thumbnail, steps.Kind.THUMBNAIL, made.thumbnail),
            (poster, steps.Kind.POSTER, made.poster),
        ):
            await self._upload(
                work, still.path, kind, asset_id, name=what.label, width=still.width, height=still.height
            )
        noticed = tuple(
            steps.Noticed(one.kind.value, one.start_seconds, one.end_seconds, one.detail)
            for one in made.findings
            if what.audio or one.kind not in _SOUND_FINDINGS
        )
        return steps.LadderMade(tuple(renditions), thumbnail, poster, noticed)

    async def _upload(
        self,
        work: steps.Work,
        path: pathlib.Path,
        kind: steps.Kind,
        asset_id: str,
        *,
        name: str = "",
        width: int = 0,
        height: int = 0,
        duration_seconds: float = 0.0,
    ) -> None:
        types = {".mp4": "video/mp4", ".jpg": "image/jpeg", ".png": "image/png"}
        await self._assets.upload(
            path,
            steps.Upload(
                asset_id=asset_id,
                owner=work.owner,
                kind=kind,
                content_type=types[path.suffix],
                generation_id=work.generation_id,
                name=name,
                width=width,
                height=height,
                duration_seconds=duration_seconds,
            ),
        )

    def _progress(self, work: steps.Work) -> "ProgressNotes":
        return ProgressNotes(self._shout, work)


class ProgressNotes:
    """Passes an engine's reports on as progress of the step, not more often than anybody can see."""

    def __init__(self, shout: ports.Shout, work: steps.Work) -> None:
        """Take who hears it and whose progress it is."""
        self._shout = shout
        self._work = work
        self._told = -PROGRESS_STEP_PERCENT
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, report: ladder.Progress) -> None:
        """Take a report of the engine, on the event loop."""
        percent = int(100 * report.share)
        if percent - self._told < PROGRESS_STEP_PERCENT:
            return
        self._told = percent
        note = self._shout(self._work.generation_id, self._work.shot_id, percent, report.stage)
        task = asyncio.ensure_future(note)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
