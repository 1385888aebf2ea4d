"""Machines: a clock of their own, a disk that outlives processes, and the one process that lives there at a time."""

import asyncio
import datetime
import functools
import logging
import math
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from reelmesh_kit import chance, clock, errors, health, ids, process, telemetry
from typing_extensions import override

from tests.simulation import dice, history, loop

EPOCH = datetime.datetime(2026, 11, 20, 12, 0, tzinfo=clock.UTC)


class HostClock(clock.SystemClock):
    """The clocks of a machine: one that people set, one that counts on whatever happens."""

    def __init__(self, ahead_seconds: float = 0.0, up_seconds: float = 0.0) -> None:
        """Begin so far ahead of the true time, and up for so long."""
        self.ahead_seconds = ahead_seconds
        self._up_seconds = up_seconds

    @override
    def now(self) -> datetime.datetime:
        """Return what this machine takes for the time."""
        true = asyncio.get_running_loop().time()
        return EPOCH + datetime.timedelta(seconds=true + self.ahead_seconds)

    @override
    def elapsed(self) -> float:
        """Return seconds that jumps do not move."""
        return asyncio.get_running_loop().time() + self._up_seconds

    @override
    async def sleep(self, seconds: float) -> None:
        """Let time pass; 0 lets others go first."""
        if seconds > 0:
            await loop.passing(seconds)
        else:
            await super().sleep(0)


class QuietTelemetry(telemetry.Telemetry):
    """Metrics as ever, spans that nobody keeps: they cost most of a call and decide nothing."""

    @override
    @contextmanager
    def span(
        self,
        name: str,
        *,
        kind: trace.SpanKind = trace.SpanKind.INTERNAL,
        parent: str | None = None,
        links: Sequence[str] = (),
        attributes: Mapping[str, Any] | None = None,
        ratio: float = 1.0,
        record_errors: bool = True,
    ) -> Generator[trace.Span]:
        """Open nothing."""
        yield trace.INVALID_SPAN


class Watchdog(logging.Handler):
    """Hears what services log: an error that is no outage is a violation; with a trace, everything is told."""

    def __init__(self, log: history.History, *, tell: bool) -> None:
        """Report to `log`; `tell` the lines as well."""
        super().__init__(logging.DEBUG if tell else logging.ERROR)
        self._history = log
        self._tell = tell
        #: Lines that belong to no digest: they depend on whether anybody listens.
        self.told: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Take in a line."""
        if self._tell:
            now = asyncio.get_running_loop().time()
            self.told.append(f"{now:12.6f}  {record.name:<16} {record.levelname}: {record.getMessage()}")
        error = record.exc_info[1] if record.exc_info else None
        if record.levelno >= logging.ERROR and error is not None and not _is_outage(error):
            self._history.wrong("unexpected error", [f"{record.name}: {record.getMessage()}: {error!r}"])


def _is_outage(error: BaseException) -> bool:
    """Tell whether all that went wrong is that somebody was not there."""
    if isinstance(error, BaseExceptionGroup):
        return all(_is_outage(each) for each in error.exceptions)
    return isinstance(error, errors.ReelmeshError)


Main = Callable[["Host", process.Chassis], Awaitable[None]]


@functools.cache
def shared_telemetry() -> QuietTelemetry:
    """Return the telemetry of all processes of all runs: metrics are counted and never looked at."""
    return QuietTelemetry("simulation")


def plain_chassis(name: str, time: clock.Clock, watchdog: Watchdog, seed: int = 0) -> process.Chassis:
    """Return the chassis of a simulated process: ids and chance come from a seed."""
    logger = logging.Logger(name, watchdog.level)
    logger.addHandler(watchdog)
    return process.Chassis(
        service=name,
        clock=time,
        ids=ids.SeededIds(seed),
        chance=chance.SeededChance(seed),
        telemetry=shared_telemetry(),
        health=health.Health(time),
        logger=logger,
    )


class Host:
    """A machine that runs one service."""

    def __init__(self, name: str, seed: dice.Dice, log: history.History, watchdog: Watchdog, main: Main) -> None:
        """Put `main` on a machine; it does not run yet."""
        self.name = name
        self.clock = HostClock(ahead_seconds=seed.uniform(-0.2, 0.2), up_seconds=math.floor(seed.uniform(1e3, 1e6)))
        self.process: loop.Process | None = None
        self.lives = 0
        #: Whether nothing runs here any more.
        self.retired = False
        #: What outlives a process: a journal, say.
        self.disk: dict[str, Any] = {}
        #: Called when the process is gone, whatever way: connections break.
        self.on_end: list[Callable[[loop.Process], None]] = []
        #: Set to have the process stop in order.
        self.stopping = asyncio.Event()
        self._seed = seed
        self._history = log
        self._watchdog = watchdog
        self._main = main

    @property
    def alive(self) -> bool:
        """Whether a process is there, frozen or not."""
        return self.process is not None and self.process.standing is not loop.Standing.DEAD

    def start(self) -> None:
        """Start the service, unless it runs."""
        if self.alive or self.retired:
            return
        self.lives += 1
        self.stopping = asyncio.Event()
        self.process = loop.Process(self.name)
        self._history.note(self.name, f"starts (life {self.lives})")
        self.process.spawn(self._live(self.process))

    def kill(self) -> None:
        """End the process as SIGKILL does."""
        if self.process is None or not self.alive:
            return
        self.process.standing = loop.Standing.DEAD
        self._history.note(self.name, "is dead")
        for told in self.on_end:
            told(self.process)

    def retire(self) -> None:
        """End whatever runs here, for good."""
        self.retired = True
        self.thaw()
        self.kill()

    def freeze(self) -> None:
        """Stop the process as SIGSTOP does."""
        if self.process is not None and self.process.standing is loop.Standing.RUNNING:
            self.process.standing = loop.Standing.FROZEN
            self._history.note(self.name, "is frozen")

    def thaw(self) -> None:
        """Let it go on, if it still waits."""
        if self.process is not None and self.process.standing is loop.Standing.FROZEN:
            self._history.note(self.name, f"thaws with {len(self.process.held)} callbacks")
            running = asyncio.get_running_loop()
            assert isinstance(running, loop.VirtualLoop)
            running.thaw(self.process)

    async def _live(self, mine: loop.Process) -> None:
        chassis = plain_chassis(self.name, self.clock, self._watchdog, self._seed.number())
        try:
            await self._main(self, chassis)
        except Exception as error:  # noqa: BLE001 - whatever ends a service that nobody stopped is worth a look
            self._history.wrong("unexpected error", [f"{self.name} ended with {error!r}"])
        self._history.note(self.name, "has ended")
        mine.standing = loop.Standing.DEAD
        for told in self.on_end:
            told(mine)
