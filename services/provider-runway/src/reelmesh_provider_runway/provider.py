"""Runway's tasks behind the verbs of a provider, in plain HTTP: its SDK repeats what may have been paid already."""

import asyncio
import contextlib
import urllib.parse
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

import httpx
from reelmesh_kit import accounts, process
from reelmesh_provider import card_files, credentials, downloads, errors, gated_http, pacing, port
from reelmesh_provider import gate as gates
from reelmesh_provider import model as mesh

from reelmesh_provider_runway import settings, wire

ENDPOINT = "https://api.dev.runwayml.com"
UPLOAD_SECONDS = 60.0
LOOKS_AT_ONCE = 8
PACKAGE = "reelmesh_provider_runway"


class NotTaken(Exception):
    """Runway does not take a picture, and would not take it another time."""


class RunwayProvider:
    """`reelmesh_provider.port.Provider` for every account at Runway."""

    def __init__(self, told: settings.RunwaySettings, own: process.Chassis) -> None:
        """Read the card and the accounts.

        Raises:
            process.CannotStart: one of the files cannot be used.
        """
        self._own = own
        self.turns = pacing.Turns()
        self._credentials = credentials.Credentials(
            told.accounts_file, settings.PROVIDER, own.logger, endpoint=ENDPOINT
        )
        # Tasks that this worker stopped, with what that costs: Runway forgets them with that.
        self._stopped: dict[str, int | None] = {}
        self._absences = downloads.Absences("Runway")
        self._http = gated_http.client()
        self.card = card_files.stated(told.runway_card_file, PACKAGE, settings.PROVIDER, settings.PROVIDER)

    async def __aenter__(self) -> Self:
        """Open nothing: connections are made when they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections; tasks at Runway go on."""
        await self._http.aclose()

    async def submit(self, task: mesh.Task, gate: gates.Gate) -> mesh.Submitted:
        """Create a task, by one request; a picture that is too large for it is sent before."""
        try:
            account, headers = self._account(task.account_id)
            create = wire.create(task, self.card)
            body = create.with_pictures([await self._uri_of(each, account, headers) for each in create.pictures])
        except (credentials.Unusable, wire.Impossible, NotTaken) as error:
            return mesh.Declined(mesh.Verdict.REFUSED_FOR_GOOD, str(error))
        answer = await gated_http.post(f"{account.endpoint}{create.path}", gate, json=body, headers=headers)
        return wire.submitted(answer.status_code, answer.headers, answer.text)

    async def find(self, account_id: str, tasks: Sequence[mesh.Task]) -> mesh.Listing:
        """Find nothing: Runway has no list of tasks, and nothing of ours comes back."""
        del account_id, tasks
        return mesh.Listing(frozenset())

    async def poll(self, account_id: str, jobs: Sequence[mesh.Job]) -> Sequence[mesh.Observation]:
        """Look at each task: nothing shows several of them."""
        slots = asyncio.Semaphore(LOOKS_AT_ONCE)

        async def look(job: mesh.Job) -> mesh.Observation:
            async with slots:
                await self.turns.wait(account_id)
                return mesh.Observation(job.job_id, await self._look(account_id, job.job_id))

        async with asyncio.TaskGroup() as looking:
            started = [looking.create_task(look(job)) for job in jobs]
        return [each.result() for each in started]

    async def cancel(self, job: mesh.Job) -> None:
        """Delete a task that has not ended, which stops it. One that has ended would be gone with its clip."""
        answer = await self._ask("GET", job.account_id, job.job_id)
        state = wire.seen(answer.status_code, answer.text)
        if isinstance(state, mesh.Unknown):
            raise errors.Unreachable(f"Runway does not say how the task is: {state.message}")
        if not isinstance(state, mesh.Pending):
            return
        self._stopped[job.job_id] = wire.cost_of_stopping(answer.text)
        answer = await self._ask("DELETE", job.account_id, job.job_id)
        if not answer.is_success and answer.status_code != 404:
            raise errors.Unreachable(f"Runway answered {answer.status_code} when the task was to be stopped")

    def fetch(self, job: mesh.Job) -> AbstractAsyncContextManager[port.Download]:
        """Open the bytes, at an address that is asked for anew each time: older ones expire."""
        return self._fetch(job)

    # --- the parts of these

    async def _look(self, account_id: str, job_id: str) -> mesh.JobState:
        try:
            answer = await self._ask("GET", account_id, job_id)
        except httpx.TransportError as error:
            return mesh.Unknown(f"Runway did not answer: {error!r}")
        state = wire.seen(answer.status_code, answer.text)
        if isinstance(state, mesh.Missing) and job_id in self._stopped:
            cost = self._stopped[job_id]
            return mesh.Negative(mesh.Outcome.CANCELLED, "it was stopped, and Runway forgot it", cost)
        return state

    async def _ask(self, method: str, account_id: str, job_id: str) -> httpx.Response:
        account, headers = self._account(account_id)
        url = f"{account.endpoint}/v1/tasks/{urllib.parse.quote(job_id, safe='')}"
        return await self._http.request(method, url, headers=headers)

    def _account(self, account_id: str) -> tuple[accounts.Account, Mapping[str, str]]:
        """Return an account and the headers that its requests carry.

        Raises:
            credentials.Unusable: it cannot be used.
        """
        account, key = self._credentials.of(account_id)
        if not key:
            raise credentials.Unusable(
                f"account {account_id} names no secret in accounts.yaml: Runway answers nobody without a key"
            )
        return account, {"authorization": f"Bearer {key}", "x-runway-version": wire.API_VERSION}

    @contextlib.asynccontextmanager
    async def _fetch(self, job: mesh.Job) -> AsyncGenerator[port.Download]:
        answer = await self._ask("GET", job.account_id, job.job_id)
        state = wire.seen(answer.status_code, answer.text)
        if isinstance(state, mesh.Missing):
            raise errors.FetchLost(f"Runway says that there is no clip: {state.message}")
        addresses = wire.addresses_of(answer.text)
        if not addresses:
            raise errors.FetchFailed(f"Runway answered {answer.status_code} and names no clip: {state}")
        account, _ = self._account(job.account_id)
        # The address carries its own leave; the key stays with the API.
        opening = downloads.open_url(addresses[0], own=account.endpoint)
        async with self._absences.opened(job.job_id, opening) as download:
            yield download

    async def _uri_of(self, picture: mesh.Picture, account: accounts.Account, headers: Mapping[str, str]) -> str:
        """Return how a create names a picture: by its bytes, or as a file that is uploaded now.

        Raises:
            NotTaken: Runway refuses the file.
            errors.Unreachable: it could not be uploaded this time.
        """
        found = await asyncio.to_thread(wire.data_uri, picture)
        if found is not None:
            return found
        name = f"picture.{picture.content_type.partition('/')[2] or 'png'}"
        wish = {"filename": name, "type": "ephemeral"}
        try:
            answer = await self._http.post(f"{account.endpoint}/v1/uploads", json=wish, headers=headers)
            _check_upload(answer)
            upload = wire.upload(answer.text)
            if upload is None or not _is_safe(upload.url, account.endpoint):
                raise errors.Unreachable(f"Runway does not say where a picture goes: {answer.text[:200]!r}")
            file = {"file": (name, picture.data, picture.content_type)}
            # Not a request of ours to the API: it is signed, and takes no key.
            sent = await self._http.post(upload.url, data=dict(upload.fields), files=file, timeout=UPLOAD_SECONDS)
            _check_upload(sent)
        except httpx.TransportError as error:
            raise errors.Unreachable(f"a picture could not be uploaded: {error!r}") from error
        return upload.uri


def _check_upload(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    told = f"Runway answered {answer.status_code} to a picture that is uploaded: {answer.text[:200]!r}"
    raise NotTaken(told) if answer.status_code in (400, 401, 403, 413, 415, 422) else errors.Unreachable(told)


def _is_safe(url: str, endpoint: str) -> bool:
    """Tell whether a picture may be sent to an address: by TLS, or where the account's API itself is."""
    parts, own = urllib.parse.urlsplit(url), urllib.parse.urlsplit(endpoint)
    return (parts.scheme == "https" and bool(parts.hostname)) or (parts.scheme, parts.netloc) == (
        own.scheme,
        own.netloc,
    )
