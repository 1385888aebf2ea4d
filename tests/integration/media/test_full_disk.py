"""A disk without room fails no step: it is done when there is room again."""

import contextlib
import io
import pathlib
from collections.abc import Iterator

import PIL.Image
import pytest
from reelmesh.mesh.v1 import media_service_pb2, media_service_pb2_grpc, step_service_pb2, task_pb2
from reelmesh_kit import errors

from tests.integration.media.conftest import Mesh
from tests.integration.media.test_service import soon, work
from tests.support import disks, requirements
from tests.unit.media import clips

DISK_BYTES = 8 * 1024 * 1024


@contextlib.contextmanager
def small(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Let a folder be a disk of its own, with room yet."""
    try:
        with disks.mounted(folder, DISK_BYTES):
            yield folder
    except disks.Absent as absent:
        requirements.missing("small_disk", str(absent))


async def sent(mesh: Mesh, clip_asset_id: str) -> str:
    """Have the last frame of a clip taken; return the step's id."""
    one = work(last_frame=step_service_pb2.LastFrameWork(clip_asset_id=clip_asset_id))
    mesh.book.works[one.step_id] = one
    task = task_pb2.MediaTask(step_id=one.step_id, generation_id=one.generation_id)
    await mesh.bus.publish("task.media.quick", task.SerializeToString(), message_id="1")
    return one.step_id


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return clips.make(tmp_path_factory.mktemp("clips") / "clip.mp4", clips.Spec(width=160, height=90)).read_bytes()


async def test_a_step_waits_for_room_to_work_in(mesh: Mesh, clip: bytes, tmp_path: pathlib.Path) -> None:
    asset_id = await mesh.put(clip)
    with small(tmp_path / "scratch") as scratch:
        disks.fill(scratch)
        step_id = await sent(mesh, asset_id)
        await soon(mesh, lambda: len(mesh.book.begun) > 1)
        assert mesh.book.results == {}
        disks.free(scratch)
        await soon(mesh, lambda: step_id in mesh.book.results)
    assert mesh.book.results[step_id].WhichOneof("result") == "last_frame"


async def test_a_step_waits_for_room_for_its_result(mesh: Mesh, clip: bytes, tmp_path: pathlib.Path) -> None:
    with small(tmp_path / "assets") as assets:
        (assets / ".uploads").mkdir()
        asset_id = await mesh.put(clip)
        disks.fill(assets)
        step_id = await sent(mesh, asset_id)
        await soon(mesh, lambda: len(mesh.book.begun) > 1 or step_id in mesh.book.results)
        assert mesh.book.results == {}
        disks.free(assets)
        await soon(mesh, lambda: step_id in mesh.book.results)
    assert mesh.book.results[step_id].WhichOneof("result") == "last_frame"


async def test_who_asks_is_told(mesh: Mesh, tmp_path: pathlib.Path) -> None:
    file = io.BytesIO()
    PIL.Image.new("RGB", (64, 64)).save(file, "PNG")
    upload = await mesh.put(file.getvalue())
    request = media_service_pb2.PrepareReferenceRequest(
        upload_asset_id=upload, reference_asset_id=str(mesh.chassis.ids.fresh())
    )
    media = media_service_pb2_grpc.MediaServiceStub(mesh.media)
    with small(tmp_path / "scratch") as scratch:
        disks.fill(scratch)
        with pytest.raises(errors.StorageFull, match="no room left"):
            await media.PrepareReference(request)
        disks.free(scratch)
        await media.PrepareReference(request)
