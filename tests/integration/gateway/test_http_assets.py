"""Assets over HTTP: uploads in, byte ranges out."""

import asyncio
import uuid
from collections.abc import AsyncGenerator
from typing import Any

import grpc
import httpx
import pytest
from reelmesh.v1 import asset_service_pb2, asset_service_pb2_grpc
from reelmesh_kit import errors

from tests.integration.gateway import conftest, fake_mesh

ROOT = "/api/v1/assets"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 1200
VIDEO = bytes(range(256)) * 1000


@pytest.fixture
def video(mesh: fake_mesh.FakeMesh) -> str:
    return f"{ROOT}/{mesh.storage.keep(VIDEO, tenant_id='development')}/content"


async def begin_upload(gateway: conftest.Gateway) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send the first bytes of an upload, and no more."""
    host, port = gateway.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {ROOT} HTTP/1.1\r\nHost: x\r\nX-API-Key: {gateway.key}\r\nContent-Length: {len(PNG)}\r\n\r\n"
    writer.write(head.encode() + PNG[:1000])
    await writer.drain()
    return reader, writer


async def test_an_image_as_the_body_becomes_a_clean_reference(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh
) -> None:
    answer = await client.post(ROOT, content=PNG, params={"user_id": "ada"}, headers={"Content-Type": "text/html"})

    asset = answer.json()
    assert answer.status_code == 201
    assert asset["kind"] == "REFERENCE"
    assert asset["content_type"] == "image/png"
    assert (asset["tenant_id"], asset["user_id"]) == ("development", "ada")
    assert (asset["size_bytes"], asset["width"]) == (len(PNG), 640)
    assert answer.headers["location"] == f"{ROOT}/{asset['id']}"
    assert list(mesh.storage.assets) == [asset["id"]]
    assert mesh.storage.content[asset["id"]] == PNG


async def test_an_image_in_a_form_becomes_a_reference_too(client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh) -> None:
    answer = await client.post(
        ROOT, data={"user_id": "ada", "kind": "REFERENCE"}, files={"file": ("a.png", PNG, "image/png")}
    )

    assert answer.status_code == 201
    assert answer.json()["user_id"] == "ada"
    assert mesh.storage.content[answer.json()["id"]] == PNG


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"data": {"kind": "CLIP"}, "files": {"file": PNG}}, "kind"),
        ({"data": {"nothing": "x"}, "files": {"file": PNG}}, "nothing"),
        ({"data": {"user_id": "x" * 2000}, "files": {"file": PNG}}, "user_id"),
        ({"files": {"picture": PNG}}, "picture"),
        ({"data": {"user_id": "ada"}, "files": {}}, "file"),
        ({"content": b"nonsense", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, "body"),
        ({"content": b"", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, "file"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, "Content-Type"),
        (
            {
                "content": b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + PNG[:500],
                "headers": {"Content-Type": "multipart/form-data; boundary=x"},
            },
            "file",
        ),
    ],
)
async def test_a_form_that_is_not_what_it_should_be_is_refused_by_its_part(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh, form: dict[str, Any], field: str
) -> None:
    if form.get("files") == {}:
        form = {"files": {"user_id": (None, b"ada")}}

    answer = await client.post(ROOT, **form)

    assert answer.status_code == 400
    assert answer.json()["error"]["metadata"]["field"] == field
    assert mesh.storage.assets == {}


async def test_a_field_after_the_file_is_refused_and_nothing_is_stored(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh
) -> None:
    answer = await client.post(ROOT, files=[("file", ("a.png", PNG)), ("user_id", (None, b"ada"))])

    assert answer.status_code == 400
    assert 'must come before the part "file"' in answer.json()["error"]["message"]
    assert mesh.storage.assets == {}


@pytest.mark.parametrize("content", [b"", b"GIF89a" + bytes(100), b"<svg></svg>", b"\xff\xd8"])
async def test_what_is_no_image_by_its_first_bytes_never_reaches_storage(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh, content: bytes
) -> None:
    answer = await client.post(ROOT, content=content, headers={"Content-Type": "image/png"})

    assert answer.status_code == 400
    assert answer.json()["error"]["reason"] == "BROKEN_MEDIA"
    assert mesh.storage.puts_begun == 0


async def test_an_image_that_media_refuses_leaves_nothing_behind(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh
) -> None:
    mesh.media.refuse_with = errors.BrokenMedia("The PNG ends in the middle.")

    answer = await client.post(ROOT, content=PNG)

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "The PNG ends in the middle."
    assert mesh.storage.assets == {}


@pytest.mark.parametrize("announced", [True, False])
async def test_an_image_that_is_too_large_is_refused_whether_it_says_so_or_not(
    open_gateway: conftest.Open, mesh: fake_mesh.FakeMesh, announced: bool
) -> None:
    async def parts() -> AsyncGenerator[bytes]:
        for start in range(0, len(PNG), 4096):
            yield PNG[start : start + 4096]

    async with open_gateway(upload_limit_bytes=100_000) as gateway, gateway.client() as client:
        answer = await client.post(ROOT, content=PNG if announced else parts())

    assert answer.status_code == 413
    assert answer.json()["error"]["reason"] == "TOO_LARGE"
    assert mesh.storage.assets == {}


async def test_a_full_disk_is_told_as_such(client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh) -> None:
    mesh.storage.refuse_with = errors.StorageFull()

    answer = await client.post(ROOT, content=PNG)

    assert answer.status_code == 503
    assert answer.json()["error"]["reason"] == "STORAGE_FULL"


async def test_a_caller_who_leaves_in_the_middle_cancels_the_stream_to_storage(
    gateway: conftest.Gateway, mesh: fake_mesh.FakeMesh
) -> None:
    _, writer = await begin_upload(gateway)
    await fake_mesh.until(lambda: mesh.storage.puts_begun)

    writer.close()

    await fake_mesh.until(lambda: mesh.storage.puts_broken)
    assert mesh.storage.assets == {}


async def test_an_upload_that_takes_too_long_is_given_up(open_gateway: conftest.Open, mesh: fake_mesh.FakeMesh) -> None:
    async with open_gateway(upload_timeout_seconds=0.2) as gateway:
        reader, writer = await begin_upload(gateway)
        status = await reader.readline()
        writer.close()

    assert status.startswith(b"HTTP/1.1 408")
    assert mesh.storage.assets == {}


async def test_the_whole_file_comes_with_its_length_type_and_tag(client: httpx.AsyncClient, video: str) -> None:
    answer = await client.get(video)

    assert (answer.status_code, answer.content) == (200, VIDEO)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-length"] == str(len(VIDEO))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"].startswith('"')
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_one_download_too_many_is_refused_at_every_door_and_there_is_room_when_one_ends(
    open_gateway: conftest.Open, mesh: fake_mesh.FakeMesh
) -> None:
    asset_id = mesh.storage.keep(VIDEO * 100, tenant_id="development")
    path = f"{ROOT}/{asset_id}/content"
    asked = asset_service_pb2.DownloadAssetRequest(asset_id=asset_id)
    async with (
        open_gateway(downloads_limit=1) as gateway,
        gateway.client() as client,
        grpc.aio.insecure_channel(gateway.grpc_target) as channel,
    ):
        stub: Any = asset_service_pb2_grpc.AssetServiceStub(channel)
        async with client.stream("GET", path) as first:
            pieces = first.aiter_bytes(1000)
            await anext(pieces)
            refused = await client.get(path)
            by_link = await client.get(f"/files/token-{asset_id}")
            told_of = await client.head(path)
            with pytest.raises(grpc.aio.AioRpcError) as refused_by_grpc:
                [_ async for _ in stub.DownloadAsset(asked, metadata=gateway.metadata)]
        while (again := await client.get(path)).status_code != 200:
            assert again.status_code == 503

    assert (refused.status_code, by_link.status_code, told_of.status_code) == (503, 503, 200)
    assert refused.headers["retry-after"] == "10"
    assert refused_by_grpc.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_range_comes_as_206(client: httpx.AsyncClient, video: str) -> None:
    middle = await client.get(video, headers={"Range": "bytes=100-70099"})
    end = await client.get(video, headers={"Range": "bytes=-10"})

    assert (middle.status_code, middle.content) == (206, VIDEO[100:70100])
    assert middle.headers["content-range"] == f"bytes 100-70099/{len(VIDEO)}"
    assert end.content == VIDEO[-10:]


async def test_a_range_outside_is_416_and_says_how_long_the_file_is(client: httpx.AsyncClient, video: str) -> None:
    answer = await client.get(video, headers={"Range": f"bytes={len(VIDEO)}-"})

    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(VIDEO)}"
    assert answer.json()["error"]["reason"] == "INVALID_ARGUMENT"


async def test_what_the_caller_has_already_is_not_sent_again(client: httpx.AsyncClient, video: str) -> None:
    tag = (await client.head(video)).headers["etag"]

    same = await client.get(video, headers={"If-None-Match": tag})
    resumed = await client.get(video, headers={"Range": "bytes=5-9", "If-Range": tag})
    changed = await client.get(video, headers={"Range": "bytes=5-9", "If-Range": '"another"'})

    assert (same.status_code, same.content) == (304, b"")
    assert resumed.status_code == 206
    assert (changed.status_code, len(changed.content)) == (200, len(VIDEO))


async def test_a_head_tells_all_but_the_bytes(client: httpx.AsyncClient, video: str) -> None:
    whole = await client.head(video)
    part = await client.head(video, headers={"Range": "bytes=0-9"})

    assert (whole.status_code, whole.headers["content-length"], whole.content) == (200, str(len(VIDEO)), b"")
    assert (part.status_code, part.headers["content-length"]) == (206, "10")


async def test_an_empty_file_is_an_empty_answer(client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh) -> None:
    path = f"{ROOT}/{mesh.storage.keep(b'', tenant_id='development')}/content"

    whole = await client.get(path)
    part = await client.get(path, headers={"Range": "bytes=0-"})

    assert (whole.status_code, whole.headers["content-length"]) == (200, "0")
    assert part.status_code == 416


async def test_a_download_goes_on_where_storage_broke_off(
    client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh, video: str
) -> None:
    mesh.storage.read_breaks_after_bytes = 100_000

    assert (await client.get(video)).content == VIDEO


async def test_a_signed_url_serves_ranges_without_a_key_and_a_false_one_is_refused(
    gateway: conftest.Gateway, client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh
) -> None:
    asset_id = mesh.storage.keep(VIDEO, tenant_id="development")
    url = (await client.get(f"{ROOT}/{asset_id}")).json()["url"]

    async with gateway.client(key="") as stranger:
        part = await stranger.get(url, headers={"Range": "bytes=0-3"})
        false = await stranger.get("/files/guessed")

    assert url.startswith(gateway.url)
    assert (part.status_code, part.content) == (206, VIDEO[:4])
    assert false.status_code == 403


async def test_a_signed_url_names_the_public_address_when_there_is_one(
    open_gateway: conftest.Open, mesh: fake_mesh.FakeMesh
) -> None:
    asset_id = mesh.storage.keep(VIDEO, tenant_id="development")

    async with open_gateway(public_url="https://video.example.com/") as gateway, gateway.client() as client:
        url = (await client.get(f"{ROOT}/{asset_id}")).json()["url"]

    assert url == f"https://video.example.com/files/token-{asset_id}"


async def test_a_stranger_deletes_nothing_before_and_after(client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh) -> None:
    theirs = mesh.storage.keep(VIDEO, tenant_id="somebody else")

    assert (await client.delete(f"{ROOT}/{theirs}")).status_code == 404
    assert theirs in mesh.storage.assets

    mesh.storage.removed.add((mesh.storage.assets.pop(theirs).id, "somebody else"))
    assert (await client.delete(f"{ROOT}/{theirs}")).status_code == 404


async def test_a_deleted_asset_is_gone(client: httpx.AsyncClient, mesh: fake_mesh.FakeMesh) -> None:
    path = f"{ROOT}/{mesh.storage.keep(VIDEO, tenant_id='development')}"

    deleted = await client.delete(path)

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (await client.get(path)).status_code == 404
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(f"{ROOT}/{uuid.UUID(int=3)}/content")).status_code == 404
