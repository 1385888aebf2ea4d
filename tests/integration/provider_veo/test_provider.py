"""Veo's adapter over real HTTP: what leaves, where the token goes, and what is found in the bucket."""

import asyncio
import contextlib
import dataclasses
import io
import pathlib
from collections.abc import AsyncGenerator, AsyncIterator

import httpx
import pytest
from PIL import Image
from reelmesh_kit import accounts, clock, web
from reelmesh_provider import errors, gate, model, testing
from reelmesh_provider_veo import provider as veo
from reelmesh_provider_veo import settings
from reelmesh_simulators import catalogue, serving
from starlette import applications, requests, responses, routing

from tests.support import chassis as chassis_support
from tests.support import vendors

LONGEST_WAIT_SECONDS = 60.0
ACCOUNTS = """
accounts:
  - id: one
    provider: veo
    endpoint: {url}
    secret: VEO_TOKEN
    options: {{project: films, bucket: clips, storage_endpoint: "{storage}"}}
"""
TASK = testing.make_task(
    provider="veo", account_id="one", model="veo-3.1-fast-generate-001", width=1280, height=720, prompt="a cat"
)
NAME = "projects/films/locations/us-central1/publishers/google/models/veo-3.1-fast-generate-001/operations/7"


def leave() -> gate.Gate:
    async def go(nonce: str) -> model.Go | model.Drop:
        del nonce
        return model.Go(LONGEST_WAIT_SECONDS)

    return gate.Gate(clock=clock.SystemClock(), nonce="nonce", ask=go)


@contextlib.asynccontextmanager
async def speaking(folder: pathlib.Path, url: str, storage: str = "") -> AsyncGenerator[veo.VeoProvider]:
    file = folder / "accounts.yaml"
    file.write_text(ACCOUNTS.format(url=url, storage=storage or url))
    own = chassis_support.make_chassis("provider-veo")
    told = settings.VeoSettings.model_construct(accounts_file=file, veo_name="veo", veo_card_file=None)
    async with veo.VeoProvider(told, own) as provider:
        yield provider
    own.telemetry.shutdown()


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEO_TOKEN", "token-1")


@pytest.fixture
async def vendor() -> AsyncIterator[serving.Served]:
    async with vendors.selling(catalogue.DIALECTS["veo"]) as served:
        yield served


def job_of(job_id: str, task: model.Task = TASK) -> model.Job:
    return model.Job(task.attempt_id, task.account_id, task.model, job_id)


async def ended(provider: veo.VeoProvider, job: model.Job) -> model.JobState:
    async with asyncio.timeout(LONGEST_WAIT_SECONDS):
        while True:
            (seen,) = await provider.poll(job.account_id, [job])
            if not isinstance(seen.state, model.Pending | model.Unknown):
                return seen.state
            await clock.SystemClock().sleep(0.05)


async def accepted(provider: veo.VeoProvider, prompt: str) -> model.Job:
    answer = await provider.submit(dataclasses.replace(TASK, prompt=prompt), leave())
    assert isinstance(answer, model.Accepted)
    return job_of(answer.job_id)


async def read(provider: veo.VeoProvider, job: model.Job) -> bytes:
    async with provider.fetch(job) as download:
        return b"".join([chunk async for chunk in download.chunks])


# --- what leaves, and where to


async def test_frames_and_what_is_not_wanted_are_told(vendor: serving.Served, tmp_path: pathlib.Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 36), "teal").save(buffer, "PNG")
    frame = model.Picture("asset", "image/png", buffer.getvalue())
    task = dataclasses.replace(TASK, first_frame=frame, last_frame=frame, negative_prompt="rain")
    async with speaking(tmp_path, vendor.url) as provider:
        assert isinstance(await provider.submit(task, leave()), model.Accepted)
    (job,) = vendor.vendor.ledger.all_jobs()
    assert (job.order.told["inputs"], job.order.told["negative_prompt"]) == (["image", "lastFrame"], "rain")


class Host:
    """Answers everything alike, and keeps what it was asked."""

    def __init__(self, status: int, text: str = "", location: str = "") -> None:
        self.url = ""
        self.asked: list[tuple[str, str]] = []
        self._answer = status, text, {"location": location} if location else {}

    async def answer(self, request: requests.Request) -> responses.Response:
        self.asked.append((request.method, request.headers.get("authorization", "")))
        status, text, headers = self._answer
        return responses.Response(text, status, headers)


@contextlib.asynccontextmanager
async def hosting(host: Host) -> AsyncGenerator[Host]:
    routes = [routing.Route("/{path:path}", host.answer, methods=["GET", "POST"])]
    async with web.serve(applications.Starlette(routes=routes), "127.0.0.1", 0, variable="PORT") as port:
        host.url = f"http://127.0.0.1:{port}"
        yield host


@pytest.mark.parametrize("status", [200, 401, 408, 409, 429, 500, 502, 503, 504])
async def test_one_request_leaves_whatever_is_answered(tmp_path: pathlib.Path, status: int) -> None:
    error = f'{{"error": {{"code": {status}, "message": "no", "status": "X"}}}}'
    async with hosting(Host(status, error)) as host, speaking(tmp_path, host.url) as provider:
        assert isinstance(await provider.submit(TASK, leave()), model.Declined)
        assert host.asked == [("POST", "Bearer token-1")]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_neither_a_create_nor_its_token_follows_a_redirect(tmp_path: pathlib.Path, status: int) -> None:
    async with hosting(Host(200)) as other, hosting(Host(status, location=f"{other.url}/x")) as host:
        async with speaking(tmp_path, host.url) as provider:
            answer = await provider.submit(TASK, leave())
            assert isinstance(answer, model.Declined)
            assert answer.verdict is model.Verdict.UNKNOWN
            with pytest.raises(errors.FetchFailed):
                await read(provider, job_of("gs://clips/a.mp4"))
            (seen,) = await provider.poll("one", [job_of(NAME)])
            assert isinstance(seen.state, model.Unknown)
            with pytest.raises(ValueError, match="cannot be listed"):
                await provider.find("one", [TASK])
        assert host.asked
        assert other.asked == []


async def test_without_a_token_nothing_is_asked(
    tmp_path: pathlib.Path, vendor: serving.Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VEO_TOKEN", "two words")
    async with speaking(tmp_path, vendor.url) as provider:
        answer = await provider.submit(TASK, leave())
    assert isinstance(answer, model.Declined)
    assert answer.verdict is model.Verdict.REFUSED_FOR_GOOD
    assert "VEO_TOKEN" in answer.message
    assert vendor.vendor.ledger.all_jobs() == []


# --- how jobs end


@pytest.mark.parametrize(
    ("marker", "outcome", "words"),
    [
        ("filter", model.Outcome.FILTERED, "violated its usage guidelines"),
        ("fail=3", model.Outcome.FILTERED, "usage guidelines"),
        ("fail", model.Outcome.REFUSED, "could not be processed"),
        ("fail-inside", model.Outcome.FAILED, "failed inside"),
        ("fail-inside=8", model.Outcome.FAILED, "no capacity"),
    ],
)
async def test_a_job_that_comes_to_nothing_costs_nothing_and_says_why(
    tmp_path: pathlib.Path, vendor: serving.Served, marker: str, outcome: model.Outcome, words: str
) -> None:
    async with speaking(tmp_path, vendor.url) as provider:
        state = await ended(provider, await accepted(provider, f"a cat [[{marker}]]"))
    assert isinstance(state, model.Negative)
    assert (state.outcome, state.cost_micros) == (outcome, 0)
    assert words in state.message


async def test_a_job_that_is_done_without_anything_has_failed(tmp_path: pathlib.Path, vendor: serving.Served) -> None:
    async with speaking(tmp_path, vendor.url) as provider:
        state = await ended(provider, await accepted(provider, "a cat [[empty]]"))
    assert isinstance(state, model.Negative)
    assert state.outcome is model.Outcome.FAILED


@pytest.mark.parametrize(
    ("marker", "verdict"),
    [
        ("busy=3", model.Verdict.BUSY),
        ("quota", model.Verdict.BUSY),
        ("overloaded", model.Verdict.BUSY),
        ("refuse", model.Verdict.REFUSED_FOR_GOOD),
        ("retired", model.Verdict.REFUSED_FOR_GOOD),
        ("unauthorized", model.Verdict.REFUSED_FOR_GOOD),
        ("unsafe", model.Verdict.UNSAFE),
        ("proxy-error", model.Verdict.UNKNOWN),
        ("accept-busy", model.Verdict.UNKNOWN),
        ("accept-500", model.Verdict.UNKNOWN),
        ("accept-garbage", model.Verdict.UNKNOWN),
    ],
)
async def test_a_refusal_is_what_it_is(
    tmp_path: pathlib.Path, vendor: serving.Served, marker: str, verdict: model.Verdict
) -> None:
    async with speaking(tmp_path, vendor.url) as provider:
        answer = await provider.submit(dataclasses.replace(TASK, prompt=f"a cat [[{marker}]]"), leave())
    assert isinstance(answer, model.Declined)
    assert answer.verdict is verdict


# --- what the bucket knows


async def test_what_another_worker_lost_is_found_polled_and_read(
    tmp_path: pathlib.Path, vendor: serving.Served
) -> None:
    lost = dataclasses.replace(TASK, prompt="a cat [[accept-drop]]")
    async with speaking(tmp_path, vendor.url) as first:
        with pytest.raises(httpx.TransportError):
            await first.submit(lost, leave())
    async with speaking(tmp_path, vendor.url) as second:
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            while not (listing := await second.find("one", [lost])).matches:
                assert listing == model.Listing(frozenset(), complete=True)
                await clock.SystemClock().sleep(0.05)
        (match,) = listing.matches
        assert match.job_id.startswith(f"gs://clips/reelmesh/{TASK.attempt_id}/{TASK.model}/")
        assert match.fit is model.Fit.OWN_ID
        assert (listing.complete, listing.trusted_when_empty) == (True, True)
        assert listing.observations == (model.Observation(match.job_id, model.Succeeded()),)
        assert await ended(second, job_of(match.job_id)) == model.Succeeded()
        assert (await read(second, job_of(match.job_id)))[4:8] == b"ftyp"
        census = await second.census("one", None)
        assert census == model.Census((model.ListedJob(match.job_id, TASK.attempt_id, model=TASK.model),), True)
        other = dataclasses.replace(lost, attempt_id=testing.make_task(2).attempt_id)
        listing = await second.find("one", [other])
        assert listing == model.Listing(frozenset(), complete=True, trusted_when_empty=True)


async def test_what_has_an_operation_is_told_by_it(tmp_path: pathlib.Path, vendor: serving.Served) -> None:
    async with speaking(tmp_path, vendor.url) as first:
        job = await accepted(first, "a cat")
        await ended(first, job)
    async with speaking(tmp_path, vendor.url) as second:
        await second.poll("one", [job])
        (listed,) = (await second.census("one", None)).jobs
        assert listed.job_id == job.job_id
        (match,) = (await second.find("one", [TASK])).matches
        assert match.job_id == job.job_id


async def test_an_operation_that_was_forgotten_is_found_by_its_clip(
    tmp_path: pathlib.Path, vendor: serving.Served
) -> None:
    async with speaking(tmp_path, vendor.url) as provider, httpx.AsyncClient(base_url=vendor.url) as operator:
        job = await accepted(provider, "a cat")
        await ended(provider, job)
        stalled = await accepted(provider, "a dog [[stall]]")
        await operator.post("/_sim/restart")
        assert await ended(provider, job) == model.Succeeded()
        assert (await read(provider, job))[4:8] == b"ftyp"
        other = dataclasses.replace(stalled, attempt_id=testing.make_task(3).attempt_id)
        assert isinstance(await ended(provider, other), model.Missing)
        with pytest.raises(errors.FetchLost, match="neither Veo nor bucket clips"):
            await read(provider, other)


async def test_a_clip_that_is_gone_from_the_bucket_is_lost(tmp_path: pathlib.Path, vendor: serving.Served) -> None:
    async with speaking(tmp_path, vendor.url) as provider:
        gone = job_of("gs://clips/reelmesh/gone.mp4")
        assert isinstance(await ended(provider, gone), model.Missing)
        with pytest.raises(errors.FetchLost, match=r"has no gs://clips/reelmesh/gone.mp4"):
            await read(provider, gone)


async def test_a_proxy_that_knows_no_clip_loses_none(tmp_path: pathlib.Path) -> None:
    async with hosting(Host(404, "<html>404</html>")) as host, speaking(tmp_path, host.url) as provider:
        job = job_of("gs://clips/reelmesh/a.mp4")
        with pytest.raises(errors.FetchFailed, match="404"):
            await read(provider, job)
        (seen,) = await provider.poll("one", [job])
        assert isinstance(seen.state, model.Unknown)


async def test_a_refused_download_is_tried_again(tmp_path: pathlib.Path, vendor: serving.Served) -> None:
    async with speaking(tmp_path, vendor.url) as provider:
        job = await accepted(provider, "a cat [[expired]]")
        await ended(provider, job)
        with pytest.raises(errors.FetchFailed, match="403"):
            await read(provider, job)


# --- accounts


@pytest.mark.parametrize(
    ("options", "words"),
    [("{project: films}", "veo-1 needs the option 'bucket'"), ("{bucket: clips}", "veo-1 needs the option 'project'")],
)
def test_a_worker_does_not_start_with_an_account_that_cannot_work(
    tmp_path: pathlib.Path, options: str, words: str
) -> None:
    file = tmp_path / "accounts.yaml"
    file.write_text(f"accounts: [{{id: veo-1, provider: veo, options: {options}}}]")
    with pytest.raises(ValueError, match=words):
        settings.VeoSettings(accounts_file=file)
    file.write_text("accounts: [{id: veo-1, provider: veo, options: {project: films, bucket: clips}}]")
    assert settings.VeoSettings(accounts_file=file).pool == "veo"


async def test_an_account_that_lost_its_bucket_is_not_asked(tmp_path: pathlib.Path, vendor: serving.Served) -> None:
    async with speaking(tmp_path, vendor.url) as provider:
        text = ACCOUNTS.format(url=vendor.url, storage=vendor.url)
        (tmp_path / "accounts.yaml").write_text(text.replace(" bucket: clips,", ""))
        answer = await provider.submit(TASK, leave())
    assert isinstance(answer, model.Declined)
    assert answer.verdict is model.Verdict.REFUSED_FOR_GOOD
    assert "'bucket'" in answer.message
    assert vendor.vendor.ledger.all_jobs() == []
    assert accounts.read(tmp_path / "accounts.yaml")
