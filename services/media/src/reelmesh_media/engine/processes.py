"""Runs the engine in processes that may be killed at any moment: by cancelling, by a watchdog, by a limit, by a crash.

The event loop never waits for a process: one thread per process reads its pipe and hands on what comes. Whatever
happens over there ends here as a result or as an error of `model.refusals`.
"""

import asyncio
import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Awaitable, Callable
from multiprocessing.context import SpawnProcess
from typing import Any, Self, TypeVar, cast

from reelmesh_kit import clock as clock_port

from reelmesh_media.engine import child
from reelmesh_media.model import ladder, refusals
from reelmesh_media.model.lanes import Lane

Result = TypeVar("Result")
OnProgress = Callable[[ladder.Progress], None]
REAP_SECONDS = 10.0
MAX_UNREAD_REPORTS = 100
# What a process brings upon itself, by bad memory, a failed assertion or endless work; all else comes from outside.
_SUICIDES = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP, signal.SIGXCPU}
)
# Never fork: a forked copy of FFmpeg's and gRPC's threads hangs.
_SPAWN = multiprocessing.get_context("spawn")


class _Gone:
    """The process ended, without a word."""

    def __init__(self, exit_code: int | None) -> None:
        self.exit_code = exit_code


class _Worker:
    """One process and the thread that reads what it says."""

    def __init__(self, lane: Lane) -> None:
        self.jobs_done = 0
        self.said: asyncio.Queue[Any] = asyncio.Queue()
        self.gone = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._connection, far_side = _SPAWN.Pipe(duplex=True)
        self._process: SpawnProcess = _SPAWN.Process(
            target=child.main, args=(far_side, lane), name=f"media-{lane.name}", daemon=True
        )
        self._process.start()
        # Only the child may hold the far side, or its death would go unnoticed.
        far_side.close()
        threading.Thread(target=self._listen, name=f"listen-{self._process.pid}", daemon=True).start()

    @property
    def usable(self) -> bool:
        return not self.gone.is_set()

    def send(self, job: child.Job) -> None:
        """Give the process a job; blocks until it is read. A process that is gone says so by itself."""
        with contextlib.suppress(BrokenPipeError, OSError):
            self._connection.send(job)

    def kill(self) -> None:
        """End the process now, whatever it does."""
        self._process.kill()

    def _listen(self) -> None:
        message: Any = None
        while not isinstance(message, _Gone):
            try:
                message = _understood(self._connection.recv_bytes())
            except (EOFError, OSError):
                self._process.join(REAP_SECONDS)
                message = _Gone(self._process.exitcode)
            with contextlib.suppress(RuntimeError):  # the loop is closed already: nobody listens any more
                self._loop.call_soon_threadsafe(self._hear, message)
        self._connection.close()

    def _hear(self, message: Any) -> None:
        if isinstance(message, _Gone):
            self.gone.set()
        if not isinstance(message, ladder.Progress) or self.said.qsize() < MAX_UNREAD_REPORTS:
            self.said.put_nowait(message)


class Processes:
    """The workers of one lane: started when needed, kept for the next job, replaced when they die.

    As in `async with Processes(lanes.ladder_lane(cores()), clock) as ladders: await ladders.run(ladder.make, request)`.
    """

    def __init__(self, lane: Lane, clock: clock_port.Clock) -> None:
        self._lane = lane
        self._clock = clock
        self._slots = asyncio.Semaphore(lane.workers)
        self._waiting = 0
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def run(
        self, function: Callable[..., Result], *arguments: object, on_progress: OnProgress | None = None
    ) -> Result:
        """Run an importable function in a worker process and return what it returns.

        Cancelling this call kills the process. What a killed job leaves behind are hidden `.part` files only.

        Args:
            function: a module-level function; of a lane that reports, one with a `progress` argument.
            arguments: anything that pickles.
            on_progress: called on the event loop for every report.

        Raises:
            refusals.LaneFull: too many calls wait already.
            refusals.WorkerCrashed: the process crashed, or went over its memory or CPU limit.
            refusals.WorkerDied: the process was killed, or left.
            refusals.WorkerStalled: no progress for the lane's `stall_seconds`.
            refusals.WorkerFailed: an unforeseen error; the reason is its traceback.
            refusals.MediaError: whatever the function refuses.
        """
        if self._slots.locked() and self._waiting >= self._lane.waiting:
            raise refusals.LaneFull(f"{self._waiting} jobs wait in lane {self._lane.name}")
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            return cast(Result, await self._run(child.Job(function, arguments), on_progress))
        finally:
            self._slots.release()

    async def close(self) -> None:
        """Kill every process and wait for them to be gone."""
        workers = [*self._idle, *self._busy]
        self._idle.clear()
        for worker in workers:
            await self._end(worker)

    async def _run(self, job: child.Job, on_progress: OnProgress | None) -> object:
        worker = await self._take()
        finished = False
        try:
            # Images travel inside jobs, and a full pipe blocks: not on the event loop.
            await self._in_time(asyncio.to_thread(worker.send, job))
            ending = await self._follow(worker, on_progress)
            finished = True
        finally:
            self._busy.discard(worker)
            if finished and worker.usable and worker.jobs_done < self._lane.jobs_per_process:
                self._idle.append(worker)
            else:
                await self._end(worker)
        return _outcome(ending)

    async def _take(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.usable:
                break
        else:
            worker = _Worker(self._lane)
        self._busy.add(worker)
        return worker

    async def _follow(self, worker: _Worker, on_progress: OnProgress | None) -> object:
        """Wait for the job's end; every report buys it time."""
        while True:
            message = await self._in_time(worker.said.get())
            if isinstance(message, ladder.Progress):
                if on_progress is not None:
                    on_progress(message)
                continue
            if isinstance(message, _Gone):
                raise _death(message.exit_code)
            worker.jobs_done += 1
            return message

    async def _in_time(self, awaitable: Awaitable[Result]) -> Result:
        try:
            return await self._clock.wait_for(awaitable, self._lane.stall_seconds)
        except TimeoutError:
            raise refusals.WorkerStalled(f"silent for {self._lane.stall_seconds} s") from None

    async def _end(self, worker: _Worker) -> None:
        """Kill, and wait until the process is really gone: only then has it stopped writing."""
        worker.kill()
        with contextlib.suppress(TimeoutError):
            await self._clock.wait_for(worker.gone.wait(), REAP_SECONDS)


def cores() -> int:
    """How many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _understood(message: bytes) -> object:
    """What a process said; a message that cannot be read is a bug, and must not stop the reading."""
    try:
        return pickle.loads(message)  # noqa: S301 - from our own child, through its own pipe
    except Exception as error:  # noqa: BLE001 - anything can go wrong in unpickling; it becomes the job's error
        return child.Broke(type(error).__name__, f"unreadable answer: {error}")


def _outcome(ending: object) -> object:
    if isinstance(ending, child.Done):
        return ending.result
    if isinstance(ending, child.Refused):
        raise ending.error
    if isinstance(ending, child.Broke):
        if ending.kind == MemoryError.__name__:
            raise refusals.WorkerCrashed("out of memory")
        raise refusals.WorkerFailed(ending.traceback)
    raise refusals.WorkerFailed(f"unknown message {type(ending).__name__}")


def _death(exit_code: int | None) -> refusals.WorkerDied:
    """Why a process ended: by what it did, or by what was done to it."""
    if exit_code is None:
        return refusals.WorkerDied("it does not end")
    if exit_code >= 0:
        return refusals.WorkerDied(f"exit code {exit_code}")
    if -exit_code in _SUICIDES:
        name = signal.Signals(-exit_code).name
        return refusals.WorkerCrashed("over its CPU limit" if name == "SIGXCPU" else name)
    if -exit_code == signal.SIGKILL:
        return refusals.WorkerDied("killed (SIGKILL), perhaps for its memory")
    return refusals.WorkerDied(f"killed (signal {-exit_code})")
