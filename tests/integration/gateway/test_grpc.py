"""The public gRPC services: the same verbs, the same keys."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import grpc
import pytest
from google.protobuf import message_factory
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from reelmesh.v1 import (
    asset_pb2,
    asset_service_pb2,
    asset_service_pb2_grpc,
    generation_pb2,
    generation_service_pb2,
    generation_service_pb2_grpc,
    recovery_service_pb2,
)
from reelmesh_kit import errors

from tests.integration.gateway import conftest, fake_mesh

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 1200
SERVICES = [
    generation_service_pb2.DESCRIPTOR.services_by_name["GenerationService"],
    asset_service_pb2.DESCRIPTOR.services_by_name["AssetService"],
    recovery_service_pb2.DESCRIPTOR.services_by_name["RecoveryService"],
]
METHODS = [(service.full_name, method) for service in SERVICES for method in service.methods]


def request(**fields: Any) -> generation_service_pb2.CreateGenerationRequest:
    return generation_service_pb2.CreateGenerationRequest(
        generation=generation_service_pb2.GenerationRequest(prompt="a"), **fields
    )


def stub_of(channel: grpc.aio.Channel) -> Any:
    return generation_service_pb2_grpc.GenerationServiceStub(channel)


def info(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    """Return the ErrorInfo that an error carries."""
    found = error_details_pb2.ErrorInfo()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            status_pb2.Status.FromString(value).details[0].Unpack(found)
    return found


@pytest.fixture
def generations(channel: grpc.aio.Channel) -> Any:
    return stub_of(channel)


@pytest.fixture
def assets(channel: grpc.aio.Channel) -> Any:
    return asset_service_pb2_grpc.AssetServiceStub(channel)


async def parts(*chunks: bytes, kind: Any = asset_pb2.ASSET_KIND_REFERENCE) -> AsyncIterator[Any]:
    header = asset_service_pb2.UploadHeader(kind=kind, user_id="ada")
    yield asset_service_pb2.UploadAssetRequest(header=header)
    for chunk in chunks:
        yield asset_service_pb2.UploadAssetRequest(chunk=chunk)


@pytest.mark.parametrize(("service", "method"), METHODS, ids=lambda each: getattr(each, "name", each))
async def test_no_method_answers_without_a_key_even_to_who_claims_a_tenant(
    channel: grpc.aio.Channel, mesh: fake_mesh.FakeMesh, service: str, method: Any
) -> None:
    empty = message_factory.GetMessageClass(method.input_type)()
    kind = ("stream" if method.client_streaming else "unary") + ("_stream" if method.server_streaming else "_unary")
    begin = getattr(channel, kind)(f"/{service}/{method.name}", type(empty).SerializeToString)
    claimed = (("reelmesh-tenant", "development"), ("reelmesh-admin", "1"))
    call = begin(iter([empty]) if method.client_streaming else empty, metadata=claimed)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await (anext(aiter(call)) if method.server_streaming else call)

    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert info(refused.value).reason == "UNAUTHENTICATED"
    assert [*mesh.orchestrator.requests, *mesh.recovery.requests] == []


@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
async def test_a_create_acts_for_the_keys_tenant_whatever_its_metadata_claims(
    gateway: conftest.Gateway, generations: Any, mesh: fake_mesh.FakeMesh, header: str
) -> None:
    sent = f"Bearer {gateway.key}" if header == "authorization" else gateway.key

    made = await generations.CreateGeneration(
        request(request_id="once"), metadata=((header, sent), ("reelmesh-tenant", "victim"))
    )

    assert made.generation.tenant_id == "development"
    assert mesh.orchestrator.callers[-1].tenant_id == "development"
    assert mesh.orchestrator.callers[-1].key_id


async def test_all_other_verbs_are_passed_on(
    gateway: conftest.Gateway, generations: Any, mesh: fake_mesh.FakeMesh
) -> None:
    with_key = {"metadata": gateway.metadata}
    made = (await generations.CreateGeneration(request(), **with_key)).generation
    named = {"generation_id": made.id}

    listed = await generations.ListGenerations(generation_service_pb2.ListGenerationsRequest(), **with_key)
    read = await generations.GetGeneration(generation_service_pb2.GetGenerationRequest(**named), **with_key)
    events = await generations.ListGenerationEvents(
        generation_service_pb2.ListGenerationEventsRequest(**named), **with_key
    )
    cancelled = await generations.CancelGeneration(generation_service_pb2.CancelGenerationRequest(**named), **with_key)
    retried = await generations.RetryGeneration(generation_service_pb2.RetryGenerationRequest(**named), **with_key)
    quote = await generations.QuoteGeneration(generation_service_pb2.QuoteGenerationRequest(), **with_key)
    mesh.orchestrator.generations[made.id].takes.add(number=3)
    promoted = await generations.PromoteTake(generation_service_pb2.PromoteTakeRequest(**named, take=3), **with_key)

    assert promoted.generation.takes[0].promoted
    assert [each.id for each in listed.generations] == [read.generation.id] == [made.id]
    assert [each.type for each in events.events] == ["created"]
    assert cancelled.generation.state == generation_pb2.GENERATION_STATE_CANCELLED
    assert retried.generation.run == 2
    assert quote.price_micros == 1_250_000


async def test_a_watch_goes_on_across_breaks_and_ends_with_urls(
    gateway: conftest.Gateway, generations: Any, mesh: fake_mesh.FakeMesh
) -> None:
    made = (await generations.CreateGeneration(request(), metadata=gateway.metadata)).generation
    asset_id = mesh.storage.keep(b"video", tenant_id="development")
    await mesh.orchestrator.happen(made.id, "moved", generation_pb2.GENERATION_STATE_GENERATING)
    await mesh.orchestrator.complete(made.id, asset_id)
    mesh.orchestrator.watch_breaks_after = 2
    asked = generation_service_pb2.WatchGenerationRequest(generation_id=made.id)

    seen = [each async for each in generations.WatchGeneration(asked, metadata=gateway.metadata)]

    assert [each.event.sequence for each in seen if each.HasField("event")] == [1, 2, 3]
    assert seen[-1].ended.renditions[0].url == f"{gateway.url}/files/token-{asset_id}"


async def test_a_key_that_creates_too_often_is_told_when_to_come_back(open_gateway: conftest.Open) -> None:
    async with (
        open_gateway(creates_burst=1, creates_per_minute=60) as gateway,
        grpc.aio.insecure_channel(gateway.grpc_target) as channel,
    ):
        stub = stub_of(channel)
        await stub.CreateGeneration(request(), metadata=gateway.metadata)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.CreateGeneration(request(), metadata=gateway.metadata)

    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert info(refused.value).reason == "RATE_LIMITED"


async def test_followers_have_places_whatever_their_door(open_gateway: conftest.Open, mesh: fake_mesh.FakeMesh) -> None:
    async with (
        open_gateway(event_streams_limit=1) as gateway,
        gateway.client() as client,
        grpc.aio.insecure_channel(gateway.grpc_target) as channel,
    ):
        stub = stub_of(channel)
        made = (await stub.CreateGeneration(request(), metadata=gateway.metadata)).generation
        asked = generation_service_pb2.WatchGenerationRequest(generation_id=made.id)
        first = stub.WatchGeneration(asked, metadata=gateway.metadata)
        await first.read()

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.WatchGeneration(asked, metadata=gateway.metadata).read()
        by_http = await client.get(f"/api/v1/generations/{made.id}/watch")
        metrics = (await client.get("/metrics")).text

        first.cancel()
        await fake_mesh.until(lambda: not mesh.orchestrator.watching)
        again = stub.WatchGeneration(asked, metadata=gateway.metadata)
        assert (await again.read()).event.type == "created"
        again.cancel()

    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert info(refused.value).reason == "RATE_LIMITED"
    assert by_http.status_code == 429
    assert "api_event_streams_open 1.0" in metrics


@pytest.mark.parametrize("said", ["nothing", "the header", "half of an image"])
async def test_an_upload_that_does_not_go_on_ends_and_leaves_nothing(
    open_gateway: conftest.Open, mesh: fake_mesh.FakeMesh, said: str
) -> None:
    async def stuck() -> AsyncIterator[Any]:
        if said != "nothing":
            async for part in parts(*([PNG[:1000]] if said == "half of an image" else [])):
                yield part
        await asyncio.Event().wait()

    async with (
        open_gateway(upload_timeout_seconds=0.5) as gateway,
        grpc.aio.insecure_channel(gateway.grpc_target) as channel,
    ):
        uploading: Any = asset_service_pb2_grpc.AssetServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await uploading.UploadAsset(stuck(), metadata=gateway.metadata)
        await fake_mesh.until(lambda: mesh.storage.puts_begun == mesh.storage.puts_broken)

    assert refused.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "Nothing was stored; try again." in (refused.value.details() or "")
    assert mesh.storage.assets == {}


async def test_what_the_orchestrator_refuses_comes_through_with_its_reason(
    gateway: conftest.Gateway, generations: Any, mesh: fake_mesh.FakeMesh
) -> None:
    mesh.orchestrator.refuse_with = errors.CostLimit(max_cost_micros=5)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await generations.CreateGeneration(request(), metadata=gateway.metadata)

    assert info(refused.value).reason == "COST_LIMIT"
    assert dict(info(refused.value).metadata) == {"max_cost_micros": "5"}


async def test_a_reference_goes_up_and_its_bytes_come_down_in_part(gateway: conftest.Gateway, assets: Any) -> None:
    uploaded = await assets.UploadAsset(parts(PNG[:5], PNG[5:]), metadata=gateway.metadata)
    asset_id = uploaded.asset.id

    found = await assets.GetAsset(asset_service_pb2.GetAssetRequest(asset_id=asset_id), metadata=gateway.metadata)
    asked = asset_service_pb2.DownloadAssetRequest(asset_id=asset_id, offset=3, length=100_000)
    down = [each async for each in assets.DownloadAsset(asked, metadata=gateway.metadata)]

    assert (found.asset.kind, found.asset.user_id) == (asset_pb2.ASSET_KIND_REFERENCE, "ada")
    assert found.url == f"{gateway.url}/files/token-{asset_id}"
    assert down[0].asset.id == asset_id
    assert b"".join(each.chunk for each in down[1:]) == PNG[3:100_003]


async def test_a_deleted_asset_is_not_found_and_may_be_deleted_again(
    gateway: conftest.Gateway, assets: Any, mesh: fake_mesh.FakeMesh
) -> None:
    asset_id = mesh.storage.keep(b"video", tenant_id="development")
    with_key = {"metadata": gateway.metadata}

    await assets.DeleteAsset(asset_service_pb2.DeleteAssetRequest(asset_id=asset_id), **with_key)
    await assets.DeleteAsset(asset_service_pb2.DeleteAssetRequest(asset_id=asset_id), **with_key)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await assets.GetAsset(asset_service_pb2.GetAssetRequest(asset_id=asset_id), **with_key)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_uploads_that_break_the_order_or_the_kind_are_refused(gateway: conftest.Gateway, assets: Any) -> None:
    async def chunk_first() -> AsyncIterator[Any]:
        yield asset_service_pb2.UploadAssetRequest(chunk=PNG)

    async def header_twice() -> AsyncIterator[Any]:
        async for part in parts(PNG):
            yield part
        yield asset_service_pb2.UploadAssetRequest(header=asset_service_pb2.UploadHeader())

    for wrong in (chunk_first(), header_twice(), parts(PNG, kind=asset_pb2.ASSET_KIND_CLIP)):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await assets.UploadAsset(wrong, metadata=gateway.metadata)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(("offset", "length"), [(-1, 0), (6, 0), (0, -1)])
async def test_bytes_that_are_not_there_are_refused(
    gateway: conftest.Gateway, assets: Any, mesh: fake_mesh.FakeMesh, offset: int, length: int
) -> None:
    asset_id = mesh.storage.keep(b"video", tenant_id="development")
    asked = asset_service_pb2.DownloadAssetRequest(asset_id=asset_id, offset=offset, length=length)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        [_ async for _ in assets.DownloadAsset(asked, metadata=gateway.metadata)]

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_health_and_reflection_need_no_key(channel: grpc.aio.Channel) -> None:
    health: Any = health_pb2_grpc.HealthStub(cast(Any, channel))
    reflection: Any = reflection_pb2_grpc.ServerReflectionStub(cast(Any, channel))
    asked = reflection_pb2.ServerReflectionRequest(list_services="")

    answer = await health.Check(health_pb2.HealthCheckRequest(service="reelmesh.v1.GenerationService"))
    listed = [each async for each in reflection.ServerReflectionInfo(iter([asked]))]

    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    names = {each.name for each in listed[0].list_services_response.service}
    assert {"reelmesh.v1.GenerationService", "reelmesh.v1.AssetService"} <= names
