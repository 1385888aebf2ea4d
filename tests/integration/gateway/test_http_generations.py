"""Generations over HTTP, end to end from a socket to the orchestrator's contract."""

import uuid

import httpx
from reelmesh.v1 import generation_pb2
from reelmesh_kit import errors

from tests.integration.gateway import fake_mesh

ROOT = "/api/v1/generations"


async def test_a_create_reaches_the_orchestrator_with_every_field_it_had(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh
) -> None:
    body = {
        "prompt": "a lighthouse 灯台 🌊",
        "output": {"duration_seconds": 4, "aspect_ratio": "9:16", "audio": False},
        "labels": {"project": "demo"},
        "max_cost_micros": 2_500_000,
        "deadline_time": "2026-12-24T19:00:00+01:00",
        "fallback_floor": "VIDEO",
        "seed": 0,
        "user_id": "ada",
    }

    answer = await client.post(ROOT, json=body)

    assert answer.status_code == 202
    asked = mesh.orchestrator.requests[-1].generation
    assert asked.prompt == body["prompt"]
    assert asked.output.HasField("audio")
    assert not asked.output.audio
    assert asked.max_cost_micros == 2_500_000
    assert asked.deadline_time.ToJsonString() == "2026-12-24T18:00:00Z"
    assert asked.fallback_floor == 1
    assert asked.HasField("seed")
    assert not asked.HasField("priority")


async def test_the_answer_says_the_state_as_a_word_and_where_to_find_the_generation(client: httpx.AsyncClient) -> None:
    answer = await client.post(ROOT, json={"prompt": "a lighthouse"})

    made = answer.json()
    assert made["state"] == "QUEUED"
    assert made["create_time"] == "2027-01-02T12:00:00.500Z"
    assert made["max_cost_micros"] == 0
    assert made["delivery"] is None
    assert answer.headers["location"] == f"{ROOT}/{made['id']}"
    assert (await client.get(answer.headers["location"])).json() == made


async def test_the_same_idempotency_key_answers_the_same_generation_and_says_so(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "once"}

    first = await client.post(ROOT, json={"prompt": "a"}, headers=headers)
    second = await client.post(ROOT, json={"prompt": "a", "request_id": "once"})

    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert (second.status_code, second.json()) == (202, first.json())


async def test_two_different_idempotency_keys_in_one_request_are_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post(ROOT, json={"prompt": "a", "request_id": "b"}, headers={"Idempotency-Key": "c"})

    assert answer.status_code == 400
    assert answer.json()["error"]["metadata"]["field"] == "request_id"


async def test_an_unknown_field_is_refused_by_its_name_with_the_nearest_known_one(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh
) -> None:
    answer = await client.post(ROOT, json={"prompt": "a", "output": {"duration_second": 4}})

    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error["reason"] == "INVALID_ARGUMENT"
    assert error["metadata"]["field"] == "output.duration_second"
    assert 'Did you mean "duration_seconds"?' in error["message"]
    assert mesh.orchestrator.requests == []


async def test_a_list_passes_its_filters_on(client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh) -> None:
    made = (await client.post(ROOT, json={"prompt": "a"})).json()

    answer = await client.get(
        ROOT,
        params={"states": ["QUEUED", "FAILED"], "labels": ["project=demo", "kind=a=b"], "page_size": 5, "user_id": "x"},
    )

    asked = mesh.orchestrator.requests[-1]
    assert list(asked.states) == [2, 7]
    assert dict(asked.labels) == {"project": "demo", "kind": "a=b"}
    assert (asked.page_size, asked.user_id) == (5, "x")
    assert [each["id"] for each in answer.json()["generations"]] == [made["id"]]
    assert answer.json()["next_page_token"] == "more"


async def test_a_misspelt_filter_is_refused_instead_of_listing_everything(client: httpx.AsyncClient) -> None:
    answer = await client.get(ROOT, params={"state": "QUEUED"})

    assert answer.status_code == 400
    assert 'Did you mean "states"?' in answer.json()["error"]["message"]


async def test_cancel_retry_events_and_quote_are_passed_on(client: httpx.AsyncClient) -> None:
    made = (await client.post(ROOT, json={"prompt": "a"})).json()
    path = f"{ROOT}/{made['id']}"

    cancelled = await client.post(f"{path}/cancel")
    retried = await client.post(f"{path}/retry")
    events = await client.get(f"{path}/events")
    none = await client.get(f"{path}/events", params={"after_sequence": 1})
    quote = await client.post("/api/v1/quotes", json={"prompt": "a"})

    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "CANCELLED")
    assert (retried.status_code, retried.json()["run"]) == (202, 2)
    assert [each["type"] for each in events.json()["events"]] == ["created"]
    assert none.json() == {"events": []}
    assert quote.json()["price_micros"] == 1_250_000


async def test_takes_and_still_pictures_have_urls_and_a_take_is_promoted(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh
) -> None:
    made = (await client.post(ROOT, json={"prompt": "a"})).json()
    path = f"{ROOT}/{made['id']}"
    kept = mesh.orchestrator.generations[made["id"]]
    kept.infographic.asset_id = mesh.storage.keep(b"still", tenant_id=made["tenant_id"])
    take = kept.takes.add(number=1, state=generation_pb2.TAKE_STATE_READY, whole=True)
    take.renditions.add(asset_id=mesh.storage.keep(b"take", tenant_id=made["tenant_id"]), name="720p")

    seen = (await client.get(path)).json()
    promoted = await client.post(f"{path}/takes/1/promote")

    async with httpx.AsyncClient() as stranger:
        assert (await stranger.get(seen["infographic"]["url"])).content == b"still"
        assert (await stranger.get(seen["takes"][0]["renditions"][0]["url"])).content == b"take"
        assert (await stranger.get(promoted.json()["renditions"][0]["url"])).content == b"take"
    assert (promoted.status_code, promoted.json()["takes"][0]["promoted"]) == (200, True)
    assert (await client.post(f"{path}/takes/2/promote")).status_code == 404
    assert (await client.post(f"{path}/takes/two/promote")).status_code == 400


async def test_a_finished_generation_has_urls_that_work_without_a_key(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh
) -> None:
    made = (await client.post(ROOT, json={"prompt": "a"})).json()
    asset_id = mesh.storage.keep(b"video", tenant_id=made["tenant_id"])
    await mesh.orchestrator.complete(made["id"], asset_id)

    url = (await client.get(f"{ROOT}/{made['id']}")).json()["renditions"][0]["url"]

    async with httpx.AsyncClient() as stranger:
        assert (await stranger.get(url)).content == b"video"


async def test_a_generation_is_answered_without_urls_while_storage_is_silent(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh
) -> None:
    made = (await client.post(ROOT, json={"prompt": "a"})).json()
    await mesh.orchestrator.complete(made["id"], str(uuid.UUID(int=99)))

    answer = await client.get(f"{ROOT}/{made['id']}")

    assert answer.status_code == 200
    assert answer.json()["renditions"][0]["url"] == ""


async def test_what_the_orchestrator_refuses_is_answered_with_its_reason_and_metadata(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh
) -> None:
    mesh.orchestrator.refuse_with = errors.NoCandidate(local="too long")

    answer = await client.post(ROOT, json={"prompt": "a"})

    assert answer.status_code == 400
    assert answer.json()["error"]["reason"] == "NO_CANDIDATE"
    assert answer.json()["error"]["metadata"] == {"local": "too long"}
    assert answer.json()["error"]["request_id"] == answer.headers["x-request-id"]


async def test_a_generation_that_is_not_there_is_404(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{ROOT}/{uuid.UUID(int=7)}")

    assert answer.status_code == 404
    assert answer.json()["error"]["reason"] == "NOT_FOUND"


async def test_a_generation_that_has_ended_is_deleted_with_its_files_and_no_other_is(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh
) -> None:
    made = (await client.post(ROOT, json={"prompt": "a lighthouse"})).json()
    asset_id = mesh.storage.keep(b"a film", tenant_id=made["tenant_id"])
    path = f"{ROOT}/{made['id']}"

    running = await client.delete(path)
    assert (running.status_code, running.json()["error"]["reason"]) == (409, "WRONG_STATE")
    assert not mesh.storage.removed

    await mesh.orchestrator.complete(made["id"], asset_id)
    assert (await client.delete(path)).status_code == 204
    assert (asset_id, made["tenant_id"]) in mesh.storage.removed
    assert (await client.delete(path)).status_code == 404


async def test_a_create_says_how_often_it_was_sent_before(client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh) -> None:
    sha = "ab" * 32
    await client.post(ROOT, json={"prompt": "a lighthouse", "repeat": {"body_sha256": sha, "count": 2}})
    asked = mesh.orchestrator.requests[-1]
    assert (asked.repeat.body_sha256, asked.repeat.count) == (sha, 2)
    await client.post(ROOT, json={"prompt": "a lighthouse"})
    assert not mesh.orchestrator.requests[-1].HasField("repeat")
