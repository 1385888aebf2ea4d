"""Who gets in by HTTP, and who does not."""

import json
import logging

import httpx
import pytest
from click import testing
from reelmesh_gateway import commands
from reelmesh_gateway.model import keys

from tests.integration.gateway import conftest, fake_mesh

ROOT = "/api/v1/generations"
SOME_ID = "00000000-0000-0000-0000-000000000001"
CLOSED = [
    ("GET", ROOT),
    ("POST", ROOT),
    ("GET", f"{ROOT}/{SOME_ID}"),
    ("GET", f"{ROOT}/{SOME_ID}/events"),
    ("GET", f"{ROOT}/{SOME_ID}/watch"),
    ("POST", f"{ROOT}/{SOME_ID}/cancel"),
    ("POST", f"{ROOT}/{SOME_ID}/retry"),
    ("POST", "/api/v1/quotes"),
    ("POST", "/api/v1/assets"),
    ("GET", f"/api/v1/assets/{SOME_ID}"),
    ("GET", f"/api/v1/assets/{SOME_ID}/content"),
    ("HEAD", f"/api/v1/assets/{SOME_ID}/content"),
    ("DELETE", f"/api/v1/assets/{SOME_ID}"),
    ("GET", "/api/v1/recovery"),
    ("POST", "/api/v1/recovery"),
    ("GET", "/api/v1/recovery/orphans"),
    ("POST", "/api/v1/recovery/accounts/sora/release"),
    ("GET", "/nothing/here"),
]


def issue(gateway: conftest.Gateway, tenant_id: str, *scopes: str) -> str:
    """Write one more key into the gateway's file, as an operator does; return its text."""
    text = keys.mint(tenant_id.encode().ljust(keys.ID_BYTES, b"-")[: keys.ID_BYTES], b"s" * keys.SECRET_BYTES)
    parts = keys.parse(text)
    assert parts is not None
    path = gateway.data_folder / "api-keys.json"
    content = json.loads(path.read_text())
    content["keys"].append(
        {
            "id": parts.key_id,
            "sha256": keys.digest(parts.secret),
            "tenant_id": tenant_id,
            "scopes": list(scopes),
            "created": "2026-01-01T00:00:00+00:00",
        }
    )
    path.write_text(json.dumps(content))
    return text


async def test_nothing_of_the_api_answers_without_a_key(gateway: conftest.Gateway, mesh: fake_mesh.FakeMesh) -> None:
    async with gateway.client(key="") as stranger:
        answers = [await stranger.request(method, path) for method, path in CLOSED]

    assert [each.status_code for each in answers] == [401] * len(CLOSED)
    assert answers[0].json()["error"]["reason"] == "UNAUTHENTICATED"
    assert answers[0].headers["www-authenticate"].startswith("Bearer")
    assert [*mesh.orchestrator.requests, *mesh.recovery.requests] == []


async def test_no_route_is_open_that_the_schema_does_not_call_open(gateway: conftest.Gateway) -> None:
    async with gateway.client(key="") as stranger:
        schema = (await stranger.get("/openapi.json")).json()
        statuses = {
            (method, path): (await stranger.request(method, path.replace("{", "").replace("}", ""))).status_code
            for path, operations in schema["paths"].items()
            for method in operations
        }

    open_paths = {path for (_, path), status in statuses.items() if status != 401}
    assert open_paths == {"/health", "/health/detailed", "/metrics", "/files/{token}"}


@pytest.mark.parametrize("damage", ["garbled", "secret", "unknown", "long", "empty", "not ascii"])
async def test_a_wrong_key_is_refused_without_saying_what_is_wrong_with_it(
    gateway: conftest.Gateway, damage: str
) -> None:
    parts = keys.parse(gateway.key)
    assert parts is not None
    wrong = {
        "garbled": gateway.key[:-1] + ("0" if gateway.key[-1] != "0" else "1"),
        "secret": keys.mint(bytes.fromhex(parts.key_id), b"x" * keys.SECRET_BYTES),
        "unknown": keys.mint(b"nobody", b"x" * keys.SECRET_BYTES),
        "long": gateway.key * 100,
        "empty": "",
        "not ascii": "rm_é",
    }[damage]

    async with gateway.client(key="") as stranger:
        answer = await stranger.get(ROOT, headers=[(b"X-API-Key", wrong.encode("latin-1"))])

    error = answer.json()["error"]
    assert answer.status_code == 401
    assert error["metadata"] == {}
    assert error["message"].startswith("No valid API key.")


async def test_a_key_works_in_either_header(gateway: conftest.Gateway) -> None:
    async with gateway.client(key="") as client:
        by_header = await client.get(ROOT, headers={"X-API-Key": gateway.key})
        by_bearer = await client.get(ROOT, headers={"Authorization": f"bearer {gateway.key}"})

    assert (by_header.status_code, by_bearer.status_code) == (200, 200)


async def test_a_key_without_the_scope_is_refused_and_told_which(gateway: conftest.Gateway) -> None:
    reading = issue(gateway, "acme", "read")

    async with gateway.client(reading) as reader:
        create = await reader.post(ROOT, json={"prompt": "a"})
        quote = await reader.post("/api/v1/quotes", json={"prompt": "a"})
        listed = await reader.get(ROOT)

    assert create.status_code == 403
    assert create.json()["error"]["metadata"] == {"scope": "write"}
    assert (quote.status_code, listed.status_code) == (200, 200)


async def test_a_strangers_generation_and_asset_are_404(
    gateway: conftest.Gateway, client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh
) -> None:
    made = (await client.post(ROOT, json={"prompt": "a"})).json()
    asset_id = mesh.storage.keep(b"video", tenant_id=made["tenant_id"])
    other = issue(gateway, "acme", "read", "write")

    async with gateway.client(other) as stranger:
        answers = [
            await stranger.get(f"{ROOT}/{made['id']}"),
            await stranger.get(f"{ROOT}/{made['id']}/watch"),
            await stranger.get(f"/api/v1/assets/{asset_id}"),
            await stranger.get(f"/api/v1/assets/{asset_id}/content"),
            await stranger.delete(f"/api/v1/assets/{asset_id}"),
        ]

    assert [each.status_code for each in answers] == [404] * len(answers)
    assert asset_id in mesh.storage.assets


async def test_calls_behind_the_gateway_act_for_the_keys_tenant_whatever_headers_claim(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh
) -> None:
    await client.post(ROOT, json={"prompt": "a"}, headers={"reelmesh-tenant": "victim", "reelmesh-admin": "1"})

    assert mesh.orchestrator.callers[-1].tenant_id == "development"


async def test_a_revoked_key_stops_working_at_once(gateway: conftest.Gateway, client: httpx.AsyncClient) -> None:
    assert (await client.get(ROOT)).status_code == 200

    (gateway.data_folder / "api-keys.json").write_text('{"version": 1, "keys": []}')

    assert (await client.get(ROOT)).status_code == 401


async def test_the_keys_stay_as_they_were_while_their_file_is_broken(
    gateway: conftest.Gateway, client: httpx.AsyncClient
) -> None:
    (gateway.data_folder / "api-keys.json").write_text("{")

    assert (await client.get(ROOT)).status_code == 200


async def test_a_key_that_creates_too_often_is_told_when_to_come_back(
    open_gateway: conftest.Open, mesh: fake_mesh.FakeMesh
) -> None:
    async with open_gateway(creates_per_minute=6, creates_burst=2) as gateway, gateway.client() as client:
        answers = [await client.post(ROOT, json={"prompt": "a"}) for _ in range(3)]
        reading = await client.get(ROOT)

    assert [each.status_code for each in answers] == [202, 202, 429]
    assert answers[2].json()["error"]["reason"] == "RATE_LIMITED"
    assert 1 <= int(answers[2].headers["retry-after"]) <= 10
    assert reading.status_code == 200
    assert len(mesh.orchestrator.generations) == 2


async def test_keys_that_are_added_and_revoked_beside_a_running_gateway_count_at_once(
    gateway: conftest.Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    def run(*arguments: str) -> testing.Result:
        done = testing.CliRunner().invoke(commands.keys, [*arguments, "--data", str(gateway.data_folder)])
        assert done.exit_code == 0, done.output
        return done

    caplog.set_level(logging.INFO)
    key = run("add", "acme", "--scope", "read").stdout.strip()
    async with gateway.client(key) as client:
        before = [(await client.get(ROOT)).status_code, (await client.post(ROOT, json={"prompt": "a"})).status_code]
        run("revoke", key)
        after = (await client.get(ROOT)).status_code
    assert (before, after) == ([200, 403], 401)
    changes = [record for record in caplog.records if record.message == "The API keys have changed."]
    presented = keys.parse(key)
    assert presented is not None
    assert [(vars(each)["added"], vars(each)["gone"]) for each in changes] == [
        ([presented.key_id], []),
        ([], [presented.key_id]),
    ]
