"""Operators' door to accounts and switches, by HTTP and by gRPC: for the scope "admin" alone, field by field."""

from typing import Any

import grpc
import httpx
import pytest
from reelmesh.v1 import account_service_pb2, account_service_pb2_grpc
from reelmesh_kit import errors

from tests.integration.gateway import conftest, fake_accounts, fake_mesh, test_http_keys

WORD = {"target": {"provider": "veo", "model": "veo-3.1"}, "reason": "it makes cats of dogs"}
CALLS = [
    ("GET", "/api/v1/accounts", None, account_service_pb2.ListAccountsRequest()),
    ("GET", "/api/v1/switches", None, account_service_pb2.ListSwitchesRequest()),
    (
        "POST",
        "/api/v1/switches/off",
        WORD,
        account_service_pb2.SwitchOffRequest(target=fake_accounts.TARGET, reason=WORD["reason"]),
    ),
    (
        "POST",
        "/api/v1/switches/on",
        WORD,
        account_service_pb2.SwitchOnRequest(target=fake_accounts.TARGET, reason=WORD["reason"]),
    ),
    (
        "GET",
        "/api/v1/health-events?page_size=7&page_token=9",
        None,
        account_service_pb2.ListHealthEventsRequest(page_size=7, page_token="9"),
    ),
    ("GET", "/api/v1/pools", None, account_service_pb2.ListPoolsRequest()),
]
METHODS = {type(request).__name__.removesuffix("Request"): request for _, _, _, request in CALLS}


@pytest.mark.parametrize(("method", "path", "body", "request_"), CALLS)
async def test_what_operators_say_and_ask_is_passed_on(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh, method: str, path: str, body: Any, request_: Any
) -> None:
    answer = await client.request(method, path, json=body)
    assert answer.status_code == 200
    assert mesh.accounts.requests == [request_]
    assert mesh.accounts.callers[-1].admin
    assert mesh.accounts.callers[-1].key_id


async def test_accounts_are_told_with_the_health_of_their_models(client: httpx.AsyncClient) -> None:
    (account,) = (await client.get("/api/v1/accounts")).json()["accounts"]
    (model,) = account["models"]
    assert (account["id"], account["provider"], account["slots"]) == ("gcp-1", "veo", 4)
    assert (model["breaker"], model["failed_submits"]) == ("OPEN", 5)
    assert (model["trial_time"], model["rest_time"]) == ("2027-01-02T12:00:00Z", None)


async def test_pools_are_told_with_their_workers(client: httpx.AsyncClient) -> None:
    (pool,) = (await client.get("/api/v1/pools")).json()["pools"]
    assert (pool["pool"], pool["waiting"], pool["lanes"]) == ("veo", 3, [])
    (worker,) = pool["workers"]
    assert (worker["name"], worker["drained"], worker["load"]) == ("provider-veo-x", True, 0)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"target": {"provider": "veo"}}, "reason"),
        ({"reason": "why"}, "target"),
        ({"target": {"vendor": "veo"}, "reason": "why"}, "target.vendor"),
    ],
)
async def test_bodies_that_lack_something_or_say_something_else_are_refused(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh, body: Any, field: str
) -> None:
    answer = await client.post("/api/v1/switches/off", json=body)
    assert (answer.status_code, answer.json()["error"]["metadata"]) == (400, {"field": field})
    assert mesh.accounts.requests == []


async def test_a_name_that_nobody_has_is_refused_in_the_orchestrators_words(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh
) -> None:
    mesh.accounts.refuse_with = errors.InvalidArgument("target.provider", "there is no 'voe'; there are: veo")
    answer = await client.post("/api/v1/switches/off", json=WORD)
    assert answer.status_code == 400
    assert "there is no 'voe'" in answer.json()["error"]["message"]


@pytest.mark.parametrize(("method", "path", "body", "request_"), CALLS)
async def test_a_key_without_the_scope_is_refused_by_http(
    gateway: conftest.Gateway, mesh: fake_mesh.FakeMesh, method: str, path: str, body: Any, request_: Any
) -> None:
    async with gateway.client(test_http_keys.issue(gateway, "acme", "read", "write")) as tenant:
        answer = await tenant.request(method, path, json=body)
    assert (answer.status_code, answer.json()["error"]["metadata"]) == (403, {"scope": "admin"})
    assert mesh.accounts.requests == []


@pytest.mark.parametrize("method", METHODS)
async def test_by_grpc_who_has_the_scope_is_passed_on_and_nobody_else(
    gateway: conftest.Gateway, channel: grpc.aio.Channel, mesh: fake_mesh.FakeMesh, method: str
) -> None:
    call: Any = getattr(account_service_pb2_grpc.AccountServiceStub(channel), method)
    plain = test_http_keys.issue(gateway, "acme", "read", "write")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(METHODS[method], metadata=(("x-api-key", plain),))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert mesh.accounts.requests == []
    await call(METHODS[method], metadata=gateway.metadata)
    assert mesh.accounts.requests == [METHODS[method]]
