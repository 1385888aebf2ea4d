"""Background loops: restarted when they fail, cancelled when the service ends, and told of in its health."""

import asyncio
import dataclasses
import logging

import pytest
from reelmesh_kit import chance, clock, errors, health, ids, process, telemetry


class EvenChance(chance.SeededChance):
    """No jitter: the middle of each range."""

    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2


class NotingClock(clock.ManualClock):
    """A manual clock that notes how long it was slept on."""

    def __init__(self) -> None:
        super().__init__()
        self.slept_seconds: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept_seconds.append(seconds)
        await super().sleep(seconds)


@pytest.fixture
def noting() -> NotingClock:
    return NotingClock()


@pytest.fixture
def own(noting: NotingClock) -> process.Chassis:
    """A chassis of fakes."""
    return process.Chassis(
        service="media",
        clock=noting,
        ids=ids.SeededIds(),
        chance=EvenChance(),
        telemetry=telemetry.Telemetry("media"),
        health=health.Health(noting),
        logger=logging.getLogger("reelmesh.media"),
    )


class Loop:
    """Fails `failures` times, each after `lasting_seconds`, then runs until cancelled."""

    def __init__(self, own: process.Chassis, failures: int, *, error: type[BaseException] = ValueError) -> None:
        self._own = own
        self._left = failures
        self._error = error
        self.lasting_seconds = 0.0
        self.runs = 0
        self.steady = asyncio.Event()
        self.cancelled = False

    async def __call__(self) -> None:
        self.runs += 1
        if self._left:
            self._left -= 1
            self._own.clock.advance(self.lasting_seconds)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
            raise self._error("no frames")
        self.steady.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def test_loops_run_beside_the_body_and_end_with_it(own: process.Chassis) -> None:
    sweep, watch = Loop(own, failures=0), Loop(own, failures=0)
    async with process.supervise(own, sweep=sweep, watch=watch):
        await sweep.steady.wait()
        await watch.steady.wait()
    assert (sweep.cancelled, watch.cancelled) == (True, True)


async def test_a_loop_that_fails_is_started_again_after_waits_that_double_up_to_a_bound(
    own: process.Chassis, noting: NotingClock
) -> None:
    sweep = Loop(own, failures=7)
    async with process.supervise(own, sweep=sweep):
        await sweep.steady.wait()
    assert sweep.runs == 8
    assert noting.slept_seconds == [1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize("error", [errors.Unavailable, errors.StorageFull, errors.DeadlineExceeded])
async def test_a_loop_that_others_hold_up_is_started_again_soon_after_they_are_back(
    own: process.Chassis, noting: NotingClock, caplog: pytest.LogCaptureFixture, error: type[Exception]
) -> None:
    sweep = Loop(own, failures=7, error=error)
    async with process.supervise(own, sweep=sweep):
        await sweep.steady.wait()
    assert noting.slept_seconds == [1, 2, 4, 5, 5, 5, 5]
    told = [record for record in caplog.records if "sweep" in record.getMessage()]
    assert len(told) == 7
    assert all(record.levelno == logging.WARNING and not record.exc_info for record in told)


async def test_waits_have_jitter(own: process.Chassis, noting: NotingClock) -> None:
    sweep = Loop(own, failures=20)
    async with process.supervise(dataclasses.replace(own, chance=chance.SeededChance(1)), sweep=sweep):
        await sweep.steady.wait()
    longest = noting.slept_seconds[5:]
    assert len(set(longest)) == len(longest)
    assert 24 <= min(longest) < max(longest) <= 36


async def test_a_loop_that_ran_steadily_begins_again_with_the_short_wait(
    own: process.Chassis, noting: NotingClock
) -> None:
    sweep = Loop(own, failures=4)
    sweep.lasting_seconds = process.STEADY_AFTER_SECONDS
    async with process.supervise(own, sweep=sweep):
        await sweep.steady.wait()
    assert noting.slept_seconds == [1, 1, 1, 1]


async def test_each_failure_is_logged_once_with_its_traceback_and_counted(
    own: process.Chassis, caplog: pytest.LogCaptureFixture
) -> None:
    sweep = Loop(own, failures=2)
    async with process.supervise(own, sweep=sweep):
        await sweep.steady.wait()
    failures = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.__dict__["failures"] for record in failures] == [1, 2]
    assert all(record.exc_info and isinstance(record.exc_info[1], ValueError) for record in failures)
    assert own.telemetry.registry.get_sample_value("loop_failures_total", {"loop": "sweep"}) == 2


async def test_a_cancellation_from_within_is_a_failure_like_others(own: process.Chassis) -> None:
    sweep = Loop(own, failures=1, error=asyncio.CancelledError)
    async with process.supervise(own, sweep=sweep):
        await sweep.steady.wait()
    assert sweep.runs == 2


async def test_a_loop_that_returns_has_finished(own: process.Chassis, noting: NotingClock) -> None:
    runs: list[int] = []

    async def once() -> None:
        runs.append(1)

    async with process.supervise(own, once=once):
        for _ in range(10):
            await noting.sleep(0)
    assert runs == [1]


async def test_an_error_of_the_body_stops_the_loops_and_goes_on(own: process.Chassis) -> None:
    sweep = Loop(own, failures=0)

    async def body() -> None:
        async with process.supervise(own, sweep=sweep):
            await sweep.steady.wait()
            raise KeyError("no such shot")

    with pytest.raises(KeyError):
        await body()
    assert sweep.cancelled


async def test_a_critical_loop_that_keeps_failing_makes_the_service_not_ready(
    own: process.Chassis, noting: NotingClock
) -> None:
    failures_seen: list[bool] = []

    async def dispatch() -> None:
        failures_seen.append((await own.health.report()).ready)
        if len(failures_seen) > process.UNREADY_AFTER_FAILURES:
            await asyncio.Event().wait()
        raise ValueError("no database")

    async with process.supervise(own, critical=["dispatch"], dispatch=dispatch):
        while len(failures_seen) <= process.UNREADY_AFTER_FAILURES:
            await noting.sleep(0)
        report = await own.health.report()
        noting.advance(process.STEADY_AFTER_SECONDS)
        later = await own.health.report()
    assert failures_seen == [True, True, True, False]
    assert report.checks["loop dispatch"].message == "RuntimeError: failed 3 times in a row, last with ValueError"
    assert later.ready
    assert (await own.health.report()).checks == {}


async def test_the_wait_for_a_restart_is_no_recovery(own: process.Chassis, noting: NotingClock) -> None:
    dispatch, reports = Loop(own, failures=9), list[bool]()
    dispatch.lasting_seconds = 45
    async with process.supervise(own, critical=["dispatch"], dispatch=dispatch):
        while not dispatch.steady.is_set():
            reports.append((await own.health.report()).ready)
            await noting.sleep(0)
    assert True not in reports[reports.index(False) :]


async def test_a_loop_that_is_not_critical_leaves_the_service_ready(own: process.Chassis) -> None:
    sweep = Loop(own, failures=5)
    async with process.supervise(own, sweep=sweep):
        await sweep.steady.wait()
        assert (await own.health.report()).ready


async def test_a_critical_loop_that_is_not_there_is_refused(own: process.Chassis) -> None:
    with pytest.raises(ValueError, match="No such loops: dispath"):
        async with process.supervise(own, critical=["dispath"], dispatch=Loop(own, failures=0)):
            pass
