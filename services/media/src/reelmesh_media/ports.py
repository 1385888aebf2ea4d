"""What the use cases need from the outside, in our words."""

import pathlib
import uuid
from collections.abc import Awaitable, Callable
from typing import Protocol

from reelmesh_media.model import images, infographics, ladder, steps, video


class Assets(Protocol):
    """Bytes by their ids."""

    async def download(self, asset_id: str, path: pathlib.Path) -> steps.Owner:
        """Write an asset's bytes to a file; return whose it is.

        Raises:
            errors.NotFound: it is not there (any more).
        """
        ...

    async def upload(self, path: pathlib.Path, upload: steps.Upload) -> steps.Stored:
        """Store a file; storing the same again is harmless."""
        ...


class StepBook(Protocol):
    """The orchestrator's book of steps."""

    async def begin(self, step_id: uuid.UUID, worker_id: str) -> steps.Work | steps.Nothing:
        """Take a step, or learn why not."""
        ...

    async def finish(self, work: steps.Work, worker_id: str, result: steps.Result) -> bool:
        """Write down how a run ended; False when somebody else has taken the step meanwhile."""
        ...


class Engine(Protocol):
    """Pixels and sound, worked on outside of the event loop."""

    async def probe(self, path: pathlib.Path) -> video.MediaFacts:
        """Measure a video.

        Raises:
            refusals.VideoRefused: it is none, or broken.
        """
        ...

    async def last_frame(self, path: pathlib.Path, out: pathlib.Path) -> ladder.MadeFile:
        """Write the very last frame of a video."""
        ...

    async def webp(self, path: pathlib.Path, out: pathlib.Path) -> ladder.MadeFile:
        """Write a JPEG as WebP."""
        ...

    async def spritesheet(self, path: pathlib.Path, out: pathlib.Path) -> ladder.MadeFile:
        """Write frames of a video in rows."""
        ...

    async def infographic(self, request: infographics.InfographicRequest, out: pathlib.Path) -> ladder.MadeFile:
        """Draw a still picture in place of a video, as PNG."""
        ...

    async def clean_image(self, path: pathlib.Path, out: pathlib.Path) -> images.ImageFacts:
        """Check an image and write it anew without metadata."""
        ...

    async def ladder(
        self, request: ladder.LadderRequest, on_progress: Callable[[ladder.Progress], None]
    ) -> ladder.LadderResult:
        """Stitch, check and encode."""
        ...


# Tells how far a step is: generation, shot or "", percent, activity.
Shout = Callable[[str, str, int, str], Awaitable[None]]
