"""A stranger with a valid key: whatever belongs to another tenant does not exist, at every door, by every verb.

The doors are asked what they have (OpenAPI, gRPC reflection): an endpoint without a case here fails.
"""

import dataclasses
import io
import pathlib
from collections.abc import AsyncGenerator
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio
from click import testing
from google.protobuf import descriptor_pb2, message
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from PIL import Image
from reelmesh.v1 import (
    asset_pb2,
    asset_service_pb2,
    asset_service_pb2_grpc,
    generation_service_pb2,
    generation_service_pb2_grpc,
)
from reelmesh_gateway import commands

from tests.e2e import caller, doors, mesh

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

UNKNOWN = "00000000-0000-4000-8000-000000000000"
SECRET = "moonlit-heron"  # in everything that the other tenant says about its own
REQUEST_ID, SECOND_REQUEST_ID = "the-same-for-both", "another-for-both"
TINY = dict(caller.TINY)


@dataclasses.dataclass(frozen=True)
class Other:
    """What another tenant has: generations in the states that verbs care for, and assets."""

    done: caller.Body
    running: caller.Body
    failed: caller.Body
    image: caller.Body
    gone: str
    """An asset that it has deleted."""

    @property
    def generations(self) -> list[str]:
        """Ids of its generations."""
        return [each["id"] for each in (self.done, self.running, self.failed)]

    @property
    def assets(self) -> list[str]:
        """Ids of its assets: uploaded, delivered, deleted."""
        return [self.image["id"], self.done["renditions"][0]["asset_id"], self.done["poster_asset_id"], self.gone]

    def leaks(self, text: str, asked: str) -> list[str]:
        """Return what an answer tells of it beyond the id that was asked for."""
        known = [SECRET, "development", self.done["trace_id"], *self.generations, *self.assets]
        return [each for each in known if each in text and each != asked]


@dataclasses.dataclass(frozen=True)
class World:
    """A mesh, somebody's things in it, and a stranger."""

    mesh: mesh.Mesh
    other: Other
    stranger: httpx.AsyncClient
    metadata: tuple[tuple[str, str]]
    plain: str
    """A key of the stranger's without the scope "admin"."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    async with mesh.up(tmp_path_factory.mktemp("mesh")) as one:
        other = await _things_of_another(one)
        key = _key(one.folder / "gateway-0", "stranger")
        async with httpx.AsyncClient(base_url=one.caller.http.base_url, headers={mesh.KEY_HEADER: key}) as stranger:
            plain = _key(one.folder / "gateway-0", "stranger", "read", "write")
            yield World(one, other, stranger, ((mesh.KEY_HEADER, key),), plain)
            await one.caller.cancel(other.running["id"])
            await one.caller.ended(other.running["id"])


async def _things_of_another(one: mesh.Mesh) -> Other:
    image = await one.caller.upload(_png())
    gone = await one.caller.upload(_png())
    assert (await one.caller.http.delete(f"{caller.ASSETS}/{gone['id']}")).status_code == 204
    fields = {"labels": {"name": SECRET}, "user_id": SECRET}
    done = await one.caller.made(SECRET, reference_asset_ids=[image["id"]], request_id=REQUEST_ID, **fields)
    failed = await one.caller.create(
        f"{SECRET} [[fail]]", fallback_floor="VIDEO", request_id=SECOND_REQUEST_ID, **fields
    )
    failed = await one.caller.ended(failed["id"])
    assert failed["state"] == "FAILED"
    long = {"width": 640, "height": 360, "duration_seconds": 60}
    running = await one.caller.create(f"{SECRET} [[slow=600]]", long, **fields)
    return Other(done, running, failed, image, gone["id"])


def _png() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (64, 36), (10, 20, 30)).save(content, "PNG")
    return content.getvalue()


def _key(folder: pathlib.Path, tenant: str, *scopes: str) -> str:
    wanted = (f"--scope={each}" for each in scopes or commands.SCOPES)
    added = testing.CliRunner().invoke(commands.keys, ["add", tenant, "--data", str(folder), *wanted])
    assert added.exit_code == 0, added.output
    return added.stdout.strip()


async def test_every_endpoint_of_http_has_a_case_here(world: World) -> None:
    schema = (await world.stranger.get("/openapi.json")).json()
    offered = {(method, path) for path, operations in schema["paths"].items() for method in operations}
    assert offered == doors.NAMING.keys() | doors.OTHERWISE | doors.OPENAI | doors.OPERATING


@pytest.mark.parametrize(("method", "path"), doors.NAMING, ids=lambda part: part.replace("/api/v1", ""))
async def test_what_another_tenant_has_does_not_exist_by_http(world: World, method: str, path: str) -> None:
    kind = doors.NAMING[method, path]
    path = path.replace(doors.TAKE, "1")
    wanted = world.other.generations if kind == doors.GENERATION else world.other.assets
    nobodys = caller.refused(await world.stranger.request(method, path.replace(kind, UNKNOWN)), 404, "NOT_FOUND")
    for each in wanted:
        for headers in ({}, {"accept": "text/event-stream"}, {"range": "bytes=0-9"}):
            answer = await world.stranger.request(method, path.replace(kind, each), headers=headers)
            told = caller.refused(answer, 404, "NOT_FOUND")
            assert told == nobodys.replace(UNKNOWN, each)
            assert world.other.leaks(answer.text, each) == []


async def test_the_bytes_of_another_tenant_are_not_there_for_head_either(world: World) -> None:
    for each in world.other.assets:
        assert (await world.stranger.head(f"{caller.ASSETS}/{each}/content")).status_code == 404


async def test_lists_are_empty_whatever_they_are_asked_for(world: World) -> None:
    for query in ("", "?page_size=100", f"?labels=name={SECRET}", f"?user_id={SECRET}", "?states=COMPLETED"):
        answer = await world.stranger.get(caller.GENERATIONS + query)
        assert caller.answered(answer, 200) == {"generations": [], "next_page_token": ""}


async def test_a_page_token_of_another_tenant_leads_to_nothing_of_it(world: World) -> None:
    page = caller.answered(await world.mesh.caller.http.get(f"{caller.GENERATIONS}?page_size=1"), 200)
    assert page["next_page_token"]
    token = page["next_page_token"]
    answer = await world.stranger.get(caller.GENERATIONS, params={"page_size": 1, "page_token": token})
    assert world.other.leaks(answer.text, token) == []
    assert answer.status_code == 400 or answer.json()["generations"] == []


@pytest.mark.parametrize("path", [caller.GENERATIONS, "/api/v1/quotes"])
async def test_pictures_of_another_tenant_cannot_be_used(world: World, path: str) -> None:
    def body(asset_id: str) -> dict[str, Any]:
        return {"prompt": "mine", "output": TINY, "reference_asset_ids": [asset_id]}

    nobodys = await world.stranger.post(path, json=body(UNKNOWN))
    message_of_nobodys = caller.refused(nobodys, nobodys.status_code, "ASSET_UNUSABLE")
    for each in world.other.assets:
        answer = await world.stranger.post(path, json=body(each))
        assert caller.refused(answer, nobodys.status_code, "ASSET_UNUSABLE") == message_of_nobodys.replace(
            UNKNOWN, each
        )
        assert world.other.leaks(answer.text, each) == []


async def test_the_same_request_id_of_two_tenants_makes_two_generations(world: World) -> None:
    body = {"prompt": "mine", "output": TINY, "request_id": REQUEST_ID}
    answer = await world.stranger.post(caller.GENERATIONS, json=body)
    made = caller.answered(answer, 202)
    assert "Idempotent-Replayed" not in answer.headers
    assert made["id"] not in world.other.generations
    assert (made["tenant_id"], made["prompt"]) == ("stranger", "mine")
    assert world.other.leaks(answer.text, "") == []
    await world.stranger.post(f"{caller.GENERATIONS}/{made['id']}/cancel")


async def test_an_upload_is_the_uploaders_own(world: World) -> None:
    headers = {"content-type": "image/png", "reelmesh-tenant": "development"}
    mine = caller.answered(await world.stranger.post(caller.ASSETS, content=_png(), headers=headers), 201)
    assert mine["tenant_id"] == "stranger"
    caller.refused(await world.mesh.caller.http.get(f"{caller.ASSETS}/{mine['id']}"), 404, "NOT_FOUND")


@pytest.mark.parametrize(("method", "path"), sorted(doors.OPERATING))
async def test_who_is_no_operator_is_refused_what_operators_do_by_http(world: World, method: str, path: str) -> None:
    headers = {mesh.KEY_HEADER: world.plain}
    answer = await world.stranger.request(
        method, path.format(account_id="local", attempt_id=UNKNOWN), headers=headers, json={}
    )
    caller.refused(answer, 403, "PERMISSION_DENIED")


async def test_what_operators_are_told_tells_of_no_tenant(world: World) -> None:
    async def over() -> bool:
        return caller.answered(await world.stranger.get(doors.RECOVERY), 200)["recovery"]["state"] == "STANDING"

    started = await world.stranger.post(doors.RECOVERY, json={"reason": "a test"})
    caller.answered(started, 202)
    await caller.until(over, "nothing is looked for any more")
    orphans = await world.stranger.get(f"{doors.RECOVERY}/orphans")
    nobodys = await world.stranger.post(f"{doors.RECOVERY}/accounts/{UNKNOWN}/release", json={})
    caller.refused(nobodys, 404, "NOT_FOUND")
    for answer in (started, await world.stranger.get(doors.RECOVERY), orphans, nobodys):
        assert world.other.leaks(answer.text, "") == []


async def test_what_needs_no_key_tells_of_no_tenant(world: World) -> None:
    for path in ("/health", "/health/detailed", "/metrics", "/openapi.json", f"/files/{UNKNOWN}"):
        answer = await world.stranger.get(path)
        assert world.other.leaks(answer.text, "") == [], path


async def test_every_method_of_grpc_has_a_case_here(world: World) -> None:
    services = await _reflected(world.mesh.channel)
    ours = {name: services[name] for name in services.keys() - doors.OPEN_SERVICES}
    assert len(services) == len(ours) + len(doors.OPEN_SERVICES)
    offered = {f"{name.removeprefix(doors.PUBLIC)}/{method}" for name, methods in ours.items() for method in methods}
    assert offered == doors.NAMING_METHODS.keys() | doors.OTHER_METHODS | {*doors.OPERATING_METHODS}


async def _reflected(channel: grpc.aio.Channel) -> dict[str, set[str]]:
    """Return the methods of each service that a server says it has."""
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)

    async def ask(**question: str) -> Any:
        stream = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(**question)]))
        (answer,) = [each async for each in stream]
        return answer

    listed = await ask(list_services="")
    found: dict[str, set[str]] = {}
    for service in listed.list_services_response.service:
        files = (await ask(file_containing_symbol=service.name)).file_descriptor_response.file_descriptor_proto
        for content in files:
            file = descriptor_pb2.FileDescriptorProto.FromString(content)
            for each in file.service:
                if f"{file.package}.{each.name}" == service.name:
                    found[service.name] = {method.name for method in each.method}
    return found


@pytest.mark.parametrize("method", doors.NAMING_METHODS)
async def test_what_another_tenant_has_does_not_exist_by_grpc(world: World, method: str) -> None:
    kind, request = doors.NAMING_METHODS[method]
    wanted = world.other.generations if kind == doors.GENERATION else world.other.assets
    nobodys = await _refusal(world, method, request(UNKNOWN))
    assert nobodys.code() == grpc.StatusCode.NOT_FOUND
    for each in wanted:
        refusal = await _refusal(world, method, request(each))
        assert refusal.code() == grpc.StatusCode.NOT_FOUND
        assert refusal.details() == (nobodys.details() or "").replace(UNKNOWN, each)
        assert world.other.leaks(f"{refusal.details()} {refusal.trailing_metadata()}", each) == []


@pytest.mark.parametrize("method", doors.OPERATING_METHODS)
async def test_who_is_no_operator_is_refused_what_operators_do_by_grpc(world: World, method: str) -> None:
    plain = dataclasses.replace(world, metadata=((mesh.KEY_HEADER, world.plain),))
    refusal = await _refusal(plain, method, doors.OPERATING_METHODS[method])
    assert refusal.code() == grpc.StatusCode.PERMISSION_DENIED


async def _refusal(world: World, method: str, request: message.Message) -> grpc.aio.AioRpcError:
    streams = method.partition("/")[2] in {"WatchGeneration", "DownloadAsset"}
    make = world.mesh.channel.unary_stream if streams else world.mesh.channel.unary_unary
    call: Any = make(f"/{doors.PUBLIC}{method}", request_serializer=lambda one: one.SerializeToString())
    answer = call(request, metadata=world.metadata, timeout=30)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await (anext(aiter(answer)) if streams else answer)
    return refused.value


def _generations(world: World) -> Any:
    return generation_service_pb2_grpc.GenerationServiceStub(world.mesh.channel)


async def test_lists_are_empty_by_grpc(world: World) -> None:
    request = generation_service_pb2.ListGenerationsRequest(labels={"name": SECRET})
    listed = await _generations(world).ListGenerations(request, metadata=world.metadata)
    assert (list(listed.generations), listed.next_page_token) == ([], "")


@pytest.mark.parametrize("method", ["CreateGeneration", "QuoteGeneration"])
async def test_pictures_of_another_tenant_cannot_be_used_by_grpc(world: World, method: str) -> None:
    for each in world.other.assets:
        wanted = generation_service_pb2.GenerationRequest(prompt="mine", reference_asset_ids=[each])
        request = getattr(generation_service_pb2, f"{method}Request")(generation=wanted)
        refusal = await _refusal(world, f"GenerationService/{method}", request)
        assert "ASSET_UNUSABLE" in str(refusal.trailing_metadata())
        assert world.other.leaks(refusal.details() or "", each) == []


async def test_the_same_request_id_of_two_tenants_makes_two_generations_by_grpc(world: World) -> None:
    wanted = generation_service_pb2.GenerationRequest(prompt="mine")
    request = generation_service_pb2.CreateGenerationRequest(generation=wanted, request_id=SECOND_REQUEST_ID)
    made = await _generations(world).CreateGeneration(request, metadata=world.metadata)
    assert not made.replayed
    assert made.generation.tenant_id == "stranger"
    assert made.generation.id not in world.other.generations
    cancel = generation_service_pb2.CancelGenerationRequest(generation_id=made.generation.id)
    await _generations(world).CancelGeneration(cancel, metadata=world.metadata)


async def test_an_upload_is_the_uploaders_own_by_grpc(world: World) -> None:
    header = asset_service_pb2.UploadHeader(kind=asset_pb2.ASSET_KIND_REFERENCE)
    parts = [
        asset_service_pb2.UploadAssetRequest(header=header),
        asset_service_pb2.UploadAssetRequest(chunk=_png()),
    ]
    stub: Any = asset_service_pb2_grpc.AssetServiceStub(world.mesh.channel)
    mine = (await stub.UploadAsset(iter(parts), metadata=world.metadata)).asset
    assert mine.tenant_id == "stranger"
    caller.refused(await world.mesh.caller.http.get(f"{caller.ASSETS}/{mine.id}"), 404, "NOT_FOUND")


async def test_after_all_that_the_other_tenant_has_everything_as_it_was(world: World) -> None:
    other, http = world.other, world.mesh.caller
    assert (await http.get(other.running["id"]))["state"] in ("QUEUED", "GENERATING")
    for before in (other.done, other.failed):
        after = await http.get(before["id"])
        assert (after["state"], after["revision"], after["run"]) == (before["state"], before["revision"], before["run"])
    for asset_id in other.assets[:3]:
        assert await http.content(asset_id)
