"""How a service lives: what it is given, how it starts, what stops it, and what keeps its loops running."""

import asyncio
import contextlib
import dataclasses
import logging
import math
import os
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Generator
from contextlib import AbstractAsyncContextManager
from types import FrameType
from typing import TypeVar

from reelmesh_kit import chance, clock, crashing, errors, event_loop, health, ids, security, settings, telemetry

FIRST_RESTART_SECONDS = 1.0
LONGEST_RESTART_SECONDS = 30.0
# Of a loop that somebody else holds up, a database or a disk: it goes on soon after they are back.
LONGEST_RESTART_AFTER_OTHERS_SECONDS = 5.0
RESTART_JITTER = 0.2
# A loop that ran this long had recovered: its next failure is a first one again.
STEADY_AFTER_SECONDS = 60.0
UNREADY_AFTER_FAILURES = 3
LOOP_STOP_SECONDS = 10.0

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_MISCONFIGURED = 2
EXIT_AT_ONCE = 130

# Errors that say that it is not the loop's own fault.
_OTHERS = (errors.RetryableError, errors.StorageFull, errors.DeadlineExceeded)
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# Processes of ours that nobody would stop if this one exited at once.
_companions: set[int] = set()

Settings = TypeVar("Settings", bound=settings.ServiceSettings)
Loop = Callable[[], Awaitable[None]]


class CannotStart(Exception):
    """Something outside of the program keeps the service from starting; the message says what to do about it."""


@dataclasses.dataclass(frozen=True)
class Chassis:
    """What every part of a service is given: its name, its ports to time, chance and those who watch, and security."""

    service: str
    clock: clock.Clock
    ids: ids.Ids
    chance: chance.Chance
    telemetry: telemetry.Telemetry
    health: health.Health
    logger: logging.Logger
    secured: security.Security = security.Security()


@dataclasses.dataclass(frozen=True)
class Running:
    """What a service's build() yields once it serves: the ports it is bound to; 0 means it has none of that kind."""

    grpc_port: int = 0
    http_port: int = 0
    admin_port: int = 0


Build = Callable[[Settings, Chassis], AbstractAsyncContextManager[Running]]
OnReady = Callable[[Running], None]


def chassis(service: str, service_settings: settings.ServiceSettings) -> Chassis:
    """Make the real chassis: the machine's clock and entropy, and the telemetry and security that the settings ask for.

    Raises:
        CannotStart: a certificate, a key or an authority cannot be used.
    """
    offset_file = service_settings.clock_offset_file
    system_clock = clock.WrongClock(offset_file) if offset_file else clock.SystemClock()
    logger = logging.getLogger(f"reelmesh.{service}")
    made = health.Health(system_clock)
    try:
        secured = security.of(service_settings, system_clock, logger)
    except security.Unusable as error:
        raise CannotStart(str(error)) from error
    if secured.client is not None:
        made.add("certificate", secured.client.check, needed=False)
    return Chassis(
        service=service,
        clock=system_clock,
        ids=ids.RandomIds(),
        chance=chance.SystemChance(),
        telemetry=telemetry.configure(service, service_settings),
        health=made,
        logger=logger,
        secured=secured,
    )


def door(own: Chassis, told: settings.ServiceSettings, certificate: str, key: str) -> security.Door:
    """Return the public door whose certificate and key the settings of these names say; none: in the clear.

    Raises:
        CannotStart: a file cannot be used.
    """
    try:
        made = security.door(told, certificate, key, own.clock, own.logger)
    except security.Unusable as error:
        raise CannotStart(str(error)) from error
    if made.certificate is not None:
        own.health.add("public certificate", made.certificate.check, needed=False)
    return made


def main(
    service: str,
    build: Build[Settings],
    service_settings: Settings | type[Settings],
    *,
    starts_processes: bool = False,
) -> int:
    """Run a service as this process until SIGTERM or SIGINT; the second signal exits at once.

    Prints `ready_line` to stdout once it serves; logs go to stderr.

    Args:
        service: its name.
        build: its composition root.
        service_settings: its settings, or their class: then they are read here, and what is wrong is explained.
        starts_processes: whether it starts any by its event loop; see `event_loop.run`.

    Returns:
        The exit code: 0 after an orderly stop, 1 if the service failed, 2 if its settings are wrong.
    """
    try:
        loaded = settings.load(service_settings) if isinstance(service_settings, type) else service_settings
        crashing.arm(loaded.crash_at)
    except (settings.SettingsError, crashing.NoSuchPoint) as error:
        sys.stderr.write(f"{service}: {error}\n")
        return EXIT_MISCONFIGURED
    telemetry.configure_logging(loaded.log_level, service=service)
    logger = logging.getLogger(f"reelmesh.{service}")
    try:
        event_loop.run(_run_until_signal(service, build, loaded), starts_processes=starts_processes)
    except (CannotStart, errors.ReelmeshError) as error:
        logger.error("%s", error)  # noqa: TRY400 - the message says what to do, a traceback would hide it
        return EXIT_FAILED
    except Exception:
        logger.exception("The service failed.")
        return EXIT_FAILED
    return EXIT_OK


async def run(
    service: str,
    build: Build[Settings],
    service_settings: Settings,
    *,
    on_ready: OnReady | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Run a service until `stop` is set or the task is cancelled; unwinding its build() is the shutdown.

    A stop that comes while the service still starts cancels the start. Handles no signals: see `main`.
    """
    own = chassis(service, service_settings)
    stopping = stop or asyncio.Event()
    ready = asyncio.Event()
    serving = asyncio.create_task(_serve(build, service_settings, own, ready, stopping, on_ready), name=service)
    watching = asyncio.create_task(_cancel_start(serving, ready, stopping))
    try:
        await serving
    except asyncio.CancelledError:
        if not stopping.is_set() or _asked_to_stop():
            raise
    finally:
        watching.cancel()
        # Handing over the last spans may wait for a collector.
        await asyncio.to_thread(own.telemetry.shutdown)


@contextlib.contextmanager
def stop_on_signals() -> Generator[asyncio.Event]:
    """Yield an event that the first SIGTERM or SIGINT sets; the second exits the process at once with 130."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    before = {each: signal.getsignal(each) for each in _STOP_SIGNALS}

    def first() -> None:
        stop.set()
        for each in _STOP_SIGNALS:
            # Not a handler of the loop: the loop may be what hangs.
            loop.remove_signal_handler(each)
            signal.signal(each, _exit_at_once)

    for each in _STOP_SIGNALS:
        loop.add_signal_handler(each, first)
    try:
        yield stop
    finally:
        for each, handler in before.items():
            loop.remove_signal_handler(each)
            signal.signal(each, handler)


def take_along(pid: int) -> None:
    """Stop a child too (SIGTERM) when a second signal ends this process at once; until `let_go`."""
    _companions.add(pid)


def let_go(pid: int) -> None:
    """Forget a child that was taken along: it has ended."""
    _companions.discard(pid)


@contextlib.asynccontextmanager
async def supervise(own: Chassis, *, critical: Collection[str] = (), **loops: Loop) -> AsyncGenerator[None]:
    """Run `loops` beside the body, restart those that fail, and cancel them when the body ends.

    A failure is logged with its traceback; the restart waits 1, 2, 4 … 30 s, with jitter. This is the outermost loop,
    the one place where any error is caught. A loop that returns has finished.

    Args:
        own: the service's chassis.
        critical: names of loops without which the service is of no use: after UNREADY_AFTER_FAILURES failures in a
            row the service is not ready until the loop has run for STEADY_AFTER_SECONDS.
        loops: what to run, by name.
    """
    unknown = set(critical) - set(loops)
    if unknown:
        raise ValueError(f"No such loops: {', '.join(sorted(unknown))}.")
    supervised = [_Supervised(own, name, loop) for name, loop in loops.items()]
    watched = [each for each in supervised if each.name in critical]
    for each in watched:
        own.health.add(f"loop {each.name}", each.check)
    tasks = [asyncio.create_task(each.run(), name=f"{own.service} {each.name}") for each in supervised]
    try:
        yield
    finally:
        for each in watched:
            own.health.remove(f"loop {each.name}")
        await _cancelled(own, tasks)


class _Supervised:
    """One loop with the count of its failures in a row."""

    def __init__(self, own: Chassis, name: str, loop: Loop) -> None:
        self.name = name
        self._own = own
        self._loop = loop
        self._failures = 0
        self._began = 0.0
        self._last = ""

    async def check(self) -> None:
        """Raise if the loop keeps failing."""
        if self._failures >= UNREADY_AFTER_FAILURES and not self._steady():
            raise RuntimeError(f"failed {self._failures} times in a row, last with {self._last}")

    async def run(self) -> None:
        """Run the loop until it returns or is cancelled."""
        while True:
            self._began = self._own.clock.elapsed()
            try:
                await self._loop()
            except asyncio.CancelledError as error:
                if _asked_to_stop():
                    raise
                # Something that the loop awaited was cancelled, not the loop: without this it would end unseen.
                await self._back_off(error)
            except Exception as error:  # noqa: BLE001 - logged in _back_off
                await self._back_off(error)
            else:
                self._own.logger.info("The loop %s has finished.", self.name)
                return

    async def _back_off(self, error: BaseException) -> None:
        self._failures = 1 if self._steady() else self._failures + 1
        self._last = type(error).__name__
        # Not running until it is started again, so not steady either.
        self._began = math.inf
        others = isinstance(error, _OTHERS)
        longest = LONGEST_RESTART_AFTER_OTHERS_SECONDS if others else LONGEST_RESTART_SECONDS
        pause = min(longest, FIRST_RESTART_SECONDS * 2.0 ** (min(self._failures, 10) - 1))
        pause *= self._own.chance.uniform(1 - RESTART_JITTER, 1 + RESTART_JITTER)
        self._own.telemetry.metrics.loop_failures.labels(self.name).inc()
        self._tell(error, pause, others=others)
        await self._own.clock.sleep(pause)

    def _tell(self, error: BaseException, pause: float, *, others: bool) -> None:
        extra = {"loop": self.name, "failures": self._failures}
        if others:
            words = "The loop %s is held up and goes on in %.1f s: %s"
            self._own.logger.warning(words, self.name, pause, error, extra=extra)
        else:
            words = "The loop %s failed and is started again in %.1f s."
            self._own.logger.error(words, self.name, pause, exc_info=error, extra=extra)

    def _steady(self) -> bool:
        return self._own.clock.elapsed() - self._began >= STEADY_AFTER_SECONDS


async def _run_until_signal(service: str, build: Build[Settings], service_settings: Settings) -> None:
    def announce(running: Running) -> None:
        event_loop.settle()
        sys.stdout.write(ready_line(service, running) + "\n")
        sys.stdout.flush()

    with stop_on_signals() as stop:
        await run(service, build, service_settings, on_ready=announce, stop=stop)


def ready_line(service: str, running: Running) -> str:
    """Return what `main` prints once a service serves, such as "ready media grpc_port=4711 admin_port=4712"."""
    ports = (f"{name}={port}" for name, port in dataclasses.asdict(running).items() if port)
    return " ".join(["ready", service, *ports])


async def _serve(
    build: Build[Settings],
    service_settings: Settings,
    own: Chassis,
    ready: asyncio.Event,
    stop: asyncio.Event,
    on_ready: OnReady | None,
) -> None:
    async with build(service_settings, own) as running:
        ready.set()
        own.logger.info("The service is ready.", extra=dataclasses.asdict(running))
        if on_ready is not None:
            on_ready(running)
        try:
            await stop.wait()
            await _leave(own, service_settings.leave_seconds)
        finally:
            own.health.drain()
            own.logger.info("The service stops.")
    own.logger.info("The service has stopped.")


async def _leave(own: Chassis, seconds: float) -> None:
    """Go on until whoever chooses where to send calls has heard that it should not be here."""
    if seconds > 0:
        own.health.leave()
        own.logger.info("The service leaves: it stops in %g s.", seconds)
        await own.clock.sleep(seconds)


async def _cancel_start(serving: asyncio.Task[None], ready: asyncio.Event, stop: asyncio.Event) -> None:
    await stop.wait()
    if not ready.is_set():
        serving.cancel()


async def _cancelled(own: Chassis, tasks: Collection[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if not tasks:
        return
    _, stuck = await asyncio.wait(tasks, timeout=LOOP_STOP_SECONDS)
    for task in stuck:
        own.logger.error("The loop %s did not stop within %.0f s.", task.get_name(), LOOP_STOP_SECONDS)


def _asked_to_stop() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _exit_at_once(number: int, frame: FrameType | None) -> None:
    del number, frame
    for pid in tuple(_companions):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    os._exit(EXIT_AT_ONCE)
