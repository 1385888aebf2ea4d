"""Hears how far workers are, and tells watchers that something happened."""

import asyncio
import contextlib
import uuid
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator

from google.protobuf import message as protobuf
from reelmesh.mesh.v1 import task_pb2
from reelmesh_kit import bus

from reelmesh_orchestrator.model import draft, generation, shot

# Generations whose progress is remembered.
REMEMBERED = 10_000
# Notes that a slow watcher may fall behind; the oldest are dropped, events are read from the record anyway.
NOTES_LIMIT = 100
# Share of the whole that making the shots takes, percent; checking and encoding take the rest.
SHOTS_PERCENT = 80


class Progress:
    """A board of the last word on each shot and step, and a bell for those who watch a generation."""

    def __init__(self, link: bus.Bus) -> None:
        """Take the bus."""
        self._bus = link
        self._board: OrderedDict[str, dict[str, tuple[int, str]]] = OrderedDict()

    async def listen(self) -> None:
        """Keep the board, for ever."""
        async with self._bus.hear("progress.*") as notes:
            async for note in notes:
                self._note(note.payload)

    def _note(self, payload: bytes) -> None:
        try:
            note = task_pb2.ProgressNote.FromString(payload)
        except protobuf.DecodeError:
            return  # lossy by contract: whoever shouts nonsense is not heard
        words = self._board.setdefault(note.generation_id, {})
        words[note.shot_id] = (min(max(note.progress_percent, 0), 100), note.activity)
        self._board.move_to_end(note.generation_id)
        while len(self._board) > REMEMBERED:
            self._board.popitem(last=False)

    def percent(self, aggregate: draft.Aggregate) -> int:
        """Return 0 to 100: shots by their length, then checking and encoding."""
        current = aggregate.generation
        if current.state is generation.GenerationState.COMPLETED:
            return 100
        words = self._board.get(str(current.id), {})
        total = sum(one.duration_seconds for one in aggregate.shots)
        if current.state is generation.GenerationState.PROCESSING:
            return SHOTS_PERCENT + words.get("", (0, ""))[0] * (99 - SHOTS_PERCENT) // 100
        if current.state is not generation.GenerationState.GENERATING or not total:
            return 0
        made = sum(one.duration_seconds * self._share(one, words) for one in aggregate.shots)
        return int(SHOTS_PERCENT * made / total)

    def _share(self, one: shot.Shot, words: dict[str, tuple[int, str]]) -> float:
        if one.state is shot.ShotState.DONE:
            return 1.0
        return words.get(str(one.id), (0, ""))[0] / 100 if one.state is shot.ShotState.GENERATING else 0.0

    def activity(self, generation_id: uuid.UUID) -> str:
        """Return what is being done, in the words of whoever shouted last."""
        words = self._board.get(str(generation_id), {})
        return next((activity for _, activity in reversed(words.values())), "")

    @contextlib.asynccontextmanager
    async def bell(self, generation_id: uuid.UUID) -> AsyncGenerator[asyncio.Event]:
        """Ring while something happens to a generation, here or at another orchestrator."""
        rang = asyncio.Event()
        async with (
            self._bus.hear(f"event.*.{generation_id}.*", limit=NOTES_LIMIT) as events,
            self._bus.hear(f"progress.{generation_id}", limit=NOTES_LIMIT) as progress,
        ):
            ringers = [asyncio.create_task(_ring(notes, rang)) for notes in (events, progress)]
            try:
                yield rang
            finally:
                for ringer in ringers:
                    ringer.cancel()
                await asyncio.gather(*ringers, return_exceptions=True)


async def _ring(notes: AsyncIterator[bus.Note], rang: asyncio.Event) -> None:
    async for _ in notes:
        rang.set()
