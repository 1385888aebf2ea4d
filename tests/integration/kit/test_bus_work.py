"""Work over a real nats-server: delivered until done, once at a time, given up in the open."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from nats.js import api
from opentelemetry import trace
from opentelemetry.sdk.trace.export import in_memory_span_exporter
from reelmesh_kit import bus, errors, process
from reelmesh_kit.bus import connection, streams

from tests.support import bus_work

SUBJECT = bus_work.SUBJECT
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_what_is_published_is_handled_and_then_gone(chassis: process.Chassis, mesh_bus: bus.Bus) -> None:
    recorder = bus_work.Recorder()
    await mesh_bus.publish(SUBJECT, b"payload", message_id="m1")
    async with bus_work.working(mesh_bus, recorder):
        await recorder.wait_for(1)
        await bus_work.until(chassis.clock, lambda: bus_work.nothing_left(mesh_bus))
    (delivery,) = recorder.deliveries
    assert (delivery.subject, delivery.payload, delivery.message_id) == (SUBJECT, b"payload", "m1")
    assert delivery.deliveries == 1


async def test_a_message_published_twice_is_delivered_once_also_after_the_first_is_done(mesh_bus: bus.Bus) -> None:
    recorder = bus_work.Recorder()
    async with bus_work.working(mesh_bus, recorder):
        for message_id in ("m1", "m1", "m2"):
            await mesh_bus.publish(SUBJECT, b"", message_id=message_id)
        await recorder.wait_for(2)
        await mesh_bus.publish(SUBJECT, b"", message_id="m1")
        await mesh_bus.publish(SUBJECT, b"", message_id="m3")
        await recorder.wait_for(3)
    assert sorted(delivery.message_id for delivery in recorder.deliveries) == ["m1", "m2", "m3"]


async def test_again_delivers_after_the_delay_and_not_before(mesh_bus: bus.Bus) -> None:
    recorder = bus_work.Recorder(bus.Again(0.5))
    await mesh_bus.publish(SUBJECT, b"", message_id="m1")
    async with bus_work.working(mesh_bus, recorder):
        await recorder.wait_for(2)
    assert 0.5 <= recorder.times[1] - recorder.times[0] < 2.0
    assert [delivery.deliveries for delivery in recorder.deliveries] == [1, 2]


async def test_poison_becomes_a_dead_letter_with_its_reason(chassis: process.Chassis, mesh_bus: bus.Bus) -> None:
    recorder = bus_work.Recorder(bus.Poison("not a task: 中文\r\nX: y"))
    await mesh_bus.publish(SUBJECT, b"payload", message_id="m1", traceparent=TRACEPARENT)
    async with bus_work.working(mesh_bus, recorder):
        await recorder.wait_for(1)
        await bus_work.until(chassis.clock, lambda: bus_work.nothing_left(mesh_bus))
        (letter,) = await mesh_bus.dead_letters()
    assert (letter.subject, letter.payload, letter.message_id) == (SUBJECT, b"payload", "m1")
    assert (letter.consumer, letter.reason, letter.deliveries) == ("local", "not a task: 中文\r\nX: y", 1)
    assert letter.traceparent == recorder.deliveries[0].traceparent
    assert len(recorder.deliveries) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(bus.Again(0.01), "Given up after 3 deliveries"), (bus.Again(), "Given up after 3 deliveries")],
)
async def test_what_is_never_done_becomes_a_dead_letter_after_max_deliver(
    chassis: process.Chassis, mesh_bus: bus.Bus, answer: bus.Result, reason: str
) -> None:
    recorder = bus_work.Recorder(answer, answer, answer, answer)
    await mesh_bus.publish(SUBJECT, b"", message_id="m1")
    async with bus_work.working(mesh_bus, recorder, max_deliver=3):
        await recorder.wait_for(3)
        await bus_work.until(chassis.clock, lambda: bus_work.nothing_left(mesh_bus))
        (letter,) = await mesh_bus.dead_letters()
    assert letter.reason.startswith(reason)
    assert len(recorder.deliveries) == 3


async def test_a_handler_that_raises_gets_the_message_again_and_then_gives_up(
    chassis: process.Chassis, mesh_bus: bus.Bus, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = bus_work.Recorder(ValueError("broken once"), ValueError("broken twice"))
    await mesh_bus.publish(SUBJECT, b"", message_id="m1")
    async with bus_work.working(mesh_bus, recorder, max_deliver=2):
        await recorder.wait_for(2)
        await bus_work.until(chassis.clock, lambda: bus_work.nothing_left(mesh_bus))
        (letter,) = await mesh_bus.dead_letters()
    assert recorder.times[1] - recorder.times[0] >= 1.0
    assert "broken twice" in letter.reason
    assert sum("failed" in record.message and record.exc_info is not None for record in caplog.records) == 2


async def test_a_handler_that_breaks_out_of_everything_gives_its_slot_back_and_the_message_comes_again(
    mesh_bus: bus.Bus, caplog: pytest.LogCaptureFixture
) -> None:
    class BreaksOut(BaseException):
        pass

    recorder = bus_work.Recorder(BreaksOut())
    await mesh_bus.publish(SUBJECT, b"", message_id="m1")
    async with bus_work.working(mesh_bus, recorder, slots=1, ack_wait_seconds=0.5):
        await recorder.wait_for(2)
    assert [delivery.deliveries for delivery in recorder.deliveries] == [1, 2]
    assert "local: a message was not settled and comes again" in caplog.messages


async def test_what_kills_its_workers_becomes_a_dead_letter_unhandled(
    chassis: process.Chassis, mesh_bus: bus.Bus, nats_server: bus.NatsServer
) -> None:
    """A worker that is killed says nothing: played here by one that pulls and vanishes."""
    await mesh_bus.publish(SUBJECT, b"", message_id="m1")
    async with killed_workers(chassis, nats_server) as take:
        recorder = bus_work.Recorder()
        async with bus_work.working(mesh_bus, recorder, ack_wait_seconds=0.3, max_deliver=2):
            await recorder.wait_for(1)
        await mesh_bus.publish(SUBJECT, b"", message_id="m2")
        assert [await take() for _ in range(2)] == [1, 2]
        async with bus_work.working(mesh_bus, recorder, ack_wait_seconds=0.3, max_deliver=2):
            await bus_work.until(chassis.clock, mesh_bus.dead_letters)
            await bus_work.until(chassis.clock, lambda: bus_work.nothing_left(mesh_bus))
    (letter,) = await mesh_bus.dead_letters()
    assert (letter.message_id, letter.deliveries) == ("m2", 3)
    assert [delivery.message_id for delivery in recorder.deliveries] == ["m1"]


async def test_dead_letters_are_listed_newest_first_and_at_most_as_many_as_asked(
    chassis: process.Chassis, mesh_bus: bus.Bus
) -> None:
    assert await mesh_bus.dead_letters() == []
    recorder = bus_work.Recorder(*[bus.Poison(f"reason {number}") for number in range(3)])
    async with bus_work.working(mesh_bus, recorder, slots=1):
        for number in range(3):
            await mesh_bus.publish(SUBJECT, b"", message_id=str(number))
        await recorder.wait_for(3)
        await bus_work.until(chassis.clock, lambda: bus_work.nothing_left(mesh_bus))
    assert [letter.reason for letter in await mesh_bus.dead_letters(2)] == ["reason 2", "reason 1"]


async def test_a_handler_slower_than_ack_wait_keeps_its_message(chassis: process.Chassis, mesh_bus: bus.Bus) -> None:
    deliveries: list[int] = []

    async def slow(delivery: bus.Delivery) -> bus.Result:
        deliveries.append(delivery.deliveries)
        await chassis.clock.sleep(2.5)
        return bus.Done()

    await mesh_bus.publish(SUBJECT, b"", message_id="m1")
    async with bus_work.working(mesh_bus, slow, ack_wait_seconds=1.0):
        await chassis.clock.sleep(2.8)
        await bus_work.until(chassis.clock, lambda: bus_work.nothing_left(mesh_bus))
    assert deliveries == [1]


async def test_never_more_handlers_run_than_there_are_slots(chassis: process.Chassis, mesh_bus: bus.Bus) -> None:
    running, most, done = 0, 0, 0

    async def handle(delivery: bus.Delivery) -> bus.Result:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await chassis.clock.sleep(0.05)
        running -= 1
        done += 1
        return bus.Done()

    for number in range(9):
        await mesh_bus.publish(SUBJECT, b"", message_id=str(number))
    async with bus_work.working(mesh_bus, handle, slots=3):
        await bus_work.until(chassis.clock, lambda: bus_work.nothing_left(mesh_bus))
    assert (most, done) == (3, 9)


async def test_workers_of_one_name_share_the_work(chassis: process.Chassis, mesh_bus: bus.Bus) -> None:
    one, other = bus_work.Recorder(), bus_work.Recorder()
    async with bus_work.working(mesh_bus, one, slots=1), bus_work.working(mesh_bus, other, slots=1):
        for number in range(40):
            await mesh_bus.publish(SUBJECT, b"", message_id=str(number))
        await one.wait_for(1)
        await other.wait_for(1)
        await bus_work.until(chassis.clock, lambda: bus_work.nothing_left(mesh_bus))
    handled = [delivery.message_id for delivery in one.deliveries + other.deliveries]
    assert sorted(handled) == sorted(str(number) for number in range(40))


async def test_a_worker_that_stops_lets_a_handler_finish(chassis: process.Chassis, mesh_bus: bus.Bus) -> None:
    begun, finished = asyncio.Event(), asyncio.Event()

    async def handle(delivery: bus.Delivery) -> bus.Result:
        begun.set()
        await chassis.clock.sleep(0.3)
        finished.set()
        return bus.Done()

    await mesh_bus.publish(SUBJECT, b"", message_id="m1")
    async with bus_work.working(mesh_bus, handle):
        await begun.wait()
    assert finished.is_set()
    await bus_work.until(chassis.clock, lambda: bus_work.nothing_left(mesh_bus))


async def test_a_worker_that_stops_hands_over_what_it_cannot_finish_at_once(mesh_bus: bus.Bus) -> None:
    begun = asyncio.Event()

    async def stuck(delivery: bus.Delivery) -> bus.Result:
        begun.set()
        await asyncio.Event().wait()
        return bus.Done()

    await mesh_bus.publish(SUBJECT, b"", message_id="m1")
    async with bus_work.working(mesh_bus, stuck, drain_seconds=0.1):
        await begun.wait()
    heir = bus_work.Recorder()
    async with bus_work.working(mesh_bus, heir):
        await heir.wait_for(1)
    assert heir.deliveries[0].deliveries == 2


async def test_one_trace_runs_from_who_publishes_through_the_message_to_the_handler(
    chassis: process.Chassis, mesh_bus: bus.Bus, spans: in_memory_span_exporter.InMemorySpanExporter
) -> None:
    async def handle(delivery: bus.Delivery) -> bus.Result:
        with chassis.telemetry.span("inside"):
            return bus.Done()

    await mesh_bus.publish(SUBJECT, b"four", message_id="m1", traceparent=TRACEPARENT)
    async with bus_work.working(mesh_bus, handle):
        await bus_work.until(chassis.clock, lambda: bus_work.nothing_left(mesh_bus))
    by_name = {span.name: span for span in spans.get_finished_spans()}
    sent, processed = by_name[f"send {SUBJECT}"], by_name[f"process {SUBJECT}"]
    assert (sent.kind, processed.kind) == (trace.SpanKind.PRODUCER, trace.SpanKind.CONSUMER)
    assert trace.format_trace_id(processed.context.trace_id) in TRACEPARENT
    assert sent.parent is not None
    assert trace.format_span_id(sent.parent.span_id) in TRACEPARENT
    assert processed.parent is not None
    assert processed.parent.span_id == sent.context.span_id
    assert [link.context.span_id for link in processed.links] == [sent.context.span_id]
    assert by_name["inside"].parent is not None
    assert by_name["inside"].parent.span_id == processed.context.span_id
    assert dict(sent.attributes or {}) == {
        "messaging.system": "nats",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": SUBJECT,
        "messaging.message.id": "m1",
        "messaging.message.body.size": 4,
    }


async def test_work_is_counted_and_measured(chassis: process.Chassis, mesh_bus: bus.Bus) -> None:
    recorder = bus_work.Recorder(bus.Again(), bus.Poison("enough"))
    await mesh_bus.publish(SUBJECT, b"", message_id="m1")
    async with bus_work.working(mesh_bus, recorder):
        await recorder.wait_for(2)
        await bus_work.until(chassis.clock, lambda: bus_work.nothing_left(mesh_bus))
    value = chassis.telemetry.registry.get_sample_value
    assert value("bus_publish_duration_seconds_count", {"stream": "TASKS", "outcome": "ok"}) == 1
    for outcome in ("again", "poison"):
        assert value("bus_process_duration_seconds_count", {"consumer": "local", "outcome": outcome}) == 1
    assert value("bus_redeliveries_total", {"consumer": "local"}) == 1
    assert value("bus_dead_letters_total", {"consumer": "local"}) == 1


async def test_the_depth_tells_what_waits_from_what_is_worked_on(chassis: process.Chassis, mesh_bus: bus.Bus) -> None:
    with pytest.raises(errors.NotFound):
        await mesh_bus.depth("local")
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def handle(delivery: bus.Delivery) -> bus.Result:
        begun.set()
        await go_on.wait()
        return bus.Done()

    for number in range(3):
        await mesh_bus.publish(SUBJECT, b"", message_id=str(number))
    async with bus_work.working(mesh_bus, handle, slots=1):
        await begun.wait()
        assert await mesh_bus.depth("local") == bus.Depth(pending=2, ack_pending=1)
        go_on.set()
        await bus_work.until(chassis.clock, lambda: bus_work.nothing_left(mesh_bus))


async def test_events_reach_each_consumer_once_with_low_cardinality_span_names(
    chassis: process.Chassis, mesh_bus: bus.Bus, spans: in_memory_span_exporter.InMemorySpanExporter
) -> None:
    await mesh_bus.publish("event.acme.7.completed", b"", message_id="e1", traceparent=TRACEPARENT)
    one, other = bus_work.Recorder(), bus_work.Recorder()
    workers = [
        asyncio.create_task(mesh_bus.work(name, "event.>", recorder, slots=1))
        for name, recorder in (("notifier", one), ("insight", other))
    ]
    await one.wait_for(1)
    await other.wait_for(1)
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    assert one.deliveries[0].subject == other.deliveries[0].subject == "event.acme.7.completed"
    assert {span.name for span in spans.get_finished_spans()} == {"process event"}


async def test_a_subject_that_no_stream_holds_is_a_mistake(mesh_bus: bus.Bus) -> None:
    with pytest.raises(ValueError, match="No stream holds"):
        await mesh_bus.publish("tusk.x", b"", message_id="m1")
    with pytest.raises(ValueError, match="No stream holds"):
        await mesh_bus.work("w", "tusk.x", bus_work.Recorder(), slots=1)


async def test_a_message_that_the_server_does_not_take_is_too_large(mesh_bus: bus.Bus) -> None:
    with pytest.raises(errors.TooLarge):
        await mesh_bus.publish(SUBJECT, b"x" * (1024 * 1024 + 1), message_id="m1")


@pytest.mark.parametrize("wrong", [{"slots": 0}, {"slots": 1, "max_deliver": 0}, {"slots": 1, "ack_wait_seconds": 0}])
async def test_a_plan_that_cannot_work_is_refused(mesh_bus: bus.Bus, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        await mesh_bus.work("local", SUBJECT, bus_work.Recorder(), **wrong)


@contextlib.asynccontextmanager
async def killed_workers(chassis: process.Chassis, server: bus.NatsServer) -> AsyncIterator[Callable[[], Any]]:
    """Yield a function that takes a message as a worker would, never answers, and says which delivery it was."""
    link = connection.Connection(chassis, server.url, 1)
    async with process.supervise(chassis, link=link.keep):
        await link.wait_up()

        async def take() -> int:
            pull = await link.jetstream.pull_subscribe_bind("local", streams.TASKS.name)
            (message,) = await pull.fetch(1, timeout=bus_work.SOON_SECONDS)
            await pull.unsubscribe()
            return message.metadata.num_delivered

        yield take


def test_tasks_are_refused_when_full_and_never_dropped() -> None:
    config = streams.TASKS.config(1)
    assert (config.retention, config.discard) == (api.RetentionPolicy.WORK_QUEUE, api.DiscardPolicy.NEW)
    assert config.max_age == 0
