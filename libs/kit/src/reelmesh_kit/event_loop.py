"""The event loop of a program of ours, and how seldom its garbage is looked for."""

import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

Result = TypeVar("Result")

# New objects between two looks for cycles. A call makes thousands that its own end frees: few looks find anything.
YOUNG_OBJECTS = 20_000


def run(main: Coroutine[Any, Any, Result], *, starts_processes: bool = False) -> Result:
    """Run a program as `asyncio.run` does, on uvloop unless it starts processes by its loop.

    uvloop takes a tenth less processor time. But it forks to start a process, among gRPC's threads, and what is written
    to one that has just been started may never reach it.
    """
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
    with asyncio.Runner(loop_factory=None if starts_processes else _quick_loop()) as runner:
        return runner.run(main)


def settle() -> None:
    """Look for garbage no more among what a start has left: modules, classes and tables, which stay to the end."""
    gc.collect()
    gc.freeze()


def _quick_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # there is none for Windows

    class Loop(uvloop.Loop):
        async def subprocess_exec(self, *_: object, **__: object) -> NoReturn:
            raise RuntimeError("This program has not said that it starts processes: see event_loop.run.")

    return Loop
