"""Health: what a report says about checks that pass, fail, hang, and about a service that goes away."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import pytest
from reelmesh_kit import clock, health

Result = TypeVar("Result")


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
    own = health.Health(clock.ManualClock())
    own.add("bus", sound)
    own.add("database", broken)
    report = await own.report()
    assert not report.ready
    assert report.checks["bus"] == health.CheckResult(ok=True, latency_ms=0.0, message="")
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
