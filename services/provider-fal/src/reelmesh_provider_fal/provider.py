"""fal.ai's queue behind the verbs of a provider, over plain HTTP: its own client repeats creates."""

import asyncio
import contextlib
import dataclasses
import datetime
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self

import httpx
from reelmesh_kit import clock, process
from reelmesh_provider import card_files, credentials, downloads, errors, gated_http, pacing, port
from reelmesh_provider import gate as gates
from reelmesh_provider import model as mesh

from reelmesh_provider_fal import forms, model, settings, wire

ENDPOINT = "https://queue.fal.run"
# The list is on another of fal's hosts than the queue; elsewhere it is on the same.
PLATFORM = "https://api.fal.ai/v1"
PLATFORM_OPTION = "platform"
PACKAGE = "reelmesh_provider_fal"
LOOKS_AT_ONCE = 8
MOST_PAGES = 200
# The list shows the last day unless it is told from when on: how old an attempt is that is looked for, nobody says.
BEGINNING = datetime.datetime.fromtimestamp(0, clock.UTC)


class FalProvider:
    """`reelmesh_provider.port.Provider` for every account at fal.ai."""

    def __init__(
        self,
        told: settings.FalSettings,
        own: process.Chassis,
        *,
        page_size: int = wire.LARGEST_PAGE,
        most_pages: int = MOST_PAGES,
    ) -> None:
        """Read the card, the forms and the accounts; a list is read in pages of `page_size`, `most_pages` at most.

        Raises:
            process.CannotStart: one of the files cannot be used.
        """
        self.turns = pacing.Turns()
        self._told = told
        self._page_size, self._most_pages = page_size, most_pages
        self._clock: clock.Clock = own.clock
        self._logger: logging.Logger = own.logger
        self._credentials = credentials.Credentials(told.accounts_file, told.pool, own.logger, endpoint=ENDPOINT)
        self._absences = downloads.Absences("fal")
        self._http = gated_http.client()
        self.card = card_files.stated(told.fal_card_file, PACKAGE, "fal", told.pool)
        try:
            self._forms = forms.parse(card_files.text_of(told.fal_forms_file, PACKAGE, "forms"), self.card)
            self._endpoints = forms.endpoints(self._forms)
        except card_files.BadCard as error:
            raise process.CannotStart(str(error)) from error

    async def __aenter__(self) -> Self:
        """Open nothing: connections are made when they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections; requests at fal go on."""
        await self._http.aclose()

    async def submit(self, task: mesh.Task, gate: gates.Gate) -> mesh.Submitted:
        """Put a request into the queue, by one POST."""
        try:
            endpoint, key = self._key_of(task.account_id)
            hook = self._hook(task)
            form = self._form(task.model)
            told = wire.with_pictures(wire.fields(task, form), task, form)
        except (credentials.Unusable, wire.Impossible) as error:
            return mesh.Declined(mesh.Verdict.REFUSED_FOR_GOOD, str(error))
        where = wire.endpoint(task, form)
        answer = await gated_http.post(
            f"{endpoint}/{where}",
            gate,
            params={"fal_webhook": hook} if hook else {},
            json=told,
            headers={**key, **wire.CREATE_HEADERS},
        )
        if answer.is_success:
            return wire.accepted(answer.text, where)
        return wire.declined(answer.status_code, answer.headers, answer.text)

    async def find(self, account_id: str, tasks: Sequence[mesh.Task]) -> mesh.Listing:
        """Read the account's list, back to its beginning."""
        items, complete = await self._list(account_id, BEGINNING)
        return mesh.Listing(
            job_ids=frozenset(map(wire.id_of, items)),
            matches=wire.matches(items, tasks, self._forms),
            complete=complete,
        )

    async def census(self, account_id: str, since: datetime.datetime | None) -> mesh.Census:
        """Read the account's list, back to `since`."""
        items, complete = await self._list(account_id, since or BEGINNING)
        return mesh.Census(tuple(wire.listed(item, self._forms) for item in items), complete=complete)

    async def poll(self, account_id: str, jobs: Sequence[mesh.Job]) -> Sequence[mesh.Observation]:
        """Look at each request: nothing at fal shows several that have not ended."""
        slots = asyncio.Semaphore(LOOKS_AT_ONCE)

        async def look(job: mesh.Job) -> mesh.Observation:
            async with slots:
                try:
                    return mesh.Observation(job.job_id, await self._look(job))
                except httpx.HTTPError as error:
                    return mesh.Observation(job.job_id, mesh.Unknown(f"fal did not answer: {error!r}"))

        del account_id
        async with asyncio.TaskGroup() as looking:
            looks = [looking.create_task(look(job)) for job in jobs]
        return [each.result() for each in looks]

    async def cancel(self, job: mesh.Job) -> None:
        """Ask fal to stop a request. One that has ended, or that it does not know, is left as it is.

        Raises:
            httpx.HTTPError: it was not asked, or did not answer in its own words.
        """
        answer = await self._asked(job, "PUT", "/cancel")
        if answer.status_code not in (200, 202, 400, 404):
            answer.raise_for_status()

    def fetch(self, job: mesh.Job) -> AbstractAsyncContextManager[port.Download]:
        """Open the bytes where the result says that they are."""
        return self._fetch(job)

    def job_told(self, task: mesh.Task, vendor_job_id: str) -> str:
        """Return what we call a request that a webhook names."""
        form = self._forms.get(task.model)
        return wire.job_id(wire.endpoint(task, form) if form else task.model, vendor_job_id)

    # --- the parts of these

    def _hook(self, task: mesh.Task) -> str:
        """Return where fal shall tell that a request is over; "" for nowhere."""
        account, _ = self._credentials.of(task.account_id)
        return self._told.webhook_url(account, task.attempt_id)

    async def _look(self, job: mesh.Job) -> mesh.JobState:
        await self.turns.wait(job.account_id)
        answer = await self._asked(job, "GET", "/status")
        state = wire.seen(answer.status_code, answer.headers, answer.text)
        if not isinstance(state, wire.Ended):
            return state
        result = await self._asked(job, "GET", "")
        found = wire.ended(state, result.status_code, result.text)
        if isinstance(found, mesh.Negative) and found.outcome is mesh.Outcome.CANCELLED:
            return dataclasses.replace(found, cost_micros=await self._cost(job) if state.ran else 0)
        return found

    async def _cost(self, job: mesh.Job) -> int:
        """Return what a request cost that was stopped at work: the price of its length, or of the longest."""
        card = next((one for one in self.card.models if one.model == job.model), None)
        if card is None:
            return 0
        try:
            asked = self._query(BEGINNING)
            page = await self._page(job.account_id, {**asked, "request_id": wire.own_id(job)})
            told = [wire.billed_seconds(item) for item in page.items if wire.id_of(item) == job.job_id]
        except (httpx.HTTPError, ValueError) as error:
            self._logger.info("The length of %s cannot be read, the longest is counted: %s", job.job_id, error)
            told = []
        seconds = told[0] if told and told[0] is not None else card.longest_seconds
        return wire.price(card, seconds, self._clock.now().date())

    @contextlib.asynccontextmanager
    async def _fetch(self, job: mesh.Job) -> AsyncGenerator[port.Download]:
        endpoint, _ = self._key_of(job.account_id)
        answer = await self._asked(job, "GET", "")
        status, problem = answer.status_code, wire.problem_of(answer.text)
        if status == 404 and problem is not None:
            raise errors.FetchLost(f"fal knows no such request: {problem.message}")
        if status != 200:
            raise errors.FetchFailed(f"the result is answered {status}: {answer.text[:200]}")
        url = wire.address_in(answer.text)
        if not url:
            if wire.has_no_video(answer.text):
                raise errors.FetchLost("the result has no video")
            raise errors.FetchFailed(f"the result cannot be read: {answer.text[:200]!r}")
        # Without the key: files are open to whoever knows where they are.
        async with self._absences.opened(job.job_id, downloads.open_url(url, own=endpoint)) as download:
            yield download

    async def _list(self, account_id: str, since: datetime.datetime) -> tuple[Sequence[wire.Json], bool]:
        """Return what was sent since a time, each once, and whether it was read to the end.

        Raises:
            ValueError: a page cannot be read.
        """
        found: dict[str, wire.Json] = {}
        asked = self._query(since)
        for _ in range(self._most_pages):
            page = await self._page(account_id, asked)
            found |= {wire.id_of(item): item for item in page.items}
            if not page.cursor:
                return list(found.values()), True
            asked["cursor"] = page.cursor
        return list(found.values()), False

    def _query(self, since: datetime.datetime) -> dict[str, Any]:
        # Of every model, so that a list without the lost request still shows that it is the right one.
        told = {"start": since.isoformat(), "limit": self._page_size, "expand": "payloads"}
        return {**told, "endpoint_id": list(self._endpoints)}

    async def _page(self, account_id: str, asked: Mapping[str, Any]) -> wire.Page:
        endpoint, key = self._key_of(account_id)
        await self.turns.wait(account_id)
        url = f"{self._platform(account_id, endpoint)}/models/requests/by-endpoint"
        answer = await self._http.get(url, params=dict(asked), headers=key)
        if answer.status_code != 200:
            raise ValueError(f"the list is answered {answer.status_code}: {answer.text[:200]}")
        return wire.page_of(answer.text)

    async def _asked(self, job: mesh.Job, method: str, what: str) -> httpx.Response:
        endpoint, key = self._key_of(job.account_id)
        return await self._http.request(method, f"{endpoint}{wire.path(job)}{what}", headers=key)

    def _key_of(self, account_id: str) -> tuple[str, Mapping[str, str]]:
        """Return where an account is, and what carries its key.

        Raises:
            credentials.Unusable: it cannot be used.
        """
        account, key = self._credentials.of(account_id)
        if not key:
            raise credentials.Unusable(f"account {account_id} of fal names no secret in accounts.yaml")
        return account.endpoint, {"authorization": f"Key {key}"}

    def _platform(self, account_id: str, endpoint: str) -> str:
        account, _ = self._credentials.of(account_id)
        told = account.options.get(PLATFORM_OPTION, "").rstrip("/")
        return told or (PLATFORM if endpoint == ENDPOINT else f"{endpoint}/v1")

    def _form(self, name: str) -> model.Form:
        if name not in self._forms:
            raise wire.Impossible(f"fal makes {', '.join(self._forms)}, not {name!r}")
        return self._forms[name]
