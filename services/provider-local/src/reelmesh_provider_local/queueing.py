"""The queue of the local provider: jobs wait for room in the studio, render, and end; restarts begin them again."""

import asyncio
import json
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from reelmesh_kit import process

from reelmesh_provider_local import jobs, model, studio, wire

# For a job that is asked never to end.
FOREVER_SECONDS = 365 * 86_400.0


@dataclass
class _Work:
    """A job under way."""

    task: asyncio.Task[None]
    part: float = 0.0
    started: float | None = None


class Queue:
    """Runs every unfinished job of the list."""

    def __init__(self, own: process.Chassis, listed: jobs.Jobs, renderers: studio.Studio) -> None:
        """Render the jobs `listed` with `renderers`."""
        self._own = own
        self._jobs = listed
        self._studio = renderers
        self._works: dict[str, _Work] = {}

    async def __aenter__(self) -> Self:
        """Begin again with what a former life left unfinished."""
        for job in await asyncio.to_thread(self._jobs.unfinished):
            self.add(job)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; what is unfinished stays so in the list."""
        tasks = [work.task for work in self._works.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def add(self, job: model.Job) -> None:
        """Take a job in."""
        task = asyncio.create_task(self._run(job), name=f"render {job.job_id}")
        self._works[job.job_id] = _Work(task)
        task.add_done_callback(lambda done: self._done(job.job_id, done))

    def progress(self, job_id: str) -> tuple[float, float]:
        """Return how much of a job is rendered, 0 to 1, and for how many seconds it has been rendering."""
        work = self._works.get(job_id)
        if work is None or work.started is None:
            return 0.0, 0.0
        return work.part, self._own.clock.elapsed() - work.started

    async def cancel(self, job_id: str) -> None:
        """End a job that has not ended yet; its renderer is killed."""
        if await self._end(job_id, model.State.CANCELLED) and (work := self._works.get(job_id)):
            work.task.cancel()

    async def _run(self, job: model.Job) -> None:
        async with self._studio.room:
            await asyncio.to_thread(self._jobs.move, job.job_id, model.State.RENDERING)
            work = self._works[job.job_id]
            work.started = self._own.clock.elapsed()
            await self._suffer(job)
            if (ending := _early_ending(job)) is not None:
                await self._end(job.job_id, ending, message=f"a test asked for it to end as {ending}")
                return
            await self._render(job, work)

    def _done(self, job_id: str, task: asyncio.Task[None]) -> None:
        self._works.pop(job_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._own.logger.error("Job %s stopped; it begins again with the next start", job_id, exc_info=error)

    async def _render(self, job: model.Job, work: _Work) -> None:
        def on_progress(part: float) -> None:
            work.part = part

        asked = json.loads(job.request)
        # The stored context: a render outlives the submit that asked for it, and restarts too.
        spanned = self._own.telemetry.span(
            "render", parent=asked.get("traceparent", ""), attributes=wire.span_attributes(job)
        )
        try:
            with spanned as span:
                report = await self._studio.render(asked, on_progress)
                span.set_attribute("reelmesh.clip.bytes", report["size_bytes"])
        except (studio.RenderRefused, studio.RenderFailed) as error:
            self._own.logger.warning("Job %s failed: %s", job.job_id, error.message)
            await self._end(job.job_id, model.State.FAILED, message=error.message)
            return
        for warning in report["warnings"]:
            self._own.logger.warning("Job %s: %s", job.job_id, warning)
        await self._end(
            job.job_id, model.State.SUCCEEDED, message="; ".join(report["warnings"]), size_bytes=report["size_bytes"]
        )

    async def _suffer(self, job: model.Job) -> None:
        if model.amount_of(job.faults, model.Fault.STALL) is not None:
            await self._own.clock.sleep(FOREVER_SECONDS)
        if slow_seconds := model.amount_of(job.faults, model.Fault.SLOW):
            await self._own.clock.sleep(slow_seconds)

    async def _end(self, job_id: str, state: model.State, *, message: str = "", size_bytes: int = 0) -> bool:
        now = self._own.clock.now().timestamp()

        def move() -> bool:
            return self._jobs.move(job_id, state, message=message, size_bytes=size_bytes, now=now)

        return await asyncio.to_thread(move)


def _early_ending(job: model.Job) -> model.State | None:
    if model.amount_of(job.faults, model.Fault.FAIL) is not None:
        return model.State.FAILED
    if model.amount_of(job.faults, model.Fault.FILTER) is not None:
        return model.State.FILTERED
    return None
