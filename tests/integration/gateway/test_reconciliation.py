"""Operators' door to attempts in doubt, by HTTP and by gRPC: passed on field by field, for the scope "admin" alone."""

from typing import Any

import grpc
import httpx
import pytest
from reelmesh.v1 import reconciliation_service_pb2, reconciliation_service_pb2_grpc
from reelmesh_kit import errors

from tests.integration.gateway import conftest, fake_mesh, fake_reconciliation, test_grpc, test_http_keys

ROOT = "/api/v1/doubtful-attempts"
ID = fake_reconciliation.ATTEMPT_ID
WHY = {"reason": "seen on the console"}
VERBS = {"adopt": WHY | {"job_id": "job-1"}, "resubmit": WHY, "write-off": WHY}
CALLS = [("GET", ROOT, None), *(("POST", f"{ROOT}/{ID}/{verb}", body) for verb, body in VERBS.items())]
METHODS = {
    "ListDoubtfulAttempts": reconciliation_service_pb2.ListDoubtfulAttemptsRequest(page_size=3),
    "AdoptJob": reconciliation_service_pb2.AdoptJobRequest(attempt_id=ID, job_id="job-1", reason="why"),
    "ResubmitAttempt": reconciliation_service_pb2.ResubmitAttemptRequest(attempt_id=ID, reason="why"),
    "WriteOffAttempt": reconciliation_service_pb2.WriteOffAttemptRequest(attempt_id=ID, reason="why"),
}


@pytest.fixture
def doubts(channel: grpc.aio.Channel) -> Any:
    return reconciliation_service_pb2_grpc.ReconciliationServiceStub(channel)


async def test_attempts_in_doubt_are_listed_in_pages(client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh) -> None:
    answer = await client.get(ROOT, params={"page_size": 7, "page_token": "before"})

    assert answer.status_code == 200
    (told,) = answer.json()["attempts"]
    assert (told["attempt_id"], told["state"], told["held_micros"]) == (ID, "INDETERMINATE", 600_000)
    assert told["submit_time"] == "2027-01-02T12:00:00Z"
    assert answer.json()["next_page_token"] == "more"
    asked = reconciliation_service_pb2.ListDoubtfulAttemptsRequest(page_size=7, page_token="before")
    assert mesh.doubts.requests[-1] == asked


@pytest.mark.parametrize(
    ("verb", "state"), [("adopt", "ACCEPTED"), ("resubmit", "WRITTEN_OFF"), ("write-off", "WRITTEN_OFF")]
)
async def test_an_operators_word_is_passed_on(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh, verb: str, state: str
) -> None:
    answer = await client.post(f"{ROOT}/{ID}/{verb}", json=VERBS[verb])

    assert answer.status_code == 200
    assert answer.json()["attempt"]["state"] == state
    assert (mesh.doubts.requests[-1].attempt_id, mesh.doubts.requests[-1].reason) == (ID, WHY["reason"])
    assert mesh.doubts.callers[-1].admin
    assert mesh.doubts.callers[-1].key_id


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.NotFound("there is no attempt"), 404),
        (errors.WrongState("the attempt is ACCEPTED", state="ACCEPTED"), 409),
        (errors.InvalidArgument("reason", "must say why"), 400),
    ],
)
async def test_what_the_orchestrator_refuses_is_refused_in_its_words(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh, error: errors.ReelmeshError, status: int
) -> None:
    mesh.doubts.refuse_with = error

    answer = await client.post(f"{ROOT}/{ID}/write-off", json=WHY)

    assert answer.status_code == status
    assert error.message in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("verb", "body", "field"),
    [
        ("adopt", WHY, "job_id"),
        ("adopt", {"job_id": "job-1"}, "reason"),
        ("resubmit", {}, "reason"),
        ("write-off", WHY | {"attempt_id": ID}, "attempt_id"),
    ],
)
async def test_bodies_that_lack_something_or_say_something_else_are_refused(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh, verb: str, body: dict[str, Any], field: str
) -> None:
    answer = await client.post(f"{ROOT}/{ID}/{verb}", json=body)

    assert (answer.status_code, answer.json()["error"]["metadata"]) == (400, {"field": field})
    assert mesh.doubts.requests == []


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
async def test_a_key_without_the_scope_is_refused_by_http(
    gateway: conftest.Gateway, mesh: fake_mesh.FakeMesh, method: str, path: str, body: Any
) -> None:
    key = test_http_keys.issue(gateway, "acme", "read", "write")

    async with gateway.client(key) as tenant:
        answer = await tenant.request(method, path, json=body)

    assert (answer.status_code, answer.json()["error"]["metadata"]) == (403, {"scope": "admin"})
    assert mesh.doubts.requests == []


@pytest.mark.parametrize("method", METHODS)
async def test_a_key_without_the_scope_is_refused_by_grpc(
    gateway: conftest.Gateway, doubts: Any, mesh: fake_mesh.FakeMesh, method: str
) -> None:
    key = test_http_keys.issue(gateway, "acme", "read", "write")

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await getattr(doubts, method)(METHODS[method], metadata=(("x-api-key", key),))

    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert dict(test_grpc.info(refused.value).metadata)["scope"] == "admin"
    assert mesh.doubts.requests == []


@pytest.mark.parametrize("method", METHODS)
async def test_every_verb_is_passed_on_by_grpc_as_it_was_said(
    gateway: conftest.Gateway, doubts: Any, mesh: fake_mesh.FakeMesh, method: str
) -> None:
    await getattr(doubts, method)(METHODS[method], metadata=gateway.metadata)

    assert mesh.doubts.requests == [METHODS[method]]
    assert mesh.doubts.callers[-1].admin
