"""Google's own SDK, unmodified, against Veo on Vertex and Gemini Omni."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import google.auth.credentials
import httpx
import pytest
from google import genai
from google.genai import _interactions, errors, types
from PIL import Image
from reelmesh_kit import clock
from reelmesh_simulators import catalogue, serving
from reelmesh_simulators.dialects import omni, veo

from tests.support import vendors

LONGEST_WAIT_SECONDS = 60.0
VEO = "veo-3.1-generate-001"
OMNI = "gemini-omni-1.2-flash"
SHORT = {"type": "video", "duration": "3s", "resolution": "360p"}


class Token(google.auth.credentials.Credentials):
    """Credentials that need nobody: a fixed token."""

    def __init__(self) -> None:
        super().__init__()
        self.token = "token-1"

    def refresh(self, request: object) -> None:
        """Stay as it is."""


@pytest.fixture
async def vertex() -> AsyncIterator[serving.Served]:
    async with vendors.selling(catalogue.DIALECTS["veo"]) as found:
        yield found


@pytest.fixture
async def gemini() -> AsyncIterator[serving.Served]:
    async with vendors.selling(catalogue.DIALECTS["omni"]) as found:
        yield found


@pytest.fixture
async def veo_client(vertex: serving.Served) -> AsyncIterator[Any]:
    async with veo_client_of(vertex) as client:
        yield client


@pytest.fixture
async def omni_client(gemini: serving.Served) -> AsyncIterator[Any]:
    async with omni_client_of(gemini) as client:
        yield client


def veo_client_of(found: serving.Served, *, attempts: int | None = None) -> Any:
    retries = types.HttpRetryOptions(attempts=attempts) if attempts else None
    options = types.HttpOptions(base_url=found.url, retry_options=retries)
    return genai.Client(
        vertexai=True, project="p", location="us-central1", credentials=Token(), http_options=options
    ).aio


def omni_client_of(found: serving.Served, *, attempts: int = 1, key: str = "key-1") -> Any:
    retries = types.HttpRetryOptions(attempts=attempts, initial_delay=0.01, max_delay=0.01)
    options = types.HttpOptions(base_url=found.url, retry_options=retries)
    return genai.Client(api_key=key, http_options=options).aio


async def until(look: Callable[[], Awaitable[Any]], good: Callable[[Any], bool]) -> Any:
    async with asyncio.timeout(LONGEST_WAIT_SECONDS):
        while not good(found := await look()):
            await clock.SystemClock().sleep(0.02)
        return found


async def ordered(client: Any, prompt: str = "a cat", **config: Any) -> types.GenerateVideosOperation:
    return await client.models.generate_videos(
        model=VEO,
        source=types.GenerateVideosSource(prompt=prompt),
        config=types.GenerateVideosConfig(**{"duration_seconds": 4, **config}),
    )


async def made(client: Any, prompt: str = "a cat", **config: Any) -> types.GenerateVideosOperation:
    name = (await ordered(client, prompt, **config)).name
    # By its name alone, as who comes back after a crash.
    return await until(
        lambda: client.operations.get(types.GenerateVideosOperation(name=name)), lambda operation: bool(operation.done)
    )


async def finished(client: Any, prompt: str = "a cat", **told: Any) -> Any:
    started = await client.interactions.create(
        model=OMNI, input=prompt, background=True, **{"response_format": SHORT, **told}
    )
    return await until(
        lambda: client.interactions.get(started.id), lambda found: found.status not in ("queued", "in_progress")
    )


def billed(found: serving.Served) -> int:
    return sum(line.billed_micros for line in found.vendor.ledger.lines(found.vendor.now))


# --- Veo


async def test_veo_is_created_polled_and_comes_inline(vertex: serving.Served, veo_client: Any) -> None:
    operation = await made(veo_client, seed=7, labels={"job": "a-1"})
    (video,) = operation.response.generated_videos
    assert video.video.video_bytes[4:8] == b"ftyp"
    assert operation.response.rai_media_filtered_count == 0
    (job,) = vertex.vendor.ledger.all_jobs()
    assert (job.order.seed, dict(job.order.labels), job.account) == (7, {"job": "a-1"}, "p")
    assert billed(vertex) == 4 * 400_000


async def test_veo_says_nothing_of_progress(veo_client: Any) -> None:
    operation = await ordered(veo_client, "a cat [[stall]]")
    found = await veo_client.operations.get(operation)
    assert (found.done, found.metadata, found.response) == (None, None, None)


async def test_veo_puts_clips_where_it_is_told(vertex: serving.Served, veo_client: Any) -> None:
    operation = await made(veo_client, output_gcs_uri="gs://films/attempt-1/", number_of_videos=2)
    uris = [video.video.uri for video in operation.response.generated_videos]
    assert all(uri.startswith("gs://films/attempt-1/") for uri in uris)
    assert billed(vertex) == 2 * 4 * 400_000
    headers = {"authorization": "Bearer token-1"}
    async with httpx.AsyncClient(base_url=vertex.url, headers=headers) as storage:
        listed = (await storage.get("/storage/v1/b/films/o", params={"prefix": "attempt-1/"})).json()
        assert [f"gs://films/{item['name']}" for item in listed["items"]] == sorted(uris)
        contents = [(await storage.get(item["mediaLink"])).content for item in listed["items"]]
    assert [len(content) for content in contents] == [int(item["size"]) for item in listed["items"]]
    assert contents[0] != contents[1]


async def test_a_picture_goes_with_a_veo_order(veo_client: Any) -> None:
    file = io.BytesIO()
    Image.new("RGB", (64, 36)).save(file, "PNG")
    picture = types.Image(image_bytes=file.getvalue(), mime_type="image/png")
    source = types.GenerateVideosSource(prompt="a cat", image=picture)
    operation = await veo_client.models.generate_videos(
        model=VEO, source=source, config=types.GenerateVideosConfig(duration_seconds=4, last_frame=picture)
    )
    assert operation.name
    reference = types.VideoGenerationReferenceImage(
        image=picture, reference_type=types.VideoGenerationReferenceType.ASSET
    )
    assert (await ordered(veo_client, duration_seconds=8, reference_images=[reference])).name
    with pytest.raises(errors.ClientError, match="must be 8"):
        await ordered(veo_client, reference_images=[reference])


async def test_what_veo_withholds_is_counted_and_not_billed(vertex: serving.Served, veo_client: Any) -> None:
    operation = await made(veo_client, "a cat [[filter]]", number_of_videos=2)
    assert operation.error is None
    assert operation.response.generated_videos is None
    assert operation.response.rai_media_filtered_count == 2
    assert "usage guidelines" in operation.response.rai_media_filtered_reasons[0]
    assert billed(vertex) == 0
    operation = await made(veo_client, "a dog [[filter=1]]", number_of_videos=4)
    assert len(operation.response.generated_videos) == 3
    assert operation.response.rai_media_filtered_count == 1
    assert billed(vertex) == 3 * 4 * 400_000


async def test_a_veo_operation_may_end_well_with_nothing(veo_client: Any) -> None:
    operation = await made(veo_client, "a cat [[empty]]")
    assert (operation.response.generated_videos, operation.response.rai_media_filtered_count) == (None, 0)


@pytest.mark.parametrize(
    ("marker", "code", "words"),
    [
        ("fail", 3, "could not be processed"),
        ("fail=3", 3, "usage guidelines"),
        ("fail-inside=8", 8, "capacity"),
        ("fail-inside", 13, "internal error"),
    ],
)
async def test_a_veo_operation_fails_by_a_code(
    vertex: serving.Served, veo_client: Any, marker: str, code: int, words: str
) -> None:
    operation = await made(veo_client, f"a cat [[{marker}]]")
    assert operation.error["code"] == code
    assert words in operation.error["message"]
    assert operation.response is None
    assert billed(vertex) == 0


@pytest.mark.parametrize(
    ("marker", "kind", "code", "status"),
    [
        ("unauthorized", errors.ClientError, 401, "UNAUTHENTICATED"),
        ("retired", errors.ClientError, 404, "NOT_FOUND"),
        ("quota", errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
        ("busy=3", errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
        ("refuse", errors.ClientError, 400, "INVALID_ARGUMENT"),
        ("unsafe", errors.ClientError, 400, "INVALID_ARGUMENT"),
        ("overloaded", errors.ServerError, 503, "UNAVAILABLE"),
        ("accept-500", errors.ServerError, 500, "INTERNAL"),
    ],
)
async def test_veo_refuses_in_googles_words(
    vertex: serving.Served, veo_client: Any, marker: str, kind: type[errors.APIError], code: int, status: str
) -> None:
    with pytest.raises(kind) as raised:
        await ordered(veo_client, f"a cat [[{marker}]]")
    assert (raised.value.code, raised.value.status) == (code, status)
    (line,) = vertex.vendor.ledger.lines(vertex.vendor.now)
    # This one method of the SDK repeats nothing.
    assert (line.creates, len(line.job_ids)) == (1, int(marker.startswith("accept")))


async def test_a_retired_veo_is_not_found() -> None:
    async with (
        vendors.selling(lambda seller: veo.Veo(seller, models=())) as found,
        veo_client_of(found) as client,
    ):
        with pytest.raises(errors.ClientError, match="was not found") as raised:
            await ordered(client)
        assert raised.value.code == 404
        assert found.vendor.ledger.creates() == []


# --- Omni


async def test_omni_makes_a_video_in_the_background(gemini: serving.Served, omni_client: Any) -> None:
    found = await finished(omni_client, labels={"job": "a-1"}, generation_config={"seed": 7})
    assert (found.status, found.labels) == ("completed", {"job": "a-1"})
    # It comes inline on a later look, whatever was asked for.
    assert found.output_video.mime_type == "video/mp4"
    assert found.output_video.uri is None
    assert found.output_video.data
    (job,) = gemini.vendor.ledger.all_jobs()
    assert (job.order.seed, dict(job.order.labels)) == (7, {"job": "a-1"})
    assert billed(gemini) == 3 * 23_000
    assert found.usage.total_output_tokens > 0


async def test_omni_makes_a_video_at_once_as_a_file(omni_client: Any) -> None:
    found = await omni_client.interactions.create(
        model=OMNI, input="a cat", response_format={**SHORT, "delivery": "uri"}
    )
    assert (found.status, found.output_video.data) == ("completed", None)
    name = "files/" + found.output_video.uri.partition("/files/")[2].partition(":")[0]
    states: list[types.FileState] = []

    async def look() -> types.File:
        file = await omni_client.files.get(name=name)
        states.append(file.state)
        return file

    file = await until(look, lambda file: file.state == types.FileState.ACTIVE)
    assert (file.source, file.mime_type) == ("GENERATED", "video/mp4")
    content = await omni_client.files.download(file=file)
    assert content[4:8] == b"ftyp"
    assert len(content) == file.size_bytes


async def test_a_file_is_not_handed_out_while_it_is_processed() -> None:
    async with (
        vendors.selling(lambda seller: omni.Omni(seller, processing_seconds=3600.0)) as found,
        omni_client_of(found) as client,
    ):
        made = await client.interactions.create(model=OMNI, input="a cat", response_format={**SHORT, "delivery": "uri"})
        name = "files/" + made.output_video.uri.partition("/files/")[2].partition(":")[0]
        assert (await client.files.get(name=name)).state == types.FileState.PROCESSING
        with pytest.raises(errors.ClientError, match="not in an ACTIVE state"):
            await client.files.download(file=name)


async def test_a_clip_that_is_too_large_for_an_answer_comes_as_a_file() -> None:
    async with (
        vendors.selling(lambda seller: omni.Omni(seller, inline_limit_bytes=1000)) as found,
        omni_client_of(found) as client,
    ):
        made = await finished(client)
    assert made.output_video.data is None
    assert "/files/" in made.output_video.uri


@pytest.mark.parametrize("marker", ["filter", "empty"])
async def test_an_interaction_completes_without_a_video(omni_client: Any, marker: str) -> None:
    found = await finished(omni_client, f"a cat [[{marker}]]")
    assert (found.status, found.output_video, found.errors) == ("completed", None, [])


@pytest.mark.parametrize(("marker", "code"), [("fail", "invalid_request"), ("fail-inside", "internal")])
async def test_an_interaction_fails_by_a_word(gemini: serving.Served, omni_client: Any, marker: str, code: str) -> None:
    found = await finished(omni_client, f"a cat [[{marker}]]")
    assert (found.status, found.errors[0].code) == ("failed", code)
    assert billed(gemini) == 0


async def test_an_interaction_is_cancelled_and_deleted(gemini: serving.Served, omni_client: Any) -> None:
    started = await omni_client.interactions.create(model=OMNI, input="a cat [[queue=600]]", background=True)
    assert started.status == "queued"
    assert (await omni_client.interactions.cancel(started.id)).status == "cancelled"
    assert (await omni_client.interactions.get(started.id)).status == "cancelled"
    assert billed(gemini) == 0
    await omni_client.interactions.delete(started.id)
    with pytest.raises(_interactions.NotFoundError, match="not_found"):
        await omni_client.interactions.get(started.id)


async def test_a_video_is_edited_by_the_interaction_that_made_it(omni_client: Any) -> None:
    first = await finished(omni_client)
    config = {"video_config": {"task": "edit"}}
    second = await finished(omni_client, "at night", previous_interaction_id=first.id, generation_config=config)
    assert (second.status, second.previous_interaction_id) == ("completed", first.id)


@pytest.mark.parametrize(
    ("marker", "kind", "code"),
    [
        ("unauthorized", _interactions.AuthenticationError, "authentication"),
        ("retired", _interactions.NotFoundError, "model_not_found"),
        ("quota", _interactions.APIStatusError, "payment_required"),
        ("busy=3", _interactions.RateLimitError, "rate_limit_exceeded"),
        ("refuse", _interactions.BadRequestError, "invalid_request"),
        ("unsafe", _interactions.BadRequestError, "invalid_request"),
        ("overloaded", _interactions.InternalServerError, "unavailable"),
        ("accept-500", _interactions.InternalServerError, "internal"),
    ],
)
async def test_omni_refuses_in_words(
    gemini: serving.Served, omni_client: Any, marker: str, kind: type[Exception], code: str
) -> None:
    with pytest.raises(kind, match=f"'code': '{code}'"):
        await omni_client.interactions.create(model=OMNI, input=f"a cat [[{marker}]]", background=True)
    (line,) = gemini.vendor.ledger.lines(gemini.vendor.now)
    assert (line.creates, len(line.job_ids)) == (1, int(marker.startswith("accept")))


async def test_the_sdk_pays_five_times_for_an_interaction_whose_answer_is_lost(gemini: serving.Served) -> None:
    async with omni_client_of(gemini, attempts=5) as client:
        with pytest.raises(_interactions.InternalServerError):
            await client.interactions.create(model=OMNI, input="a cat [[accept-500]]", background=True)
    (line,) = gemini.vendor.ledger.lines(gemini.vendor.now)
    assert (line.creates, len(line.job_ids)) == (5, 5)


async def test_omni_on_vertex_puts_clips_where_it_is_told(gemini: serving.Served) -> None:
    form = {**SHORT, "delivery": "uri", "gcs_uri": "gs://films/attempt-1/"}
    async with veo_client_of(gemini, attempts=1) as client:
        found = await finished(client, response_format=form)
        assert found.output_video.uri.startswith("gs://films/attempt-1/")
        # Without a place it comes inline, however large it is.
        assert (await finished(client)).output_video.data
        lost = {**form, "gcs_uri": "gs://films/attempt-2/"}
        with pytest.raises(_interactions.InternalServerError):
            await finished(client, "a dog [[accept-500]]", response_format=lost)
    headers = {"authorization": "Bearer token-1"}
    async with httpx.AsyncClient(base_url=gemini.url, headers=headers) as storage:

        async def look() -> Any:
            return (await storage.get("/storage/v1/b/films/o", params={"prefix": "attempt-2/"})).json()

        (item,) = (await until(look, lambda page: "items" in page))["items"]
        assert (await storage.get(item["mediaLink"])).content[4:8] == b"ftyp"
    assert {job.account for job in gemini.vendor.ledger.all_jobs()} == {"projects/p"}


async def test_a_retired_omni_is_not_found(omni_client: Any) -> None:
    with pytest.raises(_interactions.NotFoundError, match="model_not_found"):
        await omni_client.interactions.create(model="gemini-omni-flash-preview", input="a cat", background=True)


async def test_callers_see_their_own_interactions_and_files_alone(gemini: serving.Served, omni_client: Any) -> None:
    found = await finished(omni_client)
    async with omni_client_of(gemini, key="key-2") as stranger:
        with pytest.raises(_interactions.NotFoundError):
            await stranger.interactions.get(found.id)
        with pytest.raises(errors.ClientError, match="do not have permission"):
            await stranger.files.get(name=f"files/{found.id.removeprefix('v1_')}")
