"""From a message to the worker: pulled only while something may begin, done as soon as it is begun or refused."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

from reelmesh.mesh.v1 import task_pb2
from reelmesh_kit import bus
from reelmesh_provider import consumer, model, testing, wire


class Bus:
    """Counts who pulls and hands out nothing."""

    def __init__(self) -> None:
        self.pulling = 0
        self.asked: list[tuple[str, str, int]] = []

    async def work(self, durable: str, subject: str, handle: object, *, slots: int, **rest: object) -> None:
        self.asked.append((durable, subject, slots))
        self.pulling += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.pulling -= 1


def consuming(scene) -> tuple[consumer.Consumer, Bus]:
    pulled = Bus()
    return consumer.Consumer(scene.chassis, pulled, scene.worker, provider="scripted", slots=2), pulled  # type: ignore[arg-type]


def delivery(task: model.Task) -> bus.Delivery:
    return bus.Delivery("task.generate.scripted", wire.task_to(task).SerializeToString())


async def test_a_task_that_was_begun_is_done(scene) -> None:
    await scene.start()
    row = scene.mesh.dispatch(testing.make_task())
    assert await consuming(scene)[0].handle(delivery(row.task)) == bus.Done()
    await scene.until_idle()
    assert scene.provider.submits == [row.task.attempt_id]


async def test_a_task_that_may_begin_later_comes_again(scene) -> None:
    await scene.start()
    scene.mesh.drop = model.Drop("not now", come_again=True)
    row = scene.mesh.dispatch(testing.make_task())
    result = await consuming(scene)[0].handle(delivery(row.task))
    assert result == bus.Again(consumer.COME_AGAIN_SECONDS)


async def test_what_is_no_task_is_poison(scene) -> None:
    result = await consuming(scene)[0].handle(bus.Delivery("task.generate.scripted", b"\xff"))
    assert isinstance(result, bus.Poison)


async def test_nothing_is_pulled_without_a_lease_nor_while_cordoned(scene) -> None:
    pulls, pulled = consuming(scene)
    running = asyncio.create_task(pulls.run())
    await scene.settle()
    assert pulled.pulling == 0
    await scene.start()
    scene.lease.grant(scene.clock.elapsed(), model.LeaseAnswer(True, 1e9, 5.0))
    await scene.settle()
    assert pulled.pulling == 1
    assert pulled.asked == [("generate-scripted", "task.generate.scripted", 2)]
    scene.lease.grant(scene.clock.elapsed(), model.LeaseAnswer(True, 1e9, 5.0, cordoned=True))
    await scene.settle()
    assert pulled.pulling == 0
    scene.lease.grant(scene.clock.elapsed(), model.LeaseAnswer(True, 1e9, 5.0))
    await scene.settle()
    assert pulled.pulling == 1
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert pulled.pulling == 0


def test_a_nudge_reaches_the_worker_and_what_is_none_is_passed_over(scene) -> None:
    listening = consumer.Listener(scene.chassis, Bus(), scene.worker, provider="scripted")  # type: ignore[arg-type]
    for payload in (b"\xff", b"", task_pb2.JobNudge(account_id="one").SerializeToString()):
        listening.hear(bus.Note("nudge.scripted.one", payload))
    heard = vars(scene.worker)["_heard"]
    assert heard.of("one", "", "") is None
    told = task_pb2.JobNudge(account_id="one", vendor_job_id="job-1", attempt_id="attempt-1")
    listening.hear(bus.Note("nudge.scripted.one", told.SerializeToString()))
    assert heard.of("one", "attempt-1", "") == model.Nudge("one", "job-1", "attempt-1")


class Heard:
    """Notes what is shouted, and has something to hear."""

    def __init__(self, mesh: testing.MemoryMesh) -> None:
        self._mesh = mesh
        self.shouted: list[tuple[str, bool]] = []

    async def shout(self, subject: str, payload: bytes) -> None:
        self.shouted.append((subject, bool(self._mesh.lapsed)))

    @contextlib.asynccontextmanager
    async def hear(self, subject: str) -> AsyncGenerator[AsyncIterator[bus.Note]]:
        async def notes() -> AsyncIterator[bus.Note]:
            yield bus.Note(subject, b"")

        yield notes()


async def test_who_leaves_says_so_once_its_lease_has_ended(scene) -> None:
    await scene.start()
    heard = Heard(scene.mesh)
    await consumer.Heirs(heard, scene.worker, provider="scripted").leave(1.0)  # type: ignore[arg-type]
    assert heard.shouted == [("nudge.scripted.lease.released", True)]


async def test_who_hears_of_it_asks_what_there_is_to_watch(scene) -> None:
    await scene.start()
    asked = len(scene.mesh.reports)
    renewing = asyncio.create_task(scene.leasing.run())
    await scene.settle()
    await consumer.Heirs(Heard(scene.mesh), scene.worker, provider="scripted").run()  # type: ignore[arg-type]
    await scene.settle()
    scene.clock.advance(1.0)
    await scene.settle()
    assert len(scene.mesh.reports) == asked + 2, "at its start, and now"
    renewing.cancel()
    await asyncio.gather(renewing, return_exceptions=True)
