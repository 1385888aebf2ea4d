"""The studio: a few child processes that render, fed over pipes, killed when their job is cancelled."""

import asyncio
import contextlib
import json
import sys
from asyncio import subprocess
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from reelmesh_kit import errors, process

STOP_SECONDS = 2.0
LONGEST_LINE_BYTES = 1024 * 1024
# A request that killed its renderer is tried once more, in a fresh one, before it is given up.
TRIES = 2


class RenderRefused(errors.ReelmeshError):
    """The renderer cannot make this; the message says why. Ask for something else."""

    reason = errors.Reason.INVALID_ARGUMENT


class RenderFailed(errors.ReelmeshError):
    """The renderer failed."""


class _RendererDied(Exception):
    """The child ended before it answered."""


OnProgress = Callable[[float], None]


class Studio:
    """`processes` renderers, started when first needed and kept for the next job."""

    def __init__(self, own: process.Chassis, processes: int) -> None:
        """Have room for `processes` renders at once."""
        self._own = own
        self._room = asyncio.Semaphore(processes)
        self._idle: list[subprocess.Process] = []
        self._all: set[subprocess.Process] = set()

    async def __aenter__(self) -> Self:
        """Start the first renderer, so that the first job does not wait for its imports."""
        self._idle.append(await self._start())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill all renderers."""
        for child in tuple(self._all):
            await self._kill(child)

    @property
    def room(self) -> asyncio.Semaphore:
        """Held while a job renders: lets a job that waits be told from one that is under way."""
        return self._room

    async def render(self, request: dict[str, Any], on_progress: OnProgress) -> dict[str, Any]:
        """Render one request within `room` and return the renderer's report. Being cancelled kills the renderer.

        Raises:
            RenderRefused: it cannot be made.
            RenderFailed: it went wrong, or killed its renderer twice.
        """
        for attempt in range(1, TRIES + 1):
            try:
                return await self._once(request, on_progress)
            except _RendererDied:
                self._own.logger.warning("A renderer died (try %d of %d)", attempt, TRIES)
        raise RenderFailed("The renderer died over this request.")

    async def _once(self, request: dict[str, Any], on_progress: OnProgress) -> dict[str, Any]:
        child = self._idle.pop() if self._idle else await self._start()
        try:
            answer = await _ask(child, request, on_progress)
        except BaseException:
            await self._kill(child)
            raise
        self._idle.append(child)
        if "refused" in answer:
            raise RenderRefused(answer["refused"])
        if "failed" in answer:
            self._own.logger.warning("A renderer failed: %s", answer["detail"])
            raise RenderFailed(answer["failed"])
        return answer["report"]

    async def _start(self) -> subprocess.Process:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "reelmesh_provider_local.render_process",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            limit=LONGEST_LINE_BYTES,
            # A Ctrl-C in a terminal reaches the whole group; the parent decides what becomes of its children.
            start_new_session=True,
        )
        self._all.add(child)
        return child

    async def _kill(self, child: subprocess.Process) -> None:
        self._all.discard(child)
        if child in self._idle:
            self._idle.remove(child)
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await self._own.clock.wait_for(child.wait(), STOP_SECONDS)
        if child.stdin is not None:
            child.stdin.close()


async def _ask(child: subprocess.Process, request: dict[str, Any], on_progress: OnProgress) -> dict[str, Any]:
    if child.stdin is None or child.stdout is None:
        raise _RendererDied
    try:
        child.stdin.write(json.dumps(request).encode() + b"\n")
        await child.stdin.drain()
        while line := await child.stdout.readline():
            answer: dict[str, Any] = json.loads(line)
            if "progress" not in answer:
                return answer
            on_progress(answer["progress"])
    except (ConnectionError, ValueError) as error:
        raise _RendererDied from error
    raise _RendererDied
