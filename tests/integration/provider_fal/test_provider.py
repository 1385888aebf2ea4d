"""fal.ai's queue, asked by its provider over real HTTP: what is sent, where to, and what things cost."""

import asyncio
import contextlib
import dataclasses
import pathlib
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pydantic
import pytest
from reelmesh_kit import clock, process, webhooks
from reelmesh_provider import downloads, errors, gate, model, port, testing
from reelmesh_provider_fal import provider as fal_provider
from reelmesh_provider_fal import settings, wire
from reelmesh_provider_runway import settings as runway_settings
from reelmesh_simulators import orders, vendor
from reelmesh_simulators.dialects import fal

from tests.support import chassis as chassis_support
from tests.support import raw_http_server, vendors

LONGEST_WAIT_SECONDS = 60.0
FOREVER = orders.Pace(queue_seconds=0.0, render_seconds=1e6)
PNG = model.Picture("a", "image/png", b"png")
TASK = testing.make_task(
    provider="fal", account_id="one", model="fal-ai/veo3.1/fast", duration_seconds=4.0, width=1280, height=720
)
FAST_MICROS = 150_000


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAL_KEY", "id:secret")


def open_gate() -> gate.Gate:
    async def ask(nonce: str) -> model.Go:
        del nonce
        return model.Go(30.0)

    return gate.Gate(clock=clock.SystemClock(), nonce="nonce", ask=ask)


@contextlib.asynccontextmanager
async def speaking_to(
    url: str, folder: pathlib.Path, more: str = "secret: FAL_KEY", **limits: int
) -> AsyncGenerator[fal_provider.FalProvider]:
    own = chassis_support.make_chassis("provider-fal")
    try:
        async with fal_provider.FalProvider(told(url, folder, more), own, **limits) as made:
            yield made
    finally:
        own.telemetry.shutdown()


def told(url: str, folder: pathlib.Path, more: str = "secret: FAL_KEY", **files: Any) -> settings.FalSettings:
    file = folder / "accounts.yaml"
    file.write_text(f"accounts: [{{id: one, provider: fal, endpoint: '{url}', {more}}}]")
    values = {"accounts_file": file, "fal_card_file": None, "fal_forms_file": None, **files}
    return settings.FalSettings.model_construct(**values)


async def submitted(provider: port.Provider, task: model.Task = TASK) -> model.Job:
    accepted = await provider.submit(task, open_gate())
    assert isinstance(accepted, model.Accepted), accepted
    return model.Job(task.attempt_id, task.account_id, task.model, accepted.job_id)


async def ended(provider: port.Provider, job: model.Job) -> model.JobState:
    async with asyncio.timeout(LONGEST_WAIT_SECONDS):
        while True:
            (seen,) = await provider.poll(job.account_id, [job])
            if not isinstance(seen.state, model.Pending):
                return seen.state
            await clock.SystemClock().sleep(0.02)


# --- submitting


async def test_one_post_leaves_and_tells_fal_not_to_repeat_it(tmp_path: pathlib.Path) -> None:
    async with raw_http_server.counting_server() as arrivals, speaking_to(arrivals.url, tmp_path) as provider:
        answer = await provider.submit(TASK, open_gate())
    # It answers with an id, but not in fal's words.
    assert isinstance(answer, model.Declined)
    assert answer.verdict is model.Verdict.UNKNOWN
    assert len(arrivals.bodies) == arrivals.connections == 1
    sent = arrivals.headers[0].decode().lower()
    assert sent.startswith("post /v1/videos/fal-ai/veo3.1/fast http/1.1")
    for line in ("x-fal-no-retry: 1", "x-fal-request-timeout: 1800", "authorization: key id:secret"):
        assert f"\r\n{line}\r\n" in sent


@pytest.mark.parametrize(
    ("marker", "paid", "verdict"),
    [
        ("busy=3", 0, model.Verdict.BUSY),
        ("overloaded", 0, model.Verdict.BUSY),
        ("refuse", 0, model.Verdict.REFUSED_FOR_GOOD),
        ("quota", 0, model.Verdict.REFUSED_FOR_GOOD),
        ("unsafe", 0, model.Verdict.UNSAFE),
        ("server-error", 0, model.Verdict.UNKNOWN),
        ("proxy-error", 0, model.Verdict.UNKNOWN),
        ("accept-500", 1, model.Verdict.UNKNOWN),
        ("accept-502", 1, model.Verdict.UNKNOWN),
        ("accept-busy", 1, model.Verdict.UNKNOWN),
        ("accept-garbage", 1, model.Verdict.UNKNOWN),
    ],
)
async def test_however_a_create_goes_it_is_asked_once(
    tmp_path: pathlib.Path, marker: str, paid: int, verdict: model.Verdict
) -> None:
    async with vendors.selling(fal.Fal) as served, speaking_to(served.url, tmp_path) as provider:
        answer = await provider.submit(dataclasses.replace(TASK, prompt=f"a cat [[{marker}]]"), open_gate())
        (line,) = served.vendor.ledger.lines(served.vendor.now)
    assert isinstance(answer, model.Declined)
    assert (answer.verdict, line.creates, len(line.job_ids)) == (verdict, 1, paid)


async def test_without_a_key_or_a_size_nothing_is_asked(tmp_path: pathlib.Path) -> None:
    async with vendors.selling(fal.Fal) as served:
        async with speaking_to(served.url, tmp_path, "slots: 1") as provider:
            answer = await provider.submit(TASK, open_gate())
        async with speaking_to(served.url, tmp_path) as provider:
            strange = await provider.submit(dataclasses.replace(TASK, width=1), open_gate())
        assert served.vendor.ledger.creates() == []
    assert isinstance(answer, model.Declined)
    assert isinstance(strange, model.Declined)
    assert "names no secret" in answer.message
    assert "not 1x720" in strange.message


# --- ends


async def test_every_model_of_the_card_makes_every_size_and_length_at_its_price(tmp_path: pathlib.Path) -> None:
    async with vendors.selling(fal.Fal) as served, speaking_to(served.url, tmp_path) as provider:
        for card in provider.card.models:
            for size in card.sizes:
                width, height = map(int, size.split("x"))
                for seconds in (card.shortest_seconds, card.longest_seconds):
                    for frames in ({}, {"first_frame": PNG}, {"first_frame": PNG, "last_frame": PNG}):
                        asked = {"model": card.model, "width": width, "height": height, "duration_seconds": seconds}
                        job = await submitted(provider, dataclasses.replace(TASK, **asked, **frames))
                        made = served.vendor.ledger.job(wire.own_id(job))
                        assert made is not None
                        order = made.order
                        assert not order.doomed, (card.model, order.told["details"])
                        assert (order.width, order.height, order.seconds) == (width, height, seconds)
                        assert order.audio is card.audio
                        assert made.price_micros == wire.price(card, seconds, clock.SystemClock().now().date())


@pytest.mark.parametrize(
    ("name", "seconds", "told"),
    [
        ("fal-ai/veo3.1/fast", 4.0, {"first_frame_url", "last_frame_url", "negative_prompt"}),
        ("fal-ai/kling-video/v3/pro", 3.0, {"start_image_url", "end_image_url", "negative_prompt"}),
        ("bytedance/seedance-2.0", 4.0, {"image_url", "end_image_url"}),
    ],
)
async def test_frames_and_what_is_not_wanted_are_told_in_the_words_of_the_model(
    tmp_path: pathlib.Path, name: str, seconds: float, told: set[str]
) -> None:
    async with vendors.selling(fal.Fal) as served, speaking_to(served.url, tmp_path) as provider:
        (card,) = [each for each in provider.card.models if each.model == name]
        width, height = map(int, card.sizes[0].split("x"))
        asked = {"model": name, "width": width, "height": height, "duration_seconds": seconds, "first_frame": PNG}
        unwanted = "rain" if card.negative_prompt else ""
        task = dataclasses.replace(TASK, **asked, last_frame=PNG, negative_prompt=unwanted)
        made = served.vendor.ledger.job(wire.own_id(await submitted(provider, task)))
    assert made is not None
    given = made.order.told["input"]
    ours = {key: value for key, value in given.items() if key.endswith("_url") or key == "negative_prompt"}
    assert set(ours) == told
    assert set(ours.values()) == {"data:image/png;base64,cG5n", *([unwanted] if unwanted else [])}


@pytest.mark.parametrize(
    ("marker", "outcome"),
    [
        ("fail", model.Outcome.FAILED),
        ("fail=1", model.Outcome.FAILED),
        ("fail=2", model.Outcome.REFUSED),
        ("fail=3", model.Outcome.REFUSED),
        ("fail-inside", model.Outcome.FAILED),
        ("fail-inside=2", model.Outcome.FAILED),
        ("filter", model.Outcome.FILTERED),
    ],
)
async def test_what_fails_costs_nothing_and_says_why(
    tmp_path: pathlib.Path, marker: str, outcome: model.Outcome
) -> None:
    async with vendors.selling(fal.Fal) as served, speaking_to(served.url, tmp_path) as provider:
        state = await ended(provider, await submitted(provider, dataclasses.replace(TASK, prompt=f"a [[{marker}]]")))
    assert isinstance(state, model.Negative)
    assert (state.outcome, state.cost_micros) == (outcome, 0)
    assert state.message not in ("", "Invalid status code: 422", "Invalid status code: 500")


async def test_what_is_stopped_at_work_is_counted_by_its_length_and_in_the_queue_is_free(
    tmp_path: pathlib.Path,
) -> None:
    async with vendors.selling(fal.Fal, pace=FOREVER) as served, speaking_to(served.url, tmp_path) as provider:
        running = await submitted(provider)
        waiting = await submitted(provider, dataclasses.replace(TASK, prompt="a dog [[queue=1000]]"))
        for job, micros in ((running, 4 * FAST_MICROS), (waiting, 0)):
            await provider.cancel(job)
            state = await ended(provider, job)
            assert isinstance(state, model.Negative)
            assert (state.outcome, state.cost_micros) == (model.Outcome.CANCELLED, micros)
        billed = [line.billed_micros for line in served.vendor.ledger.lines(served.vendor.now)]
        assert sorted(billed) == [0, 4 * FAST_MICROS]


async def test_a_length_that_cannot_be_read_counts_as_the_longest(tmp_path: pathlib.Path) -> None:
    away = "secret: FAL_KEY, options: {platform: 'http://127.0.0.1:1/v1'}"
    async with vendors.selling(fal.Fal, pace=FOREVER) as served, speaking_to(served.url, tmp_path, away) as provider:
        job = await submitted(provider)
        await provider.cancel(job)
        state = await ended(provider, job)
    assert isinstance(state, model.Negative)
    assert state.cost_micros == 8 * FAST_MICROS


async def test_a_result_without_a_video_is_lost(tmp_path: pathlib.Path) -> None:
    async with vendors.selling(fal.Fal) as served, speaking_to(served.url, tmp_path) as provider:
        job = await submitted(provider, dataclasses.replace(TASK, prompt="a cat [[empty]]"))
        assert await ended(provider, job) == model.Succeeded()
        with pytest.raises(errors.FetchLost, match="no video"):
            async with provider.fetch(job):
                pass


async def test_where_nothing_lies_time_and_again_the_clip_is_lost(tmp_path: pathlib.Path) -> None:
    async with vendors.selling(fal.Fal) as served, speaking_to(served.url, tmp_path) as provider:
        job = await submitted(provider, dataclasses.replace(TASK, prompt="a cat [[lost]]"))
        assert await ended(provider, job) == model.Succeeded()
        for _ in range(downloads.TRIES_OF_WHAT_IS_NOT_THERE - 1):
            with pytest.raises(downloads.NotThere):
                async with provider.fetch(job):
                    pass
        with pytest.raises(errors.FetchLost, match="nothing lay 6 times in a row where fal said"):
            async with provider.fetch(job):
                pass


async def test_a_request_that_fal_forgot_is_missing_and_no_failure(tmp_path: pathlib.Path) -> None:
    async with vendors.selling(fal.Fal) as served, speaking_to(served.url, tmp_path) as provider:
        job = await submitted(provider, dataclasses.replace(TASK, prompt="a cat [[forget]]"))
        assert isinstance(await ended(provider, job), model.Missing)


async def test_a_clip_is_not_fetched_within_our_network_nor_is_the_key_taken_there(tmp_path: pathlib.Path) -> None:
    async with raw_http_server.counting_server() as arrivals:

        class Elsewhere(fal.Fal):
            """Keeps its files on another host."""

            def _payload(self, look: vendor.Look, base_url: str, *, size: int | None) -> dict[str, Any]:
                del base_url
                return super()._payload(look, f"{arrivals.url}/", size=size)

        async with vendors.selling(Elsewhere) as served, speaking_to(served.url, tmp_path) as provider:
            job = await submitted(provider)
            await ended(provider, job)
            with pytest.raises(downloads.Refused, match="our own network"):
                async with provider.fetch(job):
                    pass
    assert arrivals.connections == 0


async def test_a_fal_that_is_away_is_no_verdict(tmp_path: pathlib.Path) -> None:
    async with speaking_to("http://127.0.0.1:1", tmp_path) as provider:
        job = model.Job("attempt", "one", TASK.model, "fal-ai/veo3.1/r-1")
        (seen,) = await provider.poll("one", [job])
        assert isinstance(seen.state, model.Unknown)
        with pytest.raises(httpx.ConnectError):
            await provider.cancel(job)
        with pytest.raises(errors.Unreachable):
            await provider.submit(TASK, open_gate())


# --- the list


async def test_a_lost_request_is_found_once_it_has_ended(tmp_path: pathlib.Path) -> None:
    task = dataclasses.replace(TASK, prompt="a cat [[accept-drop]] [[slow=1]]")
    async with vendors.selling(fal.Fal) as served, speaking_to(served.url, tmp_path) as provider:
        with pytest.raises(httpx.TransportError):
            await provider.submit(task, open_gate())
        (made,) = served.vendor.ledger.all_jobs()
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            while not (matches := (await provider.find("one", [task])).matches):
                await clock.SystemClock().sleep(0.05)
    wanted = model.Match(task.attempt_id, f"fal-ai/veo3.1/{made.job_id}", model.Fit.DISCRIMINATED)
    assert matches == (wanted,)


async def test_a_list_of_many_pages_is_read_to_its_end_or_not_called_complete(tmp_path: pathlib.Path) -> None:
    async with vendors.selling(fal.Fal) as served:
        async with speaking_to(served.url, tmp_path, page_size=2) as provider:
            jobs = [await submitted(provider, dataclasses.replace(TASK, seed=seed)) for seed in range(5)]
            for job in jobs:
                await ended(provider, job)
            listing = await provider.find("one", [TASK])
            assert (listing.job_ids, listing.complete) == ({job.job_id for job in jobs}, True)
            census = await provider.census("one", None)
            assert (sorted(each.seed or 0 for each in census.jobs), census.complete) == ([0, 1, 2, 3, 4], True)
        async with speaking_to(served.url, tmp_path, page_size=2, most_pages=2) as provider:
            listing = await provider.find("one", [TASK])
            assert (len(listing.job_ids), listing.complete) == (4, False)


async def test_a_lost_request_is_found_however_old_it_is(tmp_path: pathlib.Path) -> None:
    async with vendors.selling(fal.Fal) as served, speaking_to(served.url, tmp_path) as provider:
        job = await submitted(provider)
        await ended(provider, job)
        served.vendor.clock = vendors.Tomorrow()
        (match,) = (await provider.find("one", [TASK])).matches
    assert match.job_id == job.job_id


async def test_a_list_that_is_refused_is_not_empty(tmp_path: pathlib.Path) -> None:
    async with vendors.selling(fal.Fal) as served:
        elsewhere = f"secret: FAL_KEY, options: {{platform: '{served.url}/v2/'}}"
        async with speaking_to(served.url, tmp_path, elsewhere) as provider:
            with pytest.raises(ValueError, match="the list is answered 40"):
                await provider.find("one", [TASK])


# --- starting


def test_files_that_do_not_go_together_keep_it_from_starting(tmp_path: pathlib.Path) -> None:
    forms = tmp_path / "forms.toml"
    forms.write_text("[models]")
    own = chassis_support.make_chassis("provider-fal")
    with pytest.raises(process.CannotStart, match="has no form"):
        fal_provider.FalProvider(told("http://x", tmp_path, fal_forms_file=forms), own)
    with pytest.raises(process.CannotStart, match="cannot be read"):
        fal_provider.FalProvider(told("http://x", tmp_path, fal_card_file=tmp_path / "none.toml"), own)
    own.telemetry.shutdown()


WEBHOOKS = "secret: FAL_KEY, webhooks: {signed: fal}"


async def test_with_webhooks_each_request_names_an_address_of_its_own(tmp_path: pathlib.Path) -> None:
    key = pydantic.SecretStr("a key of sixteen and more")
    async with vendors.selling(fal.Fal) as served:
        own = chassis_support.make_chassis("provider-fal")
        with_webhooks = told(served.url, tmp_path, WEBHOOKS, public_url="https://video.example.com", webhook_key=key)
        async with fal_provider.FalProvider(with_webhooks, own) as made:
            submitted = await made.submit(TASK, open_gate())
        own.telemetry.shutdown()
        assert isinstance(submitted, model.Accepted)
        (create,) = served.vendor.ledger.creates()
        path = webhooks.path(key.get_secret_value(), "one", TASK.attempt_id)
        assert create.webhook_url == f"https://video.example.com{path}"
        # What fal calls it in the notice is the job that was accepted.
        assert create.job_id
        assert made.job_told(TASK, create.job_id) == submitted.job_id


async def test_without_webhooks_fal_is_given_no_address(tmp_path: pathlib.Path) -> None:
    async with vendors.selling(fal.Fal) as served, speaking_to(served.url, tmp_path) as made:
        await made.submit(TASK, open_gate())
        assert [create.webhook_url for create in served.vendor.ledger.creates()] == [""]


def test_webhooks_need_our_address_and_fals_own_signature(tmp_path: pathlib.Path) -> None:
    file = told("https://queue.fal.run", tmp_path, WEBHOOKS).accounts_file
    with pytest.raises(ValueError, match="set REELMESH_PUBLIC_URL and REELMESH_WEBHOOK_KEY"):
        settings.FalSettings(accounts_file=file, _env_file=None)  # pyright: ignore[reportCallIssue]
    file.write_text("accounts: [{id: one, provider: fal, webhooks: {signed: standard, secret: SOME_SECRET}}]")
    with pytest.raises(ValueError, match="account one is of fal: its webhooks are signed: fal"):
        settings.FalSettings(accounts_file=file, _env_file=None)  # pyright: ignore[reportCallIssue]
    file.write_text("accounts: [{id: one, provider: runway, webhooks: {signed: fal}}]")
    with pytest.raises(ValueError, match="account one is of runway: it has no webhooks: take `webhooks` out"):
        runway_settings.RunwaySettings(accounts_file=file, _env_file=None)  # pyright: ignore[reportCallIssue]
