"""The provider itself: it accepts everything, remembers nothing, and is never done."""

import datetime
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from reelmesh_provider import errors, gate, model, port

NAME = "endless"
CARD = model.ProviderCard(
    provider=NAME,
    version="1",
    models=(
        model.ModelCard(
            model="endless-1",
            shortest_seconds=1,
            longest_seconds=10,
            largest_pixels=1920 * 1080,
            audio=True,
            prices=(model.Price(datetime.date(2026, 1, 1), micros_per_second=100_000),),
            longest_render_seconds=86_400,
            seconds_per_second=10,
        ),
    ),
    recovery=model.Recovery.NONE,
)


class Endless:
    """`reelmesh_provider.port.Provider`; a job's id is its attempt's."""

    card = CARD

    async def __aenter__(self) -> Self:
        """Open nothing."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close nothing."""

    async def submit(self, task: model.Task, gate: gate.Gate) -> model.Submitted:
        """Accept it."""
        await gate.begin()
        gate.check()
        return model.Accepted(f"job-{task.attempt_id}")

    async def find(self, account_id: str, tasks: Sequence[model.Task]) -> model.Listing:
        """Find nothing: nothing is ever lost."""
        del account_id, tasks
        return model.Listing(frozenset())

    async def poll(self, account_id: str, jobs: Sequence[model.Job]) -> Sequence[model.Observation]:
        """Say of each that it is under way."""
        del account_id
        return [model.Observation(job.job_id, model.Pending(50)) for job in jobs]

    async def cancel(self, job: model.Job) -> None:
        """Be asked."""
        del job

    def fetch(self, job: model.Job) -> AbstractAsyncContextManager[port.Download]:
        """Have nothing to fetch."""
        raise errors.FetchLost(f"{job.job_id} is never done")
