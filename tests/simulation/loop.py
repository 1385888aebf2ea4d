"""An event loop without a machine: time passes when nothing is left to do, and every run of a seed is the same.

Everything that runs belongs to a process, or to nature. Whose a callback is stands in its context: a process can
be frozen (its callbacks wait, in order, as after SIGSTOP) or killed (they are never run, and neither is any `finally`).
"""

import asyncio
import contextlib
import contextvars
import enum
import heapq
from collections import deque
from collections.abc import Coroutine, Generator
from typing import Any, NoReturn, TypeVar

Result = TypeVar("Result")

# How often, and how long each time, what still runs at the end is asked to stop.
UNWINDING_ROUNDS = 5
UNWINDING_SECONDS = 60.0


class Standing(enum.Enum):
    """How a process is."""

    RUNNING = "running"
    FROZEN = "frozen"
    DEAD = "dead"


class Stuck(Exception):
    """Nothing is left to do, and nothing ever will be."""


class Process:
    """What runs together, is frozen together, and dies together."""

    def __init__(self, name: str) -> None:
        """Name it."""
        self.name = name
        self.standing = Standing.RUNNING
        #: What would have run while it was frozen, and since it is dead.
        self.held: deque[asyncio.Handle] = deque()

    def spawn(self, work: Coroutine[Any, Any, Result]) -> "asyncio.Task[Result]":
        """Run work as this process."""
        return _spawned(self, work)


OWNER: contextvars.ContextVar[Process | None] = contextvars.ContextVar("simulated_process", default=None)


def natural(work: Coroutine[Any, Any, Result]) -> "asyncio.Task[Result]":
    """Run work as nature does: wires, vendors and fate, which nobody freezes or kills."""
    return _spawned(None, work)


def _spawned(owner: Process | None, work: Coroutine[Any, Any, Result]) -> "asyncio.Task[Result]":
    context = contextvars.Context()
    context.run(OWNER.set, owner)
    # Not from the caller's context: `create_task` hands the caller's process on.
    return context.run(asyncio.get_running_loop().create_task, work, context=context)


class NumberedTask(asyncio.Task[Any]):
    """A task that sets keep in the same order in each run: by its number, not by where it lies in memory."""

    def __new__(cls, *_: Any, loop: "VirtualLoop", **__: Any) -> "NumberedTask":
        """Number it before anybody asks for its hash."""
        task = super().__new__(cls)
        task.number = loop.next_number()
        return task

    number: int

    def __hash__(self) -> int:
        """Return the number."""
        return self.number

    def __eq__(self, other: object) -> bool:
        """Tell whether it is this very task."""
        return self is other


class VirtualLoop(asyncio.BaseEventLoop):
    """asyncio's loop with virtual time: seconds since the simulation began."""

    def __init__(self) -> None:
        """Begin at 0."""
        super().__init__()
        self._moment = 0.0
        self._numbers = 0
        self._made: list[tuple[asyncio.Task[Any], Process | None]] = []
        #: Callbacks that were run.
        self.steps = 0

    def time(self) -> float:
        """Return the virtual time."""
        return self._moment

    def next_number(self) -> int:
        """Return the number of the next task."""
        self._numbers += 1
        return self._numbers

    def create_task(
        self,
        coro: Generator[Any, None, Result] | Coroutine[Any, Any, Result],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> "asyncio.Task[Result]":
        """Start a task of the process that starts it, also where it is given a context of its own."""
        owner = OWNER.get()
        if context is not None and context.get(OWNER) is not owner:
            context.run(OWNER.set, owner)
        task = NumberedTask(coro, loop=self, name=name, context=context)
        self._made.append((task, owner))
        return task

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> NoReturn:
        """Refuse: no seed could tell when a thread is done.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(f"{func!r} would run in a thread")

    def thaw(self, process: Process) -> None:
        """Let a frozen process go on with what it missed."""
        process.standing = Standing.RUNNING
        self._ready.extend(process.held)
        process.held.clear()

    def unseen_errors(self) -> list[BaseException]:
        """Return what tasks raised and nobody has looked at."""
        ended = (task for task, _ in self._made if task.done() and not task.cancelled())
        return [error for task in ended if task._log_traceback and (error := task.exception()) is not None]

    def end(self) -> None:
        """Unwind whatever still waits, the dead included, and close."""
        for _ in range(UNWINDING_ROUNDS):
            waiting = [(task, owner) for task, owner in self._made if not task.done()]
            if not waiting:
                break
            for task, owner in waiting:
                task.cancel()
                if owner is not None:
                    self.thaw(owner)
            with contextlib.suppress(Stuck):
                self.run_until_complete(asyncio.wait([task for task, _ in waiting], timeout=UNWINDING_SECONDS))
        self.unseen_errors()  # a process that was about to end had no time to look at them
        self._made.clear()
        self._scheduled.clear()
        self.close()

    def _run_once(self) -> None:
        """Run what is due; when nothing is, let time pass until something is."""
        if not self._ready:
            self._pass_time()
        while self._scheduled and self._scheduled[0].when() <= self._moment:
            due = heapq.heappop(self._scheduled)
            due._scheduled = False
            if not due.cancelled():
                self._ready.append(due)
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if not handle.cancelled():
                self._run(handle)

    def _run(self, handle: asyncio.Handle) -> None:
        owner = handle._context.get(OWNER)
        if owner is None or owner.standing is Standing.RUNNING:
            self.steps += 1
            handle._run()
        else:
            owner.held.append(handle)

    def _pass_time(self) -> None:
        while self._scheduled and self._scheduled[0].cancelled():
            heapq.heappop(self._scheduled)._scheduled = False
        if not self._scheduled:
            raise Stuck
        self._moment = max(self._moment, self._scheduled[0].when())

    def _write_to_self(self) -> None:
        """Wake nobody up: there is one thread."""

    def _process_events(self, event_list: Any) -> None:
        """Expect nothing from outside."""


async def passing(seconds: float) -> None:
    """Let time pass."""
    running = asyncio.get_running_loop()
    passed = running.create_future()
    timer = running.call_later(seconds, _pass, passed)
    try:
        await passed
    finally:
        timer.cancel()


def _pass(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
