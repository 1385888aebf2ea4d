"""Runway's provider against a simulated Runway, and against a server that writes down what it is sent."""

import asyncio
import contextlib
import dataclasses
import json
import pathlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable

import pytest
from reelmesh_kit import clock
from reelmesh_provider import downloads, errors, gate, model, testing
from reelmesh_provider_runway import provider as runway
from reelmesh_provider_runway import settings
from reelmesh_simulators import orders, serving, vendor
from reelmesh_simulators.dialects import runway as dialect

from tests.support import chassis as chassis_support
from tests.support import vendors

KEY = "key_of_ours"
LONGEST_WAIT_SECONDS = 60.0
TASK = testing.make_task(
    provider="runway", account_id="one", model="gen4.5", duration_seconds=2.0, width=1280, height=720
)
PRICE_MICROS = 240_000
LARGE = model.Picture("asset", "image/png", bytes(4_000_000))
SMALL = model.Picture("asset", "image/png", b"picture")


async def _leave(nonce: str) -> model.Go | model.Drop:
    return model.Go(30.0)


def open_gate() -> gate.Gate:
    return gate.Gate(clock=clock.SystemClock(), nonce="nonce", ask=_leave)


@contextlib.asynccontextmanager
async def provider_at(
    url: str, folder: pathlib.Path, *, rest: str = "secret: RUNWAY_KEY"
) -> AsyncGenerator[runway.RunwayProvider]:
    """Enter a provider whose one account is at an address."""
    own = chassis_support.make_chassis("provider-runway")
    file = folder / "accounts.yaml"
    file.write_text(f"accounts: [{{id: one, provider: runway, endpoint: '{url}', {rest}}}]")
    told = settings.RunwaySettings.model_construct(accounts_file=file, runway_card_file=None)
    async with runway.RunwayProvider(told, own) as made:
        yield made
    own.telemetry.shutdown()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNWAY_KEY", KEY)


async def submitted(provider: runway.RunwayProvider, task: model.Task = TASK) -> model.Job:
    accepted = await provider.submit(task, open_gate())
    assert isinstance(accepted, model.Accepted), accepted
    return model.Job(task.attempt_id, task.account_id, task.model, accepted.job_id)


async def state_of(provider: runway.RunwayProvider, job: model.Job) -> model.JobState:
    (seen,) = await provider.poll(job.account_id, [job])
    return seen.state


async def until(
    provider: runway.RunwayProvider, job: model.Job, wanted: Callable[[model.JobState], bool]
) -> model.JobState:
    async with asyncio.timeout(LONGEST_WAIT_SECONDS):
        while not wanted(state := await state_of(provider, job)):
            await clock.SystemClock().sleep(0.02)
    return state


def with_prompt(prompt: str) -> model.Task:
    return dataclasses.replace(TASK, prompt=prompt)


# --- a simulated Runway


@pytest.fixture
async def served() -> AsyncIterator[serving.Served]:
    async with vendors.selling(dialect.Runway) as found:
        yield found


@pytest.fixture
async def provider(served: serving.Served, tmp_path: pathlib.Path) -> AsyncIterator[runway.RunwayProvider]:
    async with provider_at(served.url, tmp_path) as made:
        yield made


def billed(seller: vendor.Vendor) -> int:
    return sum(line.billed_micros for line in seller.ledger.lines(seller.now))


async def test_what_runway_is_asked_is_what_the_task_says(served, provider) -> None:
    await submitted(provider)
    (create,) = served.vendor.ledger.creates()
    (job,) = served.vendor.ledger.all_jobs()
    assert (create.account, create.model, create.seed) == (KEY, "gen4.5", TASK.seed)
    assert (job.order.seconds, job.order.width, job.order.height) == (2.0, 1280, 720)


@pytest.mark.parametrize("sound", [True, False])
async def test_sound_costs_what_was_asked_for(served, provider, sound: bool) -> None:
    task = dataclasses.replace(TASK, model="veo3.1", duration_seconds=4.0, audio=sound)
    job = await submitted(provider, task)
    ended = await until(provider, job, lambda state: isinstance(state, model.Succeeded))
    assert ended == model.Succeeded(1_600_000 if sound else 800_000)


@pytest.mark.parametrize("picture", [SMALL, LARGE])
async def test_pictures_of_any_size_are_started_from(served, provider, picture: model.Picture) -> None:
    task = dataclasses.replace(TASK, model="gen4_turbo", first_frame=picture, width=960, height=960)
    await until(provider, await submitted(provider, task), lambda state: isinstance(state, model.Succeeded))
    assert len(served.vendor.ledger.creates()) == 1


@pytest.mark.parametrize("marker", ["[[accept-500]]", "[[accept-502]]", "[[accept-busy]]", "[[accept-garbage]]"])
async def test_an_answer_that_says_nothing_is_unknown_and_one_request_was_sent(served, provider, marker: str) -> None:
    answer = await provider.submit(with_prompt(f"a cat {marker}"), open_gate())
    assert isinstance(answer, model.Declined)
    assert answer.verdict is model.Verdict.UNKNOWN
    assert len(served.vendor.ledger.creates()) == len(served.vendor.ledger.all_jobs()) == 1


@pytest.mark.parametrize(
    ("marker", "outcome"),
    [
        ("[[fail]]", model.Outcome.FAILED),
        ("[[fail=1]]", model.Outcome.FILTERED),
        ("[[fail=2]]", model.Outcome.FILTERED),
        ("[[fail=3]]", model.Outcome.FAILED),
        ("[[fail-inside]]", model.Outcome.FAILED),
        ("[[filter]]", model.Outcome.FILTERED),
        ("[[empty]]", model.Outcome.FAILED),
    ],
)
async def test_a_failure_costs_what_runway_keeps(served, provider, marker: str, outcome: model.Outcome) -> None:
    job = await submitted(provider, with_prompt(f"a cat {marker}"))
    state = await until(provider, job, lambda state: isinstance(state, model.Negative))
    assert isinstance(state, model.Negative)
    assert (state.outcome, state.cost_micros) == (outcome, billed(served.vendor))
    assert "SAFETY" not in state.message


async def test_what_is_stopped_while_it_runs_is_paid(served, provider) -> None:
    job = await submitted(provider, with_prompt("a cat [[stall]]"))
    await until(provider, job, lambda state: isinstance(state, model.Pending) and state.activity != "queued")
    await provider.cancel(job)
    state = await state_of(provider, job)
    assert isinstance(state, model.Negative)
    assert (state.outcome, state.cost_micros) == (model.Outcome.CANCELLED, PRICE_MICROS)
    assert billed(served.vendor) == PRICE_MICROS


async def test_what_is_stopped_while_it_waits_is_not(served, provider) -> None:
    job = await submitted(provider, with_prompt("a cat [[queue=3600]]"))
    await provider.cancel(job)
    state = await state_of(provider, job)
    assert isinstance(state, model.Negative)
    assert (state.outcome, state.cost_micros) == (model.Outcome.CANCELLED, 0)
    assert billed(served.vendor) == 0


async def test_a_stop_that_cannot_be_asked_for_is_asked_for_again(served, provider) -> None:
    job = await submitted(provider, with_prompt("a cat [[stall]] [[poll-500:1]]"))
    with pytest.raises(errors.Unreachable):
        await provider.cancel(job)
    await provider.cancel(job)
    assert isinstance(await state_of(provider, job), model.Negative)


async def test_a_task_that_somebody_else_deleted_is_missing(served, provider) -> None:
    job = await submitted(provider)
    served.vendor.delete(KEY, job.job_id)
    assert isinstance(await state_of(provider, job), model.Missing)


async def test_an_address_that_has_expired_is_asked_for_anew(tmp_path: pathlib.Path) -> None:
    async with (
        vendors.selling(dialect.Runway) as served,
        provider_at(served.url, tmp_path) as provider,
    ):
        job = await submitted(provider, with_prompt("a cat [[expired:1]]"))
        await until(provider, job, lambda state: isinstance(state, model.Succeeded))
        with pytest.raises(downloads.Expired):
            async with provider.fetch(job):
                pass
        async with provider.fetch(job) as download:
            clip = b"".join([chunk async for chunk in download.chunks])
        assert clip[4:8] == b"ftyp"


async def fetched(provider: runway.RunwayProvider, job: model.Job) -> bytes:
    async with provider.fetch(job) as download:
        return b"".join([chunk async for chunk in download.chunks])


async def test_where_nothing_lies_time_and_again_the_clip_is_lost(provider) -> None:
    job = await submitted(provider, with_prompt("a cat [[lost]]"))
    await until(provider, job, lambda state: isinstance(state, model.Succeeded))
    for _ in range(runway.TRIES_OF_WHAT_IS_NOT_THERE - 1):
        with pytest.raises(downloads.NotThere):
            await fetched(provider, job)
    with pytest.raises(errors.FetchLost):
        await fetched(provider, job)


async def test_what_was_not_there_for_a_while_is_not_lost(provider) -> None:
    times = runway.TRIES_OF_WHAT_IS_NOT_THERE - 1
    job = await submitted(provider, with_prompt(f"a cat [[lost:{times}]]"))
    await until(provider, job, lambda state: isinstance(state, model.Succeeded))
    for _ in range(times):
        with pytest.raises(downloads.NotThere):
            await fetched(provider, job)
    assert (await fetched(provider, job))[4:8] == b"ftyp"


async def test_an_address_that_has_expired_is_never_a_loss(provider) -> None:
    job = await submitted(provider, with_prompt("a cat [[expired]]"))
    await until(provider, job, lambda state: isinstance(state, model.Succeeded))
    for _ in range(runway.TRIES_OF_WHAT_IS_NOT_THERE + 1):
        with pytest.raises(downloads.Expired):
            await fetched(provider, job)


async def test_the_cap_of_a_day_is_no_reason_to_wait_for_a_day(tmp_path: pathlib.Path) -> None:
    async with (
        vendors.selling(lambda seller: dialect.Runway(seller, daily_cap=1)) as served,
        provider_at(served.url, tmp_path) as provider,
    ):
        await submitted(provider)
        answer = await provider.submit(TASK, open_gate())
        assert isinstance(answer, model.Declined)
        assert answer.verdict is model.Verdict.REFUSED


async def test_what_is_above_the_tier_waits_there(tmp_path: pathlib.Path) -> None:
    pace = orders.Pace(queue_seconds=0.0, render_seconds=0.1)
    async with (
        vendors.selling(dialect.Runway, pace=pace) as served,
        provider_at(served.url, tmp_path) as provider,
    ):
        served.vendor.ledger.slots = 1
        busy, waiting = [await submitted(provider, with_prompt("a cat [[stall]]")) for _ in range(2)]
        await until(provider, busy, lambda state: isinstance(state, model.Pending) and state.activity != "queued")
        assert await state_of(provider, waiting) == model.Pending(0, "queued")


async def test_without_a_key_nothing_is_asked(served: serving.Served, tmp_path: pathlib.Path) -> None:
    async with provider_at(served.url, tmp_path, rest="slots: 1") as provider:
        own = open_gate()
        answer = await provider.submit(TASK, own)
    assert isinstance(answer, model.Declined)
    assert (answer.verdict, own.asked) == (model.Verdict.REFUSED_FOR_GOOD, False)
    assert "names no secret" in answer.message


# --- a server that writes down what it is sent


@dataclasses.dataclass
class Scribe:
    """Answers requests by their first line, and keeps all it was sent."""

    url: str = ""
    answers: dict[str, str] = dataclasses.field(default_factory=dict[str, str])
    statuses: dict[str, str] = dataclasses.field(default_factory=dict[str, str])
    heard: list[tuple[str, str, bytes]] = dataclasses.field(default_factory=list[tuple[str, str, bytes]])

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request, write it down and answer it."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next((int(line[15:]) for line in head.splitlines() if line.startswith("content-length:")), 0)
        body = await reader.readexactly(length)
        line = " ".join(head.split(" ")[:2])
        self.heard.append((line, head, body))
        text = self.answers.get(line, "").encode()
        status = self.statuses.get(line, "200 OK")
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(text)}\r\nconnection: close\r\n\r\n".encode() + text)
        await writer.drain()
        writer.close()

    @property
    def lines(self) -> list[str]:
        """What was asked, in order."""
        return [line for line, *_ in self.heard]

    def head(self, line: str) -> str:
        """Return the head of the one request with this line."""
        (found,) = [head for one, head, _ in self.heard if one == line]
        return found


@pytest.fixture
async def scribe() -> AsyncIterator[Scribe]:
    made = Scribe()
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield made


@pytest.fixture
async def told_all(scribe: Scribe, tmp_path: pathlib.Path) -> AsyncIterator[runway.RunwayProvider]:
    async with provider_at(scribe.url, tmp_path) as made:
        yield made


UPLOADS, BUCKET, CREATE = "post /v1/uploads", "post /bucket", "post /v1/image_to_video"


def uploading(scribe: Scribe, bucket: str) -> None:
    told = {"uploadUrl": bucket, "fields": {"key": "ephemeral/1", "policy": "p"}, "runwayUri": "runway://1"}
    scribe.answers |= {UPLOADS: json.dumps(told), CREATE: '{"id": "17f2"}'}


async def test_a_large_picture_is_sent_before_without_the_key_its_fields_first(scribe, told_all) -> None:
    uploading(scribe, f"{scribe.url}/bucket")
    own = open_gate()
    await told_all.submit(dataclasses.replace(TASK, first_frame=LARGE), own)
    assert scribe.lines == [UPLOADS, BUCKET, CREATE]
    for line in (UPLOADS, CREATE):
        assert f"authorization: bearer {KEY}" in scribe.head(line)
        assert "x-runway-version: 2024-11-06" in scribe.head(line)
    assert "authorization" not in scribe.head(BUCKET)
    (form,) = [body for line, _, body in scribe.heard if line == BUCKET]
    assert form.index(b'name="key"') < form.index(b'name="policy"') < form.index(b'name="file"')
    (create,) = [json.loads(body) for line, _, body in scribe.heard if line == CREATE]
    assert create["promptImage"] == "runway://1"


async def test_a_picture_goes_nowhere_else_without_tls(scribe, told_all) -> None:
    uploading(scribe, f"{scribe.url.replace('127.0.0.1', 'localhost')}/bucket")
    own = open_gate()
    with pytest.raises(errors.Unreachable, match="where a picture goes"):
        await told_all.submit(dataclasses.replace(TASK, first_frame=LARGE), own)
    assert (scribe.lines, own.asked) == ([UPLOADS], False)


@pytest.mark.parametrize(("line", "status"), [(UPLOADS, "401 No"), (BUCKET, "403 No"), (BUCKET, "413 No")])
async def test_a_picture_that_is_refused_is_refused_for_good(scribe, told_all, line: str, status: str) -> None:
    uploading(scribe, f"{scribe.url}/bucket")
    scribe.statuses[line] = status
    answer = await told_all.submit(dataclasses.replace(TASK, first_frame=LARGE), open_gate())
    assert isinstance(answer, model.Declined)
    assert answer.verdict is model.Verdict.REFUSED_FOR_GOOD
    assert CREATE not in scribe.lines


@pytest.mark.parametrize("line", [UPLOADS, BUCKET])
async def test_a_picture_that_does_not_get_through_is_tried_later(scribe, told_all, line: str) -> None:
    uploading(scribe, f"{scribe.url}/bucket")
    scribe.statuses[line] = "503 Later"
    own = open_gate()
    with pytest.raises(errors.Unreachable):
        await told_all.submit(dataclasses.replace(TASK, first_frame=LARGE), own)
    assert (CREATE in scribe.lines, own.asked) == (False, False)


@pytest.mark.parametrize("status", ["307 Elsewhere", "429 Busy", "500 No", "502 No", "503 No", "504 No"])
async def test_one_create_leaves_whatever_is_answered(scribe, told_all, status: str) -> None:
    line = "post /v1/text_to_video"
    scribe.statuses[line] = f"{status}\r\nlocation: {scribe.url}/v1/text_to_video"
    await told_all.submit(TASK, open_gate())
    assert scribe.lines == [line]


async def test_the_key_does_not_go_to_where_the_clip_lies(scribe, told_all) -> None:
    done = {"id": "17f2", "status": "SUCCEEDED", "output": [f"{scribe.url}/clip.mp4?_jwt=x"]}
    scribe.answers |= {"get /v1/tasks/17f2": json.dumps(done), "get /clip.mp4?_jwt=x": "bytes"}
    async with told_all.fetch(model.Job("a", "one", "gen4.5", "17f2")) as download:
        assert b"".join([chunk async for chunk in download.chunks]) == b"bytes"
    assert f"authorization: bearer {KEY}" in scribe.head("get /v1/tasks/17f2")
    assert "authorization" not in scribe.head("get /clip.mp4?_jwt=x")


async def test_a_clip_is_not_fetched_from_within_our_network(scribe, told_all) -> None:
    elsewhere = scribe.url.replace("127.0.0.1", "localhost")
    done = {"id": "17f2", "status": "SUCCEEDED", "output": [f"{elsewhere}/clip.mp4"]}
    scribe.answers["get /v1/tasks/17f2"] = json.dumps(done)
    with pytest.raises(downloads.Refused):
        async with told_all.fetch(model.Job("a", "one", "gen4.5", "17f2")):
            pass
    assert scribe.lines == ["get /v1/tasks/17f2"]


async def test_a_task_that_has_no_clip_yet_is_fetched_later(scribe, told_all) -> None:
    scribe.answers["get /v1/tasks/17f2"] = '{"id": "17f2", "status": "RUNNING"}'
    with pytest.raises(errors.FetchFailed):
        async with told_all.fetch(model.Job("a", "one", "gen4.5", "17f2")):
            pass


async def test_an_id_is_one_part_of_an_address(scribe, told_all) -> None:
    await state_of(told_all, model.Job("a", "one", "gen4.5", "../organization?x=1"))
    assert scribe.lines == ["get /v1/tasks/..%2forganization%3fx%3d1"]
