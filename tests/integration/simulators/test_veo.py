"""Veo on Vertex, request by request: what is refused, what it costs, and what goes wrong."""

import base64
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from PIL import Image
from reelmesh_simulators import catalogue, clips, serving, vendor
from reelmesh_simulators.dialects import veo_request

from tests.support import vendors, vertex
from tests.support.vertex import MODEL, look, made, ordered


def encoded(width: int = 64, height: int = 36) -> str:
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


PICTURE = {"bytesBase64Encoded": encoded(), "mimeType": "image/png"}
STORED = {"gcsUri": "gs://films/cat.png", "mimeType": "image/png"}
FILM = {"gcsUri": "gs://films/cat.mp4", "mimeType": "video/mp4"}
ASSET = {"image": PICTURE, "referenceType": "asset"}


@pytest.fixture
async def found() -> AsyncIterator[serving.Served]:
    async with vendors.selling(catalogue.DIALECTS["veo"]) as served:
        yield served


@pytest.fixture
async def client(found: serving.Served) -> AsyncIterator[httpx.AsyncClient]:
    async with vertex.calling(found) as opened:
        yield opened


@pytest.mark.parametrize(
    ("instance", "parameters", "words"),
    [
        ({"prompt": ""}, {}, "prompt is required"),
        ({"prompt": 7}, {}, "'prompt'"),
        ({}, {"durationSeconds": 5}, "'durationSeconds'"),
        ({}, {"durationSeconds": "8"}, "'durationSeconds'"),
        ({}, {"durationSeconds": 4, "resolution": "1080p"}, "must be 8"),
        ({}, {"durationSeconds": 6, "resolution": "4k"}, "must be 8"),
        ({"referenceImages": [ASSET]}, {"durationSeconds": 4}, "must be 8"),
        ({"video": FILM}, {"durationSeconds": 8}, "'durationSeconds'"),
        ({}, {"resolution": "480p"}, "'resolution'"),
        ({}, {"aspectRatio": "1:1"}, "'aspectRatio'"),
        ({}, {"sampleCount": 0}, "'sampleCount'"),
        ({}, {"sampleCount": 5}, "'sampleCount'"),
        ({}, {"sampleCount": True}, "'sampleCount'"),
        ({}, {"seed": -1}, "'seed'"),
        ({}, {"seed": 2**32}, "'seed'"),
        ({}, {"seed": "7"}, "'seed'"),
        ({}, {"generateAudio": "yes"}, "'generateAudio'"),
        ({}, {"enhancePrompt": 1}, "'enhancePrompt'"),
        ({}, {"personGeneration": "allow_all"}, "'personGeneration'"),
        ({}, {"compressionQuality": "best"}, "'compressionQuality'"),
        ({}, {"resizeMode": "stretch"}, "'resizeMode'"),
        ({}, {"fps": 30}, "'fps'"),
        ({}, {"negativePrompt": 7}, "'negativePrompt'"),
        ({}, {"pubsubTopic": 7}, "'pubsubTopic'"),
        ({}, {"storageUri": "s3://films/a"}, "gs://bucket/prefix"),
        ({}, {"storageUri": "gs://"}, "gs://bucket/prefix"),
        ({}, {"storageUri": 7}, "'storageUri'"),
        ({"image": "cat.png"}, {}, "'image'"),
        ({"image": {}}, {}, "Exactly one of"),
        ({"image": {**PICTURE, **STORED}}, {}, "Exactly one of"),
        ({"image": {**STORED, "gcsUri": "https://a/cat.png"}}, {}, "gs://"),
        ({"image": {**PICTURE, "mimeType": "image/gif"}}, {}, "MIME type"),
        ({"image": {**STORED, "mimeType": "video/mp4"}}, {}, "MIME type"),
        ({"image": {**PICTURE, "bytesBase64Encoded": "%%"}}, {}, "Base64 decoding failed"),
        ({"image": {**PICTURE, "bytesBase64Encoded": 7}}, {}, "expected a string"),
        ({"image": {**PICTURE, "bytesBase64Encoded": "YWJj"}}, {}, "Unable to process input image"),
        ({"lastFrame": PICTURE}, {}, "needs an image"),
        ({"image": PICTURE, "video": FILM}, {"durationSeconds": 7}, "Only one of"),
        ({"video": {**FILM, "mimeType": "video/webm"}}, {"durationSeconds": 7}, "MIME type"),
        ({"referenceImages": ASSET}, {"durationSeconds": 8}, "expected a list"),
        ({"referenceImages": ["cat.png"]}, {"durationSeconds": 8}, "expected an object"),
        ({"referenceImages": [ASSET] * 4}, {"durationSeconds": 8}, "At most 3"),
        ({"referenceImages": [{**ASSET, "referenceType": "style"}]}, {"durationSeconds": 8}, "only asset"),
        ({"referenceImages": [{"referenceType": "asset"}]}, {"durationSeconds": 8}, "Exactly one of"),
        ({"referenceImages": [ASSET], "image": PICTURE}, {"durationSeconds": 8}, "cannot be combined"),
        ({"referenceImages": [ASSET], "lastFrame": PICTURE}, {"durationSeconds": 8}, "cannot be combined"),
    ],
)
async def test_what_is_wrong_is_refused_and_said(
    found: serving.Served, client: httpx.AsyncClient, instance: dict[str, Any], parameters: dict[str, Any], words: str
) -> None:
    answer = await ordered(client, instance, **parameters)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    assert words in error["message"]
    assert found.vendor.ledger.all_jobs() == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "Invalid JSON payload"),
        (b"[]", "root element"),
        (b"{}", "exactly one instance"),
        (b'{"instances": [{"prompt": "a"}, {"prompt": "b"}]}', "exactly one instance"),
        (b'{"instances": ["a cat"]}', "expected an object"),
        (b'{"instances": [{"prompt": "a"}], "parameters": []}', "'parameters'"),
        (b'{"instances": [{"prompt": "a"}], "webhook_config": {}}', 'Unknown name "webhook_config"'),
        (b'{"instances": [{"prompt": "a"}], "labels": {"Job": "a"}}', "label key 'Job'"),
        (b'{"instances": [{"prompt": "a"}], "labels": {"1": "a"}}', "label key '1'"),
        (b'{"instances": [{"prompt": "a"}], "labels": {"job": 1}}', "label 'job'"),
        (b'{"instances": [{"prompt": "a"}], "labels": {"job": "%s"}}' % (b"a" * 64), "label 'job'"),
        (b'{"instances": [{"prompt": "a"}], "labels": ["job"]}', "'labels'"),
    ],
)
async def test_a_body_that_is_none_is_refused(client: httpx.AsyncClient, body: bytes, words: str) -> None:
    answer = await client.post(f"{MODEL}:predictLongRunning", content=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


async def test_more_labels_than_there_may_be_are_refused(client: httpx.AsyncClient) -> None:
    labels = {f"job-{number}": "a" for number in range(65)}
    body = {"instances": [{"prompt": "a cat"}], "labels": labels}
    answer = await client.post(f"{MODEL}:predictLongRunning", json=body)
    assert (answer.status_code, "at most 64" in answer.json()["error"]["message"]) == (400, True)


@pytest.mark.parametrize(
    ("instance", "parameters", "size", "seconds"),
    [
        ({}, {}, (1280, 720), 4),
        ({}, {"durationSeconds": None}, (1280, 720), 8),
        ({}, {"durationSeconds": 8, "resolution": "1080p", "aspectRatio": "9:16"}, (1080, 1920), 8),
        ({}, {"durationSeconds": 8, "resolution": "4k"}, (3840, 2160), 8),
        ({"prompt": "", "image": PICTURE, "lastFrame": STORED}, {}, (1280, 720), 4),
        ({"referenceImages": [ASSET] * 3}, {"durationSeconds": 8}, (1280, 720), 8),
        ({"video": FILM}, {"durationSeconds": 7}, (1280, 720), 7),
        ({"video": FILM}, {"durationSeconds": None}, (1280, 720), 7),
    ],
)
async def test_what_is_right_is_taken(
    found: serving.Served,
    client: httpx.AsyncClient,
    instance: dict[str, Any],
    parameters: dict[str, Any],
    size: tuple[int, int],
    seconds: int,
) -> None:
    assert (await ordered(client, instance, **parameters)).status_code == 200
    (job,) = found.vendor.ledger.all_jobs()
    assert ((job.order.width, job.order.height), job.order.seconds) == (size, seconds)


@pytest.mark.parametrize(
    ("model", "resolution", "clips", "micros"),
    [
        ("veo-3.1-generate-001", "720p", 1, 3_200_000),
        ("veo-3.1-generate-001", "1080p", 2, 6_400_000),
        ("veo-3.1-generate-001", "4k", 1, 4_800_000),
        ("veo-3.1-fast-generate-001", "720p", 1, 800_000),
        ("veo-3.1-fast-generate-001", "1080p", 1, 960_000),
        ("veo-3.1-fast-generate-001", "4k", 1, 2_400_000),
        ("veo-3.1-lite-generate-001", "720p", 1, 400_000),
        ("veo-3.1-lite-generate-001", "1080p", 4, 2_560_000),
    ],
)
def test_eight_seconds_cost_what_they_cost(model: str, resolution: str, clips: int, micros: int) -> None:
    parameters = {"resolution": resolution, "sampleCount": clips}
    order = veo_request.order_of(model, "l", {"instances": [{"prompt": "a"}], "parameters": parameters})
    assert veo_request.price_micros(order) == micros


async def test_lite_makes_no_4k(client: httpx.AsyncClient) -> None:
    body = {"instances": [{"prompt": "a"}], "parameters": {"resolution": "4k"}}
    answer = await client.post(f"{MODEL.replace('generate', 'lite-generate')}:predictLongRunning", json=body)
    assert "'resolution'" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", [f"{MODEL}:predictLongRunning", f"{MODEL}:fetchPredictOperation"])
@pytest.mark.parametrize("authorization", ["", "Basic abc", "Bearer"])
async def test_nobody_without_a_token_is_answered(found: serving.Served, path: str, authorization: str) -> None:
    async with httpx.AsyncClient(base_url=found.url) as stranger:
        answer = await stranger.post(path, json={}, headers={"authorization": authorization})
    assert (answer.status_code, answer.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


async def test_an_operation_is_known_where_it_was_started_alone(client: httpx.AsyncClient) -> None:
    name = (await ordered(client)).json()["name"]
    assert (await look(client, "operations/1")).status_code == 400
    assert (await look(client, f"{name}0")).json()["error"]["status"] == "NOT_FOUND"
    for old, new in (("projects/p", "projects/q"), ("us-central1", "global"), ("3.1-g", "3.1-fast-g")):
        path = MODEL.replace(old, new)
        body = {"operationName": name.replace(old, new)}
        answer = await client.post(f"{path}:fetchPredictOperation", json=body)
        assert answer.status_code == 404
    nowhere = await client.get("/v1/projects/p/operations")
    assert nowhere.json()["error"]["status"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("marker", "paid"),
    [("vanish", 0), ("accept-drop", 1), ("accept-half", 1)],
)
async def test_the_connection_breaks_as_asked(
    found: serving.Served, client: httpx.AsyncClient, marker: str, paid: int
) -> None:
    with pytest.raises(httpx.TransportError):
        await ordered(client, f"a cat [[{marker}]]")
    assert len(found.vendor.ledger.all_jobs()) == paid


@pytest.mark.parametrize(
    ("marker", "status", "paid"),
    [
        ("proxy-error", 502, 0),
        ("server-error", 500, 0),
        ("accept-502", 502, 1),
        ("accept-busy", 429, 1),
        ("accept-garbage", 200, 1),
    ],
)
async def test_what_is_between_answers_in_its_own_words(
    found: serving.Served, client: httpx.AsyncClient, marker: str, status: int, paid: int
) -> None:
    answer = await ordered(client, f"a cat [[{marker}]]")
    assert answer.status_code == status
    with pytest.raises(ValueError):  # noqa: PT011 - any JSON error
        answer.json()
    assert len(found.vendor.ledger.all_jobs()) == paid


async def test_polls_go_wrong_as_often_as_asked(client: httpx.AsyncClient) -> None:
    markers = "[[poll-500:1]] [[poll-busy=3:1]] [[poll-garbage:1]] [[poll-drop:1]]"
    name = (await ordered(client, f"a cat [[stall]] {markers}")).json()["name"]
    assert (await look(client, name)).json()["error"]["status"] == "INTERNAL"
    with pytest.raises(httpx.TransportError):
        await look(client, name)
    busy = await look(client, name)
    assert (busy.status_code, busy.headers["retry-after"]) == (429, "3")
    assert (await look(client, name)).text == '{"status": '
    assert (await look(client, name)).json() == {"name": name}


async def test_inline_bytes_go_wrong_as_asked(client: httpx.AsyncClient) -> None:
    def content(operation: dict[str, Any]) -> bytes:
        return base64.b64decode(operation["response"]["videos"][0]["bytesBase64Encoded"])

    assert content(await made(client, "a cat [[no-video]]")) == vendor.ERROR_AS_VIDEO
    corrupt = await made(client, "a dog [[corrupt]]")
    job_id = corrupt["name"].rpartition("/")[2]
    assert content(corrupt)[4:8] == b"ftyp"
    assert content(corrupt) != clips.clip(1280, 720, 4.0, job_id)
    with pytest.raises(httpx.RemoteProtocolError):
        await made(client, "a cow [[truncate]]")


async def test_a_prompt_asks_for_audio_or_not(found: serving.Served, client: httpx.AsyncClient) -> None:
    await ordered(client, generateAudio=False)
    assert not found.vendor.ledger.all_jobs()[0].order.audio
