"""The engine behind its lanes of worker processes."""

import pathlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from reelmesh_media.engine import floors, probe, processes, sheets, stills
from reelmesh_media.engine import images as image_engine
from reelmesh_media.engine import ladder as ladder_engine
from reelmesh_media.model import images, infographics, ladder, refusals, video

Result = TypeVar("Result")


class ProcessEngine:
    """Pixels and sound in processes that can be killed: quick jobs never wait behind ladders."""

    def __init__(self, quick: processes.Processes, ladders: processes.Processes) -> None:
        """Take the two lanes."""
        self._quick = quick
        self._ladders = ladders

    async def probe(self, path: pathlib.Path) -> video.MediaFacts:
        """Measure a video."""
        return await _tried(lambda: self._quick.run(probe.probe, path), refusals.VideoCrashes)

    async def last_frame(self, path: pathlib.Path, out: pathlib.Path) -> ladder.MadeFile:
        """Write the very last frame of a video."""
        return await _tried(lambda: self._quick.run(stills.last_frame, path, out), refusals.VideoCrashes)

    async def webp(self, path: pathlib.Path, out: pathlib.Path) -> ladder.MadeFile:
        """Write a JPEG as WebP."""
        return await _tried(lambda: self._quick.run(sheets.webp, path, out), refusals.ImageCrashes)

    async def spritesheet(self, path: pathlib.Path, out: pathlib.Path) -> ladder.MadeFile:
        """Write frames of a video in rows."""
        return await _tried(lambda: self._quick.run(sheets.spritesheet, path, out), refusals.VideoCrashes)

    async def infographic(self, request: infographics.InfographicRequest, out: pathlib.Path) -> ladder.MadeFile:
        """Draw a still picture in place of a video, as PNG."""
        return await _tried(lambda: self._quick.run(floors.infographic, request, out), refusals.ImageCrashes)

    async def clean_image(self, path: pathlib.Path, out: pathlib.Path) -> images.ImageFacts:
        """Check an image and write it anew without metadata."""
        return await _tried(lambda: self._quick.run(image_engine.inspect_image, path, out), refusals.ImageCrashes)

    async def ladder(
        self, request: ladder.LadderRequest, on_progress: Callable[[ladder.Progress], None]
    ) -> ladder.LadderResult:
        """Stitch, check and encode."""
        return await _tried(
            lambda: self._ladders.run(ladder_engine.make, request, on_progress=on_progress), refusals.VideoCrashes
        )


async def _tried(job: Callable[[], Awaitable[Result]], verdict: type[refusals.MediaError]) -> Result:
    """Do a job, once more in a fresh process if its first crashes; a second crash is a verdict on the file.

    Raises:
        refusals.MediaError: as the job, or `verdict`.
    """
    try:
        return await job()
    except refusals.WorkerCrashed:
        pass
    try:
        return await job()
    except refusals.WorkerCrashed as error:
        raise verdict(error.reason) from error
