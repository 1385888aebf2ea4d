"""fal.ai beside its queue as it is simulated: files, the list by endpoint, signed webhooks."""

import asyncio
import base64
import contextlib
import datetime
import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
import uvicorn
from cryptography import exceptions
from cryptography.hazmat.primitives.asymmetric import ed25519
from reelmesh_kit import clock
from reelmesh_simulators import catalogue, faults, orders, serving
from reelmesh_simulators.dialects import fal
from starlette import applications, requests, responses, routing

from tests.support import vendors
from tests.support.fal_client import CAT, LONGEST_WAIT_SECONDS, VEO, client_of, completed, result_of, submitted

LIST = "/v1/models/requests/by-endpoint"
FOREVER = orders.Pace(queue_seconds=0.0, render_seconds=1e6)


@pytest.fixture
async def served() -> AsyncIterator[serving.Served]:
    async with vendors.selling(catalogue.DIALECTS["fal"]) as found:
        yield found


# --- its files


async def test_bytes_go_wrong_as_asked(served: serving.Served) -> None:
    async with client_of(served) as client:

        async def file_of(prompt: str) -> httpx.Response:
            return await client.get(await url_of(prompt))

        async def url_of(prompt: str) -> str:
            url: str = (await result_of(client, await submitted(client, prompt=prompt))).json()["video"]["url"]
            return url

        assert b"server_error" in (await file_of("a cat [[no-video]]")).content
        corrupt = (await file_of("a dog [[corrupt]]")).content
        assert corrupt[4:8] == b"ftyp"
        assert (await file_of("a pig [[lost]]")).status_code == 404
        assert (await file_of("a cow [[slow-fetch=0.05]]")).status_code == 200
        expired, half = await url_of("a hen [[expired:1]]"), await url_of("a hog [[truncate:1]]")
        assert [(await client.get(expired)).status_code for _ in range(2)] == [404, 200]
        assert (await client.head(half)).status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(half)
        assert (await client.get(half)).content[4:8] == b"ftyp"


async def test_a_file_is_kept_as_long_as_the_caller_wants_and_otherwise_for_ever(served: serving.Served) -> None:
    async with client_of(served) as client:
        kept = {"x-fal-object-lifecycle-preference": '{"expiration_duration_seconds": 3600}'}
        brief = (await client.post(f"/{VEO}", json=CAT, headers=kept)).json()
        urls = [(await result_of(client, told)).json()["video"]["url"] for told in (brief, await submitted(client))]
        assert [(await client.get(url)).status_code for url in urls] == [200, 200]
        served.vendor.clock = vendors.Tomorrow()
        assert [(await client.get(url)).status_code for url in urls] == [404, 200]


async def test_there_is_no_file_before_the_end() -> None:
    async with vendors.selling(fal.Fal, pace=FOREVER) as found, client_of(found) as client:
        told = await submitted(client)
        assert (await client.get(f"/files/{told['request_id']}/output.mp4")).status_code == 404
        assert (await client.get("/files/nothing/output.mp4")).status_code == 404


# --- the list


async def listed(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(LIST, params={"endpoint_id": VEO, **query})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_lost_request_is_found_by_its_input(served: serving.Served) -> None:
    async with client_of(served) as client:
        lost = await client.post(f"/{VEO}", json={**CAT, "prompt": "a cat [[accept-500]]", "seed": 4242})
        assert lost.status_code == 500
        (line,) = served.vendor.ledger.lines(served.vendor.now)
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            while not (found := await listed(client, expand="payloads")):
                await clock.SystemClock().sleep(0.02)
        (item,) = found
        assert (item["request_id"], item["json_input"]["seed"]) == (line.job_ids[0], 4242)
        assert (item["endpoint_id"], item["status_code"]) == (VEO, 200)
        assert item["json_output"]["video"]["url"].startswith(served.url)
        assert datetime.datetime.fromisoformat(item["sent_at"]) < datetime.datetime.fromisoformat(item["ended_at"])
        (short,) = await listed(client)
        assert "json_input" not in short


async def test_the_list_goes_from_page_to_page_the_last_that_ended_first(served: serving.Served) -> None:
    async with client_of(served) as client:
        ids: list[str] = []
        for number in range(5):
            told = await submitted(client, prompt=f"cat {number}")
            await completed(client, told)
            ids.append(told["request_id"])
        found: list[str] = []
        query: dict[str, Any] = {"endpoint_id": VEO, "limit": 2}
        while True:
            page = (await client.get(LIST, params=query)).json()
            found += [item["request_id"] for item in page["items"]]
            if not page["has_more"]:
                break
            query["cursor"] = page["next_cursor"]
        assert page["next_cursor"] is None
        assert found == ids[::-1]


async def test_the_list_is_narrowed_by_endpoint_status_time_and_id(served: serving.Served) -> None:
    async with client_of(served) as client:
        good, bad = await submitted(client), await submitted(client, prompt="a cat [[fail]]")
        broken = await submitted(client, prompt="a cat [[fail-inside]] [[slow=0.3]]")
        other = await submitted(client, "fal-ai/veo3.1")
        for told in (good, bad, broken, other):
            await completed(client, told)

        async def ids(**query: Any) -> set[str]:
            return {item["request_id"] for item in await listed(client, **query)}

        assert await ids() == {good["request_id"], bad["request_id"], broken["request_id"]}
        assert other["request_id"] in await ids(endpoint_id=[VEO, "fal-ai/veo3.1"])
        assert other["request_id"] in await ids(endpoint_id=f"{VEO},fal-ai/veo3.1")
        assert await ids(status="success") == {good["request_id"]}
        assert await ids(status="user_error") == {bad["request_id"]}
        assert await ids(status="error") == {broken["request_id"]}
        assert await ids(request_id=good["request_id"]) == {good["request_id"]}
        assert (await listed(client, sort_by="duration"))[0]["request_id"] == broken["request_id"]
        assert await ids(end="2020-01-01") == set()
        assert len(await ids(start="2020-01-01T00:00:00Z", end="2999-01-01")) == 3
        served.vendor.clock = vendors.Tomorrow()
        assert await ids() == set()
        assert len(await ids(start="2020-01-01")) == 3


async def test_a_request_that_has_not_ended_is_listed_only_where_so_set() -> None:
    def eager(seller: Any) -> serving.Dialect:
        return fal.Fal(seller, lists_unfinished=True)

    for dialect, expected in ((fal.Fal, 0), (eager, 2)):
        async with vendors.selling(dialect, pace=FOREVER) as found, client_of(found) as client:
            await submitted(client)
            await submitted(client, prompt="a dog [[queue=1000]]")
            items = await listed(client, expand="payloads")
            assert len(items) == expected
            assert {item["ended_at"] for item in items} <= {None}
            assert await listed(client, status="success") == []


async def test_the_list_may_lack_a_request_and_its_payloads_and_fail(served: serving.Served) -> None:
    async with client_of(served) as client, client_of(served, "another:secret") as stranger:
        await completed(client, await submitted(client, prompt="a cat [[unlisted=1000]]"))
        assert await listed(client) == []
        secret = await client.post(f"/{VEO}", json=CAT, headers={"x-fal-store-io": "0"})
        await completed(client, secret.json())
        (item,) = await listed(client, expand="payloads")
        assert (item["json_input"], item["json_output"]) == (None, None)
        assert await listed(stranger) == []
        served.vendor.suffering.rules.append(faults.Rule(faults.Fault.POLL_500))
        assert (await client.get(LIST, params={"endpoint_id": VEO})).status_code == 500


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({}, "endpoint_id"),
        ({"endpoint_id": ",".join(f"a/{number}" for number in range(51))}, "endpoint_id"),
        ({"endpoint_id": VEO, "limit": 0}, "limit"),
        ({"endpoint_id": VEO, "limit": 101}, "limit"),
        ({"endpoint_id": VEO, "limit": "x"}, "limit"),
        ({"endpoint_id": VEO, "status": "lost"}, "status"),
        ({"endpoint_id": VEO, "sort_by": "price"}, "sort_by"),
        ({"endpoint_id": VEO, "start": "yesterday"}, "ISO 8601"),
        ({"endpoint_id": VEO, "cursor": "?"}, "cursor"),
        ({"endpoint_id": VEO, "cursor": "eA=="}, "cursor"),
        ({"endpoint_id": VEO, "cursor": "LTE="}, "cursor"),
    ],
)
async def test_a_query_that_is_wrong_is_refused(served: serving.Served, query: Mapping[str, Any], word: str) -> None:
    async with client_of(served) as client:
        answer = await client.get(LIST, params=query)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "validation_error")
    assert word in answer.json()["error"]["message"]


# --- webhooks


Call = tuple[Mapping[str, str], bytes]


@contextlib.asynccontextmanager
async def receiving() -> AsyncGenerator[tuple[str, "asyncio.Queue[Call]"]]:
    """Keep what is sent to an address while the context is open."""
    calls: asyncio.Queue[Call] = asyncio.Queue()

    async def hook(request: requests.Request) -> responses.Response:
        await calls.put((dict(request.headers), await request.body()))
        return responses.Response(status_code=200)

    app = applications.Starlette(routes=[routing.Route("/hook", hook, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off", ws="none"))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]
    serving_it = asyncio.create_task(server.serve())
    while not server.started:
        await clock.SystemClock().sleep(0.01)
    port: int = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/hook?attempt=7", calls
    finally:
        server.should_exit = True
        await serving_it


async def verified(client: httpx.AsyncClient, call: Call) -> dict[str, Any]:
    """Return the body of a webhook whose signature is fal's.

    Raises:
        InvalidSignature: it is somebody else's.
    """
    headers, body = call
    (key,) = (await client.get("/.well-known/jwks.json")).json()["keys"]
    assert (key["kty"], key["crv"]) == ("OKP", "Ed25519")
    public = ed25519.Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "=" * (-len(key["x"]) % 4)))
    told = [headers[f"x-fal-webhook-{name}"] for name in ("request-id", "user-id", "timestamp")]
    message = "\n".join([*told, hashlib.sha256(body).hexdigest()])
    public.verify(bytes.fromhex(headers["x-fal-webhook-signature"]), message.encode())
    found: dict[str, Any] = json.loads(body)
    return found


async def hooked(client: httpx.AsyncClient, url: str, prompt: str) -> str:
    answer = await client.post(f"/{VEO}", params={"fal_webhook": url}, json={**CAT, "prompt": prompt})
    found: str = answer.json()["request_id"]
    return found


async def test_an_end_is_told_and_signed(served: serving.Served) -> None:
    async with client_of(served) as client, receiving() as (url, calls), asyncio.timeout(LONGEST_WAIT_SECONDS):
        request_id = await hooked(client, url, "a cat")
        call = await calls.get()
        told = await verified(client, call)
        assert (told["request_id"], told["gateway_request_id"], told["status"]) == (request_id, request_id, "OK")
        assert (await client.get(told["payload"]["video"]["url"])).content[4:8] == b"ftyp"
        assert abs(int(call[0]["x-fal-webhook-timestamp"]) - served.vendor.now) < LONGEST_WAIT_SECONDS
        with pytest.raises(exceptions.InvalidSignature):
            await verified(client, (call[0], call[1] + b" "))
    (create,) = served.vendor.ledger.creates()
    assert create.webhook_url == url


async def test_a_webhook_names_the_attempt_whose_answer_was_lost(served: serving.Served) -> None:
    async with client_of(served) as client, receiving() as (url, calls), asyncio.timeout(LONGEST_WAIT_SECONDS):
        with pytest.raises(httpx.TransportError):
            await client.post(f"/{VEO}", params={"fal_webhook": url}, json={**CAT, "prompt": "a cat [[accept-drop]]"})
        told = await verified(client, await calls.get())
    assert told["request_id"] == served.vendor.ledger.lines(served.vendor.now)[0].job_ids[0]


@pytest.mark.parametrize(
    ("prompt", "error", "kind"),
    [
        ("a cat [[filter]]", "Invalid status code: 422", "content_policy_violation"),
        ("a cat [[fail-inside]]", "The runner disconnected unexpectedly.", "runner_disconnected"),
        ("", "Invalid status code: 422", "string_too_short"),
    ],
)
async def test_a_failure_is_told_with_its_words(served: serving.Served, prompt: str, error: str, kind: str) -> None:
    async with client_of(served) as client, receiving() as (url, calls), asyncio.timeout(LONGEST_WAIT_SECONDS):
        await hooked(client, url, prompt)
        told = await verified(client, await calls.get())
    assert (told["status"], told["error"]) == ("ERROR", error)
    payload = told["payload"]
    assert kind in (payload.get("error_type"), payload["detail"][0]["type"] if "error_type" not in payload else None)


async def test_a_request_that_is_cancelled_is_told_of_before_it_would_have_ended() -> None:
    async with (
        vendors.selling(fal.Fal, pace=FOREVER) as found,
        client_of(found) as client,
        receiving() as (url, calls),
        asyncio.timeout(LONGEST_WAIT_SECONDS),
    ):
        request_id = await hooked(client, url, "a cat [[stall]]")
        await client.put(f"/fal-ai/veo3.1/requests/{request_id}/cancel")
        assert (await verified(client, await calls.get()))["payload"]["error_type"] == "client_cancelled"


async def test_webhooks_come_twice_forged_or_late_as_asked(served: serving.Served) -> None:
    async with client_of(served) as client, receiving() as (url, calls), asyncio.timeout(LONGEST_WAIT_SECONDS):
        await hooked(client, url, "a cat [[webhook-forged]]")
        with pytest.raises(exceptions.InvalidSignature):
            await verified(client, await calls.get())
        await verified(client, await calls.get())
        twice = await hooked(client, url, "a dog [[webhook-twice]]")
        assert [(await verified(client, await calls.get()))["request_id"] for _ in range(2)] == [twice, twice]
        late = await hooked(client, url, "a cow [[webhook-late=0.1]]")
        assert (await verified(client, await calls.get()))["request_id"] == late
        await hooked(client, url, "a pig [[webhook-none]]")
        last = await hooked(client, url, "a hen [[webhook-late=0.2]]")
        assert (await verified(client, await calls.get()))["request_id"] == last
        assert calls.empty()


async def test_a_forgotten_request_is_told_of_by_nobody_and_none_is_told_without_an_address(
    served: serving.Served,
) -> None:
    async with client_of(served) as client, receiving() as (url, calls), asyncio.timeout(LONGEST_WAIT_SECONDS):
        await hooked(client, url, "a cat [[forget]]")
        await completed(client, await submitted(client))
        last = await hooked(client, url, "a hen")
        assert (await verified(client, await calls.get()))["request_id"] == last
