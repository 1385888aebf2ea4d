"""OpenAI's own SDK, unmodified, against every server that speaks its Videos dialect."""

import asyncio
import io
from collections.abc import AsyncIterator

import httpx
import openai
import pytest
from PIL import Image
from reelmesh_kit import clock
from reelmesh_simulators import catalogue, clips, serving

from tests.support import vendors

LONGEST_WAIT_SECONDS = 60.0


@pytest.fixture(params=["openai", "litellm", "sglang", "vllm-omni"])
async def served(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, serving.Served]]:
    async with vendors.selling(catalogue.DIALECTS[request.param]) as found:
        yield request.param, found


@pytest.fixture
async def original() -> AsyncIterator[serving.Served]:
    async with vendors.selling(catalogue.DIALECTS["openai"]) as found:
        yield found


def client_of(found: serving.Served, *, retries: int = 0) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{found.url}/v1", api_key="key-1", max_retries=retries)


async def made(client: openai.AsyncOpenAI, prompt: str = "a cat") -> openai.types.Video:
    async with asyncio.timeout(LONGEST_WAIT_SECONDS):
        video = await client.videos.create(prompt=prompt)
        while video.status not in ("completed", "failed"):
            await clock.SystemClock().sleep(0.02)
            video = await client.videos.retrieve(video.id)
        return video


async def test_a_video_is_created_polled_and_downloaded(served: tuple[str, serving.Served]) -> None:
    name, found = served
    async with client_of(found) as client:
        video = await made(client)
        assert (video.status, video.object) == ("completed", "video")
        content = (await client.videos.download_content(video.id)).read()
    assert content[4:8] == b"ftyp"
    (line,) = found.vendor.ledger.lines(found.vendor.now)
    assert (line.request, line.creates, len(line.job_ids)) == ("a cat", 1, 1)
    assert (line.billed_micros > 0) == (name in ("openai", "litellm"))


async def test_a_list_goes_on_from_page_to_page(served: tuple[str, serving.Served]) -> None:
    _, found = served
    async with client_of(found) as client:
        created = [(await client.videos.create(prompt=f"cat {number}")).id for number in range(5)]
        listed = [video.id async for video in client.videos.list(limit=2, order="asc")]
        assert listed == created
        newest = await client.videos.list(limit=1)
        assert [video.id for video in newest.data] == created[-1:]


async def test_the_whole_life_of_a_video_at_the_original(original: serving.Served) -> None:
    async with client_of(original) as client:
        video = await client.videos.create_and_poll(
            prompt="a cat", model="sora-2-pro", seconds="8", size="1792x1024", poll_interval_ms=20
        )
        assert (video.model, video.seconds, video.size, video.progress) == ("sora-2-pro", "8", "1792x1024", 100)
        thumbnail = (await client.videos.download_content(video.id, variant="thumbnail")).read()
        assert Image.open(io.BytesIO(thumbnail)).size == (1792, 1024)
        remixed = await client.videos.remix(video.id, prompt="a dog")
        assert remixed.remixed_from_video_id == video.id
        deleted = await client.videos.delete(video.id)
        assert deleted.deleted
        with pytest.raises(openai.NotFoundError):
            await client.videos.retrieve(video.id)


async def test_a_picture_has_the_size_of_the_video(original: serving.Served) -> None:
    def picture(width: int, height: int) -> tuple[str, bytes, str]:
        file = io.BytesIO()
        Image.new("RGB", (width, height)).save(file, "PNG")
        return ("picture.png", file.getvalue(), "image/png")

    async with client_of(original) as client:
        await client.videos.create(prompt="a cat", size="1280x720", input_reference=picture(1280, 720))
        with pytest.raises(openai.BadRequestError, match="Inpaint image must match"):
            await client.videos.create(prompt="a cat", size="1280x720", input_reference=picture(720, 720))


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "prompt"),
        ({"prompt": "x", "seconds": 4}, 400, "seconds"),
        ({"prompt": "x", "seconds": "5"}, 400, "seconds"),
        ({"prompt": "x", "size": "640x480"}, 400, "size"),
        ({"prompt": "x", "model": "sora-9"}, 404, "model"),
        ({"prompt": "x", "input_reference": "picture.png"}, 400, "input_reference"),
        ({"prompt": "x", "input_reference": {"image_url": "https://a/b.png", "file_id": "f"}}, 400, "input_reference"),
    ],
)
async def test_what_is_wrong_is_refused_by_its_field(
    original: serving.Served, body: dict[str, object], status: int, param: str
) -> None:
    async with httpx.AsyncClient(base_url=original.url, headers={"authorization": "Bearer key-1"}) as client:
        answer = await client.post("/v1/videos", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)


async def test_the_sdk_pays_three_times_for_an_answer_that_is_lost(original: serving.Served) -> None:
    async with client_of(original, retries=2) as client:
        with pytest.raises(openai.InternalServerError):
            await client.videos.create(prompt="a cat [[accept-500]]")
    (line,) = original.vendor.ledger.lines(original.vendor.now)
    assert (line.creates, len(line.job_ids)) == (3, 3)
    assert [create.repeats for create in original.vendor.ledger.creates()] == [0, 1, 2]


@pytest.mark.parametrize(
    ("marker", "error", "paid"),
    [
        ("vanish", openai.APIConnectionError, 0),
        ("proxy-error", openai.InternalServerError, 0),
        ("server-error", openai.InternalServerError, 0),
        ("unauthorized", openai.AuthenticationError, 0),
        ("retired", openai.NotFoundError, 0),
        ("quota", openai.RateLimitError, 0),
        ("busy=3", openai.RateLimitError, 0),
        ("overloaded", openai.InternalServerError, 0),
        ("refuse", openai.BadRequestError, 0),
        ("unsafe", openai.BadRequestError, 0),
        ("accept-drop", openai.APIConnectionError, 1),
        ("accept-half", openai.APIConnectionError, 1),
        ("accept-500", openai.InternalServerError, 1),
        ("accept-502", openai.InternalServerError, 1),
        ("accept-busy", openai.RateLimitError, 1),
    ],
)
async def test_a_create_goes_wrong_as_asked_and_the_ledger_knows(
    original: serving.Served, marker: str, error: type[Exception], paid: int
) -> None:
    async with client_of(original) as client:
        with pytest.raises(error):
            await client.videos.create(prompt=f"a cat [[{marker}]]")
    (line,) = original.vendor.ledger.lines(original.vendor.now)
    assert (line.creates, len(line.job_ids)) == (1, paid)


@pytest.mark.parametrize(("marker", "code"), [("fail", "video_generation_failed"), ("filter", "moderation_blocked")])
async def test_a_job_fails_as_asked_and_is_not_billed(original: serving.Served, marker: str, code: str) -> None:
    async with client_of(original) as client:
        video = await made(client, f"a cat [[{marker}]]")
    assert video.status == "failed"
    assert video.error is not None
    assert video.error.code == code
    assert original.vendor.ledger.lines(original.vendor.now)[0].billed_micros == 0


async def test_polls_fail_as_often_as_asked(original: serving.Served) -> None:
    async with client_of(original) as client:
        video = await client.videos.create(prompt="a cat [[poll-500:2]] [[poll-drop:1]]")
        errors: list[type[Exception]] = []
        for _ in range(4):
            try:
                await client.videos.retrieve(video.id)
            except openai.APIError as error:
                errors.append(type(error))
    assert errors == [openai.InternalServerError, openai.InternalServerError, openai.APIConnectionError]


async def test_bytes_go_wrong_as_asked(original: serving.Served) -> None:
    async with client_of(original) as client:
        lie = await made(client, "a cat [[no-video]]")
        assert b"server_error" in (await client.videos.download_content(lie.id)).read()
        corrupt = await made(client, "a dog [[corrupt]]")
        content = (await client.videos.download_content(corrupt.id)).read()
        assert content[4:8] == b"ftyp"
        assert content[32:] != clips.clip(720, 1280, 4.0, corrupt.id)[32:]
        half = await made(client, "a cow [[truncate:1]]")
        with pytest.raises(openai.APIConnectionError):
            (await client.videos.download_content(half.id)).read()
        assert (await client.videos.download_content(half.id)).read()[4:8] == b"ftyp"
        lost = await made(client, "a pig [[lost]]")
        with pytest.raises(openai.NotFoundError):
            await client.videos.download_content(lost.id)


async def test_the_retired_api_says_so(original: serving.Served) -> None:
    del original
    async with vendors.selling(catalogue.DIALECTS["openai-retired"]) as found, client_of(found) as client:
        with pytest.raises(openai.NotFoundError, match="shut down"):
            await client.videos.create(prompt="a cat")
    assert found.vendor.asked == {}


async def test_callers_see_their_own_videos_alone(original: serving.Served) -> None:
    async with client_of(original) as client:
        video = await client.videos.create(prompt="a cat")
    async with openai.AsyncOpenAI(base_url=f"{original.url}/v1", api_key="key-2", max_retries=0) as stranger:
        with pytest.raises(openai.NotFoundError):
            await stranger.videos.retrieve(video.id)
        assert [video async for video in stranger.videos.list()] == []
