"""The OpenAI door: the unmodified SDK, whose creates lose our answer, and which sends them again by itself."""

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Sequence

import openai
from reelmesh_kit import clock

from tests.chaos_money import faults, films, record, scene
from tests.support import lost_answers

NAME = "/v1/videos (openai SDK)"
# The SDK's own default: a create is sent three times at most.
SDK_RETRIES = 2
# How the vendor behind the door misbehaves besides.
BEHIND = ("", "[[accept-drop]]", "[[busy=0.3:1]]", "[[vanish:1]]")
DROPS = (1, 2)


def _fault(drops: int, behind: str) -> faults.Fault:
    also = re.match(r"\[\[([a-z-]+)", behind)
    return faults.Fault(f"our answer lost x{drops}" + (f", {also[1]}" if also else ""), behind)


FAULTS: Sequence[tuple[int, faults.Fault]] = tuple(
    (drops, _fault(drops, behind)) for drops in DROPS for behind in BEHIND
)


class Door:
    """Videos through the door, with one wire for each number of answers that are lost."""

    def __init__(self, stage: scene.Scene, limits: films.Limits, seen: record.Record) -> None:
        """Ask the gateway of a scene."""
        self._scene = stage
        self._limits = limits
        self._seen = seen
        self._clock = clock.SystemClock()

    async def run(self, asked: Sequence[tuple[int, films.Film]]) -> None:
        """Have all of them made."""
        slots = asyncio.Semaphore(self._limits.parallel)
        port = self._scene.mesh.one("gateway").running.http_port
        async with contextlib.AsyncExitStack() as stack:
            clients = {
                drops: await stack.enter_async_context(self._client(f"http://127.0.0.1:{port}", drops))
                for drops in {drops for drops, _ in asked}
            }
            async with asyncio.TaskGroup() as group:
                for drops, film in asked:
                    group.create_task(self._make(clients[drops], film, slots))

    @contextlib.asynccontextmanager
    async def _client(self, gateway: str, drops: int) -> AsyncGenerator[openai.AsyncOpenAI]:
        async with (
            lost_answers.wired([gateway]) as (wire, root),
            openai.AsyncOpenAI(base_url=f"{root}/v1", api_key=self._scene.mesh.key, max_retries=SDK_RETRIES) as client,
        ):
            wire.drops_of_each = drops
            yield client

    async def _make(self, client: openai.AsyncOpenAI, film: films.Film, slots: asyncio.Semaphore) -> None:
        dialect = film.shop.dialect
        async with slots:
            film.asked_at = self._clock.elapsed()
            video = await client.videos.create(
                prompt=film.prompt,
                model=f"policy/{dialect.name}",
                size=f"{dialect.width}x{dialect.height}",  # type: ignore[arg-type]
                seconds=str(dialect.seconds),  # type: ignore[arg-type]
            )
            text = video.id.removeprefix("video_")
            film.generation_id = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
            await films.ended(self._scene, self._seen, film, self._limits)
