"""Gemini Omni behind the verbs of a provider, in plain HTTP: Google's SDK repeats what may have been paid already."""

import asyncio
import contextlib
import tomllib
import urllib.parse
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx
from reelmesh_kit import accounts, process
from reelmesh_provider import card_files, credentials, downloads, errors, gated_http, pacing, port
from reelmesh_provider import gate as gates
from reelmesh_provider import model as mesh

from reelmesh_provider_omni import settings, wire

ENDPOINT = "https://generativelanguage.googleapis.com"
# Clips within an answer have 4 MB, more in base64; larger ones are files.
LARGEST_ANSWER_BYTES = 32 * 1024 * 1024
LOOKS_AT_ONCE = 4
PACKAGE = "reelmesh_provider_omni"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, read to its end."""

    status: int
    text: str


class OmniProvider:
    """`reelmesh_provider.port.Provider` for every account at the Gemini Developer API."""

    def __init__(
        self, told: settings.OmniSettings, own: process.Chassis, *, largest_answer_bytes: int = LARGEST_ANSWER_BYTES
    ) -> None:
        """Read the card and the accounts; answers beyond `largest_answer_bytes` are not read to their end.

        Raises:
            process.CannotStart: one of the files cannot be used.
        """
        self.turns = pacing.Turns()
        self._largest_answer_bytes = largest_answer_bytes
        self._told = told
        self._credentials = credentials.Credentials(
            told.accounts_file, settings.PROVIDER, own.logger, endpoint=ENDPOINT
        )
        self._rates: Mapping[str, int] = tomllib.loads(card_files.packaged(PACKAGE, "tokens"))[
            "micros_per_million_tokens"
        ]
        self._absences = downloads.Absences("Google")
        self._http = gated_http.client()
        self.card = card_files.stated(told.omni_card_file, PACKAGE, settings.PROVIDER, settings.PROVIDER)

    async def __aenter__(self) -> Self:
        """Open nothing: connections are made when they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections; interactions at Google go on."""
        await self._http.aclose()

    async def submit(self, task: mesh.Task, gate: gates.Gate) -> mesh.Submitted:
        """Create an interaction in the background, by one request."""
        try:
            account, headers = self._account(task.account_id)
            hook = self._told.webhook_url(account, task.attempt_id)
            content = await asyncio.to_thread(wire.create, task, self.card, hook)
        except (credentials.Unusable, wire.Impossible) as error:
            return mesh.Declined(mesh.Verdict.REFUSED_FOR_GOOD, str(error))
        answer = await gated_http.post(
            f"{account.endpoint}/{wire.VERSION}/interactions",
            gate,
            content=content,
            headers={**headers, "content-type": "application/json"},
        )
        return wire.submitted(answer.status_code, answer.headers, answer.text)

    async def find(self, account_id: str, tasks: Sequence[mesh.Task]) -> mesh.Listing:
        """Find nothing: there is no list of interactions. Webhooks may name one that is looked for."""
        del account_id, tasks
        return mesh.Listing(frozenset())

    async def poll(self, account_id: str, jobs: Sequence[mesh.Job]) -> Sequence[mesh.Observation]:
        """Look at each interaction: nothing shows several of them."""
        slots = asyncio.Semaphore(LOOKS_AT_ONCE)

        async def look(job: mesh.Job) -> mesh.Observation:
            async with slots:
                await self.turns.wait(account_id)
                return mesh.Observation(job.job_id, await self._look(account_id, job))

        async with asyncio.TaskGroup() as looking:
            started = [looking.create_task(look(job)) for job in jobs]
        return [each.result() for each in started]

    async def cancel(self, job: mesh.Job) -> None:
        """Ask for the interaction to be stopped; one that has ended stays as it ended."""
        answer = await self._ask("POST", job.account_id, job.job_id, "/cancel")
        if answer.status in (200, 204, 404):
            return
        if isinstance(await self._look(job.account_id, job), mesh.Pending | mesh.Unknown):
            raise errors.Unreachable(
                f"Google answered {answer.status} when the interaction was to be stopped: {answer.text[:200]!r}"
            )

    def fetch(self, job: mesh.Job) -> AbstractAsyncContextManager[port.Download]:
        """Open the bytes: those in the answer to a look, or the file that it names."""
        return self._fetch(job)

    def job_told(self, task: mesh.Task, vendor_job_id: str) -> str:
        """Return what we call an interaction that a webhook names: as Google does."""
        del task
        return vendor_job_id

    # --- the parts of these

    async def _look(self, account_id: str, job: mesh.Job) -> mesh.JobState:
        try:
            answer = await self._ask("GET", account_id, job.job_id, "?stream=false")
        except (httpx.TransportError, errors.FetchFailed) as error:
            return mesh.Unknown(f"Google did not answer: {error!r}")
        return await self._seen(job, answer)

    async def _seen(self, job: mesh.Job, answer: Answer) -> mesh.JobState:
        rate = self._rates.get(wire.vendor_model(job.model), 0)
        # An answer may have a whole clip in it.
        return await asyncio.to_thread(wire.seen, answer.status, answer.text, rate)

    async def _ask(self, method: str, account_id: str, job_id: str, rest: str) -> Answer:
        account, headers = self._account(account_id)
        one = urllib.parse.quote(job_id, safe="")
        return await self._read(method, f"{account.endpoint}/{wire.VERSION}/interactions/{one}{rest}", headers)

    async def _read(self, method: str, url: str, headers: Mapping[str, str]) -> Answer:
        """Return an answer that is no larger than answers are.

        Raises:
            errors.FetchFailed: it is.
        """
        content = bytearray()
        async with self._http.stream(method, url, headers=headers) as answer:
            async for piece in answer.aiter_bytes():
                content += piece
                if len(content) > self._largest_answer_bytes:
                    raise errors.FetchFailed(f"Google answered more than {self._largest_answer_bytes} bytes")
        return Answer(answer.status_code, content.decode(errors="replace"))

    def _account(self, account_id: str) -> tuple[accounts.Account, Mapping[str, str]]:
        """Return an account and the headers that its requests carry.

        Raises:
            credentials.Unusable: it cannot be used.
        """
        account, key = self._credentials.of(account_id)
        if not key:
            raise credentials.Unusable(
                f"account {account_id} names no secret in accounts.yaml: Gemini answers nobody without a key"
            )
        return account, {"x-goog-api-key": key}

    @contextlib.asynccontextmanager
    async def _fetch(self, job: mesh.Job) -> AsyncGenerator[port.Download]:
        answer = await self._ask("GET", job.account_id, job.job_id, "?stream=false")
        clip = await asyncio.to_thread(wire.clip_in, answer.text) if answer.status == 200 else None
        if clip is None:
            state = await self._seen(job, answer)
            if isinstance(state, mesh.Missing):
                raise errors.FetchLost(f"Google says that there is no interaction: {state.message}")
            raise errors.FetchFailed(f"Google answered {answer.status} and names no clip that can be read: {state}")
        if isinstance(clip, bytes):
            yield port.Download(_once(clip), len(clip))
            return
        account, headers = self._account(job.account_id)
        ours = _is_at(clip, account.endpoint)
        async with contextlib.AsyncExitStack() as opened:
            try:
                if ours:
                    await self._check_file(clip, headers)
                opening = downloads.open_url(clip, own=account.endpoint, headers=headers)
                download = await opened.enter_async_context(opening)
            except downloads.Expired as error:
                # For the very key by which its interaction has just been read.
                if ours:
                    self._absences.count(job.job_id, error)
                raise
            self._absences.forget(job.job_id)
            yield download

    async def _check_file(self, url: str, headers: Mapping[str, str]) -> None:
        """Make sure that the file whose bytes lie at an address can be read.

        Raises:
            errors.FetchFailed: not yet, or that cannot be told; NotThere where Google says that it has none.
            errors.FetchLost: Google says that making it failed.
        """
        file = wire.file_of(url)
        if not file:
            return
        answer = await self._read("GET", file, headers)
        match wire.readiness(answer.status, answer.text):
            case wire.Readiness.READY:
                return
            case wire.Readiness.FAILED:
                raise errors.FetchLost("Google says that the file with the clip failed")
            case wire.Readiness.ABSENT:
                raise downloads.NotThere(f"Google answered {answer.status} about the file with the clip")
            case state:
                raise errors.FetchFailed(f"the file with the clip is {state.value}: Google answered {answer.status}")


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _is_at(url: str, endpoint: str) -> bool:
    """Tell whether an address is at the account's endpoint, so that the key may go there."""
    one, other = httpx.URL(url), httpx.URL(endpoint)
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)
