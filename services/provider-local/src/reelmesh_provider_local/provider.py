"""The local provider: obeys submit, find, poll, cancel and fetch like a paid vendor, and renders on this machine."""

import asyncio
import contextlib
import datetime
import importlib.metadata
import pathlib
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Literal, Self

from reelmesh_kit import process
from reelmesh_provider import errors, port
from reelmesh_provider import gate as gates
from reelmesh_provider import model as mesh

from reelmesh_provider_local import jobs, model, queueing, settings, studio, wire

CHUNK_BYTES = 256 * 1024
JOB_LIST_NAME = "jobs.sqlite"
SWEEP_EVERY_SECONDS = 600.0
# What comes in place of a clip when a test asks for it.
ERROR_PAGE = b'{"error": {"message": "upstream request failed", "type": "server_error"}}'
CORRUPT_CLIP = b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isomiso2" + b"\x5a" * 4096


class LocalProvider:
    """`reelmesh_provider.port.Provider`, with everything in one folder."""

    jobs_end_with_worker: Literal[True] = True

    def __init__(self, told: settings.LocalSettings, own: process.Chassis) -> None:
        """Keep jobs and clips below the data folder; nothing is opened before the provider is entered."""
        self._told = told
        self._own = own
        self._folder = told.data_folder / own.service / "jobs"
        self._faults = model.read_markers(told.local_faults)[0]
        self._broken_fetches: dict[str, int] = {}
        self._opened = contextlib.AsyncExitStack()
        self.card = wire.card(importlib.metadata.version("reelmesh-provider-local"), told.local_longest_seconds)

    async def __aenter__(self) -> Self:
        """Open the job list and go on with what was left unfinished."""
        path = self._folder.parent / JOB_LIST_NAME
        async with contextlib.AsyncExitStack() as opened:
            self._jobs = await asyncio.to_thread(jobs.Jobs.open_at, path)
            opened.callback(self._jobs.close)
            renderers = await opened.enter_async_context(studio.Studio(self._own, self._told.local_render_processes))
            self._queue = await opened.enter_async_context(queueing.Queue(self._own, self._jobs, renderers))
            await opened.enter_async_context(process.supervise(self._own, sweep=self._sweep))
            self._opened = opened.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop rendering; unfinished jobs go on when the list is opened again."""
        await self._opened.aclose()

    async def submit(self, task: mesh.Task, gate: gates.Gate) -> mesh.Submitted:
        """Create a job."""
        if why := wire.problem(task):
            return mesh.Declined(mesh.Verdict.REFUSED_FOR_GOOD, why)
        faults, prompt = self._asked_faults(task)
        faults = model.suffered(faults, await asyncio.to_thread(self._jobs.tries, task.shot_id))
        await gate.begin()
        gate.check()
        if refusal := wire.refusal(faults):
            await self._note(task, refusal.verdict.value)
            return refusal
        if model.amount_of(faults, model.Fault.VANISH) is not None:
            await self._note(task, jobs.VANISHED)
            raise ConnectionResetError("the connection broke before a job was created, because a test asked for it")
        return await self._create(task, prompt, faults, gate)

    async def find(self, account_id: str, tasks: Sequence[mesh.Task]) -> mesh.Listing:
        """Read the job list."""
        del account_id
        listed = await asyncio.to_thread(self._jobs.newest)
        return mesh.Listing(
            job_ids=frozenset(job.job_id for job in listed),
            matches=wire.matches(listed, tasks, tags_hidden=self._told.local_hides_tags),
            complete=len(listed) < jobs.LISTED_JOBS,
            trusted_when_empty=True,
            observations=tuple(self._observed(job, job.job_id) for job in listed),
        )

    async def census(self, account_id: str, since: datetime.datetime | None) -> mesh.Census:
        """Read the whole job list: it has no dates, and is not long."""
        del account_id, since
        orders = await asyncio.to_thread(self._jobs.asked_for, jobs.COUNTED_JOBS)
        told = tuple(wire.listed(order, tags_hidden=self._told.local_hides_tags) for order in orders)
        return mesh.Census(told, complete=len(told) < jobs.COUNTED_JOBS)

    async def poll(self, account_id: str, jobs: Sequence[mesh.Job]) -> Sequence[mesh.Observation]:
        """Look jobs up in the list."""
        del account_id
        known = await asyncio.to_thread(self._jobs.get, [job.job_id for job in jobs])
        return [self._observed(known.get(job.job_id), job.job_id) for job in jobs]

    async def cancel(self, job: mesh.Job) -> None:
        """Stop a job."""
        await self._queue.cancel(job.job_id)

    def fetch(self, job: mesh.Job) -> AbstractAsyncContextManager[port.Download]:
        """Read the clip from its file."""
        return self._fetch(job.job_id)

    def submits(self, *, tag: str | None = None, shot_id: str | None = None) -> int:
        """Count the submits that were ever given: for tests of paying once."""
        return self._jobs.submits(tag=tag, shot_id=shot_id)

    async def _note(self, task: mesh.Task, result: str) -> None:
        await asyncio.to_thread(self._jobs.count_submit, task.attempt_id, task.shot_id, task.seed, result)

    async def _create(self, task: mesh.Task, prompt: str, faults: model.Faults, gate: gates.Gate) -> mesh.Submitted:
        job_id = f"local-{self._own.ids.fresh()}"
        folder = self._folder / job_id
        await asyncio.to_thread(_write_all, folder, wire.picture_names(task))
        # The list is this vendor's record: the row is the creation, so this is the request's last byte.
        gate.check()
        job = model.Job(
            job_id=job_id,
            tag=task.attempt_id,
            shot_id=task.shot_id,
            seed=task.seed,
            model=task.model,
            request=wire.request(task, prompt, folder, smaller=self._told.local_smaller),
            faults=faults,
        )
        await asyncio.to_thread(self._jobs.create, job)
        self._queue.add(job)
        if delay := model.amount_of(faults, model.Fault.ACCEPT_DELAY):
            await self._own.clock.sleep(delay)
        if model.amount_of(faults, model.Fault.DROP) is not None:
            raise ConnectionResetError("the connection broke before the id came, because a test asked for it")
        return mesh.Accepted(job_id)

    def _asked_faults(self, task: mesh.Task) -> tuple[model.Faults, str]:
        if not self._told.local_faults_in_prompts:
            return self._faults, task.prompt
        asked, prompt = model.read_markers(task.prompt)
        return (*self._faults, *asked), prompt

    def _observed(self, job: model.Job | None, job_id: str) -> mesh.Observation:
        return wire.observed(job, job_id, *self._queue.progress(job_id))

    @contextlib.asynccontextmanager
    async def _fetch(self, job_id: str) -> AsyncGenerator[port.Download]:
        job = (await asyncio.to_thread(self._jobs.get, [job_id])).get(job_id)
        path = self._folder / job_id / wire.CLIP_NAME
        if job is None or model.amount_of(job.faults, model.Fault.FETCH_LOST) is not None:
            raise errors.FetchLost(f"job {job_id} has no clip any more")
        if replacement := _replacement(job):
            yield port.Download(_once(replacement), len(replacement))
            return
        if not await asyncio.to_thread(path.exists):
            raise errors.FetchLost(f"the clip of job {job_id} is not on this disk any more")
        yield port.Download(self._read(path, breaks=self._breaks(job)), job.size_bytes)

    def _breaks(self, job: model.Job) -> bool:
        times = self._broken_fetches.get(job.job_id, 0)
        if times >= (model.amount_of(job.faults, model.Fault.FETCH_FAILS) or 0):
            self._broken_fetches.pop(job.job_id, None)
            return False
        self._broken_fetches[job.job_id] = times + 1
        return True

    async def _read(self, path: pathlib.Path, *, breaks: bool) -> AsyncIterator[bytes]:
        # Opened for each chunk, in the thread that closes it again: whoever is cancelled leaves no open file behind.
        offset = 0
        while chunk := await asyncio.to_thread(_chunk, path, offset):
            if breaks:
                yield chunk[: len(chunk) // 2]
                return
            yield chunk
            offset += len(chunk)

    async def _sweep(self) -> None:
        """Forget jobs that ended long ago, with their files."""
        while True:
            kept_seconds = self._told.local_results_kept_hours * 3600
            before = self._own.clock.now().timestamp() - kept_seconds
            old = await asyncio.to_thread(self._jobs.ended_before, before)
            for job_id in old:
                await asyncio.to_thread(shutil.rmtree, self._folder / job_id, ignore_errors=True)
            if old:
                await asyncio.to_thread(self._jobs.remove, old)
            await self._own.clock.sleep(SWEEP_EVERY_SECONDS)


def _replacement(job: model.Job) -> bytes:
    if model.amount_of(job.faults, model.Fault.NO_VIDEO) is not None:
        return ERROR_PAGE
    if model.amount_of(job.faults, model.Fault.CORRUPT) is not None:
        return CORRUPT_CLIP
    return b""


def _chunk(path: pathlib.Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(CHUNK_BYTES)


def _write_all(folder: pathlib.Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
