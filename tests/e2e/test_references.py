"""Pictures go in, checked and cleaned, and are seen in the film."""

import io
import uuid
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from PIL import Image
from reelmesh.v1 import asset_pb2, asset_service_pb2, asset_service_pb2_grpc

from tests.e2e import caller as callers
from tests.e2e import films
from tests.e2e import mesh as meshes

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

UPLOAD_LIMIT_BYTES = 300_000
RED = (220, 20, 20)
BLUE = (20, 20, 220)
QUOTES = "/api/v1/quotes"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[meshes.Mesh]:
    told = {"gateway": {"upload_limit_bytes": UPLOAD_LIMIT_BYTES}}
    async with meshes.up(tmp_path_factory.mktemp("mesh"), meshes.Wanted(told=told)) as running:
        yield running


async def _film(mesh: meshes.Mesh, prompt: str, *asset_ids: str) -> list[films.Frame]:
    done = await mesh.caller.made(prompt, {**callers.TINY, "duration_seconds": 2}, reference_asset_ids=list(asset_ids))
    return films.frames(await mesh.caller.content(done["renditions"][0]["asset_id"]))


async def test_pictures_sent_as_a_body_and_as_a_form_are_seen_in_the_film_in_their_order(mesh) -> None:
    first = await mesh.caller.upload(films.picture(RED))
    form = {"file": ("second.jpg", films.picture(BLUE, kind="JPEG"), "image/jpeg")}
    sent = await mesh.caller.http.post(callers.ASSETS, data={"kind": "REFERENCE", "user_id": "ann"}, files=form)
    second = callers.answered(sent, 201)
    assert (first["kind"], first["content_type"], first["width"], first["height"]) == (
        "REFERENCE",
        "image/png",
        160,
        90,
    )
    assert (second["user_id"], second["content_type"]) == ("ann", "image/jpeg")
    assert first["expire_time"] is not None
    seen = await _film(mesh, "Two colours", first["id"], second["id"])
    red, _, blue = films.mean_colour(seen[len(seen) // 4])
    assert red > blue + 50
    red, _, blue = films.mean_colour(seen[-len(seen) // 4])
    assert blue > red + 50


async def test_a_film_begins_and_ends_on_the_frames_it_was_given(mesh) -> None:
    first, last = [await mesh.caller.upload(films.picture(colour)) for colour in (RED, BLUE)]
    frames = {"first_frame_asset_id": first["id"], "last_frame_asset_id": last["id"]}
    done = await mesh.caller.made("Two ends", {**callers.TINY, "duration_seconds": 2}, **frames)
    assert {name: done[name] for name in frames} == frames
    seen = films.frames(await mesh.caller.content(done["renditions"][0]["asset_id"]))
    red, _, blue = films.mean_colour(seen[0])
    assert red > blue + 100
    red, _, blue = films.mean_colour(seen[-1])
    assert blue > red + 100


@pytest.mark.parametrize("path", [callers.GENERATIONS, QUOTES])
async def test_what_nobody_takes_is_refused_with_the_reason(mesh, path: str) -> None:
    body = {"prompt": "A cat", "output": dict(callers.TINY), "negative_prompt": "rain"}
    answer = await mesh.caller.http.post(path, json=body)
    assert "takes no negative prompt" in callers.refused(answer, 400, "NO_CANDIDATE")


async def test_a_picture_sent_by_grpc_can_be_used_and_read_back(mesh) -> None:
    stub = asset_service_pb2_grpc.AssetServiceStub(mesh.channel)
    content = films.picture(RED, kind="WEBP", lossless=True)
    header = asset_service_pb2.UploadHeader(kind=asset_pb2.ASSET_KIND_REFERENCE, user_id="bob")
    parts = [asset_service_pb2.UploadAssetRequest(header=header)]
    parts += [asset_service_pb2.UploadAssetRequest(chunk=content[at : at + 50]) for at in range(0, len(content), 50)]
    stored = (await stub.UploadAsset(iter(parts), metadata=mesh.metadata, timeout=30)).asset
    assert (stored.kind, stored.user_id, stored.width) == (asset_pb2.ASSET_KIND_REFERENCE, "bob", 160)
    asked = asset_service_pb2.DownloadAssetRequest(asset_id=stored.id)
    got = [part async for part in stub.DownloadAsset(asked, metadata=mesh.metadata, timeout=30)]
    assert got[0].asset.id == stored.id
    assert Image.open(io.BytesIO(b"".join(part.chunk for part in got))).getpixel((5, 5)) == pytest.approx(RED, abs=3)


async def test_what_a_camera_writes_about_its_owner_is_taken_out(mesh) -> None:
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    exif[0x0112] = 6  # lies on its side
    stored = await mesh.caller.upload(films.picture(RED, kind="JPEG", exif=exif), "image/jpeg")
    assert (stored["width"], stored["height"]) == (90, 160)
    clean = await mesh.caller.content(stored["id"])
    assert b"A camera" not in clean
    assert not Image.open(io.BytesIO(clean)).getexif()


@pytest.mark.parametrize(
    ("content", "status", "reason", "words"),
    [
        (b"", 400, "BROKEN_MEDIA", "JPEG, PNG or WebP"),
        (b"%PDF-1.7 and so on", 400, "BROKEN_MEDIA", "JPEG, PNG or WebP"),
        (films.animation("GIF"), 400, "BROKEN_MEDIA", "JPEG, PNG or WebP"),
        (films.animation("WEBP"), 400, "BROKEN_MEDIA", "anim"),
        (films.animation("PNG"), 400, "BROKEN_MEDIA", "anim"),
        (films.picture(RED, (400, 300))[:200], 400, "BROKEN_MEDIA", ""),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 500, 400, "BROKEN_MEDIA", ""),
        (films.picture(RED, (8200, 16)), 400, "BROKEN_MEDIA", "8192"),
        (films.picture(RED, (7000, 7000), optimize=False), 400, "BROKEN_MEDIA", "pixels"),
        (b"\xff\xd8\xff" + b"\x00" * UPLOAD_LIMIT_BYTES, 413, "TOO_LARGE", str(UPLOAD_LIMIT_BYTES)),
    ],
    ids=["nothing", "pdf", "gif", "animated-webp", "animated-png", "cut", "garbage", "long", "bomb", "huge"],
)
@pytest.mark.parametrize("form", [False, True], ids=["body", "form"])
async def test_what_is_no_sound_picture_is_refused_with_what_to_send(
    mesh, content, status, reason, words, form
) -> None:
    if form:
        answer = await mesh.caller.http.post(callers.ASSETS, files={"file": ("it.png", content, "image/png")})
    else:
        answer = await mesh.caller.http.post(callers.ASSETS, content=content, headers={"content-type": "image/png"})
    assert words in callers.refused(answer, status, reason)


async def test_pictures_that_are_none_of_ours_too_many_or_no_pictures_are_refused(mesh) -> None:
    stored = await mesh.caller.upload(films.picture(RED))
    film = await mesh.caller.made("A field", reference_asset_ids=[stored["id"]])
    wrong = {
        "ASSET_UNUSABLE": ([str(uuid.UUID(int=9))], [film["renditions"][0]["asset_id"]]),
        "INVALID_ARGUMENT": ([stored["id"]] * 5, ["no-uuid"]),
    }
    for reason, lists in wrong.items():
        for asset_ids in lists:
            body = {"prompt": "A cat", "output": dict(callers.TINY), "reference_asset_ids": asset_ids}
            assert callers.refused(await mesh.caller.http.post(callers.GENERATIONS, json=body), 400, reason)
    for field in ("first_frame_asset_id", "last_frame_asset_id"):
        body = {"prompt": "A cat", "output": dict(callers.TINY), field: film["renditions"][0]["asset_id"]}
        told = callers.refused(await mesh.caller.http.post(callers.GENERATIONS, json=body), 400, "ASSET_UNUSABLE")
        assert "not a reference image" in told


async def test_a_picture_that_was_deleted_meanwhile_ends_the_generation_without_a_submit(mesh) -> None:
    stored = await mesh.caller.upload(films.picture(RED))
    await mesh.one(meshes.WORKER).stop()
    admitted = await mesh.caller.create("A gap", reference_asset_ids=[stored["id"]])
    assert (await mesh.caller.http.delete(f"{callers.ASSETS}/{stored['id']}")).status_code == 204
    await mesh.one(meshes.WORKER).start()
    done = await mesh.caller.ended(admitted["id"])
    assert done["delivery"] == "INFOGRAPHIC"
    assert "reference image" in done["failure"]["message"]
    assert mesh.submits(done) == {}
