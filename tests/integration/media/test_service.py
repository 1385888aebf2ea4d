"""The media service takes steps from the bus, works on real files, and stores what comes of them."""

import asyncio
import io
import multiprocessing.process
import pathlib
import uuid
from collections.abc import Callable

import av
import PIL.Image
import pytest
from reelmesh.mesh.v1 import media_service_pb2, media_service_pb2_grpc, step_service_pb2, task_pb2
from reelmesh.v1 import asset_pb2
from reelmesh_kit import errors

from tests.integration.media.conftest import Mesh
from tests.support import bus_work, drawings
from tests.unit.media import clips

WAIT_SECONDS = 60.0
CLIP = clips.Spec(width=640, height=480)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    clips.make(path, CLIP)
    return path.read_bytes()


def picture() -> bytes:
    file = io.BytesIO()
    PIL.Image.linear_gradient("L").resize((320, 200)).convert("RGB").save(file, "JPEG")
    return file.getvalue()


def work(**kind: object) -> step_service_pb2.StepWork:
    return step_service_pb2.StepWork(
        step_id=str(uuid.uuid5(uuid.UUID(int=1), repr(kind))),
        token=str(uuid.uuid5(uuid.UUID(int=2), repr(kind))),
        generation_id=str(uuid.UUID(int=1)),
        tenant_id="tenant",
        user_id="user",
        **kind,  # type: ignore[arg-type]
    )


async def soon(mesh: Mesh, holds: Callable[[], bool]) -> None:
    """Wait until something holds."""

    async def check() -> bool:
        return holds()

    await bus_work.until(mesh.chassis.clock, check, WAIT_SECONDS)


async def performed(mesh: Mesh, one: step_service_pb2.StepWork, lane: str) -> step_service_pb2.FinishStepRequest:
    """Send a step and wait for how it ended."""
    mesh.book.works[one.step_id] = one
    task = task_pb2.MediaTask(step_id=one.step_id, generation_id=one.generation_id)
    message_id = str(mesh.chassis.ids.fresh())
    await mesh.bus.publish(f"task.media.{lane}", task.SerializeToString(), message_id=message_id)
    await soon(mesh, lambda: one.step_id in mesh.book.results)
    return mesh.book.results[one.step_id]


async def test_a_ladder_is_made_checked_and_stored(mesh: Mesh, clip: bytes, tmp_path: pathlib.Path) -> None:
    asset_id = await mesh.put(clip)
    ladder = step_service_pb2.LadderWork(
        clip_asset_ids=[asset_id, asset_id], duration_seconds=3.0, audio=True, rungs=[1080, 720, 480, 240]
    )
    one = work(ladder=ladder)
    ended = await performed(mesh, one, "ladder")
    assert ended.WhichOneof("result") == "ladder", ended
    assert ended.token == one.token
    assert [(made.name, made.width, made.height) for made in ended.ladder.files] == [
        ("480p", 640, 480),
        ("240p", 320, 240),
    ]
    known, content = await mesh.read(ended.ladder.files[0].asset_id)
    assert (known.kind, known.tenant_id, known.content_type) == (
        asset_pb2.ASSET_KIND_RENDITION,
        "tenant",
        "video/mp4",
    )
    path = tmp_path / "video.mp4"
    path.write_bytes(content)
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.audio[0].codec_context.name == "aac"
        assert abs(container.duration / 1e6 - 3.0) < 0.1
    thumbnail, jpeg = await mesh.read(ended.ladder.thumbnail_asset_id)
    assert thumbnail.kind == asset_pb2.ASSET_KIND_THUMBNAIL
    assert PIL.Image.open(io.BytesIO(jpeg)).format == "JPEG"


async def test_a_result_is_told_until_it_is_taken_and_not_made_again(mesh: Mesh, clip: bytes) -> None:
    mesh.book.away_for_results = 3
    asset_id = await mesh.put(clip)
    one = work(last_frame=step_service_pb2.LastFrameWork(clip_asset_id=asset_id))
    ended = await performed(mesh, one, "quick")
    assert ended.WhichOneof("result") == "last_frame"
    assert mesh.book.begun == [one.step_id]


async def test_a_lease_outlives_an_orchestrator_that_does_not_answer(
    mesh: Mesh, caplog: pytest.LogCaptureFixture
) -> None:
    mesh.book.away_for_renewals = 2
    renewed = len(mesh.book.renewals)
    await soon(mesh, lambda: len(mesh.book.renewals) > renewed + 3)
    assert len({one.worker_id for one in mesh.book.renewals}) == 1
    assert not [record for record in caplog.records if "The loop lease" in record.getMessage()]


async def test_the_last_frame_is_taken(mesh: Mesh, clip: bytes) -> None:
    asset_id = await mesh.put(clip)
    ended = await performed(mesh, work(last_frame=step_service_pb2.LastFrameWork(clip_asset_id=asset_id)), "quick")
    known, content = await mesh.read(ended.last_frame.frame_asset_id)
    assert known.kind == asset_pb2.ASSET_KIND_FRAME
    assert PIL.Image.open(io.BytesIO(content)).size == (640, 480)


async def test_a_still_picture_is_drawn_beside_the_image_that_is_still_there(mesh: Mesh) -> None:
    image = await mesh.put(drawings.striped(), asset_pb2.ASSET_KIND_REFERENCE)
    drawing = step_service_pb2.InfographicWork(
        prompt="A paper boat in the rain. It sinks.",
        width=640,
        height=360,
        category="news",
        reference_asset_ids=[str(uuid.UUID(int=9)), image],
        seed=7,
    )
    ended = await performed(mesh, work(infographic=drawing), "quick")
    file = ended.infographic.file
    known, content = await mesh.read(file.asset_id)
    assert (known.kind, known.content_type) == (asset_pb2.ASSET_KIND_INFOGRAPHIC, "image/png")
    assert (known.width, known.height, known.size_bytes) == (640, 360, file.size_bytes)
    with PIL.Image.open(io.BytesIO(content)) as picture:
        red, _, blue = picture.getpixel((500, 250))  # type: ignore[misc]
    assert red > blue + 60, "the image is shown"


async def test_a_broken_clip_is_named(mesh: Mesh, clip: bytes) -> None:
    good, broken = await mesh.put(clip), await mesh.put(clip[: len(clip) // 2])
    ladder = step_service_pb2.LadderWork(clip_asset_ids=[good, broken], duration_seconds=3.0, rungs=[480])
    ended = await performed(mesh, work(ladder=ladder), "ladder")
    assert ended.failed.broken_clip_asset_id == broken
    assert not ended.failed.retryable


async def test_a_worker_that_is_killed_fails_its_run_and_nothing_else(mesh: Mesh, clip: bytes) -> None:
    asset_id = await mesh.put(clip)
    ladder = step_service_pb2.LadderWork(clip_asset_ids=[asset_id] * 32, duration_seconds=60.0, rungs=[480, 240])
    one, quick = work(ladder=ladder), work(last_frame=step_service_pb2.LastFrameWork(clip_asset_id=asset_id))

    def workers() -> list[multiprocessing.process.BaseProcess]:
        return [child for child in multiprocessing.active_children() if child.name == "media-ladder"]

    running = asyncio.create_task(performed(mesh, one, "ladder"))
    await soon(mesh, lambda: bool(workers()))
    for worker in workers():
        worker.kill()
    failed = (await running).failed
    assert "SIGKILL" in failed.message
    assert failed.retryable
    assert (await performed(mesh, quick, "quick")).last_frame.frame_asset_id
    again = work(ladder=step_service_pb2.LadderWork(clip_asset_ids=[asset_id], duration_seconds=1.0, rungs=[240]))
    assert (await performed(mesh, again, "ladder")).WhichOneof("result") == "ladder"


async def test_a_clip_that_is_gone_fails_the_step_for_good(mesh: Mesh) -> None:
    gone = step_service_pb2.LastFrameWork(clip_asset_id=str(uuid.UUID(int=5)))
    ended = await performed(mesh, work(last_frame=gone), "quick")
    assert "a clip is gone" in ended.failed.message
    assert not ended.failed.retryable


async def test_a_step_that_is_not_to_be_taken_is_forgotten(mesh: Mesh, clip: bytes) -> None:
    unknown = str(uuid.UUID(int=9))
    task = task_pb2.MediaTask(step_id=unknown)
    await mesh.bus.publish("task.media.quick", task.SerializeToString(), message_id="unknown-step")
    asset_id = await mesh.put(clip)
    await performed(mesh, work(last_frame=step_service_pb2.LastFrameWork(clip_asset_id=asset_id)), "quick")
    # The orchestrator hears of an end before NATS does.
    await bus_work.until(mesh.chassis.clock, lambda: bus_work.nothing_left(mesh.bus, "media-quick"))
    assert mesh.book.begun.count(unknown) == 1


async def test_nonsense_becomes_a_dead_letter(mesh: Mesh) -> None:
    await mesh.bus.publish("task.media.quick", b"\xff\xff nonsense", message_id="nonsense")
    await bus_work.until(mesh.chassis.clock, mesh.bus.dead_letters, WAIT_SECONDS)
    letters = await mesh.bus.dead_letters()
    assert letters[0].reason == "not a MediaTask"


async def test_progress_is_heard(mesh: Mesh, clip: bytes) -> None:
    asset_id = await mesh.put(clip)
    one = work(ladder=step_service_pb2.LadderWork(clip_asset_ids=[asset_id], duration_seconds=1.0, rungs=[240]))
    async with mesh.bus.hear(f"progress.{one.generation_id}") as notes:
        await performed(mesh, one, "ladder")
        note = task_pb2.ProgressNote.FromString((await anext(notes)).payload)
    assert 0 <= note.progress_percent <= 100
    assert note.activity


async def test_the_lease_names_the_run_at_work_and_is_followed_by_another_when_it_lapses(
    mesh: Mesh, clip: bytes
) -> None:
    first = mesh.book.renewals[0].worker_id
    mesh.book.lapsed.add(first)
    await soon(mesh, lambda: mesh.book.renewals[-1].worker_id != first)
    asset_id = await mesh.put(clip)
    one = work(ladder=step_service_pb2.LadderWork(clip_asset_ids=[asset_id], duration_seconds=2.0, rungs=[480, 240]))
    await performed(mesh, one, "ladder")
    assert any(list(renewal.step_tokens) == [one.token] for renewal in mesh.book.renewals)


class TestReferences:
    async def test_an_image_is_cleaned_and_stored(self, mesh: Mesh) -> None:
        upload = await mesh.put(picture(), asset_pb2.ASSET_KIND_REFERENCE)
        reference = str(mesh.chassis.ids.fresh())
        stub = media_service_pb2_grpc.MediaServiceStub(mesh.media)
        answer = await stub.PrepareReference(
            media_service_pb2.PrepareReferenceRequest(upload_asset_id=upload, reference_asset_id=reference)
        )
        known, content = await mesh.read(answer.asset.id)
        assert (known.id, known.tenant_id, known.width, known.height) == (reference, "tenant", 320, 200)
        assert known == answer.asset
        assert known.HasField("expire_time")
        assert PIL.Image.open(io.BytesIO(content)).size == (320, 200)

    async def test_what_is_no_image_is_refused_with_a_way_out(self, mesh: Mesh) -> None:
        upload = await mesh.put(b"GIF89a" + b"\x00" * 100, asset_pb2.ASSET_KIND_REFERENCE)
        stub = media_service_pb2_grpc.MediaServiceStub(mesh.media)
        request = media_service_pb2.PrepareReferenceRequest(
            upload_asset_id=upload, reference_asset_id=str(mesh.chassis.ids.fresh())
        )
        with pytest.raises(errors.BrokenMedia, match="JPEG, PNG or WebP"):
            await stub.PrepareReference(request)

    async def test_a_clip_is_measured(self, mesh: Mesh, clip: bytes) -> None:
        asset_id = await mesh.put(clip)
        stub = media_service_pb2_grpc.MediaServiceStub(mesh.media)
        facts = await stub.ProbeClip(media_service_pb2.ProbeClipRequest(asset_id=asset_id))
        assert (facts.width, facts.height, facts.audio) == (640, 480, True)
        assert abs(facts.duration_seconds - 2.0) < 0.1

    async def test_a_clip_that_cannot_be_decoded_is_refused(self, mesh: Mesh) -> None:
        asset_id = await mesh.put(b"not a video at all" * 100)
        stub = media_service_pb2_grpc.MediaServiceStub(mesh.media)
        with pytest.raises(errors.BrokenMedia, match="not an MP4"):
            await stub.ProbeClip(media_service_pb2.ProbeClipRequest(asset_id=asset_id))


async def test_a_sheet_of_frames_is_drawn_and_nothing_is_kept(mesh: Mesh, clip: bytes) -> None:
    asset_id = await mesh.put(clip)
    drawn = await _drawn(mesh, asset_id, media_service_pb2.PICTURE_KIND_SPRITESHEET)
    assert drawn.content_type == "image/jpeg"
    sheet = PIL.Image.open(io.BytesIO(drawn.content))
    assert (sheet.format, sheet.size) == ("JPEG", (4 * 256, 4 * 192))
    # The clip moves: its first frame and one of its middle differ.
    first, later = sheet.crop((0, 0, 256, 192)), sheet.crop((0, 2 * 192, 256, 3 * 192))
    assert first.tobytes() != later.tobytes()


async def test_a_still_is_drawn_as_webp(mesh: Mesh) -> None:
    asset_id = await mesh.put(picture(), asset_pb2.ASSET_KIND_THUMBNAIL)
    drawn = await _drawn(mesh, asset_id, media_service_pb2.PICTURE_KIND_THUMBNAIL)
    image = PIL.Image.open(io.BytesIO(drawn.content))
    assert (drawn.content_type, image.format, image.size) == ("image/webp", "WEBP", (320, 200))


async def test_a_picture_of_what_is_none_or_not_there_is_refused(mesh: Mesh, clip: bytes) -> None:
    video, still = await mesh.put(clip), await mesh.put(picture())
    thumbnail, sheet = media_service_pb2.PICTURE_KIND_THUMBNAIL, media_service_pb2.PICTURE_KIND_SPRITESHEET
    with pytest.raises(errors.BrokenMedia):
        await _drawn(mesh, video, thumbnail)
    with pytest.raises(errors.BrokenMedia):
        await _drawn(mesh, still, sheet)
    with pytest.raises(errors.NotFound):
        await _drawn(mesh, str(uuid.UUID(int=9)), sheet)
    with pytest.raises(errors.InvalidArgument):
        await _drawn(mesh, still, media_service_pb2.PICTURE_KIND_UNSPECIFIED)


async def _drawn(
    mesh: Mesh, asset_id: str, kind: media_service_pb2.PictureKind
) -> media_service_pb2.DrawPictureResponse:
    stub: media_service_pb2_grpc.MediaServiceAsyncStub = media_service_pb2_grpc.MediaServiceStub(mesh.media)
    return await stub.DrawPicture(media_service_pb2.DrawPictureRequest(asset_id=asset_id, kind=kind))
