"""The event loop of a process of ours, and how seldom its garbage is looked for."""

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

# New objects between two looks for cycles. A call makes thousands that its own end frees: few looks find anything.
YOUNG_OBJECTS = 20_000


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a program as `asyncio.run` does, on uvloop where there is one: its turns cost about a quarter less."""
    # libuv forks to start a process: gRPC would stop its threads for what exec throws away, or fail to and say so.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")  # noqa: TID251 - gRPC is told nowhere else
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
    with asyncio.Runner(loop_factory=_factory()) as runner:
        return runner.run(main)


def settle() -> None:
    """Look for garbage no more among what a start has left: modules, classes and tables, which stay to the end."""
    gc.collect()
    gc.freeze()


def _factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # there is none for Windows

    return uvloop.new_event_loop
