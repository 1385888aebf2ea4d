"""A worker of media that is cordoned: what it has it finishes, what it is handed it hands on."""

import asyncio
import uuid
from types import SimpleNamespace
from typing import Any

from reelmesh.mesh.v1 import task_pb2
from reelmesh_kit import bus, clock
from reelmesh_media import consumer
from reelmesh_media.model import steps

STEP = uuid.UUID(int=1)
DELIVERY: Any = SimpleNamespace(payload=task_pb2.MediaTask(step_id=str(STEP)).SerializeToString())
WORK: Any = SimpleNamespace(token="token")


class Book:
    """Hands out a run when it is let."""

    def __init__(self) -> None:
        self.let, self.asked = asyncio.Event(), asyncio.Event()
        self.begun = 0
        self.finished: list[str] = []

    async def begin(self, step_id: uuid.UUID, worker_id: str) -> Any:
        self.begun += 1
        self.asked.set()
        await self.let.wait()
        return WORK if self.begun == 1 else steps.Nothing("done", 0.0)

    async def finish(self, work: Any, worker_id: str, result: Any) -> bool:
        self.finished.append(work.token)
        return True


class Performer:
    """Takes as long as it is told to."""

    def __init__(self) -> None:
        self.let, self.asked = asyncio.Event(), asyncio.Event()

    async def perform(self, work: Any) -> Any:
        self.asked.set()
        await self.let.wait()


async def test_a_cordoned_worker_finishes_takes_nothing_new_and_is_idle_only_then() -> None:
    book, performer, cordoned = Book(), Performer(), False
    worker: Any = consumer.StepConsumer(
        book,
        performer,
        lambda: "me",
        clock.ManualClock(),
        lambda: cordoned,  # type: ignore[arg-type]
    )
    assert worker.idle
    taking = asyncio.create_task(worker.handle(DELIVERY))
    await book.asked.wait()
    cordoned = True
    assert not worker.idle, "nobody knows yet whether it has a run"
    assert await worker.handle(DELIVERY) == bus.Again(consumer.CORDONED_SECONDS)
    book.let.set()
    await performer.asked.wait()
    assert not worker.idle
    performer.let.set()
    assert await taking == bus.Done()
    assert worker.idle
    assert (book.begun, book.finished) == (1, ["token"])
    cordoned = False
    assert await worker.handle(DELIVERY) == bus.Done()


async def test_a_worker_that_stops_ends_its_lease_before_it_gives_a_step_back() -> None:
    book, performer, left = Book(), Performer(), asyncio.Event()

    async def leave() -> None:
        left.set()

    worker: Any = consumer.StepConsumer(book, performer, lambda: "me", clock.ManualClock(), leave=leave)  # type: ignore[arg-type]
    book.let.set()
    taking = asyncio.create_task(worker.handle(DELIVERY))
    await performer.asked.wait()
    taking.cancel()
    await asyncio.wait({taking})
    assert (taking.cancelled(), left.is_set(), book.finished) == (True, True, [])
    assert worker.idle
