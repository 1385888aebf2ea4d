"""What any user of a gateway does: the openai SDK creates a video, looks until it has ended, and downloads it."""

# pyright: reportDeprecated=false
# The SDK calls its video API deprecated; other servers go on to speak it.

import dataclasses
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx2
import openai
from reelmesh_kit import clock

Result = TypeVar("Result")
POLL_SECONDS = 0.5
# So often the bytes are asked for, if what comes is no video.
DOWNLOADS = 3
DOWNLOAD_PAUSE_SECONDS = 1.0
ENDED_BADLY = frozenset({"failed", "cancelled", "canceled", "expired", "error"})
ENDED_WELL = frozenset({"completed", "succeeded"})


@dataclasses.dataclass(frozen=True)
class Wish:
    """What every request asks for: a model, seconds and a size, in the words of the dialect."""

    model: str
    seconds: str
    size: str


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a user was told.

    Attributes:
        delivered: a whole video came.
        problem: why not, as the gateway said it.
        refused: whether the create itself was answered with an error, or not at all.
    """

    delivered: bool
    problem: str = ""
    refused: bool = False


class User:
    """Somebody with the openai SDK, unmodified."""

    def __init__(self, client: openai.AsyncOpenAI, wish: Wish, time: clock.Clock, patience_seconds: float) -> None:
        """Ask by `client`, and wait `patience_seconds` for each video."""
        self._client = client
        self._wish = wish
        self._clock = time
        self._patience_seconds = patience_seconds

    async def make(self, prompt: str) -> Outcome:
        """Have a video made, and download it."""
        try:
            video_id = await self._create(prompt)
        except openai.OpenAIError as error:
            return Outcome(False, _said(error), refused=True)
        ends = self._clock.elapsed() + self._patience_seconds
        status = ""
        while self._clock.elapsed() < ends:
            # An answer that does not come says nothing about the video: it is asked for again.
            found = await _or_none(lambda: self._client.videos.retrieve(video_id))
            status = str(found.status) if found is not None else status
            if status in ENDED_BADLY:
                return Outcome(False, f"the video ended {status}")
            if status in ENDED_WELL:
                return await self._downloaded(video_id)
            await self._clock.sleep(POLL_SECONDS)
        return Outcome(False, f"after {self._patience_seconds:g} s the video is {status or 'not to be seen'}")

    async def _create(self, prompt: str) -> str:
        made = await self._client.videos.create(
            prompt=prompt,
            model=self._wish.model,
            seconds=self._wish.seconds,  # type: ignore[arg-type]
            size=self._wish.size,  # type: ignore[arg-type]
        )
        return made.id

    async def _downloaded(self, video_id: str) -> Outcome:
        for _ in range(DOWNLOADS):
            content = await _or_none(lambda: self._content(video_id))
            if content is not None and content[4:8] == b"ftyp":
                return Outcome(True)
            await self._clock.sleep(DOWNLOAD_PAUSE_SECONDS)
        return Outcome(False, f"{DOWNLOADS} downloads of a completed video were none")

    async def _content(self, video_id: str) -> bytes:
        return (await self._client.videos.download_content(video_id)).read()


async def _or_none(call: Callable[[], Awaitable[Result]]) -> Result | None:
    try:
        return await call()
    except (openai.OpenAIError, httpx2.HTTPError):
        return None


def _said(error: openai.OpenAIError) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
