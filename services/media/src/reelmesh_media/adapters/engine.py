"""The engine behind its lanes of worker processes."""

import pathlib
from collections.abc import Callable

from reelmesh_media.engine import images as image_engine
from reelmesh_media.engine import ladder as ladder_engine
from reelmesh_media.engine import probe, processes, stills
from reelmesh_media.model import images, ladder, video


class ProcessEngine:
    """Pixels and sound in processes that can be killed: quick jobs never wait behind ladders."""

    def __init__(self, quick: processes.Processes, ladders: processes.Processes) -> None:
        """Take the two lanes."""
        self._quick = quick
        self._ladders = ladders

    async def probe(self, path: pathlib.Path) -> video.MediaFacts:
        """Measure a video."""
        return await self._quick.run(probe.probe, path)

    async def last_frame(self, path: pathlib.Path, out: pathlib.Path) -> ladder.MadeFile:
        """Write the very last frame of a video."""
        return await self._quick.run(stills.last_frame, path, out)

    async def clean_image(self, path: pathlib.Path, out: pathlib.Path) -> images.ImageFacts:
        """Check an image and write it anew without metadata."""
        return await self._quick.run(image_engine.inspect_image, path, out)

    async def ladder(
        self, request: ladder.LadderRequest, on_progress: Callable[[ladder.Progress], None]
    ) -> ladder.LadderResult:
        """Stitch, check and encode."""
        return await self._ladders.run(ladder_engine.make, request, on_progress=on_progress)
