"""Veo on Vertex AI behind the verbs of a provider.

A job's id is the name of its operation or, where that was lost on the way, where its clip lies: `gs://…`. Each attempt
has a folder of its own in the account's bucket, so that what is in there is its own, whoever remembers what.
"""

import asyncio
import contextlib
import datetime
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

import httpx
from reelmesh_kit import process
from reelmesh_provider import card_files, credentials, errors, gated_http, pacing, port
from reelmesh_provider import gate as gates
from reelmesh_provider import model as mesh

from reelmesh_provider_veo import buckets, settings, tokens, wire
from reelmesh_provider_veo.model import places

LOOKS_AT_ONCE = 8
# Attempts whose operation this worker knows, so that a clip in the bucket is told by the id that its job has already.
MOST_REMEMBERED = 10_000


class VeoProvider:
    """`reelmesh_provider.port.Provider` for every account of one name."""

    def __init__(self, told: settings.VeoSettings, own: process.Chassis) -> None:
        """Read the card and the accounts.

        Raises:
            process.CannotStart: one of the files cannot be used.
        """
        self._own = own
        self.turns = pacing.Turns()
        self._tokens = tokens.Tokens()
        self._job_ids: dict[str, str] = {}
        self._http = gated_http.client()
        self._credentials = credentials.Credentials(
            told.accounts_file, told.veo_name, own.logger, endpoint=places.GLOBAL
        )
        self.card = card_files.stated(told.veo_card_file, "reelmesh_provider_veo", "veo", told.veo_name)

    async def __aenter__(self) -> Self:
        """Open nothing: connections are made when they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections; jobs at the vendor go on."""
        await self._http.aclose()

    async def submit(self, task: mesh.Task, gate: gates.Gate) -> mesh.Submitted:
        """Create a video, by one request."""
        try:
            bucket = await self._bucket(task.account_id)
            place, name = bucket.place, wire.vendor_model(task.model)
            wire.check(task, self.card)
            content = await asyncio.to_thread(wire.body, task, place.storage_uri(task.attempt_id, task.model))
        except (credentials.Unusable, wire.Impossible) as error:
            return mesh.Declined(mesh.Verdict.REFUSED_FOR_GOOD, str(error))
        answer = await gated_http.post(
            place.create_url(name),
            gate,
            content=content,
            headers={**bucket.headers, "content-type": "application/json"},
        )
        self._notice(task.account_id, answer)
        submitted = wire.submitted(answer.status_code, answer.headers, answer.text)
        if isinstance(submitted, mesh.Accepted):
            self._remember(task.attempt_id, submitted.job_id)
        return submitted

    async def find(self, account_id: str, tasks: Sequence[mesh.Task]) -> mesh.Listing:
        """Look into the folder of each attempt."""
        bucket = await self._bucket(account_id)
        slots = asyncio.Semaphore(LOOKS_AT_ONCE)

        async def look(task: mesh.Task) -> tuple[Sequence[wire.Stored], bool]:
            async with slots:
                await self.turns.wait(account_id)
                return await bucket.outputs(places.prefix_of(task.attempt_id))

        looks = await asyncio.gather(*map(look, tasks))
        matches = tuple(
            mesh.Match(task.attempt_id, self._job_id(one), mesh.Fit.OWN_ID)
            for task, (stored, _) in zip(tasks, looks, strict=True)
            for one in stored
        )
        job_ids = frozenset(match.job_id for match in matches)
        return mesh.Listing(
            job_ids=job_ids,
            matches=matches,
            complete=all(complete for _, complete in looks),
            # Whoever has found something need not ask whether it is the right bucket.
            trusted_when_empty=bool(matches) or await bucket.holds_anything(),
            observations=tuple(mesh.Observation(job_id, mesh.Succeeded()) for job_id in job_ids),
        )

    async def census(self, account_id: str, since: datetime.datetime | None) -> mesh.Census:
        """List everything that was written to the bucket for us. Jobs without a clip do not show there."""
        bucket = await self._bucket(account_id)
        stored, complete = await bucket.outputs(places.FOLDER)
        jobs = tuple(
            mesh.ListedJob(self._job_id(one), one.attempt_id, model=one.model) for one in wire.since(stored, since)
        )
        return mesh.Census(jobs, complete=complete)

    async def poll(self, account_id: str, jobs: Sequence[mesh.Job]) -> Sequence[mesh.Observation]:
        """Look at jobs, one by one: Vertex AI has no list."""
        bucket = await self._bucket(account_id)
        slots = asyncio.Semaphore(LOOKS_AT_ONCE)

        async def look(job: mesh.Job) -> mesh.Observation:
            async with slots:
                await self.turns.wait(account_id)
                return mesh.Observation(job.job_id, await self._look(bucket, job))

        return await asyncio.gather(*map(look, jobs))

    async def cancel(self, job: mesh.Job) -> None:
        """Ask for nothing: Veo stops no job."""
        del job

    def fetch(self, job: mesh.Job) -> AbstractAsyncContextManager[port.Download]:
        """Open the bytes of a clip."""
        return self._fetch(job)

    # --- the parts of these

    async def _look(self, bucket: buckets.Bucket, job: mesh.Job) -> mesh.JobState:
        """Look at one job: at its operation, and at the bucket where that is not known."""
        try:
            output, operation = places.output_of(job.job_id), places.operation_of(job.job_id)
            if output is not None:
                return await self._look_at_output(bucket, output)
            state: mesh.JobState = mesh.Missing(f"{job.job_id!r} is neither an operation nor an object")
            if operation is not None:
                self._remember(job.attempt_id, job.job_id)
                answer = await self._ask(bucket, operation)
                self._notice(job.account_id, answer)
                state = wire.seen(operation.name, answer.status_code, answer.text)
            if not isinstance(state, mesh.Missing):
                return state
            # Operations are forgotten sooner than clips.
            stored, _ = await bucket.outputs(places.prefix_of(job.attempt_id))
        except (httpx.HTTPError, ValueError) as error:
            return mesh.Unknown(f"there was no answer: {error!r}")
        return mesh.Succeeded() if stored else state

    async def _look_at_output(self, bucket: buckets.Bucket, output: places.Output) -> mesh.JobState:
        match await bucket.state(output):
            case wire.Presence.PRESENT:
                return mesh.Succeeded()
            case wire.Presence.ABSENT:
                return mesh.Missing(f"Cloud Storage has no {output.uri}")
            case wire.Presence.UNKNOWN:
                return mesh.Unknown(f"Cloud Storage does not say whether there is {output.uri}")

    async def _ask(self, bucket: buckets.Bucket, operation: places.Operation) -> httpx.Response:
        url, told = bucket.place.look_url(operation), {"operationName": operation.name}
        return await self._http.post(url, json=told, headers=bucket.headers)

    @contextlib.asynccontextmanager
    async def _fetch(self, job: mesh.Job) -> AsyncGenerator[port.Download]:
        bucket = await self._bucket(job.account_id)
        clip = await self._clip(bucket, job)
        if isinstance(clip, bytes):
            yield port.Download(_once(clip), len(clip))
            return
        async with bucket.opened(clip) as download:
            yield download

    async def _clip(self, bucket: buckets.Bucket, job: mesh.Job) -> places.Output | bytes:
        """Return where the clip of a job lies, or itself.

        Raises:
            errors.FetchLost: neither the operation nor the bucket knows of any.
            errors.FetchFailed: that cannot be told.
        """
        if output := places.output_of(job.job_id):
            return output
        if operation := places.operation_of(job.job_id):
            answer = await self._ask(bucket, operation)
            if clip := wire.clip_in(answer.text):
                return clip
            state = wire.seen(operation.name, answer.status_code, answer.text)
            if not isinstance(state, mesh.Missing):
                raise errors.FetchFailed(f"the operation names no clip: {state}")
        stored, complete = await bucket.outputs(places.prefix_of(job.attempt_id))
        if stored:
            return stored[0].output
        if complete:
            raise errors.FetchLost(f"neither Veo nor bucket {bucket.place.bucket} knows of a clip of {job.job_id!r}")
        raise errors.FetchFailed(f"bucket {bucket.place.bucket} cannot be read to its end")

    async def _bucket(self, account_id: str) -> buckets.Bucket:
        """Return an account's bucket, with a token that is good for now.

        Raises:
            credentials.Unusable: the account cannot be used.
            errors.Unreachable: there is no token now.
        """
        account, key = self._credentials.of(account_id)
        try:
            place = places.place_of(account.id, account.endpoint, account.options)
            return buckets.Bucket(self._http, place, await self._tokens.headers(account, key))
        except (places.Unplaced, tokens.BadKey) as error:
            raise credentials.Unusable(str(error)) from error

    def _notice(self, account_id: str, answer: httpx.Response) -> None:
        if answer.status_code == 401:
            self._tokens.forget(account_id)

    def _remember(self, attempt_id: str, job_id: str) -> None:
        self._job_ids[attempt_id] = job_id
        if len(self._job_ids) > MOST_REMEMBERED:
            del self._job_ids[next(iter(self._job_ids))]

    def _job_id(self, stored: wire.Stored) -> str:
        """Return the id of the job that made a clip: its operation if that is known, else where it lies."""
        return self._job_ids.get(stored.attempt_id) or stored.output.uri


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
