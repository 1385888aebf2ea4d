"""fal.ai's queue as it is simulated: asked, looked at, cancelled, failing, and its files."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
from reelmesh_simulators import catalogue, clips, orders, serving
from reelmesh_simulators.dialects import fal, fal_models

from tests.support import vendors
from tests.support.fal_client import CAT, VEO, client_of, completed, result_of, submitted

PICTURE = "https://pictures.example.com/a.png"
PRICE = 400_000
FOREVER = orders.Pace(queue_seconds=0.0, render_seconds=1e6)


@pytest.fixture
async def served() -> AsyncIterator[serving.Served]:
    async with vendors.selling(catalogue.DIALECTS["fal"]) as found:
        yield found


# --- a request's life


async def test_a_request_is_queued_looked_at_and_its_file_downloaded(served: serving.Served) -> None:
    async with client_of(served) as client:
        answer = await client.post(f"/{VEO}", json=CAT)
        told = answer.json()
        assert (told["status"], told["queue_position"]) == ("IN_QUEUE", 0)
        assert answer.headers["x-fal-request-id"] == told["request_id"]
        status = await completed(client, told)
        assert status["metrics"]["inference_time"] > 0
        assert "error" not in status
        result = await client.get(told["response_url"])
        video = result.json()["video"]
        assert result.headers["x-fal-request-id"] == told["request_id"]
        assert result.json()["seed"] == 7
        file = await client.get(video["url"])
    assert file.content == clips.clip(1280, 720, 4.0, told["request_id"], audio=False)
    assert (video["content_type"], video["file_size"]) == ("video/mp4", len(file.content))
    (line,) = served.vendor.ledger.lines(served.vendor.now)
    assert (line.request, line.creates, line.job_ids, line.billed_micros) == (
        "a cat",
        1,
        (told["request_id"],),
        400_000,
    )
    (create,) = served.vendor.ledger.creates()
    assert (create.model, create.seed, create.webhook_url) == (VEO, 7, "")


async def test_addresses_have_only_the_first_two_segments_of_the_endpoint(served: serving.Served) -> None:
    async with client_of(served) as client:
        told = await submitted(client, "fal-ai/kling-video/v3/pro/text-to-video", duration="3")
        base = f"{served.url}/fal-ai/kling-video/requests/{told['request_id']}"
        assert told["response_url"] == base
        assert told["status_url"] == f"{base}/status"
        assert told["cancel_url"] == f"{base}/cancel"
        other = base.replace("kling-video", "veo3.1")
        assert (await client.get(f"{other}/status")).status_code == 404
        assert (await client.put(f"{other}/cancel")).status_code == 404
        assert (await client.get(f"/fal-ai/kling-video/v3/requests/{told['request_id']}")).status_code == 405


async def test_the_status_tells_of_the_queue_the_progress_and_the_logs() -> None:
    async with vendors.selling(fal.Fal, pace=FOREVER) as found, client_of(found) as client:
        found.vendor.ledger.slots = 1
        running, first, second = [await submitted(client, prompt=f"cat {number}") for number in range(3)]
        answer = await client.get(running["status_url"])
        assert (answer.status_code, answer.json()["status"], answer.json()["logs"]) == (202, "IN_PROGRESS", None)
        logged = await client.get(running["status_url"], params={"logs": "1"})
        assert logged.json()["logs"][0]["level"] == "INFO"
        for told, position in ((first, 0), (second, 1)):
            waiting = await client.get(told["status_url"])
            assert (waiting.status_code, waiting.json()["status"]) == (202, "IN_QUEUE")
            assert waiting.json()["queue_position"] == position
        early = await client.get(running["response_url"])
        assert (early.status_code, early.json()["detail"]) == (400, "Request is still in progress")
        await client.put(running["cancel_url"])
        assert (await client.get(first["status_url"])).json()["status"] == "IN_PROGRESS"


async def test_a_request_is_cancelled_once_and_running_ones_are_paid() -> None:
    async with vendors.selling(fal.Fal, pace=FOREVER) as found, client_of(found) as client:
        running, waiting = await submitted(client), await submitted(client, prompt="a dog [[queue=1000]]")
        for told in (running, waiting):
            answer = await client.put(told["cancel_url"])
            assert (answer.status_code, answer.json()) == (202, {"status": "CANCELLATION_REQUESTED"})
            again = await client.put(told["cancel_url"])
            assert (again.status_code, again.json()) == (400, {"status": "ALREADY_COMPLETED"})
            status = await completed(client, told)
            assert status["error_type"] == "client_cancelled"
            assert (await client.get(told["response_url"])).status_code == 499
        missing = await client.put(running["cancel_url"].replace(running["request_id"], "nothing"))
        assert (missing.status_code, missing.json()) == (404, {"status": "NOT_FOUND"})
        billed = {line.request: line.billed_micros for line in found.vendor.ledger.lines(found.vendor.now)}
        assert billed == {"a cat": 400_000, "a dog": 0}


@pytest.mark.parametrize("endpoint", sorted(fal_models.MODELS))
async def test_every_model_takes_each_of_its_shapes_and_lengths(served: serving.Served, endpoint: str) -> None:
    model = fal_models.MODELS[endpoint]
    images = {name: PICTURE for name in model.shape if name.endswith("_url")}
    async with client_of(served) as client:
        for name in ("duration", "aspect_ratio", "resolution"):
            for value in getattr(model.shape.get(name), "values", ()):
                told = await submitted(client, endpoint, **{"duration": None, **images, name: value})
                job = served.vendor.ledger.job(told["request_id"])
                assert job is not None
                assert not job.order.doomed
                assert job.price_micros > 0
                assert (job.order.width % 2, job.order.height % 2) == (0, 0)


@pytest.mark.parametrize(
    ("endpoint", "fields", "size", "seconds", "micros"),
    [
        (VEO, {"resolution": "4k", "generate_audio": True}, (3840, 2160), 4.0, 4 * 350_000),
        ("fal-ai/veo3.1", {"duration": None, "aspect_ratio": "9:16"}, (720, 1280), 8.0, 8 * 200_000),
        ("fal-ai/kling-video/v3/pro/text-to-video", {"duration": "3"}, (1920, 1080), 3.0, 3 * 112_000),
        ("bytedance/seedance-2.0/text-to-video", {"duration": "auto"}, (1280, 720), 5.0, 5 * 303_400),
        (
            "bytedance/seedance-2.0/text-to-video",
            {"duration": "4", "resolution": "1080p"},
            (1920, 1080),
            4.0,
            2_730_600,
        ),
    ],
)
async def test_a_price_goes_by_length_sound_and_size(
    served: serving.Served,
    endpoint: str,
    fields: Mapping[str, Any],
    size: tuple[int, int],
    seconds: float,
    micros: int,
) -> None:
    async with client_of(served) as client:
        await submitted(client, endpoint, **fields)
    (job,) = served.vendor.ledger.all_jobs()
    order = job.order
    assert ((order.width, order.height), order.seconds, job.price_micros) == (size, seconds, micros)


async def test_a_model_chooses_a_seed_where_none_was_asked_for(served: serving.Served) -> None:
    async with client_of(served) as client:
        told = await submitted(client, seed=None)
        first, again = await result_of(client, told), await client.get(told["response_url"])
        kling = await result_of(
            client, await submitted(client, "fal-ai/kling-video/v3/pro/text-to-video", duration="3")
        )
    assert isinstance(first.json()["seed"], int)
    assert first.json()["seed"] == again.json()["seed"]
    assert "seed" not in kling.json()


# --- what fails: found by the model, after it was taken


@pytest.mark.parametrize(
    ("endpoint", "fields", "field", "kind"),
    [
        (VEO, {"prompt": None}, "prompt", "missing"),
        (VEO, {"prompt": ""}, "prompt", "string_too_short"),
        (VEO, {"prompt": "x" * 20_001}, "prompt", "string_too_long"),
        (VEO, {"prompt": 7}, "prompt", "string_type"),
        (VEO, {"duration": 4}, "duration", "literal_error"),
        (VEO, {"aspect_ratio": "1:1"}, "aspect_ratio", "literal_error"),
        (VEO, {"resolution": "480p"}, "resolution", "literal_error"),
        (VEO, {"generate_audio": "yes"}, "generate_audio", "boolean_type"),
        (VEO, {"seed": -1}, "seed", "greater_than_equal"),
        (VEO, {"seed": 2**32}, "seed", "less_than_equal"),
        (VEO, {"seed": "7"}, "seed", "integer_type"),
        (VEO, {"negative_prompt": 7}, "negative_prompt", "string_type"),
        (f"{VEO}/image-to-video", {}, "image_url", "missing"),
        (f"{VEO}/image-to-video", {"image_url": 7}, "image_url", "string_type"),
        (f"{VEO}/image-to-video", {"image_url": "picture.png"}, "image_url", "file_download_error"),
        (f"{VEO}/image-to-video", {"image_url": "data:image/png;base64,?"}, "image_url", "file_download_error"),
        ("fal-ai/kling-video/v3/pro/text-to-video", {"duration": "16"}, "duration", "literal_error"),
        (
            "bytedance/seedance-2.0/image-to-video",
            {"duration": "4", "image_url": PICTURE, "end_image_url": "x"},
            "end_image_url",
            "file_download_error",
        ),
    ],
)
async def test_a_wrong_input_is_taken_and_fails_by_its_field(
    served: serving.Served, endpoint: str, fields: Mapping[str, Any], field: str, kind: str
) -> None:
    async with client_of(served) as client:
        told = await submitted(client, endpoint, **fields)
        status = await completed(client, told)
        result = await client.get(told["response_url"])
    assert (status["status"], status["error"], status["error_type"]) == ("COMPLETED", "Invalid status code: 422", kind)
    assert (result.status_code, result.headers["x-fal-retryable"]) == (422, "false")
    (detail,) = result.json()["detail"]
    assert (detail["loc"], detail["type"]) == (["body", field], kind)
    assert detail["msg"]
    assert sum(line.billed_micros for line in served.vendor.ledger.lines(served.vendor.now)) == 0


async def test_a_field_that_a_model_does_not_know_is_passed_over(served: serving.Served) -> None:
    async with client_of(served) as client:
        assert (await result_of(client, await submitted(client, fps=30))).status_code == 200


@pytest.mark.parametrize(
    ("marker", "status", "kind", "header"),
    [
        ("fail", 422, "file_download_error", ("x-fal-retryable", "false")),
        ("fail=1", 422, "unprocessable_entity", ("x-fal-retryable", "false")),
        ("fail=2", 422, "image_too_small", ("x-fal-retryable", "false")),
        ("fail=3", 422, "image_load_error", ("x-fal-retryable", "false")),
        ("filter", 422, "content_policy_violation", ("x-fal-retryable", "false")),
        ("fail-inside", 503, "runner_disconnected", ("x-fal-error-type", "runner_disconnected")),
        ("fail-inside=1", 504, "request_timeout", ("x-fal-error-type", "request_timeout")),
        ("fail-inside=2", 500, "internal_server_error", ("x-fal-retryable", "true")),
    ],
)
async def test_a_request_fails_as_asked_in_one_of_the_two_shapes(
    served: serving.Served, marker: str, status: int, kind: str, header: tuple[str, str]
) -> None:
    async with client_of(served) as client:
        told = await submitted(client, prompt=f"a cat [[{marker}]]")
        looked = await completed(client, told)
        result = await client.get(told["response_url"])
    assert (looked["status"], looked["error_type"]) == ("COMPLETED", kind)
    assert (result.status_code, result.headers[header[0]]) == (status, header[1])
    assert result.headers["x-fal-request-id"] == told["request_id"]
    body = result.json()
    assert body.get("error_type") == (kind if header[0] == "x-fal-error-type" else None)
    assert isinstance(body["detail"], str) == (header[0] == "x-fal-error-type" or marker == "fail=1")
    assert served.vendor.ledger.lines(served.vendor.now)[0].billed_micros == 0


async def test_a_request_may_succeed_with_nothing_in_it_or_be_forgotten(served: serving.Served) -> None:
    async with client_of(served) as client:
        empty = await result_of(client, await submitted(client, prompt="a cat [[empty]]"))
        assert (empty.status_code, empty.json()["video"]) == (200, None)
        forgotten = await submitted(client, prompt="a dog [[forget]]")
        for url in (forgotten["status_url"], forgotten["response_url"]):
            assert (await client.get(url)).status_code == 404


async def test_a_request_that_may_not_wait_so_long_ends_at_its_timeout(served: serving.Served) -> None:
    async with client_of(served) as client:
        hurried = await client.post(
            f"/{VEO}", json={**CAT, "prompt": "a cat [[queue=0.2]]"}, headers={"x-fal-request-timeout": "0.15"}
        )
        result = await result_of(client, hurried.json())
        assert (result.status_code, result.json()["error_type"]) == (504, "startup_timeout")
        assert result.headers["x-fal-request-timeout-type"] == "user"
        patient = await client.post(f"/{VEO}", json=CAT, headers={"x-fal-request-start-timeout": "60"})
        assert (await result_of(client, patient.json())).status_code == 200


# --- what goes wrong when it is submitted and looked at


@pytest.mark.parametrize(
    ("marker", "status", "paid"),
    [
        ("vanish", None, 0),
        ("proxy-error", 502, 0),
        ("server-error", 500, 0),
        ("unauthorized", 401, 0),
        ("retired", 404, 0),
        ("quota", 403, 0),
        ("busy=3", 429, 0),
        ("overloaded", 503, 0),
        ("refuse", 400, 0),
        ("unsafe", 422, 0),
        ("accept-drop", None, 1),
        ("accept-half", None, 1),
        ("accept-500", 500, 1),
        ("accept-502", 502, 1),
        ("accept-busy", 429, 1),
        ("accept-garbage", 200, 1),
        ("accept-slow=0.1", 200, 1),
        ("late=0.1", 200, 1),
    ],
)
async def test_a_request_goes_wrong_as_asked_and_the_ledger_knows(
    served: serving.Served, marker: str, status: int | None, paid: int
) -> None:
    body = {**CAT, "prompt": f"a cat [[{marker}]]"}
    async with client_of(served) as client:
        if status is None:
            with pytest.raises(httpx.TransportError):
                await client.post(f"/{VEO}", json=body)
        else:
            answer = await client.post(f"/{VEO}", json=body)
            assert answer.status_code == status
            assert answer.headers.get("retry-after") == ("3" if marker == "busy=3" else None)
    (line,) = served.vendor.ledger.lines(served.vendor.now)
    assert (line.creates, len(line.job_ids)) == (1, paid)


async def test_looks_fail_as_often_as_asked(served: serving.Served) -> None:
    async with client_of(served) as client:
        for marker, status in (("poll-500", 500), ("poll-busy=2", 429)):
            told = await submitted(client, prompt=f"a cat [[{marker}:1]]")
            assert (await client.get(told["status_url"])).status_code == status
            assert (await result_of(client, told)).status_code == 200
        told = await submitted(client, prompt="a cat [[poll-drop:1]] [[poll-garbage:2]]")
        with pytest.raises(httpx.TransportError):
            await client.get(told["status_url"])
        with pytest.raises(ValueError, match="Expecting"):
            (await client.get(told["status_url"])).json()


@pytest.mark.parametrize(
    ("headers", "path", "content", "status", "words"),
    [
        ({"authorization": ""}, f"/{VEO}", b"{}", 401, "Authentication"),
        ({"authorization": "Bearer x"}, f"/{VEO}", b"{}", 401, "Authentication"),
        ({}, "/fal-ai/veo9", b"{}", 404, '"fal-ai/veo9" not found'),
        ({}, "/fal-ai", b"{}", 404, "not found"),
        ({}, f"/{VEO}", b"{", 400, "no JSON object"),
        ({}, f"/{VEO}", b"[]", 400, "no JSON object"),
        ({}, f"/{VEO}?fal_webhook=nowhere", b"{}", 400, "fal_webhook"),
        ({}, f"/{VEO}?fal_webhook=ftp://x.example.com", b"{}", 400, "fal_webhook"),
        ({"x-fal-request-timeout": "soon"}, f"/{VEO}", b"{}", 400, "Timeout"),
        ({"x-fal-request-timeout": "0.1"}, f"/{VEO}", b"{}", 400, "Timeout"),
        ({"x-fal-request-start-timeout": "nan"}, f"/{VEO}", b"{}", 400, "Timeout"),
        ({"x-fal-object-lifecycle-preference": "1h"}, f"/{VEO}", b"{}", 400, "Lifecycle"),
        ({"x-fal-object-lifecycle-preference": "{}"}, f"/{VEO}", b"{}", 400, "Lifecycle"),
        ({"x-fal-object-lifecycle-preference": "[]"}, f"/{VEO}", b"{}", 400, "Lifecycle"),
    ],
)
async def test_what_does_not_get_into_the_queue(
    served: serving.Served, headers: Mapping[str, str], path: str, content: bytes, status: int, words: str
) -> None:
    async with client_of(served) as client:
        answer = await client.post(path, content=content, headers=headers)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True)
    assert answer.json().get("error_type") == ("bad_request" if status == 400 else None)
    assert served.vendor.ledger.all_jobs() == []


async def test_callers_see_their_own_requests_alone(served: serving.Served) -> None:
    async with client_of(served) as client, client_of(served, "another:secret") as stranger:
        told = await submitted(client)
        await completed(client, told)
        for url in (told["status_url"], told["response_url"]):
            assert (await stranger.get(url)).status_code == 404
        assert (await stranger.put(told["cancel_url"])).json() == {"status": "NOT_FOUND"}
