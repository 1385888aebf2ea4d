"""How a program of ours runs, and how seldom its garbage is looked for."""

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

# New objects between two looks for cycles. A call makes thousands that its own end frees: few looks find anything.
YOUNG_OBJECTS = 20_000


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a program as `asyncio.run` does, on its own loop.

    uvloop takes a tenth less processor time, and is not used: it forks to start a process, among gRPC's threads, and
    what is written to one that has just been started may never reach it.
    """
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
    return asyncio.run(main)


def settle() -> None:
    """Look for garbage no more among what a start has left: modules, classes and tables, which stay to the end."""
    gc.collect()
    gc.freeze()
