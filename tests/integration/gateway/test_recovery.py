"""Operators' door to recovery, by HTTP and by gRPC: passed on field by field, for keys with the scope "admin" alone."""

from typing import Any

import grpc
import httpx
import pytest
from reelmesh.v1 import recovery_service_pb2, recovery_service_pb2_grpc
from reelmesh_kit import errors

from tests.integration.gateway import conftest, fake_mesh, test_grpc, test_http_keys

ROOT = "/api/v1/recovery"
CALLS = [
    ("GET", ROOT, None),
    ("POST", ROOT, {}),
    ("GET", f"{ROOT}/orphans", None),
    ("POST", f"{ROOT}/accounts/sora/release", {}),
    # Nothing below it is told to exist, either.
    ("GET", f"{ROOT}/nothing", None),
]
METHODS = {
    "StartRecovery": recovery_service_pb2.StartRecoveryRequest(),
    "GetRecovery": recovery_service_pb2.GetRecoveryRequest(),
    "ListOrphans": recovery_service_pb2.ListOrphansRequest(),
    "ReleaseAccount": recovery_service_pb2.ReleaseAccountRequest(account_id="sora"),
}


@pytest.fixture
def recovery(channel: grpc.aio.Channel) -> Any:
    return recovery_service_pb2_grpc.RecoveryServiceStub(channel)


async def test_the_report_is_read_by_http(client: httpx.AsyncClient) -> None:
    answer = await client.get(ROOT)

    assert answer.status_code == 200
    told = answer.json()["recovery"]
    assert (told["number"], told["state"], told["reason"]) == (2, "LOOKING", "the database was put back")
    assert (told["begin_time"], told["end_time"]) == ("2027-01-02T12:00:00.500Z", None)
    assert told["accounts"] == [{"account_id": "sora", "provider": "sora", "state": "PARKED", "jobs": 0, "message": ""}]


async def test_a_record_that_never_went_back_has_no_report(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mesh.recovery, "report", None)

    assert (await client.get(ROOT)).json() == {"recovery": None}


async def test_an_operator_starts_it_by_http(client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh) -> None:
    answer = await client.post(ROOT, json={"reason": "the machine was put back"})

    assert answer.status_code == 202
    assert answer.json()["recovery"]["reason"] == "the machine was put back"
    assert mesh.recovery.callers[-1].admin
    assert (await client.post(ROOT, json={})).status_code == 202


async def test_orphans_are_listed_in_pages_by_http(client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh) -> None:
    answer = await client.get(f"{ROOT}/orphans", params={"page_size": 7, "page_token": "before"})

    assert answer.status_code == 200
    assert [(each["job_id"], each["evidence"]) for each in answer.json()["orphans"]] == [("job-1", "ADOPTION")]
    assert answer.json()["next_page_token"] == "more"
    assert mesh.recovery.requests[-1] == recovery_service_pb2.ListOrphansRequest(page_size=7, page_token="before")


async def test_an_account_is_released_by_http(client: httpx.AsyncClient) -> None:
    answer = await client.post(f"{ROOT}/accounts/sora/release", json={"reason": "ada has looked"})

    assert answer.status_code == 200
    (account,) = answer.json()["recovery"]["accounts"]
    assert (account["state"], account["message"]) == ("RELEASED", "ada has looked")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.NotFound("Nobody looks there."), 404),
        (errors.WrongState("It is not parked.", state="ANSWERED"), 409),
        (errors.InvalidArgument("reason", "must be shorter"), 400),
        (errors.Unavailable("no orchestrator has started on this record yet"), 503),
    ],
)
async def test_what_the_orchestrator_refuses_is_refused_in_its_words(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh, error: errors.ReelmeshError, status: int
) -> None:
    mesh.recovery.refuse_with = error

    answer = await client.post(f"{ROOT}/accounts/sora/release", json={})

    assert answer.status_code == status
    assert answer.json()["error"]["reason"] == str(error.reason)
    assert error.message in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (ROOT, {"reason": 7}, "reason"),
        (ROOT, {"why": "so"}, "why"),
        (f"{ROOT}/accounts/sora/release", {"account_id": "veo"}, "account_id"),
    ],
)
async def test_bodies_that_say_something_else_are_refused(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh, path: str, body: dict[str, Any], field: str
) -> None:
    answer = await client.post(path, json=body)

    assert (answer.status_code, answer.json()["error"]["metadata"]) == (400, {"field": field})
    assert mesh.recovery.requests == []


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
async def test_a_key_without_the_scope_is_refused_by_http(
    gateway: conftest.Gateway, mesh: fake_mesh.FakeMesh, method: str, path: str, body: Any
) -> None:
    key = test_http_keys.issue(gateway, "acme", "read", "write")

    async with gateway.client(key) as tenant:
        answer = await tenant.request(method, path, json=body)

    assert answer.status_code == 403
    assert answer.json()["error"]["metadata"] == {"scope": "admin"}
    assert mesh.recovery.requests == []


@pytest.mark.parametrize(("method", "path", "body"), CALLS[:-1])
async def test_the_scope_alone_suffices_by_http(gateway: conftest.Gateway, method: str, path: str, body: Any) -> None:
    async with gateway.client(test_http_keys.issue(gateway, "ops", "admin")) as operator:
        answer = await operator.request(method, path, json=body)

    assert answer.is_success


@pytest.mark.parametrize("method", METHODS)
async def test_a_key_without_the_scope_is_refused_by_grpc(
    gateway: conftest.Gateway, recovery: Any, mesh: fake_mesh.FakeMesh, method: str
) -> None:
    key = test_http_keys.issue(gateway, "acme", "read", "write")

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await getattr(recovery, method)(METHODS[method], metadata=(("x-api-key", key),))

    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert dict(test_grpc.info(refused.value).metadata)["scope"] == "admin"
    assert mesh.recovery.requests == []


@pytest.mark.parametrize("method", METHODS)
async def test_every_verb_is_passed_on_by_grpc_as_it_was_said(
    gateway: conftest.Gateway, recovery: Any, mesh: fake_mesh.FakeMesh, method: str
) -> None:
    await getattr(recovery, method)(METHODS[method], metadata=gateway.metadata)

    assert mesh.recovery.requests == [METHODS[method]]
    assert mesh.recovery.callers[-1].admin
