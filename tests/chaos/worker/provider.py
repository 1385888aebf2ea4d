"""The vendor as a provider: the six verbs over HTTP, submits through the gate."""

import contextlib
import datetime
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self

import httpx
from reelmesh_provider import errors, gated_http, model, port
from reelmesh_provider import gate as gates

from tests.chaos.worker import wire

TIMEOUT_SECONDS = 3.0


class ChaosProvider:
    """`reelmesh_provider.port.Provider` for the vendor of the chaos."""

    def __init__(self, url: str, submit_timeout_seconds: float) -> None:
        """Order at `url`."""
        self._url = url
        self._submit_timeout_seconds = submit_timeout_seconds
        self._client = httpx.AsyncClient(base_url=url, timeout=TIMEOUT_SECONDS)
        self.card = wire.card()

    async def __aenter__(self) -> Self:
        """Open nothing: requests connect."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def submit(self, task: model.Task, gate: gates.Gate) -> model.Submitted:
        """Order, once."""
        async with httpx.AsyncClient(
            transport=gated_http.GatedTransport(), timeout=self._submit_timeout_seconds
        ) as client:
            answer = await client.post(f"{self._url}/jobs", json=wire.order(task), extensions={gated_http.GATE: gate})
            return wire.submitted(answer.status_code, answer.json())

    async def find(self, account_id: str, tasks: Sequence[model.Task]) -> model.Listing:
        """Read the list."""
        return wire.listing(account_id, tasks, await self._listed())

    async def census(self, account_id: str, since: datetime.datetime | None) -> model.Census:
        """Read the whole list: the vendor forgets no job."""
        del since
        return wire.census(account_id, await self._listed())

    async def poll(self, account_id: str, jobs: Sequence[model.Job]) -> Sequence[model.Observation]:
        """Look jobs up in the list."""
        del account_id
        listed = await self._listed()
        return [wire.observed(job.job_id, listed) for job in jobs]

    async def cancel(self, job: model.Job) -> None:
        """Ask for an end."""
        (await self._client.post(f"/jobs/{job.job_id}/stop")).raise_for_status()

    def fetch(self, job: model.Job) -> AbstractAsyncContextManager[port.Download]:
        """Stream the clip."""
        return self._fetch(job.job_id)

    @contextlib.asynccontextmanager
    async def _fetch(self, job_id: str) -> AsyncGenerator[port.Download]:
        async with self._client.stream("GET", f"/jobs/{job_id}/clip") as answer:
            if answer.status_code == 404:
                raise errors.FetchLost(f"the vendor has no clip of {job_id}")
            answer.raise_for_status()
            yield port.Download(answer.aiter_bytes(), int(answer.headers["content-length"]))

    async def _listed(self) -> list[dict[str, Any]]:
        answer = await self._client.get("/jobs")
        answer.raise_for_status()
        listed: list[dict[str, Any]] = answer.json()["jobs"]
        return listed
