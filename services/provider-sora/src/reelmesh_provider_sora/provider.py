"""Servers of the OpenAI Videos dialect behind the verbs of a provider, through OpenAI's own SDK."""

import asyncio
import contextlib
import dataclasses
import datetime
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self

import httpx2
import openai
from reelmesh_kit import accounts, process
from reelmesh_provider import answers, card_files, credentials, downloads, errors, gated_http, gated_sdk, pacing, port
from reelmesh_provider import gate as gates
from reelmesh_provider import model as mesh

from reelmesh_provider_sora import pictures, settings, wire
from reelmesh_provider_sora.model import pages

# A page that shows one job alone is no less to ask for than that job.
PAGE_FROM_JOBS = 2
# So many jobs of no known page are looked for in the list; fewer are asked for one by one.
LIST_FROM_JOBS = 4
LOOKS_AT_ONCE = 8
MOST_PAGES = 50
# The whole list is read for jobs of which nobody knows where they stand in it, but no more often than this.
SWEEP_SECONDS = 60.0
CHUNK_BYTES = 256 * 1024
# The SDK insists on one; servers that need none ignore it.
NO_KEY = "none"


class SoraProvider:
    """`reelmesh_provider.port.Provider` for every account of one name, all at servers of one profile."""

    def __init__(self, told: settings.SoraSettings, own: process.Chassis) -> None:
        """Read the card and the accounts.

        Raises:
            process.CannotStart: one of the files cannot be used.
        """
        self._own = own
        self._profile = wire.PROFILES[told.sora_profile]
        self.turns = pacing.Turns(self._profile.largest_page)
        self._pages: dict[str, pages.Pages] = {}
        self._swept: dict[str, float] = {}
        self._clients: dict[str, tuple[accounts.Account, str, openai.AsyncOpenAI]] = {}
        # Jobs that this worker stopped: the server forgets them with that.
        self._stopped: set[str] = set()
        self._absences = downloads.Absences("the server")
        self._credentials = credentials.Credentials(told.accounts_file, told.sora_name, own.logger)
        self.card = card_files.stated(told.sora_card_file, "reelmesh_provider_sora", told.sora_profile, told.sora_name)

    async def __aenter__(self) -> Self:
        """Open nothing: connections are made when they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections; jobs at the servers go on."""
        for *_, client in self._clients.values():
            await client.close()

    async def submit(self, task: mesh.Task, gate: gates.Gate) -> mesh.Submitted:
        """Create a video, by one request."""
        try:
            account, key = self._credentials.of(task.account_id)
            self._check_model(task.model)
            told, besides = wire.fields(task, self._profile)
            if picture := wire.picture_of(task):
                told["input_reference"] = await asyncio.to_thread(pictures.fitting, picture, task.width, task.height)
        except (credentials.Unusable, pictures.Unreadable, wire.Impossible) as error:
            return mesh.Declined(mesh.Verdict.REFUSED_FOR_GOOD, str(error))
        transport = gated_sdk.GatedTransport(gate)
        timeout = httpx2.Timeout(gated_http.CREATE_SECONDS, connect=gated_http.CONNECT_SECONDS)
        async with httpx2.AsyncClient(transport=transport, timeout=timeout) as http:
            client = openai.AsyncOpenAI(
                api_key=key or NO_KEY, base_url=account.endpoint, max_retries=0, timeout=timeout, http_client=http
            )
            try:
                answer = await client.videos.with_raw_response.create(**told, extra_body=besides)  # pyright: ignore[reportDeprecated]
            except openai.APIStatusError as error:
                return wire.declined(error.status_code, error.response.headers, error.response.text, self._profile)
        return wire.accepted(answer.text)

    async def find(self, account_id: str, tasks: Sequence[mesh.Task]) -> mesh.Listing:
        """Read the account's list."""
        jobs, complete = await self._list(account_id, None)
        return mesh.Listing(
            job_ids=frozenset(str(job["id"]) for job in jobs),
            matches=wire.matches(jobs, tasks, self._profile),
            complete=complete,
            observations=tuple(mesh.Observation(str(job["id"]), wire.observed(job)) for job in jobs),
        )

    async def census(self, account_id: str, since: datetime.datetime | None) -> mesh.Census:
        """Read the account's list, back to `since`."""
        jobs, complete = await self._list(account_id, since)
        return mesh.Census(tuple(map(wire.listed, jobs)), complete=complete)

    async def poll(self, account_id: str, jobs: Sequence[mesh.Job]) -> Sequence[mesh.Observation]:
        """Look at jobs: many by the pages of the list on which they stand, others one by one."""
        known = self._pages.setdefault(account_id, pages.Pages())
        found = await self._looked_up(account_id, known, [job.job_id for job in jobs])
        rest = [job for job in jobs if job.job_id not in found]
        slots = asyncio.Semaphore(LOOKS_AT_ONCE)

        async def look(job: mesh.Job) -> None:
            async with slots:
                found[job.job_id] = await self._look(account_id, job.job_id)

        async with asyncio.TaskGroup() as looking:
            for job in rest:
                looking.create_task(look(job))
        for job_id, state in found.items():
            if not isinstance(state, mesh.Pending | mesh.Unknown):
                known.forget(job_id)
        return [mesh.Observation(job_id, self._with_stops(job_id, state)) for job_id, state in found.items()]

    async def cancel(self, job: mesh.Job) -> None:
        """Ask for a job to be stopped, where deleting it does that; elsewhere nothing can be asked."""
        if not self._profile.deletes_running:
            return
        # One that has ended would be gone with its clip.
        if not isinstance(await self._look(job.account_id, job.job_id), mesh.Pending):
            return
        with contextlib.suppress(openai.NotFoundError):
            await self._client(job.account_id).videos.delete(job.job_id)  # pyright: ignore[reportDeprecated]
        self._stopped.add(job.job_id)

    def fetch(self, job: mesh.Job) -> AbstractAsyncContextManager[port.Download]:
        """Open the bytes: from the server, or from where it says that they are."""
        return self._fetch(job)

    # --- the parts of these

    async def _looked_up(self, account_id: str, known: pages.Pages, wanted: Sequence[str]) -> dict[str, mesh.JobState]:
        """Return what pages of the list show, of others too; a list that cannot be read shows nothing."""
        found: dict[str, mesh.JobState] = {}
        read: set[str] = set()
        try:
            unread: Sequence[str] = known.worth_reading(wanted, PAGE_FROM_JOBS)
            while unread:
                read.add(unread[0])
                found |= (await self._shown(account_id, unread[0]))[0]
                worth = known.worth_reading([each for each in wanted if each not in found], PAGE_FROM_JOBS)
                unread = [after for after in worth if after not in read]
            strangers = [each for each in wanted if each not in found and each not in known]
            if len(strangers) >= LIST_FROM_JOBS:
                found |= await self._swept_for(account_id, strangers)
        except (openai.APIError, ValueError) as error:
            self._own.logger.info("The list of account %s cannot be read, jobs are asked for: %s", account_id, error)
        return found

    async def _swept_for(self, account_id: str, wanted: Sequence[str]) -> dict[str, mesh.JobState]:
        """Return what the list shows from its newest page on, until the wanted are there or it is deep enough."""
        now = self._own.clock.elapsed()
        most = 1 + len(wanted) // self._profile.largest_page
        if now - self._swept.get(account_id, float("-inf")) >= SWEEP_SECONDS:
            most = MOST_PAGES
        found: dict[str, mesh.JobState] = {}
        after = pages.NEWEST
        for number in range(most):
            if number > len(wanted) // self._profile.largest_page:
                self._swept[account_id] = now
            shown, after = await self._shown(account_id, after)
            found |= shown
            if not after or all(each in found for each in wanted):
                break
        return found

    async def _shown(self, account_id: str, after: str) -> tuple[dict[str, mesh.JobState], str]:
        """Return what one page shows, and where the next one begins; "" at the end."""
        known = self._pages[account_id]
        try:
            page = await self._page(account_id, after)
        except (openai.BadRequestError, openai.NotFoundError):
            if after == pages.NEWEST:
                raise
            # The job behind which it began is gone.
            page = wire.Page(())
        shown = {str(job["id"]): wire.observed(job) for job in page.jobs}
        if shown or after == pages.NEWEST:
            known.saw(after, tuple(shown))
        else:
            known.lost(after)
        return shown, page.after

    async def _look(self, account_id: str, job_id: str) -> mesh.JobState:
        await self.turns.wait(account_id)
        try:
            answer = await self._client(account_id).videos.with_raw_response.retrieve(job_id)  # pyright: ignore[reportDeprecated]
        except openai.APIStatusError as error:
            return self._with_hint(wire.seen(error.status_code, error.response.text), error.response.headers)
        except openai.APIConnectionError as error:
            return mesh.Unknown(f"the server did not answer: {error.__cause__ or error!r}")
        state = wire.seen(answer.status_code, answer.text)
        asked = wire.poll_after(answer.headers)
        return dataclasses.replace(state, look_again_after_seconds=asked) if isinstance(state, mesh.Pending) else state

    def _with_hint(self, state: mesh.JobState, headers: Mapping[str, str]) -> mesh.JobState:
        wait = answers.retry_after(headers)
        if isinstance(state, mesh.Unknown) and wait:
            return mesh.Unknown(f"{state.message}; it asks to wait {wait:g} s", wait)
        return state

    def _with_stops(self, job_id: str, state: mesh.JobState) -> mesh.JobState:
        if isinstance(state, mesh.Missing) and job_id in self._stopped:
            return mesh.Negative(mesh.Outcome.CANCELLED, "the server stopped it and forgot it", 0)
        return state

    async def _list(self, account_id: str, since: datetime.datetime | None) -> tuple[Sequence[wire.Json], bool]:
        """Return the list, newest first, and whether it was read to its end or beyond `since`."""
        jobs: list[wire.Json] = []
        after = ""
        for _ in range(MOST_PAGES):
            page = await self._page(account_id, after)
            jobs += page.jobs
            after = page.after
            if not after or wire.reaches_back(jobs, since):
                return jobs, True
        return jobs, False

    async def _page(self, account_id: str, after: str) -> wire.Page:
        told: dict[str, Any] = {"after": after} if after else {}
        await self.turns.wait(account_id)
        client = self._client(account_id)
        answer = await client.videos.with_raw_response.list(limit=self._profile.largest_page, order="desc", **told)  # pyright: ignore[reportDeprecated]
        return wire.page_of(answer.text)

    @contextlib.asynccontextmanager
    async def _fetch(self, job: mesh.Job) -> AsyncGenerator[port.Download]:
        account, _ = self._credentials.of(job.account_id)
        client = self._client(job.account_id)
        elsewhere = ""
        try:
            async with client.videos.with_streaming_response.download_content(job.job_id) as answer:  # pyright: ignore[reportDeprecated]
                self._absences.forget(job.job_id)
                length = answer.headers.get("content-length", "")
                yield port.Download(_chunks(answer), int(length) if length.isdigit() else None)
                return
        except openai.APIStatusError as error:
            await error.response.aread()
            elsewhere = wire.cloud_address(error.response.text) or await self._address(job)
            if not elsewhere:
                raise await self._why_not(job, error) from error
        opening = downloads.open_url(elsewhere, own=account.endpoint, private=_is_private(account))
        async with self._absences.opened(job.job_id, opening) as download:
            yield download

    async def _address(self, job: mesh.Job) -> str:
        """Return where the job itself says that its clip is; empty where it says nothing, or cannot be asked."""
        try:
            answer = await self._client(job.account_id).videos.with_raw_response.retrieve(job.job_id)  # pyright: ignore[reportDeprecated]
        except openai.APIError:
            return ""
        return wire.address_in(answer.text)

    async def _why_not(self, job: mesh.Job, error: openai.APIStatusError) -> Exception:
        """Return what a refused download means: the clip is lost only if the server itself says so."""
        status, text = error.status_code, error.response.text
        gone = wire.lost(status, text)
        seen = None if gone else await self._look(job.account_id, job.job_id)
        if gone or isinstance(seen, mesh.Missing):
            return errors.FetchLost(f"the server says that there is no clip: {gone or text[:200]}")
        refused = errors.FetchFailed(f"the server answered {status}: {text[:200]}")
        if status == 404 and isinstance(seen, mesh.Succeeded):
            self._absences.count(job.job_id, refused)
        return refused

    def _check_model(self, name: str) -> None:
        """Make sure that the card has a model.

        Raises:
            credentials.Unusable: it has not; servers that serve one model would make another one's video.
        """
        known = [one.model for one in self.card.models]
        if name not in known:
            raise credentials.Unusable(f"{self.card.provider} makes {', '.join(known)}, not {name!r}")

    def _client(self, account_id: str) -> openai.AsyncOpenAI:
        """Return a client that keeps its connections, for everything that costs nothing.

        Raises:
            credentials.Unusable: the account cannot be used.
        """
        account, key = self._credentials.of(account_id)
        known = self._clients.get(account_id)
        if known is not None and known[:2] == (account, key):
            return known[2]
        # The one before may be in use; it closes its connections when nobody holds it any more.
        timeout = httpx2.Timeout(gated_http.READ_SECONDS, connect=gated_http.CONNECT_SECONDS)
        client = openai.AsyncOpenAI(api_key=key or NO_KEY, base_url=account.endpoint, max_retries=0, timeout=timeout)
        self._clients[account_id] = account, key, client
        return client


def _is_private(account: accounts.Account) -> bool:
    """Tell whether the account's clips may lie within our own network, as those of a server that runs there do."""
    return account.options.get("private_media", "").lower() in ("true", "yes", "1")


async def _chunks(answer: Any) -> AsyncIterator[bytes]:
    async for chunk in answer.iter_bytes(CHUNK_BYTES):
        yield chunk
