"""Everything below /v1 is refused in OpenAI's words, by its field, and nothing of our own dialect is in them."""

import base64
import io
import json
from typing import Any

import httpx
import pytest
from PIL import Image
from reelmesh_gateway.adapters import web
from reelmesh_gateway.routes import limits
from reelmesh_gateway.wire import openai_request
from reelmesh_kit import clock, errors
from starlette import applications, requests, responses, routing

from tests.integration.gateway import conftest, fake_mesh
from tests.support import raw_web

VIDEOS = "/v1/videos"
UNKNOWN = "video_" + "0" * 32


def picture(width: int = 720, height: int = 1280) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, "PNG")
    return file.getvalue()


def told(answer: httpx.Response, status: int) -> tuple[str | None, str | None]:
    """Return the field and the code of a refusal."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["message"]
    assert answer.headers["x-request-id"]
    return body["error"]["param"], body["error"]["code"]


@pytest.mark.parametrize(
    ("body", "status", "param", "code"),
    [
        ({}, 400, "prompt", "missing_required_parameter"),
        ({"prompt": ""}, 400, "prompt", "missing_required_parameter"),
        ({"prompt": 7}, 400, "prompt", "invalid_type"),
        ({"prompt": "\ud800"}, 400, "prompt", "invalid_value"),
        ({"prompt": "x", "seconds": "long"}, 400, "seconds", "invalid_value"),
        ({"prompt": "x", "seconds": "0"}, 400, "seconds", "invalid_value"),
        ({"prompt": "x", "seconds": -4}, 400, "seconds", "invalid_value"),
        ({"prompt": "x", "seconds": 1e300}, 400, "seconds", "invalid_value"),
        ({"prompt": "x", "seconds": True}, 400, "seconds", "invalid_type"),
        ({"prompt": "x", "seconds": [4]}, 400, "seconds", "invalid_type"),
        ({"prompt": "x", "size": "large"}, 400, "size", "invalid_value"),
        ({"prompt": "x", "size": "0x720"}, 400, "size", "invalid_value"),
        ({"prompt": "x", "size": 720}, 400, "size", "invalid_type"),
        ({"prompt": "x", "model": 2}, 400, "model", "invalid_type"),
        ({"prompt": "x", "model": "x" * 300}, 404, "model", "model_not_found"),
        ({"prompt": "x", "n": 2}, 400, "n", "unknown_parameter"),
        ({"prompt": "x", "characters": [{"id": "c"}]}, 400, "characters", "unsupported_parameter"),
        ({"prompt": "x", "negative_prompt": 7}, 400, "negative_prompt", "invalid_type"),
        ({"prompt": "x", "negative_prompt": "\ud800"}, 400, "negative_prompt", "invalid_value"),
        ({"prompt": "x", "seed": "seven"}, 400, "seed", "invalid_value"),
        ({"prompt": "x", "seed": -1}, 400, "seed", "invalid_value"),
        ({"prompt": "x", "seed": 2**32}, 400, "seed", "invalid_value"),
        ({"prompt": "x", "seed": 7.5}, 400, "seed", "invalid_type"),
        ({"prompt": "x", "seed": True}, 400, "seed", "invalid_type"),
        ({"prompt": "x", "last_frame": "picture.png"}, 400, "last_frame", "invalid_type"),
        ({"prompt": "x", "last_frame": {"url": "https://a/b.png"}}, 400, "last_frame", "invalid_value"),
        ({"prompt": "x", "last_frame": {"file_id": UNKNOWN}}, 400, "last_frame", "invalid_value"),
        ({"prompt": "x", "last_frame": {"file_id": 7}}, 400, "last_frame.file_id", "invalid_type"),
        ({"prompt": "x", "last_frame": {"image_url": "http://a/b"}}, 400, "last_frame", "invalid_value"),
        (
            {"prompt": "x", "last_frame": {"image_url": "data:image/png;base64,aGVsbG8="}},
            400,
            "last_frame",
            "unsupported_mimetype",
        ),
        # What other servers of the dialect take, and we do not.
        ({"prompt": "x", "fps": 24}, 400, "fps", "unknown_parameter"),
        ({"prompt": "x", "guidance_scale": 5}, 400, "guidance_scale", "unknown_parameter"),
        ({"prompt": "x", "input_reference": "picture.png"}, 400, "input_reference", "invalid_type"),
        ({"prompt": "x", "input_reference": {}}, 400, "input_reference", "invalid_value"),
        (
            {"prompt": "x", "input_reference": {"image_url": "https://a/b.png", "file_id": "f"}},
            400,
            "input_reference",
            "invalid_value",
        ),
        ({"prompt": "x", "input_reference": {"url": "https://a/b.png"}}, 400, "input_reference", "invalid_value"),
        ({"prompt": "x", "input_reference": {"file_id": "f"}}, 400, "input_reference", "invalid_value"),
        ({"prompt": "x", "input_reference": {"file_id": UNKNOWN}}, 400, "input_reference", "invalid_value"),
        ({"prompt": "x", "input_reference": {"file_id": 7}}, 400, "input_reference.file_id", "invalid_type"),
        ({"prompt": "x", "input_reference": {"image_url": "data:,hello"}}, 400, "input_reference", "invalid_value"),
        (
            {"prompt": "x", "input_reference": {"image_url": "data:image/png;base64,%%%"}},
            400,
            "input_reference",
            "invalid_value",
        ),
        (
            {"prompt": "x", "input_reference": {"image_url": "data:image/png;base64,aGVsbG8="}},
            400,
            "input_reference",
            "unsupported_mimetype",
        ),
        (
            {"prompt": "x", "input_reference": {"image_url": "https://a/" + "b" * 9000}},
            400,
            "input_reference",
            "string_above_max_length",
        ),
        ({"prompt": "x", "input_reference": {"image_url": "http://a/b"}}, 400, "input_reference", "invalid_value"),
        ({"prompt": "x", "input_reference": {"image_url": "file:///a"}}, 400, "input_reference", "invalid_value"),
        (
            {"prompt": "x", "input_reference": {"image_url": "https://127.0.0.1/b.png"}},
            400,
            "input_reference",
            "invalid_value",
        ),
        (
            {"prompt": "x", "input_reference": {"image_url": "https://[::ffff:10.0.0.1]/b.png"}},
            400,
            "input_reference",
            "invalid_value",
        ),
    ],
)
async def test_a_create_is_refused_by_its_field(
    gateway: conftest.Gateway, mesh: fake_mesh.FakeMesh, body: Any, status: int, param: str, code: str
) -> None:
    async with gateway.client() as client:
        # As others write JSON: with escapes, which can say what UTF-8 cannot.
        kind = {"content-type": "application/json"}
        answer = await client.post(VIDEOS, content=json.dumps(body), headers=kind)
    assert told(answer, status) == (param, code)
    assert not mesh.orchestrator.generations


async def test_a_form_is_refused_by_its_field(gateway: conftest.Gateway) -> None:
    async with gateway.client() as client:
        text = {"prompt": (None, "x")}
        for files, param in (
            ({**text, "input_reference": (None, "picture.png")}, "input_reference"),
            ({**text, "input_reference": ("a.gif", b"GIF89a", "image/png")}, "input_reference"),
            ({**text, "prompt": ("a.txt", b"x", "text/plain")}, "prompt"),
            ([("prompt", (None, "x")), ("prompt", (None, "y"))], "prompt"),
            ({**text, "input_reference[url]": (None, "https://a")}, "input_reference"),
        ):
            assert told(await client.post(VIDEOS, files=files), 400)[0] == param
        broken = {"content-type": "multipart/form-data"}
        assert told(await client.post(VIDEOS, content=b"--x", headers=broken), 400) == (None, None)


async def test_a_body_that_is_none_is_refused(gateway: conftest.Gateway) -> None:
    async with gateway.client() as client:
        for content, kind in (
            (b"{", "application/json"),
            (b"[]", "application/json"),
            (b"[" * 100_000, "application/json"),
            (b"\xff", "application/json"),
            (b"hello", "text/plain"),
        ):
            told(await client.post(VIDEOS, content=content, headers={"content-type": kind}), 400)


async def test_a_picture_has_the_size_of_the_video(gateway: conftest.Gateway, mesh: fake_mesh.FakeMesh) -> None:
    url = f"data:image/png;base64,{base64.b64encode(picture(64, 64)).decode()}"
    async with gateway.client() as client:
        answer = await client.post(VIDEOS, json={"prompt": "x", "input_reference": {"image_url": url}})
    assert told(answer, 400)[0] == "input_reference"
    assert "must match the requested width and height" in answer.json()["error"]["message"]
    assert not mesh.orchestrator.generations


async def test_what_is_said_beyond_the_original_goes_into_the_request(
    gateway: conftest.Gateway, mesh: fake_mesh.FakeMesh
) -> None:
    begin, end = picture(640, 480), picture(640, 480)
    async with gateway.client() as client:
        url = f"data:image/png;base64,{base64.b64encode(end).decode()}"
        told = {
            "prompt": "x",
            "size": "640x480",
            "negative_prompt": "rain",
            "seed": 7,
            "last_frame": {"image_url": url},
        }
        answers = [
            await client.post(VIDEOS, json=told),
            # As the openai SDK sends `extra_body` in a form.
            await client.post(
                VIDEOS,
                data={
                    "prompt": "x",
                    "size": "640x480",
                    "negative_prompt": "rain",
                    "seed": "7",
                    "last_frame[image_url]": url,
                },
                files={"input_reference": ("a.png", begin, "image/png")},
            ),
        ]
        wrong = await client.post(
            VIDEOS, data={"prompt": "x"}, files={"last_frame": ("a.png", picture(64, 64), "image/png")}
        )
    assert [answer.status_code for answer in answers] == [200, 200], [answer.text for answer in answers]
    alone, both = [one.generation for one in mesh.orchestrator.requests]
    assert (alone.negative_prompt, alone.seed) == (both.negative_prompt, both.seed) == ("rain", 7)
    assert alone.last_frame_asset_id
    assert not alone.first_frame_asset_id
    # What a video begins on goes with what it ends on: most models take reference images or frames, not both.
    assert both.last_frame_asset_id
    assert both.first_frame_asset_id
    assert not both.reference_asset_ids
    assert wrong.status_code == 400
    assert wrong.json()["error"]["param"] == "last_frame"


async def test_a_large_picture_fits_into_the_field_of_a_form(gateway: conftest.Gateway) -> None:
    noise = io.BytesIO()
    Image.effect_noise((640, 480), 100).convert("RGB").save(noise, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(noise.getvalue()).decode()}"
    assert len(url) > limits.JSON_LIMIT_BYTES
    async with gateway.client() as client:
        form = {"prompt": (None, "x"), "size": (None, "640x480"), "last_frame[image_url]": (None, url)}
        answer = await client.post(VIDEOS, files=form)
    assert answer.status_code == 200, answer.text


async def test_an_unknown_field_is_refused_with_those_that_are_known(gateway: conftest.Gateway) -> None:
    async with gateway.client() as client:
        answer = await client.post(VIDEOS, json={"prompt": "x", "lastframe": {}})
    assert "last_frame" in answer.json()["error"]["message"]


async def test_too_much_is_refused(gateway: conftest.Gateway) -> None:
    async with gateway.client() as client:
        large = b"x" * 15 * 1024 * 1024
        answer = await client.post(VIDEOS, content=large, headers={"content-type": "application/json"})
    assert told(answer, 413) == (None, "request_too_large")


@pytest.mark.parametrize(
    ("error", "status", "code", "kind"),
    [
        (errors.RateLimited(), 429, "rate_limit_exceeded", "rate_limit_error"),
        (errors.QueueFull(), 503, None, "server_error"),
        (errors.Unavailable(), 503, None, "server_error"),
        (
            errors.NoCandidate("nobody can", **{"local/local-1": "too long"}),
            400,
            "invalid_value",
            "invalid_request_error",
        ),
        (
            errors.InvalidArgument("output.duration_seconds", "must be 1 to 60"),
            400,
            "invalid_value",
            "invalid_request_error",
        ),
    ],
)
async def test_what_is_refused_behind_the_gateway_is_told_in_the_same_words(
    gateway: conftest.Gateway,
    mesh: fake_mesh.FakeMesh,
    error: errors.ReelmeshError,
    status: int,
    code: str | None,
    kind: str,
) -> None:
    mesh.orchestrator.refuse_with = error
    async with gateway.client() as client:
        answer = await client.post(VIDEOS, json={"prompt": "x"})
    param, found = told(answer, status)
    assert (found, answer.json()["error"]["type"]) == (code, kind)
    assert param == ("seconds" if isinstance(error, errors.InvalidArgument) else None)
    assert ("retry-after" in answer.headers) == (status in (429, 503))


async def test_who_asks_too_often_is_told_when_to_come_back(open_gateway: conftest.Open) -> None:
    async with open_gateway(creates_burst=1, creates_per_minute=1.0) as gateway, gateway.client() as client:
        assert (await client.post(VIDEOS, json={"prompt": "x"})).status_code == 200
        answer = await client.post(VIDEOS, json={"prompt": "x"})
    assert told(answer, 429) == (None, "rate_limit_exceeded")
    assert int(answer.headers["retry-after"]) >= 1


async def test_without_a_key_nothing_is_told(gateway: conftest.Gateway) -> None:
    async with gateway.client("") as client:
        for method, path in (("POST", VIDEOS), ("GET", VIDEOS), ("GET", "/v1/models"), ("GET", "/v1/nonsense")):
            answer = await client.request(method, path)
            assert told(answer, 401) == (None, "invalid_api_key")
            assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_what_is_not_there_is_told_in_the_same_words(gateway: conftest.Gateway) -> None:
    async with gateway.client() as client:
        for path in (
            "/v1",
            "/v1/chat/completions",
            f"{VIDEOS}/{UNKNOWN}",
            f"{VIDEOS}/x",
            f"{VIDEOS}/{UNKNOWN}/content",
        ):
            told(await client.get(path), 404)
        told(await client.delete(f"{VIDEOS}/{UNKNOWN}"), 404)
        answer = await client.put(VIDEOS)
        told(answer, 405)
        assert answer.headers["allow"] == "GET, POST"
        # Other dialects keep their own words.
        other = await client.get("/api/v1/nonsense")
        assert other.json()["error"]["reason"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("path", "param"),
    [
        (f"{VIDEOS}?limit=101", "limit"),
        (f"{VIDEOS}?limit=-1", "limit"),
        (f"{VIDEOS}?limit=x", "limit"),
        (f"{VIDEOS}?order=up", "order"),
        (f"{VIDEOS}/{UNKNOWN}/content?variant=poster", "variant"),
    ],
)
async def test_a_query_is_refused_by_its_field(gateway: conftest.Gateway, path: str, param: str) -> None:
    async with gateway.client() as client:
        assert told(await client.get(path), 400) == (param, "invalid_value")


# --- addresses


async def test_what_lies_elsewhere_is_bounded_and_followed_so_far() -> None:
    async def lead(request: requests.Request) -> responses.Response:
        return responses.RedirectResponse(f"/{int(request.path_params['number']) - 1}")

    async def show(_: requests.Request) -> responses.Response:
        return responses.Response(b"x" * 100)

    app = applications.Starlette(
        routes=[routing.Route("/0", show), routing.Route("/{number:int}", lead), routing.Route("/gone/x", lead)]
    )
    fetching = web.Web(clock.SystemClock(), private=True)
    async with raw_web.serving(app) as root:
        assert await fetching.fetch(f"{root}/{web.MOST_REDIRECTS}", 100) == b"x" * 100
        with pytest.raises(errors.InvalidArgument, match="leads on"):
            await fetching.fetch(f"{root}/{web.MOST_REDIRECTS + 1}", 100)
        with pytest.raises(errors.TooLarge):
            await fetching.fetch(f"{root}/0", 99)
        with pytest.raises(errors.InvalidArgument, match="answers 404"):
            await fetching.fetch(f"{root}/nothing/there", 100)
    with pytest.raises(errors.InvalidArgument, match="cannot be fetched"):
        await fetching.fetch(f"{root}/0", 100)


async def test_our_own_network_is_not_asked() -> None:
    fetching = web.Web(clock.SystemClock(), private=False)
    for url in ("https://localhost/a", "https://127.0.0.1/a", "https://10.1.2.3/a", "https://[::1]/a", "https://0/a"):
        with pytest.raises(errors.InvalidArgument, match="private network"):
            await fetching.fetch(url, 100)
    with pytest.raises(errors.InvalidArgument, match="https://"):
        await fetching.fetch("http://example.com/a", 100)


def test_a_form_and_json_that_say_the_same_have_the_same_fingerprint() -> None:
    data = picture()
    url = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    json_body = openai_request.read({"prompt": "x", "seconds": 4, "input_reference": {"image_url": url}})
    form = openai_request.read({"prompt": "x", "seconds": "4", "input_reference": openai_request.File(data)})
    nested = openai_request.read({"prompt": "x", "input_reference[image_url]": url})
    assert json_body.sha256 == form.sha256 == nested.sha256
    seeded = openai_request.read({"prompt": "x", "seed": "4"})
    assert seeded.sha256 == openai_request.read({"prompt": "x", "seed": 4}).sha256
    others = [
        openai_request.read({"prompt": "y"}),
        openai_request.read({"prompt": "x"}),
        openai_request.read({"prompt": "x", "model": "local"}),
        openai_request.read({"prompt": "x", "seconds": "8"}),
        openai_request.read({"prompt": "x", "size": "1280x720"}),
        openai_request.read({"prompt": "x", "seed": 4}),
        openai_request.read({"prompt": "x", "negative_prompt": "4"}),
        openai_request.read({"prompt": "x", "last_frame": {"image_url": url}}),
        openai_request.read({"prompt": "x", "last_frame": {"image_url": url}, "input_reference": {"image_url": url}}),
    ]
    assert len({json_body.sha256, *(each.sha256 for each in others)}) == len(others) + 1
