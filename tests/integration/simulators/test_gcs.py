"""The buckets that Veo writes to: what was lost is found there by the prefix that it was told to write to."""

import asyncio
import urllib.parse
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from reelmesh_kit import clock
from reelmesh_simulators import catalogue, clips, serving, vendor
from reelmesh_simulators.faults import Fault, Rule

from tests.support import vendors, vertex
from tests.support.vertex import LONGEST_WAIT_SECONDS, look, made, ordered

OBJECTS = "/storage/v1/b/films/o"


@pytest.fixture
async def found() -> AsyncIterator[serving.Served]:
    async with vendors.selling(catalogue.DIALECTS["veo"]) as served:
        yield served


@pytest.fixture
async def client(found: serving.Served) -> AsyncIterator[httpx.AsyncClient]:
    async with vertex.calling(found) as opened:
        yield opened


async def listed(client: httpx.AsyncClient, **asked: str) -> dict[str, Any]:
    answer = await client.get(OBJECTS, params=asked)
    assert answer.status_code == 200
    return answer.json()


async def appeared(client: httpx.AsyncClient, prefix: str) -> list[dict[str, Any]]:
    async with asyncio.timeout(LONGEST_WAIT_SECONDS):
        while not (items := (await listed(client, prefix=prefix)).get("items", [])):
            await clock.SystemClock().sleep(0.02)
        return items


def address(name: str) -> str:
    return f"{OBJECTS}/{urllib.parse.quote(name, safe='')}"


@pytest.mark.parametrize("marker", ["accept-drop", "accept-502", "accept-500", "forget=0"])
async def test_what_was_made_of_a_lost_answer_is_found_by_its_prefix(
    found: serving.Served, client: httpx.AsyncClient, marker: str
) -> None:
    try:
        await ordered(client, f"a cat [[{marker}]]", storageUri="gs://films/attempt-1/")
    except httpx.TransportError:
        assert marker == "accept-drop"
    (item,) = await appeared(client, "attempt-1/")
    assert item["name"].endswith("/sample_0.mp4")
    (job,) = found.vendor.ledger.all_jobs()
    assert job.job_id not in item["name"]
    content = (await client.get(address(item["name"]), params={"alt": "media"})).content
    assert content == clips.clip(1280, 720, 4.0, job.job_id)
    assert (await client.get(address(item["name"]))).json() == item
    assert int(item["size"]) == len(content)


async def test_a_restart_forgets_operations_and_no_objects(client: httpx.AsyncClient) -> None:
    operation = await made(client, storageUri="gs://films/a")
    await client.post("/_sim/restart")
    assert (await look(client, operation["name"])).status_code == 404
    (item,) = (await listed(client, prefix="a/"))["items"]
    assert operation["response"]["videos"][0]["gcsUri"] == f"gs://films/{item['name']}"


async def test_nothing_lies_there_before_it_is_made_nor_of_what_is_not(client: httpx.AsyncClient) -> None:
    await ordered(client, "a cat [[stall]]", storageUri="gs://films/a/")
    for marker in ("fail", "filter", "empty"):
        await made(client, f"a dog [[{marker}]]", storageUri="gs://films/a/")
    await made(client, "a cow")
    assert await listed(client) == {"kind": "storage#objects"}
    assert (await client.get("/storage/v1/b/other/o")).json() == {"kind": "storage#objects"}


async def test_of_clips_that_are_withheld_in_part_the_others_lie_there(client: httpx.AsyncClient) -> None:
    await made(client, "a cat [[filter=1]]", sampleCount=3, storageUri="gs://films/a/")
    names = [item["name"].rpartition("/")[2] for item in (await listed(client))["items"]]
    assert names == ["sample_0.mp4", "sample_1.mp4"]


async def test_a_list_has_folders_and_pages(client: httpx.AsyncClient) -> None:
    for attempt in ("a", "b"):
        await made(client, sampleCount=2, storageUri=f"gs://films/{attempt}/")
    whole = [item["name"] for item in (await listed(client))["items"]]
    assert whole == sorted(whole)
    names: list[str] = []
    page = await listed(client, maxResults="3")
    names += [item["name"] for item in page["items"]]
    page = await listed(client, maxResults="3", pageToken=page["nextPageToken"])
    names += [item["name"] for item in page["items"]]
    assert names == whole
    assert "nextPageToken" not in page
    folders = await listed(client, delimiter="/")
    assert folders == {"kind": "storage#objects", "prefixes": ["a/", "b/"]}
    (folder,) = (await listed(client, prefix="a/", delimiter="/"))["prefixes"]
    assert len((await listed(client, prefix=folder, delimiter="/"))["items"]) == 2


async def test_an_object_may_be_missing_from_the_list_for_a_time(client: httpx.AsyncClient) -> None:
    operation = await made(client, "a cat [[unlisted=3600]]", storageUri="gs://films/a/")
    assert await listed(client) == {"kind": "storage#objects"}
    name = operation["response"]["videos"][0]["gcsUri"].removeprefix("gs://films/")
    assert (await client.get(address(name), params={"alt": "media"})).content[4:8] == b"ftyp"


@pytest.mark.parametrize(
    ("asked", "status", "reason"),
    [
        ({"maxResults": "0"}, 400, "invalid"),
        ({"maxResults": "x"}, 400, "invalid"),
        ({"pageToken": "%"}, 400, "invalid"),
    ],
)
async def test_a_list_that_is_wrongly_asked_for_is_refused(
    client: httpx.AsyncClient, asked: dict[str, str], status: int, reason: str
) -> None:
    answer = await client.get(OBJECTS, params=asked)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (status, reason)


async def test_strangers_and_what_is_not_there(found: serving.Served, client: httpx.AsyncClient) -> None:
    async with httpx.AsyncClient(base_url=found.url) as stranger:
        for path in (OBJECTS, address("a/b.mp4")):
            answer = await stranger.get(path)
            assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (401, "authError")
    answer = await client.get(address("a/b.mp4"))
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "No such object: films/a/b.mp4")


async def test_a_download_goes_wrong_as_asked(client: httpx.AsyncClient) -> None:
    async def fetched(marker: str) -> httpx.Response:
        operation = await made(client, f"a cat [[{marker}]]", storageUri="gs://films/a/")
        name = operation["response"]["videos"][0]["gcsUri"].removeprefix("gs://films/")
        return await client.get(address(name), params={"alt": "media"})

    assert (await fetched("lost")).status_code == 404
    assert (await fetched("expired")).status_code == 403
    assert (await fetched("no-video")).content == vendor.ERROR_AS_VIDEO
    assert (await fetched("corrupt")).content[4:8] == b"ftyp"
    with pytest.raises(httpx.RemoteProtocolError):
        await fetched("truncate")


async def test_a_list_goes_wrong_by_a_rule(found: serving.Served, client: httpx.AsyncClient) -> None:
    found.vendor.suffering.rules.append(Rule(Fault.POLL_500, times=1))
    assert (await client.get(OBJECTS)).status_code == 500
    assert (await client.get(OBJECTS)).status_code == 200


async def test_the_operator_sees_seed_and_labels_of_each_job(client: httpx.AsyncClient) -> None:
    body = {"instances": [{"prompt": "a cat"}], "parameters": {"seed": 7}, "labels": {"job": "a-1"}}
    await client.post(f"{vertex.MODEL}:predictLongRunning", json=body)
    (job,) = (await client.get("/_sim/ledger")).json()["jobs"]
    assert (job["seed"], job["labels"], job["request"], job["size"]) == (7, {"job": "a-1"}, "a cat", "1280x720")
