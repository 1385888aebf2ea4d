"""Images that harm who opens them, by every door there is for uploads: refused with words, or taken in clean."""

import pathlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from reelmesh.v1 import asset_pb2, asset_service_pb2, asset_service_pb2_grpc

from tests.corpus import images
from tests.corpus import mesh as meshes

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(meshes.TEST_SECONDS)]

DOORS = ("body", "form", "gRPC")
CHUNK_BYTES = 256 * 1024


async def uploaded(corpus: meshes.Corpus, door: str, content: bytes) -> tuple[str, str]:
    """Upload by a door; return the asset's id and "", or "" and the refusal, as reason and message."""
    if door == "gRPC":
        return await _by_grpc(corpus, content)
    sent: dict[str, Any] = {"content": content, "headers": {"content-type": "image/png"}}
    if door == "form":
        sent = {"files": {"file": ("../../image.png", content, "image/png")}}
    answer = await corpus.http.post(meshes.ASSETS, **sent)
    if answer.status_code == 201:
        return str(answer.json()["id"]), ""
    error = answer.json()["error"]
    assert answer.status_code == 400, answer.text
    return "", f"{error['reason']}: {error['message']}"


async def _by_grpc(corpus: meshes.Corpus, content: bytes) -> tuple[str, str]:
    async def parts() -> AsyncIterator[asset_service_pb2.UploadAssetRequest]:
        yield asset_service_pb2.UploadAssetRequest(
            header=asset_service_pb2.UploadHeader(kind=asset_pb2.ASSET_KIND_REFERENCE)
        )
        for start in range(0, len(content), CHUNK_BYTES):
            yield asset_service_pb2.UploadAssetRequest(chunk=content[start : start + CHUNK_BYTES])

    stub: Any = asset_service_pb2_grpc.AssetServiceStub(corpus.channel)
    try:
        uploading = stub.UploadAsset(parts(), metadata=corpus.metadata, timeout=meshes.PATIENCE_SECONDS)
        return (await uploading).asset.id, ""
    except grpc.aio.AioRpcError as error:
        refused = meshes.refusal(error)
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT, refused
    return "", f"{refused.reason}: {refused.message}"


def kept(corpus: meshes.Corpus) -> set[pathlib.Path]:
    """Return the files that storage and media keep."""
    folders = [corpus.mesh.folder / "storage-0" / "assets", corpus.mesh.folder / "media-0" / "scratch"]
    return {path for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", images.REFUSED)
async def test_an_image_that_would_do_harm_is_refused_by_every_door(corpus: meshes.Corpus, name: str) -> None:
    make, words = images.REFUSED[name]
    content, before = make(), kept(corpus)

    for door in DOORS:
        asset_id, refusal = await uploaded(corpus, door, content)

        assert asset_id == "", door
        assert refusal.startswith("BROKEN_MEDIA: "), door
        assert words in refusal, door
        await corpus.still_well()
    assert kept(corpus) == before


@pytest.mark.parametrize("name", images.TAKEN)
async def test_an_image_is_taken_in_without_anything_but_its_pixels(corpus: meshes.Corpus, name: str) -> None:
    content = images.TAKEN[name]()

    for door in DOORS:
        asset_id, refusal = await uploaded(corpus, door, content)
        assert asset_id, refusal
        clean = await corpus.http.get(f"{meshes.ASSETS}/{asset_id}/content")

        assert clean.status_code == 200
        assert b"evil" not in clean.content
        assert len(clean.content) < 1_000_000
        assert clean.headers["content-type"] in ("image/png", "image/jpeg")
        await corpus.still_well()
