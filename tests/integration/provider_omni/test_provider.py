"""Gemini Omni's provider against a simulated Google: what is asked, what it costs, what is stopped and fetched."""

import asyncio
import contextlib
import dataclasses
import json
import pathlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import pydantic
import pytest
from reelmesh_gateway.model import hooks
from reelmesh_kit import clock, web, webhooks
from reelmesh_provider import downloads, errors, gate, model, testing
from reelmesh_provider_omni import app, settings
from reelmesh_provider_omni import provider as omni
from reelmesh_simulators import serving, vendor
from reelmesh_simulators.dialects import omni as dialect

from tests.support import chassis as chassis_support
from tests.support import vendors

KEY = "key_of_ours"
WEBHOOK_KEY = "a key of sixteen and more"
LONGEST_WAIT_SECONDS = 60.0
TASK = testing.make_task(
    provider="omni",
    account_id="one",
    model="gemini-omni-1.2-flash@360p",
    prompt="a cat",
    duration_seconds=3.0,
    width=360,
    height=640,
)
PRICE_MICROS = 69_000
# Tokens are whole numbers.
ROUNDING_MICROS = 12


async def _leave(nonce: str) -> model.Go | model.Drop:
    return model.Go(30.0)


def open_gate() -> gate.Gate:
    return gate.Gate(clock=clock.SystemClock(), nonce="nonce", ask=_leave)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNI_KEY", KEY)


def told_of(url: str, folder: pathlib.Path, rest: str = "secret: OMNI_KEY", **changed: object) -> settings.OmniSettings:
    file = folder / "accounts.yaml"
    file.write_text(f"accounts: [{{id: one, provider: omni, endpoint: '{url}', {rest}}}]")
    return settings.OmniSettings.model_construct(accounts_file=file, omni_card_file=None, **changed)


@contextlib.asynccontextmanager
async def provider_at(
    url: str, folder: pathlib.Path, rest: str = "secret: OMNI_KEY", **limits: int
) -> AsyncGenerator[omni.OmniProvider]:
    own = chassis_support.make_chassis("provider-omni")
    async with omni.OmniProvider(told_of(url, folder, rest), own, **limits) as made:
        yield made
    own.telemetry.shutdown()


@pytest.fixture
async def served() -> AsyncIterator[serving.Served]:
    async with vendors.selling(dialect.Omni) as found:
        yield found


@pytest.fixture
async def provider(served: serving.Served, tmp_path: pathlib.Path) -> AsyncIterator[omni.OmniProvider]:
    async with provider_at(served.url, tmp_path) as made:
        yield made


@contextlib.asynccontextmanager
async def files(
    folder: pathlib.Path, processing_seconds: float = 0.0, *, from_bytes: int = 1000
) -> AsyncGenerator[omni.OmniProvider]:
    """Enter a provider at a Google whose clips are files, all or those that are larger."""

    def making(seller: vendor.Vendor) -> dialect.Omni:
        return dialect.Omni(seller, inline_limit_bytes=from_bytes, processing_seconds=processing_seconds)

    async with vendors.selling(making) as served, provider_at(served.url, folder) as made:
        yield made


def with_prompt(prompt: str) -> model.Task:
    return dataclasses.replace(TASK, prompt=prompt)


async def submitted(provider: omni.OmniProvider, prompt: str = "a cat") -> model.Job:
    accepted = await provider.submit(with_prompt(prompt), open_gate())
    assert isinstance(accepted, model.Accepted), accepted
    return model.Job(TASK.attempt_id, TASK.account_id, TASK.model, accepted.job_id)


async def state_of(provider: omni.OmniProvider, job: model.Job) -> model.JobState:
    (seen,) = await provider.poll(job.account_id, [job])
    return seen.state


async def until(
    provider: omni.OmniProvider, job: model.Job, wanted: Callable[[model.JobState], bool]
) -> model.JobState:
    async with asyncio.timeout(LONGEST_WAIT_SECONDS):
        while not wanted(state := await state_of(provider, job)):
            await clock.SystemClock().sleep(0.02)
    return state


async def made(provider: omni.OmniProvider, prompt: str = "a cat") -> model.Job:
    job = await submitted(provider, prompt)
    await until(provider, job, lambda state: isinstance(state, model.Succeeded))
    return job


async def fetched(provider: omni.OmniProvider, job: model.Job) -> bytes:
    async with provider.fetch(job) as download:
        return b"".join([chunk async for chunk in download.chunks])


def billed(seller: vendor.Vendor) -> int:
    return sum(line.billed_micros for line in seller.ledger.lines(seller.now))


async def test_what_google_is_asked_is_what_the_task_says(served, provider) -> None:
    await submitted(provider)
    (create,) = served.vendor.ledger.creates()
    (job,) = served.vendor.ledger.all_jobs()
    assert (create.account, create.model, create.seed) == (KEY, "gemini-omni-1.2-flash", TASK.seed)
    assert (job.order.seconds, job.order.width, job.order.height) == (3.0, 360, 640)
    assert (job.order.told["background"], job.order.labels) == (True, {"attempt": TASK.attempt_id})
    assert job.price_micros == PRICE_MICROS


@pytest.mark.parametrize("marker", ["[[accept-500]]", "[[accept-502]]", "[[accept-busy]]", "[[accept-garbage]]"])
async def test_an_answer_that_says_nothing_is_unknown_and_one_request_was_sent(served, provider, marker: str) -> None:
    answer = await provider.submit(with_prompt(f"a cat {marker}"), open_gate())
    assert isinstance(answer, model.Declined)
    assert answer.verdict is model.Verdict.UNKNOWN
    assert len(served.vendor.ledger.creates()) == len(served.vendor.ledger.all_jobs()) == 1


@pytest.mark.parametrize(
    ("marker", "verdict"),
    [
        ("[[busy=7]]", model.Verdict.BUSY),
        ("[[overloaded]]", model.Verdict.BUSY),
        ("[[quota]]", model.Verdict.REFUSED_FOR_GOOD),
        ("[[retired]]", model.Verdict.REFUSED_FOR_GOOD),
        ("[[unauthorized]]", model.Verdict.REFUSED_FOR_GOOD),
        ("[[refuse]]", model.Verdict.REFUSED_FOR_GOOD),
        ("[[unsafe]]", model.Verdict.UNSAFE),
    ],
)
async def test_googles_own_refusals_are_believed(served, provider, marker: str, verdict: model.Verdict) -> None:
    answer = await provider.submit(with_prompt(f"a cat {marker}"), open_gate())
    assert isinstance(answer, model.Declined)
    assert answer.verdict is verdict
    assert not served.vendor.ledger.all_jobs()


@pytest.mark.parametrize(
    ("marker", "outcome"),
    [
        ("[[fail]]", model.Outcome.FAILED),
        ("[[fail-inside]]", model.Outcome.FAILED),
        ("[[filter]]", model.Outcome.FILTERED),
        ("[[empty]]", model.Outcome.FILTERED),
    ],
)
async def test_what_came_to_no_clip_costs_its_tokens(served, provider, marker: str, outcome: model.Outcome) -> None:
    job = await submitted(provider, f"a cat {marker}")
    state = await until(provider, job, lambda state: isinstance(state, model.Negative))
    assert isinstance(state, model.Negative)
    assert state.cost_micros is not None
    assert state.outcome is outcome
    assert abs(state.cost_micros - billed(served.vendor)) <= ROUNDING_MICROS


@pytest.mark.parametrize(("marker", "price"), [("[[stall]]", PRICE_MICROS), ("[[queue=3600]]", 0)])
async def test_what_is_stopped_costs_what_was_done(served, provider, marker: str, price: int) -> None:
    job = await submitted(provider, f"a cat {marker}")
    if price:
        await until(provider, job, lambda state: isinstance(state, model.Pending) and state.activity != "queued")
    await provider.cancel(job)
    state = await state_of(provider, job)
    assert isinstance(state, model.Negative)
    assert state.outcome is model.Outcome.CANCELLED
    assert state.cost_micros is not None
    assert abs(state.cost_micros - price) <= ROUNDING_MICROS
    assert billed(served.vendor) == price


async def test_a_clip_that_is_a_file_is_fetched_when_it_is_ready(tmp_path: pathlib.Path) -> None:
    async with files(tmp_path, processing_seconds=3600.0) as provider:
        with pytest.raises(errors.FetchFailed, match="processing"):
            await fetched(provider, await made(provider))
    async with files(tmp_path) as provider:
        assert (await fetched(provider, await made(provider)))[4:8] == b"ftyp"


async def test_a_file_that_is_not_there_time_and_again_is_lost(tmp_path: pathlib.Path) -> None:
    times = downloads.TRIES_OF_WHAT_IS_NOT_THERE - 1
    async with files(tmp_path) as provider:
        lost, late = await made(provider, "a cat [[lost]]"), await made(provider, f"a dog [[lost:{times}]]")
        for job in (lost, late):
            for _ in range(times):
                with pytest.raises(downloads.Expired):
                    await fetched(provider, job)
        with pytest.raises(errors.FetchLost):
            await fetched(provider, lost)
        assert (await fetched(provider, late))[4:8] == b"ftyp"


async def test_a_clip_that_is_gone_is_lost_and_not_free(tmp_path: pathlib.Path) -> None:
    async with files(tmp_path, from_bytes=dialect.INLINE_LIMIT_BYTES) as provider:
        job = await made(provider, "a cat [[lost]]")
        for _ in range(downloads.TRIES_OF_WHAT_IS_NOT_THERE - 1):
            with pytest.raises(downloads.Expired):
                await fetched(provider, job)
        with pytest.raises(errors.FetchLost):
            await fetched(provider, job)
        assert isinstance(await state_of(provider, job), model.Succeeded)


async def test_an_answer_without_an_end_is_not_read(provider, served: serving.Served, tmp_path: pathlib.Path) -> None:
    job = await made(provider)
    async with provider_at(served.url, tmp_path, largest_answer_bytes=2000) as bounded:
        assert isinstance(await state_of(bounded, job), model.Unknown)
        with pytest.raises(errors.FetchFailed, match="more than 2000 bytes"):
            await fetched(bounded, job)


@contextlib.asynccontextmanager
async def answering(answers: dict[str, tuple[int, object]]) -> AsyncGenerator[tuple[str, list[str]]]:
    """Answer by method and path; yield the address, and what was asked in order, with the key that came with it."""
    asked: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        line = f"{scope['method']} {scope['path']}"
        keys = [value.decode() for name, value in scope["headers"] if name == b"x-goog-api-key"]
        asked.append(" ".join([line, *keys]))
        status, body = answers[line]
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    async with web.serve(application, "127.0.0.1", 0, variable="PORT") as port:
        yield f"http://127.0.0.1:{port}", asked


JOB = model.Job(TASK.attempt_id, "one", TASK.model, "v1_a/b")
ONE = "/v1/interactions/v1_a/b"


async def test_the_key_goes_to_google_and_nowhere_else(tmp_path: pathlib.Path) -> None:
    async with answering({}) as (elsewhere, never):
        content = {"type": "video", "uri": f"{elsewhere}/v1/files/abc:download?alt=media"}
        told = {"status": "completed", "steps": [{"type": "model_output", "content": [content]}]}
        google_says = answering({f"GET {ONE}": (200, told)})
        async with google_says as (google, asked), provider_at(google, tmp_path) as provider:
            with pytest.raises(downloads.Refused):
                await fetched(provider, JOB)
    assert asked == [f"GET {ONE} {KEY}"]
    assert never == []


@pytest.mark.parametrize(("status", "asked_again"), [("in_progress", True), ("completed", False)])
async def test_a_stop_that_google_refuses_is_asked_for_again_while_it_runs(
    tmp_path: pathlib.Path, status: str, asked_again: bool
) -> None:
    refusal = {"error": {"code": "failed_precondition", "message": "It cannot be stopped."}}
    answers = {f"POST {ONE}/cancel": (400, refusal), f"GET {ONE}": (200, {"status": status})}
    async with answering(answers) as (google, asked), provider_at(google, tmp_path) as provider:
        stopping = pytest.raises(errors.Unreachable, match="400") if asked_again else contextlib.nullcontext()
        with stopping:
            await provider.cancel(JOB)
    assert asked == [f"POST {ONE}/cancel {KEY}", f"GET {ONE} {KEY}"]


async def test_what_a_project_is_told_names_the_job_as_we_do(tmp_path: pathlib.Path) -> None:
    seller = vendors.make_vendor()
    google = dialect.Omni(seller, webhook_url="https://us.example/hooks", webhook_secret=b"a secret of ours")
    async with serving.serve(google, seller) as served, provider_at(served.url, tmp_path) as provider:
        job = await made(provider)
        notice = google.notice(seller.peek(job.job_id), forged=False)
    seller.ledger.close()
    assert notice is not None
    signed = hooks.signed(hooks.Scheme.STANDARD, notice.headers, notice.body)
    assert signed is not None
    assert hooks.fits_secret(signed, b"a secret of ours")
    assert hooks.job_of(hooks.Scheme.STANDARD, notice.headers, notice.body) == job.job_id
    assert "standard" in settings.OmniSettings.webhooks_signed


@pytest.mark.parametrize(
    ("signed", "named"),
    [("{signed: google}", True), ("{signed: standard, secret: HOOK}", False)],
    ids=["those of each request", "those of a project"],
)
async def test_a_request_names_an_address_of_its_own_where_google_signs_by_its_keys(
    served: serving.Served, tmp_path: pathlib.Path, signed: str, named: bool
) -> None:
    own = chassis_support.make_chassis("provider-omni")
    reached = {"public_url": "https://video.example.com", "webhook_key": pydantic.SecretStr(WEBHOOK_KEY)}
    told = told_of(served.url, tmp_path, f"secret: OMNI_KEY, webhooks: {signed}", **reached)
    async with omni.OmniProvider(told, own) as provider:
        submitted = await provider.submit(TASK, open_gate())
    own.telemetry.shutdown()
    assert isinstance(submitted, model.Accepted)
    (create,) = served.vendor.ledger.creates()
    address = f"https://video.example.com{webhooks.path(WEBHOOK_KEY, 'one', TASK.attempt_id)}"
    assert create.webhook_url == (address if named else "")
    assert provider.job_told(TASK, create.job_id or "") == submitted.job_id


def test_webhooks_of_requests_need_our_address(tmp_path: pathlib.Path) -> None:
    file = told_of("http://x", tmp_path, "secret: OMNI_KEY, webhooks: {signed: google}").accounts_file
    with pytest.raises(ValueError, match="set REELMESH_PUBLIC_URL and REELMESH_WEBHOOK_KEY"):
        settings.OmniSettings(accounts_file=file, _env_file=None)  # pyright: ignore[reportCallIssue]
    told_of("http://x", tmp_path, "secret: OMNI_KEY, webhooks: {signed: standard, secret: HOOK}")
    assert settings.OmniSettings(accounts_file=file, _env_file=None).listed()  # pyright: ignore[reportCallIssue]


async def test_without_a_key_nothing_is_asked_and_doctor_says_why(served, tmp_path: pathlib.Path) -> None:
    async with provider_at(served.url, tmp_path, rest="slots: 1") as provider:
        own = open_gate()
        answer = await provider.submit(TASK, own)
    assert isinstance(answer, model.Declined)
    assert (answer.verdict, own.asked) == (model.Verdict.REFUSED_FOR_GOOD, False)
    assert "names no secret" in answer.message
    (problem,) = app.problems(told_of(served.url, tmp_path, rest="slots: 1"))
    assert "Account one names no secret" in problem
    assert app.problems(told_of(served.url, tmp_path)) == []
