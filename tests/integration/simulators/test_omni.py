"""Gemini Omni, request by request: what is refused, what goes wrong, what it costs, and what is told."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import google.auth.exceptions
import httpx
import openai
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt
from PIL import Image
from reelmesh_kit import clock
from reelmesh_simulators import catalogue, clips, serving, vendor
from reelmesh_simulators.dialects import omni, omni_request

from tests.support import raw_http_server, vendors

LONGEST_WAIT_SECONDS = 60.0
MODEL = "gemini-omni-1.2-flash"
SHORT = {"type": "video", "duration": "3s", "resolution": "360p"}


def encoded() -> str:
    file = io.BytesIO()
    Image.new("RGB", (64, 36)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


PICTURE = {"type": "image", "mime_type": "image/png", "data": encoded()}
FILM = {"type": "video", "mime_type": "video/mp4", "uri": "files/abc"}
TEXT = {"type": "text", "text": "a cat"}


@pytest.fixture
async def found() -> AsyncIterator[serving.Served]:
    async with vendors.selling(catalogue.DIALECTS["omni"]) as served:
        yield served


@pytest.fixture
async def client(found: serving.Served) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(found) as opened:
        yield opened


def calling(found: serving.Served) -> httpx.AsyncClient:
    headers = {"x-goog-api-key": "key-1"}
    return httpx.AsyncClient(base_url=found.url, headers=headers, timeout=LONGEST_WAIT_SECONDS)


async def ordered(client: httpx.AsyncClient, given: Any = "a cat", **told: Any) -> httpx.Response:
    body = {"model": MODEL, "input": given, "background": True, "response_format": SHORT, **told}
    return await client.post("/v1/interactions", json=body)


async def finished(client: httpx.AsyncClient, prompt: str = "a cat", **told: Any) -> dict[str, Any]:
    interaction_id = (await ordered(client, prompt, **told)).json()["id"]
    async with asyncio.timeout(LONGEST_WAIT_SECONDS):
        while True:
            interaction = (await client.get(f"/v1/interactions/{interaction_id}", params={"stream": "false"})).json()
            if interaction["status"] not in ("queued", "in_progress"):
                return interaction
            await clock.SystemClock().sleep(0.02)


async def as_file(client: httpx.AsyncClient, prompt: str) -> str:
    """Make a clip and return where it lies, once it is ready."""
    form = {**SHORT, "delivery": "uri"}
    made = (await ordered(client, prompt, background=False, response_format=form)).json()
    url = made["steps"][0]["content"][0]["uri"]
    async with asyncio.timeout(LONGEST_WAIT_SECONDS):
        while (await client.get(url.partition(":download")[0])).json()["state"] != "ACTIVE":
            await clock.SystemClock().sleep(0.02)
    return url


@pytest.mark.parametrize(
    ("told", "code", "words"),
    [
        ({"model": None}, "invalid_request", "'model' is required"),
        ({"model": 7}, "invalid_request", "'model'"),
        ({"model": "gemini-omni-flash-preview"}, "model_not_found", "was not found"),
        ({"given": None}, "invalid_request", "'input' is required"),
        ({"given": ""}, "invalid_request", "'input' is required"),
        ({"given": 7}, "invalid_request", "input[0]"),
        ({"given": [{"type": "user_input", "content": [{"type": "audio"}]}]}, "invalid_request", "input[0].content[0]"),
        ({"given": [{"type": "text", "text": 7}]}, "invalid_request", "'text'"),
        ({"given": [PICTURE] * 7}, "invalid_request", "At most 6"),
        ({"given": [{**PICTURE, "uri": "files/abc"}]}, "invalid_request", "Exactly one of"),
        ({"given": [{"type": "image"}]}, "invalid_request", "Exactly one of"),
        ({"given": [{**PICTURE, "mime_type": "image/gif"}]}, "invalid_request", "MIME type"),
        ({"given": [{**PICTURE, "data": "%%"}]}, "invalid_request", "Base64"),
        ({"given": [{**PICTURE, "data": "YWJj"}]}, "invalid_request", "Unable to process"),
        ({"background": "yes"}, "invalid_request", "'background'"),
        ({"store": 1}, "invalid_request", "'store'"),
        ({"store": False}, "invalid_request", "background requires store"),
        ({"stream": True}, "invalid_request", "Streaming"),
        ({"agent": "a"}, "parameter_unknown", '"agent"'),
        ({"labels": {"Job": "a"}}, "invalid_request", "label key"),
        ({"labels": {"job": "A"}}, "invalid_request", "label 'job'"),
        ({"response_format": {"type": "text"}}, "invalid_request", "of type 'video'"),
        ({"response_format": [SHORT, SHORT]}, "invalid_request", "of type 'video'"),
        ({"response_format": {**SHORT, "duration": "2s"}}, "invalid_request", "3s to 15s"),
        ({"response_format": {**SHORT, "duration": "16s"}}, "invalid_request", "3s to 15s"),
        ({"response_format": {**SHORT, "duration": "5"}}, "invalid_request", "3s to 15s"),
        ({"response_format": {**SHORT, "duration": 5}}, "invalid_request", "'duration'"),
        ({"response_format": {**SHORT, "resolution": "480p"}}, "invalid_request", "'resolution'"),
        ({"response_format": {**SHORT, "aspect_ratio": "1:1"}}, "invalid_request", "'aspect_ratio'"),
        ({"response_format": {**SHORT, "delivery": "gcs_uri"}}, "invalid_request", "'delivery'"),
        ({"response_format": {**SHORT, "gcs_uri": "gs://films/a"}}, "invalid_request", "'gcs_uri'"),
        ({"generation_config": []}, "invalid_request", "'generation_config'"),
        ({"generation_config": {"seed": "7"}}, "invalid_request", "'seed'"),
        ({"generation_config": {"video_config": {"task": "dream"}}}, "invalid_request", "'task'"),
        ({"generation_config": {"video_config": {"task": "image_to_video"}}}, "invalid_request", "needs an image"),
        ({"generation_config": {"video_config": {"task": "extend"}}}, "invalid_request", "needs a video"),
        ({"previous_interaction_id": "v1_0"}, "not_found", "was not found"),
        ({"previous_interaction_id": 7}, "invalid_request", "'previous_interaction_id'"),
        ({"webhook_config": {"uris": "https://a"}}, "invalid_request", "expected a list"),
        ({"webhook_config": {"uris": ["a"]}}, "invalid_request", "no web address"),
        ({"webhook_config": {"user_metadata": "a"}}, "invalid_request", "'user_metadata'"),
    ],
)
async def test_what_is_wrong_is_refused_by_a_word(
    found: serving.Served, client: httpx.AsyncClient, told: dict[str, Any], code: str, words: str
) -> None:
    answer = await ordered(client, **told)
    assert answer.status_code == (404 if code.endswith("not_found") else 400)
    assert answer.json()["error"]["code"] == code
    assert words in answer.json()["error"]["message"]
    assert found.vendor.ledger.all_jobs() == []


@pytest.mark.parametrize("body", [b"{", b"[]", b"7"])
async def test_a_body_that_is_none_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/v1/interactions", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("given", "task"),
    [
        ("a cat", "text_to_video"),
        (TEXT, None),
        ([TEXT, PICTURE], "image_to_video"),
        ([{"type": "user_input", "content": [PICTURE] * 6 + [TEXT]}], "reference_to_video"),
        ([{"type": "user_input", "content": "a cat"}], None),
        ([FILM, TEXT], "edit"),
        ([FILM, TEXT], "upscale"),
    ],
)
async def test_an_input_comes_in_many_shapes(
    found: serving.Served, client: httpx.AsyncClient, given: Any, task: str | None
) -> None:
    config = {"video_config": {"task": task}} if task else {}
    assert (await ordered(client, given, generation_config=config)).status_code == 200
    assert found.vendor.ledger.all_jobs()[0].order.prompt == "a cat"


@pytest.mark.parametrize(
    ("model", "resolution", "micros"),
    [
        ("gemini-omni-1.1-flash", "360p", 330_000),
        ("gemini-omni-1.1-flash", "720p", 1_000_000),
        ("gemini-omni-1.1-flash", "1080p", 1_500_000),
        ("gemini-omni-1.1-flash", "4k", 3_000_000),
        ("gemini-omni-1.2-flash", "360p", 230_000),
        ("gemini-omni-1.2-flash", "720p", 700_000),
        ("gemini-omni-1.2-flash", "1080p", 1_050_000),
        ("gemini-omni-1.2-flash", "4k", 2_100_000),
    ],
)
async def test_ten_seconds_cost_what_they_cost(
    found: serving.Served, client: httpx.AsyncClient, model: str, resolution: str, micros: int
) -> None:
    form = {"type": "video", "duration": "10s", "resolution": resolution, "aspect_ratio": "9:16"}
    await ordered(client, model=model, response_format=form)
    (job,) = found.vendor.ledger.all_jobs()
    assert job.price_micros == micros
    assert (job.order.height, job.order.width) == omni_request.google.SIZES[resolution]


async def test_nobody_without_a_key_is_answered(found: serving.Served) -> None:
    async with httpx.AsyncClient(base_url=found.url) as stranger:
        answer = await stranger.post("/v1/interactions", json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "authentication")
        answer = await stranger.get("/v1/files/abc")
        assert (answer.status_code, answer.json()["error"]["status"]) == (403, "PERMISSION_DENIED")


async def test_vertex_wants_a_token_and_a_place_for_what_it_delivers(found: serving.Served) -> None:
    path = "/v1beta1/projects/p/locations/global/interactions"
    async with calling(found) as client:
        assert (await client.post(path, json={})).json()["error"]["code"] == "authentication"
        client.headers["authorization"] = "Bearer token-1"
        for place in ({}, {"gcs_uri": "s3://films/a"}, {"gcs_uri": "gs://"}):
            form = {**SHORT, "delivery": "uri", **place}
            answer = await client.post(path, json={"model": MODEL, "input": "a cat", "response_format": form})
            assert (answer.status_code, "gs://bucket/prefix" in answer.json()["error"]["message"]) == (400, True)
    assert found.vendor.ledger.creates() == []


async def test_there_is_no_list(client: httpx.AsyncClient) -> None:
    for path in ("/v1/interactions", "/v1/interactions/v1_0", "/v1/operations"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert (await client.post("/v1/interactions/v1_0/cancel")).status_code == 404
    assert (await client.delete("/v1/interactions/v1_0")).status_code == 404


async def test_what_is_not_stored_is_made_at_once_and_not_found_again(client: httpx.AsyncClient) -> None:
    made = (await ordered(client, background=False, store=False)).json()
    assert base64.b64decode(made["steps"][0]["content"][0]["data"])[4:8] == b"ftyp"
    assert (await client.get(f"/v1/interactions/{made['id']}")).status_code == 404
    answer = await ordered(client, previous_interaction_id=made["id"])
    assert answer.json()["error"]["code"] == "not_found"


async def test_what_has_no_video_is_not_gone_on_from(client: httpx.AsyncClient) -> None:
    first = await finished(client, "a cat [[filter]]")
    answer = await ordered(client, "at night", previous_interaction_id=first["id"])
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "failed_precondition")


async def test_a_look_is_no_stream(client: httpx.AsyncClient) -> None:
    made = (await ordered(client)).json()
    answer = await client.get(f"/v1/interactions/{made['id']}", params={"stream": "true"})
    assert answer.json()["error"]["code"] == "invalid_request"


async def test_who_waits_for_a_clip_that_never_ends_may_go(found: serving.Served, client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await client.post(
            "/v1/interactions", json={"model": MODEL, "input": "a cat [[stall]]"}, timeout=httpx.Timeout(30.0, read=1.0)
        )
    async with asyncio.timeout(LONGEST_WAIT_SECONDS):
        while not (jobs := found.vendor.ledger.all_jobs()):
            await clock.SystemClock().sleep(0.02)
        while (await client.get(f"/v1/interactions/{jobs[0].job_id}")).json()["status"] != "in_progress":
            await clock.SystemClock().sleep(0.02)


@pytest.mark.parametrize(("marker", "paid"), [("vanish", 0), ("accept-drop", 1), ("accept-half", 1)])
async def test_the_connection_breaks_as_asked(
    found: serving.Served, client: httpx.AsyncClient, marker: str, paid: int
) -> None:
    with pytest.raises(httpx.TransportError):
        await ordered(client, f"a cat [[{marker}]]")
    assert len(found.vendor.ledger.all_jobs()) == paid


async def test_polls_go_wrong_as_often_as_asked(client: httpx.AsyncClient) -> None:
    made = (await ordered(client, "a cat [[stall]] [[poll-500:1]] [[poll-busy=3:1]] [[poll-drop:1]]")).json()
    path = f"/v1/interactions/{made['id']}"
    assert (await client.get(path)).json()["error"]["code"] == "internal"
    with pytest.raises(httpx.TransportError):
        await client.get(path)
    busy = await client.get(path)
    assert (busy.headers["retry-after"], busy.json()["error"]["code"]) == ("3", "rate_limit_exceeded")
    assert (await client.get(path)).status_code == 200


async def test_inline_bytes_go_wrong_as_asked(client: httpx.AsyncClient) -> None:
    def content(interaction: dict[str, Any]) -> bytes:
        return base64.b64decode(interaction["steps"][0]["content"][0]["data"])

    assert content(await finished(client, "a cat [[no-video]]")) == vendor.ERROR_AS_VIDEO
    corrupt = await finished(client, "a dog [[corrupt]]")
    assert content(corrupt) != clips.clip(640, 360, 3.0, corrupt["id"])
    with pytest.raises(httpx.RemoteProtocolError):
        await finished(client, "a cow [[truncate]]")
    for marker in ("lost", "expired"):
        file = (await finished(client, f"a pig [[{marker}]]"))["steps"][0]["content"][0]["uri"]
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            while (answer := await client.get(file)).status_code == 400:
                await clock.SystemClock().sleep(0.02)
        assert answer.status_code == 403


async def test_files_go_wrong_as_asked(client: httpx.AsyncClient) -> None:
    for marker in ("lost", "expired"):
        answer = await client.get(await as_file(client, f"a cat [[{marker}]]"))
        assert (answer.status_code, answer.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
    again = await as_file(client, "a cow [[expired:1]]")
    assert [(await client.get(again)).status_code for _ in range(2)] == [403, 200]
    assert (await client.get(await as_file(client, "a dog [[no-video]]"))).content == vendor.ERROR_AS_VIDEO
    url = await as_file(client, "a pig [[truncate:1]]")
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get(url)
    assert (await client.get(url)).content[4:8] == b"ftyp"


async def told(*arrivals: raw_http_server.Arrivals, count: int) -> list[tuple[dict[str, str], bytes]]:
    """Return headers and bodies that came to the first of several, once so many came to each."""
    async with asyncio.timeout(LONGEST_WAIT_SECONDS):
        while any(len(one.bodies) < count for one in arrivals):
            await clock.SystemClock().sleep(0.02)
    return [
        (dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if line), body)
        for head, body in zip(arrivals[0].headers, arrivals[0].bodies, strict=True)
    ]


def public_key(key_set: dict[str, Any]) -> dict[str, str]:
    """Return the keys of a set by their ids, as PEM."""

    def number(text: str) -> int:
        return int.from_bytes(base64.urlsafe_b64decode(text + "=="))

    return {
        key["kid"]: rsa.RSAPublicNumbers(number(key["e"]), number(key["n"]))
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
        for key in key_set["keys"]
    }


async def test_an_end_is_told_to_all_whom_a_request_names_by_a_token(found: serving.Served) -> None:
    async with (
        raw_http_server.counting_server(keep_alive=False) as one,
        raw_http_server.counting_server(keep_alive=False) as other,
        calling(found) as client,
    ):
        hooks = {"uris": [one.url, other.url], "user_metadata": {"attempt": "a-1"}}
        made = (await ordered(client, "a cat [[webhook-forged]]", webhook_config=hooks)).json()
        failed = (await ordered(client, "a dog [[fail]]", webhook_config=hooks)).json()
        stopped = (await ordered(client, "a cow [[stall]]", webhook_config=hooks)).json()
        await client.post(f"/v1/interactions/{stopped['id']}/cancel")
        keys = public_key((await client.get("/.well-known/jwks.json")).json())
        deliveries = await told(one, other, count=4)
    genuine: dict[str, Any] = {}
    forged = 0
    for headers, body in deliveries:
        assert headers["webhook-id"].startswith("evt_v1_")
        try:
            claims = jwt.decode(headers["webhook-signature"], keys, audience=one.url)
        except google.auth.exceptions.GoogleAuthError:
            forged += 1
            continue
        event = json.loads(body)
        assert {name: claims[name] for name in event} == event
        genuine[event["data"]["id"]] = (event["type"], event["user_metadata"], event["data"].get("error_code"))
    assert forged == 1
    assert genuine == {
        made["id"]: ("interaction.completed", {"attempt": "a-1"}, None),
        failed["id"]: ("interaction.failed", {"attempt": "a-1"}, "invalid_request"),
        stopped["id"]: ("interaction.cancelled", {"attempt": "a-1"}, None),
    }


async def test_an_end_is_told_to_the_project_by_the_standard_scheme() -> None:
    secret = "whsec_" + base64.b64encode(b"a secret of ours").decode()
    async with raw_http_server.counting_server(keep_alive=False) as project:

        def told_of(seller: vendor.Vendor) -> omni.Omni:
            return omni.Omni(seller, webhook_url=project.url, webhook_secret=b"a secret of ours")

        async with vendors.selling(told_of) as found, calling(found) as client:
            made = (await ordered(client, "a cat [[webhook-forged]] [[webhook-twice]]")).json()
            deliveries = await told(project, count=3)
    verify = openai.OpenAI(api_key="none").webhooks.verify_signature
    (headers, body), *genuine = deliveries
    with pytest.raises(openai.InvalidWebhookSignatureError):
        verify(body, headers, secret=secret)
    for headers, body in genuine:
        verify(body, headers, secret=secret)
        assert json.loads(body)["data"] == {"id": made["id"]}


async def test_who_asks_for_no_webhook_gets_none(found: serving.Served) -> None:
    dialect = omni.Omni(found.vendor)
    async with calling(found) as client:
        await finished(client)
    look = vendor.seen(found.vendor.ledger.all_jobs()[0], found.vendor.now)
    assert dialect.notice(look, forged=False) is None
