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
from collections.abc import Callable, Coroutine, Generator, Sequence
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
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._timers_made = 0
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

    def call_soon(
        self, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """Run a callback in this moment, after what waits already."""
        handle = _Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a callback once so many seconds have passed."""
        return self.call_at(self._moment + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a callback at a moment."""
        timer = _Timer(when, callback, args, self, context)
        # In the order of their making, those of one moment; and tuples are quicker to compare than timers.
        self._timers_made += 1
        heapq.heappush(self._timers, (when, self._timers_made, timer))
        return timer

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
        self._timers.clear()
        self.close()

    def _run_once(self) -> None:
        """Run what is due; when nothing is, let time pass until something is."""
        if not self._ready:
            self._pass_time()
        timers, moment, ready = self._timers, self._moment, self._ready
        while timers and timers[0][0] <= moment:
            due = heapq.heappop(timers)[2]
            if not due._cancelled:
                ready.append(due)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            owner = handle._context.get(OWNER)
            if owner is not None and owner.standing is not Standing.RUNNING:
                owner.held.append(handle)
                continue
            self.steps += 1
            try:
                handle._context.run(handle._callback, *handle._args)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:  # noqa: BLE001 - as asyncio's own handles do
                self.call_exception_handler({"message": "a callback failed", "exception": error, "handle": handle})

    def _pass_time(self) -> None:
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        if not timers:
            raise Stuck
        self._moment = max(self._moment, timers[0][0])

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Leave it where it is: it goes when its time comes."""

    def _write_to_self(self) -> None:
        """Wake nobody up: there is one thread."""

    def _process_events(self, event_list: Any) -> None:
        """Expect nothing from outside."""


class _Handle(asyncio.Handle):
    """asyncio's handle without its questions about debugging."""

    __slots__ = ()

    def __init__(
        self, callback: Callable[..., Any], args: Sequence[Any], loop: VirtualLoop, context: contextvars.Context | None
    ) -> None:
        """Run a callback in its context, or in the present one."""
        self._context = contextvars.copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None


class _Timer(asyncio.TimerHandle):
    """The same with a moment."""

    __slots__ = ()

    def __init__(
        self,
        when: float,
        callback: Callable[..., Any],
        args: Sequence[Any],
        loop: VirtualLoop,
        context: contextvars.Context | None,
    ) -> None:
        """Run a callback at a moment."""
        self._context = contextvars.copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None
        self._when = when
        self._scheduled = True


class _Moment:
    """A moment that a task waits for: the timer wakes it without a future in between."""

    __slots__ = ("_asyncio_future_blocking", "_cancelled", "_context", "_loop", "_timer", "_wake", "_when")

    def __init__(self, loop: VirtualLoop, when: float) -> None:
        """Take the moment."""
        self._asyncio_future_blocking = False
        self._cancelled = False
        self._loop = loop
        self._when = when

    def __await__(self) -> Generator[Any, None, None]:
        """Wait as for a future."""
        self._asyncio_future_blocking = True
        yield self

    def get_loop(self) -> VirtualLoop:
        """Return whose it is."""
        return self._loop

    def add_done_callback(self, wake: Callable[..., Any], *, context: contextvars.Context) -> None:
        """Take what wakes the task."""
        self._wake, self._context = wake, context
        self._timer = self._loop.call_at(self._when, wake, self, context=context)

    def cancel(self, msg: Any = None) -> bool:
        """Wake it now, to be told that it is cancelled."""
        self._cancelled = True
        self._timer.cancel()
        self._loop.call_soon(self._wake, self, context=self._context)
        return True

    def result(self) -> None:
        """Tell how the wait ended.

        Raises:
            asyncio.CancelledError: before its time.
        """
        if self._cancelled:
            raise asyncio.CancelledError


async def passing(seconds: float) -> None:
    """Let time pass."""
    running = asyncio.get_running_loop()
    assert isinstance(running, VirtualLoop)
    await _Moment(running, running.time() + seconds)
