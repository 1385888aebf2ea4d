"""Health: what a report says about checks that pass, fail, hang, and about a service that goes away."""

import asyncio
import datetime
from collections.abc import Awaitable
from typing import TypeVar

import pytest
from reelmesh_kit import clock, errors, health

Result = TypeVar("Result")
NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)


class ImpatientClock(clock.ManualClock):
    """Whoever waits for anything has waited too long."""

    async def wait_for(self, awaitable: Awaitable[Result], timeout_seconds: float) -> Result:
        """Give up at once, at the time of the time-out."""
        self.advance(timeout_seconds)
        asyncio.ensure_future(awaitable).cancel()
        raise TimeoutError


async def sound() -> None:
    """Find nothing wrong."""


async def broken() -> None:
    """Find something wrong."""
    raise ConnectionRefusedError("no database at db:5432")


async def test_a_service_without_checks_is_ready() -> None:
    assert await health.Health(clock.ManualClock()).report() == health.HealthReport(ready=True, checks={})


async def test_one_failing_check_makes_the_service_not_ready_and_says_why() -> None:
    own = health.Health(clock.ManualClock(NOON))
    own.add("bus", sound)
    own.add("database", broken)
    report = await own.report()
    assert not report.ready
    assert report.checks["bus"] == health.CheckResult(ok=True, latency_ms=0.0, message="", since=NOON)
    assert report.checks["database"].message == "ConnectionRefusedError: no database at db:5432"


async def test_a_check_that_recovers_makes_the_service_ready_again() -> None:
    own = health.Health(clock.ManualClock())
    trouble = [RuntimeError("not yet")]

    async def check() -> None:
        if trouble:
            raise trouble.pop()

    own.add("bus", check)
    assert [(await own.report()).ready, (await own.report()).ready] == [False, True]


async def test_a_check_that_hangs_fails_after_its_time() -> None:
    own = health.Health(ImpatientClock())

    async def hang() -> None:
        await asyncio.Event().wait()

    own.add("storage", hang)
    result = (await own.report()).checks["storage"]
    assert (result.ok, result.message, result.latency_ms) == (False, "No answer within 2.0 s.", 2000.0)
    assert result.reason is errors.Reason.DEADLINE_EXCEEDED


async def test_the_time_of_a_check_is_measured() -> None:
    manual = clock.ManualClock()
    own = health.Health(manual)

    async def slow() -> None:
        await manual.sleep(0.25)

    own.add("storage", slow)
    assert (await own.report()).checks["storage"].latency_ms == 250.0


async def test_a_draining_service_is_not_ready_whatever_its_checks_say() -> None:
    own = health.Health(clock.ManualClock())
    own.add("bus", sound)
    own.drain()
    report = await own.report()
    assert own.draining
    assert not report.ready
    assert report.checks["bus"].ok
    assert report.checks["draining"].message == "The service is shutting down."


async def test_a_removed_check_is_asked_no_more() -> None:
    own = health.Health(clock.ManualClock())
    own.add("database", broken)
    own.remove("database")
    assert (await own.report()).ready


@pytest.mark.parametrize("name", ["bus", "draining"])
def test_a_name_is_given_once(name: str) -> None:
    own = health.Health(clock.ManualClock())
    own.add("bus", sound)
    with pytest.raises(ValueError, match="already"):
        own.add(name, sound)


async def test_what_is_wrong_has_a_word_for_everybody_besides_the_message_for_operators() -> None:
    own = health.Health(clock.ManualClock())

    async def away() -> None:
        raise errors.Unavailable

    own.add("bus", away)
    own.add("database", broken)
    own.add("disk", sound)
    reasons = {name: result.reason for name, result in (await own.report()).checks.items()}
    assert reasons == {"bus": errors.Reason.UNAVAILABLE, "database": errors.Reason.INTERNAL, "disk": None}


async def test_a_service_without_something_that_it_does_not_need_is_ready_and_says_what_it_lacks() -> None:
    own = health.Health(clock.ManualClock())
    own.add("bus", broken, needed=False)
    report = await own.report()
    assert report.ready
    assert (report.checks["bus"].ok, report.checks["bus"].needed) == (False, False)


async def test_a_check_says_since_when_it_is_as_it_is() -> None:
    manual = clock.ManualClock(NOON)
    own = health.Health(manual)
    trouble = [ConnectionRefusedError()] * 2

    async def check() -> None:
        if trouble:
            raise trouble.pop()

    own.add("database", check)
    seen: list[tuple[bool, float]] = []
    for _ in range(4):
        found = (await own.report()).checks["database"]
        assert found.since is not None
        seen.append((found.ok, (found.since - NOON).total_seconds()))
        manual.advance(10)
    assert seen == [(False, 0), (False, 0), (True, 20), (True, 20)]


async def test_a_drain_says_since_when() -> None:
    manual = clock.ManualClock(NOON)
    own = health.Health(manual)
    own.drain()
    manual.advance(60)
    own.drain()
    assert (await own.report()).checks["draining"].since == NOON


async def test_a_check_that_comes_back_under_its_name_begins_anew() -> None:
    manual = clock.ManualClock(NOON)
    own = health.Health(manual)
    for _ in range(2):
        own.add("bus", sound)
        report = await own.report()
        own.remove("bus")
        manual.advance(5)
    assert report.checks["bus"].since == NOON + datetime.timedelta(seconds=5)


async def test_many_who_ask_at_once_cost_one_look_until_it_is_old() -> None:
    manual = clock.ManualClock()
    own = health.Health(manual)
    looks: list[None] = []

    async def check() -> None:
        looks.append(None)
        await manual.sleep(0)

    own.add("database", check)
    await asyncio.gather(*(own.recent(1.0) for _ in range(100)))
    assert len(looks) == 1
    manual.advance(1.0)
    await own.recent(1.0)
    assert len(looks) == 2


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        ("+", "+"),
        ("-", "-"),
        ("+-+-+-+", "+++++++"),
        ("+--", "++-"),
        ("+--+", "++--"),
        ("+--++", "++--+"),
        ("--+-++", "-----+"),
    ],
)
def test_a_change_is_told_once_looks_in_a_row_agree(looks: str, told: str) -> None:
    steady = health.Steady()
    assert "".join("+" if steady.see(look == "+") else "-" for look in looks) == told
