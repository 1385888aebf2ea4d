"""A provider for the vendor: the port of libs/provider, in the process of a worker."""

import contextlib
import datetime
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from reelmesh_provider import errors, gate, model, port

from tests.simulation import dice, faults, loop, vendor

MODEL = "m-1"
LONGEST_CLIP_SECONDS = 4.0
MICROS_PER_SECOND = 100_000
LONGEST_LATENCY_SECONDS = 0.03
PIECE_BYTES = 40


def card(name: str, habits: vendor.Habits, recovery: model.Recovery, *, free: bool, frames: bool) -> model.ProviderCard:
    """Return what a vendor promises; `frames` says whether a clip may go on from the one before."""
    return model.ProviderCard(
        provider=name,
        version="1",
        models=(
            model.ModelCard(
                model=MODEL,
                shortest_seconds=1.0,
                longest_seconds=LONGEST_CLIP_SECONDS,
                largest_pixels=1920 * 1080,
                reference_images=4,
                first_frame=frames,
                seed=True,
                prices=(model.Price(datetime.date(2026, 1, 1), micros_per_second=0 if free else MICROS_PER_SECOND),),
                longest_render_seconds=habits.longest_render + 1.0,
                seconds_per_second=1.0,
            ),
        ),
        recovery=recovery,
        free=free,
        creation_delay_seconds=habits.creation_seconds,
        listing_delay_seconds=habits.listing_seconds,
        cancellable=True,
        gone=model.GoneRule(times=3, over_seconds=max(4.0, habits.listing_seconds * 2)),
        pace=model.Pace(first_seconds=0.5, longest_seconds=4.0, growth=1.5),
    )


class Dialect:
    """`reelmesh_provider.port.Provider` for one vendor."""

    def __init__(
        self, server: vendor.Vendor, stated: model.ProviderCard, latencies: dice.Dice, *, trusted_when_empty: bool
    ) -> None:
        """Speak to a vendor."""
        self.card = stated
        self._vendor = server
        self._latencies = latencies
        self._trusted_when_empty = trusted_when_empty

    async def __aenter__(self) -> Self:
        """Open nothing."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close nothing."""

    async def submit(self, task: model.Task, gate: gate.Gate) -> model.Submitted:
        """Ask once: connect, begin, and check before each write."""
        await self._travel()
        if self._strikes(faults.Kind.UNREACHABLE):
            raise errors.Unreachable("no route to the vendor")
        await gate.begin()
        for _ in ("headers", "body"):
            gate.check()
            self._vendor.weather.passed("submit")
            await self._travel()
        gate.check()
        answer = self._vendor.send(task)
        self._vendor.weather.passed("answer of submit")
        return await answer

    async def find(self, account_id: str, tasks: Sequence[model.Task]) -> model.Listing:
        """Read the list."""
        await self._travel()
        if self._during(faults.Kind.LIST_FAILS):
            raise TimeoutError
        listing = self._listing(tasks)
        if slow := self._strikes(faults.Kind.LIST_SLOW):
            await loop.passing(slow.seconds)
        await self._travel()
        return listing

    async def poll(self, account_id: str, jobs: Sequence[model.Job]) -> Sequence[model.Observation]:
        """Look at jobs."""
        await self._travel()
        if self._during(faults.Kind.POLL_FAILS):
            raise TimeoutError
        seen = [model.Observation(job.job_id, self._vendor.state(job.job_id)) for job in jobs]
        await self._travel()
        return seen

    async def cancel(self, job: model.Job) -> None:
        """Ask for the end of a job."""
        await self._travel()
        if self._during(faults.Kind.POLL_FAILS):
            raise TimeoutError
        self._vendor.cancel(job.job_id)

    def fetch(self, job: model.Job) -> AbstractAsyncContextManager[port.Download]:
        """Open the bytes of a clip."""
        return self._fetch(job.job_id)

    @contextlib.asynccontextmanager
    async def _fetch(self, job_id: str) -> AsyncGenerator[port.Download]:
        await self._travel()
        job = self._vendor.jobs.get(job_id)
        if job is None or job.lost:
            raise errors.FetchLost("the vendor has no such clip any more")
        content = job.content()
        yield port.Download(self._pieces(content), len(content))

    async def _pieces(self, content: bytes) -> AsyncIterator[bytes]:
        breaks = self._strikes(faults.Kind.FETCH_BREAKS)
        for start in range(0, len(content), PIECE_BYTES):
            if breaks and start:
                raise ConnectionResetError("the download broke off")
            yield content[start : start + PIECE_BYTES]
            await self._travel()

    def _listing(self, tasks: Sequence[model.Task]) -> model.Listing:
        if self._during(faults.Kind.LIST_FOREIGN):
            return model.Listing(frozenset({"somebody-elses-job"}), complete=True)
        jobs = self._vendor.list()
        complete = self._during(faults.Kind.LIST_CUT) is None
        if not complete:
            jobs = jobs[: len(jobs) // 2]
        matches = [
            model.Match(task.attempt_id, job.id, fit)
            for task in tasks
            for job in jobs
            if (fit := self._fit(job, task)) is not None
        ]
        return model.Listing(
            frozenset([*(job.id for job in jobs), *self._vendor.strangers]),
            tuple(matches),
            complete=complete,
            trusted_when_empty=self._trusted_when_empty,
            observations=tuple(model.Observation(job.id, self._vendor.state(job.id)) for job in jobs),
        )

    def _fit(self, job: vendor.Job, task: model.Task) -> model.Fit | None:
        if self.card.recovery is model.Recovery.EXACT:
            return model.Fit.OWN_ID if job.task.attempt_id == task.attempt_id else None
        if job.task.seed != task.seed:
            return None
        return model.Fit.PLAUSIBLE if task.seed_is_users else model.Fit.DISCRIMINATED

    def _strikes(self, kind: faults.Kind) -> faults.Fault | None:
        return self._vendor.weather.strikes(kind, self._vendor.name)

    def _during(self, kind: faults.Kind) -> faults.Fault | None:
        return self._vendor.weather.during(kind, self._vendor.name)

    async def _travel(self) -> None:
        await loop.passing(self._latencies.uniform(0.001, LONGEST_LATENCY_SECONDS))
